"""What OpenLineage says of datasets and jobs beside their runs, and by which id a run of Spark on Glue is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.ingest.folder.service import Service
from headwater.ingest.intake.statements import snapshot_entry
from headwater.openlineage_bridge import fold as fold_module
from headwater.queries.answers.errors import NodeNotFound
from tests.contract.test_openlineage_graph import LAKE, RUN, dataset, derived, event, ids, lineage, take
from tests.contract.test_projector import assert_equal, stored
from tests.golden.openlineage import by_run
from tests.laws.test_openlineage_laws import expected


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service.open(tmp_path / "data") as opened:
        yield opened


def ask(service: Service, query: str, **values: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = service.ask(query, list(values.items()), lambda: None).to_dict()["rows"]
    return rows


def upstream(service: Service, node: str, **values: str) -> set[str]:
    given = [("node", node), ("direction", "upstream"), *values.items()]
    try:
        answer = service.ask("lineage", given, lambda: None).to_dict()
    except NodeNotFound:
        return set()
    return {one["id"] for one in answer["nodes"] if one["distance"]}


def declared(time: str, name: str, **facets: Any) -> dict[str, Any]:
    """A DatasetEvent."""
    return {"eventTime": time, "dataset": dataset(name, **facets)}


def of_job(time: str, **fields: Any) -> dict[str, Any]:
    """A JobEvent."""
    return {"eventTime": time, "job": {"namespace": "shop", "name": "load"}, **fields}


def test_the_run_id_of_spark_on_glue_is_found_beside_glues_own(service: Service) -> None:
    for documents in by_run("g01_glue_app").values():
        take(service, *documents)
    glue = service.store.g.V().has_label("run").has("runId").value_map("jobRun", "runId", "appId").to_list()[0]
    run_id, job_run = glue["runId"][0], glue["jobRun"][0]
    assert job_run.startswith("jr_")
    assert run_id in by_run("g01_glue_app")
    (found,) = ask(service, "find-runs", id=run_id)
    assert (found["jobRun"], found["runId"]) == (job_run, run_id)
    assert found["run"] in {hit["id"] for hit in ask(service, "search", q=run_id[:13])}
    assert run_id in {row["runId"] for row in ask(service, "latest-runs")}
    assert run_id in {row["runId"] for row in ask(service, "runs", job=found["job"])}


def test_only_the_last_event_of_a_job_is_read_again(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    folded: list[int] = []
    known = fold_module.fold

    def counting(events: Any, rules: Any) -> Any:
        listed = list(events)
        folded.append(len(listed))
        return known(listed, rules)

    monkeypatch.setattr("headwater.openlineage_bridge.mapping.fold", counting)
    for day in range(1, 21):
        mart = dataset("mart", columnLineage=lineage(a=("raw", f"x{day}")))
        take(service, of_job(f"2026-01-{day:02}T00:00:00Z", outputs=[mart]))
    take(service, of_job("2026-01-05T01:00:00Z", outputs=[dataset("mart", columnLineage=lineage(a=("raw", "late")))]))
    assert {source for _, source in derived(service) if "#" in source} == {f"{LAKE}/raw#x20"}
    assert max(folded) == 2


def test_the_schema_and_other_names_of_a_declared_dataset_are_in_the_graph(service: Service) -> None:
    schema = {"fields": [{"name": "Id", "type": "bigint"}, {"name": "amount", "type": "decimal(10,2)"}]}
    take(service, declared("2026-01-01T00:00:00Z", "orders", schema=schema, symlinks={"identifiers": [TABLE]}))
    assert ids(service, "dataset") == {f"{LAKE}/orders"}
    assert ids(service, "run") == ids(service, "plan") == ids(service, "job") == set()
    rows = {row["id"]: (row["name"], row["type"]) for row in ask(service, "columns", dataset="shop.orders")}
    assert rows == {f"{LAKE}/orders#id": ("Id", "bigint"), f"{LAKE}/orders#amount": ("amount", "decimal(10,2)")}
    assert service.stats().outcomes == {"declared": 1}


GLUE = "arn:aws:glue:eu-west-1:123456789012"
TABLE = {"namespace": GLUE, "name": "table/shop/orders", "type": "TABLE"}


@pytest.mark.parametrize("late", [False, True])
def test_a_job_that_calls_a_declared_dataset_by_another_name_reads_it(late: bool, service: Service) -> None:
    """Whether the job or the name was known first: the graph is drawn anew for it, once."""
    told = declared("2026-01-01T00:00:00Z", "orders", symlinks={"identifiers": [TABLE]})
    mart = dataset("mart", columnLineage={"fields": {"a": {"inputFields": [{**TABLE, "field": "x"}]}}})
    ran = event("COMPLETE", "2026-01-02T00:00:00Z", inputs=[TABLE], outputs=[mart])
    for document in [ran, told] if late else [told, ran]:
        take(service, document)
    drawings = service.projector.drawings
    take(service, {**ran, "eventTime": "2026-01-02T00:00:01Z"})
    assert service.projector.drawings == drawings <= 1
    assert ids(service, "dataset") == {f"{LAKE}/orders", f"{LAKE}/mart"}
    assert derived(service) == {(f"{LAKE}/mart", f"{LAKE}/orders"), (f"{LAKE}/mart#a", f"{LAKE}/orders#x")}


PLACE = {"namespace": LAKE, "name": "orders", "type": "TABLE"}  # as Airflow's operator of Athena says it
ATHENA = {"namespace": "awsathena://athena.eu-west-1.amazonaws.com", "name": "awsdatacatalog.shop.orders"}


def symlinked(one: dict[str, Any], *others: dict[str, Any]) -> dict[str, Any]:
    return {"namespace": one["namespace"], "name": one["name"], "facets": {"symlinks": {"identifiers": [*others]}}}


def written(run: str, *inputs: dict[str, Any], to: str) -> dict[str, Any]:
    return event("COMPLETE", "2026-01-02T00:00:00Z", f"{RUN[:-2]}{run}", inputs=[*inputs], outputs=[dataset(to)])


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
@pytest.mark.parametrize("name", [TABLE, ATHENA])
def test_a_run_that_knows_both_names_joins_what_others_call_by_one(
    name: dict[str, Any], order: tuple[int, ...], service: Service
) -> None:
    """Spark writes a path, whose table it names; dbt and Athena know the table alone."""
    told = written("01", symlinked(PLACE, TABLE), symlinked(ATHENA, PLACE), to="known")
    runs = [told, written("02", name, to="report"), written("03", PLACE, to="copy")]
    for number in order:
        take(service, runs[number])
    assert ids(service, "dataset") == {f"{LAKE}/{one}" for one in ("orders", "known", "report", "copy")}
    assert {(f"{LAKE}/report", f"{LAKE}/orders"), (f"{LAKE}/copy", f"{LAKE}/orders")} <= derived(service)
    assert_equal(stored(service.store), expected(runs))
    drawings = service.projector.drawings
    take(service, told | {"eventTime": "2026-01-03T00:00:00Z"})
    assert service.projector.drawings == drawings <= 1


DROPPED = {**symlinked(PLACE, TABLE)["facets"], "lifecycleStateChange": {"lifecycleStateChange": "DROP"}}
WAREHOUSE = {"namespace": f"{LAKE}/wh", "name": "shop.orders", "type": "TABLE"}
NOT_JOINED = [
    # which of two it is, nothing tells
    ([symlinked(dataset("a"), TABLE), symlinked(dataset("b"), TABLE)], TABLE, f"{GLUE}:table/shop/orders"),
    # what Spark's agent calls a table that it dropped is no path of it
    ([{**PLACE, "facets": DROPPED}], TABLE, f"{GLUE}:table/shop/orders"),
    # several catalogs can have such a table
    ([symlinked(PLACE, WAREHOUSE)], {"namespace": "headwater", "name": "shop.orders"}, "shop.orders"),
]


@pytest.mark.parametrize(("told", "name", "source"), NOT_JOINED)
def test_names_that_do_not_say_which_dataset_it_is_join_nothing(
    told: list[dict[str, Any]], name: dict[str, Any], source: str, service: Service
) -> None:
    take(service, written("01", *told, to="known"), written("02", name, to="report"))
    assert (f"{LAKE}/report", source) in derived(service)


def test_what_a_catalogue_lists_counts_before_what_events_say(service: Service) -> None:
    take(service, written("01", symlinked(dataset("before"), TABLE), to="known"), written("02", TABLE, to="report"))
    assert (f"{LAKE}/report", f"{LAKE}/before") in derived(service)
    value = {"names": [f"{GLUE}:table/shop/orders"]}
    listed = {"kind": "dataset", "subject": f"{LAKE}/moved", "name": "shop.orders", "value": value}
    service.ledger.append([snapshot_entry({"source": "glue", "scope": "shop", "statements": [listed]}, 2)])
    service.catch_up()
    assert (f"{LAKE}/report", f"{LAKE}/moved") in derived(service)


def test_owners_tags_and_descriptions_are_those_of_the_last_event_that_tells_them(service: Service) -> None:
    owners = {"owners": [{"name": "team:sales", "type": "OWNER"}]}
    tags = {"tags": [{"key": "pii", "value": "true"}, {"key": "email", "value": "masked", "field": "amount"}]}
    told = declared("2026-01-02T00:00:00Z", "orders", ownership=owners, documentation={"description": "All orders"})
    schema = {"fields": [{"name": "amount", "type": "long", "description": "in cents"}]}
    take(service, told, declared("2026-01-03T00:00:00Z", "orders", tags=tags, schema=schema))
    old = {"owners": [{"name": "team:old"}]}
    take(service, declared("2026-01-01T00:00:00Z", "orders", ownership=old))  # late: changes nothing
    tags_of = {(row["node"], row["tag"]) for row in ask(service, "tags", node=f"{LAKE}/orders")}
    assert tags_of == {
        (f"{LAKE}/orders", "owner=team:sales"),
        (f"{LAKE}/orders", "pii"),
        (f"{LAKE}/orders#amount", "email=masked"),
    }
    assert [row["description"] for row in ask(service, "datasets", dataset=f"{LAKE}/orders")] == ["All orders"]
    assert [row["description"] for row in ask(service, "columns", dataset=f"{LAKE}/orders")] == ["in cents"]
    gone = {"ownership": {"_deleted": True}, "documentation": {"description": "Orders"}}
    take(service, declared("2026-01-04T00:00:00Z", "orders", **gone))
    assert {row["tag"] for row in ask(service, "tags", node=f"{LAKE}/orders")} == {"pii", "email=masked"}
    assert [row["description"] for row in ask(service, "datasets", dataset=f"{LAKE}/orders")] == ["Orders"]


def test_owners_and_a_description_of_a_job_that_is_declared(service: Service) -> None:
    facets = {"ownership": {"owners": [{"name": "ann"}]}, "documentation": {"description": "Loads the shop"}}
    take(service, of_job("2026-01-01T00:00:00Z", outputs=[dataset("mart")]))
    take(service, {"eventTime": "2026-01-02T00:00:00Z", "job": {"namespace": "shop", "name": "load", "facets": facets}})
    take(service, event("COMPLETE", "2026-01-03T00:00:00Z", outputs=[dataset("mart")]))
    assert {row["tag"] for row in ask(service, "tags", node="job:shop/load")} == {"owner=ann"}
    assert {row["description"] for row in ask(service, "jobs")} == {"Loads the shop"}


@pytest.mark.parametrize("facet", ["columnLineage", "lineage"])
def test_the_columns_of_a_view_come_from_its_last_definition(service: Service, facet: str) -> None:
    def view(day: int, source: str) -> dict[str, Any]:
        if facet == "columnLineage":
            told: dict[str, Any] = lineage(a=("orders", source))
        else:
            of = {"type": "DATASET", "namespace": LAKE, "name": "orders", "field": source}
            told = {"inputs": [{**of, "field": None}], "fields": {"a": {"inputs": [of]}}}
        kind = {"datasetType": "VIEW"}
        return declared(f"2026-01-0{day}T00:00:00Z", "v", **{facet: told, "datasetType": kind})

    take(service, view(3, "z"), view(1, "x"), view(1, "x"))
    assert upstream(service, f"{LAKE}/v#a") == {f"{LAKE}/orders#z"}
    assert upstream(service, f"{LAKE}/v#a", asOf="2026-01-02") == {f"{LAKE}/orders#x"}
    assert [row["job"] for row in ask(service, "latest-runs")] == [f"job:declared/{LAKE}/v"] * 2


STATES = [("DROP", None), ("TRUNCATE", None), ("RENAME", "new")]


@pytest.mark.parametrize(("state", "new"), STATES)
@pytest.mark.parametrize("by_run_event", [True, False])
def test_what_was_dropped_emptied_or_renamed_holds_nothing_now_and_what_it_held_before(
    service: Service, state: str, new: str | None, *, by_run_event: bool
) -> None:
    told: dict[str, Any] = {"lifecycleStateChange": state}
    name = "mart"
    if new:
        name, told["previousIdentifier"] = new, {"namespace": LAKE, "name": "mart"}
    mart = dataset("mart", columnLineage=lineage(a=("raw", "x")))
    other = RUN.replace("01a2", "02a2")
    if by_run_event:
        end = event("COMPLETE", "2026-01-03T00:00:00Z", other, outputs=[dataset(name, lifecycleStateChange=told)])
    else:
        end = declared("2026-01-03T00:00:00Z", name, lifecycleStateChange=told)
    take(service, end, event("COMPLETE", "2026-01-01T00:00:00Z", outputs=[mart]))  # the end comes first
    assert upstream(service, f"{LAKE}/mart#a") == set()
    assert upstream(service, f"{LAKE}/mart#a", asOf="2026-01-02") == {f"{LAKE}/raw#x"}
    assert upstream(service, f"{LAKE}/mart#a", asOf="ever") == {f"{LAKE}/raw#x"}
    newest = ask(service, "dataset-versions", dataset=f"{LAKE}/mart")[0]
    assert (newest["effect"], newest["timestamp"]) == ("end", 1_767_398_400_000)
    (words,) = ask(service, "in-words", node=f"{LAKE}/mart")
    assert "dropped, emptied or renamed it at 2026-01-03" in words["sentence"]
    assert upstream(service, f"{LAKE}/new") == ({f"{LAKE}/mart"} if new else set())
    again = event("COMPLETE", "2026-01-04T00:00:00Z", RUN.replace("01a2", "03a2"), outputs=[mart])
    take(service, again)
    assert upstream(service, f"{LAKE}/mart#a") == {f"{LAKE}/raw#x"}
    assert ask(service, "dataset-versions", dataset=f"{LAKE}/mart")[0]["previous"]


def test_a_drop_that_failed_after_all_ends_nothing(service: Service) -> None:
    mart = dataset("mart", columnLineage=lineage(a=("raw", "x")))
    other = RUN.replace("01a2", "02a2")
    gone = [dataset("mart", lifecycleStateChange={"lifecycleStateChange": "DROP"})]
    take(service, event("COMPLETE", "2026-01-01T00:00:00Z", outputs=[mart]))
    take(service, event("COMPLETE", "2026-01-03T00:00:00Z", other, outputs=gone))
    assert upstream(service, f"{LAKE}/mart#a") == set()
    take(service, event("FAIL", "2026-01-03T00:00:01Z", other))
    assert upstream(service, f"{LAKE}/mart#a") == {f"{LAKE}/raw#x"}


def test_the_table_that_spark_dropped_is_the_one_that_it_had_written(service: Service) -> None:
    """Spark 3.5 names a dropped table's database twice: .../sales.db/sales.db/name_len."""
    dropped = "file:///data/lake/warehouse/sales.db/name_len"
    write = event("COMPLETE", "2020-01-01T00:00:00Z", outputs=[{"namespace": "file", "name": dropped[7:]}])
    write["inputs"] = [dataset("raw")]
    take(service, write)
    assert derived(service) == {(dropped, f"{LAKE}/raw")}
    for documents in by_run("h01_tables_and_modes").values():
        take(service, *(one for one in documents if "DROP" in json.dumps(one)))
    assert derived(service) == set()


