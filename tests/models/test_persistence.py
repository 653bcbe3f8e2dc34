from __future__ import annotations

import json
import os
import threading

import numpy as np
import pytest
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from cinefold import Interactions, WeightedMatrixFactorization
from tests.models.small_models import small_model


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

    monkeypatch.setattr("cinefold.interactions.tensor_files.save_file", fill)
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


def rewrite(path, arrays=(), **texts):
    """The model file with other content and, as of earlier versions, without a checksum."""
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()} | dict(arrays)  # noqa: SIM118
        header = {**file.metadata(), "sha256": None, **texts}
    kept = {name: np.ascontiguousarray(a) for name, a in tensors.items() if a is not None}
    save_file(kept, path, metadata={k: v for k, v in header.items() if v is not None})


def test_files_of_earlier_versions(model, tmp_path):
    """They say "cholesky", no numbers in place of "scale", and have no checksum."""
    path = tmp_path / "m"
    model.save(path)
    parameters = json.dumps({**model.get_params(), "solver": "cholesky"})
    rewrite(path, parameters=parameters, objective=None)
    with pytest.warns(UserWarning, match="m is of an earlier version of Cinefold and has no check"):
        loaded = WeightedMatrixFactorization.load(path)
    assert loaded.solver == "exact"
    assert loaded.objective_ == model.objective_
    loaded.save(path)
    assert WeightedMatrixFactorization.load(path).get_params() == loaded.get_params()


def of(name, **changes):
    """The header's object of that name, with changes."""
    return lambda texts: {name: json.dumps({**json.loads(texts[name]), **changes})}


def of_history(**changes):
    def change(texts):
        first, *others = json.loads(texts["history"])
        return {"history": json.dumps([{**first, **changes}, *others])}

    return change


WRONG_TEXTS = [
    *({"parameters": text} for text in ("[1, 2]", "[" * 100_000, "null", "3", '"a"', "{", "{}x")),
    of("parameters", factors=3),
    of("parameters", n_factors="many"),
    of("parameters", n_factors=None),
    of("parameters", n_factors=7),
    of("parameters", alpha=float("nan")),
    of("parameters", target=["rating"]),
    of("parameters", random_state="now"),
    of("parameters", random_state=-1),
    of("parameters", biases=True, unobserved_weight=0.0, target="rating"),
    *({"objective": text} for text in ("[1]", "7", '{"lambda": 1}', "[" * 100_000)),
    of("objective", unobserved_weight="scale"),
    of("objective", regularization=float("inf")),
    of("objective", target="stars"),
    *({"history": text} for text in (None, "null", "3", "{}", "[1]", "[{}]", "[[]]")),
    of_history(iteration=2),
    of_history(objective=None),
    of_history(train_rmse="low"),
    *({"best_iteration": text} for text in (None, "last", "0", "-1", "10000", "1" * 5000)),
    {"stop_reason": None},
    {"format_version": "1.5"},
    {"format_version": "3"},
    {"added": "later"},
]


@pytest.mark.parametrize("number", range(len(WRONG_TEXTS)))
def test_a_header_that_makes_no_sense_is_refused(model, tmp_path, number):
    path, change = tmp_path / "m", WRONG_TEXTS[number]
    model.save(path)
    with safe_open(path, framework="numpy") as file:
        rewrite(path, **(change if isinstance(change, dict) else change(file.metadata())))
    with pytest.raises(ValueError, match="m is not a Cinefold model or is damaged: ") as caught:
        WeightedMatrixFactorization.load(path)
    assert len(str(caught.value)) < 500 + len(str(path))


def safetensors(texts=b"{}", arrays=b"", content=b"", length=None):
    header = b'{"__metadata__":' + texts + arrays + b"}"
    return (len(header) if length is None else length).to_bytes(8, "little") + header + content


