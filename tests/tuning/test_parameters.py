from __future__ import annotations

import json

import pytest

from cinefold.tuning import read_parameters, write_parameters

GOOD = {"n_factors": 12, "target": "binary", "regularization": 0.25}


def test_what_is_written_is_read(tmp_path):
    file = tmp_path / "best.json"
    run = {"n_threads": 2, "random_state": 5}
    write_parameters(file, GOOD | run, {"value": 0.5})
    assert read_parameters(file) == GOOD
    content = json.loads(file.read_text())
    assert content["format"] == "cinefold-parameters 1"
    assert content["tuning"] == {"value": 0.5}
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_may_be_written_by_hand(tmp_path):
    file = tmp_path / "mine.json"
    file.write_text('{"parameters": {"n_factors": 7}}')
    assert read_parameters(file) == {"n_factors": 7}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("n_factors: 7", "is no JSON file"),
        ("\x00", "is no JSON file"),
        ("[]", "has no parameters; it should hold"),
        ('{"n_factors": 7}', "has no parameters; it should hold"),
        ('{"parameters": {"factors": 7}}', "'factors' is no parameter; there are n_factors"),
        ('{"parameters": {"n_threads": 7}}', "'n_threads' is no parameter"),
        ('{"parameters": {"n_factors": 0}}', "n_factors must be from 1"),
        ('{"parameters": {"n_factors": "many"}}', "n_factors must be an integer, not 'many'"),
        ('{"parameters": {"alpha": NaN}}', "alpha must be finite"),
        ('{"format": "other 2", "parameters": {}}', "has the format 'other 2'"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_name(tmp_path, content, message):
    file = tmp_path / "bad.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_parameters(file)
    assert str(file) in str(caught.value)