@pytest.mark.parametrize(("state", "kept"), [("OVERWRITE", False), ("CREATE", False), ("ALTER", True), (None, True)])
def test_other_producers_say_by_the_lifecycle_whether_a_run_replaced(
    service: Service, state: str | None, *, kept: bool
) -> None:
    def written(day: int, source: str) -> dict[str, Any]:
        facets: dict[str, Any] = {"columnLineage": lineage(a=("raw", source))}
        if state:
            facets["lifecycleStateChange"] = {"lifecycleStateChange": state}
        run = RUN.replace("01a2", f"0{day}a2")
        return event("COMPLETE", f"2026-01-0{day}T00:00:00Z", run, outputs=[dataset("mart", **facets)])

    take(service, written(1, "x"), written(2, "y"))
    assert upstream(service, f"{LAKE}/mart#a") == {f"{LAKE}/raw#y", *([f"{LAKE}/raw#x"] if kept else [])}


def test_coverage_of_one_job_is_that_part_of_the_whole(service: Service) -> None:
    for case in ("x01_dbt_build", "h01_tables_and_modes"):
        for documents in by_run(case).values():
            take(service, *documents)
    rows = ask(service, "coverage")
    jobs = {row["job"] for row in rows}
    assert len(jobs) > 1
    for job in jobs:
        assert ask(service, "coverage", job=job) == [row for row in rows if row["job"] == job]
    assert not {row["dataset"] for row in rows} & {"file:///data/lake/warehouse/sales.db/name_len"}  # dropped


