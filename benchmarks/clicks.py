"""How long a click on a star takes until the new list is drawn, whatever others do meanwhile.

    python -m benchmarks.clicks                     # alone, while somebody trains or imports
    python -m benchmarks.clicks --clicks 40 --only training

Two windows of a headless Chromium use one app with MovieLens 100K. One rates the movies that are
suggested; in the other one somebody trains a model of 256 factors, or imports 50,000 lines, again
and again. Both windows and the app share the machine. Needs Chromium, and `make test` before.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import numpy as np
from playwright.sync_api import sync_playwright
from tests.app.browser import CHROMIUM, FLAGS, open_window, served

from benchmarks.importing import KINDS, LINES, World, letterboxd
from cinefold import load_movielens
from cinefold.datasets import default_data_dir

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser
    from tests.app.browser import Window

CLICKS = 20
_TRAINING = (
    "train?train-n_factors=256&train-solver=exact&train-max_iter=100"
    "&train-unobserved_weight=0&train-regularization=0.1&train-regularization_exponent=0"
)
# Milliseconds from the click to the first and to the last change of the list.
_CLICK = """async seconds => {
    const list = () => document.querySelector(".st-key-recommendations")?.textContent ?? "";
    const row = document.querySelector("[class*=st-key-stars-suggested-]");
    let shown = list(), first = null, last = null;
    const start = performance.now();
    row.querySelectorAll("[role=radio]")[3].click();
    while (performance.now() < start + 1000 * seconds) {
        await new Promise(requestAnimationFrame);
        if (list() === shown) continue;
        shown = list();
        last = performance.now() - start;
        first ??= last;
    }
    return [first, last];
}"""
_SECONDS_TO_DRAW = 2.5


def archives(folder: Path) -> Path:
    """The data sets of the usual cache, in a folder that trainings may fill."""
    folder.mkdir()
    for file in default_data_dir().iterdir():
        if file.is_file():
            (folder / file.name).symlink_to(file)
    return folder


def wait(window: Window) -> None:
    window.page.wait_for_timeout(200)


def train(window: Window) -> None:
    """See to it that a training is under way."""
    page = window.page
    if "/train" not in page.url:
        page.goto(urljoin(page.url, _TRAINING))
    while not page.get_by_role("button", name="Stop and keep").is_visible():
        if page.get_by_role("button", name="Not now").is_visible():
            page.get_by_role("button", name="Not now").click()
        page.get_by_role("button", name="Train", exact=True).click()
        page.get_by_text("Iteration").or_(page.get_by_text("Starting")).first.wait_for()


def import_(file: Path) -> Callable[[Window], None]:
    """An import of `file` that has just begun."""

    def start(window: Window) -> None:
        page = window.page
        if "Import" not in page.url:
            page.goto(urljoin(page.url, "?way=Import"))
        page.locator("input[type=file]").wait_for(state="attached")
        if page.get_by_test_id("stFileUploaderDeleteBtn").count():
            page.locator(".st-key-import-save").wait_for()
            page.get_by_test_id("stFileUploaderDeleteBtn").get_by_role("button").click()
            page.locator(".st-key-import-save").wait_for(state="detached")
        page.locator("input[type=file]").set_input_files(file)

    return start


def measure(browser: Browser, address: str, clicks: int, busy: Callable[[Window], None]) -> None:
    rater, other = (open_window(browser, 1280, "light") for _ in range(2))
    for window in (rater, other):
        window.page.context.set_default_timeout(60_000)
        window.page.goto(f"{address}/")
        window.settle()
    rater.page.goto(f"{address}/")
    rater.page.locator("[class*=st-key-stars-suggested-]").nth(2).wait_for()
    rater.settle()
    rater.page.evaluate(_CLICK, _SECONDS_TO_DRAW)
    times = []
    for _ in range(clicks):
        busy(other)
        rater.page.wait_for_timeout(300)
        times.append(rater.page.evaluate(_CLICK, _SECONDS_TO_DRAW))
    for window in (rater, other):
        window.page.context.close()
    drawn = [(first, last) for first, last in times if last is not None]
    figures = " | ".join(
        f"{np.median(values):.0f} | {np.quantile(values, 0.9):.0f} | {max(values):.0f}"
        for values in zip(*drawn, strict=True)
    )
    print(f"{figures} | {len(times) - len(drawn)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.clicks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--clicks", type=int, default=CLICKS)
    parser.add_argument("--only", nargs="+")
    options = parser.parse_args()
    movies = list(load_movielens("ml-100k").movies)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        world = World(1)
        world.movies = movies
        files = {}
        for name in ("a third mistyped", "unknown"):
            files[name] = Path(folder, f"{name}.csv")
            files[name].write_bytes(letterboxd(KINDS[name](world, LINES)))
        environment = {
            "CINEFOLD_DATABASE_URL": f"sqlite:///{folder}/profiles.sqlite3",
            "CINEFOLD_DATA_DIR": str(archives(Path(folder, "data"))),
        }
        scenarios = {
            "nothing": wait,
            "training": train,
            "import, a third mistyped": import_(files["a third mistyped"]),
            "import, unknown": import_(files["unknown"]),
        }
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        print("| meanwhile | first change | 90 % | most | last change | 90 % | most | none |")
        print("|---|---|---|---|---|---|---|---|")
        for name, busy in scenarios.items():
            if options.only and not any(word in name for word in options.only):
                continue
            with served(environment, Path(folder, "log")) as address:
                print(f"| {name} | ", end="", flush=True)
                measure(browser, address, options.clicks, busy)
        browser.close()


if __name__ == "__main__":
    main()
