"""What errors of the driver and the database mean, and which of them running again may mend."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from neo4j.exceptions import (
    AuthError,
    ConfigurationError,
    ConnectionAcquisitionTimeoutError,
    DatabaseError,
    DriverError,
    IncompleteCommit,
    Neo4jError,
    TransientError,
)

from lineage.errors import AlreadyExists, Conflict, TimedOut, Unavailable

__all__ = ["Cure", "Fault", "fault_of"]


class Cure(Enum):
    """What helps against a fault."""

    NONE = auto()
    WAIT = auto()  # others were in the way: again after a moment, for as long as there is time
    RETRY = auto()  # something has changed meanwhile, perhaps: again, and then it is told
    RECONNECT = auto()  # an old connection was dead: once again on a new one


@dataclass(frozen=True, slots=True)
class Fault:
    error: Exception
    cure: Cure = Cure.NONE


_MEMORY = (
    "this needs more memory than Neo4j gives a transaction: ask for less at once (a hop bound, a"
    " limit), or raise db.memory.transaction.max"
)


def fault_of(exc: DriverError | Neo4jError, address: str, *, is_late: bool = False) -> Fault:
    """The error that crosses the port in place of the driver's, and whether to try again first.

    Args:
        is_late: the transaction has had all its time: then that is why the database ended it.
    """
    if isinstance(exc, Neo4jError):
        return _said_by_the_database(exc, address, is_late=is_late)
    if isinstance(exc, IncompleteCommit):
        message = f"Neo4j at {address} went away during a commit: look whether it was done"
        return Fault(Unavailable(message))
    if isinstance(exc, ConnectionAcquisitionTimeoutError):
        message = f"all connections to Neo4j at {address} are busy: try again later"
        return Fault(Unavailable(message))
    if isinstance(exc, ConfigurationError):
        message = f"Neo4j at {address} cannot be used as it is told: {exc}"
        return Fault(Unavailable(message, reason="settings"))
    said = " ".join(str(exc).split())
    if "looks like HTTP" in said:
        message = f"HTTP answers at {address}: name the port where Neo4j speaks Bolt, such as 7687"
        return Fault(Unavailable(message, reason="settings"))
    message = f"Neo4j at {address} cannot be reached: start it, or look at the network ({said})"
    return Fault(Unavailable(message), Cure.RECONNECT)


def _said_by_the_database(exc: Neo4jError, address: str, *, is_late: bool) -> Fault:
    code, message = exc.code or "", exc.message or str(exc)
    kind = code.rpartition(".")[2]
    if isinstance(exc, AuthError):
        advice = "look at user and password in LINEAGE_GRAPH_URL"
        said = f"Neo4j at {address} lets nobody in so ({kind}): {advice}"
        return Fault(Unavailable(said, reason="settings"))
    if kind == "ConstraintValidationFailed":
        if "already exists" in message:
            return Fault(AlreadyExists(f"it is there already: {message}"), Cure.RETRY)
        return Fault(Conflict(f"something still needs what was to go: {message}"), Cure.RETRY)
    if kind == "EntityNotFound":
        return Fault(Conflict("what this builds on is not there any more"), Cure.RETRY)
    was_ended = kind in ("LockClientStopped", "Terminated")
    if kind.startswith("TransactionTimedOut") or (was_ended and is_late):
        return Fault(TimedOut(f"Neo4j at {address} did not answer in time: ask for less at once"))
    if kind == "MemoryPoolOutOfMemoryError":
        return Fault(Unavailable(_MEMORY))
    if kind == "LockAcquisitionTimeout":
        return Fault(Unavailable("others have held what this writes for too long: try again"))
    if was_ended:
        return Fault(Unavailable(f"Neo4j at {address} has ended this transaction: try again"))
    if kind.endswith("AlreadyExists"):
        # `IF NOT EXISTS` does not see what another process is making at this moment.
        busy = f"others are setting up Neo4j at {address} too ({kind}): try again"
        return Fault(Unavailable(busy), Cure.WAIT)
    if kind == "DatabaseUnavailable":
        return Fault(Unavailable(f"Neo4j at {address} is starting or stopping: try again later"))
    if isinstance(exc, TransientError):
        return Fault(Unavailable(f"Neo4j at {address} is busy ({kind}): try again"), Cure.WAIT)
    if code.startswith("Neo.ClientError.Statement."):
        return Fault(RuntimeError(f"a statement is wrong: {message}"))
    if isinstance(exc, DatabaseError):
        advice = "look at its log and its disk, then restart it"
        return Fault(Unavailable(f"Neo4j at {address} has failed ({kind}): {advice}. {message}"))
    return Fault(Unavailable(f"Neo4j at {address} cannot do this now ({kind}): {message}"))
