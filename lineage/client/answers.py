"""What the server answers about lineage and deletion, as values that print well."""

from __future__ import annotations

import csv
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from lineage.client.http import Http
from lineage.client.wire import read_time
from lineage.client.words import counted, format_bytes
from lineage.errors import Invalid

__all__ = [
    "DeletionPlan",
    "Impact",
    "Receipt",
    "Trace",
    "TraceNode",
    "Traced",
    "ask_plan",
    "ask_trace",
]


@dataclass(frozen=True, slots=True)
class TraceNode:
    """A node of a trace. `type` is a version's type or a run's job type."""

    key: str
    hop: int
    name: str = ""
    type: str = ""
    state: str = ""
    created_at: datetime | None = None

    @property
    def is_run(self) -> bool:
        return self.key.startswith("run:")

    @property
    def path(self) -> str:
        """`entity/project/run` or `entity/project/collection:v3`; segments are not told apart."""
        return self.key.partition(":")[2].partition("#")[0]


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
        return [_node(key, hop, self.facts.get(key)) for hop, key in self._keys()]

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
        lines.append(f"{_runs_and_versions(self.n_runs, self.n_versions)}{self._rest()}")
        return "\n".join(lines)

    def _rest(self) -> str:
        hidden = f", {self.n_hidden} that you may not see" if self.n_hidden else ""
        return hidden + ("" if self.complete else "; there is more than was asked for")


def _node(key: str, hop: int, told: Any) -> TraceNode:
    if told is None:
        return TraceNode(key, hop)
    at = read_time(told["created_at"])
    return TraceNode(key, hop, told["name"], told["type"], told["state"], at)


