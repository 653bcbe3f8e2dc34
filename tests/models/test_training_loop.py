"""How a fit ends."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest

from cinefold.als.iterations import Problem
from cinefold.models import NotFittedError
from cinefold.models.default_search import settings_for
from cinefold.models.training_loop import Resumed, run_fit
from tests.als.test_backend import random_ratings
from tests.models.small_models import dense, small_model
from tests.oracle import relative_error


def test_stops_when_the_objective_settles(interactions):
    model = small_model(max_iter=200, tol=1e-3).fit(interactions)
    assert model.stop_reason_ == "converged"
    assert 2 <= model.n_iter_ < 200
    before, last = (record["objective"] for record in model.history_[-2:])
    assert before - last <= 1e-3 * before


def test_a_fit_that_was_cut_off_when_it_had_converged_makes_no_iteration_more(interactions):
    whole = small_model(max_iter=200, tol=1e-3).fit(interactions)
    again = small_model(max_iter=200, tol=1e-3)
    settings = settings_for(again, interactions, 1)
    problem = Problem(interactions, settings.objective, 1)
    kept = Resumed(whole._factors, whole.history_, whole._factors)
    run_fit(again, problem, settings, None, (), False, kept)
    assert (again.stop_reason_, again.n_iter_) == ("converged", whole.n_iter_)


def test_a_callback_sees_every_iteration_and_can_stop(interactions):
    seen = []

    def callback(model, record):
        seen.append((record["iteration"], model.user_factors_.copy()))
        return record["iteration"] == 3

    model = small_model().fit(interactions, callbacks=[callback])
    assert model.stop_reason_ == "callback"
    assert [iteration for iteration, _ in seen] == [1, 2, 3]
    assert np.array_equal(seen[-1][1], model.user_factors_)


def test_ctrl_c_keeps_what_was_learnt():
    ratings = random_ratings(np.random.default_rng(0), 2000, 3000, 0.2)
    model = small_model(n_factors=256, max_iter=1000)
    killers = []

    def interrupt_soon(*_):
        if not killers:
            # Into the next half-step.
            killers.append(threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)))
            killers[0].start()

    with pytest.raises(KeyboardInterrupt):
        model.fit(ratings, callbacks=[interrupt_soon])
    killers[0].join()
    assert model.stop_reason_ == "interrupted"
    assert model.n_iter_ == len(model.history_) >= 1
    users = dense(model, ratings[:3]).solve(model.item_factors_)
    assert relative_error(model.user_factors_[:3], users) < 1e-4


def test_progress_bar_can_be_shown_and_hidden(interactions, capsys):
    small_model().fit(interactions, progress=True)
    assert "WALS" in capsys.readouterr().err
    small_model().fit(interactions, progress=False)
    small_model().fit(interactions)  # standard error is no terminal here
    assert capsys.readouterr().err == ""


def test_ctrl_c_before_the_first_iteration_leaves_nothing(interactions, monkeypatch):
    model = small_model().fit(interactions)

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("cinefold.models.callbacks.Validation.rmse", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(
            interactions, validation=interactions.select(np.zeros(interactions.n_ratings, bool))
        )
    with pytest.raises(NotFittedError):
        model.recommend(interactions.user_ids[0])


def test_ctrl_c_in_a_callback_keeps_the_iteration_before_it(interactions):
    def interrupt(model, record):
        if record["iteration"] == 3:
            raise KeyboardInterrupt

    model = small_model()
    with pytest.raises(KeyboardInterrupt):
        model.fit(interactions, callbacks=[interrupt])
    assert (model.stop_reason_, model.n_iter_, model.best_iteration_) == ("interrupted", 3, 3)
    complete = small_model(max_iter=3).fit(interactions)
    assert np.array_equal(model.item_factors_, complete.item_factors_)
    np.testing.assert_allclose(model.user_factors_, complete.user_factors_, rtol=1e-5, atol=1e-6)


def test_all_callbacks_are_asked_and_the_first_gives_the_reason(interactions):
    class Stop:
        stop_reason = "enough"

        def __call__(self, model, record):
            return record["iteration"] == 2

    asked = []
    model = small_model(tol=1.0).fit(interactions, callbacks=[Stop(), lambda *_: asked.append(1)])
    assert model.stop_reason_ == "enough"  # and converged
    assert len(asked) == 2
