"""Verbs of the crash story whose client reaches the store itself, or decides a deletion first and
has it carried out later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from lineage.digest import Digest
from lineage.errors import AlreadyExists, Unavailable
from lineage.model import ReceiptId, Upload
from lineage.ports import DirectTransfer
from tests.services.story_contents import Package
from tests.services.teller import ADMIN, Answer, Teller

__all__ = ["carry_out", "confirm", "decide", "put", "put_by_link", "put_late", "put_wrong"]

_HOUR: Final = timedelta(hours=1)


def put_by_link(
    store: DirectTransfer, upload: Upload, data: bytes, *, timeout_s: float = 30
) -> int:
    """What a client does with a link; the status. The store judges links by its own clock.

    Raises:
        Unavailable: no answer came, or one that says to try again.
    """
    now = datetime.now(UTC)
    link = store.upload_link(replace(upload, until=now + _HOUR), now=now)
    request = Request(link.url, data, dict(link.headers), method="PUT")  # noqa: S310 - http
    try:
        with urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
            return int(answer.status)
    except HTTPError as exc:
        exc.close()
        if exc.code >= 500:
            raise Unavailable(f"the store answers {exc.code}") from exc
        return int(exc.code)
    except (OSError, HTTPException) as exc:
        raise Unavailable(f"no answer came: {exc}") from exc


def _upload(teller: Teller, package: Package, data: bytes) -> Upload:
    digest = Digest.of(data)
    until = teller.engine._context.now() + _HOUR
    return Upload(teller.objects(package.id)[digest], digest, len(data), package.id, until)


def put(package: Package, data: bytes) -> Callable[[Teller], Answer]:
    """Past the API, where the store gives links."""

    def do(teller: Teller) -> Answer:
        if isinstance(teller.blobs, DirectTransfer):
            teller.step("before a put by a link")
            status = put_by_link(teller.blobs, _upload(teller, package, data), data)
            assert status == 200 or (teller.is_retry and status == 412)
            teller.step("after a put by a link")
        return {"put": Digest.of(data)}

    return do


def put_wrong(package: Package, data: bytes) -> Callable[[Teller], Answer]:
    def do(teller: Teller) -> Answer:
        if isinstance(teller.blobs, DirectTransfer):
            wrong = data[:-1] + b"?"
            assert put_by_link(teller.blobs, _upload(teller, package, data), wrong) == 400
        return {"refused": True}

    return do


def put_late(package: Package, data: bytes) -> Callable[[Teller], Answer]:
    """What began while the draft lived lands now, though it has been given up."""

    def do(teller: Teller) -> Answer:
        upload = _upload(teller, package, data)
        if isinstance(teller.blobs, DirectTransfer):
            status = put_by_link(teller.blobs, upload, data)
            assert status == 200 or (teller.is_retry and status == 412)
        else:  # by a server that is killed before it says so
            try:
                teller.blobs.put(upload, [data], now=upload.until)
            except teller.again(AlreadyExists):
                pass
        return {"put": Digest.of(data)}

    return do


def confirm(package: Package, data: bytes) -> Callable[[Teller], Answer]:
    """Say that it was put; what is not there goes through the API."""
    digest = Digest.of(data)

    def do(teller: Teller) -> Answer:
        missing = teller.engine.links.confirm(ADMIN, package.id, [digest])
        if isinstance(teller.blobs, DirectTransfer):
            assert missing == [], "it was put, and that was answered"
        elif missing:
            upload = teller.objects(package.id)[digest]
            teller.engine.drafts.store(ADMIN, upload, [data])
        return {"stored": digest}

    return do


def decide(plan: str) -> Callable[[Teller], Answer]:
    def do(teller: Teller) -> Answer:
        planned = teller.answers[plan]
        receipt = teller.engine.deletion.decide(ADMIN, Digest(planned["digest"]))
        return {"receipt": receipt.id, "gone": list(receipt.versions)}

    return do


def carry_out(decision: str, plan: str) -> Callable[[Teller], Answer]:
    """Whoever had begun it, and however often: the figures are the plan's."""

    def do(teller: Teller) -> Answer:
        id = ReceiptId(teller.answers[decision]["receipt"])
        receipt = teller.engine.deletion.carry_out(id)
        freed = [receipt.freed.n_pages, receipt.freed.n_blobs, receipt.freed.size_bytes]
        assert receipt.finished_at is not None
        assert receipt.n_done == len(receipt.versions)
        assert freed == teller.answers[plan]["freed"]
        return {"freed": freed}

    return do
