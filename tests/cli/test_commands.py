"""What is wrong with a command."""

from __future__ import annotations

import pytest

from cinefold import WeightedMatrixFactorization

TRAINING = ("ml-100k: ", "measuring the lists ")  # said where the default model is not kept yet


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["recommend"], "either --user or, for somebody new, --rate"),
        (["recommend", "--user", "7", "--rate", "Ohio, Ohio=4"], "either --user or"),
        (["recommend", "--user", "999"], "unknown user: 999; the 60 users here are from 1 to 60"),
        (["recommend", "--user", "bob"], "unknown user: bob; the 60 users here are from 1 to 60"),
        (["recommend", "--user", "7", "-k", "0"], "'-k'"),
        (["recommend", "--user", "7", "--genre", "Sifi"], "Sci-Fi"),
        (["recommend", "--user", "7", "--years", "nineties"], "'nineties' is not a range"),
        (["recommend", "--user", "7", "--years", "1999-1980"], "1999 to 1980"),
        (["recommend", "--user", "7", "--popularity", "0-200"], "0 to 200"),
        (["recommend", "--rate", "The Last Galaxy"], "'The Last Galaxy'"),
        (["recommend", "--rate", "The Last Galaxy=6"], "from 0.5 to 5, not"),
        (["recommend", "--rate", "The Last Galaxy=0"], "from 0.5 to 5, not"),
        (["recommend", "--rate", "The Last Galaxy=nan"], "from 0.5 to 5, not"),
        (["recommend", "--rate", "=4"], "'=4'"),
        (["recommend", "--rate", "Ohio, Ohio=4", "--rate", "ohio ohio=3"], "rated twice"),
        (["recommend", "--rate", "Double Bill=4"], "Double Bill (1941); Double Bill (1993)"),
        (["recommend", "--rate", "Last Galxy=4"], "The Last Galaxy (1950)"),
        (["recommend", "--user", "7", "--model", "/nowhere"], "/nowhere"),
        (["similar", "Double Bill"], "add the year"),
        (["train", "--regularization", "-1"], "--regularization"),
        (["train", "--n-factors", "3.5"], "'3.5' is neither an integer nor 'scale'"),
        (["train", "--target", "stars"], "--target"),
        (["train", "--validation", "1"], "--validation"),
        (["train", "--validation", "v.txt"], "'v.txt' is not a share"),
        (["tune", "--test", "v.txt"], "files with parts are for cinefold evaluate"),
        (["train", "--dataset", "ml-7"], "'ml-7'"),
        (["train", "--output", "/nowhere/model"], "/nowhere"),
        (["train", "--plot", "curve.gif"], "curve.gif"),
        (["train", "--nonsense"], "--nonsense"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_line_and_exit_code_2(cinefold, arguments, words):
    code, out, err = cinefold(*arguments)
    assert (code, out) == (2, "")
    (line,) = [line for line in err.splitlines() if not line.startswith(TRAINING)]
    assert line.startswith("cinefold: ")
    assert words in line


def test_wrong_commands_and_data_sets(cinefold):
    for arguments in (["nonsense"], ["data", "fetch", "ml-7"], ["data", "info", "ml-7"]):
        code, _, err = cinefold(*arguments, path=False)
        assert (code, len(err.splitlines())) == (2, 1)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"this is text", "it does not begin as a safetensors file does"),
        (b'{"parameters": {}}', "it is JSON, as files of parameters are, which --params takes"),
        (b"", "it does not begin as a safetensors file does"),
    ],
)
def test_a_file_that_is_no_model(cinefold, tmp_path, content, why):
    (tmp_path / "m").write_bytes(content)
    code, _, err = cinefold("recommend", "--user", 7, "--model", tmp_path / "m")
    assert code == 2
    assert f"not a Cinefold model or is damaged: {why}\n" in err


def test_a_model_of_other_movies(cinefold, tmp_path):
    other = WeightedMatrixFactorization(2, max_iter=1).fit(load_other_movies(), progress=False)
    other.save(tmp_path / "m")
    code, _, err = cinefold("recommend", "--user", 7, "--model", tmp_path / "m")
    assert code == 2
    assert "not trained on ml-100k" in err


def load_other_movies():
    from cinefold import Interactions

    return Interactions.from_arrays([1, 2], [5001, 5002], [3, 4])


def test_data_that_cannot_be_read_is_exit_code_1(cinefold, tmp_path):
    code, _, err = cinefold("recommend", "--user", 7, "--path", tmp_path, path=False)
    assert code == 1
    assert str(tmp_path) in err


def test_verbose_says_where_an_error_came_from(cinefold):
    code, _, err = cinefold("--verbose", "recommend", "--user", "7", "--genre", "Sifi")
    assert code == 2
    assert "Traceback" in err


def test_quiet_says_nothing_but_errors(cinefold):
    assert cinefold("--quiet", "recommend", "--user", "7")[2] == ""
    assert len(cinefold("--quiet", "recommend", "--user", "999")[2].splitlines()) == 1
