from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import cinefold.app
from tests.app.browser import CHROMIUM, FLAGS, open_window, served
from tests.synthetic import SyntheticArchive, write_archive
from tests.waiting import PATIENCE

st = pytest.importorskip("streamlit")
manifest_scanner = pytest.importorskip("streamlit.components.v2.manifest_scanner")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser
    from streamlit.testing.v1 import AppTest

    from tests.app.browser import Window

MAIN = Path(cinefold.app.__file__).with_name("main.py")

# As the app is served; pages that are parsed in threads can fail in Python 3.11.
st.config.set_option("runner.magicEnabled", False)
# Each AppTest looks through all installed packages for components: half of the time of many tests.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> SyntheticArchive:
    """The data set in a cache folder of its own; the models trained on it are cached there too."""
    return write_archive(tmp_path_factory.mktemp("cinefold-data"))


@pytest.fixture(scope="session")
def environment(archive: SyntheticArchive) -> dict[str, str]:
    """Variables with which Cinefold finds the data set and nothing else."""
    return {
        "CINEFOLD_DATA_DIR": str(archive.path.parent),
        "CINEFOLD_MOVIELENS_MD5": archive.md5,
        "CINEFOLD_MOVIELENS_URL": "http://127.0.0.1:9/",
        "CINEFOLD_DATABASE_URL": f"sqlite:///{archive.path.parent / 'profiles.sqlite3'}",
    }


@pytest.fixture
def open_page(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[..., AppTest]]:
    """A function that opens a page of a freshly started app, with query parameters."""
    from streamlit.testing.v1 import AppTest

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CINEFOLD_DATABASE_URL", f"sqlite:///{tmp_path / 'profiles.sqlite3'}")

    def open_(view: str, **query: str) -> AppTest:
        test = AppTest.from_file(MAIN, default_timeout=PATIENCE)
        for name, value in query.items():
            test.query_params[name] = value
        test.run()
        if view != "for_you":
            test.switch_page(f"{view}/page.py").run()
        return test

    st.cache_resource.clear()
    yield open_
    st.cache_resource.clear()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: apt install chromium)")
    sync_playwright = pytest.importorskip("playwright.sync_api").sync_playwright
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def address(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of an app that tests share."""
    with served(environment, tmp_path_factory.mktemp("app") / "app.log") as url:
        yield url


@pytest.fixture(params=[(1280, "light"), (390, "dark")], ids=["wide-light", "phone-dark"])
def window(browser: Browser, address: str, request: pytest.FixtureRequest) -> Iterator[Window]:
    opened = open_window(browser, *request.param)
    yield opened
    opened.page.context.close()


@pytest.fixture
def wide_window(browser: Browser) -> Iterator[Window]:
    opened = open_window(browser, 1280, "dark")
    yield opened
    opened.page.context.close()
