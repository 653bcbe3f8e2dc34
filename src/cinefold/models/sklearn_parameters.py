"""scikit-learn's parameter protocol (get_params, set_params, clone) without depending on it."""

from __future__ import annotations

import inspect
from typing import Any, Self


class Parameters:
    """Constructor parameters that are stored under their own names, unchanged."""

    @classmethod
    def parameter_names(cls) -> tuple[str, ...]:
        return tuple(inspect.signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:  # noqa: ARG002 - the protocol's
        """The constructor's parameters by name."""
        return {name: getattr(self, name) for name in self.parameter_names()}

    def set_params(self, **params: Any) -> Self:
        """Change parameters by name; a name the constructor does not know is a ValueError."""
        known = self.parameter_names()
        for name in params:
            if name not in known:
                raise ValueError(
                    f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(known)}"
                )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags  # which is what asks

        inputs, target = InputTags(two_d_array=False, sparse=True), TargetTags(required=False)
        return Tags(estimator_type=None, target_tags=target, input_tags=inputs)

    def __repr__(self) -> str:
        defaults = inspect.signature(type(self)).parameters
        changed = (
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if value is not defaults[name].default and value != defaults[name].default
        )
        return f"{type(self).__name__}({', '.join(changed)})"
