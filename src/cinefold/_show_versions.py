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

from cinefold._version import __version__
from cinefold.als import backend
from cinefold.als.iterations import available_threads
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
        "threads": available_threads(None),
        "instruction_set": {
            "used": backend.simd_level(),
            "available": backend.simd_levels(),
            "CINEFOLD_SIMD": os.environ.get("CINEFOLD_SIMD") or None,
        },
        "blas": [_blas(library) for library in threadpool_info() if library["user_api"] == "blas"],
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
    rows = described(environment())
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"{name:{width}}  {value}")


def described(facts: dict[str, Any]) -> dict[str, str]:
    """The facts of :func:`environment` in words, each by its name."""
    cache, levels = facts["cache"], facts["instruction_set"]
    choice = f"CINEFOLD_SIMD {'chose' if levels['CINEFOLD_SIMD'] else 'can choose'}"
    return {
        "Cinefold": facts["cinefold"],
        "Python": facts["python"],
        "Platform": facts["platform"],
        "Processor": f"{facts['processor']}, {facts['cores']} cores",
        "Threads by default": str(facts["threads"]),
        "Instruction set": f"{levels['used']} ({choice} among {', '.join(levels['available'])})",
        **_described_blas(facts["blas"]),
        **{
            name: found or "not installed"
            for packages in facts["packages"].values()
            for name, found in packages.items()
        },
        "Cache folder": cache["folder"],
        "Data sets in it": ", ".join(cache["data_sets"]) or "none",
    }


def _described_blas(libraries: list[dict[str, Any]]) -> dict[str, str]:
    rows: dict[str, str] = {}
    for library in libraries:
        parts = (library[part] for part in ("name", "version", "architecture"))
        words = f"{' '.join(filter(None, parts))}, threads: {library['threads']}"
        name = f"BLAS of {library['of']}"
        rows[name] = f"{rows[name]}; {words}" if name in rows else words
    return rows or {"BLAS": "none that threadpoolctl knows"}


def processor() -> str:
    """The processor's name, or its architecture where the system does not tell."""
    cpuinfo = Path("/proc/cpuinfo")
    facts = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    named = re.search(r"^model name\s*:\s*(\S.*)$", facts, re.MULTILINE)
    return named[1] if named else platform.processor() or platform.machine()


def _blas(library: dict[str, Any]) -> dict[str, Any]:
    """Wheels bring a BLAS each, in a folder of their name; else one serves all."""
    path = library["filepath"]
    bundled = re.search(r"/(\w+)(?:\.libs|/\.dylibs)/", path)
    return {
        "of": bundled[1] if bundled else "the system",
        "name": library["internal_api"],
        "version": library["version"],
        "architecture": library.get("architecture"),
        "threads": library["num_threads"],
        "path": path,
    }


def _packages() -> dict[str, dict[str, str | None]]:
    """Versions of what the package and each of its extras require."""
    found: dict[str, dict[str, str | None]] = {}
    for requirement in requires("cinefold") or ():
        extra = re.search(r"""extra == ['"]([^'"]+)""", requirement)
        group = extra[1] if extra else "required"
        name = re.match(r"[\w.-]+", requirement)
        if name and group != _TOOLS and name[0] != "cinefold":  # that is another extra of it
            found.setdefault(group, {})[name[0]] = installed_version(name[0])
    return found


def installed_version(package: str) -> str | None:
    """Of the distribution called `package`; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
