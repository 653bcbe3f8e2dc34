"""Run tests on the oldest versions of everything that pyproject.toml allows.

    python3 tools/lowest_versions.py EXTRA,EXTRA [PYTEST ARGUMENT ...]

puts the versions that the requirements of the package and of its extras begin with into
build/lowest, before those of .venv. It knows what has been put there, so that a repeated call only
runs the tests. Wheels only; where a machine cannot get them, nothing is run, except under
continuous integration.
"""

from __future__ import annotations

import json
import os
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
# Of the extra "test", what the package works with; what runs the tests is that of .venv.
TABLES = ("pandas", "pyarrow", "scikit-learn")


def lowest(project: dict[str, Any], extras: list[str]) -> list[str]:
    """Each requirement with the version it begins with; those of own extras are listed there."""
    table = project["project"]
    optional = table["optional-dependencies"]
    listed = {*table["dependencies"], *(one for extra in extras for one in optional[extra])}
    listed |= {one for one in optional["test"] if one.startswith(TABLES)}
    own = f"{table['name']}["
    return sorted(re.sub(r">=([0-9.]+).*", r"==\1", one) for one in listed if own not in one)


def install(wanted: list[str]) -> bool:
    """Whether they are there."""
    record = LOWEST / "installed.json"
    if record.exists():
        version, *there = json.loads(record.read_text())
        if version == sys.version and set(wanted) <= set(there):
            return True
    shutil.rmtree(LOWEST, ignore_errors=True)
    print(f"Installing the lowest versions into {LOWEST.relative_to(ROOT)}", flush=True)
    pip = [str(PYTHON), "-m", "pip", "--no-input", "--disable-pip-version-check", "install"]
    options = ["-qqq", "--no-compile", "--only-binary", ":all:", "--target", str(LOWEST)]
    done = subprocess.run([*pip, *options, *wanted], check=False, capture_output=True, text=True)
    if done.returncode:
        print(f"They cannot be had here:\n{done.stderr[-2000:]}", file=sys.stderr)
        return False
    record.write_text(json.dumps([sys.version, *wanted]))
    return True


def main() -> int:
    extras, *arguments = sys.argv[1:]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if not install(lowest(project, extras.split(","))):
        return int(os.environ.get("CI") == "true")
    path = {"PYTHONPATH": str(LOWEST), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    # Old versions warn of what newer ones do not, and of what their own requirements deprecate.
    pytest = [str(PYTHON), "-m", "pytest", "-W", "default", "--disable-warnings"]
    called = subprocess.run(
        [*pytest, *arguments], cwd=ROOT, check=False, env={**os.environ, **path}
    )
    return called.returncode


if __name__ == "__main__":
    sys.exit(main())
