"""How good a model is: its learning curve and its lists, beside those of another."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from cinefold.app.train.charts import Points, draw_lines
from cinefold.serving.state import State

Report = Mapping[str, Any]
"""What `TrainingRun.report` returns."""
Runs = Mapping[str, Report]
"""By name: the one shown, and the one beside it, if any."""

_NOTHING, _DEFAULT = "Nothing", "The default model"
_STARS, _ROOTS, _ONES = "stars", "roots of stars", "1 for a rating"
_ENDS = {
    "converged": "nothing improved any more",
    "max_iter": "all that were allowed",
    "early_stopping": "the held-out ratings were predicted no better",
    "callback": "it was stopped",
}
_TARGETS = {
    "rating": "how far u·v is from the ratings, in **stars**",
    _STARS: "how far u·v is from the ratings, in **stars** (it learns their roots, so u·v is "
    "squared first)",
    _ONES: "how far u·v is from **1**, what any rating counts as here",
    _ROOTS: "how far u·v is from the roots of the ratings, in **roots of stars**",
}
_LISTS = {
    "ndcg_at_10": ("NDCG@10", "How high the held-out movies stand in lists of ten; 1 is best."),
    "recall_at_10": ("Recall@10", "Share of the held-out movies that lists of ten found."),
}


def unit_of(parameters: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> str:
    """Of the learning curve. Runs of earlier versions kept no stars where the root is learnt."""
    if parameters["target"] == "rating" or "train_rmse_in_stars" in history[0]:
        return _STARS
    return _ROOTS if parameters["target"] == "sqrt" else _ONES


def rmse_of(record: Mapping[str, Any], part: str) -> float | None:
    """Of "train" or "validation", in the unit of the curve."""
    value: float | None = record.get(f"{part}_rmse_in_stars", record[f"{part}_rmse"])
    return value


def _choose_compared(state: State, shown: Report) -> Runs:
    """Another model to see beside the one shown: the default one, unless it is that; or none."""
    others: dict[str, str | None] = {_NOTHING: None}
    if shown != state.default.report():
        others[_DEFAULT] = None
    for run in state.history.runs():
        if run.metrics != shown["metrics"] or run.parameters != shown["parameters"]:
            n_factors = run.parameters["n_factors"]
            size = "the usual factors" if n_factors == "scale" else f"{n_factors} factors"
            others[f"Run of {run.finished:%Y-%m-%d %H:%M:%S}, {size}"] = run.id
    if len(others) == 1:
        return {}
    name = st.selectbox("Compare with", list(others), 1 if _DEFAULT in others else 0, width=360)
    if name == _NOTHING:
        return {}
    run_id = others[name]
    try:
        return {name: state.default.report() if run_id is None else state.history.report(run_id)}
    except (OSError, ValueError):  # somebody deleted it
        st.caption("That run is gone.")
        return {}


def draw_run(state: State, shown: Report, name: str) -> None:
    """Everything that is known of a run, which the charts call `name`."""
    runs = {name: shown, **_choose_compared(state, shown)}
    learning, lists = st.columns(2, gap="medium")
    with learning:
        _draw_learning(shown, runs)
    with lists:
        _draw_lists(shown, runs)
    iterations, end = len(shown["history"]), _ENDS.get(shown["stop_reason"], shown["stop_reason"])
    st.caption(
        f"{iterations} iterations ({end}), {shown['seconds']:.1f} s, "
        f"{shown['split']['fraction']:.0%} of the ratings held out for validation (seed "
        f"{shown['split']['random_state']}). The model to use was then trained on all ratings."
    )


def _draw_learning(shown: Report, runs: Runs) -> None:
    unit = unit_of(shown["parameters"], shown["history"])
    st.subheader("Learning curve", anchor=False)
    draw_unit(shown["parameters"], unit, shown["history"])
    for name, run in list(runs.items()):
        if unit_of(run["parameters"], run["history"]) != unit:
            st.caption(f"{name} was measured in another unit, so it is not in this chart.")
            runs = {other: runs[other] for other in runs if other != name}
    with st.container(horizontal=True, gap="small"):
        for part, label in (("train", "Training"), ("validation", "Validation")):
            values = {name: rmse_of(_kept(run), part) for name, run in runs.items()}
            _draw_number(f"{label} RMSE ({unit})", values, delta_color="inverse")
    points = {name: learning_points(run["history"]) for name, run in runs.items()}
    draw_lines(points, f"RMSE ({unit})", "RMSE of training and validation by iteration")


def draw_unit(
    parameters: Mapping[str, Any], unit: str, history: Sequence[Mapping[str, Any]]
) -> None:
    """What the learning curve measures, and of whom."""
    what = _TARGETS["rating" if parameters["target"] == "rating" else unit]
    pulled = parameters["unobserved_weight"] != 0
    note = " As unrated movies count as 0, u·v stays far below the rating." if pulled else ""
    if sample := history[-1].get("validation_sample"):
        note += (
            f" As there are many users, the curves of validation are those of {sample:,} drawn at "
            "random, with all movies in their lists; the quality at the end is that of all users."
        )
    st.markdown(
        f"RMSE says {what}; lower is better. *Training*: on the ratings that it learns from. "
        f"*Validation*: on those held out, which tell how it does on what it has not seen.{note}"
    )


def learning_points(history: Sequence[Mapping[str, Any]]) -> Points:
    parts = {"Training": "train", "Validation": "validation"}
    return [
        (r["iteration"], rmse_of(r, part), curve) for r in history for curve, part in parts.items()
    ]


def _draw_lists(shown: Report, runs: Runs) -> None:
    metrics, baseline = shown["metrics"], shown["baseline"]
    st.subheader("Quality of the lists", anchor=False)
    st.markdown(
        "Do lists of ten find the held-out movies? NDCG@10 is 1 where they all stand at the top, "
        "0 where none is there. Higher is better. *Popularity* recommends the same to everybody."
    )
    with st.container(horizontal=True, gap="small"):
        for key, (label, meaning) in _LISTS.items():
            values = {name: run["metrics"].get(key) for name, run in runs.items()}
            _draw_number(f"{label} (0 to 1)", values, help=meaning)
    popularity = [baseline.get("ndcg_at_10"), None]
    points = {
        name: ranking_points(run["history"], level)
        for (name, run), level in zip(runs.items(), popularity, strict=False)
    }
    draw_lines(points, "NDCG@10 (0 to 1)", "Validation NDCG@10 by iteration, against popularity")
    if "rmse" in metrics:
        st.caption(
            f"The stars on cards are another prediction, made from u·v and from how high people "
            f"rate and movies are rated: on held-out ratings it is {metrics['rmse']:.3f} stars off "
            f"(RMSE; the mean rating of each movie: {baseline['rmse']:.3f})."
        )


def ranking_points(history: Sequence[Mapping[str, Any]], popularity: float | None) -> Points:
    values = [(r["iteration"], r["validation_ndcg_at_10"], "Validation") for r in history]
    return [*values, *((r["iteration"], popularity, "Popularity") for r in history)]


def _draw_number(label: str, values: Mapping[str, float | None], **options: Any) -> None:
    """A number of the run shown, and how far it is from that of the other one."""
    (_, value), *others = values.items()
    if value is None:
        return
    for name, beside in others:
        if beside is not None:
            options["delta"] = f"{value - beside:+.3f}"
            options["delta_description"] = f"to {name[0].lower()}{name[1:]}"
    st.metric(label, f"{value:.3f}", border=True, width="content", **options)


def _kept(report: Report) -> Mapping[str, Any]:
    """The iteration whose model is used: the last, or with early stopping the best."""
    history: Sequence[Mapping[str, Any]] = report["history"]
    metric = report["parameters"]["early_stopping"]
    if metric is None or history[0][f"validation_{metric}"] is None:
        return history[-1]
    sign = 1 if metric == "rmse" else -1
    return min(history, key=lambda record: sign * record[f"validation_{metric}"])
