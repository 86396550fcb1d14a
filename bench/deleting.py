"""Deletion and plans where much is shared, on both graph stores; a large upload into a bucket."""

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import perf_counter

from bench.stores import engine_over, on_neo4j, on_sqlite
from lineage.digest import Digest
from lineage.engine import DeletionRequest
from lineage.manifest import Entry, Page, cut, parse_page
from lineage.model import (
    Access,
    Blob,
    Caller,
    Collection,
    Draft,
    DraftId,
    ObjectName,
    Project,
    Version,
    VersionState,
)
from lineage.names import CollectionKey, ProjectKey, VersionKey
from lineage.ports import GraphStore, Transaction
from tests.services.neo4j import Neo4j
from tests.services.s3 import S3
from tests.services.server import Server

_ADMIN = Caller("bench", is_admin=True)
_PROJECT = ProjectKey("bench/deleting")
_MODELS = CollectionKey(f"{_PROJECT}/models")
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_FAR = datetime(2027, 1, 1, tzinfo=UTC)
_N_FILES = 100_000
_N_PLANNED = 10_000
_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class SharedDeletion:
    """Seconds to delete a version with one file of its own and 100,000 that others share."""

    store: str
    n_versions: int
    deletion: float
    plan: float
    planned_deletion: float
    impact: float


@dataclass(frozen=True, slots=True)
class PlannedSet:
    """Seconds for a deletion of 10,000 versions: the plan, up to unreadable, and to the end."""

    store: str
    plan: float
    decision: float
    end: float


@dataclass(frozen=True, slots=True)
class BucketUpload:
    """Seconds for 2 GiB from a file into a bucket on this machine."""

    ours: float
    boto3: float
    download: float


def measure_shared(scratch: Path, server: Neo4j | None, n_versions: int) -> SharedDeletion:
    store = on_sqlite(scratch) if server is None else on_neo4j(server)
    with engine_over(store, scratch) as engine:
        _load_shared(store, n_versions)
        keys = [_MODELS.version(number) for number in range(min(n_versions, 10) - 2)]
        deletions = [_timed(partial(engine.deletion.delete, _ADMIN, _of(key))) for key in keys[:3]]
        plans, executions, impacts = [], [], []
        for key in keys[3:6]:
            began = perf_counter()
            plan = engine.deletion.plan(_ADMIN, _of(key))
            plans.append(perf_counter() - began)
            assert plan.facts.n_blobs == 1
            assert plan.facts.n_shared == _N_FILES
            executions.append(_timed(partial(engine.deletion.execute, _ADMIN, plan.digest)))
            impacts.append(_timed(partial(engine.impacts.impact, _ADMIN, _of(keys[6]))))
    name = "SQLite" if server is None else "Neo4j"
    return SharedDeletion(
        name, n_versions, min(deletions), min(plans), min(executions), min(impacts)
    )


def _of(key: VersionKey) -> DeletionRequest:
    return DeletionRequest(versions=(key,), delete_aliases=True)


