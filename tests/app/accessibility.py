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


_SMALL_TARGETS = """() => {
    const hits = (element, x, y) => {
        const found = document.elementFromPoint(x, y);
        return element.contains(found) || element.closest('label')?.contains(found);
    };
    const small = [];
    const main = document.querySelector('[data-testid=stMain]');
    for (const element of main.querySelectorAll('button, a, [role=radio], [role=slider]')) {
        if (element.closest('p') || !element.checkVisibility()) continue;
        element.scrollIntoView({block: 'center'});
        const {x, y, width, height} = element.getBoundingClientRect();
        const [middle, centre] = [x + width / 2, y + height / 2];
        const wide = width >= 24
            || hits(element, middle - 11, centre) && hits(element, middle + 11, centre);
        const high = height >= 24
            || hits(element, middle, centre - 11) && hits(element, middle, centre + 11);
        if (!wide || !high) {
            const name = element.ariaLabel || element.innerText || element.outerHTML.slice(0, 120);
            small.push(`${name}: ${width} by ${height}`);
        }
    }
    return small;
}"""


def small_targets(page: Page) -> list[str]:
    """What is less than 24 pixels wide or high to a finger (WCAG 2.5.8), but for links in text."""
    small: list[str] = page.evaluate(_SMALL_TARGETS)
    return small
