"""Query histories: imported from loopback services, asked as any other lineage, and imported again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.endpoint
import pytest
from botocore.config import Config

from headwater.aws_bridge.athena import Athena
from headwater.aws_bridge.redshift import Redshift, Warehouse
from headwater.aws_bridge.session import AwsError, NotAllowed
from headwater.importing import State
from headwater.queries.answers.answer import Answer, Table
from headwater.source import Local, open_service
from headwater.sqlhistory.running import (
    Imported,
    Options,
    import_athena,
    import_redshift,
    import_snowflake,
)
from tests.acceptance.door import ROOT, headwater
from tests.acceptance.fake_engines import REGION, Engines, query, running, table, view

ORDERS, TOTALS = "s3://lake/raw/orders", "s3://lake/mart/totals"
UUIDS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(20)]
SUMS = "SELECT cust, sum(amount) total FROM orders WHERE dt > '2026' GROUP BY 1"
CTAS = f"CREATE TABLE totals WITH (format = 'PARQUET') AS {SUMS}"


@pytest.fixture
def engines() -> Iterator[Engines]:
    made = Engines(
        queries={
            "primary": [
                query(UUIDS[0], CTAS, 10),
                query(UUIDS[1], "SELECT * FROM totals", 20),
                query(UUIDS[2], "INSERT INTO totals SELECT id, 0.0 FROM customers", 30),
                failed(query(UUIDS[3], "CREATE TABLE broken AS SELECT * FROM nowhere", 40), "TABLE_NOT_FOUND"),
                query(UUIDS[4], "INSERT INTO totals SELECT cust, amount FROM recent", 50),
            ]
        },
        tables={
            ("sales", "orders"): table("orders", "id:int cust:int amount:double", ORDERS, "dt:string"),
            ("sales", "totals"): table("totals", "cust:int total:double", f"{TOTALS}/"),
            ("sales", "customers"): table("customers", "id:int name:string", "s3://lake/raw/customers"),
            ("sales", "recent"): view("recent", "cust:int amount:double", "SELECT cust, amount FROM orders", 5),
        },
        page=2,
    )
    with running(made):
        yield made


def failed(one: dict[str, Any], reason: str) -> dict[str, Any]:
    return {**one, "Status": {**one["Status"], "State": "FAILED", "StateChangeReason": reason}}


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Local]:
    opened = Local(open_service(tmp_path / "data"))
    yield opened
    opened.close()


def client(service: str, url: str, attempts: int = 1) -> Any:
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    config = Config(retries={"mode": "standard", "total_max_attempts": attempts})
    return boto3.client(service, region_name=REGION, endpoint_url=url, config=config, **keys)


def slept() -> list[float]:
    return []


def athena_of(engines: Engines, attempts: int = 1) -> Athena:
    return Athena(client("athena", engines.url, attempts), client("glue", engines.url), REGION)


def imported(source: Local, engines: Engines, **options: Any) -> Imported:
    given = Options("urn:headwater:test", **options)
    found = import_athena(source, athena_of(engines), source.service.folder, (), given, lambda _done, _of: None)
    source.settle(lambda _done, _of: None)
    return found


def edges(source: Local, node: str) -> set[tuple[str, str]]:
    found = source.ask("upstream", [("node", node), ("depth", 1), ("type", "all")])
    assert isinstance(found, Answer)
    ends = (node, node.partition("#")[0])  # beside its own: those between its sources
    return {(edge.source, edge.subtype or "") for edge in found.edges if "#" in edge.source and edge.target in ends}


def rows(source: Local, name: str, **parameters: object) -> list[dict[str, Any]]:
    found = source.ask(name, list(parameters.items()))
    assert isinstance(found, Table)
    return [dict(row) for row in found.rows]


def test_queries_of_athena_are_lineage_between_the_folders_of_tables(source: Local, engines: Engines) -> None:
    found = imported(source, engines)
    counts = found.counts
    assert (counts.writes, counts.reads, counts.unread, found.refused) == (5, 1, 0, [])  # the view is one
    assert edges(source, f"{TOTALS}#total") == {
        (f"{ORDERS}#amount", "AGGREGATION"),
        (f"{ORDERS}#cust", "GROUP_BY"),
        (f"{ORDERS}#dt", "FILTER"),
        (f"{RECENT}#amount", "IDENTITY"),
    }
    assert edges(source, f"{RECENT}#amount") == {(f"{ORDERS}#amount", "IDENTITY")}
    for name in ("awsathena://athena.eu-west-1.amazonaws.com/awsdatacatalog.sales.totals", "sales.totals"):
        (spelled,) = rows(source, "columns", dataset=name)[:1]
        assert spelled["id"].startswith(TOTALS)
    (ended,) = [one for one in rows(source, "latest-runs", limit=100) if one["status"] != "success"]
    assert "TABLE_NOT_FOUND" in json.dumps(ended)


RECENT = "awsathena://athena.eu-west-1.amazonaws.com/awsdatacatalog.sales.recent"


def test_the_next_import_goes_on_after_the_last_query(source: Local, engines: Engines) -> None:
    engines.queries["primary"].append(query(UUIDS[5], CTAS, 60, "RUNNING"))
    first = imported(source, engines)
    assert first.waiting == 1
    engines.queries["primary"][-1] = query(UUIDS[5], CTAS, 60)
    engines.queries["primary"].append(query(UUIDS[6], "SELECT 1", 70))
    engines.calls.clear()
    second = imported(source, engines)
    assert (second.counts.writes, second.counts.reads, second.waiting, second.events) == (1, 1, 0, 2)
    assert engines.calls.count("athena:ListQueryExecutions") == 2  # the second page has a query that is known
    third = imported(source, engines)
    assert (third.events, third.known, third.counts.writes) == (0, 0, 0)
    again = imported(source, engines, again=True)
    assert (again.events, again.counts.writes) == (0, 6)  # the ledger had them all
    assert again.known == first.events + second.events


def test_only_queries_since_a_time(source: Local, engines: Engines) -> None:
    moment = int(query("x", "", 30)["Status"]["SubmissionDateTime"].timestamp() * 1000)
    found = imported(source, engines, since=moment, views=False)
    assert (found.counts.writes, found.counts.reads) == (3, 0)


def test_a_busy_service_is_asked_again_and_a_missing_permission_is_named(
    source: Local, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = slept()
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=waits.append))
    engines.fails = {"ListQueryExecutions": ["ThrottlingException"] * 3}
    history = athena_of(engines, attempts=4)
    given = Options("urn:headwater:test")
    found = import_athena(source, history, source.service.folder, ("primary",), given, lambda _done, _of: None)
    assert (found.counts.writes, found.waits, len(waits)) == (5, 3, 3)
    engines.fails = {"ListQueryExecutions": ["ThrottlingException"] * 4}
    with pytest.raises(AwsError, match="ThrottlingException for ListQueryExecutions"):
        import_athena(source, history, source.service.folder, ("primary",), given, lambda _done, _of: None)
    for operation, action in (
        ("BatchGetQueryExecution", "athena:BatchGetQueryExecution"),
        ("GetTable", "glue:GetTable"),
    ):
        engines.fails = {operation: ["AccessDeniedException"]}
        again = Options("urn:headwater:test", again=True)
        with pytest.raises(NotAllowed, match=f"allow the action {action}, see docs/sql-engines.md"):
            import_athena(source, athena_of(engines), source.service.folder, (), again, lambda _done, _of: None)


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    state = State.of(tmp_path, "x")
    state.save()
    state.place.write_text("[]")
    with pytest.raises(Exception, match="--again begins anew"):
        State.of(tmp_path, "x")


# Redshift -------------------------------------------------------------------------------------------------------------

KEYS = "ACCESS_KEY_ID 'AKIA' SECRET_ACCESS_KEY 's3cr3t'"
LONG = "insert into shop.totals select cust, sum(amount) from orders" + " " * 150 + "group by cust"


def redshift_row(identifier: int, sql: str, at: int, **more: Any) -> list[dict[str, Any]]:
    known = {"query_id": identifier, "session_id": 7, "database_name": "dev  ", "user_name": "bob"}
    times = {"started": 1_772_323_200_000 + at, "ended": 1_772_323_200_500 + at}
    base = {**known, **times, "status": "success   ", "error_message": None, **more}
    parts = [sql[n : n + 200].rstrip() for n in range(0, len(sql), 200)]
    return [{**base, "sequence": number, "text": part} for number, part in enumerate(parts)]


def test_queries_of_redshift(source: Local) -> None:
    columns = [
        {"schema_name": schema, "table_name": name, "column_name": column, "data_type": "integer"}
        for schema, name, listed in (("public", "orders", "cust amount"), ("shop", "totals", "cust total"))
        for column in listed.split()
    ]
    history = [
        *redshift_row(1, "create temp table q as select cust, amount from orders where amount > 0", 0),
        *redshift_row(2, LONG.replace("orders", "q"), 1_000),
        *redshift_row(3, f"COPY orders FROM 's3://in/orders/' {KEYS} CSV", 2_000),
        *redshift_row(4, "drop table shop.totals", 3_000, status="failed", error_message="cannot drop"),
    ]
    made = Engines(statements={"sys_query_history": history, "svv_redshift_columns": columns}, page=3)
    with running(made):
        warehouse = Warehouse("dev", cluster="wh", user="lineage")
        redshift = Redshift(client("redshift-data", made.url), warehouse, REGION, slept().append)
        run = (source, redshift, source.service.folder, Options("urn:headwater:test"), lambda _done, _of: None)
        found = import_redshift(*run)
        source.settle(lambda _done, _of: None)
        assert (found.counts.writes, found.counts.partly, found.refused) == (3, 1, [])
        root = "redshift://wh.eu-west-1:5439/dev"
        assert edges(source, f"{root}.shop.totals#total") == {
            (f"{root}.public.orders#amount", "AGGREGATION"),
            (f"{root}.public.orders#amount", "FILTER"),
            (f"{root}.public.orders#cust", "GROUP_BY"),
        }
        again = import_redshift(*run)
        assert (again.counts.writes, again.events) == (0, 0)
        (since,) = [asked["Parameters"][0]["value"] for asked in made.asked if "Parameters" in asked][-1:]
        assert since == str(found.newest)
    assert {call for call in made.calls if "glue" not in call} == {
        "redshift-data:ExecuteStatement", "redshift-data:DescribeStatement", "redshift-data:GetStatementResult",
    }  # fmt: skip
    assert b"s3cr3t" not in (source.service.folder / "ledger.sqlite").read_bytes()


def test_without_the_columns_of_redshift_the_import_goes_on(source: Local) -> None:
    history = redshift_row(1, "insert into totals select cust from orders", 0)
    made = Engines(statements={"sys_query_history": history}, page=3)
    with running(made):
        made.statements["svv_redshift_columns"] = []
        redshift = Redshift(
            client("redshift-data", made.url), Warehouse("dev", workgroup="wgr"), REGION, slept().append
        )
        found = import_redshift(
            source, redshift, source.service.folder, Options("urn:headwater:test"), lambda _done, _of: None
        )
    assert (found.counts.writes, found.counts.partly) == (1, 1)
    (reason,) = found.counts.reasons
    assert "the columns of dev.public.totals are not known" in reason


# Snowflake ------------------------------------------------------------------------------------------------------------


def told(name: str, *columns: tuple[str, str]) -> dict[str, Any]:
    """An object of OBJECTS_MODIFIED: its columns, each with ``TABLE#COLUMN`` that it comes from."""
    sources = ((column, *of.split("#")) for column, of in columns)
    return {
        "objectDomain": "Table",
        "objectName": name,
        "columns": [
            {"columnName": column, "directSources": [{"objectDomain": "Table", "objectName": t, "columnName": c}]}
            for column, t, c in sources
        ],
    }


