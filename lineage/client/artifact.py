"""Artifacts: what a run logs and uses.

Before it is logged, one is filled; afterwards it is a version, of which only aliases, tags,
metadata and description can change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

from lineage.client.connection import Connection, connect
from lineage.client.contents import Contents
from lineage.client.deletions import DeletionPlan, Receipt, ask_plan, follow
from lineage.client.documents import to_document
from lineage.client.download import download_entries, verify_entries
from lineage.client.http import Http
from lineage.client.manifests import Manifest, ManifestEntry, read_entries
from lineage.client.reference_checks import ReferenceReport, check_references
from lineage.client.references import list_references
from lineage.client.upload import VersionSpec, commit_version
from lineage.client.version_facts import VersionFacts
from lineage.client.wire import read_run, read_version
from lineage.digest import Digest
from lineage.errors import Denied, Invalid, NotFound
from lineage.manifest import Entry, cut, manifest_digest
from lineage.model import Version
from lineage.names import LATEST, ProjectKey, check_name

if TYPE_CHECKING:
    from lineage.client.recorded import RecordedRun

__all__ = ["Artifact"]


class Artifact(VersionFacts):
    """A named, typed set of files and references.

    Args:
        name: of the collection; needed unless the type is `code`, which is named by its script.
        type: `dataset`, `model`, … A collection holds artifacts of one type.
        metadata: JSON values.
    Raises:
        Invalid: a name or value is malformed.
    """

    def __init__(
        self,
        name: str | None = None,
        type: str | None = None,
        *,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        if type is None:
            raise Invalid("type", 'is needed, such as Artifact("digits", type="dataset")')
        if name is None and type != "code":
            raise Invalid("name", f'is needed: Artifact("name", type="{type}")')
        self._collection = None if name is None else check_name(name)
        self._type = check_name(type, "type")
        self._contents: Contents | None = Contents()
        self._connection: Connection | None = None
        self._saved: Version | None = None
        self._entries: dict[str, Entry] | None = None
        self._is_new: bool | None = None
        self.aliases: list[str] = []
        self.tags: list[str] = []
        self.description = description or ""
        self.metadata: dict[str, Any] = to_document(metadata or {}, "metadata")

    @classmethod
    def of(cls, version: Version, connection: Connection) -> Self:
        """The artifact of a version that is logged already."""
        artifact = cls(version.key.collection.name, version.type)
        artifact._bind(version, connection)
        return artifact

    def _bind(self, version: Version, connection: Connection) -> None:
        self._contents, self._connection, self._saved = None, connection, version
        self._collection, self._type = version.key.collection.name, version.type
        self.aliases, self.tags = list(version.aliases), list(version.tags)
        self.description = version.description
        self.metadata = to_document(version.metadata, "metadata")
        self._entries = None

    # What is in it

    @property
    def digest(self) -> Digest:
        """Of the manifest: equal digests, equal content."""
        if self._saved is not None:
            return self._saved.manifest
        pages = cut(self._read_entries().values())
        return manifest_digest([Digest.of(page) for page in pages])

    @property
    def size(self) -> int:
        """Bytes of the files, and of the references whose size is known."""
        if self._saved is not None:
            return self._saved.size_bytes
        return sum(entry.size_bytes or 0 for entry in self._read_entries().values())

    @property
    def manifest(self) -> Manifest:
        """Before logging, of the files as they are now; they are hashed for it."""
        return Manifest(self._read_entries, self._download_one)

    def files(self) -> list[ManifestEntry]:
        """Every entry, by path."""
        return list(self.manifest.entries.values())

    def get_entry(self, path: str) -> ManifestEntry:
        """The entry of this path; NotFound if there is none."""
        entry = self._read_entries().get(path)
        if entry is None:
            raise NotFound(f"{self.name} has no file {path!r:.300}", path=path)
        return ManifestEntry(entry, self._download_one)

    # Filling it

    def add_file(self, local_path: str | Path, name: str | None = None) -> None:
        """Add a file, under its own name or another. It is read when the artifact is logged."""
        self._filling().add_file(str(local_path), name)

    def add_dir(self, local_path: str | Path, name: str | None = None) -> None:
        """Add every file below a folder, under `name/` if given. Links are followed."""
        self._filling().add_dir(str(local_path), name)

    def add_reference(
        self,
        uri: str,
        name: str | None = None,
        *,
        checksum: bool = True,
        max_objects: int = 10_000,
    ) -> list[ManifestEntry]:
        """Record where bytes lie without copying them: `s3://`, `http(s)://`, `file://`.

        Of S3 and of files it may be a folder: then all that lies in it, below `name/` if given.

        Args:
            checksum: look there now for size, ETag and version; False records the URI unseen.
            max_objects: more in a folder than these are refused.
        Raises:
            NotFound: nothing is there.
            Invalid: it is more than `max_objects`, a folder of HTTP, or no address.
            Denied, Unauthenticated, Unavailable: it may not be looked at, or nobody answers.
        """
        contents = self._filling()
        entries = list_references(uri, name, checksum=checksum, max_objects=max_objects)
        contents.add_entries(entries)
        return [ManifestEntry(entry, self._download_one) for entry in entries]

    def new_file(
        self, name: str, mode: str = "w", encoding: str | None = None
    ) -> AbstractContextManager[IO[Any]]:
        """A file to write into, as `with artifact.new_file("notes.txt") as file:`."""
        return self._filling().new_file(name, mode, encoding)

    def remove(self, item: str | ManifestEntry) -> None:
        """Take out a file or reference, or a folder with all that is in it."""
        self._filling().remove(item.path if isinstance(item, ManifestEntry) else item)

    def new_draft(self) -> Artifact:
        """An artifact that begins with this one's content; logged, it is the next version."""
        draft = Artifact(self.collection, self.type, description=self.description)
        draft.metadata = to_document(self.metadata, "metadata")
        contents = draft._filling()
        for entry in self._read_entries().values():
            contents.add_entry(entry)
        draft._connection = self._connection
        return draft

    # Getting it

    def download(self, root: str | Path | None = None, path_prefix: str | None = None) -> str:
        """Make a folder hold exactly the version's bytes for the version's paths.

        A file that is there with these bytes is left alone; one with others, such as an edited
        one, is replaced; other files stay. References are followed.

        Args:
            root: the folder; `./artifacts/digits:v3` if None.
            path_prefix: only what begins with it.
        Returns: the folder.
        Raises:
            Corrupt: stored bytes do not match their digest; names the file, which is not put there.
            Gone: the version has been deleted.
            Conflict: a reference points to something else now.
        """
        folder = self._root(root)
        entries = [
            entry
            for path, entry in self._read_entries().items()
            if path_prefix is None or path.startswith(path_prefix)
        ]
        if path_prefix and not entries:
            raise NotFound(f"{self.name} has no file that begins with {path_prefix!r:.300}")
        download_entries(self._server, entries, folder)
        return str(folder)

    def _download_one(self, entry: Entry, root: str | Path | None) -> str:
        """Bring one file of it here; returns where it lies."""
        folder = self._root(root)
        download_entries(self._server, [entry], folder)
        return str(folder / entry.path)

    def _root(self, root: str | Path | None) -> Path:
        return Path(root) if root is not None else Path("artifacts") / self.name

    def verify(self, root: str | Path | None = None) -> None:
        """Compare the files in a folder with the manifest; every one is read.

        Raises:
            Corrupt: some are `changed`, `missing`, or `extra`, not being in the manifest.
        """
        verify_entries(self._read_entries(), self._root(root), self.name)

    def verify_references(self) -> ReferenceReport:
        """Look whether what was logged still lies where the references lead; no bytes are read.

        The server keeps the counts with the version, which has drifted if one is changed or
        missing: `is_drifted`, and a trace says so of all that was made from it. One that is
        unreachable tells nothing: then only drift that others show is kept.
        """
        report = check_references(self.name, list(self._read_entries().values()))
        if not report.references:
            return replace(report, not_recorded="there are no references in it")
        if not report.is_complete and not report.is_drifted:
            return replace(report, not_recorded="some could not be reached")
        body = {name: n for name, n in report.counts.items() if name != "n_unreachable"}
        try:
            told = self._server.http.post(f"{self._url}/reference-check", body)
        except Denied as exc:
            return replace(report, not_recorded=exc.message)
        # Nothing else of it: what was changed here and not saved yet is to stay.
        check = read_version(told).reference_check
        self._saved = replace(self._version, reference_check=check)
        return replace(report, is_recorded=True)

    def wait(self, timeout: float | None = None) -> Self:  # noqa: ARG002 - a name users know
        """Returns at once: `log_artifact` has waited until the version was committed."""
        return self

    # Changing it

    def save(self) -> None:
        """Send what was changed of aliases, tags, metadata and description, and nothing else.

        Raises:
            PreconditionFailed: metadata or description were changed by someone else meanwhile.
        """
        saved = self._version
        body: dict[str, Any] = {}
        if self.metadata != saved.metadata:
            body["metadata"] = to_document(self.metadata, "metadata")
        if self.description != saved.description:
            body["description"] = self.description
        # Whole texts could overwrite another's; names that come and go cannot.
        revision = saved.revision if body else None
        for what, now, then in (
            ("tags", set(self.tags), set(saved.tags)),
            ("aliases", set(self.aliases), set(saved.aliases)),
        ):
            if now - then:
                body[f"add_{what}"] = sorted(now - then)
            if then - now - {LATEST}:
                body[f"drop_{what}"] = sorted(then - now - {LATEST})
        if body:
            told = self._server.http.patch(self._url, body, revision=revision)
            self._bind(read_version(told), self._server)

    def delete(self, delete_aliases: bool = False) -> Receipt:
        """Delete the version; files that no other version contains go at once.

        Raises:
            Blocked: it has aliases other than `latest`, and `delete_aliases` is False.
        """
        http = self._server.http
        told = follow(http, http.delete(self._url, {"delete_aliases": delete_aliases}))
        self._refresh()
        return Receipt.read(told)

    def deletion_plan(self, *, delete_aliases: bool = False, purge: bool = False) -> DeletionPlan:
        """What deleting it would break and free; `plan.execute()` does just that."""
        request = {"versions": [self.qualified_name], "delete_aliases": delete_aliases}
        return ask_plan(self._server.http, {**request, "purge": purge})

    # Where it comes from, and what came of it

    def logged_by(self) -> RecordedRun | None:
        """The run that made it; None if none did."""
        from lineage.client.recorded import RecordedRun

        told = self._server.http.get(f"{self._url}/logged-by")["run"]
        return None if told is None else RecordedRun(read_run(told), self._server)

    def used_by(self) -> list[RecordedRun]:
        """The runs that used it."""
        from lineage.client.recorded import RecordedRun

        items = self._server.http.items(f"{self._url}/used-by")
        return [RecordedRun(read_run(told), self._server) for told in items]

    def _place(self) -> tuple[Http, str]:
        return self._server.http, self.id

    # How it is kept

    def log(
        self,
        connection: Connection,
        project: ProjectKey,
        *,
        run: str | None = None,
        aliases: Sequence[str] = (),
        tags: Sequence[str] = (),
    ) -> Self:
        """Make it a version in this project, logged by `run` (its path) or by none.

        One that is logged already is logged once more: content that the collection has gives the
        version that it has.
        """
        if self._collection is None:
            raise Invalid("name", "is needed for an artifact of code that no script made")
        if self._contents is not None:
            entries, files = self._contents.resolve(connection.stat_cache)
        else:
            entries, files = list(self._read_entries().values()), []
        if not entries:
            raise Invalid("artifact", f"{self._collection} holds no file: add one first")
        spec = VersionSpec(
            collection=f"{project}/{self._collection}",
            type=self._type,
            run=run,
            aliases=tuple(dict.fromkeys([*aliases, *(self.aliases if self.is_draft else ())])),
            tags=tuple(dict.fromkeys([*tags, *self.tags])),
            metadata=to_document(self.metadata, "metadata"),
            description=self.description,
        )
        told, self._is_new = commit_version(connection.http, spec, entries, files)
        self._bind(read_version(told), connection)
        return self

    def name_code(self, name: str) -> None:
        """Give an artifact of code its name, if it has none."""
        if self._collection is None:
            self._collection = check_name(name)

    @property
    def _server(self) -> Connection:
        self._check_logged()
        if self._connection is None:
            self._connection = connect()
        return self._connection

    def _check_logged(self) -> Version:
        return self._version

    def _filling(self) -> Contents:
        if self._contents is None:
            raise Invalid("artifact", f"{self.name} is logged and never changes: use new_draft()")
        return self._contents

    def _refresh(self) -> None:
        told = self._server.http.get(self._url)
        self._bind(read_version(told), self._server)

    def _read_entries(self) -> dict[str, Entry]:
        if self._contents is not None:
            connection = self._connection or connect()
            entries, _ = self._contents.resolve(connection.stat_cache)
            return {entry.path: entry for entry in sorted(entries, key=_path_bytes)}
        if self._entries is None:
            response = self._server.http.send("GET", f"{self._url}/manifest", timeout_s=300.0)
            self._entries = read_entries(response.content, self._version.manifest, self.name)
        return self._entries

    def __repr__(self) -> str:
        return f"<Artifact {self.name or '(unnamed)'} {self.type} {self.state}>"


def _path_bytes(entry: Entry) -> bytes:
    return entry.path.encode()
