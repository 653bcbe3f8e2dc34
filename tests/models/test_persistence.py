from __future__ import annotations

import json
import os
import threading

import numpy as np
import pytest
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from cinefold import Interactions, WeightedMatrixFactorization


@pytest.fixture
def model(interactions):
    train, validation = interactions.split(random_state=1)
    return WeightedMatrixFactorization(5, max_iter=3).fit(train, validation=validation)


def same(a, b):
    assert a.get_params() == b.get_params()
    assert np.array_equal(a.user_factors_, b.user_factors_)
    assert np.array_equal(a.item_factors_, b.item_factors_)
    assert a.history_ == b.history_
    assert (a.n_iter_, a.stop_reason_) == (b.n_iter_, b.stop_reason_)
    for ids in ("user_ids", "item_ids"):
        assert np.array_equal(getattr(a.interactions_, ids), getattr(b.interactions_, ids))
    assert (a.interactions_.by_user != b.interactions_.by_user).nnz == 0


def test_round_trip(model, tmp_path):
    path = tmp_path / "model.safetensors"
    model.save(path)
    loaded = WeightedMatrixFactorization.load(path)
    same(model, loaded)
    user = model.interactions_.user_ids[4]
    assert np.array_equal(model.recommend(user).items, loaded.recommend(user).items)
    ratings = {10: 5.0, 20: 1.0, 40: 3.5}
    assert np.array_equal(model.fold_in(ratings).factors, loaded.fold_in(ratings).factors)
    assert list(tmp_path.iterdir()) == [path]


def test_string_ids_and_weights(tmp_path):
    data = Interactions.from_arrays(
        ["zoë", "adam", "zoë", "李"],
        ["a", "ü", "ccc", "a"],
        [5.0, 3, 2, 4],
        weights=[1.0, 2, 0.5, 1],
    )
    model = WeightedMatrixFactorization(2, max_iter=2).fit(data)
    path = tmp_path / "m"
    model.save(path)
    loaded = WeightedMatrixFactorization.load(path)
    same(model, loaded)
    assert np.array_equal(loaded.interactions_.weights, data.weights)
    assert loaded.recommend("zoë").items.tolist() == ["ü"]


def test_header_is_json(model, tmp_path):
    model.save(tmp_path / "m")
    with safe_open(tmp_path / "m", framework="numpy") as file:
        header = file.metadata()
    assert header["format"] == "cinefold-model"
    assert json.loads(header["parameters"])["n_factors"] == 5


def test_a_failed_save_leaves_the_old_file(model, tmp_path):
    path = tmp_path / "m"
    model.save(path)
    before = path.read_bytes()
    model._fitted.parameters["tol"] = object()
    with pytest.raises(TypeError):
        model.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_an_error_of_the_system(model, tmp_path, monkeypatch):
    def fill(arrays, path, metadata):
        path.write_bytes(b"as much as there was room for")
        raise SafetensorError("No space left on device")

    monkeypatch.setattr("cinefold.models.persistence.save_file", fill)
    with pytest.raises(OSError, match="No space left"):
        model.save(tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_what_is_not_a_model_is_refused(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="no model file"):
        WeightedMatrixFactorization.load(tmp_path / "missing")
    path = tmp_path / "m"
    path.write_bytes(b"not a model")
    with pytest.raises(ValueError, match="not a Cinefold model or is damaged"):
        WeightedMatrixFactorization.load(path)
    save_file({"x": np.zeros(2)}, path)
    with pytest.raises(ValueError, match="not a Cinefold model"):
        WeightedMatrixFactorization.load(path)
    save_file(
        {"x": np.zeros(2)}, path, metadata={"format": "cinefold-model", "format_version": "99"}
    )
    with pytest.raises(ValueError, match="update it"):
        WeightedMatrixFactorization.load(path)
    model.save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="damaged"):
        WeightedMatrixFactorization.load(path)


def rewritten(path, **changes):
    """The model file with another header."""
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header = {**file.metadata(), **changes}
    save_file(tensors, path, metadata={k: v for k, v in header.items() if v is not None})


