"""Sweeps: hand out each point once, and rank what came of them."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lineage.engine.access import ensure_writable, readable, writable
from lineage.engine.context import Context, record
from lineage.engine.record import sweep_run
from lineage.errors import AlreadyExists, Invalid, NotFound
from lineage.model import Caller, Goal, Run, Sweep
from lineage.names import ProjectKey, RunKey, SweepKey
from lineage.ports import Transaction
from lineage.values import check_document

__all__ = ["Best", "Sweeps", "n_points", "point"]

_MAX_POINTS = 10_000_000


@dataclass(frozen=True, slots=True)
class Best:
    """Runs of a sweep, best first, with the value each was ranked by."""

    runs: tuple[tuple[Run, float], ...]
    n_without: int  # had no number for the metric, or NaN
    metric: str
    goal: Goal


class Sweeps:
    def __init__(self, context: Context) -> None:
        self._context = context

    def create(
        self,
        caller: Caller,
        key: SweepKey,
        config: Mapping[str, Any],
    ) -> Sweep:
        """Create a sweep from a configuration as `lineage.sweep` takes it.

        Args:
            config: `method` ("grid" or "random"), `metric` {`name`, `goal`}, `parameters`, and
                optionally `name`, `program` and `run_cap`.
        Raises:
            AlreadyExists: with another configuration; with an equal one it is found again.
        """
        sweep = self._parse(key, check_document(config, "config"))

        def change(tx: Transaction) -> Sweep:
            ensure_writable(self._context, tx, caller, key.project)
            tx.lock(sweeps=[key])
            found = tx.sweeps.find(key)
            if found is not None:
                if _question(found) == _question(sweep):
                    return found
                raise AlreadyExists(f"sweep {key.path} exists with another configuration")
            tx.sweeps.add(sweep)
            record(tx, caller, sweep.created_at, "sweep.create", key, after={"config": config})
            return sweep

        return self._context.graph.write(change)

    def _parse(self, key: SweepKey, config: Mapping[str, Any]) -> Sweep:
        metric = config.get("metric") or {}
        parameters = config.get("parameters")
        if not isinstance(parameters, Mapping) or not parameters:
            raise Invalid("parameters", "names no parameter to try")
        if not isinstance(metric, Mapping):
            raise Invalid("metric", "is not an object with name and goal")
        if config.get("method") not in ("grid", "random"):
            raise Invalid("method", "is neither grid nor random")
        goals = [goal.value for goal in Goal]
        if metric.get("goal", "minimize") not in goals:
            raise Invalid("metric.goal", f"is not one of {', '.join(goals)}")
        cap = config.get("run_cap")
        if cap is not None and (type(cap) is not int or cap < 1):
            raise Invalid("run_cap", "is not a whole number of 1 or more")
        sweep = Sweep(
            key=key,
            method=config["method"],
            parameters=parameters,
            metric=str(metric.get("name", "")),
            goal=Goal(metric.get("goal", "minimize")),
            created_at=self._context.now(),
            name=str(config.get("name") or key.name),
            program=str(config.get("program") or ""),
            run_cap=cap,
        )
        for name, parameter in parameters.items():
            _check_parameter(sweep.method, name, parameter)
        total = n_points(sweep)
        if total is not None and total > _MAX_POINTS:
            raise Invalid("parameters", f"make a grid of {total} points; at most {_MAX_POINTS}")
        point(sweep, 0)
        return sweep

    def get(self, caller: Caller, key: SweepKey) -> Sweep:
        def ask(tx: Transaction) -> Sweep:
            readable(tx, caller, key.project)
            return _existing(tx, key)

        return self._context.graph.read(ask)

    def select(
        self,
        caller: Caller,
        project: ProjectKey,
        *,
        after: SweepKey | None = None,
        limit: int = 100,
    ) -> list[Sweep]:
        """The project's sweeps, by key."""

        def ask(tx: Transaction) -> list[Sweep]:
            readable(tx, caller, project)
            return tx.sweeps.select(project, after=after, limit=limit)

        return self._context.graph.read(ask)

    def next_run(self, caller: Caller, key: SweepKey, run: RunKey) -> Run | None:
        """Start `run` on the sweep's next point; None when there is none left.

        Each point is given to one run, however many agents ask at once. Asking again for a run
        that this sweep has started gives that run, so a lost answer costs no point.
        """
        if run.project != key.project:
            raise Invalid("run", f"{run.path} is not in the project of sweep {key.path}")
        now = self._context.now()

        def change(tx: Transaction) -> Run | None:
            writable(tx, caller, key.project)
            tx.lock(sweeps=[key])
            sweep = _existing(tx, key)
            tx.lock(nodes=[run])
            found = tx.runs.find([run]).get(run)
            if found is not None:
                if found.sweep != key:
                    raise AlreadyExists(f"run {run.path} exists, outside this sweep")
                return found
            total = n_points(sweep)
            caps = [cap for cap in (total, sweep.run_cap) if cap is not None]
            if sweep.is_stopped or (caps and sweep.next_point >= min(caps)):
                return None
            config = point(sweep, sweep.next_point)
            new = sweep_run(run, key, sweep.next_point, config, now)
            tx.runs.add(new)
            tx.sweeps.save(replace(sweep, next_point=sweep.next_point + 1))
            after = {"sweep": key, "point": new.point}
            record(tx, caller, now, "run.start", run, after=after)
            return new

        return self._context.graph.write(change)

    def stop(self, caller: Caller, key: SweepKey) -> Sweep:
        """Hand out no more points."""
        now = self._context.now()

        def change(tx: Transaction) -> Sweep:
            writable(tx, caller, key.project)
            tx.lock(sweeps=[key])
            sweep = replace(_existing(tx, key), is_stopped=True)
            tx.sweeps.save(sweep)
            record(tx, caller, now, "sweep.stop", key)
            return sweep

        return self._context.graph.write(change)

    def best(
        self,
        caller: Caller,
        key: SweepKey,
        *,
        metric: str | None = None,
        goal: Goal | None = None,
        limit: int = 1,
    ) -> Best:
        """The sweep's best runs by a number in their summary; ties go to the earliest.

        Args:
            metric: a path in the summary such as `val.acc`; None is the sweep's own.
            goal: None is the sweep's own; with another metric than the sweep's it is needed.
        Raises:
            Invalid: the metric is not named anywhere, or its direction is not.
        """

        def ask(tx: Transaction) -> Best:
            readable(tx, caller, key.project)
            sweep = _existing(tx, key)
            by = metric or sweep.metric
            if not by:
                raise Invalid("metric", f"is not named, and sweep {key.path} has none of its own")
            if goal is None and by != sweep.metric:
                raise Invalid("goal", f"is needed to rank by {by}: minimize or maximize")
            direction = goal or sweep.goal
            ranking = tx.questions.rank(key, metric=by, goal=direction, limit=limit)
            found = tx.runs.find([ranked.run for ranked in ranking.runs])
            runs = tuple((found[ranked.run], ranked.value) for ranked in ranking.runs)
            return Best(runs, ranking.n_without, by, direction)

        return self._context.graph.read(ask)


