"""``cinefold info`` and ``cinefold.show_versions``."""

from __future__ import annotations

import json
import re

import pytest
from threadpoolctl import threadpool_limits

import cinefold
from cinefold import _show_versions
from cinefold.als import backend
from cinefold.cli import commands
from cinefold.datasets import dataset_info

SIMD_ERROR = "CINEFOLD_SIMD is 'abacus'; this machine runs: " + ", ".join(backend.simd_levels())


@pytest.fixture(autouse=True)
def surroundings(tmp_path, monkeypatch):
    """An empty cache and no instruction set asked for."""
    monkeypatch.setenv("CINEFOLD_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("CINEFOLD_SIMD", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.fixture
def printed(capsys):
    """What ``cinefold info`` prints, with its exit code."""

    def run(*options):
        code = commands.run(["info", *options])
        return code, *capsys.readouterr()

    return run


def test_facts_are_those_of_the_parts():
    facts = _show_versions.environment()
    assert facts["cinefold"] == cinefold.__version__
    assert facts["packages"]["numpy"] == __import__("numpy").__version__
    assert {"altair", "streamlit", "psycopg", "optuna"} <= facts["packages"].keys()
    assert not {"cinefold", "ruff"} & facts["packages"].keys()
    assert facts["instruction_set"]["used"] == backend.simd_levels()[0]
    assert facts["threads"] <= facts["cores"] >= facts["thread_limits"]["cores"]
    assert facts["processor"]


def test_what_limits_the_threads_is_said(monkeypatch):
    facts = _show_versions.environment()
    facts["thread_limits"] = {"OMP_NUM_THREADS": None, "cores": 16, "quota": 2}
    facts["threads"] = 2
    expected = "2 (16 cores allowed, quota of the container: 2; OMP_NUM_THREADS can choose)"
    assert _show_versions.in_words(facts)["Threads by default"] == expected
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    shown = _show_versions.in_words(_show_versions.environment())
    assert shown["Threads by default"].startswith("3 (OMP_NUM_THREADS chose; ")


def test_packages_that_are_not_installed(monkeypatch):
    monkeypatch.setattr(
        _show_versions, "requires", lambda _: ["no-such.package[x]>=2; extra == 'a'"]
    )
    facts = _show_versions.environment()
    assert facts["packages"] == {"no-such.package": None}
    assert _show_versions.in_words(facts)["no-such.package"] == "not installed"


def test_data_sets_in_the_cache(tmp_path):
    assert _show_versions.environment()["cache"] == {"folder": str(tmp_path), "data_sets": []}
    (tmp_path / dataset_info("ml-100k").archive).touch()
    facts = _show_versions.environment()
    assert facts["cache"]["data_sets"] == ["ml-100k"]
    assert _show_versions.in_words(facts)["Data sets in it"] == "ml-100k"


def test_threads_of_the_blas():
    with threadpool_limits(1, user_api="blas"):
        libraries = _show_versions.environment()["blas"]
    assert all(library["num_threads"] == 1 for library in libraries)


def test_whose_blas_it_is(monkeypatch):
    library = {
        "user_api": "blas",
        "internal_api": "openblas",
        "num_threads": 1,
        "filepath": "/x/site-packages/numpy.libs/libscipy_openblas64_-1.so",
        "version": None,
    }
    other = {**library, "version": "0.3", "filepath": "/usr/lib/libopenblas.so.0"}
    monkeypatch.setattr(_show_versions, "threadpool_info", lambda: [library, other])
    facts = _show_versions.environment()
    expected = "openblas (numpy.libs), threads: 1; openblas 0.3 (lib), threads: 1"
    assert _show_versions.in_words(facts)["BLAS"] == expected


def test_an_unknown_blas(monkeypatch):
    monkeypatch.setattr(_show_versions, "threadpool_info", list)
    facts = _show_versions.environment()
    assert _show_versions.in_words(facts)["BLAS"] == "none that threadpoolctl knows"


def test_show_versions_prints_a_line_for_each(capsys):
    cinefold.show_versions()
    lines = capsys.readouterr().out.splitlines()
    shown = dict(re.split(r"  +", line, maxsplit=1) for line in lines)
    assert shown == _show_versions.in_words(_show_versions.environment())


def test_info_prints_the_same(printed):
    code, out, _ = printed()
    assert code == 0
    for name, value in _show_versions.in_words(_show_versions.environment()).items():
        assert name in out
        assert value in out


def test_info_as_json(printed):
    code, out, _ = printed("--json")
    assert code == 0
    assert json.loads(out) == _show_versions.environment()


@pytest.mark.parametrize("level", backend.simd_levels())
def test_a_chosen_instruction_set(printed, monkeypatch, level):
    monkeypatch.setenv("CINEFOLD_SIMD", level)
    assert f"{level} (CINEFOLD_SIMD chose among " in printed()[1]
    levels = json.loads(printed("--json")[1])["instruction_set"]
    assert levels == {"used": level, "available": backend.simd_levels(), "CINEFOLD_SIMD": level}


def test_an_unknown_instruction_set_is_one_line(printed, monkeypatch):
    monkeypatch.setenv("CINEFOLD_SIMD", "abacus")
    assert printed() == (2, "", f"cinefold: {SIMD_ERROR}\n")
    with pytest.raises(ValueError, match=re.escape(SIMD_ERROR)):
        cinefold.show_versions()
