"""The story over a bucket whose server is killed, hangs, refuses or loses answers on its way: its
clients ask again, and it comes out as if nothing had happened."""

from __future__ import annotations

import faulthandler
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from lineage.engine import Engine
from lineage.errors import Unavailable
from tests.contracts.stores import blobs_at, open_blobs, open_graph
from tests.services.crashing import go_on
from tests.services.s3 import S3
from tests.services.s3_proxy import Reply, Request, S3Proxy, refusal
from tests.services.teller import StoryClock
from tests.services.telling import a_folder, check_end, stores_in

TIMEOUT_S: Final = 0.5
TRIES: Final = 40


class Trouble:
    """What happens at one of the requests that change the bucket. `n_changing` counts them."""

    def __init__(self, server: S3, proxy: S3Proxy, kind: str, at: int) -> None:
        self.server = server
        self.proxy = proxy
        self.kind = kind
        self.at = at
        self.n_changing = 0
        self.came = False
        self._lock = threading.Lock()
        self._is_hit = threading.local()
        proxy.answer, proxy.change = self.answer, self.change

    def answer(self, request: Request) -> Reply | None:
        self._is_hit.now = False
        with self._lock:
            is_changing = request.method in ("PUT", "POST", "DELETE")
            self.n_changing += is_changing
            # It lasts for a few, since clients of S3 ask again by themselves.
            if not is_changing or not self.at <= self.n_changing < self.at + 4:
                return None
            self._is_hit.now = True
            self.came = True
            if self.kind == "is killed before it does":
                self.server.kill9()
                self.server.start()
                return refusal(500, "InternalError")
            if self.kind == "refuses":
                return refusal(503, "SlowDown")
            if self.kind == "hangs":
                self.server.pause()
                threading.Timer(2 * TIMEOUT_S, self.server.resume).start()
        return None

    def change(self, request: Request, reply: Reply) -> Reply:
        if not self._is_hit.now:
            return reply
        if self.kind == "is killed after it did":
            with self._lock:
                self.server.kill9()
                self.server.start()
            return refusal(500, "InternalError")
        if self.kind == "does it, and its answer is lost":
            return refusal(500, "InternalError")
        return reply


KINDS: Final = (
    "is killed before it does",
    "is killed after it did",
    "hangs",
    "refuses",
    "does it, and its answer is lost",
)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A server of this module alone: others must not see it go."""
    with S3(tmp_path_factory.mktemp("s3")) as server:
        yield server
        server.kill9()  # it would wait for connections that are kept


def again_and_again(step: Callable[[], Any]) -> Any:
    for _ in range(TRIES):
        try:
            return step()
        except Unavailable as exc:
            last = exc
            time.sleep(0.05)
    raise last


def tell_amid(server: S3, kind: str, at: int) -> Trouble:
    """Tell the story to its end, whatever comes between; what came."""
    bucket = server.new_bucket(versioned=True)
    with a_folder() as folder, S3Proxy(server) as proxy:
        quiet = replace(stores_in(folder), blobs_url=blobs_at(server, bucket))
        url = blobs_at(server, bucket, endpoint_url=proxy.endpoint_url)
        graph, blobs = open_graph(quiet.graph_url), open_blobs(url, timeout_s=TIMEOUT_S)
        clock = StoryClock()
        engine = Engine(graph, blobs, clock)
        trouble = Trouble(server, proxy, kind, at)
        try:
            answers: dict[str, Any] = {}
            is_restart = False

            def finish_the_story() -> None:
                nonlocal is_restart
                # With every refusal begins another telling, which finishes what is left.
                told = go_on(engine, blobs, clock, answers, is_restart=is_restart)
                is_restart = True
                answers.update(told)

            again_and_again(finish_the_story)
            proxy.answer, proxy.change = lambda request: None, lambda request, reply: reply
            time.sleep(3 * TIMEOUT_S if kind == "hangs" else 0)
            check_end(quiet, graph, open_blobs(quiet.blobs_url), clock, answers)
        except BaseException as exc:
            exc.add_note(f"the server {kind}, at request {at}")
            raise
        finally:
            graph.close()
            server.remove_bucket(bucket)
    return trouble


@pytest.mark.parametrize("kind", KINDS)
def test_a_bucket_in_trouble_loses_nothing_and_keeps_nothing(own: S3, kind: str) -> None:
    assert tell_amid(own, kind, random.randint(1, 90)).came


@pytest.mark.soak
def test_a_bucket_in_trouble_at_every_request(
    own: S3, soak_s: float, capsys: pytest.CaptureFixture[str]
) -> None:
    faulthandler.cancel_dump_traceback_later()  # it is not stuck
    end = time.monotonic() + soak_s
    n_requests, n_done = tell_amid(own, "", 10**9).n_changing, 0
    places = [(kind, at) for kind in KINDS for at in range(1, n_requests + 1)]
    for kind, at in random.sample(places, len(places)):
        if time.monotonic() > end:
            break
        tell_amid(own, kind, at)
        n_done += 1
    with capsys.disabled():
        print(f"bucket in trouble: {n_done} of {len(places)} times, lost=0 leaked=0")  # noqa: T201
