from __future__ import annotations

from benchmarks import importing
from cinefold.datasets import MovieCatalog
from cinefold.profiles.importing import read_export


def test_known_movies_are_found_and_unknown_ones_are_not():
    world = importing.World(300)
    catalog = MovieCatalog(world.movies)
    known = importing.measure(importing.letterboxd(world.known(200)), catalog)
    assert known["found"] + known["to check"] == 1
    assert known["found"] > 0.9
    unknown = importing.measure(importing.letterboxd(world.unknown(200)), catalog)
    assert unknown["missed"] > 0.5


def test_about_a_third_are_mistyped():
    world = importing.World(300)
    lines = read_export(importing.letterboxd(world.mistyped(900))).lines
    titles = {movie.title for movie in world.movies}
    assert 0.25 < sum(line.title not in titles for line in lines) / 900 < 0.4
    assert all(
        line.year is None
        for line in read_export(importing.letterboxd(world.without_years(20))).lines
    )


def test_the_table_has_a_line_for_each_file(capsys):
    importing.main(["--lines", "50", "--movies", "40", "60"])
    out = capsys.readouterr().out
    assert out.count("| 40 | 50 ") == out.count("| 60 | 50 ") == len(importing.KINDS)
