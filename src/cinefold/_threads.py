"""How many threads may run at a time: cores, the quota of a container, what the user has set."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

MAX_THREADS = 4096
_QUOTAS = ("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")  # of cgroups v2, v1


def default_threads() -> int:
    """OMP_NUM_THREADS if it is a number, else the least of what :func:`limits` has.

    As in scikit-learn, OMP_NUM_THREADS alone may exceed the cores.
    """
    found = limits()
    chosen = found.pop("OMP_NUM_THREADS")
    return min([MAX_THREADS, *filter(None, [chosen] if chosen else found.values())])


def limits() -> dict[str, int | None]:
    """OMP_NUM_THREADS (of the outermost level), cores that this process may use, and its quota."""
    wanted = re.fullmatch(r"\s*(\d{1,9})\s*(,.*)?", os.environ.get("OMP_NUM_THREADS", ""), re.ASCII)
    affinity = hasattr(os, "sched_getaffinity")
    return {
        "OMP_NUM_THREADS": (wanted and int(wanted[1])) or None,
        "cores": len(os.sched_getaffinity(0)) if affinity else os.cpu_count() or 1,
        "quota": quota(),
    }


@cache
def quota(root: Path = Path("/")) -> int | None:
    """Cores' worth of time, rounded up, that this process's cgroup and those around it are given.

    A container may see its own as the outermost one, and its name in the machine's: of the path
    that the system tells, what does not exist is passed over.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # another system
        return None
    found: list[int] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        for name in {controllers, controllers and "cpu"}:
            outermost = root / "sys/fs/cgroup" / name
            own = outermost / path.lstrip("/")
            for group in (own, *own.parents):
                found += _quotas_of(group)
                if group == outermost:
                    break
    return min(found, default=None)


def _quotas_of(group: Path) -> Iterator[int]:
    for names in _QUOTAS:
        try:
            time, period = map(int, " ".join((group / n).read_text() for n in names).split())
        except (OSError, ValueError):  # none, or no limit ("max")
            continue
        if time > 0 and period > 0:
            yield math.ceil(time / period)