TOLD = told("SHOP.MART.TOTALS", ("CUST", "SHOP.RAW.ORDERS#CUST"), ("TOTAL", "SHOP.RAW.ORDERS#AMOUNT"))
ACCESS: list[dict[str, Any]] = [
    {
        "QUERY_ID": "01b2c3d4-0000-1234-0000-000100020003",
        "QUERY_START_TIME": "2026-03-01 10:00:00.000 -0800",
        "DIRECT_OBJECTS_ACCESSED": [{"objectDomain": "Table", "objectName": "SHOP.RAW.ORDERS"}],
        "OBJECTS_MODIFIED": [TOLD],
        "QUERY_TEXT": "create table mart.totals as select cust, sum(amount) total from raw.orders group by 1",
        "QUERY_TYPE": "CREATE_TABLE_AS_SELECT",
        "DATABASE_NAME": "SHOP",
        "SCHEMA_NAME": "MART",
    },
    {  # without its text, or where the text tells something else: what Snowflake tells
        "QUERY_ID": "2",
        "QUERY_START_TIME": "2026-03-01T19:00:00Z",
        "OBJECTS_MODIFIED": [told("SHOP.MART.COPY", ("CUST", "SHOP.MART.TOTALS#CUST"))],
        "QUERY_TEXT": "call copy_it()",
    },
    {"QUERY_ID": "3", "QUERY_START_TIME": "2026-03-01T20:00:00Z", "OBJECTS_MODIFIED": [], "QUERY_TEXT": "select 1"},
    {"QUERY_ID": "4", "QUERY_START_TIME": "2026-03-01T20:00:00Z", "OBJECTS_MODIFIED": []},
]  # fmt: skip


