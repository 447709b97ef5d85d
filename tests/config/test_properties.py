"""Any file whatever either loads or says where it is wrong: never another exception, and never a secret."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.config.setting import VARIABLES, pem, resolve_hook
from tollway.config import api as config
from tollway.errors import ConfigError

FULL = (Path(__file__).parent / "good" / "full.toml").read_text()
PIECES = [
    "",
    " ",
    "=",
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    ",",
    ".",
    "#",
    "\n",
    "\t",
    "\\",
    "\x00",
    "\x7f",
    "é",
    "日本",
    "\ufeff",
]
VALUES = ["0", "-1", "1e400", "nan", "inf", "true", "[]", "{}", '""', '"30s"', "2027-01-01", "9999999999999999999"]
REFERENCES = ['"env:NOPE"', '"file:pipe"', '"vault:x"', '"https://u:p@h/?q"', '"x:y:z"', '"""']
LINES = ["[[keys]]", "[routes.x]", 'type = "mock"', "targets = []"]
WORDS = PIECES + VALUES + REFERENCES + LINES


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """The full file with a few pieces cut, doubled, exchanged or replaced."""
    text = FULL
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.sampled_from([0, 1, 2, 5, 20, 200])))
        kind = draw(st.sampled_from(["replace", "double", "line", "value"]))
        if kind == "replace":
            text = text[:start] + draw(st.sampled_from(WORDS)) + text[end:]
        elif kind == "double":
            text = text[:end] + text[start:end] + text[end:]
        else:
            text = _in_line(draw, text, kind)
    return text


def _in_line(draw: st.DrawFn, text: str, kind: str) -> str:
    lines = text.split("\n")
    index = draw(st.integers(0, len(lines) - 1))
    if kind == "line":
        lines.insert(draw(st.integers(0, len(lines))), lines.pop(index))
    elif "=" in lines[index]:
        lines[index] = lines[index].partition("=")[0] + "= " + draw(st.sampled_from(WORDS))
    return "\n".join(lines)


def holds(data: bytes) -> None:
    """The promise, for a file of these bytes."""
    with TemporaryDirectory() as folder:
        base = Path(folder)
        for name, label in (("cert.pem", "CERTIFICATE"), ("ca.pem", "CERTIFICATE"), ("key.pem", "PRIVATE KEY")):
            (base / name).write_text(pem(label))
        (base / "closed.secret").write_text("0123456789abcdef0123")
        os.mkfifo(base / "pipe")
        path = base / "tollway.toml"
        path.write_bytes(data)
        found = config.check(path, resolve_hook=resolve_hook)
        lines = data.count(b"\n") + 1
        for one in found:
            assert 1 <= one.line <= lines
            assert one.column >= 1
            assert one.message
        report = config.render(found)
        assert all(letter.isprintable() or letter == "\n" for letter in report)
        if any(one.severity == "error" for one in found):
            with pytest.raises(ConfigError):
                config.build(path, resolve_hook=resolve_hook)
        else:
            config.build(path, resolve_hook=resolve_hook)


for _name in VARIABLES:
    os.environ.setdefault(_name, f"{_name}-0123456789abcdef")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutations())
def test_any_mutation_loads_or_names_its_line(text: str) -> None:
    holds(text.encode())


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbf[server]\r\nworkers = 1\r\n")
@example(b"a" * 100_000 + b"=1")
@example(b"a." * 5_000 + b"a=1")
@example(b"a=" + b"[" * 5_000)
@example(b"a=" + b"{a=" * 5_000)
@example(b"[[server]]\n[[server]]\n")
@example(b"[[routes]]\n[[keys]]\n[[providers]]\ntype='mock'\n")
@example(b"[providers]\nx = [{type='openai'}]\n")
@example(b"[routes.a]\ntargets = [[{}], {}, 3, {provider='x', model='y'}]\nrules = [{}, {when='x'}, 5]\n")
def test_any_bytes_load_or_name_their_line(data: bytes) -> None:
    holds(data)
