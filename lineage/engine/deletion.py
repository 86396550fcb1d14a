"""Deletion: say what it would break and free, then do exactly that, at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lineage.digest import Digest
from lineage.engine.access import Mask, may_write, writable
from lineage.engine.context import Context, record
from lineage.engine.reclaim import Freed, Reclaim
from lineage.engine.trace import mask_trace
from lineage.errors import Blocked, Denied, Gone, Invalid, NotFound, PlanChanged
from lineage.filters import VERSION_DOCUMENTS, VERSION_FIELDS, And, Compare, Filter, Op, check
from lineage.model import (
    Caller,
    DeletionFacts,
    Direction,
    Plan,
    Run,
    RunState,
    Trace,
    TraceQuery,
    Version,
    VersionState,
)
from lineage.names import LATEST, CollectionKey, NodeKey, RunKey, VersionKey
from lineage.ports import Transaction
from lineage.values import dumps

__all__ = ["Blocker", "Deletion", "DeletionPlan", "DeletionRequest", "Receipt"]

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class DeletionRequest:
    """What to delete.

    `versions` and `runs` by key; or the live versions of `collection` that pass `where`. With
    `with_logged`, also what the runs logged. With `delete_aliases`, aliases go too; otherwise one
    that is not `latest` blocks. With `purge`, nodes go as well, and lineage through them is cut.
    """

    versions: tuple[VersionKey, ...] = ()
    runs: tuple[RunKey, ...] = ()
    collection: CollectionKey | None = None
    where: Filter | None = None
    with_logged: bool = False
    delete_aliases: bool = False
    purge: bool = False


@dataclass(frozen=True, slots=True)
class Blocker:
    kind: str  # alias, running, downstream
    name: str
    how_to_clear: str


@dataclass(frozen=True, slots=True)
class DeletionPlan:
    """What a deletion would do. `digest` covers what goes, what blocks, the direct consumers."""

    digest: Digest
    expires_at: datetime
    versions: tuple[VersionKey, ...]
    runs: tuple[RunKey, ...]
    aliases: tuple[str, ...]  # entity/project/collection:alias; `latest` moves and is not here
    facts: DeletionFacts
    blockers: tuple[Blocker, ...]
    downstream: Trace  # as of now; not bound


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a deletion did."""

    versions: tuple[VersionKey, ...]
    runs: tuple[RunKey, ...]
    freed: Freed
    plan: Digest | None
    deleted_at: datetime
    deleted_by: str


@dataclass(frozen=True, slots=True)
class _Targets:
    versions: dict[VersionKey, Version]
    runs: dict[RunKey, Run]


