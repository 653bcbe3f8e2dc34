"""What AppTest drew, as a person reads it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

_DIRECTIVE = re.compile(r"(?<!\\):[a-z-]+\[((?:\\.|[^\]\\])*)\]")
_PICTURE = re.compile(r"^!\[\]\([^)]*\)")
_MARKDOWN = MarkdownIt()


def plain(markdown: str) -> str:
    """The text that Markdown with Streamlit's directives shows, beside a movie's picture or not."""
    markdown = _PICTURE.sub("", markdown)
    while _DIRECTIVE.search(markdown):
        markdown = _DIRECTIVE.sub(r"\1", markdown)
    tokens = [token for block in _MARKDOWN.parse(markdown) for token in block.children or ()]
    text = "".join("\n" if token.type == "hardbreak" else token.content for token in tokens)
    return text.replace("\u2060", "")


def texts(page: AppTest) -> list[str]:
    """All Markdown of a page, as text."""
    return [plain(element.value) for element in page.markdown]


def cards(page: AppTest) -> list[str]:
    """The titles, with their years, of the recommendation cards, in order."""
    firsts = [text.split("\n")[0] for text in _recommendations(page)]
    return [plain(first).split(" ", 1)[1] for first in firsts]


def recommendations(page: AppTest) -> list[str]:
    """The text of the recommendation cards, in order."""
    return [plain(text) for text in _recommendations(page)]


def _recommendations(page: AppTest) -> list[str]:
    """Their Markdown: it begins with a picture and the rank, not the sign of one just rated."""
    ranked = re.compile(r"!\[\]\(.*\):primary\[\*\*\d")
    return [m.value for m in page.markdown if ranked.match(m.value)]


def no_errors(page: AppTest) -> AppTest:
    assert not page.exception, [error.value for error in page.exception]
    assert not page.error, [error.value for error in page.error]
    return page


def widget(elements: Any, label: str) -> Any:
    """The one widget of this label (AppTest itself finds them only by key)."""
    (found,) = [element for element in elements if element.label == label]
    return found
