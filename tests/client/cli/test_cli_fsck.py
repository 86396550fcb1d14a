"""lineage fsck while it is at work: what a person at a terminal sees, and what a pipe does not."""

from __future__ import annotations

import io
import sys
import time

import pytest

from lineage.cli import fsck, output
from lineage.errors import LineageError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def a_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """What stderr is from now on. No fixture: pytest puts its own back before the test."""
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setenv("TERM", "xterm")
    return shown


def test_a_terminal_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = a_terminal(monkeypatch)
    with output.busy(json=False) as show:
        show("checked 7 [objects]\x07")
        end = time.monotonic() + 10
        while "checked 7 [objects]\\x07" not in terminal.getvalue():
            assert time.monotonic() < end
            time.sleep(0.05)


def test_a_pipe_and_lines_of_json_on_a_terminal_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = a_terminal(monkeypatch)
    monkeypatch.setattr(sys, "stdout", Terminal())
    with output.busy(json=True) as show:
        show("checked")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with output.busy(json=False) as show:
        show("checked")
    assert terminal.getvalue() == ""
    assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]


def test_an_answer_without_an_end_is_no_success(monkeypatch: pytest.MonkeyPatch) -> None:
    class Server:
        def lines(self, *_: object, **__: object) -> list[dict[str, int]]:
            return [{"n_objects": 1, "n_blobs": 0, "n_pages": 0, "n_versions": 0}]

    monkeypatch.setattr(fsck, "connect", lambda _: Server())
    with pytest.raises(LineageError, match="ended early"):
        fsck.fsck()
