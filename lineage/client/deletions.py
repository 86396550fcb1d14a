"""Deletion: what it would do, doing just that, and the receipts of what was done."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from lineage.client.answers import check_selection
from lineage.client.http import Http
from lineage.client.progress import Progress
from lineage.client.wire import read_time
from lineage.client.words import clearing, counted, format_bytes, runs_and_versions
from lineage.values import dumps, loads

__all__ = ["DeletionPlan", "Receipt", "ask_plan", "begin_plan", "follow", "kept_files"]

_SLOW_S: Final = 3600.0  # what may take as long as there is much to do
_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a deletion did.

    Its versions have been unreadable since `deleted_at`; the figures are final once `state` is no
    longer `running`, but `finished`. `told` is the whole receipt as the server gave it.
    """

    id: str
    state: str
    versions: tuple[str, ...]
    runs: tuple[str, ...]
    bytes_freed: int
    n_blobs: int
    n_pages: int
    plan: str | None
    deleted_at: datetime | None
    deleted_by: str
    finished_at: datetime | None
    told: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, told: Any) -> Receipt:
        return cls(
            id=told["id"],
            state=told["state"],
            versions=tuple(told["versions"]),
            runs=tuple(told["runs"]),
            bytes_freed=told["bytes_freed"],
            n_blobs=told["n_blobs"],
            n_pages=told["n_pages"],
            plan=told["plan"],
            deleted_at=read_time(told["deleted_at"]),
            deleted_by=told["deleted_by"],
            finished_at=read_time(told["finished_at"]),
            told=told,
        )

    def to_json(self, path: str | Path) -> Path:
        """Write it as the server told it; returns its path."""
        path = Path(path)
        path.write_bytes(dumps(self.told) + b"\n")
        return path

    def __str__(self) -> str:
        doing, freed = "deleted", "freed"
        if self.state != "finished":
            doing, freed = "deleting", "so far freed"
        what = runs_and_versions(len(self.runs), len(self.versions))
        blobs = counted(self.n_blobs, "blob")
        return f"{doing} {what}, {freed} {format_bytes(self.bytes_freed)} in {blobs}"


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
    joint_bytes: int  # of these, what no version of the set would free alone
    shared_bytes: int
    consumers: tuple[str, ...]
    blockers: tuple[Mapping[str, str], ...]
    holders: tuple[Mapping[str, Any], ...]
    downstream: Mapping[str, Any]
    told: Mapping[str, Any] = field(repr=False)
    _http: Http = field(repr=False, compare=False)

    def kept_files(self) -> Iterator[Mapping[str, Any]]:
        """Every file that stays because it is shared: `version`, `path`, `size_bytes`, and the
        `holder`, one who contains it and stays."""
        yield from kept_files(self._http, self.digest)

    def execute(self) -> Receipt:
        """Do just that, and return when the last byte is gone; done before, the receipt of then.

        Whatever goes is unreadable at once, and if this process ends the server still finishes.

        Raises:
            PlanChanged: something of it has changed since (`difference`); nothing was deleted.
            Blocked: there are `blockers`.
        """
        return Receipt.read(follow(self._http, begin_plan(self._http, self.digest)))

    def __str__(self) -> str:
        lines = [f"Deleting {runs_and_versions(len(self.runs), len(self.versions))}:"]
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
        lines.append(f"Downstream: {runs_and_versions(runs, versions)}")
        lines += [f"Blocked by {b['kind']} {b['name']}: {clearing(b)}" for b in self.blockers]
        return "\n".join(lines)


def ask_plan(http: Http, request: Mapping[str, Any]) -> DeletionPlan:
    """Args: `request`, the body of `POST /deletion-plans`."""
    check_selection(request)
    told = http.post("/deletion-plans", request, timeout_s=600.0)
    return DeletionPlan(
        digest=told["digest"],
        expires_at=read_time(told["expires_at"]),
        versions=tuple(told["versions"]),
        runs=tuple(told["runs"]),
        aliases=tuple(told["aliases"]),
        n_blobs=told["n_blobs"],
        freed_bytes=told["freed_bytes"],
        joint_bytes=told["joint_bytes"],
        shared_bytes=told["shared_bytes"],
        consumers=tuple(told["consumers"]),
        blockers=tuple(told["blockers"]),
        holders=tuple(told["holders"]),
        downstream=told["downstream"],
        told=told,
        _http=http,
    )


def kept_files(http: Http, digest: str) -> Iterator[Any]:
    """The lines of `GET /deletion-plans/{digest}/kept`, as they come."""
    with http.stream("GET", f"/deletion-plans/{digest}/kept", timeout_s=_SLOW_S) as response:
        yield from map(loads, filter(None, response.iter_lines()))


def begin_plan(http: Http, digest: str) -> Any:
    """The receipt, which `follow` waits for. Repeated when an answer is lost: a plan is done once,
    and then answers the receipt of then."""
    return http.post(f"/deletion-plans/{digest}/execute", timeout_s=_SLOW_S)


def follow(http: Http, told: Any) -> Any:
    """The receipt once it is finished; until then, on a terminal, a bar shows how far it is."""
    if told["state"] == "finished":
        return told
    with Progress("deleting", len(told["versions"]), noun="versions") as progress:
        n_seen, wait_s = 0, _FIRST_WAIT_S
        while told["state"] != "finished":
            progress.advance(told["n_done"] - n_seen)
            n_seen = told["n_done"]
            time.sleep(wait_s)
            wait_s = min(wait_s * 1.5, _LONGEST_WAIT_S)
            told = http.get(f"/deletions/{told['id']}")
    return told