NO_SAFETENSORS = {
    "empty": b"",
    "short": b"\1\0\0",
    "no header": bytes(8),
    "a header that is longer than the file": safetensors(length=2**63),
    "a list": (2).to_bytes(8, "little") + b"[]",
    "null as texts": safetensors(b"null"),
    "a number as text": safetensors(b'{"format": 1}'),
    "deep": safetensors(b"[" * 100_000),
    "an array that is no object": safetensors(arrays=b',"a":[]'),
    "a type of others": safetensors(arrays=b',"a":{"dtype":"C64","shape":[],"data_offsets":[0,0]}'),
    "an array of a terabyte": safetensors(
        arrays=b',"a":{"dtype":"F32","shape":[250000000000],"data_offsets":[0,1000000000000]}'
    ),
    "a negative shape": safetensors(
        arrays=b',"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,-1]}', content=b"1234"
    ),
    "a shape of fractions": safetensors(
        arrays=b',"a":{"dtype":"U8","shape":[4.0],"data_offsets":[0,4]}', content=b"1234"
    ),
    "a shape beyond all": safetensors(
        arrays=b',"a":{"dtype":"U8","shape":[0,%d],"data_offsets":[0,0]}' % 2**70
    ),
    "a gap": safetensors(
        arrays=b',"a":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}', content=b"1234"
    ),
    "more than it says": safetensors(content=b"1234"),
}  # fmt: skip


@pytest.mark.parametrize("case", NO_SAFETENSORS)
def test_damaged_safetensors_are_refused(tmp_path, case):
    (tmp_path / "m").write_bytes(NO_SAFETENSORS[case])
    with pytest.raises(ValueError, match=r"m is not a Cinefold model or is damaged: .{,350}$"):
        WeightedMatrixFactorization.load(tmp_path / "m")


def test_flipped_bits_are_noticed(tmp_path):
    data = Interactions.from_arrays(["a", "b"], ["x", "yy"])
    model = WeightedMatrixFactorization(1, max_iter=1).fit(data)
    path = tmp_path / "m"
    model.save(path)
    content = path.read_bytes()
    for bit in range(0, 8 * len(content), 31):  # every eighth time the same of a byte
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(ValueError, match="damaged"):
            WeightedMatrixFactorization.load(path)


def test_a_file_that_shrinks_while_it_is_read_is_an_error(model, tmp_path, monkeypatch):
    path = tmp_path / "m"
    model.save(path)
    read = np.fromfile

    def shrink_and_read(file, *arguments):
        os.truncate(path, 3000)
        return read(file, *arguments)

    monkeypatch.setattr(np, "fromfile", shrink_and_read)
    with pytest.raises(ValueError, match="damaged"):
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


def first(value):
    """The first entry (row) becomes `value`."""
    return lambda array: np.concatenate([np.full_like(array[:1], value), array[1:]])


def replaced(old, new):
    return lambda array: np.where(array == old, new, array).astype(array.dtype)


UNSOUND = {
    "column -5": {"ratings.items": replaced(0, -5)},
    "a column too far": {"ratings.items": lambda items: items + np.int32(1)},
    "64 bits that would wrap": {"ratings.items": lambda items: items + np.int64(2**32)},
    "fractions": {"ratings.items": lambda items: items + 0.5},
    "columns that fall": {"ratings.items": lambda items: items[::-1]},
    "offsets that fall": {"ratings.offsets": lambda offsets: np.sort(offsets)[::-1]},
    "offsets beyond the ratings": {"ratings.offsets": lambda offsets: offsets + (offsets > 0)},
    "a user too few": {"ratings.offsets": lambda offsets: offsets[:-1]},
    "a rating NaN": {"ratings.values": first(np.nan)},
    "ratings of two dimensions": {"ratings.values": lambda values: values[:, None]},
    "ratings in double": {"ratings.values": np.float64},
    "no ratings": {"ratings.values": lambda _: None},
    "a weight of 0": {"ratings.weights": first(0)},
    "weights of some": {"ratings.weights": lambda weights: weights[1:]},
    "a user's vector NaN": {"user_factors": first(np.nan)},
    "a user's vector too long": {"user_factors": first(3e38)},
    "an item's vector infinite": {"item_factors": first(np.inf)},
    "other item vectors": {"item_factors": lambda items: items[:, ::-1]},
    "factors in half": {"user_factors": np.float16},
    "a spectrum NaN": {"item_spectrum": first(np.nan)},
    "a spectrum that rises": {"item_spectrum": lambda spectrum: spectrum[::-1]},
    "a spectrum below 0": {"item_spectrum": np.negative},
    "another spectrum": {"item_spectrum": lambda spectrum: spectrum * 2},
    "a factor too few": {"item_spectrum": lambda spectrum: spectrum[:-1]},
    "a mean NaN": {"biases.mean": first(np.nan)},
    "two means": {"biases.mean": lambda mean: np.tile(mean, 2)},
    "a bias infinite": {"biases.baseline": first(np.inf)},
    "biases of some": {"biases.baseline": lambda baseline: baseline[1:]},
    "biases without direction": {"biases.direction": lambda direction: 0 * direction},
    "half of the biases": {"biases.direction": lambda _: None},
    "user ids that fall": {"user_ids": lambda ids: ids[::-1]},
    "user ids that repeat": {"user_ids": lambda ids: ids * 0},
    "user ids as bytes": {"user_ids": lambda ids: ids.view(np.uint8)},
    "item ids that are not UTF-8": {"item_ids": first(0xFF)},
    "item ids as integers": {"item_ids": np.int64},
    "item ids beyond their bytes": {"item_ids.offsets": lambda offsets: offsets + (offsets > 0)},
    "item ids from -1": {"item_ids.offsets": first(-1)},
    "item ids of lengths below 0": {"item_ids.offsets": replaced(1, 3)},
    "item ids without offsets": {"item_ids.offsets": lambda _: None},
    "an item too many": {"item_ids.offsets": lambda offsets: np.append(offsets, offsets[-1])},
    "what is not known": {"user_factors": lambda _: None, "users": lambda _: np.zeros(3)},
}  # fmt: skip


