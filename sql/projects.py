"""Projects and their entities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from lineage.errors import AlreadyExists
from lineage.model import Access, Project, Scope
from lineage.names import ProjectKey
from lineage.times import from_us, to_us
from lineage.values import to_json
from sql.columns import scope_values, text_list
from sql.statements import Statements

__all__ = ["SqlProjects"]


class SqlProjects:
    """`lineage.ports.Projects` on SQLite."""

    __slots__ = ("_sql",)

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    def find(self, key: ProjectKey) -> Project | None:
        row = self._sql.one("find_project", key)
        return None if row is None else _project(row)

    def add(self, project: Project) -> None:
        key = project.key
        self._sql.run("add_entity", key.entity)
        try:
            self._sql.run("add_project", key, key.entity, project.access, to_us(project.created_at))
        except apsw.ConstraintError as exc:
            raise AlreadyExists(f"project {key} is there already", key=key) from exc

    def set_access(self, key: ProjectKey, access: Access) -> None:
        self._sql.run("set_access", key, access)

    def set_guards(
        self, key: ProjectKey, *, protected_aliases: Sequence[str], guards_downstream: bool
    ) -> None:
        self._sql.run("set_guards", key, to_json(list(protected_aliases)), guards_downstream)

    def select(
        self, scope: Scope, *, entity: str | None, after: ProjectKey | None, limit: int
    ) -> list[Project]:
        rows = self._sql.all("select_projects", *scope_values(scope), entity, after or "", limit)
        return list(map(_project, rows))


def _project(row: Any) -> Project:
    key, access, at, protected, guards = row
    return Project(ProjectKey(key), Access(access), from_us(at), text_list(protected), bool(guards))
