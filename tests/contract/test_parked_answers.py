"""Answers that an entry could concern which is set aside, since it cannot be mapped, say that they lack it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater import cli
from headwater.ingest.folder.service import Service
from headwater.ingest.ledger.entries import NewEntry
from headwater.queries.answers.errors import NodeNotFound
from tests.contract.test_projector import recorded
from tests.golden.recorded import FLAT

CLEAN, RAW = "file:///data/lake/pipe/staging/customers", "file:///data/lake/raw/crm/customers.csv"
OTHER = "file:///data/lake/clean/customers"  #: made of RAW as well; nothing that is set aside names it

#: What no version of the mapping takes, since its write has no id; but what it names can be read.
PLAN = {"operations": {"write": {"outputSource": CLEAN}, "reads": [{"inputSources": ["s3a://lake/new/"]}]}}
EVENT = {"eventType": "COMPLETE", "outputs": [{"namespace": "file", "name": "/data/lake/pipe/staging/customers"}]}
NAMING = {
    "a plan": NewEntry("spline.plan", FLAT, json.dumps(PLAN).encode()),
    "an event of OpenLineage": NewEntry("openlineage.event", "application/json", json.dumps(EVENT).encode()),
}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service.open(tmp_path / "data") as opened:
        opened.ledger.append(recorded("l01_stage_customers", "a01_customers_clean"))
        opened.catch_up()
        yield opened


def reason(service: Service, name: str, **given: str) -> str | None:
    answer = service.ask(name, given)
    assert answer.complete == (answer.reason is None)
    return answer.reason


@pytest.mark.parametrize("entry", NAMING.values(), ids=NAMING)
def test_answers_about_what_it_names_are_not_complete(entry: NewEntry, service: Service) -> None:
    assert [reason(service, "lineage", node=CLEAN), reason(service, "datasets")] == [None, None]
    service.ledger.append([entry])
    service.catch_up()
    (parked,) = service.parked()
    said = f"entry {parked.sequence} is parked"
    assert reason(service, "lineage", node=CLEAN) == said
    assert reason(service, "lineage", node=f"{CLEAN}#email") == said
    assert reason(service, "columns", dataset=CLEAN) == said
    assert reason(service, "impact", node=CLEAN) is None  # who reads it is not in question
    assert reason(service, "datasets") == said  # it may name one that is nowhere else
    assert reason(service, "lineage", node=OTHER) is None
    service.projector.rebuild()
    service.catch_up()
    assert reason(service, "lineage", node=CLEAN) == said


def test_a_dataset_that_only_it_names_is_not_just_unknown(service: Service) -> None:
    service.ledger.append([NAMING["a plan"]])
    service.catch_up()
    with pytest.raises(NodeNotFound, match=r"entry 5, which may name it, is parked"):
        service.ask("lineage", {"node": "s3://lake/new"})
    with pytest.raises(NodeNotFound) as unknown:
        service.ask("lineage", {"node": "s3://lake/elsewhere"})
    assert "parked" not in str(unknown.value)


def test_an_entry_of_which_nobody_knows_what_it_names_may_be_about_anything(service: Service) -> None:
    service.ledger.append([NewEntry("spline.plan", FLAT, b"[1]")])
    service.catch_up()
    assert reason(service, "lineage", node=OTHER) == "entry 5 is parked"


def test_what_was_parked_and_is_erased_is_said_as_an_erasure(service: Service, tmp_path: Path) -> None:
    service.ledger.append([NAMING["a plan"]])
    service.catch_up()
    service.close()
    assert cli.run(["erase", "5", "--reason", "asked for", "--data", str(tmp_path / "data")]) == 0
    with Service.open(tmp_path / "data") as opened:
        assert opened.parked() == []
        assert reason(opened, "lineage", node=CLEAN) == "entry 5 erased"
        assert reason(opened, "datasets") is None


def test_a_report_of_a_run_is_about_what_its_plan_names(service: Service) -> None:
    """The report of a run brings its plan into the graph, so it is what ends the process where that is too much."""
    event = service.ledger.read(1, 1)[0]
    assert event.kind == "spline.events"
    service.projector._batches.parking.set_killer_aside(event)
    assert reason(service, "lineage", node=CLEAN) == "entry 2 is parked"
    assert reason(service, "lineage", node=RAW, direction="downstream") == "entry 2 is parked"
    assert reason(service, "impact", node=f"{RAW}#email") == "entry 2 is parked"
    assert reason(service, "lineage", node=OTHER) is None
    assert reason(service, "lineage", node=RAW) is None  # what made it is not in question


def test_what_ended_the_process_and_is_erased_is_parked_no_longer(service: Service) -> None:
    (entry,) = service.ledger.read(0, 1)
    service.projector._batches.parking.set_killer_aside(entry)
    assert reason(service, "lineage", node=CLEAN) == "entry 1 is parked"
    service.ledger.erase(1, "asked for")
    service.catch_up()
    assert service.parked() == []
    assert reason(service, "datasets") is None
