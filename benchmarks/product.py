"""What the app and training take with a catalogue of MovieLens 32M's size: seconds and memory.

    python -m benchmarks.product                       # about 15 minutes on two cores, 3 GB of disk
    python -m benchmarks.product --ratings 1_000_000 --folder measured --only warm click

Ratings are invented (`benchmarks.synthetic`) and written as MovieLens' files, unless the folder has
them already. Each section has a new process. Memory is what no file backs: of the process and
those that it starts together, pages that are shared once; the kept ratings, mapped into memory, are
beside it in brackets, and not what the system caches of the disk besides.

  cold    the app's first start: until its first list, then until its model is finished
  train   `cinefold train`, and how much of it are fits
  warm    the app's second start
  click   what one waits for: a rating, lists, searches, an import, the map of 10,000 movies
  stream  reading Parquet, some row groups at a time, and a short fit, where memory is limited to a
          third of the whole table
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import polars as pl

from benchmarks.importing import World
from benchmarks.machine import say
from benchmarks.memory import _status
from benchmarks.synthetic import SIZES, Shape, columns

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME, _BLOCKS = "ml-32m", 16
_BACKED, _OURS = "Pss_File", ("Pss_Anon", "Pss_Shmem")
_QUERIES = ("t", "th", "the b", "bago coganil", "xqzzyv", "1994")


class Memory:
    """Bytes that this process and its children have had at most, looked at some times a second."""

    def __enter__(self) -> Self:
        self.most, self.mapped, self._over = 0, 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def __str__(self) -> str:
        return f"{self.most / 1e9:.2f} GB ({self.mapped / 1e9:.2f})"

    def _watch(self) -> None:
        while not self._over.wait(0.3):
            self.look()

    def look(self) -> None:
        found = [_pages(process) for process in (os.getpid(), *_children())]
        self.most = max(self.most, sum(pages[name] for pages in found for name in _OURS))
        self.mapped = max(self.mapped, sum(pages[_BACKED] for pages in found))


def _children() -> list[int]:
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):
            found += map(int, (task / "children").read_text().split())
    return found


def _pages(process: int) -> dict[str, int]:
    found = dict.fromkeys((_BACKED, *_OURS), 0)
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]:
            name, kilobytes, *_ = line.split()
            found[name.rstrip(":")] = 1024 * int(kilobytes)
    return found


class Timed:
    """Seconds that passed, and that processors worked: of this process and ended children."""

    def __enter__(self) -> Self:
        self._begun, self._worked = time.perf_counter(), _worked()
        return self

    def __exit__(self, *_: object) -> None:
        self.passed, self.worked = time.perf_counter() - self._begun, _worked() - self._worked

    def __str__(self) -> str:
        return f"{self.passed:8.2f} s {self.worked:8.2f} s"


def _worked() -> float:
    return sum(os.times()[:4])


def write(folder: Path, shape: Shape) -> None:
    """Ratings, movies and ids elsewhere, in the format of MovieLens 32M."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "ratings.csv").open("wb") as file:
        for number, block in enumerate(columns(shape, 0, _BLOCKS)):
            table = pl.DataFrame(
                {
                    "userId": block.users + 1,
                    "movieId": block.items + 1,
                    "rating": block.ratings,
                    "timestamp": block.timestamps,
                }
            )
            table.write_csv(file, include_header=number == 0)
    movies = World(shape.n_items).movies
    lines = [
        f'{m.id},"{m.title} ({m.year})",Drama|{"War" if m.id % 3 else "Comedy"}' for m in movies
    ]
    (folder / "movies.csv").write_text("\n".join(["movieId,title,genres", *lines, ""]))
    lines = [f"{m.id},{100_000 + m.id:07},{m.id}" for m in movies]
    (folder / "links.csv").write_text("\n".join(["movieId,imdbId,tmdbId", *lines, ""]))


# -- sections -------------------------------------------------------------------------------------


def cold() -> None:
    from cinefold.serving.state import Preparation

    with Timed() as finished, Memory() as in_all:
        with Timed() as first, Memory() as until_first:
            preparation = Preparation(_NAME)
            _wait(preparation)
        preparation.wait(threading.TIMEOUT_MAX)
    print(f"{'app, first start: first list':40} {first}   {until_first}")
    print(f"{'app, first start: model finished':40} {finished}   {in_all}")


def _folder() -> Path:
    return Path(os.environ["CINEFOLD_DATASET_PATH"])


def _wait(preparation: Any) -> None:
    while preparation.running:
        preparation.wait(0.05)
    if preparation.error is not None:
        raise preparation.error


