"""The table of a run: seconds, ratios, and whether each bound is met."""

from collections.abc import Sequence

from bench.closures import Closure
from bench.deleting import BucketUpload, PlannedSet, SharedDeletion
from bench.engine_verbs import Rate
from bench.stores import BestRun, Recording, StoreClosure
from bench.storing import Stored

_MIB = 2**20
_BFS_BOUNDS = {"G1": 8.0, "G4": 12.0}
_SECONDS_BOUNDS = {"G2": 1.0, "D60": 1.0}


class Report:
    """Collects results; `text` is Markdown."""

    def __init__(self, machine: str) -> None:
        self._machine = machine
        self._closures: list[Closure] = []
        self._rates: list[Rate] = []
        self._stored: list[Stored] = []
        self._recordings: list[Recording] = []
        self._best_runs: list[BestRun] = []
        self._store_closures: list[StoreClosure] = []
        self._shared_deletions: list[SharedDeletion] = []
        self._planned_sets: list[PlannedSet] = []
        self._bucket_uploads: list[BucketUpload] = []

    def add_closure(self, closure: Closure) -> None:
        self._closures.append(closure)

    def add_rate(self, rate: Rate) -> None:
        self._rates.append(rate)

    def add_stored(self, stored: Sequence[Stored]) -> None:
        self._stored += stored

    def add_recording(self, recording: Recording) -> None:
        self._recordings.append(recording)

    def add_best_run(self, best: BestRun) -> None:
        self._best_runs.append(best)

    def add_store_closure(self, closure: StoreClosure) -> None:
        self._store_closures.append(closure)

    def add_shared_deletion(self, deletion: SharedDeletion) -> None:
        self._shared_deletions.append(deletion)

    def add_planned_set(self, planned: PlannedSet) -> None:
        self._planned_sets.append(planned)

    def add_bucket_upload(self, upload: BucketUpload) -> None:
        self._bucket_uploads.append(upload)

    def text(self) -> str:
        parts = ["# Performance", _ABOUT, f"Measured on: {self._machine}."]
        if self._closures:
            parts += ["## Closures", _CLOSURES, self._closure_table()]
        if self._rates:
            parts += ["## Engine verbs", *map(_rate_line, self._rates)]
        if self._stored:
            parts += ["## Storing", _STORING, self._stored_table()]
        if self._store_closures or self._recordings or self._best_runs:
            parts += ["## Neo4j beside SQLite", _STORES, *self._store_tables()]
        if self._shared_deletions or self._planned_sets or self._bucket_uploads:
            parts += ["## Deleting, and a bucket", _DELETING, *self._deleting_tables()]
        bounds = self._bounds()
        if bounds:
            table = _table(["what", "asked", "measured", "met"], bounds)
            parts += ["## Bounds", table]
        return "\n\n".join(parts) + "\n"

    def _closure_table(self) -> str:
        head = ["graph", "nodes", "BFS", "engine", "x BFS", "REST", "x engine", "networkx"]
        head += ["ml-metadata", "ml-metadata, quickest", "÷ engine"]
        return _table(head, [_closure_row(closure) for closure in self._closures])

    def _stored_table(self) -> str:
        head = ["workload", "ours", "wandb offline", "dvc", "mlflow", "limit"]
        head += ["client grew, MiB", "server grew, MiB"]
        rows = []
        for stored in self._stored:
            peers = [stored.peers.get(p) for p in ("wandb_offline", "dvc_add", "mlflow_log")]
            rows.append(
                [
                    stored.workload,
                    _seconds(stored.ours),
                    *map(_seconds, peers),
                    _seconds(stored.limit),
                    f"{stored.client_growth_bytes / _MIB:.0f}",
                    f"{stored.server_growth_bytes / _MIB:.0f}",
                ]
            )
        return _table(head, rows)

    def _store_tables(self) -> list[str]:
        tables = []
        if self._store_closures:
            head = ["graph", "nodes", "Neo4j walks and counts", "Neo4j, engine", "x", "with edges"]
            head += ["x closure", "SQLite, engine", "with edges", "loading Neo4j"]
            tables.append(_table(head, list(map(_store_closure_row, self._store_closures))))
        if self._recordings:
            rows = [
                [r.store, str(r.n_threads), f"{r.a_second:.0f}", str(r.n_retries)]
                for r in self._recordings
            ]
            tables.append(_table(["store", "threads", "runs a second", "retries"], rows))
        if self._best_runs:
            rows = [[best.store, _seconds(best.seconds)] for best in self._best_runs]
            tables.append(_table(["store", "best of 100,000 runs"], rows))
        return tables

    def _deleting_tables(self) -> list[str]:
        tables = []
        if self._shared_deletions:
            head = ["store", "versions that share", "deletion", "plan", "execution", "impact"]
            rows = [
                [d.store, f"{d.n_versions:,}"]
                + [_seconds(s) for s in (d.deletion, d.plan, d.planned_deletion, d.impact)]
                for d in self._shared_deletions
            ]
            tables.append(_table(head, rows))
        if self._planned_sets:
            head = ["store", "plan for 10,000 versions", "then unreadable after", "all freed after"]
            rows = [
                [p.store, *map(_seconds, (p.plan, p.decision, p.end))] for p in self._planned_sets
            ]
            tables.append(_table(head, rows))
        if self._bucket_uploads:
            head = ["2 GiB into a bucket", "boto3 upload_file", "and back"]
            rows = [[_seconds(b.ours), _seconds(b.boto3), _seconds(b.download)]
                    for b in self._bucket_uploads]  # fmt: skip
            tables.append(_table(head, rows))
        return tables

    def _bounds(self) -> list[list[str]]:
        rows: list[list[str]] = []
        for closure in self._closures:
            rows += _closure_bounds(closure)
        for rate in self._rates:
            what = f"one-file versions a second, {rate.n_threads} threads"
            rows.append(_bound(what, rate.a_second, "≥", 1000, ""))
        for recording in self._recordings:
            if recording.store == "Neo4j" and recording.n_threads == 8:
                what = "runs recorded a second on Neo4j, 8 threads"
                rows.append(_bound(what, recording.a_second, "≥", 40, ""))
        for best in self._best_runs:
            what = f"best of 100,000 runs, {best.store}"
            rows.append(_bound(what, best.seconds * 1000, "<", 500, " ms"))
        for made in self._store_closures:
            rows += _store_closure_bounds(made)
        by_name = {stored.workload: stored for stored in self._stored}
        rows += _stored_bounds(by_name)
        rows += self._deleting_bounds()
        return rows

    def _deleting_bounds(self) -> list[list[str]]:
        rows = []
        for few, many in zip(
            self._shared_deletions[::2], self._shared_deletions[1::2], strict=True
        ):
            what = f"delete 1 of 1,000 that share ÷ 1 of 10, {few.store}"
            rows.append(_bound(what, many.deletion / few.deletion, "≤", 2, "x"))
        for planned in self._planned_sets:
            bound = 5 if planned.store == "SQLite" else 20
            what = f"a plan for 10,000 versions, {planned.store}"
            rows.append(_bound(what, planned.plan, "<", bound, " s"))
        for upload in self._bucket_uploads:
            percent = 100 * upload.boto3 / upload.ours
            rows.append(_bound("2 GiB into a bucket: speed of boto3", percent, "≥", 60, " %"))
        return rows


