"""Digests: names of bytes that a person can check with sha256sum."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.digest import Digest, combine
from lineage.errors import Invalid

HEX = "0123456789abcdef" * 4
digests = st.binary(min_size=32, max_size=32).map(Digest.from_raw)


@given(st.binary())
def test_a_blobs_digest_is_its_sha256(data: bytes) -> None:
    digest = Digest.of(data)
    assert digest == "sha256:" + hashlib.sha256(data).hexdigest()
    assert digest.is_blob
    assert digest.raw == hashlib.sha256(data).digest()


@given(digests)
def test_a_digest_parses_to_itself(digest: Digest) -> None:
    assert Digest.parse(str(digest)) == Digest.parse(digest) == digest
    assert Digest.from_raw(digest.raw) == digest
    assert f"sha256:{digest.hex}" == digest


@given(st.lists(digests, min_size=2))
def test_a_file_of_several_parts_is_named_by_the_raw_digests_in_order(parts: list[Digest]) -> None:
    whole = combine(parts)
    joined = b"".join(bytes.fromhex(part.removeprefix("sha256:")) for part in parts)
    assert whole == "sha256-64m:" + hashlib.sha256(joined).hexdigest()
    assert not whole.is_blob
    assert Digest.parse(str(whole)) == whole
    if parts != parts[::-1]:
        assert combine(parts[::-1]) != whole


@given(digests)
def test_one_part_is_the_file_itself(part: Digest) -> None:
    assert combine([part]) == part


@pytest.mark.parametrize(
    "text",
    ["", HEX, "sha256:", f"sha256:{HEX[1:]}", f"sha256:{HEX}0", f"sha256:{HEX.upper()}",
     f"SHA256:{HEX}", f"md5:{HEX[:32]}", f"sha256: {HEX}", f"sha256:{HEX}\n", f"sha256-64M:{HEX}",
     f"sha256:{HEX[:-1]}g", f"sha256:{HEX[:-1]}٣", None, 7, HEX.encode()],
    ids=repr,
)  # fmt: skip
def test_anything_else_is_refused_under_the_field_it_came_in(text: object) -> None:
    with pytest.raises(Invalid) as caught:
        Digest.parse(text, field="pages")
    assert caught.value.field == "pages"
