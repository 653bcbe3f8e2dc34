"""What lets a build run on an older machine than the one that made it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

BUILD = Path(__file__).parents[1] / "build"


def kernel_objects() -> dict[str, Path]:
    """The compiled kernels of each level, from the latest build."""
    found = BUILD.glob("**/kernels_*.dir/native/kernels/kernels.cpp.o")
    by_age = sorted(found, key=lambda path: path.stat().st_mtime)
    return {path.parents[2].name[len("kernels_") : -len(".dir")]: path for path in by_age}


@pytest.mark.skipif(not shutil.which("nm"), reason="nm (binutils) is not installed")
@pytest.mark.skipif(not kernel_objects(), reason="there is no build folder")
@pytest.mark.parametrize("level", kernel_objects())
def test_kernels_share_no_code_with_the_rest(level):
    # Of an inline function that several objects define, the linker keeps any one: it could be a
    # copy with instructions that the machine lacks, called from code that every machine runs.
    command = ["nm", "--defined-only", "--extern-only", "--format=posix", kernel_objects()[level]]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = {line.split()[0] for line in output.splitlines()}
    table = f"_ZN8cinefold{len(level)}{level}5tableE"
    assert table in names
    assert names <= {table, f"__odr_asan.{table}"}  # the latter by the address sanitizer
