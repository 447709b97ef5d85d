"""Every block of README.md that is marked to be run does run, in order, as a reader would (see readme.py)."""

from pathlib import Path

import pytest

from tests.house.readme import Block, Session, blocks

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(600)
def test_the_readme_runs(tmp_path: Path) -> None:
    folder = tmp_path / "reader"
    folder.mkdir()
    marked = blocks((ROOT / "README.md").read_text())
    assert any(block.task == "sh run" for block in marked)
    with Session(folder, ROOT) as session:
        for block in marked:
            session.run(block)


def test_blocks_are_found_with_their_lines() -> None:
    page = "# A\n```sh\nnot run\n```\n\n```sh run\necho a\n```\n```toml save=a.toml\nb = 1\n```\n"
    assert blocks(page) == [Block(6, "sh run", "echo a\n"), Block(9, "toml save=a.toml", "b = 1\n")]


@pytest.mark.parametrize("mark", ["sh rum", "python serve", "toml save=../a"])
def test_an_unknown_mark_is_an_error(mark: str) -> None:
    with pytest.raises(ValueError, match="line 1"):
        blocks(f"```{mark}\n```\n")


def test_blocks_share_a_folder_variables_and_files(tmp_path: Path) -> None:
    page = """
```toml save=a.toml
b = 1
```
```sh run
mkdir inner && cd inner
export WORD="two words"
```
```sh run
cat <<END > seen
$WORD in $(basename "$PWD"): $(cat ../a.toml)
END
cd ..
```
```python run
import os
open("from_python", "w").write(os.environ["WORD"])
```
"""
    folder = tmp_path / "reader"
    folder.mkdir()
    with Session(folder, ROOT) as session:
        for block in blocks(page):
            session.run(block)
    assert (folder / "inner/seen").read_text() == "two words in inner: b = 1\n"
    assert (folder / "from_python").read_text() == "two words"


def test_a_command_that_fails_in_the_middle_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "reader"
    folder.mkdir()
    with Session(folder, ROOT) as session, pytest.raises(AssertionError, match="exit 1"):
        session.run(Block(1, "sh run", "false\ntrue\n"))


def test_a_server_that_ends_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "reader"
    folder.mkdir()
    with pytest.raises(AssertionError, match="the gateway ended:\nno"), Session(folder, ROOT) as session:
        session.run(Block(1, "sh serve", "echo no\n"))