@dataclass(frozen=True, slots=True)
class Impact:
    """What was made from an artifact or run: each run and version once, nearest first."""

    start: str
    rows: tuple[TraceNode, ...]
    n_runs: int
    n_versions: int
    n_hidden: int
    complete: bool

    @classmethod
    def of(cls, trace: Trace) -> Impact:
        """The impact that a downstream trace shows."""
        first: dict[str, TraceNode] = {}
        for node in trace.nodes:
            first.setdefault(node.path, node)
        rows = tuple(first.values())
        start = ", ".join(trace.starts)
        return cls(start, rows, trace.n_runs, trace.n_versions, trace.n_hidden, trace.complete)

    def to_csv(self, path: str | Path) -> Path:
        """Write a table with one row for each; returns its path."""
        path = Path(path)
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["hop", "kind", "path", "name", "type", "state", "created_at"])
            for row in self.rows:
                kind = "run" if row.is_run else "artifact"
                at = row.created_at.isoformat() if row.created_at else ""
                table.writerow([row.hop, kind, row.path, row.name, row.type, row.state, at])
        return path

    def __str__(self) -> str:
        lines = [f"{self.start} reaches {_runs_and_versions(self.n_runs, self.n_versions)}"]
        lines += [f"  {row.hop:>3}  {row.path}  {row.type}  {row.state}" for row in self.rows]
        if self.n_hidden:
            lines.append(f"  and {self.n_hidden} that you may not see")
        return "\n".join(lines)


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
        """Every run and version made from it, as a table."""
        return Impact.of(self.downstream())


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a deletion did."""

    versions: tuple[str, ...]
    runs: tuple[str, ...]
    bytes_freed: int
    n_blobs: int
    n_pages: int
    plan: str | None
    deleted_at: datetime | None
    deleted_by: str

    @classmethod
    def read(cls, told: Any) -> Receipt:
        return cls(
            versions=tuple(told["versions"]),
            runs=tuple(told["runs"]),
            bytes_freed=told["bytes_freed"],
            n_blobs=told["n_blobs"],
            n_pages=told["n_pages"],
            plan=told["plan"],
            deleted_at=read_time(told["deleted_at"]),
            deleted_by=told["deleted_by"],
        )

    def __str__(self) -> str:
        what = f"deleted {_runs_and_versions(len(self.runs), len(self.versions))}"
        return f"{what}, freed {format_bytes(self.bytes_freed)} in {counted(self.n_blobs, 'blob')}"


@dataclass(frozen=True, slots=True)
class DeletionPlan:
    """What a deletion would break and free, and the means to do exactly that.

    `holders` are survivors that keep shared bytes, `consumers` the runs that used what goes, and
    `downstream` everything made from it. `told` is the whole plan as the server gave it.
    """

    digest: str
    expires_at: datetime | None
    versions: tuple[str, ...]
    runs: tuple[str, ...]
    aliases: tuple[str, ...]
    n_blobs: int
    freed_bytes: int
    shared_bytes: int
    consumers: tuple[str, ...]
    blockers: tuple[Mapping[str, str], ...]
    holders: tuple[Mapping[str, Any], ...]
    downstream: Mapping[str, Any]
    told: Mapping[str, Any] = field(repr=False)
    _http: Http = field(repr=False, compare=False)

    def execute(self) -> Receipt:
        """Do just that.

        Raises:
            PlanChanged: something of it has changed since (`difference`); nothing was deleted.
            Blocked: there are `blockers`.
        """
        # Not repeated when the answer is lost: the second time nothing would be left to delete.
        path = f"/deletion-plans/{self.digest}/execute"
        return Receipt.read(self._http.post(path, repeatable=False, timeout_s=3600.0))

    def __str__(self) -> str:
        lines = [f"Deleting {_runs_and_versions(len(self.runs), len(self.versions))}:"]
        lines += [f"  {name.partition(':')[2]}" for name in (*self.versions, *self.runs)]
        if self.aliases:
            lines.append(f"Aliases that go: {', '.join(self.aliases)}")
        lines.append(f"Frees {format_bytes(self.freed_bytes)} in {counted(self.n_blobs, 'blob')}")
        if self.shared_bytes:
            lines.append(f"Keeps {format_bytes(self.shared_bytes)} that others contain too:")
            lines += [f"  {h['key']}: {format_bytes(h['size_bytes'])}" for h in self.holders]
        if self.consumers:
            used = ", ".join(key.partition(":")[2] for key in self.consumers)
            lines.append(f"Used by {used}")
        runs, versions = self.downstream["n_runs"], self.downstream["n_versions"]
        lines.append(f"Downstream: {_runs_and_versions(runs, versions)}")
        lines += [f"Blocked by {b['kind']} {b['name']}: {_clearing(b)}" for b in self.blockers]
        return "\n".join(lines)


def ask_plan(http: Http, request: Mapping[str, Any]) -> DeletionPlan:
    """Args: `request`, the body of `POST /deletion-plans`."""
    if not any(request.get(name) for name in ("versions", "runs", "collection")):
        raise Invalid("versions", "nothing is named that should be deleted")
    told = http.post("/deletion-plans", request, timeout_s=600.0)
    return DeletionPlan(
        digest=told["digest"],
        expires_at=read_time(told["expires_at"]),
        versions=tuple(told["versions"]),
        runs=tuple(told["runs"]),
        aliases=tuple(told["aliases"]),
        n_blobs=told["n_blobs"],
        freed_bytes=told["freed_bytes"],
        shared_bytes=told["shared_bytes"],
        consumers=tuple(told["consumers"]),
        blockers=tuple(told["blockers"]),
        holders=tuple(told["holders"]),
        downstream=told["downstream"],
        told=told,
        _http=http,
    )


def _runs_and_versions(n_runs: int, n_versions: int) -> str:
    return f"{counted(n_runs, 'run')} and {counted(n_versions, 'version')}"


def _clearing(blocker: Mapping[str, str]) -> str:
    """How to clear a blocker; one that runs may have crashed."""
    if blocker["kind"] == "running":
        finish = f"lineage runs finish {blocker['name'].removeprefix('run:')}"
        return f"`{finish}`, or wait: a run that is silent for 5 minutes counts as crashed"
    return blocker["how_to_clear"]
