"""The history of training runs as a table; putting one to use asks first."""

import os
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from cinefold.app.shared.display import counted, literal
from cinefold.app.shared.widgets import button
from cinefold.app.train.settings import shown_value
from cinefold.serving.launch import OWNER_KEY
from cinefold.serving.run_history import RunSummary
from cinefold.serving.state import State

_KEY, _QUERY = "train-runs", "owner"
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
        ask_first("Recommend with it", "check", use_run, state, run_id, disabled=off)
        if is_owner():
            delete = state.history.delete
            button("Delete", delete, run_id, icon="delete", key="delete-run", disabled=off)
        if run_id is None:
            st.caption("Choose a run in the first column of the table.")


def ask_first(
    label: str, icon: str, change: Callable[..., object], *arguments: Any, disabled: bool = False
) -> None:
    """A button for another model, which says what that changes and for whom, and asks."""
    with st.popover(label, icon=f":material/{icon}:", disabled=disabled, key=f"ask-{label}"):
        if not is_owner():
            st.markdown(
                "This would change the lists of everybody who uses this app, so only who started "
                "it can do that: with the link that `cinefold app` printed at its start."
            )
            return
        st.markdown(
            "This changes the lists of **everybody** who uses this app, from now on and after "
            "restarts. You can go back at any time."
        )
        button("Yes, for everybody", change, *arguments, type="primary", key=f"sure-{label}")


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


def is_owner() -> bool:
    """Whether this session was opened by the link that ``cinefold app`` printed at its start.

    Who started the app alone changes what all visitors share. The key leaves the address, which
    people pass on.
    """
    asked = st.query_params.pop(_QUERY, None)
    if asked is not None:
        key = os.environ.get(OWNER_KEY, "")
        right = bool(key) and secrets.compare_digest(asked.encode(), key.encode())
        st.session_state[_QUERY] = right
        if not right:
            st.toast("That link is of another start of the app.", icon=":material/key_off:")
    return bool(st.session_state.get(_QUERY))
