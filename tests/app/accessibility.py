"""axe-core on a page as it is drawn, without the network: the script comes from a package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from playwright.sync_api import Page

_GRAVE = frozenset({"serious", "critical"})
_AXE = Axe()


def violations(page: Page) -> list[str]:
    """Serious and critical violations, as "rule: element: what is wrong"."""
    found = _AXE.run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{rule['id']}: {' '.join(node['target'])}: {_first_line(node)}: {node['html'][:160]}"
        for rule in found
        if rule["impact"] in _GRAVE
        for node in rule["nodes"]
    ]


def _first_line(node: dict[str, Any]) -> str:
    checks = [*node["any"], *node["all"], *node["none"]]
    return checks[0]["message"] if checks else ""


_SMALL_TARGETS = """size => {
    const hits = (element, x, y) => {
        const found = document.elementFromPoint(x, y);
        return element.contains(found) || element.closest('label')?.contains(found);
    };
    const small = [], reach = size / 2 - 1;
    const main = document.querySelector('[data-testid=stMain]');
    for (const element of main.querySelectorAll('button, a, summary, [role=radio]')) {
        if (element.closest('p, li') || !element.checkVisibility()) continue;
        element.scrollIntoView({block: 'center'});
        const {x, y, width, height} = element.getBoundingClientRect();
        const [middle, centre] = [x + width / 2, y + height / 2];
        const wide = width >= size
            || hits(element, middle - reach, centre) && hits(element, middle + reach, centre);
        const high = height >= size
            || hits(element, middle, centre - reach) && hits(element, middle, centre + reach);
        if (!wide || !high) {
            const name = element.ariaLabel || element.innerText || element.outerHTML.slice(0, 120);
            small.push(`${name}: ${width} by ${height}`);
        }
    }
    return small;
}"""


def small_targets(page: Page, size: int) -> list[str]:
    """What is less than `size` pixels wide or high to a finger, but for links in text."""
    small: list[str] = page.evaluate(_SMALL_TARGETS, size)
    return small
