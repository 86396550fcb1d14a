"""Damage done by hand, past every rule: to a graph, in its own language, and to stored bytes; and
what the tests of fsck do all the time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw

from cypher.store import Neo4jGraphStore
from lineage.digest import Digest
from lineage.engine import Finding
from lineage.manifest import Entry, cut
from lineage.model import DraftId, ObjectName, Upload
from lineage.ports import GraphStore
from sql.store import SqlGraphStore
from storage.local import LocalBlobStore
from storage.s3 import S3BlobStore
from tests.contracts.lab import ANN, BOB, EVAL, MODELS, TRAIN, A, B, Lab

__all__ = [
    "NONE",
    "begin_a_draft",
    "cut_an_edge_to_a_blob",
    "damage",
    "digest_of",
    "fsck",
    "kinds",
    "lose",
    "object_of",
    "overwrite",
    "page_of",
    "set_up",
    "stray",
]

NONE: list[Finding] = []


def damage(graph: GraphStore, *, sql: str, cypher: str, **values: Any) -> None:
    """Run this, which must change something, with these values: `:name` and `$name`.

    Digests are given as such; SQLite gets their raw bytes. No foreign key is checked.
    """
    if isinstance(graph, SqlGraphStore):
        connection = apsw.Connection(str(graph._path))
        connection.set_busy_timeout(10_000)
        connection.pragma("foreign_keys", False)
        raw = {k: v.raw if isinstance(v, Digest) else _plain(v) for k, v in values.items()}
        before = connection.total_changes()
        connection.execute(sql, raw)
        n_changes = connection.total_changes() - before
        connection.close()
    else:
        assert isinstance(graph, Neo4jGraphStore)
        plain = {k: _plain(v) for k, v in values.items()}
        with graph._driver.session(database="neo4j") as session:
            counters = session.run(cypher, plain).consume().counters
        n_changes = sum(v for v in vars(counters).values() if type(v) is int)
    assert n_changes, "nothing was damaged"


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value


def object_of(lab: Lab, data: bytes) -> ObjectName:
    """Where the blob with these bytes lies."""
    [found] = lab.graph.read(lambda tx: tx.contents.find_blobs([Digest.of(data)])).values()
    return found.object


def lose(lab: Lab, data: bytes) -> ObjectName:
    """Let the bytes of this blob be gone; where they were."""
    name = object_of(lab, data)
    lab.blobs.delete([name])
    return name


def overwrite(lab: Lab, name: ObjectName, data: bytes) -> None:
    """Let these bytes lie under the name, whatever was there."""
    blobs = lab.blobs
    if isinstance(blobs, S3BlobStore):
        key = f"{blobs.bucket.prefix}{name}"
        blobs.bucket.call("PutObject", Key=key, Body=data)
        return
    assert isinstance(blobs, LocalBlobStore)
    path = Path(blobs._root) / name
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def fsck(lab: Lab, **how: bool) -> list[Finding]:
    return list(lab.engine.fsck.run(ANN, **how))


def kinds(lab: Lab, **how: bool) -> list[str]:
    return [finding.kind for finding in fsck(lab, **how)]


def page_of(*contents: dict[str, bytes]) -> list[bytes]:
    return [
        body
        for content in contents
        for body in cut(Entry(p, len(data), Digest.of(data)) for p, data in content.items())
    ]


def digest_of(content: dict[str, bytes]) -> Digest:
    [body] = page_of(content)
    return Digest.of(body)


def begin_a_draft(lab: Lab, content: dict[str, bytes]) -> DraftId:
    """A draft that has stored everything, and holds it."""
    pages = page_of(content)
    request = lab.request(pages, collection=MODELS)
    lab.engine.drafts.begin(BOB, request)
    sizes = [(Digest.of(data), len(data)) for data in content.values()]
    for hold, data in zip(
        lab.engine.drafts.hold(BOB, request.id, sizes), content.values(), strict=True
    ):
        if hold.upload is not None:
            lab.engine.drafts.store(BOB, hold.upload.object, [data])
    return request.id


def stray(lab: Lab, data: bytes) -> ObjectName:
    """An object that nothing knows."""
    name = lab.blobs.new_object(Digest.of(data))
    until = lab.clock.now() + timedelta(hours=1)
    upload = Upload(name, Digest.of(data), len(data), DraftId("none"), until)
    lab.blobs.put(upload, [data], now=lab.clock.now())
    return name


def cut_an_edge_to_a_blob(lab: Lab) -> None:
    damage(
        lab.graph,
        sql="DELETE FROM page_blob WHERE blob_id = (SELECT id FROM blob WHERE digest = :blob)",
        cypher="MATCH (:Page)-[c:CONTAINS]->(:Blob {digest: $blob}) DELETE c",
        blob=Digest.of(b"two"),
    )


def set_up(lab: Lab) -> None:
    """Two versions that share a file, their lineage, and a draft."""
    lab.start(TRAIN, EVAL)
    made = lab.version(A, run=TRAIN)
    lab.engine.runs.use(BOB, EVAL, made.key)
    lab.version(B, run=EVAL)
    begin_a_draft(lab, {"held": b"held"})
    assert fsck(lab, deep=True) == NONE
