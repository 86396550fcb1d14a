"""A real HTTP proxy before an S3 server that answers some requests by itself, or changes answers.

with S3Proxy(server) as proxy:
    proxy.answer = lambda request: slow_down() if request.method == "PUT" else None
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.services.s3 import S3

__all__ = ["Reply", "Request", "S3Proxy", "refusal"]


@dataclass(frozen=True)
class Request:
    method: str
    target: str  # path and query
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def key(self) -> str:
        return unquote(urlsplit(self.target).path).lstrip("/").partition("/")[2]

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def refusal(status: int, code: str, message: str = "") -> Reply:
    """An error as S3 words it."""
    words = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Reply(status, words.encode(), {"Content-Type": "application/xml"})


class S3Proxy:
    """Forwards requests as they are, their signatures included, unless a hook is set.

    `answer` may answer a request in the server's place; `change` sees and replaces what comes back;
    with `is_cut`, an answer ends after its first line.
    """

    def __init__(self, server: S3) -> None:
        self.server = server
        self.answer: Callable[[Request], Reply | None] = lambda request: None
        self.change: Callable[[Request, Reply], Reply] = lambda request, reply: reply
        self.is_cut = False
        self.requests: list[Request] = []
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._http.server_close()

    def forward(self, request: Request) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        try:
            kept = {k: v for k, v in request.headers.items() if k not in ("connection", "expect")}
            connection.request(request.method, request.target, request.body or None, kept)
            answer = connection.getresponse()
            dropped = ("connection", "transfer-encoding", "keep-alive")
            headers = {k: v for k, v in answer.getheaders() if k.lower() not in dropped}
            return Reply(answer.status, answer.read(), headers)
        finally:
            connection.close()


class _Handler(BaseHTTPRequestHandler):
    proxy: S3Proxy
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body)
        self.proxy.requests.append(request)
        reply = self.proxy.answer(request) or self.proxy.forward(request)
        reply = self.proxy.change(request, reply)
        self.send_response_only(reply.status)
        if self.proxy.is_cut:
            self.close_connection = True
            self.end_headers()
            return
        for name, value in reply.headers.items():
            if name.lower() != "content-length" or self.command == "HEAD":
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    # The names that the library looks for.
    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _handle  # noqa: N815

    def log_message(self, *args: Any) -> None:
        """Nothing: the tests look at `requests`."""