@pytest.mark.parametrize("form", ["json", "ndjson", "csv"])
def test_an_export_of_snowflake(source: Local, tmp_path: Path, form: str) -> None:
    place = tmp_path / f"export.{form}"
    place.write_text(exported(form))
    run = (source, place, "acme-prod", source.service.folder, Options("urn:headwater:test"), lambda _done, _of: None)
    found = import_snowflake(*run)
    source.settle(lambda _done, _of: None)
    assert (found.counts.writes, found.counts.reads, found.counts.partly, found.refused) == (2, 1, 0, [])
    root = "snowflake://acme-prod/SHOP"
    assert edges(source, f"{root}.MART.TOTALS#total") == {
        (f"{root}.RAW.ORDERS#amount", "AGGREGATION"),
        (f"{root}.RAW.ORDERS#cust", "GROUP_BY"),
    }
    (edge,) = upstream(source, f"{root}.MART.COPY#cust").edges
    assert (edge.source, edge.exact) == (f"{root}.MART.TOTALS#cust", False)
    assert import_snowflake(*run).counts.writes == 0


def imported_where(place: Path) -> tuple[object, ...]:
    """The options that check a statement against what was imported from Snowflake."""
    (place / "export.json").write_text(json.dumps(ACCESS))
    folder = place / "data"
    imported = headwater("sql-history", "snowflake", place / "export.json", "--account", "acme-prod", "--data", folder)
    assert imported.returncode == 0
    return "--dialect", "snowflake", "--namespace", "snowflake://acme-prod", "--database", "SHOP", "--data", folder


