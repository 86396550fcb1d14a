"""A fixed story over the engine: what clients ask one after another, and again if cut short.

Each verb is asked as a client asks it. With `Teller.is_retry` its answer was lost: it is asked
again with the same draft id, and if the engine says that this has been done or is out of date, it
looks where things stand and goes on, as the client does. `STORY` runs to the same end either way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from lineage.digest import Digest
from lineage.engine import DeletionRequest, Hold, RunStart, VersionPatch
from lineage.errors import (
    AlreadyExists,
    Blocked,
    Conflict,
    Corrupt,
    CycleError,
    NotFound,
)
from lineage.names import RunKey, VersionKey
from tests.services.story_contents import (
    AGAIN,
    COPY,
    DIGITS,
    GIVEN_UP,
    LARGE,
    LATE,
    LEFT,
    LINKED,
    LINKED_V0,
    LINKED_WEIGHTS,
    MODEL,
    MODELS,
    NEVER,
    NEXT,
    POOL_V0,
    R1,
    R2,
    R3,
    R4,
    SHARED,
    SMALL,
    SWEEP,
    THIRD,
    TOO_LATE,
    UNWANTED,
    Package,
)
from tests.services.story_links import carry_out, confirm, decide, put, put_late, put_wrong
from tests.services.teller import ADMIN, Answer, Teller

__all__ = ["STORY", "Verb"]


@dataclass(frozen=True, slots=True)
class Verb:
    """`do` gives a JSON answer; what lies under `uploads` differs from one telling to another."""

    name: str
    at: timedelta  # since the story began
    do: Callable[[Teller], Answer]


# Runs


def _start(key: RunKey) -> Callable[[Teller], Answer]:
    def do(teller: Teller) -> Answer:
        try:
            run, _ = teller.engine.runs.start(ADMIN, RunStart(key))
        except teller.again(AlreadyExists):
            run = teller.engine.runs.get(ADMIN, key)
        return {"run": run.key, "state": run.state}

    return do


def _finish(key: RunKey) -> Callable[[Teller], Answer]:
    return lambda teller: {"state": teller.engine.runs.finish(ADMIN, key).state}


def _use(key: RunKey, version: VersionKey, *, declared: bool = False) -> Callable[[Teller], Answer]:
    def do(teller: Teller) -> Answer:
        found = teller.engine.runs.use(ADMIN, key, version, declared=declared)
        return {"version": found.key}

    return do


def _declare_logged(key: RunKey, version: VersionKey) -> Callable[[Teller], Answer]:
    return lambda teller: {"made": teller.engine.runs.declare_logged(ADMIN, key, version)}


def _search(teller: Teller) -> Answer:
    config = {"method": "grid", "parameters": {"lr": {"values": [1, 2, 3]}}}
    return {"sweep": teller.engine.sweeps.create(ADMIN, SWEEP, config).key}


def _next_run(teller: Teller) -> Answer:
    run = teller.engine.sweeps.next_run(ADMIN, SWEEP, R4)
    assert run is not None
    return {"run": run.key, "point": run.point}


# Drafts


def _told(package: Package, holds: Sequence[Hold]) -> dict[str, Any]:
    return {
        "draft": package.id,
        "held": sorted(hold.digest for hold in holds if hold.upload is None),
        "wanted": sorted(hold.digest for hold in holds if hold.upload is not None),
        "uploads": {h.digest: h.upload.object for h in holds if h.upload is not None},
    }


def _begin(package: Package, *, inline: bool = True) -> Callable[[Teller], Answer]:
    def do(teller: Teller) -> Answer:
        bodies = package.bodies if inline else []
        answer = teller.engine.drafts.begin(ADMIN, package.request, bodies=bodies)
        done = answer.committed
        if done is not None:  # what was held by the way is said only the first time
            return {"version": done.version.key, "created": done.created}
        return {**_told(package, answer.holds), "missing": list(answer.missing_pages)}

    return do


def _hold(package: Package, *more: bytes) -> Callable[[Teller], Answer]:
    blobs = sorted({(Digest.of(d), len(d)) for d in (*package.files.values(), *more)})

    def do(teller: Teller) -> Answer:
        return _told(package, teller.engine.drafts.hold(ADMIN, package.id, blobs))

    return do


def _store(package: Package, data: bytes) -> Callable[[Teller], Answer]:
    digest = Digest.of(data)
    chunks = [data[at : at + 65_536] for at in range(0, len(data), 65_536)]

    def do(teller: Teller) -> Answer:
        drafts = teller.engine.drafts
        try:
            drafts.store(ADMIN, teller.objects(package.id)[digest], chunks)
        except teller.again(Conflict, NotFound):
            # Whether it arrived is found out by asking for the hold again.
            (hold,) = drafts.hold(ADMIN, package.id, [(digest, len(data))])
            if hold.upload is not None:
                drafts.store(ADMIN, hold.upload.object, chunks)
        return {"stored": digest}

    return do


def _store_wrong(package: Package, data: bytes) -> Callable[[Teller], Answer]:
    def do(teller: Teller) -> Answer:
        name = teller.objects(package.id)[Digest.of(data)]
        try:
            teller.engine.drafts.store(ADMIN, name, [data[:-1], b"?"])
        except Corrupt:
            return {"refused": True}
        return {"refused": False}

    return do


def _store_many(package: Package, *, without: Sequence[bytes] = ()) -> Callable[[Teller], Answer]:
    data = {Digest.of(d): d for d in package.files.values() if d not in without}

    def do(teller: Teller) -> Answer:
        drafts = teller.engine.drafts
        try:
            drafts.store_many(ADMIN, package.id, list(data.items()))
        except teller.again(Conflict, NotFound):
            sizes = [(digest, len(d)) for digest, d in data.items()]
            holds = drafts.hold(ADMIN, package.id, sizes)
            left = [(hold.digest, data[hold.digest]) for hold in holds if hold.upload is not None]
            if left:
                drafts.store_many(ADMIN, package.id, left)
        return {"stored": sorted(data)}

    return do


def _add_pages(package: Package, part: slice) -> Callable[[Teller], Answer]:
    def do(teller: Teller) -> Answer:
        teller.engine.drafts.add_pages(ADMIN, package.id, package.bodies[part])
        return {"added": len(package.bodies[part])}

    return do


def _commit(package: Package) -> Callable[[Teller], Answer]:
    def do(teller: Teller) -> Answer:
        done = teller.engine.drafts.commit(ADMIN, package.id)
        return {"version": done.version.key, "created": done.created}

    return do


def _discard(package: Package) -> Callable[[Teller], Answer]:
    def do(teller: Teller) -> Answer:
        try:
            teller.engine.drafts.discard(ADMIN, package.id)
        except teller.again(NotFound):
            pass
        return {"discarded": package.id}

    return do


# Versions


def _update(key: VersionKey, patch: VersionPatch) -> Callable[[Teller], Answer]:
    def do(teller: Teller) -> Answer:
        version = teller.engine.versions.update(ADMIN, key, patch)
        return {"aliases": list(version.aliases), "tags": list(version.tags)}

    return do


def _refused(verb: Callable[[Teller], Answer], error: type[Exception]) -> Callable[..., Answer]:
    def do(teller: Teller) -> Answer:
        try:
            verb(teller)
        except error:
            return {"refused": True}
        return {"refused": False}

    return do


def _plan(request: DeletionRequest) -> Callable[[Teller], Answer]:
    def do(teller: Teller) -> Answer:
        plan = teller.engine.deletion.plan(ADMIN, request)
        facts = plan.facts
        return {
            "digest": plan.digest,
            "versions": list(plan.versions),
            "freed": [facts.n_pages, facts.n_blobs, facts.freed_bytes],
        }

    return do


def _delete(plan: str, request: DeletionRequest) -> Callable[[Teller], Answer]:
    def do(teller: Teller) -> Answer:
        planned = teller.answers[plan]
        # Begun and finished since, perhaps by others: the figures are the same.
        digest = Digest(planned["digest"])
        receipt = teller.engine.deletion.delete(ADMIN, request, plan=digest)
        freed = receipt.freed
        assert [freed.n_pages, freed.n_blobs, freed.size_bytes] == planned["freed"]
        return {"gone": planned["versions"]}

    return do


def _delete_at_once(request: DeletionRequest) -> Callable[[Teller], Answer]:
    return lambda teller: {"gone": list(teller.engine.deletion.delete(ADMIN, request).versions)}


def _reclaim(teller: Teller) -> Answer:
    teller.engine.reclaim.finish()
    return {}


_DROP_MODEL: Final = DeletionRequest(versions=(MODELS.version(0),))
_DROP_R3: Final = DeletionRequest(runs=(R3,), with_logged=True, delete_aliases=True)
_PURGE_POOL: Final = DeletionRequest(versions=(POOL_V0,), purge=True)
_PURGE_LINKED: Final = DeletionRequest(versions=(LINKED_V0,), purge=True)
_NAME_V0: Final = VersionPatch(add_aliases=("prod",), add_tags=("good",))
_NAME_V1: Final = VersionPatch(add_aliases=("prod",), drop_aliases=("best",))

_SAID: Final[Sequence[tuple[str, Callable[[Teller], Answer]]]] = (
    ("start r1", _start(R1)),
    ("begin a small version", _begin(SMALL)),
    ("store its first blob", _store(SMALL, b"one")),
    ("store its second blob", _store(SMALL, SHARED)),
    ("commit the small version", _begin(SMALL)),
    ("log the same content elsewhere", _begin(COPY)),
    ("start r2", _start(R2)),
    ("r2 uses the small version", _use(R2, DIGITS.version(0))),
    ("begin a model", _begin(MODEL, inline=False)),
    ("hold its blobs", _hold(MODEL, UNWANTED, NEVER)),
    ("store wrong bytes", _store_wrong(MODEL, LARGE)),
    ("store the large blob", _store(MODEL, LARGE)),
    ("store a blob of no page", _store(MODEL, UNWANTED)),
    ("store the small blobs", _store_many(MODEL, without=[LARGE, SHARED])),
    ("add pages", _add_pages(MODEL, slice(0, 7))),
    ("add the other pages", _add_pages(MODEL, slice(7, None))),
    ("commit the model", _commit(MODEL)),
    ("r1 uses the model", _use(R1, MODELS.version(0))),
    ("log the model again", _begin(AGAIN)),
    ("name the small version", _update(DIGITS.version(0), _NAME_V0)),
    ("begin the next version", _begin(NEXT)),
    ("store its new blob", _store(NEXT, b"two")),
    ("commit the next version", _begin(NEXT)),
    ("move an alias", _update(DIGITS.version(1), _NAME_V1)),
    ("declare that r1 made the copy", _declare_logged(R1, POOL_V0)),
    ("declare that r2 used the copy", _use(R2, POOL_V0, declared=True)),
    ("declare a cycle", _refused(_use(R1, MODELS.version(0), declared=True), CycleError)),
    ("begin what is given up", _begin(GIVEN_UP, inline=False)),
    ("hold what is given up", _hold(GIVEN_UP, NEVER)),
    ("store what is given up", _store(GIVEN_UP, b"mine alone")),
    ("add the pages that are given up", _add_pages(GIVEN_UP, slice(None))),
    ("give it up", _discard(GIVEN_UP)),
    ("begin what is left to expire", _begin(LEFT, inline=False)),
    ("hold what is left to expire", _hold(LEFT, NEVER)),
    ("store what is left to expire", _store_many(LEFT, without=[LARGE])),
    ("add the pages that are left to expire", _add_pages(LEFT, slice(0, 17))),
    ("plan to delete the model", _plan(_DROP_MODEL)),
    ("delete the model", _delete("plan to delete the model", _DROP_MODEL)),
    (
        "delete what an alias blocks",
        _refused(_delete_at_once(DeletionRequest(versions=(DIGITS.version(1),))), Blocked),
    ),
    ("start r3", _start(R3)),
    ("begin the third version", _begin(THIRD)),
    ("store its only new blob", _store(THIRD, b"three")),
    ("commit the third version", _begin(THIRD)),
    ("finish r3", _finish(R3)),
    ("plan to delete r3", _plan(_DROP_R3)),
    ("delete r3 with what it logged", _delete("plan to delete r3", _DROP_R3)),
    ("plan to purge the copy", _plan(_PURGE_POOL)),
    ("purge the copy", _delete("plan to purge the copy", _PURGE_POOL)),
    ("begin what goes by links", _begin(LINKED)),
    ("put wrong bytes by a link", put_wrong(LINKED, LINKED_WEIGHTS)),
    ("put the weights by a link", put(LINKED, LINKED_WEIGHTS)),
    ("say that they are there", confirm(LINKED, LINKED_WEIGHTS)),
    ("store the files beside them", _store_many(LINKED, without=[LINKED_WEIGHTS, SHARED])),
    ("commit what went by links", _begin(LINKED)),
    ("plan to purge it", _plan(_PURGE_LINKED)),
    ("decide to purge it", decide("plan to purge it")),
    ("carry it out", carry_out("decide to purge it", "plan to purge it")),
    ("begin what comes too late", _begin(TOO_LATE)),
    ("give it up as well", _discard(TOO_LATE)),
    ("put it too late", put_late(TOO_LATE, b"too late")),
    ("create a sweep", _search),
    ("take a point of the sweep", _next_run),
    ("a day passes", _reclaim),
    ("begin the deleted model afresh", _begin(LATE)),
    ("store it afresh", _store_many(LATE, without=[SHARED])),
    ("commit it afresh", _begin(LATE)),
)


def _timed() -> tuple[Verb, ...]:
    n_today = [name for name, _ in _SAID].index("a day passes")
    return tuple(
        Verb(name, timedelta(seconds=n, hours=0 if n < n_today else 26), do)
        for n, (name, do) in enumerate(_SAID)
    )


STORY: Final = _timed()
