"""Tries on a bucket what the store rests on: once in full for a person, in short at each start.

Nothing stays behind: what is tried lies under `prefix/probe-…` and goes at the end, whatever fails.
"""

from __future__ import annotations

import logging
import secrets
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from lineage.errors import LineageError, Unavailable
from lineage.model import Link
from storage.bucket import Answer, Bucket
from storage.s3 import S3BlobStore
from storage.s3_errors import status_of

__all__ = ["Check", "Outcome", "check_promises", "probe"]

_log = logging.getLogger(__name__)

_GOOD: Final = b"what was promised\n" * 8
_WRONG: Final = b"something else ..\n" * 8  # as long
_HOUR: Final = timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)
_REFUSED: Final = frozenset(range(400, 500))
_SKEW_WARNS_S: Final = 60.0
_SKEW_FAILS_S: Final = 600.0  # the store itself refuses after 15 minutes
_N_DELETED: Final = 20


class Outcome(StrEnum):
    OK = "ok"
    WARNING = "warning"  # it works, but a person should know
    FAILED = "failed"  # do not store anything here


@dataclass(frozen=True, slots=True)
class Check:
    """What was tried, how it went, and what that means."""

    name: str
    outcome: Outcome
    sentence: str


def probe(store: S3BlobStore) -> Iterator[Check]:
    """Try everything that we rely on; each answer as soon as it is there, some 70 requests.

    Raises nothing: an error is an answer. Nothing is tried after the bucket cannot be reached.
    """
    trial = _Trial(store.bucket)
    try:
        reached = trial.run("bucket", _reach)
        yield reached
        if reached.outcome is Outcome.FAILED:
            return
        for name, attempt in _ATTEMPTS.items():
            yield trial.run(name, attempt)
    finally:
        left = trial.clean_up()
    yield replace(left, name="left behind")


def check_promises(store: S3BlobStore) -> None:
    """Try at a start what nobody would notice later: some 20 small requests.

    Raises:
        Unavailable: with reason `settings` if the bucket breaks a promise, and says which.
    """
    trial = _Trial(store.bucket)
    try:
        for name in _PROMISES:
            check = _ATTEMPTS[name](trial)
            if check.outcome is Outcome.FAILED:
                message = f"{store.bucket.place} cannot be used: {check.sentence}"
                raise Unavailable(message, reason="settings")
    finally:
        trial.clean_up()


