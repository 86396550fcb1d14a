"""The one place that decides who may read and write a project, and what a caller may learn.

What a caller may not read is NotFound, as if it were not there; what it may read but not write is
Denied.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from lineage.engine.context import Context, record
from lineage.errors import Denied, NotFound
from lineage.model import Access, Caller, Project, Run, Scope, Version
from lineage.names import NodeKey, ProjectKey, RunKey, VersionKey, check_alias
from lineage.ports import Transaction

__all__ = [
    "HIDDEN",
    "Mask",
    "Projects",
    "ensure_writable",
    "may_read",
    "may_write",
    "readable",
    "refuse_protected",
    "scope_of",
    "visible",
    "visible_runs",
    "writable",
]

HIDDEN = "hidden:"


def may_read(caller: Caller, project: Project) -> bool:
    return project.access is not Access.PRIVATE or _is_team(caller, project.key)


def may_write(caller: Caller, project: Project) -> bool:
    return project.access is Access.OPEN or _is_team(caller, project.key)


def _is_team(caller: Caller, key: ProjectKey) -> bool:
    return caller.is_admin or key.entity in caller.entities


def scope_of(caller: Caller) -> Scope:
    """What an answer to this caller may draw on."""
    return Scope(caller.name, None if caller.is_admin else caller.entities)


def readable(tx: Transaction, caller: Caller, key: ProjectKey) -> Project:
    """The project, if the caller may read it; NotFound otherwise."""
    project = tx.projects.find(key)
    if project is None or not may_read(caller, project):
        raise NotFound(f"there is no project {key}, or you may not read it")
    return project


def writable(tx: Transaction, caller: Caller, key: ProjectKey) -> Project:
    """The project, if the caller may write to it; NotFound or Denied otherwise."""
    project = readable(tx, caller, key)
    if not may_write(caller, project):
        raise Denied(f"you may read project {key}, but not change it")
    return project


def visible(tx: Transaction, caller: Caller, keys: Sequence[VersionKey]) -> list[Version]:
    """Those of the versions that lie in projects the caller may read, in the order given."""
    found = tx.versions.find(keys)
    seen = _readable_projects(tx, caller, {key.project for key in found})
    return [found[key] for key in keys if key in found and key.project in seen]


def visible_runs(tx: Transaction, caller: Caller, keys: Sequence[RunKey]) -> list[Run]:
    """Those of the runs that lie in projects the caller may read, in the order given."""
    found = tx.runs.find(keys)
    seen = _readable_projects(tx, caller, {key.project for key in found})
    return [found[key] for key in keys if key in found and key.project in seen]


def _readable_projects(
    tx: Transaction, caller: Caller, keys: Collection[ProjectKey]
) -> set[ProjectKey]:
    projects = {key: tx.projects.find(key) for key in keys}
    return {key for key, project in projects.items() if project and may_read(caller, project)}


class Mask:
    """Puts `hidden:run:1`, `hidden:artifact:2` … for what a caller may not read.

    One answer uses one mask: there the same node has the same number, and elsewhere another.
    """

    def __init__(self, tx: Transaction, caller: Caller) -> None:
        self._tx = tx
        self._caller = caller
        self._seen: dict[str, bool] = {}
        self._hidden: dict[str, NodeKey] = {}

    @property
    def n_hidden(self) -> int:
        return len(self._hidden)

    def __call__(self, key: str) -> NodeKey:
        """The key of a run, segment or version, or what stands for it."""
        if self._caller.is_admin:
            return NodeKey(key)
        kind, _, path = key.partition(":")
        project = path[: path.index("/", path.index("/") + 1)]
        if project not in self._seen:
            found = self._tx.projects.find(ProjectKey(project))
            self._seen[project] = found is not None and may_read(self._caller, found)
        if self._seen[project]:
            return NodeKey(key)
        new = NodeKey(f"{HIDDEN}{kind}:{len(self._hidden) + 1}")
        return self._hidden.setdefault(key, new)


class Projects:
    """Projects and who may reach them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def get(self, caller: Caller, key: ProjectKey) -> Project:
        """NotFound if there is none that the caller may read."""
        return self._context.graph.read(lambda tx: readable(tx, caller, key))

    def select(
        self,
        caller: Caller,
        *,
        entity: str | None = None,
        after: ProjectKey | None = None,
        limit: int = 100,
    ) -> list[Project]:
        """The projects that the caller may read, by key."""
        scope = scope_of(caller)
        return self._context.graph.read(
            lambda tx: tx.projects.select(scope, entity=entity, after=after, limit=limit)
        )

    def set_access(self, caller: Caller, key: ProjectKey, access: Access) -> Project:
        """Create the project with this access, or change what it has; takes effect at once."""

        def change(tx: Transaction) -> Project:
            tx.lock(projects=[key])  # of two changes at once, each records what it replaced
            project = ensure_writable(self._context, tx, caller, key, access=access)
            if not _is_team(caller, key):
                raise Denied(f"only the team of {key} changes who may reach it")
            if project.access is not access:
                tx.projects.set_access(key, access)
                now = self._context.now()
                values = {"before": project.access, "after": access}
                record(tx, caller, now, "project.access", key, **values)
            return replace(project, access=access)

        return self._context.graph.write(change)

    def set_guards(
        self,
        caller: Caller,
        key: ProjectKey,
        *,
        protected_aliases: Sequence[str] | None = None,
        guards_downstream: bool | None = None,
    ) -> Project:
        """Change what the project guards against; None leaves it as it is.

        Args:
            protected_aliases: only an administrator moves or drops these, and a version that has
                one is not deleted.
            guards_downstream: a version that a run has used is not deleted before that run.
        Raises:
            Denied: the caller is not an administrator.
            NotFound: there is no such project.
        """
        aliases = protected_aliases
        if aliases is not None:
            aliases = sorted({check_alias(alias) for alias in aliases})

        def change(tx: Transaction) -> Project:
            tx.lock(projects=[key])
            project = readable(tx, caller, key)
            if not caller.is_admin:
                raise Denied("only an administrator changes what a project guards against")
            new = replace(
                project,
                protected_aliases=project.protected_aliases if aliases is None else tuple(aliases),
                guards_downstream=(
                    project.guards_downstream if guards_downstream is None else guards_downstream
                ),
            )
            if new != project:
                values = _guards(new)
                tx.projects.set_guards(key, **values)
                now = self._context.now()
                record(
                    tx, caller, now, "project.guards", key, before=_guards(project), after=values
                )
            return new

        return self._context.graph.write(change)


def _guards(project: Project) -> dict[str, Any]:
    return {
        "protected_aliases": list(project.protected_aliases),
        "guards_downstream": project.guards_downstream,
    }


def refuse_protected(caller: Caller, project: Project, aliases: Collection[str]) -> None:
    """Denied if one of these aliases is not the caller's to move or drop."""
    protected = sorted(set(aliases).intersection(project.protected_aliases))
    if protected and not caller.is_admin:
        raise Denied(
            f"alias `{protected[0]}` is protected in {project.key}: an administrator moves it"
        )


def ensure_writable(
    context: Context,
    tx: Transaction,
    caller: Caller,
    key: ProjectKey,
    *,
    access: Access = Access.PRIVATE,
) -> Project:
    """As `writable`, but a team member who names a new project creates it.

    Of two that create it at once, the store lets one commit, and the other runs again.
    """
    project = tx.projects.find(key)
    if project is None and _is_team(caller, key):
        project = Project(key, access, context.now())
        tx.projects.add(project)
        record(tx, caller, project.created_at, "project.create", key, after={"access": access})
        return project
    return writable(tx, caller, key)
