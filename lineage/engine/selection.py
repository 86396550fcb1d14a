"""What people point at: versions and runs by name, by filter, by what they contain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lineage.digest import Digest
from lineage.engine.access import may_write, readable, scope_of, writable
from lineage.engine.context import Context
from lineage.errors import Denied, Gone, Invalid, NotFound, TooLarge
from lineage.filters import VERSION_DOCUMENTS, VERSION_FIELDS, And, Compare, Filter, Op, check
from lineage.model import Caller, Run, RunState, Version, VersionState
from lineage.names import CollectionKey, NodeKey, ProjectKey, RunKey, VersionKey
from lineage.ports import Transaction

__all__ = ["Selection", "Targets", "nodes_of", "select"]

_PAGE = 1000
_MOST = 1_000_000  # versions that one file may choose
_LIVE_VERSION = Compare("state", Op.EQ, VersionState.COMMITTED.value)
_LIVE_RUN = Compare("state", Op.NE, RunState.DELETED.value)


@dataclass(frozen=True, slots=True)
class Selection:
    """Versions and runs: those that are named, and those that are chosen.

    `versions` and `runs` by key. One of three may choose live versions: `collection`; `project`;
    or `digest` and `path`, for those that the caller may read and that contain this file or blob,
    or a file of this path. `where` leaves of them those that pass it, `keep_last` takes out the
    newest of each collection. A `project` without these two is all of it: its runs too.
    `with_logged` adds what the runs logged.
    """

    versions: tuple[VersionKey, ...] = ()
    runs: tuple[RunKey, ...] = ()
    collection: CollectionKey | None = None
    project: ProjectKey | None = None
    digest: Digest | None = None
    path: str | None = None
    where: Filter | None = None
    keep_last: int = 0
    with_logged: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the same words may mean another set later."""
        is_chosen = (self.collection, self.project, self.digest, self.path) != (None,) * 4
        return is_chosen or self.with_logged


@dataclass(frozen=True, slots=True)
class Targets:
    """What a selection means now."""

    versions: dict[VersionKey, Version]
    runs: dict[RunKey, Run]


def select(
    context: Context,
    tx: Transaction,
    caller: Caller,
    selection: Selection,
    *,
    to_change: bool,
    with_deleted: bool = False,
) -> Targets:
    """What the selection means now.

    Args:
        to_change: the caller has to be able to write to every project of it, not only to read it.
        with_deleted: what is named may be deleted already.
    Raises:
        NotFound, Gone: a version or run named is not there, or is deleted already.
        Denied: the caller may read a project of the set, and not write to it.
        TooLarge: a file is in more versions than one question can name.
    """
    _check(selection)
    projects = {key.project for key in selection.versions}
    projects.update(key.project for key in selection.runs)
    if selection.collection is not None:
        projects.add(selection.collection.project)
    if selection.project is not None:
        projects.add(selection.project)
    allow = writable if to_change else readable
    for project in sorted(projects):
        allow(tx, caller, project)
    runs = tx.runs.find([*selection.runs, *_runs_of_project(context, tx, selection)])
    keys = {*selection.versions, *_chosen(tx, caller, selection)}
    if selection.with_logged:
        for run in runs:
            keys.update(tx.flow.logged_by_run(run)[0])
    for project in sorted({key.project for key in keys} - projects):
        found = tx.projects.find(project)
        if to_change and (found is None or not may_write(caller, found)):
            raise Denied("the set holds versions in projects that you may not change")
    versions = tx.versions.find(sorted(keys))
    _refuse(selection, versions, runs, with_deleted=with_deleted)
    named = set(selection.versions)
    return Targets(
        {k: v for k, v in versions.items() if k in named or v.state is VersionState.COMMITTED},
        runs,
    )


