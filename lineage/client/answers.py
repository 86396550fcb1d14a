"""What the server answers about lineage, as values that print well."""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from lineage.client.http import Http
from lineage.client.wire import read_time
from lineage.client.words import runs_and_versions
from lineage.errors import Invalid

__all__ = [
    "Impact",
    "ImpactNode",
    "Share",
    "Trace",
    "TraceNode",
    "Traced",
    "ask_impact",
    "ask_trace",
    "check_selection",
]

_HIDDEN: Final = "hidden:"


@dataclass(frozen=True, slots=True)
class TraceNode:
    """A node of a trace. `type` is a version's type or a run's job type.

    A version is drifted if its references do not hold any more; what is below a drifted version was
    made from it, wherever that is.
    """

    key: str
    hop: int
    name: str = ""
    type: str = ""
    state: str = ""
    created_at: datetime | None = None
    is_drifted: bool = False
    is_below_drifted: bool = False

    @property
    def is_run(self) -> bool:
        return self.key.removeprefix(_HIDDEN).startswith("run:")

    @property
    def path(self) -> str:
        """`entity/project/run` or `entity/project/collection:v3`; segments are not told apart.
        Of what you may not see, its key."""
        return _path(self.key)


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything upstream or downstream of the starts, nearest first; then by key.

    `levels[i]` holds the keys at hop i + 1; `edges` are (from, to, kind) as data flows.
    """

    direction: str
    starts: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    edges: tuple[tuple[str, str, str], ...]
    complete: bool
    n_runs: int
    n_versions: int
    n_hidden: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def nodes(self) -> list[TraceNode]:
        """In the order of the answer."""
        return [TraceNode(key, hop, **_facts(self.facts.get(key))) for hop, key in self._keys()]

    @property
    def runs(self) -> list[str]:
        """Paths of the runs, each once, nearest first."""
        keys = [key for _, key in self._keys() if key.startswith("run:")]
        return list(dict.fromkeys(key.removeprefix("run:").partition("#")[0] for key in keys))

    @property
    def versions(self) -> list[str]:
        """Full names of the versions, nearest first."""
        return [k.removeprefix("artifact:") for _, k in self._keys() if k.startswith("artifact:")]

    def _keys(self) -> Iterator[tuple[int, str]]:
        for hop, keys in enumerate(self.levels, 1):
            for key in keys:
                yield hop, key

    def __str__(self) -> str:
        lines = [f"{self.direction} of {', '.join(self.starts)}:"]
        lines += [f"  {hop:>3}  {key}" for hop, key in self._keys()]
        lines.append(f"{runs_and_versions(self.n_runs, self.n_versions)}{self._rest()}")
        return "\n".join(lines)

    def _rest(self) -> str:
        hidden = f", {self.n_hidden} that you may not see" if self.n_hidden else ""
        return hidden + ("" if self.complete else "; there is more than was asked for")


def _facts(told: Any) -> dict[str, Any]:
    """What the server tells of a node; nothing if it is hidden."""
    if told is None:
        return {}
    at = read_time(told["created_at"])
    return {
        "name": told["name"],
        "type": told["type"],
        "state": told["state"],
        "created_at": at,
        "is_drifted": told.get("drifted", False),  # an impact does not tell of it
        "is_below_drifted": told.get("below_drifted", False),
    }


def _path(key: str) -> str:
    return key if key.startswith(_HIDDEN) else key.partition(":")[2].partition("#")[0]


@dataclass(frozen=True, slots=True)
class Share:
    """How much of what is downstream lies in one collection, or belongs to one entity."""

    name: str
    n_runs: int
    n_versions: int


@dataclass(frozen=True, slots=True)
class ImpactNode(TraceNode):
    """`is_irreproducible`: it could be made again now, and not if the set were deleted."""

    is_irreproducible: bool = False


@dataclass(frozen=True, slots=True)
class Impact:
    """What depends on a set of versions and runs, and what could not be made again without it.

    `rows`, and iterating, give each run and version downstream once, nearest first. The
    irreproducible ones may be further: content that something downstream made once more. `lost`
    are those versions of the set that nothing could rebuild. `told` is the server's whole answer.
    """

    versions: tuple[str, ...]  # of the set: full names
    runs: tuple[str, ...]  # of the set: paths
    rows: tuple[ImpactNode, ...]
    n_runs: int
    n_versions: int
    n_hidden: int
    collections: tuple[Share, ...]
    owners: tuple[Share, ...]
    irreproducible_runs: tuple[str, ...]
    irreproducible_versions: tuple[str, ...]
    lost: tuple[str, ...]
    told: Mapping[str, Any] = field(repr=False)

    def __iter__(self) -> Iterator[ImpactNode]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def to_csv(self, path: str | Path) -> Path:
        """Write a table with one row for each; returns its path."""
        path = Path(path)
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(_COLUMNS)
            for row in self.rows:
                kind = "run" if row.is_run else "version"
                at = row.created_at.isoformat() if row.created_at else ""
                is_lost = "yes" if row.is_irreproducible else "no"
                cells = (kind, row.path, row.name, row.type, row.state, at, is_lost)
                table.writerow([row.hop, *map(_plain, cells)])
        return path

    def __str__(self) -> str:
        start = ", ".join((*self.versions, *self.runs))
        lines = [f"{start} reaches {runs_and_versions(self.n_runs, self.n_versions)}"]
        for row in self.rows:
            lost = "  could not be made again" if row.is_irreproducible else ""
            lines.append(f"  {row.hop:>3}  {row.path}  {row.type}  {row.state}{lost}")
        if self.n_hidden:
            lines.append(f"{self.n_hidden} of them you may not see")
        if self.lost:
            lines.append(f"Lost for good: {', '.join(self.lost)}")
        return "\n".join(lines)


_COLUMNS: Final = ("hop", "kind", "path", "name", "type", "state", "created_at", "irreproducible")


def _plain(cell: str) -> str:
    """A text that a spreadsheet would take for a formula is quoted by an apostrophe."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def ask_trace(
    http: Http,
    starts: Sequence[str],
    *,
    direction: Literal["upstream", "downstream"],
    max_hops: int | None = None,
    limit: int | None = None,
) -> Trace:
    """Args: `starts`, keys or paths of runs and versions; `max_hops`, None to the end."""
    params = {
        "start": list(starts),
        "direction": direction,
        "max_hops": max_hops,
        "limit": limit,
        "edges": True,
        "nodes": True,
    }
    told = http.get("/trace", params)
    tree = told[direction]
    return Trace(
        direction=direction,
        starts=tuple(told["starts"]),
        levels=tuple(map(tuple, tree["levels"])),
        edges=tuple((src, dst, kind) for src, dst, kind in tree["edges"]),
        complete=tree["complete"],
        n_runs=tree["n_runs"],
        n_versions=tree["n_versions"],
        n_hidden=tree["n_hidden"],
        facts=tree["nodes"],
    )