def test_owners_tags_and_descriptions_come_with_runs_too(service: Service) -> None:
    """Airflow and dbt send them with each run, and no event without one."""
    of_load = {
        "ownership": {"owners": [{"name": "ann"}]},
        "documentation": {"description": "Loads the shop"},
        "tags": {"tags": [{"key": "tier", "value": "gold"}]},
    }
    told = dataset(
        "mart",
        schema={"fields": [{"name": "email", "description": "as typed"}, {"name": "id"}]},
        ownership={"owners": [{"name": "bob"}]},
        documentation={"description": "All customers"},
        tags={"tags": [{"key": "pii", "value": "true", "field": "email"}]},
    )
    start = event("START", "2026-01-01T00:00:00Z", inputs=[dataset("raw", documentation={"description": "Raw"})])
    start["job"]["facets"] = of_load
    take(service, event("COMPLETE", "2026-01-01T01:00:00Z", outputs=[told]), start)
    assert {row["tag"] for row in ask(service, "tags", node="job:shop/load")} == {"owner=ann", "tier=gold"}
    assert [row["description"] for row in ask(service, "jobs")] == ["Loads the shop"]
    tags_of = {(row["node"], row["tag"]) for row in ask(service, "tags", node=f"{LAKE}/mart")}
    assert tags_of == {(f"{LAKE}/mart", "owner=bob"), (f"{LAKE}/mart#email", "pii")}
    described = {row["name"]: row["description"] for row in ask(service, "datasets")}
    assert described == {"mart": "All customers", "raw": "Raw"}
    assert [row["description"] for row in ask(service, "columns", dataset=f"{LAKE}/mart")] == ["as typed", None]
    later = event("COMPLETE", "2026-01-02T00:00:00Z", outputs=[dataset("mart", tags={"_deleted": True})])
    later["run"]["runId"] = "0194fb5e-7ba0-7c5b-8c0b-d1f4b1a0a7f1"
    take(service, later)  # what it does not mention stays
    assert {row["tag"] for row in ask(service, "tags", node=f"{LAKE}/mart")} == {"owner=bob"}
    assert [row["description"] for row in ask(service, "columns", dataset=f"{LAKE}/mart")] == ["as typed", None]