def _check(selection: Selection) -> None:
    contents = (selection.digest, selection.path)
    n_ways = sum(
        way is not None
        for way in (
            selection.collection,
            selection.project,
            None if contents == (None, None) else contents,
        )
    )
    if n_ways > 1:
        raise Invalid("collection", "is one way to choose versions, and another is named too")
    if selection.keep_last < 0:
        raise Invalid("keep_last", "is less than 0")
    if n_ways == 0 and (selection.where is not None or selection.keep_last):
        field = "keep_last" if selection.where is None else "filter"
        raise Invalid(field, "chooses among versions, and no collection or project is named")


def _runs_of_project(context: Context, tx: Transaction, selection: Selection) -> Iterator[RunKey]:
    if selection.project is None or selection.where is not None or selection.keep_last:
        return
    cursor = None
    stale_before = context.now() - context.limits.crashed_after
    while True:
        runs, cursor = tx.runs.select(
            [selection.project],
            where=_LIVE_RUN,
            order="created_at",
            after=cursor,
            limit=_PAGE,
            stale_before=stale_before,
        )
        yield from (run.key for run in runs)
        if cursor is None:
            return


def _chosen(tx: Transaction, caller: Caller, selection: Selection) -> list[VersionKey]:
    where: Filter = _LIVE_VERSION
    if selection.where is not None:
        where = And((check(selection.where, VERSION_FIELDS, VERSION_DOCUMENTS), where))
    if selection.digest is not None or selection.path is not None:
        found = tx.questions.containing(
            scope_of(caller), digest=selection.digest, path=selection.path, limit=_MOST + 1
        )
        if len(found) > _MOST:
            raise TooLarge("digest", f"is in more than {_MOST} versions")
        projects = sorted({key.project for key in found})
        if selection.where is not None and projects:
            passing = set(_passing(tx, projects, None, where))
            found = [key for key in found if key in passing]
    elif selection.collection is not None:
        projects = [selection.collection.project]
        found = _passing(tx, projects, selection.collection, where)
    elif selection.project is not None:
        projects = [selection.project]
        found = _passing(tx, projects, None, where)
    else:
        return []
    if not selection.keep_last:
        return found
    newest: dict[CollectionKey, list[int]] = {}
    for key in _passing(tx, projects, selection.collection, _LIVE_VERSION):
        newest.setdefault(key.collection, []).append(key.number)
    first_kept = {
        collection: sorted(indexes)[-selection.keep_last :][0]
        for collection, indexes in newest.items()
    }
    return [key for key in found if key.number < first_kept.get(key.collection, 0)]


def _passing(
    tx: Transaction,
    projects: Sequence[ProjectKey],
    collection: CollectionKey | None,
    where: Filter,
) -> list[VersionKey]:
    keys: list[VersionKey] = []
    cursor = None
    while True:
        versions, cursor = tx.versions.select(
            projects, collection=collection, where=where, order="index", after=cursor, limit=_PAGE
        )
        keys += [version.key for version in versions]
        if cursor is None:
            return keys


def _refuse(
    selection: Selection,
    versions: dict[VersionKey, Version],
    runs: dict[RunKey, Run],
    *,
    with_deleted: bool,
) -> None:
    for version in selection.versions:
        if version not in versions:
            raise NotFound(f"there is no version {version.path}")
        if versions[version].state is VersionState.DELETED and not with_deleted:
            raise Gone(f"version {version.path} has been deleted already")
    for key in selection.runs:
        if key not in runs:
            raise NotFound(f"there is no run {key.path}")
        if runs[key].state is RunState.DELETED and not with_deleted:
            raise Gone(f"run {key.path} has been deleted already")
    if not versions and not runs:
        raise NotFound("nothing matches: the selection is empty")


def nodes_of(tx: Transaction, targets: Targets) -> tuple[NodeKey, ...]:
    """Versions, and every segment of the runs, by key."""
    nodes: set[NodeKey] = set(targets.versions)
    for key in targets.runs:
        nodes.update(segment.key for segment in tx.runs.segments(key))
    return tuple(sorted(nodes))
