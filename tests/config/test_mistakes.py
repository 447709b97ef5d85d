"""Every kind of mistake: the whole report that an operator gets, with line, column, carets and hint.

The reports stand beside the files: `mistakes/NAME.toml` and `mistakes/NAME.txt`. After a deliberate change of words,
`TOLLWAY_WRITE_REPORTS=1 pytest tests/config/test_mistakes.py` writes them anew; read the difference before keeping it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.config.setting import CANARY, resolve_hook
from tollway.config import api as config
from tollway.errors import ConfigError
from tollway.policy.load import HookRegistry

MISTAKES = Path(__file__).parent / "mistakes"
CASES = sorted(MISTAKES.glob("*.toml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.stem))
def test_report(case: Path, folder: Path) -> None:
    shutil.copy(case, folder / "tollway.toml")
    before = sorted(folder.iterdir())
    found = config.check(Path("tollway.toml"), resolve_hook=resolve_hook, resolve_adapter=HookRegistry().adapter)
    report = config.render(found)
    expected = case.with_suffix(".txt")
    if os.environ.get("TOLLWAY_WRITE_REPORTS"):
        expected.write_text(report)
    assert report == expected.read_text()
    assert CANARY not in report
    assert sorted(folder.iterdir()) == before, "check must create no file"


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.stem))
def test_load_agrees_with_check(case: Path, folder: Path) -> None:
    shutil.copy(case, folder / "tollway.toml")
    path, adapter = Path("tollway.toml"), HookRegistry().adapter
    found = config.check(path, resolve_hook=resolve_hook, resolve_adapter=adapter)
    if any(one.severity == "error" for one in found):
        with pytest.raises(ConfigError) as caught:
            config.load(path, resolve_hook=resolve_hook, resolve_adapter=adapter)
        assert list(caught.value.diagnostics) == found
        assert str(caught.value) == config.render(found)
    else:
        assert list(config.load(path, resolve_hook=resolve_hook, resolve_adapter=adapter).warnings) == found


@pytest.mark.usefixtures("folder")
def test_missing_file() -> None:
    found = config.check(Path("absent.toml"))
    assert config.render(found) == (
        "error[unreadable-file]: the file cannot be read: no such file or directory\n"
        " --> absent.toml:1:1\n"
        "  = help: check the path; `tollway serve` without --config needs no file\n"
        "\n"
        "1 error\n"
    )


@pytest.mark.usefixtures("folder")
def test_folder_instead_of_a_file() -> None:
    [found] = config.check(Path("folder"))
    assert (found.code, found.message) == ("unreadable-file", "the file cannot be read: it is a folder")


def test_every_kind_has_a_case() -> None:
    """A diagnostic's code that no report shows would be a mistake that no test has made."""
    sources = Path(config.__file__).parent.glob("*.py")
    codes = set()
    for source in sources:
        codes |= _codes(source.read_text())
    shown = "".join(case.with_suffix(".txt").read_text() for case in CASES)
    untested = {code for code in codes if f"[{code}]" not in shown}
    # Tested in test_secrets.py, and in tests/clouds.
    assert untested == {"unwritable-file", "missing-extra"}


def _codes(source: str) -> set[str]:
    call = r"(?:error|warning|fault|SecretError)"
    return set(re.findall(call + r'\(\s*(?:"(?:error|warning)", )?"([a-z]+-[a-z-0-9]+)"', source))


def test_json_is_stable(write: Callable[[str], Path]) -> None:
    path = write('[server]\nmax_bdy = "1KiB"\n')
    assert [one.to_json() for one in config.check(path)] == [
        {
            "file": "tollway.toml",
            "line": 2,
            "column": 1,
            "severity": "error",
            "code": "unknown-key",
            "message": "unknown key `max_bdy` in [server]",
            "hint": "did you mean `max_body`?",
        }
    ]


def test_color_only_adds_escapes(write: Callable[[str], Path]) -> None:
    found = config.check(write('[server]\nmax_bdy = "1KiB"\n'))
    colored = config.render(found, color=True)
    assert colored != config.render(found)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == config.render(found)


def test_repeated_warnings_are_counted(write: Callable[[str], Path]) -> None:
    path = write("".join(f"[teams.t{number}]\nlimits = {{ rpm = 1 }}\n" for number in range(30)))
    report = config.render(config.check(path))
    assert report.count("warning[not-enforced]") == 10
    assert report.endswith("\n30 warnings (20 repeated, not shown)\n")
