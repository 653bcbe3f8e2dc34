"""Files of parameters (JSON) and of spaces to search (TOML)."""

from __future__ import annotations

import contextlib

from cinefold.tuning.parameters import read_parameters
from cinefold.tuning.space import read_space
from tests.fuzz.scratch import file_of

SEEDS = [
    b'{"format": "cinefold-parameters 1", "parameters": {"n_factors": 96, "alpha": 0.5,'
    b' "unobserved_weight": "scale", "target": "binary"}, "tuning": {"metric": "rmse"}}',
    b'{"parameters": {"biases": true, "unobserved_weight": 0, "target": "rating", "tol": 1e-4}}',
    b'n_factors = "16..64"\ntarget = "rating,binary"\nalpha = 0.5\n[more]\na.b = [1979-05-27]\n',
    b"[" * 2000,
]


def check(data: bytes) -> None:
    path = file_of(data, "parameters")
    for read in (read_parameters, read_space):
        with contextlib.suppress(ValueError):
            read(path)
