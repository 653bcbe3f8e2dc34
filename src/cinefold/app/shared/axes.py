"""Axes and tooltips of charts, in Altair."""

from collections.abc import Mapping
from typing import Any

import altair as alt


def numbers(field: str, title: str | list[str], **axis: Any) -> alt.X:
    """A horizontal axis of numbers, whose first and last label stand below their ticks."""
    return alt.X(f"{field}:Q", title=title, axis=alt.Axis(labelFlush=False, **axis))


def tooltips(titles: Mapping[str, str], **formats: str) -> list[alt.Tooltip]:
    """For each field (with its type, as ``value:Q``) its title, and the format of some."""
    return [
        alt.Tooltip(field, title=title, format=formats.get(field.split(":")[0], alt.Undefined))
        for field, title in titles.items()
    ]