def test_a_statement_is_checked_against_what_was_imported(tmp_path: Path) -> None:
    where = imported_where(tmp_path)
    for sql, code, changes in (
        (ACCESS[0]["QUERY_TEXT"], 0, []),
        (ACCESS[0]["QUERY_TEXT"].replace("sum", "max"), 0, ["semantics"]),
        (ACCESS[0]["QUERY_TEXT"].replace("select cust", "select amount"), 1, ["drop", "add"]),
    ):
        (tmp_path / "new.sql").write_text(sql)
        shown = headwater("impact", "--sql", tmp_path / "new.sql", "--json", *where)
        assert shown.returncode == code, shown.stderr
        (check,) = json.loads(shown.stdout)["checks"]
        assert check["dataset"] == "snowflake://acme-prod/SHOP.MART.TOTALS"
        assert [one["change"] for one in check["findings"]][: len(changes)] == changes


def test_a_script_of_snowflake_is_checked_from_its_drop_to_its_last_change(tmp_path: Path) -> None:
    """Names in the engine's upper case, quoted and not; a table that is made again, and changed once more."""
    where = imported_where(tmp_path)
    script = """drop table if exists mart.totals;
        create table if not exists mart.totals (cust varchar, net number(10, 2), tmp int);
        alter table mart.totals rename column net to total;
        alter table "SHOP"."MART"."TOTALS" drop column tmp;"""
    for sql, code, expected in (
        (script, 0, []),
        (script.replace("column net to total", "column net to gross"), 0, [("drop", "total")]),  # nothing is made of it
        (
            "create table if not exists mart.totals (x int); alter table mart.totals drop column cust",
            1,
            [("drop", "cust")],
        ),
    ):
        (tmp_path / "new.sql").write_text(sql)
        shown = headwater("impact", "--sql", tmp_path / "new.sql", "--json", *where)
        assert shown.returncode == code, shown.stderr
        (check,) = json.loads(shown.stdout)["checks"]
        assert check["dataset"] == "snowflake://acme-prod/SHOP.MART.TOTALS"
        found = [(one["change"], one["node"].partition("#")[2]) for one in check["findings"]]
        assert [one for one in found if one[0] != "add"] == expected


