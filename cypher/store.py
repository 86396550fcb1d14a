"""The graph store of an organisation: Neo4j, and any number of processes over it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any, Final, Self, TypeVar
from urllib.parse import unquote, urlsplit

from neo4j import READ_ACCESS, WRITE_ACCESS, GraphDatabase
from neo4j.exceptions import DriverError, Neo4jError

from cypher.errors import Cure, Fault, fault_of
from cypher.schema import migrate
from cypher.statements import Statements
from cypher.transaction import CypherTransaction
from lineage.ports import Transaction

__all__ = ["SCHEMES", "Neo4jGraphStore"]

T = TypeVar("T")

SCHEMES: Final = frozenset({"bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc"})
_DATABASE: Final = "neo4j"  # Community has this one
_CONNECT_S: Final = 5.0
_PATIENCE_S: Final = 30.0  # for deadlocks, in all
_N_RETRIES: Final = 3  # where something may have changed meanwhile
_LONGEST_PAUSE_S: Final = 0.5


class Neo4jGraphStore:
    """`lineage.ports.GraphStore` in a Neo4j database.

    Nothing is asked of the database before it is needed: it may be down when this is made, and come
    and go later. Thread-safe.

    Args:
        address: such as `bolt://host:7687`.
        timeout_s: how long one transaction may take before it is TimedOut.
        on_open: called with the graph's identity before anything else is done with it.
        warns: let what the database says about a statement become a Python warning.
    """

    def __init__(
        self,
        address: str,
        *,
        user: str,
        password: str,
        timeout_s: float = 60.0,
        on_open: Callable[[str], None] | None = None,
        warns: bool = False,
    ) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._on_open = on_open
        self._identity: str | None = None
        self.n_retries = 0
        self._counting = threading.Lock()
        self._driver = GraphDatabase.driver(
            address,
            auth=(user, password),
            connection_timeout=_CONNECT_S,
            connection_acquisition_timeout=_CONNECT_S,
            max_transaction_retry_time=0,  # `_patiently` alone tries again
            max_connection_pool_size=32,
            telemetry_disabled=True,
            user_agent="lineage",
            notifications_min_severity="WARNING",
            # A fresh database has not seen the names that statements ask for.
            notifications_disabled_classifications=["UNRECOGNIZED"],
            warn_notification_severity="WARNING" if warns else "OFF",
        )

    @classmethod
    def at(cls, url: str, **others: Any) -> Self:
        """The store that `bolt://user:password@host:port` names.

        Raises:
            ValueError: it names none; the message holds no part of the URL.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or 7687
        except ValueError:
            parts, host, port = urlsplit(""), None, 0
        is_plain = parts.path in ("", "/") and not parts.query and not parts.fragment
        if parts.scheme not in SCHEMES or not (host and parts.username and is_plain):
            raise ValueError("is not bolt://user:password@host:port")
        shown = f"[{host}]" if ":" in host else host
        address = f"{parts.scheme}://{shown}:{port}"
        user, password = unquote(parts.username), unquote(parts.password or "")
        return cls(address, user=user, password=password, **others)

    @property
    def identity(self) -> str:
        if self._identity is None:
            identity = self._patiently(self._open)
            if self._on_open is not None:
                self._on_open(identity)
            self._identity = identity  # only now: what `on_open` refused, it is asked again
        return self._identity

    def _open(self) -> str | Fault:
        try:
            with self._driver.session(database=_DATABASE) as session:
                return migrate(session)
        except (DriverError, Neo4jError) as exc:
            return fault_of(exc, self._address)

    def read(self, fn: Callable[[Transaction], T]) -> T:
        assert self.identity  # noqa: S101 - opens it
        return self._patiently(lambda: self._once(fn, is_writer=False))

    def write(self, fn: Callable[[Transaction], T]) -> T:
        assert self.identity  # noqa: S101 - opens it
        return self._patiently(lambda: self._once(fn, is_writer=True))

    def _once(self, fn: Callable[[Transaction], T], *, is_writer: bool) -> T | Fault:
        mode = WRITE_ACCESS if is_writer else READ_ACCESS
        statements: Statements | None = None
        end = time.monotonic() + self._timeout_s
        try:
            with (
                self._driver.session(database=_DATABASE, default_access_mode=mode) as session,
                session.begin_transaction(timeout=self._timeout_s) as tx,
            ):
                statements = Statements(tx, is_writer=is_writer)
                result = fn(CypherTransaction(statements))
                statements.flush()
                tx.commit()
                return result
        except (DriverError, Neo4jError) as exc:
            missing = None if statements is None else statements.explain(str(exc))
            if missing is not None:
                return Fault(missing, Cure.RETRY)
            return fault_of(exc, self._address, is_late=time.monotonic() >= end)

    def _patiently(self, attempt: Callable[[], T | Fault]) -> T:
        """The result of an attempt, made again as long as its faults can be cured."""
        end = time.monotonic() + _PATIENCE_S
        n_cured = dict.fromkeys(Cure, 0)
        while True:
            outcome = attempt()
            if not isinstance(outcome, Fault):
                return outcome
            n_cured[outcome.cure] += 1
            n = n_cured[outcome.cure]
            may_go_on = {
                Cure.NONE: False,
                Cure.WAIT: time.monotonic() < end,
                Cure.RETRY: n <= _N_RETRIES,
                Cure.RECONNECT: n <= 1,
            }
            if not may_go_on[outcome.cure]:
                raise outcome.error
            with self._counting:
                self.n_retries += 1
            if outcome.cure is not Cure.RECONNECT:
                longest = min(_LONGEST_PAUSE_S, 0.002 * 2 ** min(n, 10))
                time.sleep(random.uniform(0, longest))  # noqa: S311 - spreads those who retry

    def check(self) -> None:
        self.read(lambda tx: tx.events.select(subject=None, after=None, limit=1))

    def close(self) -> None:
        self._driver.close()
