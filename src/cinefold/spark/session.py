"""Starting Spark from Python."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from pyspark.sql import SparkSession


def start_session(master: str, settings: dict[str, str] | None = None) -> SparkSession:
    """A session on `master`: local[2], spark://host:7077, yarn ..., or sc://host of Spark Connect.

    Raises
    ------
    RuntimeError
        Where Spark would run on this machine, without Java.
    """
    builder = SparkSession.builder.appName("cinefold")
    for name, value in (settings or {}).items():
        builder = builder.config(name, value)
    if master.startswith("sc://"):
        return builder.remote(master).getOrCreate()
    require_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    return builder.master(master).getOrCreate()


def require_java() -> None:
    """Complain unless there is a Java for Spark to run on."""
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java", path=None if home is None else str(Path(home, "bin"))) is None:
        where = "is missing" if home is None else f"is not in JAVA_HOME={home}"
        raise RuntimeError(
            f"Spark runs on Java 17, which {where}: sudo apt-get install -y openjdk-17-jre-headless"
        )