def upstream(source: Local, node: str) -> Answer:
    found = source.ask("upstream", [("node", node), ("depth", 1)])
    assert isinstance(found, Answer)
    return found


def exported(form: str, rows: list[dict[str, Any]] = ACCESS) -> str:
    if form == "json":
        return json.dumps(rows)
    if form == "ndjson":
        return "\n".join(json.dumps({key.lower(): value for key, value in row.items()}) for row in rows)
    names = list(ACCESS[0])

    def cell(value: object) -> str:
        text = value if isinstance(value, str) else json.dumps(value) if value is not None else ""
        return '"' + text.replace('"', '""') + '"'

    return "\n".join([",".join(names), *(",".join(cell(row.get(name)) for name in names) for row in rows)])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", "row 1: expected an object with the columns of ACCESS_HISTORY"),
        ("a,b\n", "line 1: QUERY_ID is missing"),
        ('{"QUERY_ID": "1"}', "line 1: QUERY_START_TIME is missing"),
        (
            "QUERY_ID,QUERY_START_TIME,OBJECTS_MODIFIED\n1,yesterday,[]",
            "row 1: QUERY_START_TIME: 'yesterday' is no time",
        ),
        ("QUERY_ID,QUERY_START_TIME,OBJECTS_MODIFIED\n1,2026-03-01,{", "row 1: OBJECTS_MODIFIED is not JSON"),
        ("QUERY_ID,QUERY_START_TIME,OBJECTS_MODIFIED\n1,2026-03-01,3", "row 1: OBJECTS_MODIFIED: expected an array"),
    ],
)
def test_what_is_no_row_is_named_by_row_and_field(source: Local, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x").write_text(text)
    (refused,) = imported_from(source, tmp_path / "x").refused
    assert f"{refused['query']}: {refused['reason']}".startswith(f"{tmp_path / 'x'}: {said}")


def imported_from(source: Local, place: Path) -> Imported:
    options = Options("urn:headwater:test")
    return import_snowflake(source, place, "acme-prod", source.service.folder, options, lambda _done, _of: None)


@pytest.mark.parametrize("form", ["json", "ndjson", "csv"])
def test_the_rows_around_a_bad_one_are_imported(source: Local, tmp_path: Path, form: str) -> None:
    place = tmp_path / f"export.{form}"
    bad = {**ACCESS[0], "QUERY_ID": "bad", "QUERY_START_TIME": "yesterday"}
    place.write_text(exported(form, [ACCESS[0], bad, *ACCESS[1:]]))
    found = imported_from(source, place)
    assert (found.counts.writes, found.counts.reads) == (2, 1)
    (refused,) = found.refused
    number = "line 2" if form == "ndjson" else "row 2"
    assert refused == {"query": f"{place}: {number}", "reason": "QUERY_START_TIME: 'yesterday' is no time"}


def test_a_file_that_is_no_export_as_a_whole_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("[")
    shown = headwater("sql-history", "snowflake", tmp_path / "x", "--account", "a", "--data", tmp_path / "data")
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "is not JSON" in shown.stderr


def test_a_bad_row_is_named_by_the_command_whose_exit_code_is_1(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("\n".join([exported("ndjson"), '{"QUERY_ID": ']))
    shown = headwater("sql-history", "snowflake", tmp_path / "x", "--account", "a", "--data", tmp_path / "data")
    assert shown.returncode == 1
    assert "2 queries that write" in shown.stdout
    assert f"refused {tmp_path / 'x'}: line {len(ACCESS) + 1}: not JSON" in shown.stderr


# The command, and its page --------------------------------------------------------------------------------------------


def test_the_command(engines: Engines, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    engines.queries["primary"].append(query(UUIDS[7], "CREATE VIEW v AS SELECT * FROM nowhere", 60))
    shown = headwater("sql-history", "athena", "--data", folder, **engines.environment())
    assert shown.returncode == 0, shown.stderr
    assert "6 queries that write (2 without their columns), 1 that only read, 0 that could not be read" in shown.stdout
    assert "2 x it takes all columns of awsdatacatalog.sales.nowhere" in shown.stderr
    assert headwater("verify", "--data", folder).returncode == 0
    assert headwater("replay", "--yes", "--data", folder).returncode == 0
    asked = headwater("upstream", f"{TOTALS}#total", "--data", folder)
    assert f"{ORDERS}#amount" in asked.stdout
    engines.fails = {"ListWorkGroups": ["AccessDeniedException"]}
    denied = headwater("sql-history", "athena", "--data", folder, **engines.environment())
    assert (denied.returncode, denied.stdout) == (2, "")
    assert "allow the action athena:ListWorkGroups" in denied.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("redshift", "--database", "dev"), "one of --cluster and --workgroup is needed"),
        (("snowflake", "/nowhere/x.json", "--account", "a"), "cannot be read"),
        (("athena", "--since", "yesterday"), "--since 'yesterday' is no time"),
    ],
)
def test_wrong_use(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    environment = Engines(url="http://127.0.0.1:9").environment()
    shown = headwater("sql-history", *arguments, "--data", tmp_path / "data", **environment)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert said in shown.stderr


def test_the_policies_on_the_page_are_what_is_called(source: Local, engines: Engines) -> None:
    imported(source, engines)
    page = (ROOT / "docs" / "sql-engines.md").read_text(encoding="utf-8")
    blocks = [json.loads(block.partition("```")[0]) for block in page.split("```json\n")[1:]]
    athena, redshift = [block for block in blocks if "Statement" in block]
    allowed = {action for one in athena["Statement"] for action in one["Action"]}
    assert allowed == set(engines.calls)
    data = {action for one in redshift["Statement"] for action in one["Action"] if action.startswith("redshift-data:")}
    assert data == {f"redshift-data:{name}" for name in ("ExecuteStatement", "DescribeStatement", "GetStatementResult")}
