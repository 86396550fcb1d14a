"""A trace as a tree: every node once, as deep as the data flows, in lines of styled pieces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lineage.cli.output import Part
from lineage.client.words import counted

__all__ = ["LOST", "TraceTree", "caption"]

LOST: Final = "could not be made again"  # if the starts were deleted

_RUN: Final = ("● ", "cyan")
_VERSION: Final = ("◆ ", "magenta")
_N_GUIDES: Final = 16  # deeper lines tell their depth as a number
_N_REPEATED: Final = 3  # more repeated children than this share one line
_STATE_STYLES: Final = {"running": "yellow", "failed": "red", "crashed": "red", "deleted": "red"}


@dataclass(frozen=True, slots=True)
class TraceTree:
    """What a trace answered, turned so that `children` leads away from the start.

    `nodes` holds the state, type and name of each node; one without is hidden from this caller.
    """

    starts: tuple[str, ...]
    children: Mapping[str, Sequence[str]]
    nodes: Mapping[str, Mapping[str, Any]]
    project: str  # names within it are short
    lost: frozenset[str] = frozenset()  # keys of versions and runs that are marked

    @classmethod
    def of(
        cls,
        starts: Sequence[str],
        answer: Mapping[str, Any],
        *,
        upstream: bool,
        lost: Sequence[str] = (),
    ) -> TraceTree:
        """From the `T` of one direction in the answer to `GET /trace`, or of an impact."""
        children: dict[str, list[str]] = {}
        roots = set(starts)
        for src, dst, _ in answer["edges"]:
            parent, child = (dst, src) if upstream else (src, dst)
            if child not in roots:
                children.setdefault(parent, []).append(child)
        for found in children.values():
            found.sort()
        project = starts[0].partition(":")[2].rpartition("/")[0]
        return cls(tuple(starts), children, answer["nodes"], project, frozenset(lost))

    def lines(self) -> Iterator[list[Part]]:
        """Depth first. O(nodes + edges), however deep: nothing here recurses."""
        above = set(self.starts)
        roots: dict[str, list[str]] = {}  # the segments of a run are one
        for start in self.starts:
            roots.setdefault(start.partition("#")[0], []).append(start)
        for starts in roots.values():
            yield self._caption(starts[0])
            yield from self._below(starts, above)

    def _below(self, starts: Sequence[str], above: set[str]) -> Iterator[list[Part]]:
        joined = sorted({child for start in starts for child in self.children.get(start, ())})
        stack = [_Level(iter(joined), len(joined), "", 1)]
        while stack:
            level = stack[-1]
            child = level.next_new(above)
            if child is None:
                yield from self._repeated(level)
                stack.pop()
                continue
            above.add(child)
            is_last = level.n_left == 0 and not level.repeated
            yield [(level.prefix(is_last=is_last), "dim"), *self._caption(child)]
            below = self.children.get(child, ())
            if below:
                guides = level.guides + ("  " if is_last else "│ ")
                stack.append(
                    _Level(iter(below), len(below), guides[-2 * _N_GUIDES :], level.depth + 1)
                )

    def _repeated(self, level: _Level) -> Iterator[list[Part]]:
        keys = level.repeated
        if len(keys) > _N_REPEATED:
            n_runs = sum(_is_run(key) for key in keys)
            counts = [(n_runs, "run"), (len(keys) - n_runs, "version")]
            text = " and ".join(counted(n, what) for n, what in counts if n)
            yield [(level.prefix(is_last=True), "dim"), (f"{text} (see above)", "dim")]
            return
        for key in keys:
            prefix = level.prefix(is_last=key == keys[-1])
            yield [(prefix, "dim"), *self._caption(key), (" (see above)", "dim")]

    def _caption(self, key: str) -> list[Part]:
        parts = caption(key, self.nodes.get(key), project=self.project)
        if key.partition("#")[0] in self.lost:
            parts.append((f" ✗ {LOST}", "bold red"))
        return parts


@dataclass(slots=True)
class _Level:
    """The children of one node that are not yet told."""

    keys: Iterator[str]
    n_left: int
    guides: str
    depth: int
    repeated: list[str] = field(default_factory=list)

    def next_new(self, above: set[str]) -> str | None:
        for key in self.keys:
            self.n_left -= 1
            if key not in above:
                return key
            self.repeated.append(key)
        return None

    def prefix(self, *, is_last: bool) -> str:
        hop = f"{self.depth} … " if self.depth > _N_GUIDES else ""
        return f"{hop}{self.guides}{'└' if is_last else '├'} "


def caption(key: str, info: Mapping[str, Any] | None, *, project: str = "") -> list[Part]:
    """A node in words: `◆ digits:v3 dataset`, `● train (3f2a9c)`, what is peculiar in brackets."""
    symbol = _RUN if _is_run(key) else _VERSION
    if info is None:
        what = "run" if _is_run(key) else "version"
        return [symbol, (f"a {what} you may not see", "dim italic")]
    name, _, segment = key.partition(":")[2].removeprefix(f"{project}/").partition("#")
    style = symbol[1]
    if info["state"] == "deleted":
        style += " strike"
    parts: list[Part] = [symbol]
    if _is_run(key) and info["name"] and info["name"] != name:
        parts += [(info["name"], style), (f" ({name})", "dim")]
    else:
        parts.append((name, style))
    if segment:
        parts.append((f" #{segment}", "dim"))
    if info["type"]:
        parts.append((f" {info['type']}", "dim"))
    if info["state"] not in ("finished", "committed"):
        parts.append((f" [{info['state']}]", _STATE_STYLES.get(info["state"], "")))
    if info.get("drifted"):
        parts.append((" [drifted]", "red"))
    if info.get("below_drifted"):
        parts.append((" [made from drifted data]", "yellow"))
    return parts


def _is_run(key: str) -> bool:
    return key.removeprefix("hidden:").startswith("run:")
