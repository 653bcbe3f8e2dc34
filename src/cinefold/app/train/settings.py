"""What the Train page lets one change, each with its meaning in a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from cinefold import WeightedMatrixFactorization
from cinefold.app.shared.formula import OBJECTIVE_PARAMETERS, constants_text, objective_lines
from cinefold.app.shared.widgets import choose_one
from cinefold.models import checks
from cinefold.serving.training import DEFAULT_SPLIT_SEED, DEFAULT_VALIDATION_FRACTION

_SCALE, _FOLLOWS = "scale", "follows the data"
_PRESETS = {
    "ranking": "Best lists (default)",
    "plain": "Plain objective",
    "stars": "Best predicted stars",
}
_PRESET_NOTES = {
    "ranking": "What the app uses at first: it learns the root of each rating, takes a movie that "
    "somebody has not rated for a weak 0, and holds those with many ratings smaller.",
    "plain": "The weighted squared error, as in textbooks: it learns each rating itself, takes a "
    "movie that somebody has not rated for a weak 0, and has one λ for all.",
    "stars": "Only the ratings count, and each person and movie has a number of its own for how "
    "high they rate, or it is rated: good at guessing stars, not at making lists.",
}
_SMALLEST = "training makes this as small as it can:"
_PRESET_KEY = "train-preset"


@dataclass(frozen=True)
class Setting:
    """A parameter: one of several values, each with its name, or a number.

    A number has a range in which it makes sense here (lowest, highest, step); left empty, it may
    follow the data.
    """

    name: str
    label: str
    allowed: Mapping[Any, str] | tuple[float, float, float]
    meaning: str
    may_follow_data: bool = False

    def shown(self, value: Any) -> Any:
        """A parameter's value as the widget has it."""
        if isinstance(self.allowed, Mapping):
            return self.allowed[value]  # its name: None would be no choice at all
        return None if value == _SCALE else type(self.allowed[0])(value)

    def draw(self, default: Any) -> Any:
        shown = self.shown(default)
        options: dict[str, Any] = {"key": f"train-{self.name}", "bind": "query-params"}
        if isinstance(self.allowed, Mapping):
            values = {name: value for value, name in self.allowed.items()}
            return values[st.selectbox(self.label, values, list(values).index(shown), **options)]
        # Without limits of its own: the browser would refuse a number beside the field, and the
        # training would begin with another.
        value = st.number_input(
            self.label,
            value=shown,
            step=self.allowed[2],
            format="%.4g" if isinstance(self.allowed[0], float) else None,
            placeholder=_FOLLOWS if self.may_follow_data else None,
            **options,
        )
        empty = _SCALE if self.may_follow_data else shown
        return empty if value is None else value

    def problem(self, value: Any) -> str | None:
        """What is wrong with a value, for the person who typed it."""
        if isinstance(self.allowed, Mapping) or value == _SCALE:
            return None
        lowest, highest, _ = self.allowed
        if lowest <= value <= highest:
            return None
        return f"{self.label} must be from {lowest:g} to {highest:g}, not {value:g}."


