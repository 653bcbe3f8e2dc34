"""The program, as a process of its own."""

from __future__ import annotations

import subprocess
import sys


def start(*arguments, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "cinefold", *map(str, arguments)],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **more},
    )