def train() -> None:
    from cinefold import WeightedMatrixFactorization, load_movielens
    from cinefold.serving import training

    spent: dict[str, list[Timed]] = {}

    def timed(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def call(*arguments: Any, **options: Any) -> Any:
            with Timed() as seconds:
                outcome = original(*arguments, **options)
            spent.setdefault(name, []).append(seconds)
            return outcome

        setattr(owner, name, call)

    timed(WeightedMatrixFactorization, "fit")
    timed(training, "evaluate")
    with Timed() as whole, Memory() as memory, tempfile.TemporaryDirectory() as models:
        training.load_or_train(load_movielens(_NAME, path=_folder()), cache_dir=models)
    print(f"{'cinefold train':40} {whole}   {memory}")
    for name, what in {"fit": "fits", "evaluate": "ranking all users, for two models"}.items():
        passed, worked = (sum(getattr(s, f) for s in spent[name]) for f in ("passed", "worked"))
        print(f"{'  of these ' + what:40} {passed:8.2f} s {worked:8.2f} s")
    fits, ranked = (sum(s.worked for s in spent[name]) for name in ("fit", "evaluate"))
    print(f"{'  without the ranking, over the fits':40} {(whole.worked - ranked) / fits:8.2f}")


def warm() -> None:
    with Timed() as seconds, Memory() as memory:
        from cinefold.serving.state import Preparation

        preparation = Preparation(_NAME)
        _wait(preparation)
    print(f"{'app, second start: first list':40} {seconds}   {memory}")


def click() -> None:
    from streamlit import config
    from streamlit.testing.v1 import AppTest

    import cinefold.app
    from cinefold.app.shared.open_state import opened_state
    from cinefold.recommender.movie_map import movie_map
    from cinefold.serving.jobs import review_in_background

    config.set_option("runner.magicEnabled", False)  # as the app is served
    with Memory() as memory:
        page = AppTest.from_file(Path(cinefold.app.__file__).with_name("main.py")).run(timeout=600)
        state: Any = opened_state(_NAME)
        recommender, data = state.recommender, state.data
        counts = data.interactions.item_counts()
        best_known = data.interactions.item_ids[np.argsort(-counts)[:5]].tolist()
        ratings = dict.fromkeys(best_known, 4.0)

        def rate() -> None:
            given = [w for w in page.feedback if w.key.startswith("stars-suggested")]
            next(w for w in given if w.value is None).set_value(3).run(timeout=60)

        def draw_map() -> int:
            def flat(directions: Any, **_: Any) -> Any:
                return directions[:, :2].astype(float)

            return len(movie_map(recommender, max_movies=10_000, cache_dir=_folder(), layout=flat))

        lines = [f'"{m.title}",{m.year},4' for m in list(data.movies)[:60_000:30]]
        export = "\n".join(["Name,Year,Rating", *lines]).encode()
        steps: dict[str, Callable[[], object]] = {
            "a rating: the whole page drawn again": rate,
            "  of it, the list": lambda: recommender.recommend_for(ratings),
            "  of it, the next to rate": lambda: recommender.suggest_to_rate(ratings, 3),
            **{f"search: {q}": lambda q=q: data.movies.search(q) for q in _QUERIES},
            "like the best known movie": lambda: recommender.similar(best_known[0]),
            "beside the average user": lambda: state.population.compare(ratings),
            f"import of {len(lines):,} lines": lambda: review_in_background(
                data, export, "ratings.csv", lambda *_: None
            ),
            "the map of 10,000 movies, kept": draw_map,
        }
        for name, step in steps.items():
            step()  # what is made once
            each = []
            for _ in range(5):
                with Timed() as seconds:
                    step()
                each.append(seconds)
            print(f"{name:40} {sorted(each, key=lambda s: s.passed)[2]}")
    print(f"{'all of these':59}   {memory}")


def stream() -> None:
    from cinefold import WeightedMatrixFactorization, load_ratings

    file = _folder() / "ratings.parquet"
    if not file.exists():
        with ProcessPoolExecutor(1, get_context("spawn")) as other:
            other.submit(_write_wide, file).result()
    rows = pl.scan_parquet(file)
    n_rows = rows.select(pl.len()).collect().item()
    table = rows.head(10_000).collect().estimated_size() * n_rows / 10_000
    limit = int(_status("VmData") + table / 3)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    print(f"{n_rows:,} rows, a table of {table / 1e9:.1f} GB; data may take {limit / 1e9:.1f} GB")
    with Timed() as seconds, Memory() as memory:
        found = load_ratings(file).interactions
    print(f"{'Parquet, its row groups in turn':40} {seconds}   {memory}")
    with Timed() as seconds, Memory() as memory:
        WeightedMatrixFactorization(64, max_iter=2).fit(found, progress=False)
    print(f"{'  two iterations of 64 factors':40} {seconds}   {memory}")


def _write_wide(file: Path) -> None:
    """The ratings with ids of text, which sort otherwise than they come, and a text for each."""
    words = pl.concat_str(pl.lit("what user "), "userId", pl.lit(" says of movie "), "movieId")
    wide = {
        "userId": pl.format("user {}", "userId"),
        "movieId": pl.format("movie {}", "movieId"),
        "review": pl.concat_str([words] * 8, separator="; "),
    }
    rows = pl.scan_csv(file.with_name("ratings.csv")).with_columns(**wide)
    rows.sink_parquet(file, row_group_size=1 << 18)


def _start(environment: dict[str, str]) -> None:
    os.environ.update(environment)


SECTIONS: dict[str, Callable[[], None]] = {
    section.__name__: section for section in (cold, train, warm, click, stream)
}


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.product",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--ratings", type=int, default=SIZES[_NAME[3:]].n_ratings)
    parser.add_argument("--folder", type=Path, help="where files are kept, of all kinds")
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=list(SECTIONS))
    options = parser.parse_args(words)
    shape = SIZES[_NAME[3:]]
    shape = shape._replace(n_users=options.ratings // 159, n_ratings=options.ratings)
    with tempfile.TemporaryDirectory() as made:
        folder = (options.folder or Path(made)) / _NAME
        if not (folder / "links.csv").exists():
            say(f"writing {shape}")
            write(folder, shape)
        print(f"{shape}; seconds, processor seconds, memory; load {os.getloadavg()[0]:.1f}")
        environment = {
            "CINEFOLD_DATASET": _NAME,
            "CINEFOLD_DATASET_PATH": str(folder),
            "CINEFOLD_DATA_DIR": str(folder / "cache"),
            "CINEFOLD_DATABASE_URL": f"sqlite:///{folder / 'profiles.sqlite3'}",
            "CINEFOLD_BACKGROUND_PRIORITY": "normal",
        }
        for name in options.only:
            with ProcessPoolExecutor(1, get_context("spawn"), _start, (environment,)) as p:
                p.submit(SECTIONS[name]).result()


if __name__ == "__main__":
    main()