def ask_impact(http: Http, selection: Mapping[str, Any]) -> Impact:
    """Args: `selection`, the body of `POST /impact`."""
    check_selection(selection)
    told = http.post("/impact", selection, timeout_s=600.0)
    found, lost = told["downstream"], told["irreproducible"]
    flipped = {_path(key) for key in (*lost["runs"], *lost["versions"])}
    rows: dict[str, ImpactNode] = {}
    for hop, keys in enumerate(found["levels"], 1):
        for key in keys:
            path = _path(key)
            if path not in rows:
                facts = _facts(found["nodes"].get(key))
                rows[path] = ImpactNode(key, hop, **facts, is_irreproducible=path in flipped)
    return Impact(
        versions=tuple(map(_path, told["versions"])),
        runs=tuple(map(_path, told["runs"])),
        rows=tuple(rows.values()),
        n_runs=found["n_runs"],
        n_versions=found["n_versions"],
        n_hidden=found["n_hidden"],
        collections=_shares(told["collections"]),
        owners=_shares(told["owners"]),
        irreproducible_runs=tuple(map(_path, lost["runs"])),
        irreproducible_versions=tuple(map(_path, lost["versions"])),
        lost=tuple(map(_path, told["lost"])),
        told=told,
    )


def _shares(told: Sequence[Mapping[str, Any]]) -> tuple[Share, ...]:
    return tuple(Share(each["name"], each["n_runs"], each["n_versions"]) for each in told)


def check_selection(selection: Mapping[str, Any]) -> None:
    """Invalid if nothing is named and nothing is chosen."""
    ways = ("versions", "runs", "collection", "project", "digest", "path")
    if not any(selection.get(way) for way in ways):
        raise Invalid("versions", "nothing is named or chosen")


class Traced(ABC):
    """What artifacts and runs have in common: a place in the graph."""

    @abstractmethod
    def _place(self) -> tuple[Http, str]:
        """Whom to ask, and the key to begin with."""

    def upstream(self, max_hops: int | None = None) -> Trace:
        """All it was made from, nearest first; `max_hops` edges far, or to the end."""
        http, key = self._place()
        return ask_trace(http, [key], direction="upstream", max_hops=max_hops)

    def downstream(self, max_hops: int | None = None) -> Trace:
        """All that was made from it, nearest first; `max_hops` edges far, or to the end."""
        http, key = self._place()
        return ask_trace(http, [key], direction="downstream", max_hops=max_hops)

    def impact(self) -> Impact:
        """Every run and version made from it, and which of them could not be made again without
        it."""
        http, key = self._place()
        way = "runs" if key.startswith("run:") else "versions"
        return ask_impact(http, {way: [key]})
