"""The machine's steps past the API: bytes put by links, late ones too, and bytes that are lost."""

from __future__ import annotations

from datetime import datetime

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from lineage.model import Upload
from lineage.ports import DirectTransfer
from tests.contracts.machine_ground import ANN, mostly
from tests.contracts.machine_writing import BEGUN, Writing
from tests.services.story_links import put_by_link

__all__ = ["Linking"]


class Linking(Writing):
    @property
    def has_links(self) -> bool:
        return isinstance(self.blobs, DirectTransfer)

    def is_open(self, upload: Upload) -> bool:
        """Whether its draft still waits for it."""
        draft = self.oracle.drafts.get(upload.draft)
        is_current = self.uploads.get((upload.draft, upload.digest)) == upload
        return is_current and draft is not None and upload.digest in draft.uploads

    def last_landing(self, upload: Upload) -> datetime:
        """What began in time may still take so long."""
        return upload.until + self.oracle.limits.longest_transfer

    @precondition(lambda self: self.uploads)
    @rule(data=st.data(), is_wrong=st.sampled_from([False, False, False, True]))
    def put_past_the_api(self, data: st.DataObject, is_wrong: bool) -> None:
        """By a link; or as a server does that is killed before it says so."""
        given = [upload for upload in self.uploads.values() if self.is_open(upload)]
        others = [*list(self.uploads.values())[-8:], *self.replaced[-8:]]
        upload = data.draw(st.sampled_from(given[-4:] * 2 + others))
        content = self.bytes_of(upload.digest)
        if (
            len(content) != upload.size_bytes  # the draft has lied
            or upload.digest in self.oracle.lost
            or self.clock.at > self.last_landing(upload)
        ):
            return
        is_there = self.blobs.find_size(upload.object) is not None
        if isinstance(self.blobs, DirectTransfer):
            if is_wrong and content:
                wrong = bytes(len(content))
                assert put_by_link(self.blobs, upload, wrong) == (412 if is_there else 400)
                return
            assert put_by_link(self.blobs, upload, content) == (412 if is_there else 200)
        elif not is_there:
            self.blobs.put(upload, [content], now=upload.until)
        if is_there:
            return
        if self.is_open(upload):
            self.oracle.drafts[upload.draft].landed.add(upload.digest)
        else:
            self.late[upload.object] = upload

    @BEGUN
    @rule(data=st.data())
    def say_what_was_put(self, data: st.DataObject) -> None:
        request, draft, caller = self.a_draft(data, is_open=True)
        landed = sorted(draft.landed) if draft is not None else []
        blobs = sorted(blob for blob, _ in self.oracle.stored_blobs())
        digests = landed + data.draw(st.lists(mostly(blobs, list(self.oracle.sizes)), max_size=1))
        digests = list(dict.fromkeys(digests))
        has_links = self.has_links
        both = self.both(
            lambda: self.engine.links.confirm(caller, request.id, digests),
            lambda oracle: oracle.confirm(caller, request.id, digests, has_links=has_links),
        )
        if both is not None:
            assert both[0] == both[1]

    def forget_late(self) -> None:
        """A pass of the janitor has come by: what can bring nothing any more is watched no more."""
        self.late = {
            name: upload
            for name, upload in self.late.items()
            if self.last_landing(upload) >= self.clock.at
        }

    @precondition(lambda self: self.n_steps % 4 == 3)
    @rule(data=st.data())
    def lose_a_blob(self, data: st.DataObject) -> None:
        """Its object is gone; fsck marks it, and logging these bytes again heals it."""
        there = sorted({digest for digest, _ in self.oracle.stored_blobs()} - self.oracle.lost)
        if not there:
            return
        digest = data.draw(st.sampled_from(there))
        found = self.graph.read(lambda tx: tx.contents.find_blobs([digest]))
        self.blobs.delete([found[digest].object])
        self.oracle.lost.add(digest)
        findings = [(f.kind, f.subject) for f in self.engine.fsck.run(ANN, repair=True)]
        assert findings == [("blob_without_object", lost) for lost in sorted(self.oracle.lost)]
        self.skip_events()
