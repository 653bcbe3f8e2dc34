"""What decides whether the environment is made, kept or brought up to date."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
import venv
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "environment.py"


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """The script, working on a small checkout."""
    spec = importlib.util.spec_from_file_location("environment", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    (tmp_path / "native").mkdir()
    (tmp_path / "native" / "core.cpp").write_text("int f() { return 1; }")
    (tmp_path / "CMakeLists.txt").write_text("project(x)")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    for name, place in {"VENV": "", "RECORD": "setup.json", "PYTHON": "bin/python"}.items():
        monkeypatch.setattr(module, name, tmp_path / ".venv" / place)
    monkeypatch.delenv("CXX", raising=False)
    return module


@pytest.fixture
def project():
    return tomllib.loads(
        """
        [build-system]
        requires = ["backend"]
        [project]
        name = "movies"
        dependencies = ["base"]
        optional-dependencies.app = ["page"]
        optional-dependencies.store = ["table[fast]>=2"]
        optional-dependencies.all = ["movies[app, store]", "more"]
        [dependency-groups]
        build = ["cmake"]
        [tool.scikit-build]
        cmake.build-type = "Release"
        """
    )


def working_environment(environment):
    venv.create(environment.VENV, symlinks=True)
    for library in environment.VENV.glob("lib/python*"):
        (library / "site-packages" / "pip.py").touch()
    record = {"base": environment.base_python()}
    environment.write_record(record)
    return record


def test_no_environment_yet(environment):
    assert environment.fault(environment.read_record()) == "there is none yet"


def test_one_that_works_is_kept(environment):
    working_environment(environment)
    assert environment.fault(environment.read_record()) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"root": "/elsewhere"}, "it was made in /elsewhere"),
        ({"version": [3, 2]}, "it was made with another Python"),
        ({"prefix": "/opt/old"}, "it was made with another Python"),
    ],
)
def test_one_of_another_place_or_python_is_not(environment, change, said):
    record = working_environment(environment)
    assert environment.fault({"base": record["base"] | change}) == said


def test_nor_one_that_was_left_half_installed(environment):
    record = working_environment(environment)
    assert "interrupted" in environment.fault({**record, "installing": True})


def test_nor_one_whose_python_is_gone(environment):
    record = working_environment(environment)
    environment.PYTHON.unlink()
    assert environment.fault(record) == "it is broken"


def test_a_damaged_record_counts_for_nothing(environment):
    working_environment(environment)
    environment.RECORD.write_text('{"core": ')
    assert environment.read_record() == {}


def test_the_core_is_built_again_for_what_it_is_built_from(environment, project):
    before = environment.core_fingerprint(project)
    (environment.ROOT / "notes.txt").write_text("anything")
    project["tool"]["ruff"] = {"line-length": 80}
    assert environment.core_fingerprint(project) == before
    (environment.ROOT / "native" / "core.cpp").write_text("int f() { return 2; }")
    assert environment.core_fingerprint(project) != before


def test_requirements(environment, project):
    assert environment.requirements(project, "core") == ["backend", "cmake", "base"]
    assert environment.requirements(project, "app") == ["page"]
    # pip would look for movies on the package index
    assert environment.requirements(project, "all") == ["page", "table[fast]>=2", "more"]
    with pytest.raises(environment.SetupError, match="no extra 'apps'; it has build, app"):
        environment.requirements(project, "apps")


def test_what_the_system_lacks_is_said_with_the_way_to_get_it(environment, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler -O2")
    monkeypatch.setattr(environment.sysconfig, "get_path", lambda name: "/nowhere")
    with pytest.raises(environment.SetupError) as caught:
        environment.check_system()
    message = str(caught.value)
    assert "no-such-compiler" in message
    assert "Python.h" in message
    assert f"apt-get install -y python3.{sys.version_info[1]}-dev g++" in message


def test_pip_failures_are_shown_without_their_noise(environment, monkeypatch):
    monkeypatch.setattr(environment, "LOG", environment.ROOT / ".venv" / "setup.log")
    message = environment.pip_failure(
        [
            "Requirement already satisfied: numpy",
            "WARNING: Retrying (Retry(total=0)) after connection broken",
            "ERROR: No matching distribution found for x",
        ]
    )
    assert message.startswith("The package index could not be reached")
    assert "No matching distribution found for x" in message
    assert "numpy" not in message
