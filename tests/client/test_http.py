from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import lineage
from lineage.client.http import Http
from lineage.errors import LineageError, NotFound, Unavailable
from tests.services.proxy import Proxy


def test_a_run_whose_start_was_not_answered_is_started_once(proxy: Proxy) -> None:
    proxy.cut_answers(after_bytes=0, times=2)
    with lineage.init() as run:
        pass
    assert proxy.n_cut == 2
    assert [found.id for found in lineage.Api().runs()] == [run.id]


def test_a_start_with_an_id_of_the_users_is_not_repeated(proxy: Proxy) -> None:
    proxy.cut_answers(after_bytes=0)
    with pytest.raises(Unavailable, match="broke"):
        lineage.init(id="mine")
    assert lineage.Api().run("mine").state == "running"


def test_a_run_that_is_resumed_anyhow_is_asked_for_again(proxy: Proxy) -> None:
    proxy.cut_answers(after_bytes=0)
    with lineage.init(id="mine", resume="allow") as run:
        assert run.id == "mine"


def test_what_a_run_says_survives_broken_connections(proxy: Proxy) -> None:
    with lineage.init() as run:
        run.log({"x": 1})
        proxy.cut_answers(after_bytes=0)
        run.flush()
        run.log({"x": 2})
        proxy.cut_requests(after_bytes=50)
        run.flush()
        proxy.cut_answers(after_bytes=0)
    assert proxy.n_cut == 3
    found = lineage.Api().run(run.id)
    assert (found.state, found.summary["x"]) == ("finished", 2)


def test_a_deletion_whose_answer_was_lost_is_not_repeated(proxy: Proxy) -> None:
    with lineage.init() as run:
        pass
    recorded = lineage.Api().run(run.id)
    proxy.cut_answers(after_bytes=0)
    with pytest.raises(Unavailable):
        recorded.delete()
    assert lineage.Api().run(run.id).state == "deleted"


class _Busy(BaseHTTPRequestHandler):
    """A server that is busy at first, as ours is when its database is."""

    n_busy = 0

    def do_GET(self) -> None:
        cls = type(self)
        cls.n_busy -= 1
        status, body = (503, b"") if cls.n_busy >= 0 else (200, b'{"name":"you"}')
        self.send_response(status)
        if status == 503:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def busy() -> Iterator[str]:
    _Busy.n_busy = 1
    with ThreadingHTTPServer(("127.0.0.1", 0), _Busy) as serving:
        threading.Thread(target=serving.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


def test_a_busy_server_is_asked_again_when_it_says(busy: str) -> None:
    began = time.monotonic()
    assert Http(busy).get("/whoami") == {"name": "you"}
    assert time.monotonic() - began >= 1


def test_what_is_no_lineage_server_is_named_so(busy: str) -> None:
    with pytest.raises(LineageError, match=r"501.*is this a lineage server"):
        Http(busy).post("/runs")


def test_an_error_is_the_same_here_as_on_the_server(proxy: Proxy) -> None:
    with pytest.raises(NotFound, match="there is no") as caught:
        lineage.Api().run("none")
    assert caught.value.request_id
