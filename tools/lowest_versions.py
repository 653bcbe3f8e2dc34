"""Run tests on the oldest versions of everything that pyproject.toml allows.

    python3 tools/lowest_versions.py [PYTEST ARGUMENT ...]

makes an environment in build/lowest with the very versions that the requirements of the package,
its extras and tests begin with, and with the core that tools/environment.py has compiled. It knows
by content what has been installed, so that a repeated call only runs the tests. Wheels only.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"
LOWEST = ROOT / "build" / "lowest"
EXTRAS = ("app", "store", "postgresql", "tune", "test")


def lowest(project: dict[str, Any]) -> list[str]:
    """Each requirement with the version it begins with; those of own extras are listed there."""
    table = project["project"]
    listed = [*table["dependencies"]]
    for extra in EXTRAS:
        listed += table["optional-dependencies"][extra]
    own = f"{table['name']}["
    return sorted(
        re.sub(r">=([0-9.]+).*", r"==\1", requirement)
        for requirement in set(listed)
        if not requirement.startswith(own)
    )


def site_packages(environment: Path) -> Path:
    (found,) = environment.glob("lib/python*/site-packages")
    return found


def install(wanted: list[str]) -> None:
    record = LOWEST / "installed.json"
    if not record.exists() or json.loads(record.read_text()) != [sys.version, *wanted]:
        shutil.rmtree(LOWEST, ignore_errors=True)
        subprocess.run([PYTHON, "-m", "venv", "--without-pip", LOWEST], check=True)
        print(f"Installing the lowest versions into {LOWEST.relative_to(ROOT)}", flush=True)
        pip = [PYTHON, "-m", "pip", "--python", LOWEST / "bin" / "python", "--no-input"]
        options = ["--quiet", "--only-binary", ":all:", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", *options, *wanted], check=True)
        record.write_text(json.dumps([sys.version, *wanted]))
    for part in site_packages(ROOT / ".venv").glob("*cinefold*"):  # installed in place
        target = site_packages(LOWEST) / part.name
        if part.is_dir():
            shutil.copytree(part, target, dirs_exist_ok=True)
        else:
            shutil.copy2(part, target)


def main() -> int:
    install(lowest(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))))
    # Old versions warn of what newer ones do not, and of what their own requirements deprecate.
    pytest = [LOWEST / "bin" / "python", "-m", "pytest", "-W", "default"]
    return subprocess.run([*pytest, *sys.argv[1:]], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
