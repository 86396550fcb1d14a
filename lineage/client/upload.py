"""From files on this machine to a committed version: draft, holds, uploads, pages, commit.

Whatever fails on the way may be asked again: the draft's id is the client's, and what became of a
lost upload is found out by asking for its hold again. A draft whose upload could not be finished is
left to expire: whoever logs the same files within a day sends only what is still missing.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import orjson

from lineage.client.direct import Unreached
from lineage.client.hashing import LocalFile, open_unchanged, read_part
from lineage.client.http import API, Body, Http, plain_loads
from lineage.client.progress import Progress
from lineage.digest import MAX_BUNDLED_BYTES, PART_SIZE_BYTES, Digest
from lineage.errors import Conflict, Corrupt, LineageError, NotFound, Unavailable
from lineage.manifest import Entry, cut, parse_entries, part_sizes

__all__ = ["BUNDLE", "VersionSpec", "commit_version"]

BUNDLE: Final = "application/vnd.lineage.bundle"
_BUNDLE_BYTES: Final = 16 * 1024 * 1024
_BUNDLE_ITEMS: Final = 5_000
_PAGES_BYTES: Final = 16 * 1024 * 1024
_HOLDS: Final = 10_000  # asked for in one request, while what came before is being sent
_INLINE_ENTRIES: Final = 500
_INLINE_BYTES: Final = 1024 * 1024
_THREADS: Final = 4
_WRITE_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class VersionSpec:
    """What a draft says beside its content; `collection` and `run` are full paths."""

    collection: str
    type: str
    run: str | None = None
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A blob to send, and the file it is a part of."""

    digest: Digest
    size_bytes: int
    file: LocalFile
    start: int


def commit_version(
    http: Http, spec: VersionSpec, entries: Sequence[Entry], files: Sequence[LocalFile]
) -> tuple[Any, bool]:
    """Make a version with these entries.

    Args:
        files: where the bytes are that the server may ask for.
    Returns: the version as the server tells of it, and whether it is new.
    Raises:
        Conflict: a file changed since it was hashed, or the collection has another type.
        NotFound: the server lacks a blob that is in none of the files.
        Unavailable: the server cannot be reached; logging again goes on where this stopped.
    """
    upload = _Upload(http, spec, entries, files)
    try:
        return upload.run()
    except Unavailable:
        raise
    except LineageError:
        upload.discard()
        raise


