"""What a report of a fault or of a timing should say about the machine and the software on it."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

from cinefold import _threads
from cinefold._version import __version__
from cinefold.als import backend
from cinefold.datasets import cached_file, default_data_dir, list_datasets

_TOOLS = "lint"  # the extra of what never runs with the library


def environment() -> dict[str, Any]:
    """The facts that :func:`show_versions` prints.

    Returns
    -------
    dict
        Of what JSON can hold; None stands for what is missing: a variable that is not set, a
        package that is not installed.

    Raises
    ------
    ValueError
        CINEFOLD_SIMD names an instruction set that is unknown or not this machine's.
    """
    return {
        "cinefold": __version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "platform": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": _threads.default_threads(),
        "thread_limits": _threads.limits(),
        "instruction_set": {
            "used": backend.simd_level(),
            "available": backend.simd_levels(),
            "CINEFOLD_SIMD": os.environ.get("CINEFOLD_SIMD") or None,
        },
        "blas": [library for library in threadpool_info() if library["user_api"] == "blas"],
        "packages": _packages(),
        "cache": {
            "folder": str(default_data_dir()),
            "data_sets": [spec.name for spec in list_datasets() if cached_file(spec)],
        },
    }


def show_versions() -> None:
    """Print what to paste into a report: versions, processor, instruction set, threads, BLAS.

    Raises
    ------
    ValueError
        CINEFOLD_SIMD names an instruction set that is unknown or not this machine's.

    Examples
    --------
    >>> import cinefold
    >>> cinefold.show_versions()  # doctest: +SKIP
    """
    rows = in_words(environment())
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"{name:{width}}  {value}")


def in_words(facts: dict[str, Any]) -> dict[str, str]:
    """The facts of :func:`environment` in words, each by its name."""
    cache, levels = facts["cache"], facts["instruction_set"]
    choice = f"CINEFOLD_SIMD {'chose' if levels['CINEFOLD_SIMD'] else 'can choose'}"
    return {
        "Cinefold": facts["cinefold"],
        "Python": facts["python"],
        "Platform": facts["platform"],
        "Processor": f"{facts['processor']}, {facts['cores']} cores",
        "Threads by default": f"{facts['threads']} ({_described_limits(facts['thread_limits'])})",
        "Instruction set": f"{levels['used']} ({choice} among {', '.join(levels['available'])})",
        "BLAS": "; ".join(map(_described_blas, facts["blas"])) or "none that threadpoolctl knows",
        **{name: found or "not installed" for name, found in facts["packages"].items()},
        "Cache folder": cache["folder"],
        "Data sets in it": ", ".join(cache["data_sets"]) or "none",
    }


def _described_limits(found: dict[str, int | None]) -> str:
    given = f"{found['cores']} cores allowed, quota of the container: {found['quota'] or 'none'}"
    chosen = found["OMP_NUM_THREADS"]
    return f"OMP_NUM_THREADS chose; {given}" if chosen else f"{given}; OMP_NUM_THREADS can choose"


def _described_blas(library: dict[str, Any]) -> str:
    words = (library["internal_api"], library["version"], library.get("architecture"))
    folder = Path(library["filepath"]).parent.name  # wheels bring a BLAS each, as numpy.libs
    return f"{' '.join(filter(None, words))} ({folder}), threads: {library['num_threads']}"


def processor() -> str:
    """The processor's name, or its architecture where the system does not tell."""
    cpuinfo = Path("/proc/cpuinfo")
    facts = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    named = re.search(r"^model name\s*:\s*(\S.*)$", facts, re.MULTILINE)
    return named[1] if named else platform.processor() or platform.machine()


def _packages() -> dict[str, str | None]:
    """Versions of what the package and its extras require."""
    required = (r.partition("extra") for r in requires("cinefold") or ())
    names = (re.split(r"[^\w.-]", name)[0] for name, _, extra in required if _TOOLS not in extra)
    return {name: installed_version(name) for name in names if name != "cinefold"}


def installed_version(package: str) -> str | None:
    """Of the distribution called `package`; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
