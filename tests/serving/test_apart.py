from __future__ import annotations

import numpy as np
import pytest

from cinefold import load_movielens
from cinefold.profiles.importing import read_export, review_for
from cinefold.recommender.movie_map import lay_out
from cinefold.serving.apart import lay_out_apart, review_apart
from cinefold.serving.background import JobError
from tests.profiles.importing.exports import letterboxd


@pytest.fixture
def data(archive):
    return load_movielens(path=archive.path)


def test_a_map_laid_out_apart_is_the_same():
    directions = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    done = []
    apart = lay_out_apart(directions, progress=done.append)
    np.testing.assert_array_equal(apart, lay_out(directions))
    assert done == sorted(done)
    assert done[-1] == 1


def test_a_review_made_apart_is_the_same(data):
    movies = list(data.movies)[:8]
    rows = [(movie.title, movie.year or "", 4) for movie in movies]
    content = letterboxd(*rows, (movies[0].title[:-1] + "x", "", 2), ("Nobody Knows", 1931, 5))
    told = []
    apart = review_apart(data, content, "mine.csv", lambda *counts: told.append(counts))
    here = review_for(data, read_export(content, name="mine.csv"))
    assert apart.export == here.export
    assert apart.summary() == here.summary()
    assert [line.candidates for line in apart.lines] == [line.candidates for line in here.lines]
    assert apart.ratings() == here.ratings()
    assert told
    assert told[-1][0] == told[-1][1]


def test_why_a_file_cannot_be_reviewed_is_said(data):
    with pytest.raises(JobError, match=r"mine\.csv is empty"):
        review_apart(data, b"", "mine.csv", lambda *_: None)


def test_nobody_works_for_one_who_has_left(data):
    def leave(*_):
        raise GeneratorExit

    content = letterboxd(*((f"A film {number}", 1980, 3) for number in range(3000)))
    with pytest.raises(GeneratorExit):
        review_apart(data, content, "mine.csv", leave)
