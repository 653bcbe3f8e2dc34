"""Training a model with other parameters, and using it or not."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from cinefold.app.shared.display import literal
from cinefold.app.shared.open_state import choose_dataset, open_state
from cinefold.app.shared.widgets import button, say_later, say_now, show_in_address
from cinefold.app.train.charts import draw_lines
from cinefold.app.train.report import (
    draw_run,
    draw_unit,
    learning_points,
    ranking_points,
    unit_of,
)
from cinefold.app.train.run_table import ask_first, draw_runs, is_owner, use_run
from cinefold.app.train.settings import choose_plan, choose_preset, draw_objective
from cinefold.datasets import list_datasets
from cinefold.models import WeightedMatrixFactorization
from cinefold.serving.jobs import TrainingJob, find_training
from cinefold.serving.state import LARGE, State
from cinefold.serving.training_run import TrainingRun

_RUNNING, _STOPPED = "The new model", ":material/stop_circle:"
_JOB, _QUERY = "training-job", "training"
_REFRESH_SECONDS = 1.0
_REDRAW_SECONDS = 3.0  # charts take the browser some time


def draw_dataset(state: State) -> None:
    """The data set of this session, with what another one would take."""
    current = state.data.name
    titles = {spec.name: f"{spec.title} ({spec.size / 1e6:,.0f} MB)" for spec in list_datasets()}
    if current not in titles:
        titles = {current: current, **titles}
    st.session_state["train-dataset"] = current
    st.selectbox(
        "Data set",
        list(titles),
        format_func=titles.__getitem__,
        key="train-dataset",
        on_change=lambda: choose_dataset(st.session_state.get("train-dataset", current)),
        help="Of all pages, for you alone. One that is not here yet is fetched, and gets a model.",
        width=360,
    )


def start(state: State, model: WeightedMatrixFactorization, split: Mapping[str, Any]) -> None:
    """Train in the background; a training under way in this session ends."""
    drop_job()
    ratings = state.data.interactions
    awaited = ratings.n_ratings < LARGE
    job = TrainingJob(ratings, model, state.history, awaited=awaited, **split)
    st.session_state[_JOB] = job


def current_job() -> TrainingJob | None:
    """That of this session, or of the address (?training=…), so that a reload finds it again."""
    job: TrainingJob | None = st.session_state.get(_JOB)
    st.session_state[_JOB] = job = job or find_training(st.query_params.get(_QUERY))
    show_in_address(_QUERY, job and job.token)
    return job


def drop_job() -> None:
    job: TrainingJob | None = st.session_state.pop(_JOB, None)
    st.query_params.pop(_QUERY, None)
    if job is not None:
        job.abandon()


def keep(state: State, job: TrainingJob) -> None:
    if job.run_id is not None:
        use_run(state, job.run_id)
    elif job.outcome is not None:  # it could not be written
        state.use(job.outcome)
    drop_job()


def stop(job: TrainingJob) -> None:
    """Keep what was learnt; before the end of the first iteration, that is nothing."""
    if job.records:
        job.stop()
    else:
        drop_job()
        say_later("Stopped before the first iteration was over: nothing was kept.", _STOPPED)


@st.fragment(run_every=_REFRESH_SECONDS)
def draw_progress(job: TrainingJob) -> None:
    """Redraws itself while the job runs; then the whole page."""
    if not job.running or job is not st.session_state.get(_JOB):
        st.rerun()
    done, total = len(job.records), job.model.max_iter
    ending = job.stopping or done == total
    st.progress(done / total, _stage(done, total, ending))
    label = "Stop and keep what was learnt" if done else "Stop"
    button(label, stop, job, icon="stop_circle", disabled=ending, key="stop-training")


def _stage(done: int, total: int, ending: bool) -> str:
    if ending:
        return f"{done} iterations done. Measuring, then training on all ratings …"
    return f"Iteration {done} of at most {total} …" if done else "Starting …"


@st.fragment(run_every=_REDRAW_SECONDS)
def draw_live_curves(job: TrainingJob) -> None:
    if not job.records:
        return
    records, parameters = list(job.records), job.model.get_params()
    unit = unit_of(parameters, records)
    draw_unit(parameters, unit, records)
    learning, lists = st.columns(2, gap="medium")
    with learning:
        title = f"RMSE ({unit})"
        draw_lines({_RUNNING: learning_points(records)}, title, "Learning curve so far")
    with lists:
        title = "NDCG@10 (0 to 1)"
        draw_lines({_RUNNING: ranking_points(records, None)}, title, "Quality of lists so far")


def draw_outcome(state: State, job: TrainingJob, run: TrainingRun) -> None:
    st.subheader("The new model", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        ask_first("Keep: recommend with it", "check", keep, state, job)
        later = "It stays in the list of runs below, and can be put to use later."
        button("Not now", drop_job, icon="close", help=later)
        draw_download(run.model)
    draw_run(state, run.report(), "The new model")


def draw_model_in_use(state: State) -> None:
    kind = "the default one" if state.uses_default else "one that was trained here"
    st.subheader("The model in use", anchor=False)
    st.caption(f"The app recommends with this model: {kind}.")
    with st.container(horizontal=True, vertical_alignment="center"):
        if not state.uses_default:
            ask_first("Back to the default model", "undo", use_run, state, None)
        draw_download(state.run.model)
    draw_run(state, state.run.report(), "The model in use")


def draw_download(model: WeightedMatrixFactorization) -> None:
    st.download_button(
        "Model as file",
        lambda: model_file(model),
        "cinefold-model.safetensors",
        "application/octet-stream",
        icon=":material/download:",
        on_click="ignore",
        help="For cinefold recommend --model, or for your own programs.",
    )


def model_file(model: WeightedMatrixFactorization) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        model.save(path)
        return path.read_bytes()


state = open_state()
st.title("Train", anchor=False)
st.markdown(
    "How good are the lists, and would they be better with other settings? Try: nobody's lists "
    "change unless who started the app keeps the result."
)
is_owner()  # takes the key out of the address
draw_dataset(state)
say_now()
preset = choose_preset()
objective = st.container()
plan = choose_plan(preset)
with objective:
    draw_objective(preset, plan.model)
with st.container(horizontal=True, vertical_alignment="center"):
    wanted = st.button(
        "Train",
        type="primary",
        icon=":material/model_training:",
        disabled=bool(plan.problems),
    )
    if plan.problems:
        text = "  \n".join(literal(problem) for problem in plan.problems)
        st.error(text, icon=":material/error:", width="stretch")
if wanted:
    start(state, plan.model, plan.split)
job = current_job()
if job is not None and job.running:
    draw_progress(job)
    draw_live_curves(job)
elif job is not None and job.outcome is not None:
    draw_outcome(state, job, job.outcome)
else:
    if job is not None and job.error is not None:
        advice = ". Fewer factors need less." if "memory" in job.error else ""
        st.error(f"Training failed: {literal(job.error)}{advice}", icon=":material/error:")
    draw_model_in_use(state)
draw_runs(state)