class _Trial:
    """A bucket, and the keys that were tried in it."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self._keys: list[str] = []

    def run(self, name: str, attempt: Callable[[_Trial], Check]) -> Check:
        try:
            return replace(attempt(self), name=name)
        except LineageError as exc:
            return Check(name, Outcome.FAILED, exc.message)

    def key(self) -> str:
        key = f"{self.bucket.prefix}probe-{secrets.token_hex(8)}"
        self._keys.append(key)
        return key

    def clean_up(self) -> Check:
        """Remove what was tried; whether that worked."""
        mine: list[str] = []
        why = "the bucket still lists it"
        try:
            if not self._keys:
                return _ok("nothing was stored")
            self.bucket.delete(self._keys)
            listed = {key for key, _ in self.bucket.iter_sizes(f"{self.bucket.prefix}probe-")}
            mine = sorted(listed & set(self._keys))
        except Unavailable as exc:
            mine, why = sorted(self._keys), exc.message
        if mine:
            _log.warning("not_removed keys=%s reason=%r", ",".join(mine), why)
        else:
            return _ok("nothing that was tried is left in the bucket")
        return _warning(f"{', '.join(mine)} may be left in the bucket ({why}): delete it by hand")

    def put(self, key: str, data: bytes = _GOOD, *, promised: bytes | None = None) -> int:
        """The status of a PUT whose checksum promises these bytes, or others."""
        answer = self.bucket.call(
            "PutObject",
            accept=_REFUSED - {403},
            Key=key,
            Body=data,
            ChecksumSHA256=_checksum(data if promised is None else promised),
            IfNoneMatch="*",
        )
        return status_of(answer)

    def has(self, key: str) -> bool:
        return self.bucket.find(key) is not None

    def link(self, key: str, *, is_public: bool = False, age: timedelta = timedelta(0)) -> Link:
        """Leave to upload the good bytes, given so long ago, for an hour."""
        now = datetime.now(UTC) - age
        return self.bucket.link(
            "PUT",
            key,
            now=now,
            until=now + _HOUR,
            headers={
                "Content-Length": str(len(_GOOD)),
                "If-None-Match": "*",
                "x-amz-checksum-sha256": _checksum(_GOOD),
            },
            is_public=is_public,
        )

    def send(self, link: Link, data: bytes = _GOOD) -> Answer:
        """What the store says to an upload; Unavailable if it says nothing about it now."""
        answer = self.bucket.follow("PUT", link, body=data)
        if answer.status >= 500:
            place = self.bucket.place
            raise Unavailable(f"{place} has trouble of its own ({_said(answer)}): try again later")
        return answer


def _checksum(data: bytes) -> str:
    return b64encode(sha256(data).digest()).decode()


def _ok(sentence: str) -> Check:
    return Check("", Outcome.OK, sentence)


def _warning(sentence: str) -> Check:
    return Check("", Outcome.WARNING, sentence)


def _failed(sentence: str) -> Check:
    return Check("", Outcome.FAILED, sentence)


# --- what is tried, in this order ------------------------------------------------------------


def _reach(trial: _Trial) -> Check:
    trial.bucket.check()
    return _ok(f"{trial.bucket.place} answers, knows the access key, and lets itself be listed")


def _clock(trial: _Trial) -> Check:
    answer = trial.bucket.call("HeadBucket")
    said = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    if said is None:
        return _warning("the store does not tell its time: keep this machine's clock right (NTP)")
    skew_s = abs((parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    if skew_s < _SKEW_WARNS_S:
        return _ok("its clock and this machine's agree")
    sentence = f"its clock and this machine's differ by {skew_s:.0f} s: set this machine's by NTP"
    return _failed(sentence) if skew_s > _SKEW_FAILS_S else _warning(sentence)


def _region(trial: _Trial) -> Check:
    answer = trial.bucket.call("HeadBucket", accept={301, 400})
    is_right = status_of(answer) < 300
    told = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
    region = told or (trial.bucket.region if is_right else "the bucket's region")
    if is_right and region == trial.bucket.region:
        return _ok(f"links are signed for the region {region}")
    return _failed(
        f"links would be signed for {trial.bucket.region}, where the bucket is not:"
        f" set AWS_REGION={region}"
    )


def _credentials(trial: _Trial) -> Check:
    if trial.bucket.is_temporary:
        return _warning(
            "the credentials are temporary, and links end with them: let them live longer than the"
            " links (LINEAGE_UPLOAD_TTL_S), or use a key that does not expire"
        )
    return _ok("the credentials do not expire")


def _storing(trial: _Trial) -> Check:
    key = trial.key()
    status = trial.put(key)
    if status >= 300:
        return _failed(f"storing a few bytes with their SHA-256 was refused with status {status}")
    answer = trial.bucket.call("GetObject", accept={404}, Key=key)
    data = b"" if status_of(answer) == 404 else answer["Body"].read()
    if data != _GOOD or (trial.bucket.find(key) or {}).get("ContentLength") != len(_GOOD):
        return _failed("what was stored a moment ago is not read back: the store is not consistent")
    return _ok("what is stored is there at once, whole")


def _ranges(trial: _Trial) -> Check:
    key = trial.key()
    trial.put(key)
    answer = trial.bucket.call("GetObject", accept={416}, Key=key, Range="bytes=5-9")
    past = trial.bucket.call("GetObject", accept={416}, Key=key, Range=f"bytes={len(_GOOD)}-")
    if answer["Body"].read() != _GOOD[5:10] or status_of(past) != 416:
        return _failed("ranges are not read as asked for: large files could not be resumed")
    return _ok("a part of an object is read alone")


def _checksums_kept(trial: _Trial) -> Check:
    key = trial.key()
    trial.put(key)
    told = (trial.bucket.find(key) or {}).get("ChecksumSHA256")
    if told is None:
        return _warning(
            "the store does not tell an object's SHA-256 again: what clients upload is known by"
            " its size, and by the check that was made when it came"
        )
    if told != _checksum(_GOOD):
        return _failed("the store tells a SHA-256 that is not the object's")
    return _ok("an object's SHA-256 can be asked for")


def _wrong_bytes(trial: _Trial) -> Check:
    key = trial.key()
    status = trial.put(key, _WRONG, promised=_GOOD)
    if status < 300 or trial.has(key):
        return _failed(
            "it takes bytes that do not match their x-amz-checksum-sha256: stored files could be"
            " wrong and nobody would know; use a store that checks it"
        )
    return _ok("bytes that do not match their SHA-256 are refused")


def _taken_name(trial: _Trial) -> Check:
    key = trial.key()
    trial.put(key)
    status = trial.put(key, _WRONG)
    answer = trial.bucket.call("GetObject", accept={404}, Key=key)
    if status != 412 or answer["Body"].read() != _GOOD:
        return _failed(
            "it does not honour If-None-Match: an upload could replace an object that is there;"
            " use a store that does"
        )
    return _ok("an object that is there is never replaced")


def _link_works(trial: _Trial) -> Check:
    key = trial.key()
    answer = trial.send(trial.link(key))
    if answer.status >= 300 or not trial.has(key):
        return _failed(f"an upload by a signed link is refused ({_said(answer)})")
    return _ok("an upload by a signed link arrives")


def _link_wrong_bytes(trial: _Trial) -> Check:
    key = trial.key()
    answer = trial.send(trial.link(key), _WRONG)
    if answer.status < 300 or trial.has(key):
        return _failed(
            "by a signed link it takes bytes that do not match their SHA-256: clients could store"
            " wrong files; use a store that checks x-amz-checksum-sha256 there too"
        )
    return _ok("by a signed link too, bytes that do not match their SHA-256 are refused")


def _link_taken_name(trial: _Trial) -> Check:
    key = trial.key()
    link = trial.link(key)
    trial.send(link)
    answer = trial.send(link)
    if answer.status < 300:
        return _failed(
            "a signed link can be used twice: it does not honour If-None-Match there; use a store"
            " that does"
        )
    return _ok("a signed link stores once")


def _link_other_headers(trial: _Trial) -> Check:
    key = trial.key()
    link = trial.link(key)
    for headers in _variations(link.headers):
        data = _WRONG if headers.get("x-amz-checksum-sha256") == _checksum(_WRONG) else _GOOD
        answer = trial.send(Link(link.url, headers), data)
        if answer.status < 300 or trial.has(key):
            return _failed(
                "a signed link is taken without the headers that it is signed for: it could be"
                " used for other bytes; use a store that checks signatures"
            )
    return _ok("a signed link is bound to its bytes")


def _variations(headers: Mapping[str, str]) -> Iterator[dict[str, str]]:
    for name in ("If-None-Match", "x-amz-checksum-sha256"):
        yield {key: value for key, value in headers.items() if key != name}
    yield {**headers, "x-amz-checksum-sha256": _checksum(_WRONG)}


def _link_other_object(trial: _Trial) -> Check:
    key, other = trial.key(), trial.key()
    link = trial.link(key)
    answer = trial.send(Link(link.url.replace(key, other), link.headers))
    if answer.status < 300 or trial.has(other):
        return _failed("a signed link is taken for another object: use a store that checks it")
    return _ok("a signed link is bound to its object")


def _link_expired(trial: _Trial) -> Check:
    key = trial.key()
    answer = trial.send(trial.link(key, age=_HOUR + _MINUTE))
    if answer.status < 300 or trial.has(key):
        return _failed("a signed link is taken after it has expired: use a store that checks it")
    return _ok("a signed link ends when it says")


def _link_download(trial: _Trial) -> Check:
    key = trial.key()
    trial.put(key)
    now = datetime.now(UTC)
    link = trial.bucket.link("GET", key, now=now, until=now + _HOUR, is_public=False)
    whole = trial.bucket.follow("GET", link)
    part = trial.bucket.follow("GET", link, Range="bytes=5-9")
    if whole.body != _GOOD or part.body != _GOOD[5:10]:
        return _failed(f"a download by a signed link fails ({_said(whole)})")
    return _ok("downloads by a signed link work, whole and by range")


def _link_public(trial: _Trial) -> Check:
    key = trial.key()
    link = trial.link(key, is_public=True)
    host = urlsplit(link.url).netloc
    try:
        answer = trial.send(link)
    except Unavailable as exc:
        return _warning(f"clients are sent to {host}, which this machine cannot see: {exc.message}")
    if answer.status >= 300 or not trial.has(key):
        return _failed(
            f"clients are sent to {host}, and the bucket is not there ({_said(answer)}): name the"
            " endpoint where they reach it"
        )
    return _ok(f"clients are sent to {host}, and the bucket is there")


def _listing(trial: _Trial) -> Check:
    keys = sorted(trial.key() for _ in range(3))
    for key in keys:
        trial.put(key)
    listed = [key for key, _ in trial.bucket.iter_sizes(f"{trial.bucket.prefix}probe-")]
    if listed != sorted(listed):
        return _failed("the list of objects is not in order: use a general purpose bucket")
    if not set(keys) <= set(listed):
        return _failed("what was stored is not in the list of objects: it is not consistent")
    trial.bucket.delete(keys)
    listed = [key for key, _ in trial.bucket.iter_sizes(f"{trial.bucket.prefix}probe-")]
    if set(keys) & set(listed):
        return _failed("what was deleted is in the list of objects: it is not consistent")
    return _ok("the list of objects shows what is there, at once")


def _deleting(trial: _Trial) -> Check:
    keys = [trial.key() for _ in range(_N_DELETED)]
    for key in keys[:3]:
        trial.put(key)
    trial.bucket.delete(keys)
    if any(trial.has(key) for key in keys[:3]):
        return _failed("what was deleted is still there")
    return _ok("many objects are deleted by one request, absent ones too")


def _versions(trial: _Trial) -> Check:
    is_versioned = trial.bucket.find_versioning()
    if is_versioned is None:
        return _warning(
            "it does not tell whether the bucket keeps versions: allow s3:GetBucketVersioning, or"
            " be sure that it does not; deleted versions would go on costing money"
        )
    if not is_versioned:
        return _ok("the bucket keeps no versions: what is deleted is gone")
    key = trial.key()
    trial.put(key)
    # As by hand, or by a tool that knows nothing of versions: now only an old version is left.
    trial.bucket.call("DeleteObjects", Delete={"Objects": [{"Key": key}]})
    listed = [found for found, size_bytes in trial.bucket.iter_sizes(key) if size_bytes]
    if listed != [key]:
        return _failed("old versions are not listed: they would cost money unseen")
    trial.bucket.delete([key])
    if list(trial.bucket.iter_sizes(key)):
        return _failed("deleting leaves versions behind, which cost money: look for retention")
    return _warning(
        "the bucket keeps versions: deletion removes each of them, and frees the space; it works"
        " here, and is quicker on a bucket without versions"
    )


def _said(answer: Answer) -> str:
    words = answer.body.decode(errors="replace")
    code = words.partition("<Code>")[2].partition("</Code>")[0]
    return f"{answer.status} {code:.50}".strip()


_ATTEMPTS: Final[Mapping[str, Callable[[_Trial], Check]]] = {
    "clock": _clock,
    "region": _region,
    "credentials": _credentials,
    "storing": _storing,
    "ranges": _ranges,
    "checksums kept": _checksums_kept,
    "wrong bytes": _wrong_bytes,
    "taken name": _taken_name,
    "listing": _listing,
    "deleting": _deleting,
    "versions": _versions,
    "link": _link_works,
    "link, wrong bytes": _link_wrong_bytes,
    "link, taken name": _link_taken_name,
    "link, other headers": _link_other_headers,
    "link, other object": _link_other_object,
    "link, expired": _link_expired,
    "link, download": _link_download,
    "link, public": _link_public,
}
_PROMISES: Final[Sequence[str]] = (
    "region",
    "storing",
    "wrong bytes",
    "taken name",
    "link",
    "link, wrong bytes",
    "link, taken name",
)
