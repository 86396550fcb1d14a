"""What the server does when it is told something wrong: one line, an exit code, no traceback."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from api import wiring
from api.settings import CLIENT_NAMES, Settings, SettingsError, is_loopback, read_settings
from lineage.errors import Unavailable
from tests.api.calls import Rest, wait_until
from tests.services.server import KEY, REPOSITORY, Server


def refused(server: Server, code: int) -> str:
    """What the server says when it does not start; checked to be one line."""
    done = server.run()
    assert done.returncode == code, done.stderr
    said = [line for line in done.stderr.splitlines() if not line.startswith("at=")]
    assert len(said) == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert server.key not in done.stderr
    return said[0]


def read(monkeypatch: pytest.MonkeyPatch, **settings: str) -> Settings:
    for name in [name for name in os.environ if name.startswith("LINEAGE_")]:
        monkeypatch.delenv(name)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return read_settings(os.environ)


def test_the_settings_have_the_names_and_defaults_that_the_example_lists(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = read(monkeypatch, LINEAGE_ADMIN_KEY=KEY)
    assert settings.graph_url.get_secret_value() == "sqlite:///var/lib/lineage/graph.db"
    assert settings.blobs_url == "file:///var/lib/lineage/blobs"
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert (settings.draft_ttl_s, settings.upload_ttl_s) == (86_400, 3_600)
    listed = {
        line.lstrip("#").partition("=")[0]
        for line in (REPOSITORY / ".env.example").read_text().splitlines()
        if line.lstrip("#").startswith("LINEAGE_")
    }
    known = {f"LINEAGE_{name.upper()}" for name in Settings.model_fields} | CLIENT_NAMES
    assert listed <= known


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(
        monkeypatch, LINEAGE_ADMIN_KEY=KEY, LINEAGE_GRAPH_URL="bolt://neo4j:hunter2@host:x"
    )
    assert KEY not in repr(settings)
    assert "hunter2" not in repr(settings)
    with pytest.raises(SettingsError, match="bolt://neo4j:password@") as caught:
        wiring.open_stores(settings)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(CLIENT_NAMES))
def test_the_client_s_settings_are_left_alone(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    read(monkeypatch, LINEAGE_ADMIN_KEY=KEY, **{name: "anything"})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"LINEAGE_GRAPHURL": "x"}, "LINEAGE_GRAPHURL is not a setting: .* LINEAGE_GRAPH_URL"),
        ({"LINEAGE_COLOUR": "x"}, "LINEAGE_COLOUR is not a setting"),
        ({"LINEAGE_ADMIN_KEY": ""}, "LINEAGE_ADMIN_KEY is not set: set it to 40 hexadecimal"),
        ({"LINEAGE_ADMIN_KEY": "a" * 39}, "is not 40 hexadecimal digits or more"),
        ({"LINEAGE_ADMIN_KEY": "g" * 40}, "is not 40 hexadecimal digits or more"),
        ({"LINEAGE_PORT": "http"}, "LINEAGE_PORT: .*integer"),
        ({"LINEAGE_PORT": "65536"}, "LINEAGE_PORT: .*65535"),
        ({"LINEAGE_DRAFT_TTL_S": "0"}, "LINEAGE_DRAFT_TTL_S: "),
        ({"LINEAGE_DRAFT_TTL_S": "9" * 20}, "LINEAGE_DRAFT_TTL_S: "),
        ({"LINEAGE_UPLOAD_TTL_S": "9" * 12}, "LINEAGE_UPLOAD_TTL_S: "),
        ({"LINEAGE_AUTH": "maybe"}, "LINEAGE_AUTH: "),
        ({"LINEAGE_AUTH": "off", "LINEAGE_HOST": "0.0.0.0"}, "needs a loopback LINEAGE_HOST"),  # noqa: S104
    ],
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        read(monkeypatch, **{"LINEAGE_ADMIN_KEY": KEY, **settings})
    assert "\n" not in str(caught.value)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("LINEAGE_GRAPH_URL", "sqlite://graph.db"),
        ("LINEAGE_GRAPH_URL", "sqlite:///"),
        ("LINEAGE_GRAPH_URL", "/var/lib/graph.db"),
        ("LINEAGE_GRAPH_URL", "mysql:///x"),
        ("LINEAGE_GRAPH_URL", "bolt://host"),
        ("LINEAGE_GRAPH_URL", "bolt://neo4j:pass@word@host/graph?x=1"),
        ("LINEAGE_GRAPH_URL", "neo4j://[x"),
        ("LINEAGE_GRAPH_URL", "sqlite://[x"),
        ("LINEAGE_BLOBS_URL", "file://[x"),
        ("LINEAGE_GRAPH_URL", "sqlite:///x.db?mode=ro"),
        ("LINEAGE_BLOBS_URL", "file://blobs"),
        ("LINEAGE_BLOBS_URL", "s3:///prefix"),
        ("LINEAGE_BLOBS_URL", "s3:bucket"),
        ("LINEAGE_BLOBS_URL", ""),
    ],
)
def test_a_url_of_no_store_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, url: str
) -> None:
    urls = {
        "LINEAGE_GRAPH_URL": f"sqlite://{tmp_path}/g.db",
        "LINEAGE_BLOBS_URL": f"file://{tmp_path}/b",
    }
    settings = read(monkeypatch, LINEAGE_ADMIN_KEY=KEY, **{**urls, name: url})
    with pytest.raises(SettingsError, match=name):
        wiring.open_stores(settings)
    assert list(tmp_path.iterdir()) == []


def test_loopback_is_what_only_this_machine_reaches() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "example.org", "")))  # noqa: S104


def test_without_a_key_the_server_does_not_start_and_says_what_to_set(tmp_path: Path) -> None:
    said = refused(Server(tmp_path, settings={"LINEAGE_ADMIN_KEY": None}), 2)
    assert "LINEAGE_ADMIN_KEY" in said
    assert "LINEAGE_AUTH=off" in said
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_told_before_a_store_is_touched(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        said = refused(Server(tmp_path, settings={"LINEAGE_PORT": str(port)}), 1)
    assert f"port {port}" in said
    assert "LINEAGE_PORT" in said
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_is_not_here_is_told(tmp_path: Path) -> None:
    said = refused(Server(tmp_path, settings={"LINEAGE_HOST": "192.0.2.1"}), 1)
    assert "192.0.2.1" in said


def test_a_damaged_graph_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.graph_path.parent.mkdir()
    server.graph_path.write_bytes(b"this is no database" * 1000)
    said = refused(server, 1)
    assert str(server.graph_path) in said
    assert server.graph_path.read_bytes() == b"this is no database" * 1000


@pytest.mark.parametrize("name", ["graph", "blobs"])
def test_a_folder_that_cannot_be_made_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("a file where the folder should be")
    environment = Server(tmp_path).environment
    ours = {key: value for key, value in environment.items() if key.startswith("LINEAGE_")}
    with pytest.raises(Unavailable, match=str(tmp_path / name)):
        wiring.open_stores(read(monkeypatch, **ours))


def without_override() -> tuple[str, ...]:
    """A command prefix under which permissions bind the superuser as well."""
    if os.geteuid() != 0:
        return ()
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


def test_a_blob_folder_that_is_read_only_is_told_at_the_start(tmp_path: Path) -> None:
    server = Server(tmp_path, prefix=without_override())
    server.blobs_path.mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
    assert str(server.blobs_path) in refused(server, 1)


def test_a_graph_that_is_read_only_is_told_at_the_start(tmp_path: Path) -> None:
    with Server(tmp_path):
        pass
    server = Server(tmp_path, prefix=without_override())
    server.graph_path.chmod(stat.S_IRUSR)
    assert str(server.graph_path) in refused(server, 1)


def test_arguments_are_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api", "--port", "1"],
        cwd=REPOSITORY,
        env=Server(tmp_path).environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "takes no arguments" in done.stderr


def test_a_restart_finds_everything_and_a_signal_ends_it_cleanly(tmp_path: Path) -> None:
    with Server(tmp_path) as server:
        rest = Rest(server)
        version = rest.log("digits", {"a": b"kept"})
        rest.close()
        server.stop()
        assert "Traceback" not in server.log()
        assert not list(server.graph_path.parent.glob("*-wal"))
        server.start()
        again = httpx2.get(
            f"{server.url}/api/v1{rest.version_path(version)}/files/a".replace(
                "{P}", f"/projects/{rest.name}"
            ),
            headers=server.headers,
        )
        assert again.content == b"kept"


def test_what_nobody_commits_goes_and_so_does_what_a_crash_left(tmp_path: Path) -> None:
    with Server(tmp_path, settings={"LINEAGE_DRAFT_TTL_S": "1"}) as server:
        rest = Rest(server)
        _, hold = rest.target(b"forgotten")
        assert rest.put(hold, b"forgotten").status_code == 204
        wait_until(lambda: server.objects() == [], timeout_s=10)
        _, hold = rest.target(b"crashed")
        assert rest.put(hold, b"crashed").status_code == 204
        rest.close()
        server.kill9()
        assert len(server.objects()) == 1
        time.sleep(1.1)  # past the draft's life
        server.start()
        assert server.objects() == []
