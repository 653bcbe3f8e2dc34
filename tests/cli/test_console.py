from __future__ import annotations

import json

import pytest

from cinefold.cli import console

# What a terminal would obey: colours, the title of its window, a link; a C1 control; a line that is
# overwritten; text that runs the other way; a byte of a file's name that is no UTF-8.
HOSTILE = "a\x1b[31mb\x1b]0;c\x07\x9b2Jd\re\u202ef\udcffg\x7f"
SHOWN = "a\\u001b[31mb\\u001b]0;c\\u0007\\u009b2Jd\\u000de\\u202ef\\udcffg\\u007f"


@pytest.mark.parametrize(
    "text", ["Amélie", "千と千尋", "می\u200cخواهم", "two\nlines", "👩\u200d🚀"]
)
def test_text_is_displayed_as_it_is(text):
    assert console.displayed(text) == text


@pytest.fixture(autouse=True)
def not_quiet(monkeypatch):
    """Whatever a command of another test has said."""
    monkeypatch.setattr(console.settings, "quiet", False)


def test_nothing_steers_the_terminal(capsys):
    console.show(HOSTILE)
    console.print_table([HOSTILE], [[HOSTILE]], title=HOSTILE)
    console.print_json({HOSTILE: HOSTILE})
    out = capsys.readouterr().out
    assert out.count(SHOWN) == 4  # JSON has escapes of its own for some
    assert console.displayed(out) == out
    console.say(HOSTILE)
    console.complain(HOSTILE, HOSTILE)
    on_one_line = SHOWN.replace("\\u000d", " ")
    assert capsys.readouterr().err == f"{SHOWN}\ncinefold: {on_one_line} ({SHOWN})\n"


def test_json_comes_back_as_it_was():
    assert json.loads(console.to_json([HOSTILE])) == [HOSTILE]


def test_names_of_emoji_are_text(capsys):
    console.show(":smile: [bold]x[/bold]")
    console.print_table([":smile:"], [[":smile:"]], title=":smile:")
    assert capsys.readouterr().out.count(":smile:") == 4


def test_text_for_programs_is_as_it_is_unless_a_terminal_shows_it(capsys, monkeypatch):
    text = HOSTILE.replace("\udcff", "")
    console.print_text(text)
    assert capsys.readouterr().out == text
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    console.print_text(text)
    assert capsys.readouterr().out == SHOWN.replace("\\udcff", "")


def test_a_warning_is_one_line_without_its_place(capsys):
    console.say_warning(UserWarning("a\n\x1b[2Jb"), UserWarning, "place.py", 3, file=None)
    assert capsys.readouterr().err == "a \\u001b[2Jb\n"


def test_a_complaint_is_one_line_of_some_length(capsys):
    console.complain("a\nb. " + "c" * 10_000)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("cinefold: a b. ccc")
    assert len(line) < 2100
