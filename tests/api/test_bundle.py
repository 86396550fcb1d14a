from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from api import bundle as bundles
from lineage.digest import Digest
from tests.api.calls import bundle

BLOBS = st.lists(st.binary(max_size=300), max_size=20)


@given(BLOBS, st.data())
def test_a_bundle_is_read_as_it_was_written_however_it_is_cut(
    blobs: list[bytes], data: st.DataObject
) -> None:
    items = [(Digest.of(blob), blob) for blob in blobs]
    body = bundle(items)
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=10).map(sorted))
    edges = [0, *cuts, len(body)]
    pieces = [body[a:b] for a, b in pairwise(edges) if a < b]
    assert bundles.parse(pieces, max_item_bytes=300) == items


@given(BLOBS)
def test_the_header_lists_digests_and_sizes(blobs: list[bytes]) -> None:
    sizes = [(Digest.of(blob), len(blob)) for blob in blobs]
    assert bundles.header(sizes) + b"".join(blobs) == bundle(
        [(Digest.of(blob), blob) for blob in blobs]
    )