def test_the_tags_of_a_spark_application_are_those_of_its_job(service: Service) -> None:
    for documents in by_run("af01_airflow_parent").values():
        take(service, *documents)
    (job,) = [row["id"] for row in ask(service, "jobs")]
    assert {row["tag"] for row in ask(service, "tags", node=job)} == {"owner=dna", "pii", "team=dna"}


def test_what_a_check_found_belongs_to_the_version_that_it_checked(service: Service) -> None:
    def written(day: int, run: str) -> dict[str, Any]:
        one = event("COMPLETE", f"2026-01-0{day}T00:00:00Z", outputs=[dataset("mart")])
        one["run"]["runId"] = run
        return one

    def checked(suite: str, **found: Any) -> dict[str, Any]:
        one = event("COMPLETE", "2026-01-02T12:00:00Z", inputs=[{**dataset("mart"), "inputFacets": found}])
        one["job"]["name"] = one["run"]["runId"] = suite
        return one

    def ok(column: str) -> dict[str, Any]:
        return {"assertion": "not_null", "success": True, "column": column}

    take(service, checked("suite a", dataQualityAssertions={"assertions": [ok("id")]}))
    take(service, *(written(day, f"r{day}") for day in (1, 2, 3)))
    metrics = {"rowCount": 7}
    take(service, checked("suite b", dataQualityAssertions={"assertions": [ok("k")]}, dataQualityMetrics=metrics))
    told = [row["quality"] for row in ask(service, "dataset-versions", dataset=f"{LAKE}/mart")]
    assert [one and json.loads(one) for one in told] == [
        None,
        {"dataQualityAssertions": {"assertions": [ok("id"), ok("k")]}, "dataQualityMetrics": metrics},
        None,
    ]
