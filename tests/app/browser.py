"""The real app, and a real browser to look at it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.waiting import PATIENCE, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
SCREENSHOTS = Path(__file__).parents[2] / "test-artifacts"
_MILLISECONDS_TO_ANSWER = 120_000
_NARROWER_THAN_A_TABLET = 640
_NAVIGATION = "[data-testid=stTopNavLink], [data-testid=stSidebarNavLink]"
_START = re.compile("^(For you|Rate three movies, get your list)$")
# Opened at the address of a page, Streamlit looks for its server below that first.
_LOOKED_FOR = ("/_stcore/health", "/_stcore/host-config")
# Streamlit closes its menu after a choice where it takes the browser for that of a phone.
_PHONE = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Mobile Safari/537.36"
)


@contextlib.contextmanager
def served(
    environment: dict[str, str], log: Path, *options: str, port: int | None = None
) -> Iterator[str]:
    """``cinefold app`` on a free port of this machine, or that one; gives its address."""
    port = port or free_port()
    script = Path(sys.executable).with_name("cinefold")
    run = [script] if script.exists() else ["-c", "from cinefold.cli import main; main()"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *run, "app", "--port", str(port), *options],
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(2):  # after the second answer the first round of its loop is over
                wait_until(lambda: _answers(address, process, log))
            yield address
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(PATIENCE)
            finally:
                process.kill()
                process.wait()


def _answers(address: str, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, f"the app did not start:\n{log.read_text(errors='replace')}"
    with (
        contextlib.suppress(OSError),
        urllib.request.urlopen(f"{address}/_stcore/health", timeout=30) as answer,  # noqa: S310
    ):
        return bool(answer.status == 200)
    return False


@dataclass
class Window:
    """A page of the browser, and what went wrong in it."""

    page: Page
    width: int
    troubles: list[str] = field(default_factory=list)

    def visit(self, title: str) -> None:
        """Another page, by the navigation."""
        expand = self.page.get_by_test_id("stExpandSidebarButton")
        if expand.is_visible():
            expand.click()
        pages = self.page.locator(_NAVIGATION)
        self.page.get_by_role("link", name=title, exact=True).and_(pages).click()
        heading = _START if title == "For you" else title
        self.page.get_by_role("heading", name=heading, exact=True).wait_for()

    def cards(self) -> list[str]:
        """The titles of the recommendation cards, with their years."""
        heads = self.page.locator(".st-key-recommendations p:first-child").all_inner_texts()
        texts = [head.replace("\u2060", "") for head in heads]
        return [text.split(" ", 1)[1] for text in texts if text.split(" ")[0].isdigit()]

    def settle(self) -> None:
        """Until the app has answered all that it was told, and nothing is drawn any more."""
        self.page.evaluate("window.restlessAt = performance.now()")
        self.page.wait_for_function(_QUIET)

    def picture(self, name: str) -> None:
        """A screenshot of the whole page, however long."""
        self.settle()
        SCREENSHOTS.mkdir(exist_ok=True)
        height = self.page.viewport_size["height"]
        long = self.page.get_by_test_id("stMain").evaluate("main => main.scrollHeight")
        self.page.set_viewport_size({"width": self.width, "height": max(height, long)})
        self.page.wait_for_timeout(200)
        self.page.screenshot(path=SCREENSHOTS / f"{name}-{self.width}.png")
        self.page.set_viewport_size({"width": self.width, "height": height})

    def check(self) -> None:
        """No error on the page or in the console, nothing wider than the window."""
        assert not self.page.get_by_test_id("stException").count()
        assert self.troubles == []
        main = self.page.get_by_test_id("stMain")
        assert main.evaluate("main => main.scrollWidth <= main.clientWidth")
        menu = self.page.get_by_test_id("stMainMenu").bounding_box()
        assert menu["x"] + menu["width"] <= self.width


# Streamlit shows that it is at work only after half a second. The last to come is the page's own
# script, which then keeps the history.
_QUIET = """() => {
    const still = document.querySelector('[data-test-script-state=notRunning]')
        && !document.querySelector('[data-stale=true]') && !window.unanswered
        && Object.hasOwn(history, 'pushState');
    if (!still) window.restlessAt = performance.now();
    return performance.now() - window.restlessAt > 300;
}"""
_NOTES_ANSWERS = """window.WebSocket = class extends WebSocket {
    constructor(...words) {
        super(...words);
        this.addEventListener('message', () => { window.unanswered = false; });
        this.addEventListener('close', () => { window.unanswered = false; });
    }
    send(message) {
        window.unanswered = true;
        super.send(message);
    }
};"""


def open_window(browser: Browser, width: int, scheme: str) -> Window:
    """A new window that notes console errors and requests to other machines."""
    phone = {"user_agent": _PHONE, "is_mobile": True, "has_touch": True}
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        **(phone if width < _NARROWER_THAN_A_TABLET else {}),
    )
    context.set_default_timeout(_MILLISECONDS_TO_ANSWER)
    context.add_init_script(_NOTES_ANSWERS)
    window = Window(context.new_page(), width)

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.location["url"].endswith(_LOOKED_FOR):
            window.troubles.append(f"console: {message.text}")

    def on_request(request: Request) -> None:
        if request.url.startswith("http") and not request.url.startswith("http://127.0.0.1:"):
            window.troubles.append(f"request: {request.url}")

    window.page.on("console", on_console)
    window.page.on("pageerror", lambda error: window.troubles.append(f"page: {error}"))
    window.page.on("request", on_request)
    return window