def _timed(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def _load_shared(store: GraphStore, n_versions: int) -> None:
    shared = [
        Entry(f"shared/{number:06}", 1, Digest.of(b"shared %d" % number))
        for number in range(_N_FILES)
    ]
    pages = [parse_page(body) for body in cut(shared)]
    _begin(store, n_versions)
    for some in _pieces(pages, 20):
        blobs = [digest for page in some for digest, _ in page.blobs]
        store.write(lambda tx, some=some, blobs=blobs: _add(tx, some, blobs, 1))  # type: ignore[misc]
    digests = [page.digest for page in pages]
    last = pages[-1]
    for number in range(n_versions):
        # After the last shared path, so that all pages but the last are the same.
        own = Entry(f"zz/{number}", 7, Digest.of(b"own %d" % number))
        tail = [*shared[len(shared) - last.n_entries :], own] if not last.is_closed else [own]
        bodies = [parse_page(body) for body in cut(tail)]
        kept = digests if last.is_closed else digests[:-1]
        _commit(store, number, kept, bodies, own)


def _begin(store: GraphStore, n_versions: int) -> None:
    def begin(tx: Transaction) -> None:
        tx.projects.add(Project(_PROJECT, Access.PRIVATE, _BEGAN))
        tx.collections.add(Collection(_MODELS, "model", _BEGAN, n_versions))

    store.write(begin)


def _add(tx: Transaction, pages: Sequence[Page], blobs: Sequence[Digest], size: int) -> None:
    known = tx.contents.find_blobs(sorted(set(blobs)))
    new = [digest for digest in sorted(set(blobs)) if digest not in known]
    tx.contents.add_blobs([Blob(digest, size, _object(digest), _BEGAN) for digest in new])
    tx.contents.add_pages(pages)


def _object(digest: Digest) -> ObjectName:
    return ObjectName(f"sha256/{digest.hex[:2]}/{digest.hex[2:]}-{uuid.uuid4().hex}")


def _commit(
    store: GraphStore, number: int, kept: Sequence[Digest], new: Sequence[Page], own: Entry
) -> None:
    def change(tx: Transaction) -> None:
        assert own.digest is not None
        assert own.size_bytes is not None
        _add(tx, [], [own.digest], own.size_bytes)
        tx.contents.add_pages(new)
        _add_version(tx, number, [*kept, *(page.digest for page in new)])

    store.write(change)


def _add_version(tx: Transaction, number: int, pages: Sequence[Digest]) -> None:
    id = DraftId(f"{number:032x}")
    tx.drafts.add(Draft(id, _MODELS, "model", "bench", tuple(pages), _FAR))
    tx.drafts.attach(id, pages)
    made = Version(
        key=_MODELS.version(number),
        type="model",
        state=VersionState.COMMITTED,
        manifest=Digest.of(b"manifest %d" % number),
        size_bytes=0,
        n_files=0,
        created_at=_BEGAN + timedelta(seconds=number),
        created_by="bench",
    )
    tx.versions.add(made, id, list(pages))
    tx.drafts.remove(id)


def _pieces(items: Sequence, size: int) -> list:  # type: ignore[type-arg]
    return [items[at : at + size] for at in range(0, len(items), size)]


def measure_plan(scratch: Path, server: Neo4j | None) -> PlannedSet:
    """Versions of three files: one of its own, one shared with a neighbour, one with all."""
    store = on_sqlite(scratch) if server is None else on_neo4j(server)
    with engine_over(store, scratch) as engine:
        _begin(store, _N_PLANNED + 1)
        for numbers in _pieces(range(_N_PLANNED + 1), 250):
            store.write(lambda tx, numbers=numbers: _add_small(tx, numbers))  # type: ignore[misc]
        request = DeletionRequest(collection=_MODELS, keep_last=1, delete_aliases=True)
        began = perf_counter()
        plan = engine.deletion.plan(_ADMIN, request)
        planned = perf_counter()
        n_own, n_pairs = _N_PLANNED, _N_PLANNED // 2
        assert len(plan.versions) == _N_PLANNED
        assert plan.facts.freed_bytes == 3 * n_own + 5 * n_pairs
        assert plan.facts.joint_bytes == 5 * n_pairs
        assert plan.facts.shared_bytes == 7
        receipt = engine.deletion.decide(_ADMIN, plan.digest)
        decided = perf_counter()
        done = engine.deletion.carry_out(receipt.id)
        assert done.freed.size_bytes == plan.facts.freed_bytes
        ended = perf_counter()
    name = "SQLite" if server is None else "Neo4j"
    return PlannedSet(name, planned - began, decided - planned, ended - planned)


def _add_small(tx: Transaction, numbers: Sequence[int]) -> None:
    pages: list[Page] = []
    sizes: dict[Digest, int] = {}
    for number in numbers:
        entries = [
            Entry("all", 7, Digest.of(b"of all")),
            Entry("own", 3, Digest.of(b"own %d" % number)),
            Entry("pair", 5, Digest.of(b"pair %d" % (number // 2))),
        ]
        sizes.update(blob for entry in entries for blob in entry.blobs)
        pages += [parse_page(body) for body in cut(entries)]
    for size in (3, 5, 7):
        some = [digest for digest, of in sizes.items() if of == size]
        _add(tx, [], some, size)
    tx.contents.add_pages(pages)
    for number, page in zip(numbers, pages, strict=True):
        _add_version(tx, number, [page.digest])


_BOTO3 = """
import sys, time, boto3
from boto3.s3.transfer import TransferConfig
client = boto3.client("s3")
config = TransferConfig(multipart_chunksize=64 * 2**20, max_concurrency=4)
began = time.perf_counter()
client.upload_file(sys.argv[1], sys.argv[2], "peer", Config=config,
                   ExtraArgs={"ChecksumAlgorithm": "SHA256"})
print(time.perf_counter() - began)
client.delete_object(Bucket=sys.argv[2], Key="peer")
"""
_OURS = """
import sys, time, lineage
with lineage.init(project="bench", entity="local") as run:
    began = time.perf_counter()
    artifact = lineage.Artifact("large", "dataset")
    artifact.add_file(sys.argv[1])
    run.log_artifact(artifact)
    print(time.perf_counter() - began)
found = lineage.Api().artifact("local/bench/large:latest")
began = time.perf_counter()
found.download(root=sys.argv[2])
print(time.perf_counter() - began)
found.delete(delete_aliases=True)
"""


def measure_bucket(scratch: Path, n_bytes: int = 2 * 2**30) -> BucketUpload:
    """Each twice in turn, the faster counts: hashing, sending, and the bucket's own check."""
    file = scratch / "large.bin"
    with file.open("wb") as random_bytes:
        for _ in range(n_bytes // 2**24):
            random_bytes.write(os.urandom(2**24))
    ours, theirs, downloads = [], [], []
    with S3(scratch / "s3") as s3:
        bucket = s3.new_bucket()
        for number in range(2):
            environment = os.environ | s3.environment
            command = [sys.executable, "-c", _BOTO3, str(file), bucket]
            theirs.append(float(_output(command, environment)))
            settings = {
                **s3.environment,
                "LINEAGE_BLOBS_URL": f"s3://{bucket}/ours-{number}",
                "LINEAGE_S3_ENDPOINT_URL": s3.endpoint_url,
            }
            with Server(scratch / f"server-{number}", settings=settings) as server:
                out = scratch / f"out-{number}"
                client = {
                    "LINEAGE_URL": server.url,
                    "LINEAGE_API_KEY": server.key,
                    "LINEAGE_CACHE_DIR": str(scratch / f"cache-{number}"),
                }
                command = [sys.executable, "-c", _OURS, str(file), str(out)]
                up, down = _output(command, os.environ | client).split()
                ours.append(float(up))
                downloads.append(float(down))
                shutil.rmtree(out)
    file.unlink()
    return BucketUpload(min(ours), min(theirs), min(downloads))


def _output(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
