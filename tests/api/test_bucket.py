"""The server over a bucket: what a start checks, and `python -m api storage-check`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx2

from tests.services.s3 import S3
from tests.services.s3_proxy import Reply, S3Proxy
from tests.services.server import REPOSITORY, Server


def storage_check(
    *arguments: str, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api", "storage-check", *arguments],
        cwd=REPOSITORY,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def settings_of(s3: S3, bucket: str, **others: str | None) -> dict[str, str | None]:
    return {
        **s3.environment,
        "LINEAGE_BLOBS_URL": f"s3://{bucket}/some/where",
        "LINEAGE_S3_ENDPOINT_URL": s3.endpoint_url,
        **others,
    }


def test_a_good_bucket_is_told_so_and_nothing_stays_in_it(s3: S3) -> None:
    bucket = s3.new_bucket()
    environment = {**s3.environment, "LINEAGE_S3_ENDPOINT_URL": s3.endpoint_url}
    told = storage_check(f"s3://{bucket}/some/where", environment=environment)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.endswith("\nThis bucket can be trusted with what you store.\n")
    assert "FAILED" not in told.stdout
    assert len(told.stdout.splitlines()) > 15
    assert s3.client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_bucket_that_is_not_there_fails_in_words(s3: S3) -> None:
    environment = {**s3.environment, "LINEAGE_BLOBS_URL": "s3://nowhere-to-be-found"}
    told = storage_check("--endpoint-url", s3.endpoint_url, environment=environment)
    assert told.returncode == 1
    assert told.stdout.startswith("FAILED  bucket: ")
    assert "nowhere-to-be-found" in told.stdout
    assert s3.secret_key not in told.stdout + told.stderr


def test_what_is_no_bucket_is_a_wrong_command(s3: S3) -> None:
    for arguments in ((), ("file:///var/lib",), ("s3://",)):
        told = storage_check(*arguments, environment=s3.environment)
        assert told.returncode == 2
        assert "s3://" in told.stderr
        assert "Traceback" not in told.stderr
    assert "examples:" in storage_check("--help", environment={}).stdout


def test_a_start_refuses_a_bucket_that_takes_wrong_bytes(s3: S3, tmp_path: Path) -> None:
    bucket = s3.new_bucket()

    with S3Proxy(s3) as proxy:
        proxy.change = lambda request, reply: (
            Reply(200, b"", {"ETag": '"0"'})
            if request.method == "PUT" and reply.status == 400
            else reply
        )
        endpoint = {"LINEAGE_S3_ENDPOINT_URL": proxy.endpoint_url}
        done = Server(tmp_path, settings=settings_of(s3, bucket, **endpoint)).run()
    assert done.returncode == 1
    assert "stored files could be wrong" in done.stderr


def test_a_bucket_belongs_to_one_graph(s3: S3, tmp_path: Path) -> None:
    settings = settings_of(s3, s3.new_bucket())
    with Server(tmp_path / "first", settings=settings) as server:
        answer = httpx2.get(f"{server.url}/readyz")
        assert answer.status_code == 200
    done = Server(tmp_path / "second", settings=settings).run()
    assert done.returncode == 1
    assert "belongs to another graph" in done.stderr


def test_a_start_without_credentials_says_what_to_set(s3: S3, tmp_path: Path) -> None:
    settings = settings_of(s3, s3.new_bucket(), AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    done = Server(tmp_path, settings=settings).run()
    assert done.returncode == 1
    assert "AWS_ACCESS_KEY_ID" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