def test_files_of_earlier_versions(model, tmp_path):
    """They say "cholesky", and no numbers in place of "scale"."""
    path = tmp_path / "m"
    model.save(path)
    parameters = json.dumps({**model.get_params(), "solver": "cholesky"})
    rewritten(path, parameters=parameters, objective=None)
    loaded = WeightedMatrixFactorization.load(path)
    assert loaded.solver == "exact"
    assert loaded.objective_ == model.objective_


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": '{"n_factors": "many"}'},
        {"parameters": '{"factors": 3}'},
        {"parameters": "[1, 2]"},
        {"parameters": "[" * 100_000},
        {"objective": '{"lambda": 1}'},
        {"history": None},
        {"best_iteration": "last"},
    ],
)
def test_a_header_that_makes_no_sense_is_refused(model, tmp_path, changes):
    path = tmp_path / "m"
    model.save(path)
    rewritten(path, **changes)
    with pytest.raises(ValueError, match=r"damaged|parameters|invalid literal"):
        WeightedMatrixFactorization.load(path)


def test_parameters_from_a_grid_are_kept(interactions, tmp_path):
    grid = {"n_factors": np.int64(3), "alpha": np.float32(0.25), "biases": np.bool_(False)}
    model = WeightedMatrixFactorization(**grid, max_iter=1).fit(interactions)
    model.save(tmp_path / "m")
    assert WeightedMatrixFactorization.load(tmp_path / "m").get_params() == model.get_params()


@pytest.mark.parametrize("kind", [np.random.default_rng, np.random.RandomState])
def test_generators_seed_a_model_that_can_be_kept(interactions, tmp_path, kind):
    generator = kind(3)
    one, other = (
        WeightedMatrixFactorization(3, max_iter=1, random_state=generator).fit(interactions)
        for _ in range(2)
    )
    assert not np.array_equal(one.user_factors_, other.user_factors_)
    again = WeightedMatrixFactorization(3, max_iter=1, random_state=kind(3)).fit(interactions)
    assert np.array_equal(one.user_factors_, again.user_factors_)
    one.save(tmp_path / "m")
    assert WeightedMatrixFactorization.load(tmp_path / "m").random_state is None


UNSOUND = {
    "column -5": ("ratings.items", lambda items, n: np.where(items == items[0], -5, items)),
    "a column too far": ("ratings.items", lambda items, n: np.where(items == items[0], n, items)),
    "64 bits that would wrap": ("ratings.items", lambda items, n: items + np.int64(2**32)),
    "fractions": ("ratings.items", lambda items, n: items + 0.5),
    "offsets that fall": ("ratings.offsets", lambda offsets, n: np.sort(offsets)[::-1]),
    "offsets beyond the ratings": ("ratings.offsets", lambda offsets, n: offsets + (offsets > 0)),
    "a user too few": ("ratings.offsets", lambda offsets, n: offsets[:-1]),
    "NaN": ("ratings.values", lambda values, n: values * np.nan),
    "two dimensions": ("ratings.values", lambda values, n: values[:, None]),
}  # fmt: skip


@pytest.mark.parametrize("case", UNSOUND)
def test_unsound_ratings_are_refused(model, tmp_path, case):
    path = tmp_path / "m"
    model.save(path)
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header = file.metadata()
    name, change = UNSOUND[case]
    tensors[name] = np.ascontiguousarray(change(tensors[name], model.interactions_.n_items))
    save_file(tensors, path, metadata=header)
    with pytest.raises(ValueError, match="matrix"):
        WeightedMatrixFactorization.load(path)


def test_a_model_goes_through_a_pipe(model, tmp_path):
    fifo, read = tmp_path / "fifo", []
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: read.append(fifo.read_bytes()))
    reader.start()
    model.save(fifo)
    reader.join()
    (tmp_path / "m").write_bytes(read[0])
    same(model, WeightedMatrixFactorization.load(tmp_path / "m"))
    assert fifo.is_fifo()
