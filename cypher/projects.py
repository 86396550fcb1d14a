"""Projects and their entities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cypher.columns import scope_values
from cypher.statements import Statements
from lineage.model import Access, Project, Scope
from lineage.names import ProjectKey
from lineage.times import from_us, to_us

__all__ = ["CypherProjects"]


class CypherProjects:
    """`lineage.ports.Projects` on Neo4j."""

    __slots__ = ("_cypher",)

    def __init__(self, cypher: Statements) -> None:
        self._cypher = cypher

    def find(self, key: ProjectKey) -> Project | None:
        row = self._cypher.one("find_project", key=key)
        return None if row is None else _project(row)

    def add(self, project: Project) -> None:
        key = project.key
        row = {"key": key, "entity": key.entity, "access": project.access}
        self._cypher.later("add_project", row | {"created_at": to_us(project.created_at)})

    def set_access(self, key: ProjectKey, access: Access) -> None:
        self._cypher.later("set_access", {"key": key, "access": access})

    def set_guards(
        self, key: ProjectKey, *, protected_aliases: Sequence[str], guards_downstream: bool
    ) -> None:
        row = {"key": key, "protected_aliases": list(protected_aliases)}
        self._cypher.later("set_guards", row | {"guards_downstream": guards_downstream})

    def select(
        self, scope: Scope, *, entity: str | None, after: ProjectKey | None, limit: int
    ) -> list[Project]:
        rows = self._cypher.all(
            "select_projects", **scope_values(scope), entity=entity, after=after or "", limit=limit
        )
        return list(map(_project, rows))


def _project(row: list[Any]) -> Project:
    key, access, at, protected, guards = row
    return Project(ProjectKey(key), Access(access), from_us(at), tuple(protected), guards)
