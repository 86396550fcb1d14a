"""Storing through a server on this machine, beside peers and the limit."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from bench import data, ours
from bench.peers import run_peer
from bench.server import Server

PEERS = ("wandb_offline", "dvc_add", "mlflow_log")
_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Stored:
    """Seconds of one workload for each tool; None where it gave no figure."""

    workload: str
    ours: float
    peers: dict[str, float | None]
    limit: float | None = None
    client_growth_bytes: int = 0
    server_growth_bytes: int = 0
    new_pages: int | None = None
    new_blobs: int | None = None


def measure(name: str, scratch: Path, peers: Path | None, *, times: int = 3) -> list[Stored]:
    """The workload and, but for `small`, the same again unchanged; each the fastest of several.

    Every tool's run begins with the data in the page cache and an idle disk.
    """
    folder = data.make(name, scratch)
    workloads = [name] if name == "small" else [name, f"{name}-again"]
    figures: dict[str, list[dict[str, Any]]] = {workload: [] for workload in workloads}
    for _ in range(times):
        for workload, figure in _ours(name, folder, scratch, workloads):
            figures[workload].append(figure)
    theirs = {workload: dict[str, float | None]() for workload in workloads}
    limit = None
    if peers is not None:
        for peer in PEERS:
            for workload in workloads:
                theirs[workload][peer] = _peer(peer, workload, folder, scratch, peers)
        if name == "file2g":
            limit = _peer("hash_and_copy", name, folder, scratch, peers)
    return [
        Stored(
            workload,
            ours=min(figure["seconds"] for figure in figures[workload]),
            peers=theirs[workload],
            limit=limit if workload == name else None,
            client_growth_bytes=max(f["growth_bytes"] for f in figures[workload]),
            server_growth_bytes=max(f["server_growth_bytes"] for f in figures[workload]),
        )
        for workload in workloads
    ]


def _peer(peer: str, workload: str, folder: Path, scratch: Path, python: Path) -> float | None:
    place = scratch / "peers"
    place.mkdir(exist_ok=True)
    answer = run_peer(peer, workload, str(folder), str(place), python=python, timeout_s=600)
    seconds = answer["seconds"]
    return float(seconds) if seconds is not None else None


def _ours(
    name: str, folder: Path, scratch: Path, workloads: list[str]
) -> list[tuple[str, dict[str, Any]]]:
    place = _fresh(scratch)
    results = []
    with Server(place) as server:
        for workload in workloads:
            before = server.resident_bytes()
            data.settle(folder)
            figure = run_client(name, folder, server, place)
            figure["server_growth_bytes"] = server.peak_bytes() - before
            results.append((workload, figure))
    return results


def _fresh(scratch: Path) -> Path:
    """A new folder; old ones stay to the end: file creation is slow after many deletions."""
    return Path(tempfile.mkdtemp(prefix="ours-", dir=scratch))


def run_client(name: str, folder: Path, server: Server, place: Path) -> dict[str, Any]:
    """Log the folder from a client process with a cache of its own; what it printed."""
    settings = {
        "LINEAGE_URL": server.url,
        "LINEAGE_API_KEY": server.key,
        "LINEAGE_CACHE_DIR": str(place / "cache"),
    }
    ours_only = {k: v for k, v in os.environ.items() if not k.startswith("LINEAGE_")}
    done = subprocess.run(
        [sys.executable, "-m", "bench.ours", name, str(folder)],
        env=ours_only | settings,
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def measure_edit(scratch: Path, graph_url: str | None = None, suffix: str = "") -> list[Stored]:
    """A version of 100,000 files, then one in which 10 changed: seconds, new pages, new blobs."""
    folder = data.make("files100k", scratch)
    place = _fresh(scratch)
    with Server(place, graph_url) as server:
        data.settle(folder)
        first = run_client("files100k", folder, server, place)
        before = _counts(server)
        ours.edit(folder)
        data.settle(folder)
        second = run_client("files100k", folder, server, place)
        after = _counts(server)
    shutil.rmtree(folder)  # no longer what its name says
    return [
        Stored(f"files100k{suffix}", first["seconds"], {}),
        Stored(
            f"files100k{suffix}, 10 edited",
            second["seconds"],
            {},
            new_pages=after["pages"] - before["pages"],
            new_blobs=after["blobs"] - before["blobs"] - 1,  # the run's small first artifact
        ),
    ]


def _counts(server: Server) -> dict[str, int]:
    """Pages of the newest version and blobs of the store, as the server tells them."""
    base = f"{server.url}/api/v1/projects/local/bench"
    with httpx2.Client(headers=server.headers, timeout=60) as http:
        blobs = http.get(f"{base}/bytes").raise_for_status().json()["n_blobs"]
        manifests = set[str]()
        listed = http.get(f"{base}/collections/files100k/versions").raise_for_status().json()
        for version in listed["items"]:
            url = f"{base}/collections/files100k/versions/v{version['index']}/manifest"
            manifests |= _pages(http.get(url).raise_for_status().content)
    return {"blobs": blobs, "pages": len(manifests)}


def _pages(body: bytes) -> set[str]:
    from lineage.digest import Digest
    from lineage.manifest import cut, parse_entries

    return {str(Digest.of(page)) for page in cut(parse_entries(body))}
