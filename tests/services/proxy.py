"""A real TCP proxy that breaks connections where it is told to.

with Proxy(server.port) as proxy:
    proxy.cut_answers(after_bytes=0)      # the next request arrives, its answer does not
"""

from __future__ import annotations

import socket
import struct
import threading
from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import Literal, Self

Direction = Literal["requests", "answers"]


class Proxy:
    """Forwards connections to a port of this machine, byte by byte, until a cut is due."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._cuts: dict[Direction, deque[int]] = {"requests": deque(), "answers": deque()}
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.n_cut = 0
        self.n_bytes: dict[Direction, int] = {"requests": 0, "answers": 0}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def cut_requests(self, *, after_bytes: int, times: int = 1) -> None:
        """Break the connection when so many more bytes have gone to the server; then again."""
        self._plan("requests", after_bytes, times)

    def cut_answers(self, *, after_bytes: int, times: int = 1) -> None:
        """Break the connection when so many more bytes have come from the server; then again."""
        self._plan("answers", after_bytes, times)

    def forget_cuts(self) -> None:
        """Let everything pass again."""
        with self._lock:
            for cuts in self._cuts.values():
                cuts.clear()

    def _plan(self, direction: Direction, after_bytes: int, times: int) -> None:
        with self._lock:
            self._cuts[direction].extend([after_bytes] * times)

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()
        with self._lock:
            open_, self._open = self._open, set()
        for end in open_:
            _break(end)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                _break(client)
                continue
            with self._lock:
                self._open |= {client, server}
            pairs: list[tuple[socket.socket, socket.socket, Direction]] = [
                (client, server, "requests"),
                (server, client, "answers"),
            ]
            for pair in pairs:
                threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, direction: Direction) -> None:
        try:
            while data := source.recv(65536):
                allowed = self._allowed(direction, len(data))
                sink.sendall(data[:allowed])
                if allowed < len(data):
                    break
            else:
                sink.shutdown(socket.SHUT_WR)
                return
        except OSError:
            for end in (source, sink):
                _break(end)
            return
        # What has passed must arrive: a reset could overtake it on the way to the reader.
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
        for end in (source, sink):
            end.close()

    def _allowed(self, direction: Direction, n_bytes: int) -> int:
        """How many of these bytes may pass before the connection breaks."""
        with self._lock:
            cuts = self._cuts[direction]
            if not cuts or cuts[0] >= n_bytes:
                if cuts:
                    cuts[0] -= n_bytes
                self.n_bytes[direction] += n_bytes
                return n_bytes
            self.n_cut += 1
            allowed = cuts.popleft()
            self.n_bytes[direction] += allowed
            return allowed


def _break(end: socket.socket) -> None:
    """Reset the connection, as when a machine on the way goes down."""
    try:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    end.close()
