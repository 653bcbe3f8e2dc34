"""How the app is started: Streamlit's arguments, and what the command tells the pages."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from cinefold.datasets import RatingsFile

DATASET, DATASET_PATH = "CINEFOLD_DATASET", "CINEFOLD_DATASET_PATH"
RATINGS = "CINEFOLD_RATINGS"
OWNER_KEY = "CINEFOLD_OWNER_KEY"
"""The variable with the key of who started the app: their link has it."""
SHARED_PROFILES = "CINEFOLD_SHARED_PROFILES"
_USUAL_DATASET = "ml-100k"


def streamlit_arguments(host: str, port: int) -> list[str]:
    """What follows ``streamlit`` to serve the app; the looks are in ``.streamlit/config.toml``."""
    options = {
        "server.address": host,
        "server.port": port,
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "global.developmentMode": "false",
        "global.disableWidgetStateDuplicationWarning": "true",  # presets set what has a default
        "logger.level": "warning",  # the address is said by the command
        "logger.hideWelcomeMessage": "true",
    }
    flags = (word for name, value in options.items() for word in (f"--{name}", str(value)))
    return ["run", str(Path(__file__).parents[1] / "app" / "main.py"), *flags]


def dataset_variables(dataset: str, path: Path | None) -> dict[str, str]:
    """The environment in which the pages find this data set (no path: download it)."""
    place = "" if path is None else str(path.resolve())
    return {DATASET: dataset, DATASET_PATH: place, RATINGS: ""}


def ratings_variables(ratings: RatingsFile) -> dict[str, str]:
    """The environment in which the pages find this file of ratings."""
    told = json.dumps(asdict(ratings))
    return {DATASET: ratings.name, DATASET_PATH: str(ratings.path), RATINGS: told}


def shares_profiles() -> bool:
    """Whether everybody who opens the app may see and open all profiles."""
    return bool(os.environ.get(SHARED_PROFILES))


def chosen_ratings() -> RatingsFile | None:
    """The file of ratings to read instead of a data set of the catalogue."""
    told = os.environ.get(RATINGS)
    return RatingsFile(**json.loads(told)) if told else None


def chosen_dataset() -> tuple[str, str | None]:
    """The name of the data set, and the file or folder to read it from (None: download it)."""
    return os.environ.get(DATASET) or _USUAL_DATASET, os.environ.get(DATASET_PATH) or None