class Deletion:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._reclaim = Reclaim(context)

    def plan(self, caller: Caller, request: DeletionRequest) -> DeletionPlan:
        """What the deletion would break and free; kept, so that its digest can be given back.

        Raises:
            NotFound, Gone: a version or run named is not there, or is deleted already.
            Denied: the caller may not write to a project of the set.
        """
        now = self._context.now()
        expires_at = now + self._context.limits.plan_ttl

        def ask(tx: Transaction) -> tuple[DeletionPlan, dict[str, Any]]:
            targets = self._targets(tx, caller, request)
            mask = Mask(tx, caller)
            facts = _facts(tx, targets)
            blockers = self._blockers(tx, request, targets, mask, has_plan=True)
            binds = _binds(request, targets, facts, blockers)
            starts = self._nodes(tx, targets)
            downstream = tx.questions.trace(TraceQuery(starts, Direction.DOWNSTREAM))
            plan = DeletionPlan(
                digest=_plan_digest(caller, binds),
                expires_at=expires_at,
                versions=tuple(sorted(targets.versions)),
                runs=tuple(sorted(targets.runs)),
                aliases=tuple(_aliases(targets)),
                facts=_masked(mask, facts),
                blockers=tuple(blockers),
                downstream=mask_trace(mask, downstream),
            )
            return plan, binds

        plan, binds = self._context.graph.read(ask)
        kept = Plan(
            digest=plan.digest,
            actor=caller.name,
            expires_at=expires_at,
            versions=plan.versions,
            runs=plan.runs,
            delete_aliases=request.delete_aliases,
            purge=request.purge,
            binds=binds,
        )
        self._context.graph.write(lambda tx: tx.plans.add(kept))
        return plan

    def execute(self, caller: Caller, digest: Digest) -> Receipt:
        """Do just what the plan says.

        Raises:
            NotFound: no such plan of this caller, or it has expired.
            PlanChanged: what it binds has changed (`difference`); nothing was deleted.
            Blocked: the plan had blockers, and they are still there.
        """
        plan = self._context.graph.read(lambda tx: tx.plans.find(digest))
        now = self._context.now()
        if plan is None or plan.actor != caller.name or plan.expires_at <= now:
            raise NotFound(f"there is no plan {digest} of yours, or it has expired: plan again")
        request = DeletionRequest(
            versions=plan.versions,
            runs=plan.runs,
            delete_aliases=plan.delete_aliases,
            purge=plan.purge,
        )
        return self._delete(caller, request, plan)

    def delete(
        self, caller: Caller, request: DeletionRequest, *, plan: Digest | None = None
    ) -> Receipt:
        """Delete at once if nothing blocks; with `plan`, as `execute`, if it is of this request."""
        if plan is None:
            return self._delete(caller, request, None)
        kept = self._context.graph.read(lambda tx: tx.plans.find(plan))
        if kept is not None and not _is_of(kept, request):
            raise Invalid("plan", "is of another deletion than this one: plan again")
        return self.execute(caller, plan)

    def _delete(self, caller: Caller, request: DeletionRequest, plan: Plan | None) -> Receipt:
        now = self._context.now()

        def mark(tx: Transaction) -> _Targets | None:
            seen = self._targets(tx, caller, request, is_plan=plan is not None)
            collections = sorted({key.collection for key in seen.versions})
            tx.lock(collections=collections)
            tx.lock(nodes=sorted({*seen.versions, *seen.runs}))
            targets = self._targets(tx, caller, request, is_plan=plan is not None)
            if not (targets.versions.keys() <= seen.versions.keys()):
                return None  # logged meanwhile, and not locked
            mask = Mask(tx, caller)
            blockers = self._blockers(tx, request, targets, mask, has_plan=plan is not None)
            if plan is not None:
                binds = _binds(request, targets, _facts(tx, targets), blockers)
                _refuse_changed(plan, binds, mask)
            if blockers:
                listed = [
                    {"kind": b.kind, "name": b.name, "how_to_clear": b.how_to_clear}
                    for b in blockers
                ]
                message = f"deletion is blocked by {len(blockers)}: {blockers[0].how_to_clear}"
                raise Blocked(message, blockers=listed)
            self._mark_deleted(tx, caller, targets, now)
            return targets

        while (targets := self._context.graph.write(mark)) is None:
            pass
        freed = Freed()
        for key in sorted(targets.versions):
            freed += self._reclaim.cut_version(key)
        if request.purge:
            self._purge(caller, targets)
        return Receipt(
            versions=tuple(sorted(targets.versions)),
            runs=tuple(sorted(targets.runs)),
            freed=freed,
            plan=plan.digest if plan is not None else None,
            deleted_at=now,
            deleted_by=caller.name,
        )

    def _targets(
        self, tx: Transaction, caller: Caller, request: DeletionRequest, *, is_plan: bool = False
    ) -> _Targets:
        """What the request means now; what a plan names and is gone meanwhile is left out, and
        so shows as a difference."""
        projects = {key.project for key in request.versions} | {key.project for key in request.runs}
        if request.where is not None and request.collection is None:
            raise Invalid("filter", "chooses among a collection's versions, and none is named")
        if request.collection is not None:
            projects.add(request.collection.project)
        for project in sorted(projects):
            writable(tx, caller, project)
        runs = tx.runs.find(request.runs)
        keys = {*request.versions, *self._selected(tx, request)}
        if request.with_logged:
            for run in request.runs:
                logged = tx.flow.logged_by_run(run)[0]
                _refuse_others(tx, caller, run, logged)
                keys.update(logged)
        versions = tx.versions.find(sorted(keys))
        if is_plan and request.purge:
            return _Targets(versions, runs)  # what is deleted already can still be purged
        if is_plan:
            live = {k: v for k, v in versions.items() if v.state is not VersionState.DELETED}
            left = {k: r for k, r in runs.items() if r.state is not RunState.DELETED}
            return _Targets(live, left)
        for version in request.versions:
            if version not in versions:
                raise NotFound(f"there is no version {version.path}")
            if versions[version].state is VersionState.DELETED and not request.purge:
                raise Gone(f"version {version.path} has been deleted already")
        for key in request.runs:
            if key not in runs:
                raise NotFound(f"there is no run {key.path}")
            if runs[key].state is RunState.DELETED and not request.purge:
                raise Gone(f"run {key.path} has been deleted already")
        if not versions and not runs:
            raise NotFound("nothing matches: there is nothing to delete")
        named = set(request.versions)
        live = {
            k: v for k, v in versions.items() if k in named or v.state is VersionState.COMMITTED
        }
        return _Targets(live, runs)

    def _selected(self, tx: Transaction, request: DeletionRequest) -> list[VersionKey]:
        if request.collection is None:
            return []
        where: Filter = Compare("state", Op.EQ, VersionState.COMMITTED.value)
        if request.where is not None:
            where = And((check(request.where, VERSION_FIELDS, VERSION_DOCUMENTS), where))
        keys: list[VersionKey] = []
        cursor = None
        while True:
            versions, cursor = tx.versions.select(
                [request.collection.project],
                collection=request.collection,
                where=where,
                order="index",
                after=cursor,
                limit=_PAGE,
            )
            keys += [version.key for version in versions]
            if cursor is None:
                return keys

    def _nodes(self, tx: Transaction, targets: _Targets) -> tuple[NodeKey, ...]:
        nodes: set[NodeKey] = set(targets.versions)
        for key in targets.runs:
            nodes.update(segment.key for segment in tx.runs.segments(key))
        return tuple(sorted(nodes))

    def _blockers(
        self,
        tx: Transaction,
        request: DeletionRequest,
        targets: _Targets,
        mask: Mask,
        *,
        has_plan: bool,
    ) -> list[Blocker]:
        blockers: list[Blocker] = []
        if not request.delete_aliases:
            how = "drop the alias, or delete with delete_aliases=true"
            blockers += [Blocker("alias", alias, how) for alias in _aliases(targets)]
        stale_before = self._context.now() - self._context.limits.crashed_after
        for key, run in sorted(targets.runs.items()):
            if run.state is RunState.RUNNING and run.heartbeat_at >= stale_before:
                how = f"finish run {key.path} first; a silent one has crashed after 5 minutes"
                blockers.append(Blocker("running", key.path, how))
        if request.purge and not has_plan:
            how = "execute a plan that shows what loses its lineage, or delete without purge"
            logged = (key for run in targets.runs for key in tx.flow.logged_by_run(run)[0])
            left = sorted(key for key in logged if key not in targets.versions)
            names = [*map(mask, _facts(tx, targets).consumers), *map(mask, left)]
            blockers += [Blocker("downstream", name.partition(":")[2], how) for name in names]
        return blockers

    def _mark_deleted(
        self, tx: Transaction, caller: Caller, targets: _Targets, now: datetime
    ) -> None:
        live = [k for k, v in sorted(targets.versions.items()) if v.state is VersionState.COMMITTED]
        headless = {key.collection for key in live if LATEST in targets.versions[key].aliases}
        for key in live:
            for alias in targets.versions[key].aliases:
                tx.versions.drop_alias(key.collection, alias)
            before = {"aliases": list(targets.versions[key].aliases)}
            record(tx, caller, now, "version.delete", key, before=before)
        tx.versions.mark_deleted(live, now, caller.name)
        for collection in sorted(headless):
            newest = tx.versions.find_newest(collection)
            if newest is not None:
                tx.versions.set_alias(collection, LATEST, newest)
        for run in targets.runs.values():
            if run.state is not RunState.DELETED:
                tx.runs.save(_emptied(run, now))
                record(tx, caller, now, "run.delete", run.key, before={"name": run.name})

    def _purge(self, caller: Caller, targets: _Targets) -> None:
        now = self._context.now()

        def change(tx: Transaction) -> None:
            tx.lock(nodes=sorted({*targets.versions, *targets.runs}))
            for key in sorted(tx.versions.find(sorted(targets.versions))):
                tx.versions.remove(key)
                record(tx, caller, now, "version.purge", key)
            for run in sorted(tx.runs.find(sorted(targets.runs))):
                tx.runs.remove(run)
                record(tx, caller, now, "run.purge", run)

        self._context.graph.write(change)