def _closure_row(closure: Closure) -> list[str]:
    slowest, quickest = _mlmd(closure)
    return [
        closure.graph,
        f"{closure.n_nodes:,}",
        _seconds(closure.bfs),
        _seconds(closure.engine),
        f"{closure.engine / closure.bfs:.1f}",
        _seconds(closure.rest),
        f"{closure.rest / closure.engine:.1f}",
        _seconds(closure.networkx),
        _seconds(slowest),
        _seconds(quickest),
        f"{quickest / closure.engine:.1f}" if quickest else "",
    ]


def _store_closure_row(made: StoreClosure) -> list[str]:
    return [
        made.graph,
        f"{made.n_nodes:,}",
        _seconds(made.traversal),
        _seconds(made.neo4j),
        f"{made.neo4j / made.traversal:.1f}",
        _seconds(made.neo4j_with_edges),
        f"{made.neo4j_with_edges / made.neo4j:.1f}",
        _seconds(made.sqlite),
        _seconds(made.sqlite_with_edges),
        _seconds(made.load),
    ]


def _store_closure_bounds(made: StoreClosure) -> list[list[str]]:
    rows = []
    if made.graph in ("G1", "G2", "G4"):
        what = f"{made.graph} on Neo4j, engine ÷ walking and counting"
        rows.append(_bound(what, made.neo4j / made.traversal, "≤", 5, "x"))
    if made.graph == "G4":
        what = "G4 on Neo4j, with edges ÷ without"
        rows.append(_bound(what, made.neo4j_with_edges / made.neo4j, "≤", 4, "x"))
    return rows


def _mlmd(closure: Closure) -> tuple[float | None, float | None]:
    """ml-metadata's own question, and the quickest of all ways to ask it."""
    told = closure.mlmd
    seconds = told.get("seconds")
    ways = [told.get("walk_seconds")]
    if told.get("subgraph_reached") == told.get("reached"):
        ways.append(told.get("subgraph_events_seconds"))
    every = [float(value) for value in [seconds, *ways] if value is not None]
    return (float(seconds) if seconds else None, min(every) if every else None)


def _closure_bounds(closure: Closure) -> list[list[str]]:
    rows = []
    name = closure.graph
    if name in _BFS_BOUNDS:
        ratio = closure.engine / closure.bfs
        rows.append(_bound(f"{name}, engine ÷ BFS", ratio, "≤", _BFS_BOUNDS[name], "x"))
        rest = closure.rest / closure.engine
        rows.append(_bound(f"{name}, REST ÷ engine", rest, "≤", 3, "x"))
    if name in _SECONDS_BOUNDS:
        rows.append(_bound(f"{name}, engine", closure.engine, "≤", _SECONDS_BOUNDS[name], " s"))
    slowest, quickest = _mlmd(closure)
    if name == "G1" and slowest and quickest:
        rows.append(_bound("G1, ml-metadata ÷ engine", slowest / closure.engine, "≥", 5, "x"))
        what = "G1, quickest way through ml-metadata ÷ engine"
        rows.append(_bound(what, quickest / closure.engine, "≥", 5, "x"))
    return rows


