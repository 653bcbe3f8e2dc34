"""Training a model with other parameters, and using it or not."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from cinefold.app.shared.display import literal
from cinefold.app.shared.open_state import choose_dataset, open_state
from cinefold.app.shared.widgets import button, show_in_address
from cinefold.app.train.charts import learning_curve, ranking_curve
from cinefold.app.train.run_table import draw_runs, use_run
from cinefold.app.train.settings import choose_plan, choose_preset
from cinefold.datasets import list_datasets
from cinefold.models import WeightedMatrixFactorization
from cinefold.serving.jobs import TrainingJob, find_training
from cinefold.serving.state import State
from cinefold.serving.training import TrainingRun

_JOB, _QUERY = "training-job", "training"
_REFRESH_SECONDS = 1.0
_REDRAW_SECONDS = 3.0  # charts take the browser some time
_ENDS = {
    "converged": "nothing improved any more",
    "max_iter": "all of them",
    "early_stopping": "the held-out ratings were predicted no better",
    "callback": "stopped by you",
}

_METRICS = {
    "rmse": ("RMSE (stars)", "Error of the predicted stars of held-out ratings; lower is better."),
    "ndcg_at_10": (
        "NDCG@10 (0 to 1)",
        "How high the held-out movies stand in the lists of ten; higher is better.",
    ),
    "recall_at_10": (
        "Recall@10 (0 to 1)",
        "Share of the held-out movies that the lists of ten found; higher is better.",
    ),
}


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
        on_change=lambda: choose_dataset(st.session_state["train-dataset"]),
        help="Of all pages, for you alone. One that is not here yet is fetched, and gets a model.",
        width=360,
    )


def start(state: State, model: WeightedMatrixFactorization, split: Mapping[str, Any]) -> None:
    """Train in the background; a training under way in this session ends."""
    drop_job()
    st.session_state[_JOB] = TrainingJob(state.data.interactions, model, state.history, **split)


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


@st.fragment(run_every=_REFRESH_SECONDS)
def draw_progress(job: TrainingJob) -> None:
    """Redraws itself while the job runs; then the whole page."""
    if not job.running:
        st.rerun()
    done, total = len(job.records), job.model.max_iter
    ending = job.stopping or done == total
    st.progress(done / total, _stage(done, total, ending))
    idle = ending or not done
    button("Stop and keep what was learnt", job.stop, icon="stop_circle", disabled=idle)


def _stage(done: int, total: int, ending: bool) -> str:
    if ending:
        return f"{done} iterations done. Measuring, then training on all ratings …"
    return f"Iteration {done} of at most {total} …" if done else "Starting …"


@st.fragment(run_every=_REDRAW_SECONDS)
def draw_live_curves(job: TrainingJob) -> None:
    if job.records:
        draw_curves(list(job.records), None)


def draw_curves(records: Sequence[Mapping[str, Any]], popularity: float | None) -> None:
    rmse, ranking = st.columns(2)
    with rmse:
        st.markdown("**Learning curve**")
        learning_curve(records)
    with ranking:
        st.markdown("**Quality of the lists**")
        ranking_curve(records, popularity)


def draw_run(run: TrainingRun) -> None:
    draw_metrics(run)
    draw_curves(run.history, run.baseline.get("ndcg_at_10"))
    if not run.parameters["biases"]:
        st.caption(
            "The learning curve shows how far u·v is from the target it learns. The stars above "
            "are predicted from it and from how high users rate and movies are rated."
        )
    iterations, end = len(run.history), _ENDS.get(run.stop_reason, run.stop_reason)
    st.caption(
        f"{iterations} iterations ({end}), {run.seconds:.1f} s, "
        f"{run.split['fraction']:.0%} of the ratings held out (seed {run.split['random_state']}). "
        "The model to use was then trained on all ratings."
    )


def draw_metrics(run: TrainingRun) -> None:
    for place, (name, (label, meaning)) in zip(st.columns(3), _METRICS.items(), strict=True):
        if name in run.metrics:
            value, baseline = run.metrics[name], run.baseline[name]
            place.metric(
                label,
                f"{value:.3f}",
                f"{value - baseline:+.3f}",
                delta_description=f"popularity {baseline:.3f}",
                delta_color="inverse" if name == "rmse" else "normal",
                help=meaning,
                border=True,
            )


def draw_outcome(state: State, job: TrainingJob, run: TrainingRun) -> None:
    st.subheader("The new model", anchor=False)
    with st.container(horizontal=True):
        button("Keep: recommend with it", keep, state, job, icon="check", type="primary")
        later = "It stays in the list of runs below, and can be put to use later."
        button("Not now", drop_job, icon="close", help=later)
        draw_download(run.model)
    draw_run(run)


def draw_model_in_use(state: State) -> None:
    kind = "the default one" if state.uses_default else "that of a run of yours"
    st.subheader("The model in use", anchor=False)
    st.caption(f"The pages recommend with this model: {kind}.")
    with st.container(horizontal=True):
        if not state.uses_default:
            button("Back to the default model", use_run, state, None, icon="undo")
        draw_download(state.run.model)
    draw_run(state.run)


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
draw_dataset(state)
preset = choose_preset()
with st.form("training"):
    plan = choose_plan(preset)
    wanted = st.form_submit_button("Train", type="primary", icon=":material/model_training:")
if wanted:
    start(state, *plan)
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
