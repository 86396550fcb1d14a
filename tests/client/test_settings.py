from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path

import pytest

import lineage
from lineage.client.http import Stopped
from lineage.client.progress import Progress
from lineage.client.settings import config_path, read_settings, save_login
from lineage.errors import Invalid, Unauthenticated
from tests.services.server import REPOSITORY, Server


def test_login_keeps_the_key_for_its_server_alone(
    project: str, shared_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LINEAGE_API_KEY")
    with pytest.raises(Unauthenticated):
        lineage.login("ab" * 20)
    assert not config_path().exists()
    assert lineage.login(shared_server.key)
    assert config_path().stat().st_mode & 0o777 == 0o600
    monkeypatch.delenv("LINEAGE_URL")
    assert read_settings().url == shared_server.url
    assert read_settings().api_key == shared_server.key
    assert read_settings(url="http://example.org").api_key is None
    assert shared_server.key not in repr(read_settings())
    with lineage.init() as run:
        assert run.project == project
    assert lineage.login()  # finds the key that is kept
    assert read_settings(url=f"http://localhost:{shared_server.port}").api_key == shared_server.key
    with pytest.raises(Unauthenticated, match="var/admin-key"):
        lineage.login("ab" * 20)
    assert read_settings().api_key == shared_server.key


def test_one_machine_under_two_names_keeps_one_key(project: str) -> None:
    save_login("http://localhost:8000", "old")
    save_login("http://127.0.0.1:8000", "new")
    assert read_settings(url="http://localhost:8000", api_key=None).url == "http://localhost:8000"
    assert "old" not in config_path().read_text()


def test_a_login_without_a_key_asks_only_on_a_terminal(
    project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LINEAGE_API_KEY")
    with pytest.raises(Invalid, match="key"):
        lineage.login()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LINEAGE_URL", "127.0.0.1:8000"),
        ("LINEAGE_CACHE_SIZE_BYTES", "20 GiB"),
        ("LINEAGE_RETRY_S", "a minute"),
        ("LINEAGE_ENTITY", "a/b"),
    ],
)
def test_a_malformed_setting_is_named(
    project: str, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(Invalid, match=name.removeprefix("LINEAGE_").lower() + "|" + name):
        read_settings()


def test_a_config_file_that_cannot_be_read_is_named(project: str) -> None:
    config_path().parent.mkdir(parents=True)
    config_path().write_text("{")
    with pytest.raises(Invalid, match=r"config\.json"):
        read_settings()


def test_every_public_name_is_there_and_no_other() -> None:
    assert sorted(lineage.__all__) == lineage.__all__
    for name in lineage.__all__:
        getattr(lineage, name)
    with pytest.raises(AttributeError):
        _ = lineage.nothing
    assert lineage.__version__


def test_importing_a_value_brings_no_client() -> None:
    script = "import lineage.digest, sys; print('httpx2' in sys.modules, 'rich' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert done.stdout.split() == ["False", "False"]


SHOW = """
import time
from lineage.client.progress import Progress
with Progress("hashing", 10) as progress:
    progress.advance(5)
    time.sleep(0.8)
    progress.advance(5)
"""


def test_long_work_shows_a_bar_on_a_terminal_and_nothing_in_a_pipe() -> None:
    command = [sys.executable, "-c", SHOW]
    environment = os.environ | {"TERM": "xterm"}
    piped = subprocess.run(command, capture_output=True, check=True, cwd=REPOSITORY)
    assert (piped.stdout, piped.stderr) == (b"", b"")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(command, stderr=theirs, cwd=REPOSITORY, env=environment)
    os.close(theirs)
    shown = b""
    try:
        while more := os.read(ours, 4096):
            shown += more
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait() == 0
    assert b"hashing" in shown


def test_downloads_go_where_the_settings_say(project: str, tmp_path: Path) -> None:
    assert read_settings().cache_dir == tmp_path / "cache"


def test_an_interrupt_ends_the_threads_that_work_at_once() -> None:
    began = time.monotonic()
    jobs: list[Future[None]] = []

    def job(progress: Progress) -> None:
        while True:
            progress.advance(1)
            time.sleep(0.01)

    def work() -> None:
        with Progress("downloading", 10) as progress, progress.pool(2, "test") as pool:
            jobs.extend(pool.submit(job, progress) for _ in range(3))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert time.monotonic() - began < 2
    assert all(job.cancelled() or isinstance(job.exception(), Stopped) for job in jobs)
