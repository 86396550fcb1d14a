"""Deletion plans: what one is, what it binds, what blocks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lineage.digest import Digest
from lineage.engine.access import HIDDEN, Mask
from lineage.engine.context import Context
from lineage.engine.selection import Selection, Targets
from lineage.manifest import parse_entries
from lineage.model import Caller, DeletionFacts, Holder, Plan, Project, RunState, Trace
from lineage.names import LATEST, RunKey, VersionKey
from lineage.ports import Transaction
from lineage.values import dumps

__all__ = [
    "Blocker",
    "DeletionPlan",
    "DeletionRequest",
    "KeptFile",
    "aliases_of",
    "binds_of",
    "blockers_of",
    "facts_of",
    "is_of",
    "kept_of",
    "mask_facts",
    "mask_holder",
    "plan_digest",
]


@dataclass(frozen=True, slots=True)
class DeletionRequest(Selection):
    """What to delete.

    With `delete_aliases`, aliases go too; otherwise one that is not `latest` blocks. With `purge`,
    nodes go as well, and lineage through them is cut.
    """

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
    holders: tuple[Holder, ...]  # of what stays because it is shared
    blockers: tuple[Blocker, ...]
    downstream: Trace  # as of now; not bound
    n_hidden: int  # runs and versions of the answer that the caller may not see


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that a deletion leaves in the store, `size_bytes` of it, for `holder`."""

    version: VersionKey
    path: str
    size_bytes: int
    holder: str


def blockers_of(
    context: Context,
    tx: Transaction,
    request: DeletionRequest,
    targets: Targets,
    mask: Mask,
    *,
    has_plan: bool,
) -> list[Blocker]:
    """What has to be cleared first. What a purge cuts blocks no more once a plan shows it."""
    projects = {key: tx.projects.find(key) for key in sorted({v.project for v in targets.versions})}
    guarding = {key for key, found in projects.items() if found and found.guards_downstream}
    blockers = []
    how = "an administrator drops the alias, or moves it: it is protected"
    protected = {
        f"{key.collection}:{alias}"
        for key, version in targets.versions.items()
        for alias in _protected(projects[key.project]).intersection(version.aliases)
    }
    blockers += [Blocker("protected_alias", alias, how) for alias in sorted(protected)]
    if not request.delete_aliases:
        how = "drop the alias, or delete with delete_aliases=true"
        others = (alias for alias in aliases_of(targets) if alias not in protected)
        blockers += [Blocker("alias", alias, how) for alias in others]
    stale_before = context.now() - context.limits.crashed_after
    for key, run in sorted(targets.runs.items()):
        if run.state is RunState.RUNNING and run.heartbeat_at >= stale_before:
            how = f"finish run {key.path} first; a silent one has crashed after 5 minutes"
            blockers.append(Blocker("running", key.path, how))
    if guarding:
        guarded = [key for key in sorted(targets.versions) if key.project in guarding]
        users = tx.questions.deletion_facts(guarded, sorted(targets.runs)).consumers
        live = [k for k, r in tx.runs.find(users).items() if r.state is not RunState.DELETED]
        how = "delete this run first: the project guards what something was made from"
        names = sorted(map(mask, live))
        blockers += [Blocker("downstream", name.partition(":")[2], how) for name in names]
    if request.purge and not has_plan:
        how = "execute a plan that shows what loses its lineage, or delete without purge"
        logged = (key for run in targets.runs for key in tx.flow.logged_by_run(run)[0])
        left = sorted(key for key in logged if key not in targets.versions)
        names = [*map(mask, facts_of(tx, targets).consumers), *map(mask, left)]
        blockers += [Blocker("downstream", name.partition(":")[2], how) for name in names]
    return blockers


def _protected(project: Project | None) -> frozenset[str]:
    return frozenset() if project is None else frozenset(project.protected_aliases)


def facts_of(tx: Transaction, targets: Targets) -> DeletionFacts:
    """What removing the targets would do: for plans and purges alone, since it costs most."""
    return tx.questions.deletion_facts(sorted(targets.versions), sorted(targets.runs))


def aliases_of(targets: Targets) -> list[str]:
    return sorted(
        f"{key.collection}:{alias}"
        for key, version in targets.versions.items()
        for alias in version.aliases
        if alias != LATEST
    )


def binds_of(
    request: DeletionRequest,
    targets: Targets,
    facts: DeletionFacts,
    blockers: Sequence[Blocker],
) -> dict[str, Any]:
    return {
        "versions": sorted(targets.versions),
        "runs": sorted(targets.runs),
        "aliases": aliases_of(targets),
        "n_pages": facts.n_pages,
        "n_blobs": facts.n_blobs,
        "freed_bytes": facts.freed_bytes,
        "blobs": facts.blobs,
        "consumers": sorted(facts.consumers),
        "blockers": [[blocker.kind, blocker.name] for blocker in blockers],
        "purge": request.purge,
    }


def plan_digest(caller: Caller, binds: dict[str, Any]) -> Digest:
    """Of the plan and whose it is: two people may plan the same."""
    return Digest.of(dumps({"actor": caller.name, **dict(sorted(binds.items()))}))


def is_of(plan: Plan, request: DeletionRequest) -> bool:
    """Whether the plan may have been made from this request."""
    named, planned = set(request.versions), set(plan.versions)
    runs, planned_runs = set(request.runs), set(plan.runs)
    return (
        (runs <= planned_runs if request.is_open else runs == planned_runs)
        and (named <= planned if request.is_open else named == planned)
        and (plan.purge or not request.purge)
        and (plan.delete_aliases or not request.delete_aliases)
    )


def mask_facts(mask: Mask, facts: DeletionFacts) -> DeletionFacts:
    return replace(facts, consumers=tuple(RunKey(mask(key)) for key in facts.consumers))


def mask_holder(mask: Mask, key: str) -> str:
    return str(mask(key)) if key.startswith("artifact:") else key


def kept_of(
    tx: Transaction,
    *,
    caller: Caller,
    versions: Sequence[VersionKey],
    key: VersionKey,
    body: bytes,
) -> list[KeptFile]:
    """Of one page of a version."""
    entries = list(parse_entries(body))
    blobs = sorted({digest for entry in entries for digest, _ in entry.blobs})
    holders = tx.questions.holder_of(blobs, versions)
    mask = Mask(tx, caller)
    found = []
    for entry in entries:
        kept = [(digest, size) for digest, size in entry.blobs if digest in holders]
        if kept:
            holder = mask_holder(mask, holders[kept[0][0]])
            shown = "hidden" if holder.startswith(HIDDEN) else holder
            found.append(KeptFile(key, entry.path, sum(size for _, size in kept), shown))
    return found