def _stored_bounds(by_name: dict[str, Stored]) -> list[list[str]]:
    rows: list[list[str]] = []
    many, large = by_name.get("files10k"), by_name.get("file2g")
    for peer, least in (("wandb_offline", 2.0), ("dvc_add", 3.0)):
        seconds = many.peers.get(peer) if many else None
        if many and seconds:
            rows.append(
                _bound(f"10,000 files: {peer} ÷ ours", seconds / many.ours, "≥", least, "x")
            )
    if large and large.limit:
        percent = 100 * large.limit / large.ours
        rows.append(_bound("2 GiB: speed of hash and copy", percent, "≥", 30, " %"))
        for who in ("client", "server"):
            grown = getattr(large, f"{who}_growth_bytes") / _MIB
            rows.append(_bound(f"2 GiB: {who} grew", grown, "≤", 128, " MiB"))
    for name, first in list(by_name.items()):
        again = by_name.get(f"{name}-again")
        if again:
            what = f"{name}: first ÷ again, unchanged"
            rows.append(_bound(what, first.ours / again.ours, "≥", 10, "x"))
    for where in ("", " on Neo4j"):
        whole = by_name.get(f"files100k{where}")
        edited = by_name.get(f"files100k{where}, 10 edited")
        if whole and edited:
            what = f"100,000 files{where}"
            ratio = whole.ours / edited.ours
            rows.append(_bound(f"{what}: first ÷ 10 edited", ratio, "≥", 10, "x"))
            n_pages, n_blobs = edited.new_pages or 0, edited.new_blobs or 0
            rows.append(_bound(f"{what}, 10 edited: new pages", n_pages, "<", 20, ""))
            rows.append(_bound(f"{what}, 10 edited: uploads", n_blobs, "≤", 10, ""))
    return rows


def _bound(what: str, value: float, sign: str, bound: float, unit: str) -> list[str]:
    met = {"≤": value <= bound, "<": value < bound, "≥": value >= bound}[sign]
    return [what, f"{sign} {bound:g}{unit}", f"{value:,.4g}{unit}", "yes" if met else "**no**"]


def _rate_line(rate: Rate) -> str:
    return (
        f"Logging a one-file version whose blob is there already, from {rate.n_threads} threads: "
        f"{rate.a_second:,.0f} a second, each durable when it returns. The disk flushes "
        f"{rate.flushes_a_second:,.0f} small appends a second, one after the other."
    )


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value * 1000:.2g} ms" if value < 0.0995 else f"{value:.3g} s"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


_ABOUT = """What `make bench` measures, in one run on one machine, always beside something else:
a peer installed from PyPI, or a limit. Compare ratios; the seconds are those of a small shared
machine."""

_CLOSURES = """Everything downstream of the graph's busiest version, with hops, keys sorted
within a hop; the answer is compared with the reference before the clock starts. BFS is
`hops_from` in `bench/graphs.py`, numpy in memory, which builds its index each time. networkx
has the graph in memory already. ml-metadata (SQLite) is asked for its lineage subgraph; it
stops at 100 hops, and where that cuts the answer short the figure is a walk over its events.
The quickest way through it gives names without hops or ids without names."""

_STORES = """A Neo4j Community with a heap of 4 GiB and a page cache of 2 GiB, beside SQLite, on
the same machine, through the same engine. "Walks and counts" is the same traversal in Neo4j whose
answer is two numbers: what the engine's figure has on top is packing, transfer, sorting by hop and
key, and keys as values. One recorded run is seven transactions: it starts, uses two versions, logs
three new ones of one file whose bytes are there already, and finishes. A run in the sweep has ten
numbers in its summary; the key asked for is not the sweep's own."""

_DELETING = """First table: versions with 100,000 files in common, of 1 byte and in the graph
alone, and one file of their own; one of them is deleted, planned, deleted by that plan; `impact`
asks what depends on it. Second table: 10,000 versions of three files, one of its own, one shared
with a neighbour, one with all, planned as one set; the plan's bytes are compared with what was
loaded, and with what the deletion freed. Third: a file of 2 GiB through `log_artifact`, hashed
first, in parts straight to versitygw on this machine, beside boto3's `upload_file` with SHA-256 and
as many threads; the faster of two each, in turn."""

_STORING = """Seconds from the call to the end; the fastest of three for ours and the limit, one
for each peer. Ours goes through a server process over HTTP, verifies every digest on the
server, and returns when bytes and graph are flushed to disk. No peer flushes what it stores;
wandb offline, DVC and MLflow here copy files locally, without a server. The limit for 2 GiB is
SHA-256 with hashlib and then a copy with fsync, one after the other. `small` is one version of
one file of 1 KiB."""
