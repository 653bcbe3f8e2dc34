"""What the Train page lets one change, each with its meaning in a sentence."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from cinefold.training import DEFAULT_PARAMETERS, DEFAULT_SPLIT_SEED, DEFAULT_VALIDATION_FRACTION


@dataclass(frozen=True)
class Setting:
    """A number: the range in which it makes sense here, and what it does."""

    name: str
    label: str
    lowest: float
    highest: float
    step: float
    meaning: str


_SETTINGS = (
    Setting(
        "n_factors",
        "Factors",
        *(1, 512, 8),
        "Length of every user's and film's vector: more tell finer tastes apart and take longer.",
    ),
    Setting(
        "unobserved_weight",
        "Weight of unrated pairs (w0)",
        *(0.0, 1.0, 0.05),
        "How much a film somebody has not rated counts as “no interest”, against 1 for a rating: "
        "more makes better lists up to a point, less predicts stars better.",
    ),
    Setting(
        "regularization",
        "Regularization (λ)",
        *(0.0, 1000.0, 5.0),
        "Pulls all vectors towards 0: too little learns the ratings by heart, too much makes "
        "everybody the same.",
    ),
    Setting(
        "regularization_exponent",
        "Frequency scaling (ν)",
        *(0.0, 1.0, 0.1),
        "0 regularizes all alike; towards 1, users and films with many ratings more than others "
        "(then λ must be far smaller).",
    ),
    Setting(
        "max_iter",
        "Iterations",
        *(1, 100, 5),
        "At most so many rounds of solving all films, then all users; it ends earlier when nothing "
        "improves.",
    ),
)
_HELD_OUT = Setting(
    "held_out",
    "Held out for validation (%)",
    *(5, 50, 5),
    "Share of everybody's ratings that training does not see, to measure on.",
)
_SEED = Setting(
    "seed",
    "Seed",
    *(0, 2**31 - 1, 1),
    "Decides what is held out and where training begins: the same seed gives the same result.",
)


@dataclass(frozen=True)
class Plan:
    """What to train, and how to measure it."""

    parameters: dict[str, float]
    validation_fraction: float
    random_state: int


def choose_plan() -> Plan:
    """A widget with its explanation for everything that can be changed, side by side."""
    grid = st.grid(4, min_column_width=230)
    parameters = {}
    for setting in _SETTINGS:
        with grid.cell():
            parameters[setting.name] = _number(setting, DEFAULT_PARAMETERS[setting.name])
    with grid.cell():
        percent = _number(_HELD_OUT, round(100 * DEFAULT_VALIDATION_FRACTION))
    with grid.cell():
        seed = int(_number(_SEED, DEFAULT_SPLIT_SEED))
    return Plan({**parameters, "random_state": seed}, percent / 100, seed)


def _number(setting: Setting, default: float) -> float:
    kind = type(setting.lowest)
    value = st.number_input(
        setting.label,
        setting.lowest,
        setting.highest,
        kind(default),
        step=setting.step,
        key=f"train-{setting.name}",
        persist_state="session",
    )
    st.caption(setting.meaning)
    return kind(default) if value is None else value
