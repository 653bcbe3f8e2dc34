"""``cinefold app``."""

from __future__ import annotations

import importlib.util
import os
import runpy
import secrets
import socket
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cinefold.cli import options
from cinefold.cli.console import complain, say
from cinefold.serving.launch import (
    DATASET,
    DATASET_PATH,
    OWNER_KEY,
    SHARED_PROFILES,
    dataset_variables,
    ratings_variables,
    streamlit_arguments,
)

_LOOPBACK = "127.0.0.1"
_SECONDS_BETWEEN_LOOKS, _PATIENCE = 0.2, 5.0


@dataclass
class _DataOptions(options.DataOptions):
    dataset: Annotated[str, typer.Option(envvar=DATASET, help=options.DATASET_HELP)] = "ml-100k"
    path: Annotated[
        Path | None, typer.Option(envvar=DATASET_PATH, exists=True, help=options.PATH_HELP)
    ] = None


def serve(
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to serve on.")] = 8501,
    host: Annotated[
        str,
        typer.Option(
            help="Address to serve on: this machine only, unless you say 0.0.0.0 to let others in."
        ),
    ] = _LOOPBACK,
    shared_profiles: Annotated[
        bool,
        typer.Option(
            "--shared-profiles",
            help="Let everybody who opens the app see and open all profiles. Otherwise a profile "
            "is that of the browser it was made in.",
        ),
    ] = False,
    data: _DataOptions,
) -> None:
    """Serve the app for the browser; Ctrl-C ends it.

    The first start fetches MovieLens 100K and trains a model, which takes some seconds; later
    starts find both.
    """
    if importlib.util.find_spec("streamlit") is None:
        complain("the app needs more packages; install them with: pip install 'cinefold[app]'")
        raise typer.Exit(1)
    if data.ratings is None:
        options.known_dataset(data.dataset)
        variables = dataset_variables(data.dataset, data.path)
    else:
        variables = ratings_variables(data.ratings)
    _check_free(host, port)
    variables[OWNER_KEY] = secrets.token_urlsafe(16)
    os.environ.update(variables | {SHARED_PROFILES: "1" if shared_profiles else ""})
    threading.Thread(target=_say_where, args=(host, port), daemon=True).start()
    # As `python -m streamlit` would: signals and the exit code are Streamlit's own.
    sys.argv = ["streamlit", *streamlit_arguments(host, port)]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


def _say_where(host: str, port: int) -> None:
    """The address, as soon as something answers there."""
    host = "localhost" if host in (_LOOPBACK, "0.0.0.0", "::") else host  # noqa: S104 - only shown
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    while True:
        try:
            socket.create_connection((host, port), timeout=_PATIENCE).close()
            break
        except OSError:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    say(f"Cinefold is at {address} (Ctrl-C ends it)")
    say(
        "To choose the model that recommends to everybody, open this link of yours: "
        f"{address}/train?owner={os.environ[OWNER_KEY]}"
    )
    sys.stderr.flush()


def _check_free(host: str, port: int) -> None:
    """Streamlit would start, wait and then speak of a port that the user may not have chosen."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        complain(
            f"cannot serve on {host}:{port}: {error.strerror}",
            "choose another with --port or --host",
        )
        raise typer.Exit(1) from None