class _Upload:
    def __init__(
        self, http: Http, spec: VersionSpec, entries: Sequence[Entry], files: Sequence[LocalFile]
    ) -> None:
        self._http = http
        self._id = uuid4().hex
        self._files = files
        self._bodies = list(cut(entries))
        self._pages = [Digest.of(body) for body in self._bodies]
        self._is_inline = (
            len(entries) <= _INLINE_ENTRIES and sum(map(len, self._bodies)) <= _INLINE_BYTES
        )
        self._request: dict[str, Any] = {
            "id": self._id,
            "collection": spec.collection,
            "type": spec.type,
            "run": spec.run,
            "pages": self._pages,
            "aliases": list(spec.aliases),
            "tags": list(spec.tags),
            "metadata": dict(spec.metadata),
            "description": spec.description,
        }
        if self._is_inline:
            self._request["bodies"] = [body.decode() for body in self._bodies]

    def run(self) -> tuple[Any, bool]:
        answer = self._begin()
        if answer["version"] is not None:
            return answer["version"], bool(answer["created"])
        missing = set(answer["missing_pages"])
        pages = [
            (digest, body)
            for digest, body in zip(self._pages, self._bodies, strict=True)
            if digest in missing
        ]
        needs: dict[Digest, int] = {}
        for _, body in pages:
            for entry in parse_entries(body):
                needs.update(entry.blobs)
        self._send_blobs(needs, answer["holds"])
        if self._is_inline:
            answer = self._begin()
            if answer["version"] is not None:
                return answer["version"], bool(answer["created"])
        self._send_pages(pages)
        return self._commit()

    def discard(self) -> None:
        """Give the draft up, and what it alone held."""
        with suppress(LineageError):
            self._http.delete(f"/drafts/{self._id}")

    def _begin(self) -> Any:
        return self._http.post("/drafts", self._request)

    def _commit(self) -> tuple[Any, bool]:
        done = self._http.post(f"/drafts/{self._id}/commit", timeout_s=600.0)
        return done["version"], bool(done["created"])

    def _send_pages(self, pages: Sequence[tuple[Digest, bytes]]) -> None:
        bodies = dict(pages)
        for group in _groups([(digest, len(body)) for digest, body in pages], _PAGES_BYTES, 10_000):
            content = _bundle_header(group) + b"".join(bodies[digest] for digest, _ in group)
            path = f"/drafts/{self._id}/pages"
            self._http.send("POST", path, body=Body(content, BUNDLE), timeout_s=600.0)

    def _send_blobs(self, needs: Mapping[Digest, int], holds: Sequence[Any]) -> None:
        """Send what is not held, round after round until all is, or none gets through."""
        pieces = _pieces(self._files, needs)
        left, n_failures, moved_at = dict(needs), 0, time.monotonic()
        with Progress("uploading", sum(needs.values())) as progress:
            while left:
                lost = self._send_round(left, pieces, holds, progress)
                if len(lost) < len(left):
                    n_failures, moved_at = 0, time.monotonic()
                else:
                    n_failures += 1
                    if time.monotonic() - moved_at > self._http.patience_s:
                        raise next(iter(lost.values()))
                    wait_s = 0.1 * 2 ** min(n_failures, 5)
                    time.sleep(random.uniform(0.5, 1.0) * min(2.0, wait_s))  # noqa: S311 - jitter
                left = {digest: left[digest] for digest in lost}
                holds = ()

    def _send_round(
        self,
        needs: Mapping[Digest, int],
        pieces: Mapping[Digest, _Piece],
        holds: Sequence[Any],
        progress: Progress,
    ) -> dict[Digest, LineageError]:
        """Ask for holds, and send what is wanted meanwhile; what did not get through, and why."""
        running: list[tuple[Future[None], list[_Piece]]] = []
        lost: dict[Digest, LineageError] = {}
        with progress.pool(_THREADS, "upload") as pool:
            for asked in [holds] if holds else self._ask(needs):
                small: list[_Piece] = []
                for hold in asked:
                    if hold["held"]:
                        progress.advance(needs.get(hold["digest"], 0))
                        continue
                    piece = _piece(pieces, hold["digest"])
                    if piece.size_bytes <= MAX_BUNDLED_BYTES:
                        small.append(piece)
                    else:
                        future = pool.submit(self._put, piece, hold["upload"], progress)
                        running.append((future, [piece]))
                sizes = [(piece.digest, piece.size_bytes) for piece in small]
                for group in _groups(sizes, _BUNDLE_BYTES, _BUNDLE_ITEMS):
                    bundled = [pieces[digest] for digest, _ in group]
                    future = pool.submit(self._put_bundle, bundled, progress)
                    running.append((future, bundled))
            for future, sent in running:
                try:
                    future.result()
                except Corrupt as exc:
                    raise _named(exc, sent) from None
                except (Unavailable, NotFound, Conflict) as exc:
                    # A file of ours is at fault, or nobody is there: no use in trying again.
                    if "path" in exc.facts or exc.facts.get("is_absent"):
                        raise
                    lost |= {piece.digest: exc for piece in sent}
        return lost

    def _ask(self, needs: Mapping[Digest, int]) -> Iterator[Sequence[Any]]:
        wanted = list(needs.items())
        for first in range(0, len(wanted), _HOLDS):
            body = Body(orjson.dumps({"blobs": wanted[first : first + _HOLDS]}))
            answer = self._http.send("POST", f"/drafts/{self._id}/holds", body=body)
            yield plain_loads(answer.content)["holds"]

    def _put(self, piece: _Piece, upload: Mapping[str, Any], progress: Progress) -> None:
        """Not repeated here: whether it arrived is found out by asking for the hold again."""
        n_sent = 0

        def content() -> Iterator[bytes]:
            nonlocal n_sent
            for chunk in read_part(
                piece.file.path, piece.file.state, piece.start, piece.size_bytes
            ):
                yield bytes(chunk)
                n_sent += len(chunk)
                progress.advance(len(chunk))

        try:
            if not self._put_direct(piece, upload.get("link"), content):
                body = Body(content, "application/octet-stream", piece.size_bytes)
                path = upload["url"].removeprefix(API)
                self._http.send("PUT", path, body=body, repeatable=False, stop=progress.stopped)
        except LineageError:
            progress.advance(-n_sent)
            raise

    def _put_direct(
        self, piece: _Piece, link: Mapping[str, Any] | None, content: Callable[[], Iterator[bytes]]
    ) -> bool:
        """Straight to the store, if the server gave a link and it can be reached from here."""
        if link is None or not self._http.direct.is_open:
            return False
        try:
            self._http.direct.put(link, content, piece.size_bytes)
        except Unreached:
            return False
        told = self._http.post(f"/drafts/{self._id}/stored", {"digests": [piece.digest]})
        if told["missing"]:
            raise Unavailable(f"{piece.digest} did not arrive: it is sent again")
        return True

    def _put_bundle(self, pieces: Sequence[_Piece], progress: Progress) -> None:
        header = _bundle_header([(piece.digest, piece.size_bytes) for piece in pieces])
        size_bytes = sum(piece.size_bytes for piece in pieces)

        def content() -> Iterator[bytes]:
            buffer = bytearray(header)
            for piece in pieces:
                progress.advance(0)
                buffer += _read_small(piece)
                if len(buffer) >= _WRITE_BYTES:
                    yield bytes(buffer)
                    buffer.clear()
            yield bytes(buffer)

        body = Body(content, BUNDLE, len(header) + size_bytes)
        path = f"/drafts/{self._id}/bundle"
        stop = progress.stopped
        self._http.send("POST", path, body=body, repeatable=False, timeout_s=300.0, stop=stop)
        progress.advance(size_bytes)


