"""Old public names, which work for one more release and warn."""

from __future__ import annotations

import sys

# What takes long to load is loaded when it is used: Ctrl-C is to be heard soon.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

MODULES = {
    "cinefold.diagnostics": "cinefold._show_versions",
    "cinefold.evaluation.baselines": "cinefold.models.baselines",
    "cinefold.evaluation.metrics": "cinefold.metrics.accuracy",
    "cinefold.evaluation.lists": "cinefold.metrics.beyond_accuracy",
    "cinefold.evaluation.measuring": "cinefold.evaluation.model_metrics",
    "cinefold.importing": "cinefold.profiles.importing",
    "cinefold.model": "cinefold.models",
    "cinefold.model.objective": "cinefold.als.objective",
    "cinefold.runs": "cinefold.serving.run_history",
    "cinefold.splits": "cinefold.interactions.splits",
    "cinefold.stars": "cinefold.models.rating_predictor",
    "cinefold.store": "cinefold.profiles",
    "cinefold.training": "cinefold.serving.training",
}
"""Old modules and where their names live now."""

NAMES = {
    "cinefold.evaluation.baselines.Ease": "cinefold.models.Ease",
    "cinefold.evaluation.Measure": "cinefold.evaluation.Estimate",
    "cinefold.evaluation.measure": "cinefold.evaluation.evaluate_per_user",
    "cinefold.model.Objective": "cinefold.als.Objective",
    "cinefold.profiles.Entries": "cinefold.profiles.ProfileEntries",
    **{
        f"cinefold.evaluation.{name}": f"cinefold.models.{name}"
        for name in ("Baseline", "BiasBaseline", "Ease", "Popularity")
    },
    **{
        f"cinefold.evaluation.{name}": f"cinefold.metrics.{name}"
        for name in ("mae", "ndcg", "ndcg_per_user", "recall", "rmse")
    },
    **{
        f"cinefold.recommender.{old}": f"cinefold.recommender.{new}"
        for old, new in {
            "Comparison": "TasteComparison",
            "Contrast": "CategoryComparison",
            "Crowd": "Population",
            "Habits": "RatingHabits",
            "Love": "UnexpectedFavourite",
            "Newcomers": "ColdStart",
            "Person": "GroupMember",
            "recommend_together": "recommend_to_group",
        }.items()
    },
}
"""Old names that are not found under the same name in the module that took the place of theirs."""


def old_names(package: str) -> Callable[[str], Any]:
    """``__getattr__`` of a package: finds its old names, with a `FutureWarning`."""

    def find(name: str) -> Any:
        new = NAMES.get(f"{package}.{name}")
        if new is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        _warn(f"{package}.{name}", new)
        module, _, attribute = new.rpartition(".")
        return getattr(_import(module), attribute)

    return find


def _import(module: str) -> ModuleType:
    from importlib import import_module

    return import_module(module)


def _warn(old: str, new: str) -> None:
    import warnings

    # Who imports is behind the frames of the import system, which Python leaves out by itself.
    warnings.warn(f"{old} is now {new}; the old name goes in 0.3", FutureWarning, stacklevel=3)


class _OldModules:
    """Imports a module of `MODULES` as an empty one that looks names up in its successor."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        del path, target
        if fullname not in MODULES:
            return None
        from importlib.machinery import ModuleSpec

        return ModuleSpec(fullname, self, is_package=True)  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """The usual one."""

    def exec_module(self, module: ModuleType) -> None:
        old, new = module.__name__, MODULES[module.__name__]
        _warn(old, new)
        special = old_names(old)

        def find(name: str) -> Any:
            if f"{old}.{name}" in NAMES:
                return special(name)
            return getattr(_import(new), name)

        vars(module)["__getattr__"] = find


def install() -> None:
    """Let ``import`` find the old modules."""
    if not any(isinstance(finder, _OldModules) for finder in sys.meta_path):
        sys.meta_path.append(_OldModules())