@pytest.fixture(scope="module")
def with_biases(tmp_path_factory):
    """The file of a model that has all arrays there are, and what they hold."""
    rows, columns = np.divmod(np.arange(0, 40, 3), 8)
    data = Interactions.from_arrays(
        10 * rows, np.array(list("abcdefgh"))[columns], 1.0 + rows % 4, weights=1.0 + columns
    )
    options = {"unobserved_weight": 0.0, "target": "rating", "biases": True}
    path = tmp_path_factory.mktemp("model") / "m"
    WeightedMatrixFactorization(2, max_iter=1, **options).fit(data).save(path)
    with safe_open(path, framework="numpy") as file:
        return path.read_bytes(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


@pytest.mark.parametrize("case", UNSOUND)
def test_unsound_arrays_are_refused(with_biases, tmp_path, case):
    content, arrays = with_biases
    path = tmp_path / "m"
    path.write_bytes(content)
    WeightedMatrixFactorization.load(path)
    changed = {name: change(arrays.get(name)) for name, change in UNSOUND[case].items()}
    rewrite(path, changed)
    with pytest.raises(ValueError, match=r"m is not a Cinefold model or is damaged: .{,350}$"):
        WeightedMatrixFactorization.load(path)


def test_ids_of_text_are_kept_to_the_last_character(tmp_path):
    ids = ["", "a", "a\0", "b", "x" * 1_000_000, "\ud800"]
    model = small_model(n_factors=2).fit(Interactions.from_arrays(ids, ids, range(6)))
    model.save(tmp_path / "m")
    loaded = WeightedMatrixFactorization.load(tmp_path / "m")
    assert loaded.interactions_.user_ids.tolist() == ids
    assert loaded.recommend("a\0").items.tolist() == model.recommend("a\0").items.tolist()
    assert "a" in loaded.recommend("b", 9, exclude=["a\0"]).items


def test_scalars_of_numpy_are_parameters_like_others(interactions, tmp_path):
    parameters = {"n_factors": np.int64(3), "max_iter": np.uint8(2), "tol": np.float16(0)}
    parameters |= {"alpha": np.float32(0.5), "biases": np.bool_(0), "target": np.str_("sqrt")}
    model = WeightedMatrixFactorization(**parameters, random_state=np.int32(3)).fit(interactions)
    model.save(tmp_path / "m")
    loaded = WeightedMatrixFactorization.load(tmp_path / "m")
    assert loaded.get_params() == model.get_params()


def test_the_parameters_in_the_file_are_those_of_the_factors(interactions, tmp_path):
    model = small_model().fit(interactions)
    before = model.get_params()
    folded = model.fold_in({10: 5.0, 30: 1.0})
    model.set_params(unobserved_weight=0.9, regularization=9.0, n_factors=50, target="binary")
    assert np.array_equal(model.fold_in({10: 5.0, 30: 1.0}).factors, folded.factors)
    model.save(tmp_path / "m")
    loaded = WeightedMatrixFactorization.load(tmp_path / "m")
    assert loaded.get_params() == before
    assert np.array_equal(loaded.fold_in({10: 5.0, 30: 1.0}).factors, folded.factors)
    assert np.array_equal(loaded.recommend(folded).items, model.recommend(folded).items)


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
