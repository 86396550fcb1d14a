"""Sweeps: create one, try its points as an agent, and find the best of its runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from lineage.client import active
from lineage.client.connection import Connection, connect
from lineage.client.disabled import DisabledRun
from lineage.client.documents import to_document
from lineage.client.ending import interrupts_put_off, outcome_of
from lineage.client.recorded import RecordedRun
from lineage.client.settings import read_settings
from lineage.client.wire import read_run, read_sweep
from lineage.client.words import counted
from lineage.errors import Invalid
from lineage.model import Run as RunValue
from lineage.model import Sweep as SweepValue
from lineage.names import ProjectKey, SweepKey, check_name

__all__ = ["RankedRun", "Sweep", "agent", "parse_sweep_path", "sweep"]

_log = logging.getLogger(__name__)

_MAX_FAILURES: Final = 5  # in a row: then it is the function that is wrong, not the point


@dataclass(frozen=True, slots=True)
class RankedRun:
    run: RecordedRun
    value: float


class Sweep:
    """A sweep as the server has it."""

    def __init__(self, value: SweepValue, connection: Connection) -> None:
        self._value = value
        self._connection = connection
        self._http = connection.http

    @property
    def id(self) -> str:
        return self._value.key.name

    @property
    def name(self) -> str:
        return self._value.name

    @property
    def path(self) -> str:
        """`entity/project/sweep`."""
        return self._value.key.path

    @property
    def method(self) -> str:
        return self._value.method

    @property
    def metric(self) -> str:
        """What its runs are ranked by, unless said otherwise."""
        return self._value.metric

    @property
    def goal(self) -> str:
        """`minimize` or `maximize`."""
        return self._value.goal.value

    @property
    def parameters(self) -> Mapping[str, Any]:
        return self._value.parameters

    @property
    def value(self) -> SweepValue:
        """All the server tells of it."""
        return self._value

    @property
    def runs(self) -> list[RecordedRun]:
        """Its runs, the earliest first."""
        params = {"filter": f'sweep = "{self.id}"', "order": "created_at", "limit": 1000}
        items = self._http.items(f"/projects/{self._value.key.project}/runs", params)
        return [RecordedRun(read_run(told), self._connection) for told in items]

    def best_run(self, metric: str | None = None, goal: str | None = None) -> RecordedRun | None:
        """The run with the best value; None if none has one.

        Args:
            metric: a path in the summary such as `val.acc`; the sweep's own if None.
            goal: minimize or maximize; needed with another metric than the sweep's own.
        """
        best = self.best_runs(metric, goal, limit=1)
        return best[0].run if best else None

    def best_runs(
        self, metric: str | None = None, goal: str | None = None, *, limit: int = 10
    ) -> list[RankedRun]:
        """The best runs and their values, best first; runs without the value are left out."""
        params = {"metric": metric, "goal": goal, "limit": limit}
        told = self._http.get(f"{self._url}/best", params)
        return [
            RankedRun(RecordedRun(read_run(item["run"]), self._connection), item["value"])
            for item in told["items"]
        ]

    def stop(self) -> None:
        """Hand out no more points; runs that have begun go on."""
        self._value = read_sweep(self._http.post(f"{self._url}/stop"))

    @property
    def _url(self) -> str:
        return f"/projects/{self._value.key.project}/sweeps/{self.id}"

    def __repr__(self) -> str:
        return f"<Sweep {self.path} {self.method}>"


_created: Final[dict[str, SweepKey]] = {}  # by id: what this process has created


def sweep(
    config: Mapping[str, Any],
    entity: str | None = None,
    project: str | None = None,
    *,
    id: str | None = None,
) -> str:
    """Create a sweep; returns its id.

    Args:
        config: `method` (grid or random), `metric` {`name`, `goal`}, `parameters` {name: {`value`}
            or {`values`} or {`min`, `max`}}; if wanted `name`, `program` and `run_cap`.
        id: made up if None; the same id with the same config is the same sweep.
    """
    settings = read_settings(entity=entity, project=project)
    key = ProjectKey.of(settings.entity, settings.project)
    known = ("method", "metric", "parameters", "name", "program", "run_cap")
    given = to_document(config, "config")
    unknown = sorted(given.keys() - set(known))
    if unknown:
        raise Invalid("config", f"{', '.join(unknown)} is not known; there are {', '.join(known)}")
    body = {"method": "", "parameters": {}, **given, "id": check_name(id or uuid4().hex[:8], "id")}
    told = connect(settings).http.post(f"/projects/{key}/sweeps", body)
    created = read_sweep(told).key
    _created[created.name] = created
    return created.name


def parse_sweep_path(path: str, *, entity: str, project: str) -> SweepKey:
    """The sweep that `[[entity/]project/]sweep` names."""
    parts = path.removeprefix("sweep:").split("/")
    if len(parts) > 3:
        raise Invalid("sweep", f"{path!r:.300} is not `entity/project/sweep`")
    return SweepKey.parse("/".join([*[entity, project][: 3 - len(parts)], *parts]))


def agent(
    sweep_id: str,
    function: Callable[[], Any],
    count: int | None = None,
    *,
    entity: str | None = None,
    project: str | None = None,
) -> int:
    """Try points of a sweep: for each, call `function`, whose `init` takes up the point's run.

    Any number of agents may share a sweep: each point is given out once. A function that raises
    makes its run `failed`, and the next point is tried; after five failures in a row it ends.

    Args:
        sweep_id: `[[entity/]project/]sweep`; the bare id of a sweep that this process has created
            is enough, whatever its project.
        count: how many points at most; all that are left if None.
    Returns: how many points were tried.
    Raises: what the function raised, after five failures in a row.
    """
    settings = read_settings(entity=entity, project=project)
    connection = connect(settings)
    key = parse_sweep_path(sweep_id, entity=settings.entity, project=settings.project)
    if entity is None and project is None:
        key = _created.get(sweep_id, key)
    n_tried = n_failed = n_failures = 0
    while count is None or n_tried < count:
        # With an id of ours the question can be repeated, and costs no second point.
        body = {"run": uuid4().hex[:12]}
        told = connection.http.post(f"/projects/{key.project}/sweeps/{key.name}/next", body)
        if told is None:
            break
        n_tried += 1
        failure = _try_point(connection, told, function)
        n_failed += failure is not None
        n_failures = n_failures + 1 if failure else 0
        if failure is not None and n_failures >= _MAX_FAILURES:
            _log.warning("the agent gives up after %d failures in a row", n_failures)
            raise failure
    if n_failed:
        n_finished, points = n_tried - n_failed, counted(n_tried, "point")
        _log.warning("%d of %s finished, %d failed", n_finished, points, n_failed)
    return n_tried


def _try_point(connection: Connection, told: Any, function: Callable[[], Any]) -> Exception | None:
    value = read_run(told)
    active.finish()
    token = active.point_to_try.set(value)
    try:
        function()
    except Exception as exc:  # noqa: BLE001 - whatever a training function raises
        _log.warning("run=%s failed", value.key.path, exc_info=exc)
        _end_point(connection, value, exc)
        return exc
    except BaseException as exc:
        _end_point(connection, value, exc)
        raise
    else:
        _end_point(connection, value, None)
        return None
    finally:
        active.point_to_try.reset(token)


def _end_point(connection: Connection, value: RunValue, exc: BaseException | None) -> None:
    """End the point's run, whether `function` took it up, ended it, or did neither."""
    with interrupts_put_off(then_raise=exc is None):
        exit_code, error = outcome_of(exc)
        run = active.current_run()
        if run is not None and run.path == value.key.path:
            run.finish(exit_code, error=error)
            if not isinstance(run, DisabledRun):
                return
        url = f"/projects/{value.key.project}/runs/{value.key.name}"
        if connection.http.get(url)["state"] == "running":
            body = {"exit_code": exit_code, "error": error[-20_000:]}
            connection.http.post(f"{url}/finish", body)
