"""Queries of a history as events: their form, what is kept of their text, and what engines tell of tables."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.graphmodel.model import Effect
from headwater.sql_bridge.model import Dialect, Known, Write
from headwater.sql_bridge.statements import read
from headwater.sqlhistory.athena import AthenaEngine, only_reads
from headwater.sqlhistory.athena import ran as ran_of
from headwater.sqlhistory.events import kept, redacted
from headwater.sqlhistory.model import Named, Pair, Ran, path
from headwater.sqlhistory.reading import Reading
from headwater.sqlhistory.redshift import text
from headwater.sqlhistory.snowflake import SnowflakeEngine
from tests.acceptance.openlineage_backend import faults

D = Dialect("snowflake", "SHOP", "RAW")


def ran(sql: str, identifier: str = "q1", **more: Any) -> Ran:
    return Ran(identifier, sql, D, 1_772_323_200_000, 1_772_323_201_500, **more)


def events(*queries: Ran) -> list[dict[str, Any]]:
    reading = Reading(SnowflakeEngine("acme-prod"), "urn:headwater:test")
    return [event for query in queries for event in reading.events(query)]


def without_others(event: dict[str, Any]) -> dict[str, Any]:
    """The event without facets that `headwater publish` does not send: the schema of the tests has those alone."""
    job = {name: facet for name, facet in event["job"]["facets"].items() if name != "sql"}
    run = {name: facet for name, facet in event["run"]["facets"].items() if name != "extractionError"}
    return {**event, "job": {**event["job"], "facets": job}, "run": {**event["run"], "facets": run}}


STATEMENTS = [
    "create table x as select a, sum(b) as s, md5(c) h, 1 as one, current_date d from t where e > 1 group by a, md5(c)",
    "insert into x (a, b) select a, b from t join u on t.i = u.i",
    "merge into x using t on x.a = t.a when matched then update set b = t.b",
    "delete from x where a = 1",
    "truncate table x",
    "copy into x from 's3://in/x/'",
    "create view v as select * from nowhere",
    "drop table x",
    "create table x (a int, b int); alter table x rename to y",
]


@pytest.mark.parametrize("sql", STATEMENTS)
def test_events_are_valid(sql: str) -> None:
    found = events(ran(sql))
    assert [event["eventType"] for event in found] == ["START", "COMPLETE"]
    assert [faults(without_others(event)) for event in found] == [[], []]
    assert found == events(ran(sql))
    start, end = found
    assert (start["eventTime"], end["eventTime"]) == ("2026-03-01T00:00:00.000Z", "2026-03-01T00:00:01.500Z")


def state(event: dict[str, Any]) -> dict[str, Any]:
    (output,) = event["outputs"]
    facet = output["facets"].get("lifecycleStateChange", {})
    return {name: value for name, value in facet.items() if not name.startswith("_")}


def test_what_becomes_of_a_table() -> None:
    assert state(events(ran(STATEMENTS[0]))[1]) == {"lifecycleStateChange": "CREATE"}
    assert state(events(ran(STATEMENTS[1]))[1]) == {}
    assert state(events(ran(STATEMENTS[4]))[1]) == {"lifecycleStateChange": "TRUNCATE"}
    assert state(events(ran(STATEMENTS[7]))[1]) == {"lifecycleStateChange": "DROP"}
    before = {"namespace": "snowflake://acme-prod", "name": "SHOP.RAW.X"}
    renamed = events(ran(STATEMENTS[8]))[1]
    assert state(renamed) == {"lifecycleStateChange": "RENAME", "previousIdentifier": before}
    assert renamed["outputs"][0]["name"] == "SHOP.RAW.Y"


def test_a_query_that_fails_and_one_that_is_not_read_say_why() -> None:
    (_, end) = events(ran(STATEMENTS[6], state="FAIL", error="no such table"))
    facets = end["run"]["facets"]
    assert (end["eventType"], facets["errorMessage"]["message"]) == ("FAIL", "no such table")
    (error,) = facets["extractionError"]["errors"]
    assert error["errorMessage"] == "it takes all columns of SHOP.RAW.NOWHERE, which are not known"
    assert "columnLineage" not in end["outputs"][0]["facets"]


def test_one_id_for_one_query() -> None:
    own = "01b2c3d4-0000-1234-0000-000100020003"
    assert events(ran(STATEMENTS[3], own))[0]["run"]["runId"] == own
    others = {event["run"]["runId"] for name in ("q1", "q2") for event in events(ran(STATEMENTS[3], name))}
    assert len(others) == 2
    script = events(ran("delete from x; truncate table y"))
    assert len({event["run"]["runId"] for event in script}) == 2  # each statement is a run


def test_sessions_share_temporary_tables_and_no_others() -> None:
    made = ran("create temp table q as select a from t", "1", session="s")
    used = "create table x as select a from q"
    same, other = (events(made, ran(used, "2", session=session))[-1] for session in ("s", "r"))
    assert [one["name"] for one in same["inputs"]] == ["SHOP.RAW.T"]
    assert [one["name"] for one in other["inputs"]] == ["SHOP.RAW.Q"]


SECRETS = [
    ("COPY t FROM 's3://b' ACCESS_KEY_ID 'AKIA1' SECRET_ACCESS_KEY 'se''cret' CSV", ["AKIA1", "secret", "se''cret"]),
    ("copy into t from 's3://b' credentials = (aws_key_id='k1' aws_secret_key = 's1')", ["k1", "s1"]),
    (
        "UNLOAD ('select 1') TO 's3://b' CREDENTIALS 'aws_iam_role=x;token=y' MASTER_SYMMETRIC_KEY 'z'",
        ["token=y", "'z'"],
    ),
    ("create user bob PASSWORD 'hunter2'", ["hunter2"]),
]


@pytest.mark.parametrize(("sql", "secrets"), SECRETS)
def test_secrets_in_sql(sql: str, secrets: list[str]) -> None:
    clean = redacted(sql)
    assert not [one for one in secrets if one in clean]
    assert redacted(clean) == clean


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("insert into t (a) values (1)", ""),  # rows of data
        ("create table t as select aes_encrypt(a, 'my key') k from u", ""),
        ("create table t as select 1 a", "create table t as select 1 a"),
        ("create table t as select '" + "x" * 20_000 + "' a", None),
    ],
)
def test_what_is_kept_of_a_text(sql: str, expected: str | None) -> None:
    found = kept(read(sql, D))
    assert found == expected if expected is not None else (len(found) < 10_020 and found.endswith("[... cut]"))


def test_parts_of_a_text_of_redshift() -> None:
    whole = "select a,\\n" + " " * 180 + "b from t where c = 'é' and d = 1" + " " * 170 + "order by 1"
    data = whole.encode()
    parts = [data[n : n + 200].decode(errors="ignore").rstrip() for n in range(0, len(data), 200)]
    assert text(parts) == whole.replace("\\n", "\n")
    assert text([]) == ""


# Athena ---------------------------------------------------------------------------------------------------------------


class Tables:
    """The catalog: what was asked of it, and what it answers."""

    region = "eu-west-1"

    def __init__(self, **tables: dict[str, Any]) -> None:
        self.tables = tables
        self.asked: list[str] = []

    def table(self, database: str, name: str) -> dict[str, Any] | None:
        self.asked.append(f"{database}.{name}")
        return self.tables.get(name)


def test_tables_of_athena() -> None:
    storage = {"Columns": [{"Name": "Id", "Type": "int"}], "Location": "s3://lake/t/"}
    tables = Tables(
        t={
            "Name": "t",
            "DatabaseName": "d",
            "CatalogId": "1",
            "StorageDescriptor": storage,
            "PartitionKeys": [{"Name": "dt"}],
        },
        v={"Name": "v", "DatabaseName": "d", "TableType": "VIRTUAL_VIEW", "ViewOriginalText": "/* Presto View: %%% */"},
    )
    engine = AthenaEngine(tables)
    own = "awsathena://athena.eu-west-1.amazonaws.com"
    for _ in range(2):
        glue, athena = Pair("arn:aws:glue:eu-west-1:1", "table/d/t"), Pair(own, "awsdatacatalog.d.t")
        assert engine.named("awsdatacatalog.d.t") == Named(Pair("s3://lake", "t"), (glue, athena))
        assert engine.known("awsdatacatalog.d.t") == Known({"id": "int", "dt": ""})
        assert engine.named("awsdatacatalog.d.v") == Named(Pair(own, "awsdatacatalog.d.v"))
        assert engine.named("awsdatacatalog.d.gone") == Named(Pair(own, "awsdatacatalog.d.gone"))
        assert engine.named("mysql.d.t") == Named(Pair(own, "mysql.d.t"))
        assert engine.known("mysql.d.t") is None
    assert tables.asked == ["d.t", "d.v", "d.gone"]
    assert list(engine.views()) == []  # its definition cannot be read
    assert path("s3://lake/a/b/") == Named(Pair("s3://lake", "a/b"))


def test_queries_of_athena() -> None:
    assert ran_of({"QueryExecutionId": "x", "Status": {"State": "RUNNING"}}) is None
    assert only_reads({"Query": " (select 1)"})
    assert only_reads({"Query": "with a as (select 1) select * from a", "SubstatementType": "SELECT"})
    assert not only_reads({"Query": "insert into t select 1"})
    assert not only_reads({"Query": "selectively unload"})


def test_what_snowflake_tells_counts_more_than_what_is_read() -> None:
    told = Write("SHOP.RAW.X", Effect.ALL, inputs=("SHOP.RAW.OTHER",), reason="not told")
    (_, end) = events(ran("create table x as select a from t", told=(told,)))
    assert [one["name"] for one in end["inputs"]] == ["SHOP.RAW.T"]  # nothing but the tables is told
    columns = events(ran("insert into y (b) select a from t", told=(told,)))[1]
    assert [one["name"] for one in columns["outputs"]] == ["SHOP.RAW.X"]