def _read_small(piece: _Piece) -> bytes:
    with open_unchanged(piece.file.path, piece.file.state) as descriptor:
        data = os.pread(descriptor, piece.size_bytes, piece.start)
    if len(data) != piece.size_bytes:
        path = piece.file.path
        raise Conflict(f"{path!r:.300} changed while it was read: log it again", path=path)
    return data


def _pieces(files: Sequence[LocalFile], needs: Mapping[Digest, int]) -> dict[Digest, _Piece]:
    """For each blob that is needed a file that holds it."""
    found: dict[Digest, _Piece] = {}
    for file in files if needs else ():
        if len(file.parts) == 1:
            part = file.parts[0]
            if part in needs:
                found[part] = _Piece(part, file.state.size_bytes, file, 0)
            continue
        sizes = part_sizes(file.state.size_bytes)
        for number, (part, size_bytes) in enumerate(zip(file.parts, sizes, strict=True)):
            found[part] = _Piece(part, size_bytes, file, number * PART_SIZE_BYTES)
    return found


def _piece(pieces: Mapping[Digest, _Piece], digest: Digest) -> _Piece:
    try:
        return pieces[digest]
    except KeyError:
        reason = "the version it was taken from may have been deleted"
        raise NotFound(
            f"the server has no blob {digest}, and no file here does: {reason}"
        ) from None


def _named(exc: Corrupt, sent: Sequence[_Piece]) -> Corrupt:
    """The server's complaint, with the file it is about."""
    digest = exc.facts.get("digest")
    named = [piece.file.path for piece in sent if digest is None or piece.digest == digest]
    return Corrupt(f"{', '.join(named[:3])}: {exc.message}", **exc.facts)


def _bundle_header(sizes: Sequence[tuple[Digest, int]]) -> bytes:
    return orjson.dumps(sizes, option=orjson.OPT_APPEND_NEWLINE)


def _groups(
    sizes: Sequence[tuple[Digest, int]], max_bytes: int, max_items: int
) -> Iterator[list[tuple[Digest, int]]]:
    """In the same order, cut so that a group is at most so large."""
    group: list[tuple[Digest, int]] = []
    n_bytes = 0
    for digest, size_bytes in sizes:
        if group and (n_bytes + size_bytes > max_bytes or len(group) == max_items):
            yield group
            group, n_bytes = [], 0
        group.append((digest, size_bytes))
        n_bytes += size_bytes
    if group:
        yield group
