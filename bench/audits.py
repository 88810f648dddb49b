"""Measures the audit of a model: how long it takes in an estate of 1,000 jobs, with daily runs and versions."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figure import Figure
from headwater.graphmodel.choice import Body, Event
from headwater.graphmodel.delta import GraphDelta
from headwater.graphmodel.model import (
    Dataset,
    DependencyType,
    Derivation,
    Effect,
    Job,
    OutputColumn,
    Plan,
    Run,
    Subtype,
)
from headwater.graphmodel.whole import graph
from headwater.graphstore import open_store
from headwater.queries.answers.audit import Audit
from headwater.queries.catalogue.catalogue import run

_LAYERS, _WIDTH, _COLUMNS, _DAYS = 5, 200, 20, 3
_DAY_MS, _START_MS = 86_400_000, 1_780_000_000_000
_ROOT = "arn:aws:sagemaker:eu-west-1:123456789012"
_TIMES = 9


def audits(place: Path, *, quick: bool) -> list[Figure]:
    """From an endpoint through 31 datasets of 1,000 jobs (a fifth of them, if it is to be quick)."""
    width = _WIDTH // 5 if quick else _WIDTH
    plans = [*_jobs(width), *_model()]
    events = [event for plan in plans for event in _runs(plan)]
    whole = graph([Body(plan, plan.agent_plan_id) for plan in plans], events)
    endpoint = f"{_ROOT}:endpoint/prod"
    with open_store(f"embedded:{place / 'audit'}") as store:
        store.apply(GraphDelta(tuple(whole.vertices.values()), tuple(whole.edges.values())))
        taken = []
        for _ in range(_TIMES):
            begin = time.process_time()
            found = run("audit", store.g, {"node": endpoint})
            taken.append((time.process_time() - begin) * 1_000)
        assert isinstance(found, Audit)
        assert len(found.steps) == 3
    jobs = f"{len(plans):,} jobs, {len(found.runs)} runs and {len(found.columns)} columns in the answer"
    return [Figure(f"CPU of an audit of a model: {jobs}", statistics.median(taken), "ms", 200)]


def _dataset(layer: int, number: int) -> str:
    return f"s3://lake/layer{layer}/t{number}"


def _jobs(width: int) -> Iterator[Plan]:
    rng = random.Random(1)
    names = [f"c{number}" for number in range(_COLUMNS)]
    for layer in range(1, _LAYERS + 1):
        for number in range(width):
            sources = [_dataset(layer - 1, at) for at in rng.sample(range(width), 2)]
            derived = tuple(
                Derivation(name, source, rng.choice(names), DependencyType.DIRECT, Subtype.TRANSFORMATION)
                for name in names
                for source in sources
            )
            yield _plan(f"layer{layer}_{number}", _dataset(layer, number), sources, derived)


def _model() -> Iterator[Plan]:
    names = (f"{_ROOT}:training-job/t", f"{_ROOT}:model/m", f"{_ROOT}:endpoint/prod")
    places = (_dataset(_LAYERS, 0), "s3://models/model.tar.gz", *names[1:])
    for arn, source, target in zip(names, places, places[1:], strict=False):
        yield _plan(arn, target, [source], ())


def _plan(name: str, target: str, sources: list[str], derived: tuple[Derivation, ...]) -> Plan:
    columns = tuple(OutputColumn(column) for column in dict.fromkeys(one.target for one in derived))
    inputs = tuple(map(Dataset, sorted(sources)))
    job_run = name if name.startswith("arn:") else None
    job = Job("sagemaker" if job_run else "spark", name)
    return Plan(name, job, Dataset(target), Effect.ALL, "Save", inputs, columns, derived, (), job_run=job_run)


def _runs(plan: Plan) -> Iterator[Event]:
    """Daily, a layer an hour after the one before; of the model once, after all of them."""
    layer = 10 if plan.job_run is None else 0
    if plan.job_run is None:
        layer = int(plan.job.name.partition("_")[0].removeprefix("layer"))
        for day in range(_DAYS):
            at = _START_MS + day * _DAY_MS + layer * 3_600_000
            yield Event(Run(plan.agent_plan_id, at, 60_000_000_000, f"{plan.job.name}-{day}"), at)
    else:
        order = ("training-job", "model", "endpoint").index(plan.job_run.partition("/")[0].rpartition(":")[2])
        at = _START_MS + _DAYS * _DAY_MS + (order + 1) * 3_600_000
        yield Event(Run(plan.agent_plan_id, at, 60_000_000_000), at)
