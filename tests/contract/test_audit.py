"""The audit of a model on every store: the chain, the version that stood then, what lies above and below, changes."""

from __future__ import annotations

import pytest

from headwater.graphmodel.choice import Event
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
from headwater.graphstore import GraphStore
from headwater.queries.answers.audit import Audit
from headwater.queries.catalogue.catalogue import run as ask
from tests.contract.test_past import at
from tests.contract.test_table_versions import put

ROOT = "arn:aws:sagemaker:eu-west-1:123456789012"
TRAINING, ENDPOINT = f"{ROOT}:training-job/churn-1", f"{ROOT}:endpoint/prod"
RAW, TRAIN, MODEL = "s3://lake/raw", "s3://lake/train/all", "s3://models/m.tar.gz"


def plan(name: str, target: str, *sources: str, columns: bool = False) -> Plan:
    derived = (
        (Derivation("v", RAW, "v", DependencyType.DIRECT, Subtype.TRANSFORMATION, expression="v + 1"),)
        if columns
        else ()
    )
    made = (OutputColumn("v"),) if columns else ()
    inputs = tuple(Dataset(source) for source in sorted(sources))
    job_run = name if name.startswith("arn:") else None
    return Plan(name, Job("j", name), Dataset(target), Effect.ALL, "Save", inputs, made, derived, (), job_run=job_run)


def event(name: str, minute: int) -> Event:
    run = Run(name, at(minute), 0, f"{name}{minute}")
    return Event(run, run.timestamp)


@pytest.mark.parametrize(
    ("channel", "relation"), [(TRAIN, "same"), (f"{TRAIN}/eu", "above"), ("s3://lake/train", "below")]
)
def test_from_an_endpoint_to_the_columns_of_what_was_read_then(channel: str, relation: str, store: GraphStore) -> None:
    plans = [
        plan("make", TRAIN, RAW, columns=True),
        plan(TRAINING, MODEL, channel),
        plan(ENDPOINT, ENDPOINT, MODEL),
    ]
    put(store, plans, [event("make", 1), event(TRAINING, 5), event(ENDPOINT, 6), event("make", 9)])
    for subject in (ENDPOINT, "endpoint/prod"):
        found = ask("audit", store.g, {"node": subject})
        assert isinstance(found, Audit)
        assert [step["kind"] for step in found.steps] == ["endpoint", "training-job"]
        (read,) = found.inputs
        assert (read["asked"], read["relation"], read["dataset"]) == (channel, relation, TRAIN)
        assert (read["timestamp"], read["changes"], read["changedAt"]) == (at(1), 1, at(9))
        assert [row["sources"] for row in found.columns] == [[f"{RAW}#v"]]
        assert "changed" in {row["kind"] for row in found.findings}
    named = ask("audit", store.g, {"node": "churn-1"})
    assert isinstance(named, Audit)
    assert (named.kind, named.name) == ("training-job", "churn-1")