def _facts(tx: Transaction, targets: _Targets) -> DeletionFacts:
    """What removing the targets would do: for plans and purges alone, since it costs most."""
    return tx.questions.deletion_facts(sorted(targets.versions), sorted(targets.runs))


def _emptied(run: Run, now: datetime) -> Run:
    """A deleted run: its name and times stay, so that lineage stays connected."""
    return replace(
        run,
        state=RunState.DELETED,
        config={},
        summary={},
        summary_min={},
        summary_max={},
        notes="",
        tags=(),
        error="",
        finished_at=run.finished_at or now,
        revision=run.revision + 1,
    )


def _aliases(targets: _Targets) -> list[str]:
    return sorted(
        f"{key.collection}:{alias}"
        for key, version in targets.versions.items()
        for alias in version.aliases
        if alias != LATEST
    )


def _binds(
    request: DeletionRequest,
    targets: _Targets,
    facts: DeletionFacts,
    blockers: Sequence[Blocker],
) -> dict[str, Any]:
    return {
        "versions": sorted(targets.versions),
        "runs": sorted(targets.runs),
        "aliases": _aliases(targets),
        "n_pages": facts.n_pages,
        "n_blobs": facts.n_blobs,
        "freed_bytes": facts.freed_bytes,
        "blobs": facts.blobs,
        "consumers": sorted(facts.consumers),
        "blockers": [[blocker.kind, blocker.name] for blocker in blockers],
        "purge": request.purge,
    }


