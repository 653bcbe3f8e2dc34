"""What the documents tell people to type exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import typer

from cinefold.cli.commands import app as commands_of_cinefold

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
    program = typer.main.get_command(commands_of_cinefold)
    for line in commands:
        command, words = program, iter(line.split())
        while hasattr(command, "commands"):
            command = command.commands[next(words)]
        options = {"--help", *(name for option in command.params for name in option.opts)}
        options |= {name for option in command.params for name in option.secondary_opts}
        assert set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", line)) <= options, f"cinefold {line}"


def test_python_is_python():
    blocks = found(r"(?s)```python\n(.+?)```")
    assert blocks
    for block in blocks:
        ast.parse(block)


def test_environment_variables_are_read():
    sources = [*(ROOT / "src").rglob("*.py"), *(ROOT / "native").rglob("*.cpp")]
    code = "".join(source.read_text(encoding="utf-8") for source in sources)
    variables = found(r"CINEFOLD_[A-Z0-9_]+")
    assert variables
    assert variables <= set(re.findall(r"CINEFOLD_[A-Z0-9_]+", code))
