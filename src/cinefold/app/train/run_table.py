"""The history of training runs as a table, from which one can be put to use."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from cinefold.app.shared.display import counted, literal
from cinefold.app.shared.widgets import button
from cinefold.app.train.settings import shown_value
from cinefold.serving.run_history import RunSummary
from cinefold.serving.state import State

_KEY = "train-runs"
_METRICS = {"ndcg_at_10": "NDCG@10", "recall_at_10": "Recall@10", "rmse": "RMSE"}
_PARAMETERS = {
    "n_factors": "Factors",
    "target": "Target",
    "unobserved_weight": "w0",
    "regularization": "λ",
    "regularization_exponent": "ν",
    "alpha": "α",
    "biases": "Biases",
    "max_iter": "Iterations allowed",
}


def draw_runs(state: State) -> None:
    """All runs, the latest first; the one that is chosen can be used or deleted."""
    runs = state.history.runs()
    st.subheader("Runs so far", anchor=False)
    if n_damaged := len(state.history.ids()) - len(runs):
        st.caption(f"{counted(n_damaged, 'run')} left out, as what was kept is damaged.")
    if not runs:
        st.caption("None yet. Every training is listed here, with its parameters and metrics.")
        return
    active = state.history.active
    chosen = st.dataframe(
        pd.DataFrame([_row(run, run.id == active) for run in runs]),
        hide_index=True,
        selection_mode="single-row",
        on_select="rerun",
        key=_KEY,
        column_config={
            name: st.column_config.NumberColumn(name, format="%.4f") for name in _METRICS.values()
        },
    )
    rows: Sequence[int] = chosen.selection.rows
    run_id = runs[rows[0]].id if rows and rows[0] < len(runs) else None
    with st.container(horizontal=True, vertical_alignment="center"):
        off = run_id in (None, active)
        button(
            "Recommend with it", use_run, state, run_id, icon="check", key="use-run", disabled=off
        )
        delete = state.history.delete
        button("Delete", delete, run_id, icon="delete", key="delete-run", disabled=off)
        if run_id is None:
            st.caption("Choose a run in the first column of the table to use or delete it.")


def use_run(state: State, run_id: str | None) -> None:
    """Recommend with this run from now on; None for the default model."""
    try:
        state.activate(run_id)
    except (OSError, ValueError) as error:
        st.toast(f"That did not work: {literal(str(error))}", icon=":material/error:")


def _row(run: RunSummary, is_active: bool) -> dict[str, Any]:
    return {
        "In use": "✓" if is_active else "",
        "Finished (UTC)": f"{run.finished:%Y-%m-%d %H:%M:%S}",
        **{title: run.metrics.get(name) for name, title in _METRICS.items()},
        **{title: shown_value(run.parameters, name) for name, title in _PARAMETERS.items()},
        "Iterations": run.iterations,
        "Seconds": round(run.seconds, 1),
    }