def _existing(tx: Transaction, key: SweepKey) -> Sweep:
    sweep = tx.sweeps.find(key)
    if sweep is None:
        raise NotFound(f"there is no sweep {key.path}")
    return sweep


def _question(sweep: Sweep) -> tuple[Any, ...]:
    return (sweep.method, sweep.parameters, sweep.metric, sweep.goal, sweep.run_cap)


def _check_parameter(method: str, name: str, parameter: Any) -> None:
    if not isinstance(parameter, Mapping):
        raise Invalid(f"parameters.{name}", "is not an object with value, values, or min and max")
    if "value" in parameter:
        return
    if "values" in parameter:
        values = parameter["values"]
        if not isinstance(values, list | tuple) or not values:
            raise Invalid(f"parameters.{name}.values", "is not a list of one or more")
        return
    low, high = parameter.get("min"), parameter.get("max")
    numbers = [n for n in (low, high) if isinstance(n, int | float) and not isinstance(n, bool)]
    if len(numbers) != 2 or not all(map(math.isfinite, numbers)) or numbers[0] > numbers[1]:
        raise Invalid(f"parameters.{name}", "has neither value, values, nor min <= max")
    if not math.isfinite(float(numbers[1]) - float(numbers[0])):
        raise Invalid(f"parameters.{name}", "is a range too wide to draw from")
    if method == "grid" and not (isinstance(low, int) and isinstance(high, int)):
        raise Invalid(f"parameters.{name}", "is a range of fractions: a grid needs values")
    if parameter.get("distribution", "uniform") not in _DISTRIBUTIONS:
        known = ", ".join(_DISTRIBUTIONS)
        raise Invalid(f"parameters.{name}.distribution", f"is not one of {known}")
    whole = isinstance(low, int) and isinstance(high, int)
    if parameter.get("distribution") == "int_uniform" and not whole:
        raise Invalid(f"parameters.{name}", "is drawn as int_uniform: give whole min and max")
    if parameter.get("distribution") == "log_uniform_values" and numbers[0] <= 0:
        raise Invalid(f"parameters.{name}.min", "is not above 0, as a log-uniform range needs")


# A tuple: what stands here in a configuration need not be hashable.
_DISTRIBUTIONS = ("int_uniform", "log_uniform_values", "uniform")


def _grid_values(parameter: Mapping[str, Any]) -> Sequence[Any]:
    if "value" in parameter:
        return [parameter["value"]]
    if "values" in parameter:
        return list(parameter["values"])
    return range(parameter["min"], parameter["max"] + 1)  # as a list it could be millions


def _grid_size(parameter: Mapping[str, Any]) -> int:
    if "values" in parameter or "value" in parameter:
        return len(_grid_values(parameter))
    return int(parameter["max"]) - int(parameter["min"]) + 1  # len() of a range has a limit


def n_points(sweep: Sweep) -> int | None:
    """How many points a grid has; None for a random sweep, which never ends by itself."""
    if sweep.method == "random":
        return None
    return math.prod(_grid_size(parameter) for parameter in sweep.parameters.values())


def point(sweep: Sweep, number: int) -> dict[str, Any]:
    """The config of the sweep's n-th point: the same whenever it is asked for.

    A grid counts through its parameters, the last one fastest.
    """
    if sweep.method == "grid":
        config: dict[str, Any] = {}
        for name, parameter in reversed(list(sweep.parameters.items())):
            number, position = divmod(number, _grid_size(parameter))
            config[name] = _grid_values(parameter)[position]
        return dict(reversed(config.items()))
    # Seeded by the sweep's name and the point: not for secrets.
    rng = random.Random(f"{sweep.key}#{number}")  # noqa: S311
    return {name: _draw(rng, parameter) for name, parameter in sweep.parameters.items()}


def _draw(rng: random.Random, parameter: Mapping[str, Any]) -> Any:
    if "value" in parameter:
        return parameter["value"]
    if "values" in parameter:
        return rng.choice(list(parameter["values"]))
    low, high = parameter["min"], parameter["max"]
    distribution = parameter.get("distribution")
    if distribution == "log_uniform_values":
        return min(max(math.exp(rng.uniform(math.log(low), math.log(high))), low), high)
    whole = isinstance(low, int) and isinstance(high, int) and distribution != "uniform"
    return rng.randint(int(low), int(high)) if whole else rng.uniform(low, high)
