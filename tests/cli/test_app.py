"""The command that serves the app."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import urllib.request

import pytest

from tests.cli.program import start
from tests.waiting import PATIENCE, free_port


def healthy(port, process):
    assert process.poll() is None, process.stderr.read()
    with (
        contextlib.suppress(OSError),
        urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=30) as reply,
    ):
        return reply.status == 200


@pytest.mark.processes
def test_app_serves_on_loopback_until_ctrl_c(cache):
    pytest.importorskip("streamlit")
    port = free_port()
    process = start("app", "--port", port, env={**os.environ, "CINEFOLD_DATA_DIR": str(cache)})
    try:
        first = process.stderr.readline()
        assert f"Cinefold is at http://localhost:{port} " in first
        assert healthy(port, process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "http://" not in re.sub("http.*/train.owner=", "", err)
    assert "Traceback" not in out + err


def test_app_on_a_taken_port_says_so(cinefold):
    pytest.importorskip("streamlit")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, _, err = cinefold("app", "--port", taken.getsockname()[1], path=False)
    assert code == 1
    assert "cannot serve on" in err
