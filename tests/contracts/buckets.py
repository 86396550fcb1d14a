"""Buckets for tests, and how they look around the store; the fixtures are for all test files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final

import pytest

from lineage.model import ObjectName
from storage.s3 import S3BlobStore
from tests.contracts.stores import LOADER
from tests.services.s3 import S3

__all__ = ["PREFIX", "Disk", "open_store"]

PREFIX: Final = "some/where"


class Disk:
    """What the server keeps of a bucket, seen on its disk; planted through another client."""

    def __init__(self, server: S3, bucket: str, prefix: str = PREFIX) -> None:
        self.bucket = bucket
        self.client = server.client
        self._root = server.root / bucket
        self._versions = server.versions / bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def everything(self) -> dict[str, bytes]:
        found = {}
        for folder, label in ((self._root, ""), (self._versions, "old version ")):
            for path in folder.rglob("*"):
                name = str(path.relative_to(folder))
                if path.is_file() and not name.startswith(".sgwtmp"):
                    found[label + name.removeprefix(self._prefix)] = path.read_bytes()
        return found

    def plant(self, name: ObjectName, data: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=f"{self._prefix}{name}", Body=data)

    def mark_deleted(self, name: ObjectName) -> None:
        """As by hand: on a bucket with versions, what was there stays as an old one."""
        self.client.delete_object(Bucket=self.bucket, Key=f"{self._prefix}{name}")

    def keep_versions(self, status: str = "Enabled") -> None:
        self.client.put_bucket_versioning(
            Bucket=self.bucket, VersioningConfiguration={"Status": status}
        )


@pytest.fixture
def aws_keys(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.session.create_loader", lambda _: LOADER)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in s3.environment.items():
        if name != "AWS_ENDPOINT_URL_S3":  # the tests say where they mean
            monkeypatch.setenv(name, value)


@pytest.fixture
def plain(s3: S3) -> Iterator[Disk]:
    disk = Disk(s3, s3.new_bucket())
    yield disk
    s3.remove_bucket(disk.bucket)


@pytest.fixture
def versioned(s3: S3) -> Iterator[Disk]:
    disk = Disk(s3, s3.new_bucket(versioned=True))
    yield disk
    s3.remove_bucket(disk.bucket)


def open_store(
    disk: Disk, endpoint_url: str, *, prefix: str = PREFIX, timeout_s: float = 20, **more: Any
) -> S3BlobStore:
    url = f"s3://{disk.bucket}/{prefix}"
    return S3BlobStore.at(url, endpoint_url=endpoint_url, timeout_s=timeout_s, **more)
