"""The history of training runs as a table, from which one can be put to use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from cinefold.app.shared.display import literal
from cinefold.app.train.settings import in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cinefold.app.shared.studio import Studio
    from cinefold.serving.run_history import RunSummary

_KEY = "train-runs"
_MEASURES = {"ndcg_at_10": "NDCG@10", "recall_at_10": "Recall@10", "rmse": "RMSE"}
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


def draw_runs(studio: Studio) -> None:
    """All runs, the latest first; the one that is chosen can be used or deleted."""
    runs = studio.history.runs()
    st.subheader("Runs so far", anchor=False)
    if not runs:
        st.caption("None yet. Every training is listed here, with its parameters and measures.")
        return
    active = studio.history.active
    chosen = st.dataframe(
        _frame(runs, active),
        hide_index=True,
        selection_mode="single-row",
        on_select="rerun",
        key=_KEY,
        column_config={
            name: st.column_config.NumberColumn(name, format="%.4f") for name in _MEASURES.values()
        },
    )
    rows: Sequence[int] = chosen.selection.rows
    run = runs[rows[0]] if rows and rows[0] < len(runs) else None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Recommend with it",
            icon=":material/check:",
            key="use-run",
            disabled=run is None or run.id == active,
            on_click=use_run,
            args=(studio, run.id if run else None),
        )
        st.button(
            "Delete",
            icon=":material/delete:",
            key="delete-run",
            disabled=run is None or run.id == active,
            on_click=_delete,
            args=(studio, run.id if run else ""),
        )
        if run is None:
            st.caption("Choose a run in the first column of the table to use or delete it.")


def use_run(studio: Studio, run_id: str | None) -> None:
    """Recommend with this run from now on; None for the default model."""
    try:
        studio.activate(run_id)
    except (OSError, ValueError) as error:
        st.toast(f"That did not work: {literal(str(error))}", icon=":material/error:")


def _delete(studio: Studio, run_id: str) -> None:
    studio.history.delete(run_id)


def _frame(runs: Sequence[RunSummary], active: str | None) -> pd.DataFrame:
    return pd.DataFrame([_row(run, run.id == active) for run in runs])


def _row(run: RunSummary, is_active: bool) -> dict[str, Any]:
    return {
        "In use": "✓" if is_active else "",
        "Finished (UTC)": f"{run.finished:%Y-%m-%d %H:%M:%S}",
        **{title: run.metrics.get(name) for name, title in _MEASURES.items()},
        **{title: in_words(name, run.parameters.get(name)) for name, title in _PARAMETERS.items()},
        "Iterations": run.iterations,
        "Seconds": round(run.seconds, 1),
    }
