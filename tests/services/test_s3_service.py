"""What the tests rely on when they build an S3 server, start it, stop it and crash it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError

from tests.services import s3 as service
from tests.services.s3 import S3, S3SetupError, install

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A server of this module alone: others must not see it go."""
    with S3(tmp_path_factory.mktemp("s3")) as running:
        yield running


def put(server: S3, bucket: str, key: str, data: bytes) -> None:
    server.client.put_object(Bucket=bucket, Key=key, Body=data)


def get(server: S3, bucket: str, key: str) -> bytes:
    data: bytes = server.client.get_object(Bucket=bucket, Key=key)["Body"].read()
    return data


def test_a_restart_keeps_data_port_and_keys(own: S3) -> None:
    bucket = own.new_bucket()
    put(own, bucket, "a/b", b"kept")
    environment, pid = own.environment, own.pid
    own.restart()
    assert own.environment == environment
    assert own.pid != pid
    assert get(own, bucket, "a/b") == b"kept"


def test_what_was_acknowledged_survives_a_kill(own: S3) -> None:
    bucket = own.new_bucket()
    for n in range(20):
        put(own, bucket, f"key-{n}", b"%d" % n)
    own.kill9()
    assert not own.is_running()
    own.start()
    assert [get(own, bucket, f"key-{n}") for n in range(20)] == [b"%d" % n for n in range(20)]


def test_a_paused_server_answers_after_it_is_resumed(own: S3) -> None:
    bucket = own.new_bucket()
    put(own, bucket, "a", b"kept")
    own.pause()
    session = boto3.session.Session(own.access_key, own.secret_key, region_name="us-east-1")
    config = Config(read_timeout=0.2, retries={"total_max_attempts": 1})
    client = session.client("s3", endpoint_url=own.endpoint_url, config=config)
    with pytest.raises(ReadTimeoutError):
        client.list_buckets()
    client.close()
    own.resume()
    assert get(own, bucket, "a") == b"kept"


@pytest.mark.parametrize("versioned", [False, True])
def test_a_bucket_keeps_old_versions_if_it_is_asked_to(own: S3, versioned: bool) -> None:
    bucket = own.new_bucket(versioned=versioned)
    for data in (b"one", b"two"):
        put(own, bucket, "a", data)
    found = own.client.list_object_versions(Bucket=bucket)["Versions"]
    assert len(found) == (2 if versioned else 1)
    own.remove_bucket(bucket)
    assert not [path for path in own.folder.rglob(bucket) if path.exists()]


def test_another_process_reaches_it_by_its_environment(own: S3) -> None:
    bucket = own.new_bucket()
    script = (
        "import boto3; [print(b['Name']) for b in boto3.client('s3').list_buckets()['Buckets']]"
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=kept | own.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert bucket in done.stdout, done.stderr


def test_its_secret_is_for_its_owner_alone(own: S3) -> None:
    assert own.secret_key in (own.folder / "server.json").read_text()
    assert (own.folder / "server.json").stat().st_mode & 0o077 == 0
    assert own.secret_key not in "".join(service._arguments(own.pid))


def test_a_server_that_cannot_start_says_why(own: S3, tmp_path: Path) -> None:
    with pytest.raises(S3SetupError, match="in use"):
        S3(tmp_path, port=own.port).start()


def test_without_go_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERSITYGW_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(S3SetupError, match="install Go"):
        install()
    assert [path.name for path in tmp_path.iterdir()] == [f"{service.DEFAULT_VERSION}.lock"]


def test_a_version_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERSITYGW_VERSION", "latest; rm")
    with pytest.raises(S3SetupError, match="is no version"):
        S3(tmp_path)


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "lineage-s3-0-999999999-x"
    folder.mkdir()
    left = S3(folder).start(is_kept=True)
    process = left._process
    assert process is not None
    service._remove_left(folder)
    assert process.wait(timeout=10) != 0
    assert not folder.exists()

    lives = tmp_path / f"lineage-s3-0-{os.getpid()}-x"
    lives.mkdir()
    service._remove_left(lives)
    assert lives.exists()


def test_the_command_leaves_one_server_running_until_it_is_stopped(tmp_path: Path) -> None:
    def command(verb: str, *more: str, exit_code: int = 0) -> str:
        line = [sys.executable, "-m", "tests.services.s3", verb, "--folder", str(tmp_path)]
        done = subprocess.run(
            [*line, *more], cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == exit_code, done.stderr
        return done.stdout

    command("status", exit_code=1)
    try:
        said = command("start", "--bucket", "demo")
        server = S3(tmp_path)
        assert all(part in said for part in (server.endpoint_url, server.secret_key))
        assert command("start", "--bucket", "demo") == said
        lines = command("status", "--environment").splitlines()
        assert dict(line.split("=", 1) for line in lines) == server.environment
        put(server, "demo", "a", b"abc")
        assert get(server, "demo", "a") == b"abc"
    finally:
        command("stop")
    assert not server.is_running()

    # Its number may go to another process, such as this one; that one is left alone.
    state = json.loads((tmp_path / "server.json").read_text())
    (tmp_path / "server.json").write_text(json.dumps(state | {"pid": os.getpid()}))
    command("stop")
