"""Old names lead to the new ones, and say so."""

from __future__ import annotations

import sys
from importlib import import_module

import pytest

from cinefold._deprecated import MODULES, NAMES


def found(path: str) -> object:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


@pytest.mark.parametrize("old", MODULES)
def test_old_modules_have_the_names_of_the_new(old):
    new = import_module(MODULES[old])
    public = [name for name in getattr(new, "__all__", vars(new)) if not name.startswith("_")]
    sys.modules.pop(old, None)
    with pytest.warns(FutureWarning, match=f"{old} is now {MODULES[old]}"):
        module = import_module(old)
    assert public
    assert all(getattr(module, name) is getattr(new, name) for name in public)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("old", NAMES)
def test_old_names_are_the_new_ones(old):
    assert found(old) is found(NAMES[old])


def test_a_name_that_never_was_is_an_error():
    with pytest.raises(ImportError):
        import_module("cinefold.model.no_such")
    with pytest.raises(AttributeError, match="no_such"):
        found("cinefold.evaluation.no_such")
