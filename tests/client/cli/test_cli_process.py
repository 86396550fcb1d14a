"""The command as a process: in a pipe, on a terminal, interrupted; and how fast it starts."""

from __future__ import annotations

import os
import pty
import resource
import select
import signal
import socket
import subprocess
import sys
import termios
import time
from pathlib import Path

from tests.client.cli.world import EXECUTABLE, World


def piped(world: World, *args: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EXECUTABLE, *args],
        env=world.process_environment | settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


class Terminal:
    """The command on a terminal of its own, and a person who types."""

    def __init__(self, world: World, *args: str) -> None:
        self._fd, inner = pty.openpty()
        self._process = subprocess.Popen(
            [*EXECUTABLE, *args],
            env=world.process_environment | {"TERM": "xterm-256color"},
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
        )
        os.close(inner)
        self.shown = ""

    def wait_for(self, text: str) -> None:
        """Read until this is shown."""
        deadline = time.monotonic() + 20
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            assert self._read(), self.shown

    def wait_until_unseen(self) -> None:
        """Wait until what is typed is no longer shown."""
        deadline = time.monotonic() + 20
        while termios.tcgetattr(self._fd)[3] & termios.ECHO:
            assert time.monotonic() < deadline, self.shown
            time.sleep(0.01)

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def interrupt(self) -> None:
        """Ctrl-C, again if need be: a signal that comes just as Python begins to wait is missed."""
        for _ in range(5):
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(timeout=3)
            except subprocess.TimeoutExpired:
                continue
            return

    def end(self) -> int:
        """The exit code; `shown` is then all there was."""
        while self._read():
            pass
        os.close(self._fd)
        return self._process.wait(timeout=20)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._fd], [], [], 20)
        assert ready, f"nothing more in 20 s: {self.shown}"
        try:
            data = os.read(self._fd, 65536)
        except OSError:  # the other end is closed
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)


def test_the_command_starts_fast_and_without_the_client(asked: World) -> None:
    best_s = 10.0
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        told = piped(asked, "--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert told.returncode == 0
        spent_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best_s = min(best_s, spent_s)
    assert best_s < 0.5  # of processor time, so that a busy machine is no reason to fail
    loaded = "import sys, lineage.cli.app; sys.exit('httpx2' in sys.modules)"
    check = [sys.executable, "-c", loaded]
    assert subprocess.run(check, env=asked.process_environment, check=False).returncode == 0


def test_a_pipe_gets_plain_text_and_notes_go_beside_it(asked: World) -> None:
    told = piped(asked, "trace", "upstream", "report:v0")
    assert told.returncode == 0
    assert told.stdout.startswith("◆ report:v0 report\n└ ● eval")
    assert "\x1b" not in told.stdout
    limited = piped(asked, "runs", "ls", "--limit", "1")
    assert len(limited.stdout.splitlines()) == 1
    assert "more runs" in limited.stderr


def test_a_pipe_that_knows_no_symbols_gets_them_escaped(asked: World) -> None:
    told = piped(asked, "trace", "upstream", "model:v0", PYTHONIOENCODING="ascii")
    assert told.returncode == 0, told.stderr
    assert "\\u25c6 model:v0" in told.stdout


def test_a_reader_that_goes_away_ends_the_command_quietly(asked: World) -> None:
    asked.log("many", {}, refs=5000)
    command = subprocess.Popen(
        [*EXECUTABLE, "artifacts", "files", "many"],
        env=asked.process_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert command.stdout is not None
    assert command.stdout.readline().startswith(b"ref/000000.png")
    command.stdout.close()
    assert command.stderr is not None
    assert command.stderr.read() == b""
    command.stderr.close()
    assert command.wait(timeout=20) == 141


def test_an_interrupted_download_leaves_nothing_and_says_so(asked: World, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        command = subprocess.Popen(
            [*EXECUTABLE, "artifacts", "get", "raw", "--root", str(tmp_path / "root")],
            env=asked.process_environment | {"LINEAGE_URL": url},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        connection, _ = silent.accept()  # it has sent its question, and waits for an answer
        with connection:
            assert connection.recv(1)
            time.sleep(0.2)  # Python misses a signal that comes just as it begins to wait
            command.send_signal(signal.SIGINT)
            stdout, stderr = command.communicate(timeout=20)
    assert (command.returncode, stdout) == (130, "")
    assert stderr.strip() == "interrupted"
    assert not (tmp_path / "root").exists()


def test_words_that_are_wrong_end_with_2(asked: World) -> None:
    for args in (["runs", "sl"], ["runs", "ls", "--nope"], ["trace", "upstream"]):
        told = piped(asked, *args)
        assert told.returncode == 2, args
        assert "Traceback" not in told.stderr
    assert piped(asked, "runs", "show", "a/b/c/d").returncode == 2


def test_a_terminal_gets_tables_colours_and_at_most_50_rows(asked: World) -> None:
    terminal = Terminal(asked, "artifacts", "files", "raw")
    assert terminal.end() == 0
    assert "path" in terminal.shown
    assert "\x1b[" in terminal.shown
    asked.log("wide", {}, refs=60)
    long = Terminal(asked, "artifacts", "files", "wide")
    assert long.end() == 0
    assert long.shown.count(".png") == 50
    assert "there are more files: --limit 0 shows all" in long.shown


def test_a_tree_on_a_terminal_is_coloured(asked: World) -> None:
    terminal = Terminal(asked, "trace", "downstream", "raw:v0")
    assert terminal.end() == 0
    assert "\x1b[35m" in terminal.shown  # a version
    assert "\x1b[36m" in terminal.shown  # a run


def test_a_person_is_asked_before_a_deletion_and_may_decline(asked: World) -> None:
    asked.log("doomed", {"a": asked.project.encode()})
    terminal = Terminal(asked, "artifacts", "rm", "doomed:v0")
    terminal.wait_for("Delete this?")
    assert "frees" in terminal.shown
    terminal.type("n\n")
    assert terminal.end() == 1
    assert "nothing was deleted" in terminal.shown
    again = Terminal(asked, "artifacts", "rm", "doomed:v0")
    again.wait_for("Delete this?")
    again.type("y\n")
    assert again.end() == 0
    assert asked.json("artifacts", "show", "doomed:v0")["state"] == "deleted"


def test_an_interrupt_at_the_question_deletes_nothing(asked: World) -> None:
    asked.log("spared", {"a": b"spared"})
    terminal = Terminal(asked, "artifacts", "rm", "spared:v0")
    terminal.wait_for("Delete this?")
    terminal.interrupt()
    assert terminal.end() == 130
    assert "Traceback" not in terminal.shown
    assert asked.json("artifacts", "show", "spared:v0")["state"] == "committed"


def test_a_login_asks_for_the_server_and_a_key_that_it_does_not_show(asked: World) -> None:
    terminal = Terminal(asked, "login")
    terminal.wait_for("Server")
    terminal.type("\n")
    terminal.wait_for("Key")
    terminal.wait_until_unseen()
    terminal.type(f"{asked.server.key}\n")
    assert terminal.end() == 0
    assert "admin at" in terminal.shown
    assert asked.server.key not in terminal.shown


def test_a_shell_completes_the_commands(asked: World) -> None:
    asking = {"_LINEAGE_COMPLETE": "complete_bash", "COMP_WORDS": "lineage art", "COMP_CWORD": "1"}
    assert piped(asked, **asking).stdout.split() == ["artifacts"]
