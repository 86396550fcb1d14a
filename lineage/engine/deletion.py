"""Deletion: say what it would break and free, then do exactly that, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

from lineage.digest import Digest
from lineage.engine.access import Mask, writable
from lineage.engine.context import Context, record
from lineage.engine.planning import (
    DeletionPlan,
    DeletionRequest,
    KeptFile,
    aliases_of,
    binds_of,
    blockers_of,
    facts_of,
    is_of,
    kept_of,
    mask_facts,
    mask_holder,
    plan_digest,
)
from lineage.engine.reclaim import Reclaim
from lineage.engine.selection import Targets, nodes_of, select
from lineage.engine.trace import mask_trace
from lineage.errors import Blocked, Invalid, NotFound, PlanChanged
from lineage.model import (
    Caller,
    Direction,
    Plan,
    Receipt,
    ReceiptId,
    Run,
    RunState,
    TraceQuery,
    VersionState,
)
from lineage.names import LATEST, VersionKey
from lineage.ports import Transaction

__all__ = ["Deletion"]


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
            facts = facts_of(tx, targets)
            blockers = blockers_of(self._context, tx, request, targets, mask, has_plan=True)
            binds = binds_of(request, targets, facts, blockers)
            holders = tx.questions.holders(sorted(targets.versions))
            starts = nodes_of(tx, targets)
            downstream = tx.questions.trace(TraceQuery(starts, Direction.DOWNSTREAM))
            plan = DeletionPlan(
                digest=plan_digest(caller, binds),
                expires_at=expires_at,
                versions=tuple(sorted(targets.versions)),
                runs=tuple(sorted(targets.runs)),
                aliases=tuple(aliases_of(targets)),
                facts=mask_facts(mask, facts),
                holders=tuple(
                    replace(holder, key=mask_holder(mask, holder.key)) for holder in holders
                ),
                blockers=tuple(blockers),
                downstream=mask_trace(mask, downstream),
                n_hidden=mask.n_hidden,  # after all that is masked
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

    def kept_files(self, caller: Caller, digest: Digest) -> Iterator[KeptFile]:
        """Every file of a plan's versions that stays because somebody else contains it, with one
        who does, by version and path; as of now.

        Raises:
            NotFound: no such plan of this caller, or it has expired.
        """
        plan = self._own_plan(caller, digest)
        for key in plan.versions:
            for body in self._context.graph.read(partial(_bodies, key=key)):
                find = partial(kept_of, caller=caller, versions=plan.versions, key=key, body=body)
                yield from self._context.graph.read(find)

    def _own_plan(self, caller: Caller, digest: Digest) -> Plan:
        plan = self._context.graph.read(lambda tx: tx.plans.find(digest))
        if plan is None or plan.actor != caller.name or plan.expires_at <= self._context.now():
            raise NotFound(f"there is no plan {digest} of yours, or it has expired: plan again")
        return plan

    def execute(self, caller: Caller, digest: Digest) -> Receipt:
        """Do just what the plan says; done before, the answer is the receipt of then.

        Raises: as `decide`.
        """
        return self.carry_out(self.decide(caller, digest).id)

    def delete(
        self, caller: Caller, request: DeletionRequest, *, plan: Digest | None = None
    ) -> Receipt:
        """Delete at once if nothing blocks; with `plan`, as `execute`, if it is of this request."""
        return self.carry_out(self.begin(caller, request, plan=plan).id)

    def begin(
        self, caller: Caller, request: DeletionRequest, *, plan: Digest | None = None
    ) -> Receipt:
        """As `delete`, up to where `decide` ends."""
        if plan is None:
            return self._decide(caller, request, None)
        kept = self._context.graph.read(lambda tx: tx.plans.find(plan))
        if kept is not None and not is_of(kept, request):
            raise Invalid("plan", "is of another deletion than this one: plan again")
        return self.decide(caller, plan)

    def decide(self, caller: Caller, digest: Digest) -> Receipt:
        """Do what the plan says up to the point of no return: what goes is unreadable from now on.

        `carry_out` frees its bytes, by whoever calls it and however often.

        Raises:
            NotFound: no such plan of this caller, or it has expired.
            PlanChanged: what it binds has changed (`difference`); nothing was deleted.
            Blocked: the plan had blockers, and they are still there.
        """
        done = self._context.graph.read(lambda tx: _find_done(tx, caller, digest))
        if done is not None:
            return done
        plan = self._own_plan(caller, digest)
        request = DeletionRequest(
            versions=plan.versions,
            runs=plan.runs,
            delete_aliases=plan.delete_aliases,
            purge=plan.purge,
        )
        return self._decide(caller, request, plan)

    def carry_out(
        self, id: ReceiptId, *, is_stopped: Callable[[], bool] = lambda: False
    ) -> Receipt:
        """Free what a decided deletion frees, from where it stands, and finish its receipt.

        Args:
            is_stopped: asked between transactions; once true, the receipt stays unfinished.
        """
        self._reclaim.carry_out(id, is_stopped=is_stopped)
        return self._context.graph.read(lambda tx: _receipt(tx, id))

    def receipt(self, caller: Caller, id: ReceiptId) -> Receipt:
        """The receipt of a deletion of this caller; an administrator sees all.

        Raises:
            NotFound: there is none.
        """
        found = self._context.graph.read(lambda tx: tx.receipts.find(id))
        if found is None or not (caller.is_admin or found.deleted_by == caller.name):
            raise NotFound(f"there is no receipt {id!r:.100} of yours")
        return found

    def receipts(
        self, caller: Caller, *, after: tuple[datetime, ReceiptId] | None = None, limit: int = 100
    ) -> list[Receipt]:
        """The caller's deletions, or for an administrator all, newest first."""
        actor = None if caller.is_admin else caller.name
        return self._context.graph.read(
            lambda tx: tx.receipts.select(actor=actor, after=after, limit=limit)
        )

    def _decide(self, caller: Caller, request: DeletionRequest, plan: Plan | None) -> Receipt:
        now = self._context.now()
        is_plan = plan is not None

        def mark(tx: Transaction) -> Receipt | None:
            seen = self._targets(tx, caller, request, is_plan=is_plan)
            collections = sorted({key.collection for key in seen.versions})
            tx.lock(collections=collections)
            tx.lock(nodes=sorted({*seen.versions, *seen.runs}))
            if plan is not None:
                done = _find_done(tx, caller, plan.digest)
                if done is not None:
                    return done
            targets = self._targets(tx, caller, request, is_plan=is_plan)
            if not (
                targets.versions.keys() <= seen.versions.keys()
                and targets.runs.keys() <= seen.runs.keys()
            ):
                return None  # new since, and not locked
            mask = Mask(tx, caller)
            blockers = blockers_of(self._context, tx, request, targets, mask, has_plan=is_plan)
            if plan is not None:
                binds = binds_of(request, targets, facts_of(tx, targets), blockers)
                _refuse_changed(plan, binds, mask)
            if blockers:
                listed = [
                    {"kind": b.kind, "name": b.name, "how_to_clear": b.how_to_clear}
                    for b in blockers
                ]
                message = f"deletion is blocked by {len(blockers)}: {blockers[0].how_to_clear}"
                raise Blocked(message, blockers=listed)
            self._mark_deleted(tx, caller, targets, now)
            receipt = Receipt(
                id=ReceiptId(uuid4().hex),
                versions=tuple(sorted(targets.versions)),
                runs=tuple(sorted(targets.runs)),
                deleted_at=now,
                deleted_by=caller.name,
                plan=None if plan is None else plan.digest,
                purge=request.purge,
            )
            tx.receipts.add(receipt)
            return receipt

        while (receipt := self._context.graph.write(mark)) is None:
            pass
        return receipt

    def _targets(
        self, tx: Transaction, caller: Caller, request: DeletionRequest, *, is_plan: bool = False
    ) -> Targets:
        """What the request means now; what a plan names and is gone meanwhile is left out, and
        so shows as a difference."""
        if not is_plan:
            return select(
                self._context, tx, caller, request, to_change=True, with_deleted=request.purge
            )
        projects = {key.project for key in request.versions}
        for project in sorted(projects.union(key.project for key in request.runs)):
            writable(tx, caller, project)
        versions, runs = tx.versions.find(request.versions), tx.runs.find(request.runs)
        if request.purge:
            return Targets(versions, runs)  # what is deleted already can still be purged
        return Targets(
            {k: v for k, v in versions.items() if v.state is not VersionState.DELETED},
            {k: r for k, r in runs.items() if r.state is not RunState.DELETED},
        )

    def _mark_deleted(
        self, tx: Transaction, caller: Caller, targets: Targets, now: datetime
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


def _bodies(tx: Transaction, *, key: VersionKey) -> list[bytes]:
    return list(tx.contents.bodies(key))


def _find_done(tx: Transaction, caller: Caller, plan: Digest) -> Receipt | None:
    """What this caller did by this plan already."""
    id = tx.receipts.find_of_plan(plan, caller.name)
    return None if id is None else tx.receipts.find(id)


def _receipt(tx: Transaction, id: ReceiptId) -> Receipt:
    found = tx.receipts.find(id)
    if found is None:
        raise NotFound(f"there is no receipt {id!r:.100}")
    return found


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
