"""What the documents tell people to type exists."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = {document.name: document.read_text(encoding="utf-8") for document in DOCUMENTS}


def found(pattern: str) -> set[str]:
    return {match for text in TEXT.values() for match in re.findall(pattern, text)}


def test_make_targets_exist():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert found(r"(?m)(?:^\$ |`)make ([a-z]+)") <= set(targets)


@pytest.mark.parametrize("name", TEXT)
def test_links_and_pictures_exist(name):
    folder = next(document.parent for document in DOCUMENTS if document.name == name)
    for target in re.findall(r"\]\(([^)#:]+)\)", TEXT[name]):
        assert (folder / target).exists(), target


def test_commands_and_their_options_exist():
    commands = found(r"(?m)^\$ cinefold (.+?)(?:  +#.*)?$")
    assert commands
    wide = {**os.environ, "COLUMNS": "200"}  # no name is cut short
    for command in commands:
        words = re.match(r"((?:[a-z][a-z-]* ?)+)", command)[1].split()
        words = words[:2] if words[0] in ("data", "profiles") else words[:1]
        run = [sys.executable, "-c", "from cinefold.cli import main; main()", *words, "--help"]
        shown = subprocess.run(
            run, env=wide, capture_output=True, text=True, check=True, timeout=PATIENCE
        ).stdout
        shown = re.sub(r"\x1b\[[\d;]*m", "", shown)  # colours, where they are asked for
        for option in re.findall(r"(?<!\S)--?[a-z][a-z-]*", command):
            assert option in shown, f"cinefold {command}"


def test_python_is_python():
    blocks = found(r"(?s)```python\n(.+?)```")
    assert blocks
    for block in blocks:
        ast.parse(block)


def test_environment_variables_are_read():
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "native").glob("*.cpp")]
    code = "".join(source.read_text(encoding="utf-8") for source in sources)
    for variable in found(r"CINEFOLD_[A-Z0-9_]+"):
        assert variable in code
