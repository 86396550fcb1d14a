"""A real web server for tests, on the loopback: each path answers as the test says."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

__all__ = ["Answer", "Web", "open_web"]

_RANGE: Final = "bytes="


class Answer:
    """What a path answers: the file `body`, under `status` and `headers`, to these methods."""

    def __init__(
        self,
        body: bytes = b"",
        *,
        status: int = 200,
        methods: str = "HEAD GET",
        refused: int = 405,
        knows_ranges: bool = True,
        has_length: bool = True,
        cut_at: int | None = None,
        **headers: str,
    ) -> None:
        self.body = body
        self.status = status
        self.methods = methods.split()
        self.refused = refused  # the status of other methods; 0 hangs up
        self.knows_ranges = knows_ranges
        self.has_length = has_length
        self.cut_at = cut_at  # hang up after so many bytes of an answer
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Web:
    """`answers` by path, which the test changes as it likes; `asked` holds what was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: dict[str, Answer | Callable[[], Answer]] = {}
        self.asked: list[tuple[str, str, str]] = []  # method, path, range

    def __setitem__(self, path: str, answer: Answer | Callable[[], Answer]) -> None:
        self.answers[path] = answer

    def find(self, path: str) -> Answer:
        found = self.answers.get(path, Answer(b"none", status=404))
        return found if isinstance(found, Answer) else found()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    web: Web

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.web.asked.append((self.command, self.path, wanted))
        answer = self.web.find(self.path)
        if self.command not in answer.methods:
            self.close_connection = True
            if answer.refused:
                self.send_response(answer.refused)
                self.send_header("Content-Length", "0")
                self.end_headers()
            return
        self._answer(answer, wanted)

    do_HEAD = do_GET  # noqa: N815 - a name of the base class

    def _answer(self, answer: Answer, wanted: str) -> None:
        body, status, total = answer.body, answer.status, len(answer.body)
        is_same = self.headers.get("If-Range") in (None, answer.headers.get("ETag"))
        headers = dict(answer.headers)
        if wanted.startswith(_RANGE) and answer.knows_ranges and status == 200 and is_same:
            first, _, last = wanted.removeprefix(_RANGE).partition("-")
            if int(first) >= total:
                body, status = b"", 416
                headers["Content-Range"] = f"bytes */{total}"
            else:
                body, status = body[int(first) : int(last) + 1 if last else None], 206
                end = int(first) + len(body) - 1
                headers["Content-Range"] = f"bytes {first}-{end}/{total}"
        if answer.has_length:
            headers["Content-Length"] = str(len(body))
        else:
            headers["Connection"] = "close"
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body if answer.cut_at is None else body[: answer.cut_at])
        if answer.cut_at is not None or not answer.has_length:
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, *args: object) -> None:
        """A client that hangs up is nothing to report."""


@contextmanager
def open_web() -> Iterator[Web]:
    handler = type("Handler", (_Handler,), {})
    with _Server(("127.0.0.1", 0), handler) as serving:
        handler.web = Web(f"http://127.0.0.1:{serving.server_port}")
        thread = threading.Thread(target=serving.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield handler.web
        finally:
            serving.shutdown()
            thread.join()
