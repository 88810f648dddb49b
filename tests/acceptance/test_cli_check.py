"""A changed plan or schema, checked before it is merged: what is found, how it is told, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.door import PAYLOADS, PIPELINE, Server, headwater, serving

PLAN = PAYLOADS / "l02_stage_orders" / "002-plan.json"
ORDERS = "file:///data/lake/pipe/staging/orders"
RAW = "file:///data/lake/raw/shop/orders.csv"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("check") / "data") as running:
        assert headwater("load", "--server", running.url, *PIPELINE).returncode == 0
        assert running.get("/api/v1/stats?after=18")[0] == 200
        yield running


def without_amount(plan: Any) -> None:
    project = next(op for op in plan["operations"]["other"] if op["id"] == "op-1")
    project["output"].remove("attr-13")
    project["params"]["projectList"].pop(3)


def another_type(plan: Any) -> None:
    strings = next(item["id"] for item in plan["extraInfo"]["dataTypes"] if item["name"] == "string")
    next(item for item in plan["attributes"] if item["id"] == "attr-12")["dataType"] = strings


def without_join(plan: Any) -> None:
    """The rates are left out, so that the amount is another one, and other rows may come."""
    plan["operations"]["other"] = [op for op in plan["operations"]["other"] if op["name"] != "Filter"]
    next(op for op in plan["operations"]["other"] if op["name"] == "Join")["childIds"][0] = "op-5"


def another_target(plan: Any) -> None:
    plan["operations"]["write"]["outputSource"] = "s3://lake/new"


def a_new_job(plan: Any) -> None:
    plan["name"] = plan["extraInfo"]["appName"] = "another"


#: what is changed; exit code, what differs, what is noted
CHANGES: list[tuple[Callable[[Any], object] | None, int, list[tuple[str, str]], str]] = [
    (None, 0, [], ""),
    (without_amount, 1, [("drop", f"{ORDERS}#amount_eur")], ""),
    (another_type, 1, [("retype", f"{ORDERS}#ordered_at")], ""),
    (without_join, 0, [("rows", ORDERS)], ""),
    (another_target, 0, [], "s3://lake/new is new"),
    (a_new_job, 0, [("add", f"{ORDERS}#amount_eur")], "the job is not known to write this dataset now"),
]


@pytest.mark.parametrize(("change", "code", "expected", "note"), CHANGES)
def test_a_changed_plan(
    server: Server,
    tmp_path: Path,
    change: Callable[[Any], object] | None,
    code: int,
    expected: list[tuple[str, str]],
    note: str,
) -> None:
    document = json.loads(PLAN.read_bytes())
    if change:
        change(document)
    (tmp_path / "plan.json").write_text(json.dumps(document))
    shown = headwater("impact", "--plan", tmp_path / "plan.json", "--json", "--server", server.url)
    assert (shown.returncode, shown.stderr) == (code, "")
    (check,) = json.loads(shown.stdout)["checks"]
    found = [(one["change"], one["node"]) for one in check["findings"]]
    assert found[: len(expected)] == expected
    assert bool(expected) == bool(found)
    assert note in " ".join(check["notes"])
    assert bool(check["totals"]["breaks"]["job"]) == bool(code)


def test_markdown_for_a_pull_request(server: Server, tmp_path: Path) -> None:
    document = json.loads(PLAN.read_bytes())
    without_amount(document)
    (tmp_path / "plan.json").write_text(json.dumps(document))
    shown = headwater("impact", "--plan", tmp_path / "plan.json", "--format", "markdown", "--server", server.url)
    open_, _, folded = shown.stdout.partition("<details>")
    assert open_.startswith("### :x: Lineage check: `spark/pipeline.stage_orders onto")
    assert "| drop | `amount_eur` | `amount * rate_to_eur` | breaks 20, may change rows 1 |" in open_
    assert "| job | `spark/pipeline.features` | 2 |" in open_
    assert len(open_.splitlines()) < 30
    assert "`orders#amount_eur → customer_orders#amount_eur [amount_eur]`" in folded
    text = headwater("impact", "--plan", tmp_path / "plan.json", "--server", server.url).stdout
    assert "  drop amount_eur: amount * rate_to_eur; breaks 20, may change rows 1\n" in text


@pytest.mark.parametrize(
    ("new", "flags", "code", "changes"),
    [
        ('{"amount": "double", "status": "string"}', (), 0, []),
        ('{"status": "string"}', (), 1, ["drop"]),
        ('{"amount": "string", "status": "string"}', (), 1, ["retype"]),
        ('{"total": "double", "status": "string"}', (), 1, ["drop", "add"]),
        ('{"total": "double", "status": "string"}', ("--guess-renames",), 1, ["rename"]),
        ('{"amount": "double", "status": "string", "more": "int"}', (), 0, ["add"]),
    ],
)
def test_a_changed_schema(
    server: Server, tmp_path: Path, new: str, flags: tuple[str, ...], code: int, changes: list[str]
) -> None:
    (tmp_path / "old.json").write_text('{"amount": "double", "status": "string"}')
    (tmp_path / "new.json").write_text(new)
    files = (tmp_path / "old.json", tmp_path / "new.json")
    shown = headwater("impact", "--schema", RAW, *files, *flags, "--json", "--server", server.url)
    assert (shown.returncode, shown.stderr) == (code, "")
    (check,) = json.loads(shown.stdout)["checks"]
    assert [one["change"] for one in check["findings"]] == changes


TABLE = "delta.`/data/lake/pipe/staging/orders`"
STAGED = """create or replace table delta.`/data/lake/pipe/staging/orders` as
select cast(order_id as bigint) order_id, cast(customer_id as int) customer_id, amount * rate_to_eur as amount_eur,
to_timestamp(order_ts) ordered_at, channel
from csv.`/data/lake/raw/shop/orders.csv` orders join csv.`/data/lake/raw/fx/rates.csv` rates
on orders.currency = rates.currency where not status = 'cancelled'"""

#: SQL, exit code, what differs, what is noted
SQL = [
    (STAGED, 0, [], ""),
    (STAGED.replace(", channel", ""), 1, [("drop", f"{ORDERS}#channel")], ""),
    (STAGED.replace("to_timestamp(order_ts)", "order_ts"), 0, [("semantics", f"{ORDERS}#ordered_at")], ""),
    (STAGED.replace("to_timestamp(order_ts)", "cast(order_ts as date)"), 1, [("retype", f"{ORDERS}#ordered_at")], ""),
    (STAGED.replace("status = 'cancelled'", "amount > 3"), 0, [("rows", ORDERS)], ""),
    (STAGED.replace("channel", "no_such_column as channel"), 0, [("semantics", f"{ORDERS}#channel")], "not resolved"),
    (STAGED.replace("staging/orders", "staging/new"), 0, [], "is new: nothing is known to depend on it"),
    ("insert into delta.`/data/lake/pipe/staging/orders` select 1", 5, [], "INSERT goes by position"),
    (f"alter table {TABLE} drop columns (channel, amount_eur)", 1,
     [("drop", f"{ORDERS}#amount_eur"), ("drop", f"{ORDERS}#channel")], ""),
    (f"alter table {TABLE} drop column channel, amount_eur", 1,
     [("drop", f"{ORDERS}#amount_eur"), ("drop", f"{ORDERS}#channel")], ""),
    (f"alter table {TABLE} alter column amount_eur type string", 1, [("retype", f"{ORDERS}#amount_eur")], ""),
    (f"alter table {TABLE} change column channel kanal string", 1, [("rename", f"{ORDERS}#channel")], ""),
    (f"alter table {TABLE} replace columns (order_id bigint, customer_id int, ordered_at timestamp, channel string)", 1,
     [("drop", f"{ORDERS}#amount_eur")], ""),
    (f"alter table {TABLE} set tblproperties ('a' = 'b')", 0, [], ""),
    (f"alter table {TABLE} set location 's3://lake/other'", 5, [], "ALTER is not read in this form"),
    (f"alter table {TABLE} drop column no_such_column", 5, [], "is not known to have what it names: no_such_column"),
    (f"alter table {TABLE} drop column channel; delete from {TABLE} where channel = 'x'", 1,
     [("rows", ORDERS), ("drop", f"{ORDERS}#channel")], ""),
    # what cannot be read is never a new dataset, nor one without a difference
    (STAGED.replace("select", "selekt"), 5, [], "CREATE in this form is not read"),
    (STAGED.replace(", channel", ",").replace("status = 'cancelled'", ""), 5, [], "it cannot be parsed"),
    (STAGED.replace("csv.`/data/lake/raw/fx/rates.csv`", "{{ ref('rates') }}"), 5, [], "It is a template"),
    (f"from nowhere insert overwrite table {TABLE} select a", 5, [], "several tables"),
    (f"replace table {TABLE} (order_id bigint, customer_id int, ordered_at timestamp, channel string)", 1,
     [("drop", f"{ORDERS}#amount_eur")], ""),
    (f"insert overwrite {TABLE} select * from nowhere", 5, [], "could not be compared"),
    # rows that are written into a table do not change the types of its columns
    (f"insert into {TABLE} (amount_eur, channel) select 1, 2", 0,
     [("semantics", f"{ORDERS}#amount_eur"), ("semantics", f"{ORDERS}#channel"), ("rows", ORDERS)], ""),
    (f"update {TABLE} set amount_eur = 0", 0,
     [("semantics", f"{ORDERS}#amount_eur"), ("rows", ORDERS)], ""),
    (STAGED.replace("create or replace table", "create table if not exists").replace(", channel", ""), 0, [],
     "it is there already, so that IF NOT EXISTS changes nothing"),
    (f"create table if not exists {TABLE} (x int)", 0, [], "it is there already, so that IF NOT EXISTS"),
    ("alter table unknown_table drop column a", 0, [], "unknown_table is not in the graph"),
    ("drop table unknown_table", 0, [], "unknown_table is not in the graph"),
    ("drop database shop cascade", 5, [], "DROP DATABASE is not read"),
    (f"alter table {TABLE} drop column channel; alter table {TABLE} rename column amount_eur to eur", 1,
     [("rename", f"{ORDERS}#amount_eur"), ("drop", f"{ORDERS}#channel")], ""),
    ("drop table delta.`/data/lake/pipe/staging/orders`", 1, [("drop", ORDERS)], ""),
    ((f"drop table {TABLE}; create table if not exists {TABLE} (order_id bigint, note string, x int);"
     f" alter table {TABLE} drop column x; alter table {TABLE} rename column note to channel"), 1,
     [("drop", f"{ORDERS}#amount_eur"), ("drop", f"{ORDERS}#customer_id"), ("drop", f"{ORDERS}#ordered_at")], ""),
    ("select 1; use shop", 0, [], "read: 2 statements (select, use shop): no dataset is written or defined"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "code", "expected", "note"), SQL)
def test_changed_sql(
    server: Server, tmp_path: Path, sql: str, code: int, expected: list[tuple[str, str]], note: str
) -> None:
    (tmp_path / "new.sql").write_text(sql)
    shown = headwater("impact", "--sql", tmp_path / "new.sql", "--json", "--server", server.url)
    assert (shown.returncode, shown.stderr) == (code, "")
    answer = json.loads(shown.stdout)
    (check,) = answer["checks"]
    found = [(one["change"], one["node"]) for one in check["findings"]]
    assert found == expected
    assert note in f"{' '.join(check['notes'])} {check['reason']}"
    assert answer["complete"] == check["complete"] == (code != 5)
    if "staging/orders" in sql:
        assert check["dataset"] == ORDERS


def test_what_could_not_be_checked_does_not_look_like_good(server: Server, tmp_path: Path) -> None:
    new = tmp_path / "new.sql"
    shown = []
    for sql in (f"insert overwrite {TABLE} select * from nowhere", "select 1"):
        new.write_text(sql)
        given = ("impact", "--sql", new, "--server", server.url, "--format")
        shown += [headwater(*given, format_) for format_ in ("table", "markdown")]
    assert [one.returncode for one in shown] == [5, 5, 0, 0]
    table, markdown, nothing, nothing_markdown = (one.stdout for one in shown)
    assert "orders: could not be checked\n" in table
    assert "no difference" not in table
    assert markdown.startswith("### :warning: Lineage check")
    assert "No difference" not in markdown
    assert "\nNot complete: `its columns could not be compared: " in markdown
    for told in (nothing, nothing_markdown):
        assert "othing was compared" in told
        assert "read: 1 statement (select)" in told


@pytest.mark.parametrize(
    ("new", "code", "changes"),
    [
        ('{"order_id": "bigint", "channel": "string"}', 1, ["drop"] * 3),
        (
            "create table t (order_id bigint, customer_id int, amount_eur double, ordered_at timestamp, channel text)",
            0,
            [],
        ),
        ("create table t (order_id bigint, customer_id int, amount_eur double, ordered_at date, channel text)", 0, []),
    ],
)
def test_another_schema_beside_what_is_known(
    server: Server, tmp_path: Path, new: str, code: int, changes: list[str]
) -> None:
    (tmp_path / "new").write_text(new)
    shown = headwater("impact", "--new-schema", ORDERS, tmp_path / "new", "--json", "--server", server.url)
    assert (shown.returncode, shown.stderr) == (code, "")
    (check,) = json.loads(shown.stdout)["checks"]
    assert [one["change"] for one in check["findings"]] == changes


def test_whom_to_tell_of_a_check(server: Server, tmp_path: Path) -> None:
    (tmp_path / "new.sql").write_text(
        f"alter table {TABLE} drop column channel; alter table {TABLE} drop column nothing"
    )
    given = ("impact", "--sql", tmp_path / "new.sql", "--owners", "--server", server.url, "--format")
    told, markdown = (headwater(*given, format_) for format_ in ("json", "markdown"))
    assert (told.returncode, markdown.returncode) == (1, 1)
    answer = json.loads(told.stdout)
    assert answer["parameters"] == {"checked": [ORDERS]}
    assert "nothing" in answer["reason"]
    assert {(row["owner"], row["grade"]) for row in answer["rows"]} >= {(None, "breaks")}
    assert markdown.stdout.startswith("| owner | grade | columns | datasets | jobs | names |\n|---|")
    assert "| `(nobody is named)` | `breaks` |" in markdown.stdout
    assert "not complete: " in markdown.stderr


def test_the_graph_has_no_order_of_columns_to_guess_a_rename_by(server: Server, tmp_path: Path) -> None:
    """Sorted by name, `kanal` stands where `channel` stood."""
    columns = {"amount_eur": "double", "kanal": "string", "customer_id": "int", "order_id": "bigint"}
    (tmp_path / "new").write_text(json.dumps({**columns, "ordered_at": "timestamp"}))
    given = ("--new-schema", ORDERS, tmp_path / "new", "--guess-renames", "--json")
    (check,) = json.loads(headwater("impact", *given, "--server", server.url).stdout)["checks"]
    assert [one["change"] for one in check["findings"]] == ["drop", "add"]
    assert "no rename is guessed" in " ".join(check["notes"])


def test_a_column_that_nothing_reads_breaks_nothing(server: Server, tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text('{"amount": "double", "never_seen": "int"}')
    (tmp_path / "new.json").write_text('{"amount": "double"}')
    files = (tmp_path / "old.json", tmp_path / "new.json")
    shown = headwater("impact", "--schema", RAW, *files, "--format", "markdown", "--server", server.url)
    assert shown.returncode == 0
    assert "| drop | `never_seen` | `int` | nothing known reads it |" in shown.stdout


def test_the_data_folder_alone_will_do(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    headwater("load", "--data", folder, *PIPELINE)
    document = json.loads(PLAN.read_bytes())
    another_type(document)
    (tmp_path / "plan.json").write_text(json.dumps(document))
    assert headwater("impact", "--plan", tmp_path / "plan.json", "--data", folder).returncode == 1
    another_target(document)
    (tmp_path / "plan.json").write_text(json.dumps(document))
    assert headwater("impact", "--plan", tmp_path / "plan.json", "--data", folder).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--plan", "{missing}"), "cannot be read"),
        (("--plan", "{text}"), "holds no execution plan: not JSON"),
        (("--plan", "{events}"), "holds no execution plan: only events"),
        (("--plan", "{invalid}"), "$.operations"),
        (("--schema", RAW, "{text}", "{text}"), "is not JSON"),
        (("--schema", "s3://lake/nowhere", "{text}", "{text}"), "there is no dataset"),
        (("--schema", f"{RAW}#amount", "{text}", "{text}"), "is a column"),
        ((RAW, "--plan", "{text}"), "one of NODE, --plan, --sql, --new-schema and --schema"),
        (("--sql", "{missing}"), "cannot be read"),
        (("--sql", "{text}"), "cannot be read as SQL of spark: it is no statement: no JSON"),
        (("--sql", str(PLAN), "--depth", "2"), "--depth has no meaning with --sql"),
        (("--plan", str(PLAN), "--dialect", "trino"), "--dialect has no meaning with --plan"),
        (("--new-schema", "s3://lake/nowhere", "{text}"), "there is no dataset"),
        (("--new-schema", ORDERS, "{text}"), "is not JSON, nor a CREATE TABLE"),
        ((RAW, "--guess-renames"), "--guess-renames has no meaning with NODE"),
        (("--plan", str(PLAN), "--depth", "2"), "--depth has no meaning with --plan"),
        (("--plan", str(PLAN), "--format", "csv"), "not as csv"),
    ],
)
def test_wrong_use_is_exit_code_2(server: Server, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    places = {name: str(tmp_path / f"{name}.json") for name in ("missing", "text", "events", "invalid")}
    Path(places["text"]).write_text("no JSON")
    Path(places["events"]).write_bytes((PLAN.parent / "003-event.json").read_bytes())
    Path(places["invalid"]).write_text('{"operations": {"write": {"id": 3}}}')
    given = [argument.format(**places) for argument in arguments]
    shown = headwater("impact", *given, "--server", server.url)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert said in shown.stderr


def test_the_types_of_a_plan_over_http(server: Server) -> None:
    plans = server.get("/api/v1/queries/plans?job=spark/pipeline.stage_orders")[1]["rows"]
    status, said = server.get(f"/api/v1/plan-types?plan={plans[0]['id']}")
    assert (status, said["types"]["amount_eur"]) == (200, "double")
    assert server.get("/api/v1/plan-types?plan=plan:none")[0] == 404
    assert server.get("/api/v1/plan-types?plam=x")[0] == 400
