"""The Dockerfile's stages, run as commands (see dockerfile.py), and the started result."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.house.dockerfile import Engine, Stage, instructions, stages
from tests.house.gateway import addresses

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Dockerfile").read_text()
BUILD, INSTALL, RUNTIME = stages(TEXT)

CONFIGURATION = """
[server]
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"
secret = "env:TOLLWAY_SECRET"

[admin]
token = "env:TOLLWAY_ADMIN_TOKEN"

[providers.mock]
type = "mock"

[routes.mock]
provider = "mock"
model = "mock"

[keys.first]
secret = "env:FIRST_KEY"
"""
SECRETS = dict.fromkeys(("TOLLWAY_SECRET", "TOLLWAY_ADMIN_TOKEN", "FIRST_KEY"), "not-a-secret-but-long-enough")


@pytest.fixture(scope="module")
def engine() -> Engine:
    # In target/, at the same place each time, so that an unchanged tree is not compiled again.
    engine = Engine(ROOT, ROOT / "target" / "image")
    for stage in (BUILD, INSTALL):
        engine.run(stage)
        engine.keep(stage)
    engine.run(RUNTIME)
    return engine


@pytest.mark.timeout(900)
def test_the_image_starts_answers_its_health_check_and_drains(engine: Engine) -> None:
    configuration = engine.root / "etc/tollway/tollway.toml"
    configuration.parent.mkdir(parents=True)
    configuration.write_text(CONFIGURATION)
    command = [*engine.command(RUNTIME.last("ENTRYPOINT").value), *engine.command(RUNTIME.last("CMD").value)]
    environment = {**engine.environment, **SECRETS}
    program = engine.root / "opt/tollway/bin" / command[0]
    with subprocess.Popen(
        [program, *command[1:]],
        cwd=engine.workdir,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as gateway:
        try:
            data_plane = addresses(gateway)["data plane"]
            healthy = health_check({**environment, "TOLLWAY_HEALTH_URL": f"{data_plane}/health/live"})
            gateway.send_signal(signal.SIGTERM)
            assert gateway.wait(timeout=60) == 0
        finally:
            gateway.kill()
    assert healthy == 0
    assert health_check({**environment, "TOLLWAY_HEALTH_URL": f"{data_plane}/health/live"}) != 0


def health_check(environment: dict[str, str]) -> int:
    _, _, form = RUNTIME.last("HEALTHCHECK").value.partition("CMD ")
    return subprocess.run(
        json.loads(form), env=environment, stderr=subprocess.DEVNULL, timeout=30, check=False
    ).returncode


@pytest.mark.timeout(900)
def test_the_runtime_stage_holds_no_tools_and_a_folder_of_its_user(engine: Engine) -> None:
    programs = {path.name for path in (engine.root / "opt/tollway/bin").iterdir()}
    assert "tollway" in programs
    assert not {name for name in programs if name.startswith(("pip", "maturin", "cargo", "gcc", "cc"))}
    if os.geteuid() == 0:
        assert (engine.root / "var/lib/tollway").stat().st_uid == 10001


def test_the_runtime_stage_runs_nothing_and_is_not_root() -> None:
    user, _, group = RUNTIME.last("USER").value.partition(":")
    assert user.isdigit()
    assert group.isdigit()
    assert int(user) > 0
    assert not RUNTIME.has("RUN")
    assert isinstance(json.loads(RUNTIME.last("ENTRYPOINT").value), list)
    assert RUNTIME.last("EXPOSE").value.split() == ["8080", "8081"]


def test_the_virtual_environment_is_made_on_the_base_that_runs_it() -> None:
    assert INSTALL.base == RUNTIME.base
    assert "slim" in RUNTIME.base


def test_instructions_join_continued_lines_and_leave_comments_out() -> None:
    text = "# one\nRUN a \\\n# two\n  && b\n\nUSER 1\n"
    assert [(found.line, found.name, found.value) for found in instructions(text)] == [
        (2, "RUN", "a && b"),
        (6, "USER", "1"),
    ]


@pytest.mark.parametrize(
    ("stage", "complaint"),
    [
        ("RUN cat /etc/passwd", "name absolute paths through ENV"),
        ("RUN exit 3", "line 2"),
        ("COPY target target", ".dockerignore keeps back"),
        ("ONBUILD RUN true", "not known here"),
    ],
)
def test_a_stage_that_proves_nothing_is_refused(tmp_path: Path, stage: str, complaint: str) -> None:
    [only] = stages(f"FROM x AS y\n{stage}\n")
    assert isinstance(only, Stage)
    with pytest.raises((AssertionError, ValueError), match=complaint):
        Engine(ROOT, tmp_path).run(only)


def test_absolute_paths_are_moved_under_the_folder(tmp_path: Path) -> None:
    text = """
        FROM x AS y
        ENV A=/opt/a B=http://h/b
        ENV PATH=/opt/a/bin:$PATH
        WORKDIR /w
        RUN mkdir -p "$A" && pwd > "$A/w"
    """
    engine = Engine(ROOT, tmp_path)
    [only] = stages(text)
    engine.run(only)
    assert (tmp_path / "root/opt/a/w").read_text().strip() == str(tmp_path / "root/w")
    assert engine.environment["B"] == "http://h/b"
    assert engine.environment["PATH"].startswith(f"{tmp_path}/root/opt/a/bin:{tmp_path}/bin:")
