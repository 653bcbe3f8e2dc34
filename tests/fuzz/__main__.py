"""Feed parsers with mutations of small files.

    python -m tests.fuzz [TARGET ...] [--seconds 30] [--first 0] [--plain]

Inputs are numbered and the same in every run. A finding is printed with its number and traceback,
and its input is kept in test-artifacts/fuzz. After a crash the input is TARGET.current there.

If ``make sanitize`` has built the core with the address and undefined-behaviour sanitizers, that is
the one that runs.
"""

from __future__ import annotations

import argparse
import faulthandler
import importlib.machinery
import importlib.util
import os
import pkgutil
import resource
import sys
import time
import warnings
from pathlib import Path

from tests.fuzz import targets
from tests.fuzz.runner import fuzz

ROOT = Path(__file__).parents[2]
SANITIZED = ROOT / "build" / "sanitize"
ARTIFACTS = ROOT / "test-artifacts" / "fuzz"
CORE = "cinefold.als._core"
MOST_MEMORY = 6 << 30
STARTED = "FUZZING_STARTED"


def sanitized_core() -> Path | None:
    """The module with sanitizers, if it is newer than its sources."""
    sources = (ROOT / "native").glob("[!t]*/*.*")
    newest = max(source.stat().st_mtime for source in sources)
    found = [path for path in SANITIZED.glob("_core*.so") if path.stat().st_mtime > newest]
    return found[0] if found else None


def start_again_with_sanitizers(started: float) -> None:
    """The sanitizers' libraries have to be there before Python is."""
    settings = {
        "LD_PRELOAD": (SANITIZED / "preload").read_text(encoding="utf-8").strip(),
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1:handle_segv=1:"
        f"max_allocation_size_mb=2048:hard_rss_limit_mb={MOST_MEMORY >> 20}",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        STARTED: str(started),
    }
    command = [sys.executable, "-m", "tests.fuzz", *sys.argv[1:]]
    os.execve(sys.executable, command, {**os.environ, **settings})  # noqa: S606


def import_core(path: Path) -> None:
    """In place of the installed one."""
    loader = importlib.machinery.ExtensionFileLoader(CORE, str(path))
    spec = importlib.util.spec_from_loader(CORE, loader)
    assert spec is not None
    sys.modules[CORE] = importlib.util.module_from_spec(spec)
    loader.exec_module(sys.modules[CORE])


def main() -> int:
    names = [module.name for module in pkgutil.iter_modules(targets.__path__)]
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(names)}")
    parser.add_argument("--seconds", type=float, default=30, help="of all targets together")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--count", type=int, help="inputs of each target at most")
    parser.add_argument("--plain", action="store_true", help="without sanitizers")
    asked = parser.parse_args()
    started = float(os.environ.get(STARTED, time.monotonic()))
    deadline = started + asked.seconds
    if unknown := set(asked.targets) - set(names):
        parser.error(f"no such target: {', '.join(unknown)}")
    core = None if asked.plain else sanitized_core()
    if core is None:
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    elif "LD_PRELOAD" not in os.environ:
        start_again_with_sanitizers(started)
    else:
        import_core(core)
    faulthandler.enable()
    warnings.simplefilter("ignore")
    chosen = asked.targets or names
    n_findings = 0
    for place, name in enumerate(chosen):
        target = importlib.import_module(f"{targets.__name__}.{name}")
        left = deadline - time.monotonic()
        seconds = left / (len(chosen) - place)
        outcome = fuzz(name, target, ARTIFACTS, seconds, asked.first, asked.count)
        print(outcome, "under sanitizers" if core else "", flush=True)
        n_findings += outcome.n_findings
    return min(n_findings, 1)


if __name__ == "__main__":
    sys.exit(main())
