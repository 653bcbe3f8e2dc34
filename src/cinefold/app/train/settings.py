"""What the Train page lets one change, each with its meaning in a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from cinefold import WeightedMatrixFactorization
from cinefold.app.shared.widgets import choose_one
from cinefold.serving.training import DEFAULT_SPLIT_SEED, DEFAULT_VALIDATION_FRACTION

_SCALE, _FOLLOWS = "scale", "follows the data"
_PRESETS = {
    "ranking": "Best lists",
    "plain": "Plain squared errors",
    "stars": "Best predicted stars",
}
_PRESET_KEY = "train-preset"


@dataclass(frozen=True)
class Number:
    """A number in the range in which it makes sense here; left empty, it may follow the data."""

    name: str
    label: str
    lowest: float
    highest: float
    step: float
    meaning: str
    may_follow_data: bool = False

    def shown(self, value: Any) -> Any:
        """A parameter's value as the widget has it."""
        return None if value == _SCALE else type(self.lowest)(value)

    def draw(self, default: Any) -> Any:
        value = st.number_input(
            self.label,
            self.lowest,
            self.highest,
            self.shown(default),
            step=self.step,
            format="%.4g" if isinstance(self.lowest, float) else None,
            placeholder=_FOLLOWS if self.may_follow_data else None,
            key=f"train-{self.name}",
            bind="query-params",
        )
        empty = _SCALE if self.may_follow_data else self.shown(default)
        return empty if value is None else value


@dataclass(frozen=True)
class Choice:
    """One of several values, each with its name."""

    name: str
    label: str
    choices: Mapping[Any, str]
    meaning: str

    def shown(self, value: Any) -> Any:
        return value

    def draw(self, default: Any) -> Any:
        values, key = list(self.choices), f"train-{self.name}"
        index = values.index(default)
        return st.selectbox(
            self.label, values, index, self.choices.__getitem__, key=key, bind="query-params"
        )


_SETTINGS: tuple[Number | Choice, ...] = (
    Number(
        "n_factors",
        "Factors",
        *(1, 512, 8),
        "Length of every user's and movie's vector: more tell finer tastes apart and take longer. "
        "Empty: 64, or more where people have rated little.",
        may_follow_data=True,
    ),
    Choice(
        "target",
        "Target",
        {
            "scale": "By the ratings",
            "sqrt": "Root of the rating",
            "rating": "The rating",
            "binary": "1 for any rating",
        },
        "What a rated movie should score. The root makes much of having rated at all, and "
        "something of how high.",
    ),
    Number(
        "unobserved_weight",
        "Weight of unrated pairs (w0)",
        *(0.0, 10.0, 0.05),
        "How much a movie somebody has not rated counts as “no interest”, against 1 for a rating: "
        "more makes better lists up to a point. Empty: by how many pairs are rated.",
        may_follow_data=True,
    ),
    Number(
        "regularization",
        "Regularization (λ)",
        *(0.0, 1000.0, 0.1),
        "Pulls all vectors towards 0: too little learns the ratings by heart, too much makes "
        "everybody the same. Empty: by the size and number of the ratings.",
        may_follow_data=True,
    ),
    Number(
        "regularization_exponent",
        "Frequency scaling (ν)",
        *(0.0, 2.0, 0.1),
        "0 regularizes all alike; towards 1, users and movies with many ratings more than others "
        "(then a λ given as a number must be far smaller).",
    ),
    Number(
        "alpha",
        "Confidence (α)",
        *(0.0, 100.0, 0.1),
        "Weighs a rated movie 1 + α · rating, so that liked ones count more than others.",
    ),
    Choice(
        "biases",
        "Biases",
        {False: "No", True: "Yes"},
        "Whether to learn how high each user rates and each movie is rated, too; for w0 = 0 and "
        "the rating as target.",
    ),
    Choice(
        "solver",
        "Solver",
        {"auto": "By the factors", "exact": "Exact", "cg": "Conjugate gradients"},
        "How a round is solved: exactly, or with more than 128 factors in less time by conjugate "
        "gradients, which get as far.",
    ),
    Number(
        "max_iter",
        "Iterations",
        *(1, 100, 5),
        "At most so many rounds of solving all movies, then all users; it ends earlier when "
        "nothing improves.",
    ),
    Choice(
        "early_stopping",
        "Stop early",
        {None: "No", "ndcg_at_10": "By the lists", "rmse": "By the RMSE"},
        "End when the held-out ratings have been predicted no better for three rounds, and keep "
        "the best round.",
    ),
)
_SPLIT_SETTINGS = (
    Number(
        "held_out",
        "Held out for validation (%)",
        *(5, 50, 5),
        "Share of everybody's ratings that training does not see, to measure on.",
    ),
    Number(
        "seed",
        "Seed",
        *(0, 2**31 - 1, 1),
        "Decides what is held out and where training begins: the same seed gives the same result.",
    ),
)
_SPLIT_DEFAULTS = {"held_out": 100 * DEFAULT_VALIDATION_FRACTION, "seed": DEFAULT_SPLIT_SEED}


def shown_value(parameters: Mapping[str, Any], name: str) -> str:
    """A parameter of a model as its control here shows it."""
    value = parameters.get(name)
    setting = next((setting for setting in _SETTINGS if setting.name == name), None)
    if value == _SCALE:
        return _FOLLOWS
    if isinstance(setting, Choice):
        return setting.choices.get(value, str(value))
    return f"{value:g}" if isinstance(value, (int, float)) else ""


def choose_preset() -> str:
    """What the settings start from; another choice fills them all in anew."""
    preset: str = choose_one(
        "Start from",
        list(_PRESETS),
        _PRESET_KEY,
        format_func=_PRESETS.__getitem__,
        on_change=_fill_in,
        bind="query-params",
    )
    return preset


def _fill_in() -> None:
    parameters = _preset_parameters(st.session_state[_PRESET_KEY])
    for setting in _SETTINGS:
        st.session_state[f"train-{setting.name}"] = setting.shown(parameters[setting.name])


def _preset_parameters(preset: str) -> dict[str, Any]:
    return WeightedMatrixFactorization.preset(preset).get_params()


def choose_plan(preset: str) -> tuple[WeightedMatrixFactorization, dict[str, Any]]:
    """The model to train, and the arguments of `TrainingJob` that say how to split.

    There is a widget with its explanation for everything that can be changed, side by side.
    """
    defaults = {**_preset_parameters(preset), **_SPLIT_DEFAULTS}
    grid = st.grid(4, min_column_width=230)
    values: dict[str, Any] = {}
    for setting in (*_SETTINGS, *_SPLIT_SETTINGS):
        with grid.cell():
            values[setting.name] = setting.draw(defaults[setting.name])
            st.caption(setting.meaning)
    fraction, seed = values.pop("held_out") / 100, int(values.pop("seed"))
    model = WeightedMatrixFactorization(**values, random_state=seed)
    return model, {"validation_fraction": fraction, "random_state": seed}