def _plan_digest(caller: Caller, binds: dict[str, Any]) -> Digest:
    """Of the plan and whose it is: two people may plan the same."""
    return Digest.of(dumps({"actor": caller.name, **dict(sorted(binds.items()))}))


def _is_of(plan: Plan, request: DeletionRequest) -> bool:
    """Whether the plan may have been made from this request."""
    named, planned = set(request.versions), set(plan.versions)
    is_open = request.with_logged or request.collection is not None
    return (
        set(request.runs) == set(plan.runs)
        and (named <= planned if is_open else named == planned)
        and (plan.purge or not request.purge)
        and (plan.delete_aliases or not request.delete_aliases)
    )


def _refuse_others(
    tx: Transaction, caller: Caller, run: RunKey, logged: Sequence[VersionKey]
) -> None:
    """Denied if the run logged something where the caller may not write."""
    for project in sorted({key.project for key in logged}):
        found = tx.projects.find(project)
        if found is None or not may_write(caller, found):
            raise Denied(
                f"run {run.path} logged versions where you may not write:"
                " delete it without them, and those of yours by name"
            )


def _masked(mask: Mask, facts: DeletionFacts) -> DeletionFacts:
    holders = (
        replace(h, key=str(mask(h.key))) if h.key.startswith("artifact:") else h
        for h in facts.holders
    )
    consumers = tuple(RunKey(mask(key)) for key in facts.consumers)
    return replace(facts, holders=tuple(holders), consumers=consumers)


def _refuse_changed(plan: Plan, now: dict[str, Any], mask: Mask) -> None:
    difference = {
        field: {"planned": plan.binds.get(field), "now": value}
        for field, value in now.items()
        if plan.binds.get(field) != value
    }
    if "consumers" in difference:
        told = difference["consumers"]
        difference["consumers"] = {when: list(map(mask, told[when])) for when in told}
    if difference:
        fields = ", ".join(sorted(difference))
        message = f"the plan no longer holds ({fields} changed): plan again. Nothing was deleted"
        raise PlanChanged(message, difference=difference)
