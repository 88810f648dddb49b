"""Events of runs in a real data folder: late ones, large ones, erased ones, and those that are far apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gremlin_python.process.traversal import Direction, T

from headwater.graphstore import open_store
from headwater.ingest.fold.file import Derived
from headwater.ingest.folder.erasing import erase
from headwater.ingest.folder.service import Service
from headwater.ingest.graph.decoding import decoders
from headwater.ingest.graph.projector import Projector
from headwater.ingest.intake.bridge import Decoded, Receipt
from headwater.ingest.intake.openlineage import OPENLINEAGE
from headwater.ingest.ledger.ledger import open_ledger
from headwater.queries.tracing.resolve import beginning_with, resolve_all
from tests.golden.openlineage import by_run

RUN = "01a22714-8253-7b84-9241-f098e08d17ae"
LAKE = "s3://lake"


def quiet(_done: int, _of: int) -> None:
    pass


def event(state: str, time: str, run: str = RUN, **fields: Any) -> dict[str, Any]:
    return {
        "eventType": state,
        "eventTime": time,
        "run": {"runId": run},
        "job": {"namespace": "shop", "name": "load"},
        **fields,
    }


def dataset(name: str, **facets: Any) -> dict[str, Any]:
    return {"namespace": LAKE, "name": name, "facets": facets}


def lineage(**fields: tuple[str, str]) -> dict[str, Any]:
    """A facet that says of each column which column of which dataset it is."""
    of = {
        column: {"inputFields": [{"namespace": LAKE, "name": name, "field": field}]}
        for column, (name, field) in fields.items()
    }
    return {"fields": of}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service.open(tmp_path / "data") as opened:
        yield opened


def take(service: Service, *documents: dict[str, Any]) -> None:
    for document in documents:
        body = json.dumps(document).encode()
        service.ledger.append(list(OPENLINEAGE.accept("application/json", body, Receipt()).entries))
    service.catch_up()
    assert service.parked() == []


def ids(service: Service, label: str) -> set[str]:
    return set(service.store.g.V().has_label(label).id_().to_list())


def derived(service: Service) -> set[tuple[str, str]]:
    edges = service.store.g.E().has_label("derivesFrom").element_map().to_list()
    return {(edge[Direction.OUT][T.id], edge[Direction.IN][T.id]) for edge in edges}


def test_a_run_that_nothing_has_ended_is_in_no_answer(service: Service) -> None:
    take(service, event("START", "2026-01-01T00:00:00Z", inputs=[dataset("raw")], outputs=[dataset("mart")]))
    assert ids(service, "dataset") == ids(service, "job") == set()
    assert service.stats().outcomes == {"open": 1}


def test_a_late_event_changes_what_its_run_gave_and_the_plan_before_goes(service: Service) -> None:
    done = event("COMPLETE", "2026-01-01T01:00:00Z", outputs=[dataset("mart", columnLineage=lineage(a=("raw", "x")))])
    take(service, done)
    (before,) = ids(service, "plan")
    assert (f"{LAKE}/mart#a", f"{LAKE}/raw#x") in derived(service)
    late = dataset("mart", columnLineage=lineage(a=("raw", "y")))
    take(service, event("OTHER", "2026-01-01T01:00:01Z", outputs=[late]))
    (after,) = ids(service, "plan")
    assert after != before
    assert (f"{LAKE}/mart#a", f"{LAKE}/raw#y") in derived(service)
    assert f"{LAKE}/raw#x" not in ids(service, "column")


def test_the_plan_before_stays_where_another_run_executes_it(service: Service) -> None:
    outputs = [dataset("mart", columnLineage=lineage(a=("raw", "x")))]
    other = RUN.replace("01a2", "02a2")
    take(service, event("COMPLETE", "2026-01-01T01:00:00Z", outputs=outputs))
    take(service, event("COMPLETE", "2026-01-02T01:00:00Z", other, outputs=outputs))
    (plan,) = ids(service, "plan")
    changed = [dataset("mart", columnLineage=lineage(a=("raw", "y")))]
    take(service, event("OTHER", "2026-01-01T02:00:00Z", outputs=changed))
    assert plan in ids(service, "plan")
    assert len(ids(service, "plan")) == 2


def test_a_fail_after_a_complete_takes_the_write_back(service: Service) -> None:
    outputs = [dataset("mart")]
    take(service, event("COMPLETE", "2026-01-01T01:00:00Z", inputs=[dataset("raw")], outputs=outputs))
    assert derived(service) == {(f"{LAKE}/mart", f"{LAKE}/raw")}
    take(service, event("FAIL", "2026-01-01T00:59:59Z"))
    assert derived(service) == set()
    assert service.store.g.V().has_label("run").values("status").to_list() == ["failed"]


def test_the_events_of_a_run_may_be_a_year_apart(service: Service) -> None:
    take(service, event("START", "2025-01-01T00:00:00Z", inputs=[dataset("raw")]))
    take(service, event("COMPLETE", "2026-01-01T00:00:00Z", outputs=[dataset("mart")]))
    assert derived(service) == {(f"{LAKE}/mart", f"{LAKE}/raw")}
    assert service.store.g.V().has_label("run").values("durationNs").to_list() == [365 * 86_400 * 10**9]
    assert not service.store.g.V().has_label("run").has("clockAhead").has_next()


def test_an_erased_event_is_as_if_it_had_never_come(tmp_path: Path) -> None:
    outputs = [dataset("mart", columnLineage=lineage(a=("raw", "x")))]
    other = event("COMPLETE", "2026-01-01T00:00:00Z", RUN.replace("01a2", "02a2"), outputs=[dataset("raw")])
    with Service.open(tmp_path / "data") as service:
        take(service, other | {"inputs": [dataset("mart")]})
        take(service, event("START", "2026-01-01T00:00:00Z"))
        take(service, event("COMPLETE", "2026-01-01T01:00:00Z", outputs=outputs))
        assert (f"{LAKE}/mart#a", f"{LAKE}/raw#x") in derived(service)
    erase(tmp_path / "data", None, 3, "asked for", lambda _sequence, _others: None, quiet)
    with Service.open(tmp_path / "data") as service:
        service.catch_up()
        assert service.stats().outcomes == {"open": 1, "written": 1}
        assert derived(service) == {(f"{LAKE}/raw", f"{LAKE}/mart")}
        tags = service.store.g.V(f"{LAKE}/mart").out("taggedWith").id_().to_list()
    assert "tag:erased-write=3" in tags


def test_an_event_of_many_inputs_is_taken(service: Service) -> None:
    inputs = [dataset(f"raw/table{number}") for number in range(1_000)]
    take(service, event("COMPLETE", "2026-01-01T00:00:00Z", inputs=inputs, outputs=[dataset("mart")]))
    assert len(ids(service, "dataset")) == 1_001


@pytest.mark.parametrize("side", ["inputs", "outputs"])
def test_an_event_of_more_columns_than_anybody_has_is_set_aside_and_the_next_one_taken(
    service: Service, side: str
) -> None:
    wide = [dataset(f"wide{i}", schema={"fields": [{"name": f"c{n}"} for n in range(8_000)]}) for i in range(7)]
    many = {**event("COMPLETE", "2026-01-01T00:00:00Z", outputs=[dataset("mart")]), side: wide}
    few = event(
        "COMPLETE", "2026-01-01T00:00:00Z", run="01a22714-8253-7b84-9241-f098e08d17af", outputs=[dataset("small")]
    )
    for document in (many, few):
        body = json.dumps(document).encode()
        service.ledger.append(list(OPENLINEAGE.accept("application/json", body, Receipt()).entries))
    service.catch_up()
    (parked,) = service.parked()
    assert "56,00" in parked.reason
    assert ids(service, "dataset") == {f"{LAKE}/small"}


def test_column_lineage_beyond_the_limit_is_unresolved_and_says_so(service: Service) -> None:
    sources = [{"namespace": LAKE, "name": "raw", "field": f"f{number}"} for number in range(300)]
    fields = {f"c{number}": {"inputFields": sources} for number in range(100)}  # 30,000 edges, 3 MB
    outputs = [dataset("mart", columnLineage={"fields": fields})]
    take(service, event("COMPLETE", "2026-01-01T00:00:00Z", outputs=outputs))
    assert derived(service) == {(f"{LAKE}/mart", f"{LAKE}/raw")}
    assert service.store.g.V().has_label("column").has("origin", "unresolved").count().next() == 100


def test_a_failed_write_of_spark_that_says_complete_last_is_failed(service: Service) -> None:
    for documents in by_run("j01_failing_write").values():
        take(service, *documents)
    assert service.stats().vertices.get("datasetVersion", 0) == 0
    assert service.stats().outcomes["failed"] == 2


def test_an_application_that_is_told_last_names_the_task_of_the_runs_before(service: Service) -> None:
    events = [one for documents in by_run("af01_airflow_parent").values() for one in documents]
    application = [one for one in events if one["job"]["facets"]["jobType"]["jobType"] == "APPLICATION"]
    take(service, *(one for one in events if one not in application))
    before = service.store.g.V().has_label("run").values("parentJob").to_list()
    assert before == ["airflow-prod/shop_daily"]
    take(service, *application)
    assert service.store.g.V().has_label("run").values("parentJob").to_list() == [
        "airflow-prod/shop_daily.load_customers"
    ]


def test_an_event_that_was_parked_is_folded_with_the_others_once_it_is_tried_again(tmp_path: Path) -> None:
    mart = dataset("mart", columnLineage=lineage(a=("raw", "x")))
    told: dict[str, Any] = {"inputs": [dataset("raw")], "outputs": [mart]}
    sent = [
        event("START", "2026-01-01T00:00:00Z", **told),
        event("RUNNING", "2026-01-01T00:00:01Z", outputs=[dataset("mart", columnLineage=lineage(a=("raw", "y")))]),
        event("COMPLETE", "2026-01-01T00:00:02Z", outputs=[dataset("mart")]),
    ]
    decode = decoders()[OPENLINEAGE.kind]

    def fails_once(body: bytes, content_type: str) -> Decoded:
        if b"RUNNING" in body and not mended:
            raise ZeroDivisionError
        return decode(body, content_type)

    mended: list[bool] = []
    derived_tables = Derived.open(None)
    with open_ledger(tmp_path / "data") as ledger, open_store(f"embedded:{tmp_path / 'graph'}") as store:
        for document in sent:
            body = json.dumps(document).encode()
            ledger.append(list(OPENLINEAGE.accept("application/json", body, Receipt()).entries))
        projector = Projector(ledger, store, derived_tables, {**decoders(), OPENLINEAGE.kind: fails_once})
        projector.step()
        assert [parked.sequence for parked in projector.parked()] == [2]
        assert set(store.g.V().has_label("column").id_().to_list()) == {f"{LAKE}/mart#a", f"{LAKE}/raw#x"}
        mended.append(True)
        assert projector.retry_parked() == 1
        assert set(store.g.V().has_label("column").id_().to_list()) == {f"{LAKE}/mart#a", f"{LAKE}/raw#y"}
        assert store.g.V().has_label("plan").count().next() == 1
    derived_tables.close()


@pytest.mark.parametrize("written", [RUN, RUN.upper(), RUN[:8], RUN[:23].upper(), f" {RUN} "])
def test_a_run_is_found_by_the_id_that_its_sender_knows(service: Service, written: str) -> None:
    take(service, event("COMPLETE", "2026-01-01T00:00:00Z", outputs=[dataset("mart")], run=RUN.upper()))
    take(service, event("COMPLETE", "2026-01-02T00:00:00Z", run=RUN[:-1] + "0", outputs=[dataset("other")]))
    every = sorted(ids(service, "run"))
    named = [one for one in every if service.store.g.V(one).values("jobRun").next() == RUN]
    assert len(named) == 1
    if written.strip().lower() == RUN:
        assert resolve_all(service.store.g, written, ("run",), "id") == named
    else:
        assert sorted(beginning_with(service.store.g, written, ("run",))) == every
    if written == RUN:
        hits = service.ask("search", [("q", written)], lambda: None).to_dict()["rows"]
        assert [hit["id"] for hit in hits] == named
        found = service.ask("find-runs", [("id", written)], lambda: None).to_dict()["rows"]
        assert [row["run"] for row in found] == named
    shown = named[0].removeprefix("run:openlineage:")[:13]
    assert beginning_with(service.store.g, shown, ("run",)) == named
