"""Pictures of movies."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from cinefold.app.shared.posters import poster
from cinefold.datasets import Movie
from tests.waiting import wait_until


@pytest.fixture
def server():
    """Knows the poster of movie 862 alone."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            known = self.path.startswith("/movie/862?")
            self.send_response(200 if known else 404)
            self.end_headers()
            if known:
                self.wfile.write(json.dumps({"poster_path": "/toys (1).jpg"}).encode())

        def log_message(self, *arguments):
            pass

    listening = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_port}", asked
    listening.shutdown()
    thread.join()
    listening.server_close()


def test_a_poster_is_asked_for_once_and_kept(server):
    address, asked = server
    toys = Movie(1, "Toy Story", 1995, tmdb_id=862)
    assert poster(toys, "secret", address) is None
    found = wait_until(lambda: poster(toys, "secret", address))
    assert found == "https://image.tmdb.org/t/p/w154/toys%20%281%29.jpg"
    assert asked == ["/movie/862?api_key=secret"]


def test_movies_without_a_poster_are_not_asked_for_again(server):
    address, asked = server
    unknown = Movie(2, "Nobody", 1950, tmdb_id=7)
    poster(unknown, "secret", address)
    wait_until(lambda: asked)
    assert poster(unknown, "secret", address) is None
    assert poster(Movie(3, "Without an id"), "secret", address) is None
    assert len(asked) == 1


def test_without_the_network_there_are_covers():
    assert poster(Movie(1, "Toy Story", 1995, tmdb_id=862), "secret", "http://127.0.0.1:9") is None