_SETTINGS = (
    Setting(
        "n_factors",
        "Factors",
        (1, 512, 8),
        "How many numbers each person and each movie has: more tell finer tastes apart and take "
        "longer. Empty: by how much people have rated.",
        may_follow_data=True,
    ),
    Setting(
        "target",
        "Target",
        {
            "scale": "By the ratings",
            "sqrt": "Root of the rating",
            "rating": "The rating",
            "binary": "1 for any rating",
        },
        "What u·v should be for a rated movie. With the root it counts much that somebody picked "
        "a movie, and a little how many stars they gave.",
    ),
    Setting(
        "unobserved_weight",
        "Weight of unrated pairs (w0)",
        (0.0, 10.0, 0.05),
        "How much a movie that somebody has not rated counts as “no interest”; a rating counts 1. "
        "More makes better lists, up to a point. Empty: by how many pairs are rated.",
        may_follow_data=True,
    ),
    Setting(
        "regularization",
        "Regularization (λ)",
        (0.0, 1000.0, 0.1),
        "Holds all numbers small. Too little, and it learns the ratings by heart; too much, and "
        "everybody gets the same list. Empty: by the size and number of the ratings.",
        may_follow_data=True,
    ),
    Setting(
        "regularization_exponent",
        "Frequency scaling (ν)",
        (0.0, 2.0, 0.1),
        "0: λ is the same for all. Towards 1: people and movies with many ratings are held "
        "smaller than others (a λ of your own must then be far smaller).",
    ),
    Setting(
        "alpha",
        "Confidence (α)",
        (0.0, 100.0, 0.1),
        "A rated movie counts 1 + α · stars, so that liked ones count more than others.",
    ),
    Setting(
        "biases",
        "Biases",
        {False: "No", True: "Yes"},
        "Also learn how high each person rates, and how high each movie is rated. Takes w0 = 0 "
        "and the rating as target.",
    ),
    Setting(
        "solver",
        "Solver",
        {"auto": "By the factors", "exact": "Exact", "cg": "Conjugate gradients"},
        "How a round is computed: exactly or, with more than 128 factors, in less time by "
        "conjugate gradients, which come as far.",
    ),
    Setting(
        "max_iter",
        "Iterations",
        (1, 100, 5),
        "The most rounds, each of all movies and then all people; it ends earlier when nothing "
        "improves.",
    ),
    Setting(
        "early_stopping",
        "Stop early",
        {None: "No", "ndcg_at_10": "By the lists", "rmse": "By the RMSE"},
        "End when three rounds have not been better on the ratings held out, and keep the best.",
    ),
)
_SPLIT_SETTINGS = (
    Setting(
        "held_out",
        "Held out for validation (%)",
        (5, 50, 5),
        "Share of everybody's ratings that is hidden from training, to test it on.",
    ),
    Setting(
        "seed",
        "Seed",
        (0, 2**31 - 1, 1),
        "Which ratings are held out, and where training begins: the same seed, the same result.",
    ),
)
_SPLIT_DEFAULTS = {"held_out": 100 * DEFAULT_VALIDATION_FRACTION, "seed": DEFAULT_SPLIT_SEED}


def shown_value(parameters: Mapping[str, Any], name: str) -> str:
    """A parameter of a model as its control here shows it."""
    value = parameters.get(name)
    setting = next((setting for setting in _SETTINGS if setting.name == name), None)
    if value == _SCALE:
        return _FOLLOWS
    if setting and isinstance(setting.allowed, Mapping):
        return setting.allowed.get(value, str(value))
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


def draw_objective(preset: str, model: WeightedMatrixFactorization) -> None:
    """What training with these settings minimizes, by name and formula."""
    parameters = model.get_params()
    usual = _preset_parameters(preset)
    changed = any(parameters[name] != usual[name] for name in OBJECTIVE_PARAMETERS)
    with st.container(border=True, gap="xsmall"):
        if changed:
            st.markdown(f"With your changes, {_SMALLEST}")
        else:
            st.markdown(f"**{_PRESETS[preset]}.** {_PRESET_NOTES[preset]} So {_SMALLEST}")
        for line in objective_lines(parameters):
            st.latex(line)
        st.markdown(constants_text(parameters))


def _fill_in() -> None:
    parameters = _preset_parameters(st.session_state.get(_PRESET_KEY, next(iter(_PRESETS))))
    for setting in _SETTINGS:
        st.session_state[f"train-{setting.name}"] = setting.shown(parameters[setting.name])


def _preset_parameters(preset: str) -> dict[str, Any]:
    return WeightedMatrixFactorization.preset(preset).get_params()


@dataclass(frozen=True)
class Plan:
    """The model to train, how to split for `TrainingJob`, and what is wrong with either."""

    model: WeightedMatrixFactorization
    split: dict[str, Any]
    problems: list[str]


def choose_plan(preset: str) -> Plan:
    """A widget with its explanation for everything that can be changed, side by side."""
    defaults = {**_preset_parameters(preset), **_SPLIT_DEFAULTS}
    grid = st.grid(4, min_column_width=230)
    values: dict[str, Any] = {}
    for setting in (*_SETTINGS, *_SPLIT_SETTINGS):
        with grid.cell():
            values[setting.name] = setting.draw(defaults[setting.name])
            st.caption(setting.meaning)
    problems = [
        problem
        for setting in (*_SETTINGS, *_SPLIT_SETTINGS)
        if (problem := setting.problem(values[setting.name]))
    ]
    fraction, seed = values.pop("held_out") / 100, int(values.pop("seed"))
    model = WeightedMatrixFactorization(**values, random_state=seed)
    if not problems:
        try:
            checks.parameters(model)
        except ValueError as error:  # values that do not go together
            problems.append(f"{error}.")
    return Plan(model, {"validation_fraction": fraction, "random_state": seed}, problems)
