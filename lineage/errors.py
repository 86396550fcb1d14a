"""Every error the product raises, on the server and in the client alike.

    LineageError
    ├── NotFound               no such thing, or none that this caller may see
    ├── AlreadyExists          the name is taken
    ├── Gone                   it was here and has been deleted
    ├── Conflict               what was read is out of date: read again
    │   ├── CycleError         the edge would close a cycle; carries the path
    │   ├── PlanChanged        a deletion plan no longer holds; carries the difference
    │   ├── Blocked            a deletion is refused; carries the blockers
    │   └── PreconditionFailed If-Match names another revision
    ├── Denied                 readable, but not writable
    ├── Unauthenticated        no key, or a wrong one
    ├── Invalid                the caller's data; carries field and reason
    │   └── TooLarge           more than the limit
    ├── Corrupt                bytes do not match their digest
    └── Unavailable            a store cannot be reached or is full; safe to retry
        └── TimedOut           no answer in time; not retried blindly

A class says what the caller can do about it. `code` is stable and travels over HTTP; facts are
attributes and travel beside it, so that the client raises the same error as the server.
"""

from __future__ import annotations

from typing import Any, ClassVar

__all__ = [
    "AlreadyExists",
    "Blocked",
    "Conflict",
    "Corrupt",
    "CycleError",
    "Denied",
    "Gone",
    "Invalid",
    "LineageError",
    "NotFound",
    "PlanChanged",
    "PreconditionFailed",
    "TimedOut",
    "TooLarge",
    "Unauthenticated",
    "Unavailable",
    "from_code",
]


class LineageError(Exception):
    """The root: catch it to catch everything the product raises.

    `facts` are JSON values named by keyword at construction; each reads as an attribute too.
    """

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["facts"][name]
        except KeyError:
            raise AttributeError(name) from None

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.facts)


class NotFound(LineageError):
    code = "not_found"


class AlreadyExists(LineageError):
    code = "already_exists"


class Gone(LineageError):
    code = "gone"


class Conflict(LineageError):
    code = "conflict"


class CycleError(Conflict):
    """Facts: `path`, the keys from the edge's head back to its tail."""

    code = "cycle"


class PlanChanged(Conflict):
    """Facts: `difference`, what the plan said and what holds now, by field."""

    code = "plan_changed"


class Blocked(Conflict):
    """Facts: `blockers`, each with `kind`, `name` and `how_to_clear`."""

    code = "blocked"


class PreconditionFailed(Conflict):
    code = "precondition_failed"


class Denied(LineageError):
    code = "denied"


class Unauthenticated(LineageError):
    code = "unauthenticated"


class Invalid(LineageError):
    """Facts: `field`, where the fault lies, and `reason`, what is wrong with it."""

    code = "invalid"

    def __init__(self, field: str, reason: str, **facts: Any) -> None:
        # `message` arrives when an error is rebuilt from what travelled over HTTP.
        message = facts.pop("message", None) or f"{field}: {reason}"
        super().__init__(message, field=field, reason=reason, **facts)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.facts)


class TooLarge(Invalid):
    code = "too_large"


class Corrupt(LineageError):
    code = "corrupt"


class Unavailable(LineageError):
    code = "unavailable"
    retryable = True


class TimedOut(Unavailable):
    code = "timed_out"
    retryable = False


def _classes(root: type[LineageError]) -> dict[str, type[LineageError]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found |= _classes(child)
    return found


def _rebuild(cls: type[LineageError], message: str, facts: dict[str, Any]) -> LineageError:
    if issubclass(cls, Invalid):
        return cls(**{"field": "request", "reason": message, **facts, "message": message})
    return cls(message, **facts)


def from_code(code: str, message: str, **facts: Any) -> LineageError:
    """The error that `code` names, as the other side of an HTTP call raised it.

    An unknown code gives a plain LineageError, so that an old client meets a new server.
    """
    return _rebuild(_classes(LineageError).get(code, LineageError), message, facts)
