"""The file that hands parameters from one command to another.

JSON, an object with the model's parameters by name under ``parameters``. Everything else in it says
where they come from, and is not read::

    {
     "format": "cinefold-parameters 1",
     "parameters": {"n_factors": 96, "unobserved_weight": 0.4, "target": "binary"},
     "tuning": {"metric": "ndcg_at_10", "value": 0.27}
    }
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from cinefold._files import read_parsed, replace_file
from cinefold.models import WeightedMatrixFactorization, checks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = "cinefold-parameters 1"

NOT_IN_FILES = ("n_threads", "random_state")
"""Parameters that belong to a run, not to a model."""


def write_parameters(
    file: str | Path, parameters: Mapping[str, Any], tuning: Mapping[str, Any] | None = None
) -> None:
    """Write `parameters` of a model into `file`, atomically.

    Parameters
    ----------
    file : path
    parameters : mapping
        Those of a run, such as ``n_threads``, are left out.
    tuning : mapping, optional
        Where they come from, for people.
    """
    kept = {name: value for name, value in parameters.items() if name not in NOT_IN_FILES}
    content = {"format": FORMAT, "parameters": kept, **({"tuning": tuning} if tuning else {})}
    with replace_file(file) as new:
        new.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_parameters(file: str | Path) -> dict[str, Any]:
    """The parameters in `file`, by name.

    Raises
    ------
    ValueError
        If it is no such file, or names a parameter or holds a value that the model does not take.
    OSError
        If it cannot be read.
    """
    content = read_parsed(file, json.loads, "JSON")
    parameters = content.get("parameters") if isinstance(content, dict) else None
    if not isinstance(parameters, dict):
        raise ValueError(
            f'{file} has no parameters; it should hold {{"parameters": {{"n_factors": 64}}}}'
        )
    if content.get("format", FORMAT) != FORMAT:
        raise ValueError(
            f"{file} has the format {content['format']!r}; this version reads {FORMAT!r}"
        )
    known = [n for n in WeightedMatrixFactorization.parameter_names() if n not in NOT_IN_FILES]
    for name in parameters:
        if name not in known:
            raise ValueError(f"{file}: {name!r} is no parameter; there are {', '.join(known)}")
    try:
        checks.parameters(WeightedMatrixFactorization(**parameters))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{file}: {error}") from None
    return parameters
