"""Manifests: equal contents give equal pages, an edit stays local, and every rule is enforced."""

from __future__ import annotations

import hashlib
import json
import random
import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.digest import PART_SIZE_BYTES, Digest, combine
from lineage.errors import Corrupt, Invalid
from lineage.manifest import (
    MAX_ENTRIES,
    Entry,
    cut,
    encode,
    manifest_digest,
    parse_entries,
    parse_page,
    part_sizes,
)
from lineage.names import check_path

A, B, C = (Digest.of(letter) for letter in (b"a", b"b", b"c"))
MAX_SIZE = 2**53 - 1


def is_path(text: str) -> bool:
    try:
        check_path(text)
    except Invalid:
        return False
    return True


odd_text = st.text(st.sampled_from('ab/.\n\r\t"\\\x01\x7f\x85äé日\u2028🙂'), min_size=1, max_size=6)
paths = (odd_text | st.text(min_size=1, max_size=8)).filter(is_path)
digests = st.binary(min_size=32, max_size=32).map(Digest.from_raw)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)


@st.composite
def files(draw: st.DrawFn) -> Entry:
    path = draw(paths)
    if draw(st.booleans()):
        return Entry(path, draw(st.integers(0, PART_SIZE_BYTES)), draw(digests))
    size_bytes = draw(st.integers(PART_SIZE_BYTES + 1, 4 * PART_SIZE_BYTES))
    n_parts = -(-size_bytes // PART_SIZE_BYTES)
    parts = tuple(draw(st.lists(digests, min_size=n_parts, max_size=n_parts)))
    return Entry(path, size_bytes, combine(parts), parts)


references = st.builds(
    Entry,
    path=paths,
    size_bytes=st.none() | st.integers(0, MAX_SIZE),
    digest=st.none() | digests,
    ref=words.filter(bool),
    extra=st.dictionaries(st.sampled_from(["etag", "versionID"]), words),
)
manifests = st.lists(files() | references, max_size=30, unique_by=lambda entry: entry.path)


def canonical(entry: Entry) -> bytes:
    """The entry's line by the standard library: a second opinion on RFC 8785."""
    fields: dict[str, Any] = {
        "digest": entry.digest,
        "extra": entry.extra or None,
        "parts": entry.parts or None,
        "path": entry.path,
        "ref": entry.ref,
        "size_bytes": entry.size_bytes,
    }
    present = {key: value for key, value in fields.items() if value is not None}
    separators = (",", ":")
    line = json.dumps(present, sort_keys=True, ensure_ascii=False, separators=separators)
    return line.encode() + b"\n"


@given(files() | references)
def test_an_entry_is_one_canonical_line(entry: Entry) -> None:
    assert encode(entry) == canonical(entry)
    assert encode(entry).count(b"\n") == 1


@given(manifests, st.randoms())
def test_the_order_of_insertion_does_not_matter(entries: list[Entry], rng: random.Random) -> None:
    shuffled = rng.sample(entries, len(entries))
    assert list(cut(shuffled)) == list(cut(entries))


@given(manifests)
def test_every_cut_page_is_accepted_and_says_what_it_holds(entries: list[Entry]) -> None:
    by_path = sorted(entries, key=lambda entry: entry.path.encode())
    pages = [parse_page(body, digest=Digest.of(body)) for body in cut(entries)]
    assert [entry for page in pages for entry in parse_entries(page.body)] == by_path
    assert sum(page.n_entries for page in pages) == len(entries)
    assert sum(page.size_bytes for page in pages) == sum(e.size_bytes or 0 for e in entries)
    assert all(page.is_closed for page in pages[:-1])
    for page in pages:
        inside = list(parse_entries(page.body))
        assert (page.first_path, page.last_path) == (inside[0].path, inside[-1].path)
        assert page.blobs == tuple(sorted({blob for entry in inside for blob in entry.blobs}))
        assert set(page.large_files) == {entry.digest for entry in inside if entry.parts}


@given(manifests)
def test_a_file_is_made_of_its_blobs_and_a_reference_of_none(entries: list[Entry]) -> None:
    for entry in entries:
        if entry.ref is not None:
            assert entry.blobs == ()
        else:
            assert sum(size_bytes for _, size_bytes in entry.blobs) == entry.size_bytes
            assert combine([digest for digest, _ in entry.blobs]) == entry.digest


def test_a_manifests_digest_covers_its_raw_page_digests_in_order() -> None:
    assert manifest_digest([A, B]) == "sha256:" + hashlib.sha256(A.raw + B.raw).hexdigest()
    assert manifest_digest([]) == "sha256:" + hashlib.sha256(b"").hexdigest()


def plain(n_entries: int) -> list[Entry]:
    return [Entry(f"images/{n:06}.png", n, Digest.of(b"%d" % n)) for n in range(n_entries)]


def edited(entries: Sequence[Entry], rng: random.Random) -> list[Entry]:
    """Ten edits: four changed, three removed, three added."""
    chosen = rng.sample(range(len(entries)), 7)
    kept = [entry for n, entry in enumerate(entries) if n not in chosen[4:]]
    changed = {entries[n].path for n in chosen[:4]}
    new = [Entry(e.path, 1, C) if e.path in changed else e for e in kept]
    return new + [Entry(f"images/{rng.randrange(20_000):06}-new{n}.png", 2, A) for n in range(3)]


def test_ten_edits_in_twenty_thousand_entries_make_at_most_twenty_new_pages() -> None:
    entries = plain(20_000)
    before = set(map(Digest.of, cut(entries)))
    assert 40 < len(before) < 160
    for seed in range(5):
        after = set(map(Digest.of, cut(edited(entries, random.Random(seed)))))
        assert 1 <= len(after - before) <= 20
        assert len(before - after) <= 20


def never_closing(n_paths: int) -> list[str]:
    """Sorted paths after none of which a page ends by itself."""
    candidates = (f"{n:06}" for n in range(2 * n_paths))
    found = [path for path in candidates if hashlib.sha256(path.encode()).digest()[-1] != 0]
    return found[:n_paths]


OPEN = never_closing(MAX_ENTRIES + 10)
CLOSING = next(p for n in range(9999) if hashlib.sha256((p := f"c{n}").encode()).digest()[-1] == 0)


def test_a_page_ends_after_4096_entries_at_the_latest() -> None:
    entries = [Entry(path, 1, A) for path in OPEN]
    pages = [parse_page(body) for body in cut(entries)]
    assert [(page.n_entries, page.is_closed) for page in pages] == [(4096, True), (10, False)]


def test_a_page_ends_after_a_path_whose_digest_ends_in_a_zero_byte() -> None:
    pages = [parse_page(body) for body in cut([Entry(p, 1, A) for p in (CLOSING, "d", "a")])]
    assert [(p.first_path, p.last_path, p.is_closed) for p in pages] == [
        ("a", CLOSING, True),
        ("d", "d", False),
    ]


def test_two_entries_of_one_path_are_refused() -> None:
    with pytest.raises(Invalid, match="twice"):
        list(cut([Entry("a", 1, A), Entry("a", 2, B)]))


def test_two_paths_that_differ_only_by_case_are_both_kept() -> None:
    pages = [parse_page(body) for body in cut([Entry("ReadMe", 1, A), Entry("README", 1, B)])]
    assert sum(page.n_entries for page in pages) == 2


@pytest.mark.parametrize(
    ("size_bytes", "n_parts", "last"),
    [(0, 1, 0), (1, 1, 1), (PART_SIZE_BYTES, 1, PART_SIZE_BYTES), (PART_SIZE_BYTES + 1, 2, 1),
     (3 * PART_SIZE_BYTES, 3, PART_SIZE_BYTES)],
)  # fmt: skip
def test_every_part_but_the_last_is_64_mib(size_bytes: int, n_parts: int, last: int) -> None:
    assert part_sizes(size_bytes) == [PART_SIZE_BYTES] * (n_parts - 1) + [last]


def test_bytes_of_another_digest_than_announced_are_corrupt() -> None:
    with pytest.raises(Corrupt):
        parse_page(encode(Entry("a", 1, A)), digest=A)


def line(**fields: Any) -> bytes:
    """A line as RFC 8785 asks, whatever it says."""
    return json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def file(path: Any = "a", size_bytes: Any = 1, digest: Any = A, **others: Any) -> bytes:
    return line(path=path, size_bytes=size_bytes, digest=digest, **others)


TWO = (A, B)
BIG = {"digest": combine(TWO), "size_bytes": PART_SIZE_BYTES + 1, "parts": list(TWO)}

BROKEN = {
    "no line": b"",
    "no newline at the end": file(),
    "an empty line": file() + b"\n\n",
    "a carriage return": file() + b"\r\n",
    "more than 4096 lines": b"".join(encode(Entry(path, 1, A)) for path in OPEN[:4097]),
    "not json": b"path\n",
    "not utf-8": b'{"digest":"%b","path":"\xff","size_bytes":1}\n' % A.encode(),
    "json too deep": b"[" * 5000 + b"]" * 5000 + b"\n",
    "not an object": b"[1]\n",
    "NaN": b'{"digest":"%b","path":"a","size_bytes":NaN}\n' % A.encode(),
    "an unknown field": file(mode=420) + b"\n",
    "out of order": file("b") + b"\n" + file("a") + b"\n",
    "there twice": file() + b"\n" + file() + b"\n",
    "going on after its end": file(CLOSING) + b"\n" + file("d") + b"\n",
    "a blob of two sizes": file("a", 1) + b"\n" + file("b", 2) + b"\n",
    "a part of two sizes": line(path="a", **BIG) + b"\n" + file("b", 2, B) + b"\n",
    "keys out of order": b'{"path":"a","digest":"%b","size_bytes":1}\n' % A.encode(),
    "a space": file().replace(b":", b": ", 1) + b"\n",
    "an escape that is not needed": file("\u00e4").replace("\u00e4".encode(), rb"\u00e4") + b"\n",
    "a key twice": b'{"digest":"%b","path":"b","path":"a","size_bytes":1}\n' % A.encode(),
    "a number spelled otherwise": file(size_bytes=1.0) + b"\n",
    "an absent field written out": file(parts=None) + b"\n",
    "no path": line(size_bytes=1, digest=A) + b"\n",
    "a path of another type": file(path=3) + b"\n",
    "an absolute path": file("/a") + b"\n",
    "a path that leads out": file("../a") + b"\n",
    "a path with NUL": file("a\0") .replace(b"\0", b"\\u0000") + b"\n",
    "a path in normal form D": file("e\u0301") + b"\n",
    "a path with half a surrogate": file("a").replace(b'"a"', rb'"\ud800"') + b"\n",
    "no size": line(path="a", digest=A) + b"\n",
    "a size of null": file(size_bytes=None) + b"\n",
    "a negative size": file(size_bytes=-1) + b"\n",
    "a size of true": file(size_bytes=True) + b"\n",
    "a size in text": file(size_bytes="1") + b"\n",
    "a size over 2**53 - 1": file(size_bytes=2**53) + b"\n",
    "no digest": line(path="a", size_bytes=1) + b"\n",
    "a digest of null": file(digest=None) + b"\n",
    "a digest in capitals": file(digest=A.upper()) + b"\n",
    "a file with extra": file(extra={"etag": "x"}) + b"\n",
    "a file over 64 MiB without parts": file(size_bytes=PART_SIZE_BYTES + 1) + b"\n",
    "a digest of parts without parts": file(digest=combine(TWO)) + b"\n",
    "one part": file(parts=[A]) + b"\n",
    "parts that are no list": line(path="a", **(BIG | {"parts": {"0": A, "1": B}})) + b"\n",
    "parts too few for the size": line(path="a", **(BIG | {"size_bytes": 2**28})) + b"\n",
    "parts too many for the size": line(path="a", **(BIG | {"size_bytes": 7})) + b"\n",
    "parts of another file": line(path="a", **(BIG | {"parts": [B, A]})) + b"\n",
    "a part that is no digest": line(path="a", **(BIG | {"parts": [A, "b"]})) + b"\n",
    "a part that is no blob": line(path="a", **(BIG | {"parts": [A, combine(TWO)]})) + b"\n",
    "a reference to nothing": line(path="a", ref="") + b"\n",
    "a reference of null": file(ref=None) + b"\n",
    "a reference that is no text": line(path="a", ref=3) + b"\n",
    "a reference without end": line(path="a", ref="x" * 8193) + b"\n",
    "a reference with parts": line(path="a", ref="s3://b/k", **BIG) + b"\n",
    "a reference of no size": line(path="a", ref="s3://b/k", size_bytes=None) + b"\n",
    "a reference of a lying digest": line(path="a", ref="s3://b/k", digest="etag") + b"\n",
    "an empty extra": line(path="a", ref="s3://b/k", extra={}) + b"\n",
    "an extra of null": line(path="a", ref="s3://b/k", extra=None) + b"\n",
    "an extra that is text": line(path="a", ref="s3://b/k", extra="etag") + b"\n",
    "an extra of another name": line(path="a", ref="s3://b/k", extra={"owner": "x"}) + b"\n",
    "an extra that is a number": line(path="a", ref="s3://b/k", extra={"etag": 7}) + b"\n",
    "an extra without end": line(path="a", ref="s3://b/k", extra={"etag": "x" * 8193}) + b"\n",
}  # fmt: skip


@pytest.mark.parametrize("fault", BROKEN)
def test_a_page_is_refused_for(fault: str) -> None:
    with pytest.raises(Invalid):
        parse_page(BROKEN[fault])


def test_a_size_that_lies_costs_no_memory() -> None:
    lie = line(path="a", digest=combine(TWO), parts=list(TWO), size_bytes=MAX_SIZE) + b"\n"
    tracemalloc.start()
    try:
        with pytest.raises(Invalid):
            parse_page(lie)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_each_broken_page_breaks_one_rule_only() -> None:
    """The pages they were broken from are good, so it is the fault that is refused."""
    good = [
        file() + b"\n",
        file("a", 1) + b"\n" + file("b", 1) + b"\n",
        file(CLOSING) + b"\n",
        line(path="a", **BIG) + b"\n" + file("b", 1, B) + b"\n",
        file("\u00e4") + b"\n",
        file(size_bytes=PART_SIZE_BYTES) + b"\n",
        line(path="a", ref="x" * 8192, extra={"etag": "x" * 8192, "versionID": ""}) + b"\n",
        line(path="a", ref="s3://b/k", digest=combine(TWO), size_bytes=MAX_SIZE) + b"\n",
        b"".join(encode(Entry(path, 1, A)) for path in OPEN[:4096]),
    ]
    for body in good:
        assert parse_page(body).body == body


@given(manifests.filter(bool), st.data())
def test_a_page_with_any_byte_changed_is_refused_or_another_page(
    entries: list[Entry], data: st.DataObject
) -> None:
    body = next(cut(entries))
    at = data.draw(st.integers(0, len(body) - 1))
    new = data.draw(st.integers(0, 255).filter(lambda byte: byte != body[at]))
    changed = body[:at] + bytes([new]) + body[at + 1 :]
    with pytest.raises(Corrupt):
        parse_page(changed, digest=Digest.of(body))
    try:
        page = parse_page(changed)
    except Invalid:
        return
    assert b"".join(map(encode, parse_entries(page.body))) == changed
