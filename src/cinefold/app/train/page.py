"""Training a model with other parameters, and using it or not."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from cinefold import WeightedMatrixFactorization
from cinefold.app.shared.charts import learning_curve, ranking_curve
from cinefold.app.shared.display import literal
from cinefold.app.shared.studio import Studio, choose_dataset, open_studio
from cinefold.app.train.run_table import draw_runs, use_run
from cinefold.app.train.settings import Plan, choose_plan, choose_preset
from cinefold.datasets import list_datasets
from cinefold.serving.background import TrainingJob, find_job

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cinefold.models import WeightedMatrixFactorization
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


def draw_dataset(studio: Studio) -> None:
    """The data set of this session, with what another one would take."""
    names = [spec.name for spec in list_datasets()]
    current = studio.data.name
    if current not in names:
        names.insert(0, current)
    titles = {spec.name: f"{spec.title} ({spec.size / 1e6:,.0f} MB)" for spec in list_datasets()}
    st.session_state["train-dataset"] = current
    st.selectbox(
        "Data set",
        names,
        format_func=lambda name: titles.get(name, name),
        key="train-dataset",
        on_change=lambda: choose_dataset(st.session_state["train-dataset"]),
        help="Of all pages, for you alone. One that is not here yet is fetched, and gets a model.",
        width=360,
    )


def start(studio: Studio, plan: Plan) -> None:
    """Train in the background; a training under way in this session ends."""
    drop_job()
    job = TrainingJob(
        studio.data.interactions,
        WeightedMatrixFactorization(**plan.parameters),
        validation_fraction=plan.validation_fraction,
        random_state=plan.random_state,
        history=studio.history,
    )
    job.start()
    st.session_state[_JOB] = job


def current_job() -> TrainingJob | None:
    """That of this session, or of the address (?training=…), so that a reload finds it again."""
    job: TrainingJob | None = st.session_state.get(_JOB) or find_job(st.query_params.get(_QUERY))
    st.session_state[_JOB] = job
    if job is None:
        st.query_params.pop(_QUERY, None)
    else:
        st.query_params[_QUERY] = job.token
    return job


def drop_job() -> None:
    job: TrainingJob | None = st.session_state.pop(_JOB, None)
    st.query_params.pop(_QUERY, None)
    if job is not None:
        job.abandon()


def keep(studio: Studio, job: TrainingJob) -> None:
    if job.run_id is not None:
        use_run(studio, job.run_id)
    elif job.outcome is not None:  # it could not be written
        studio.use(job.outcome)
    drop_job()


@st.fragment(run_every=_REFRESH_SECONDS)
def draw_progress(job: TrainingJob) -> None:
    """Redraws itself while the job runs; then the whole page."""
    if not job.running:
        st.rerun()
    done, total = len(job.records), job.model.max_iter
    ending = job.stopping or done == total
    st.progress(done / total, _stage(done, total, ending))
    st.button(
        "Stop and keep what was learnt",
        icon=":material/stop_circle:",
        disabled=ending or not done,
        on_click=job.stop,
    )


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
            "are predicted from it and from how high users rate and films are rated."
        )
    iterations, end = len(run.history), _ENDS.get(run.stop_reason, run.stop_reason)
    st.caption(
        f"{iterations} iterations ({end}), {run.seconds:.1f} s, "
        f"{run.split['fraction']:.0%} of the ratings held out (seed {run.split['random_state']}). "
        "The model to use was then trained on all ratings."
    )


def draw_metrics(run: TrainingRun) -> None:
    rmse, ndcg, recall = st.columns(3)
    _metric(rmse, run, "rmse", "RMSE (stars)", lower_is_better=True, meaning=_RMSE)
    _metric(ndcg, run, "ndcg_at_10", "NDCG@10 (0 to 1)", meaning=_NDCG)
    _metric(recall, run, "recall_at_10", "Recall@10 (0 to 1)", meaning=_RECALL)


_RMSE = "Error of the predicted stars of held-out ratings; lower is better."
_NDCG = "How high the held-out films stand in the lists of ten; higher is better."
_RECALL = "Share of the held-out films that the lists of ten found; higher is better."


def _metric(
    place: Any,
    run: TrainingRun,
    key: str,
    label: str,
    *,
    meaning: str,
    lower_is_better: bool = False,
) -> None:
    if key not in run.metrics:
        return
    value, baseline = run.metrics[key], run.baseline[key]
    place.metric(
        label,
        f"{value:.3f}",
        f"{value - baseline:+.3f}",
        delta_description=f"popularity {baseline:.3f}",
        delta_color="inverse" if lower_is_better else "normal",
        help=meaning,
        border=True,
    )


_NOT_NOW = "It stays in the list of runs below, and can be put to use later."


def draw_outcome(studio: Studio, job: TrainingJob, run: TrainingRun) -> None:
    st.subheader("The new model", anchor=False)
    with st.container(horizontal=True):
        st.button(
            "Keep: recommend with it",
            type="primary",
            icon=":material/check:",
            on_click=keep,
            args=(studio, job),
        )
        st.button("Not now", icon=":material/close:", on_click=drop_job, help=_NOT_NOW)
        draw_download(run.model)
    draw_run(run)


def draw_model_in_use(studio: Studio) -> None:
    kind = "the default one" if studio.uses_default else "that of a run of yours"
    st.subheader("The model in use", anchor=False)
    st.caption(f"The pages recommend with this model: {kind}.")
    with st.container(horizontal=True):
        if not studio.uses_default:
            st.button(
                "Back to the default model",
                icon=":material/undo:",
                on_click=use_run,
                args=(studio, None),
            )
        draw_download(studio.run.model)
    draw_run(studio.run)


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


studio = open_studio()
st.title("Train", anchor=False)
draw_dataset(studio)
preset = choose_preset()
with st.form("training"):
    plan = choose_plan(preset)
    wanted = st.form_submit_button("Train", type="primary", icon=":material/model_training:")
if wanted:
    start(studio, plan)
job = current_job()
if job is not None and job.running:
    draw_progress(job)
    draw_live_curves(job)
elif job is not None and job.outcome is not None:
    draw_outcome(studio, job, job.outcome)
else:
    if job is not None and job.error is not None:
        st.error(f"Training failed: {literal(job.error)}", icon=":material/error:")
    draw_model_in_use(studio)
draw_runs(studio)
