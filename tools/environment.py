"""Make the project's own environment in .venv, or bring it up to date: ``make`` calls this.

    python3 tools/environment.py [EXTRA ...]

installs the compiled core, the package (editable) and the requirements of the named extras or
dependency groups of pyproject.toml. It knows by content what has been done, so that a repeated
call takes no time and no network. Needs nothing but Python's standard library.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import time
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
RECORD = VENV / "setup.json"
LOG = VENV / "setup.log"
BUILD = ROOT / "build"


class SetupError(Exception):
    """What is in the way, in words for the person at the keyboard."""


# -- what the system must have ----------------------------------------------------------------


def missing_parts() -> Iterator[tuple[str, str]]:
    """What is missing and the Debian package that has it."""
    python = "python{}.{}".format(*sys.version_info)
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        yield "Python's venv and ensurepip modules", f"{python}-venv"
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        yield "Python's header files (Python.h)", f"{python}-dev"
    compiler = os.environ.get("CXX")
    if compiler and not shutil.which(shlex.split(compiler)[0]):
        yield f"the C++ compiler {compiler!r} that CXX names", "g++"
    elif not compiler and not any(map(shutil.which, ("c++", "g++", "clang++"))):
        yield "a C++ compiler", "g++"


def check_system() -> None:
    missing = list(missing_parts())
    if missing:
        names, packages = zip(*missing, strict=True)
        command = f"apt-get install -y {' '.join(packages)}"
        raise SetupError(
            "This machine lacks\n"
            + "".join(f"  - {name}\n" for name in names)
            + "On Debian and Ubuntu this installs what is missing:\n\n    "
            + (command if os.geteuid() == 0 else f"sudo {command}")
        )


# -- what has been done -----------------------------------------------------------------------


def read_record() -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        return dict(json.loads(RECORD.read_text(encoding="utf-8")))
    return {}


def write_record(record: dict[str, Any]) -> None:
    temporary = RECORD.with_suffix(".tmp")
    temporary.write_text(json.dumps(record, indent=1), encoding="utf-8")
    temporary.replace(RECORD)


def fingerprint(*values: Any) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def core_fingerprint(project: dict[str, Any]) -> str:
    """Of everything that the installed package is built from; src/ is used in place."""
    sources = [ROOT / "CMakeLists.txt", *sorted((ROOT / "native").rglob("*"))]
    contents = [
        (str(path.relative_to(ROOT)), hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sources
        if path.is_file()
    ]
    tables = project["project"], project["build-system"], project["tool"]["scikit-build"]
    return fingerprint(contents, tables, os.environ.get("CXX"))


# -- the environment --------------------------------------------------------------------------


def base_python() -> dict[str, Any]:
    """What an environment is tied to: made with another one, or elsewhere, it does not work."""
    return {
        "root": str(ROOT),
        "version": list(sys.version_info[:2]),
        "prefix": os.path.realpath(sys.base_prefix),
    }


def fault(record: dict[str, Any]) -> str | None:
    """Why the environment cannot be used, or None."""
    if not VENV.exists():
        return "there is none yet"
    if record.get("installing"):
        return "its last installation was interrupted"
    base = record.get("base", base_python())
    if base["root"] != str(ROOT):
        return f"it was made in {base['root']}"
    if base != base_python():
        return "it was made with another Python"
    asked = (
        "import importlib.util as i, os, sys; assert i.find_spec('pip');"
        "print([*sys.version_info[:2]], os.path.realpath(sys.base_prefix))"
    )
    try:
        answer = subprocess.run(
            [PYTHON, "-I", "-c", asked], capture_output=True, text=True, timeout=60, check=True
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "it is broken"
    if answer != "{version} {prefix}".format(**base_python()):
        return "it was made with another Python"
    return None


def make_environment() -> dict[str, Any]:
    shutil.rmtree(VENV, ignore_errors=True)
    shutil.rmtree(BUILD, ignore_errors=True)  # its caches point into the old environment
    python = getattr(sys, "_base_executable", sys.executable)
    made = subprocess.run(
        [python, "-m", "venv", VENV], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if made.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        raise SetupError(f"The environment {VENV} could not be made:\n{made.stdout}")
    record = {"base": base_python()}
    write_record(record)
    return record


# -- installing -------------------------------------------------------------------------------


def requirements(project: dict[str, Any], group: str) -> list[str]:
    """Of an extra or dependency group; "core" is what building and importing the package takes."""
    if group == "core":
        tools = project["dependency-groups"]["build"]
        return [*project["build-system"]["requires"], *tools, *project["project"]["dependencies"]]
    known = {**project["dependency-groups"], **project["project"]["optional-dependencies"]}
    if group not in known:
        raise SetupError(f"pyproject.toml has no extra {group!r}; it has {', '.join(known)}")
    return list(chain.from_iterable(of_own_extra(project, listed) for listed in known[group]))


def of_own_extra(project: dict[str, Any], requirement: str) -> list[str]:
    """What ``cinefold[app]`` stands for here: pip would look for it on the package index."""
    name, bracket, extras = requirement.rstrip("] ").partition("[")
    if not bracket or name.strip() != project["project"]["name"]:
        return [requirement]
    listed = (requirements(project, extra.strip()) for extra in extras.split(","))
    return list(chain.from_iterable(listed))


def install_requirements(
    project: dict[str, Any], groups: list[str], record: dict[str, Any]
) -> None:
    """Install `groups`, together with those that are there already so that none is broken."""
    done = record.get("requirements", {})
    wanted = {group: requirements(project, group) for group in groups}
    if all(done.get(group) == fingerprint(listed) for group, listed in wanted.items()):
        return
    say(f"Installing the packages of {', '.join(groups)}")
    for group in done:
        with contextlib.suppress(SetupError):
            wanted[group] = requirements(project, group)
    packages = dict.fromkeys(chain.from_iterable(wanted.values()))
    pip(["install", "--prefer-binary", *packages], {**record, "installing": True})
    record["requirements"] = {group: fingerprint(listed) for group, listed in wanted.items()}
    write_record(record)


def install_package(project: dict[str, Any], record: dict[str, Any]) -> None:
    """Compile the core and install the package in place, with the tools of the environment."""
    wanted = core_fingerprint(project)
    if record.get("core") == wanted:
        return
    check_system()
    say("Compiling the core")
    pip(["install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)], record)
    write_record({**record, "core": wanted})


def pip(arguments: Iterable[str], meanwhile: dict[str, Any]) -> None:
    """Run pip; the record is `meanwhile` from the moment that it changes the environment."""
    started = time.monotonic()
    lines = []
    with (
        LOG.open("a", encoding="utf-8") as log,
        subprocess.Popen(
            [str(PYTHON), "-m", "pip", "--no-input", *arguments],
            env=pip_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        for line in process.stdout or ():
            if line.startswith("Installing collected packages"):
                write_record(meanwhile)
            log.write(line)
            lines.append(line.rstrip())
            show_step(line)
    show_step("")
    if process.returncode:
        raise SetupError(pip_failure(lines))
    say(f"  done in {time.monotonic() - started:.0f} s")


def pip_environment() -> dict[str, str]:
    path = os.pathsep.join([str(PYTHON.parent), os.environ.get("PATH", os.defpath)])
    own = {"PATH": path, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUNBUFFERED": "1"}
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | own


def pip_failure(lines: list[str]) -> str:
    unreachable = any("Retrying (Retry(" in line for line in lines)
    noise = ("Requirement already satisfied", "Looking in ", "WARNING: Retrying")
    tail = [line for line in lines if not line.strip().startswith(noise)][-40:]
    return "\n".join(
        [
            "The package index could not be reached:" if unreachable else "pip failed:",
            "",
            *(f"    {line}" for line in tail),
            "",
            f"{LOG.relative_to(ROOT)} has all of it. The same command tries again.",
        ]
    )


# -- talking ----------------------------------------------------------------------------------


def say(message: str) -> None:
    print(message, flush=True)


def show_step(line: str) -> None:
    """`line` in place of the last one, where there is a terminal."""
    if sys.stdout.isatty():
        width = shutil.get_terminal_size().columns - 3
        print(f"\r\033[K  {line.strip()[:width]}" if line else "\r\033[K", end="", flush=True)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Wait for another set-up of the same checkout to end."""
    with (ROOT / "pyproject.toml").open() as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Waiting for another set-up of this checkout to end")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def set_up(extras: list[str]) -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    with alone():
        record = read_record()
        reason = fault(record)
        if reason:
            check_system()
            say(f"Making the environment .venv: {reason}")
            record = make_environment()
        record.setdefault("base", base_python())
        install_requirements(project, ["core", *extras], record)
        install_package(project, record)


def main() -> int:
    try:
        set_up(sys.argv[1:])
    except SetupError as error:
        print(f"\n{error}\n", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; run the same command again to go on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
