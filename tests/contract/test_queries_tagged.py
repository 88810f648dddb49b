"""Tags in the answers, how far they flow, and jobs that are ignored, on every store."""

from __future__ import annotations

import pytest
from gremlin_python.process.traversal import T

from headwater.graphmodel.delta import GraphDelta, edge, vertex
from headwater.graphmodel.statements.effective import StatementIndex, effective
from headwater.graphmodel.statements.json_text import snapshot
from headwater.graphmodel.statements.model import Statement
from headwater.graphmodel.statements.shown import parts
from headwater.graphstore import GraphStore
from headwater.queries.answers.answer import Table
from headwater.queries.answers.errors import NodeNotFound, QueryError
from headwater.queries.answers.impact import Impact
from headwater.queries.catalogue.catalogue import run
from tests.contract.counting import Counting
from tests.contract.queries_world import JOB, MART, RAW, REPORT, ask, derives, pipeline, rows

NOW = 1_700_000_000_000


def apply_statements(store: GraphStore, *statements: Statement) -> None:
    """The parts of these statements, written as the projector writes them."""
    found = store.g.V().project("id", "label").by(T.id).by(T.label).to_list()
    nodes = {row["id"]: row["label"] for row in found if row["label"] in ("dataset", "column", "job")}
    for part in parts(StatementIndex(effective(statements).values()), nodes):
        store.apply(GraphDelta(part.vertices, part.edges))


def tag(subject: str, value: str, **more: object) -> Statement:
    return Statement("tag", subject, value, NOW, **more)  # type: ignore[arg-type]


@pytest.fixture
def graph(store: GraphStore) -> GraphStore:
    """The pipeline, and a column further downstream of the total; the raw price and quantity are `pii`."""
    store.apply(pipeline())
    more = vertex("s3://lake/far#sum", "column", name="sum", dataset="s3://lake/far")
    hashed = vertex("s3://lake/far#hash", "column", name="hash", dataset="s3://lake/far")
    far = vertex("s3://lake/far", "dataset", name="far", namespace="s3://lake")
    edges = (
        derives("s3://lake/far#sum", f"{REPORT}#total", "plan:3"),
        derives("s3://lake/far#hash", f"{REPORT}#total", "plan:3", masking=True, subtype="TRANSFORMATION"),
    )
    store.apply(GraphDelta((far, more, hashed), edges))
    apply_statements(
        store, tag(f"{RAW}#*i*", "pii", by="ann", reason="names"), tag(MART, "owner=bob"), tag(JOB, "tier=1")
    )
    return store


def test_the_nodes_of_an_answer_carry_their_tags(graph: GraphStore) -> None:
    nodes = {node.id: node.tags for node in ask(graph, "upstream", node=f"{MART}#revenue").nodes}
    assert nodes == {f"{MART}#revenue": (), f"{RAW}#price": ("pii",), f"{RAW}#quantity": ("pii",)}
    assert [node.tags for node in ask(graph, "upstream", node=MART, depth=0).nodes] == [("owner=bob",)]


def test_tags_of_a_dataset_and_its_columns(graph: GraphStore) -> None:
    told = {"statedBy": "ann", "statedAt": NOW, "reason": "names", "pattern": f"{RAW}#*i*"}
    price, quantity = ({"node": f"{RAW}#{name}", "tag": "pii", **told} for name in ("price", "quantity"))
    assert rows(graph, "tags", node=RAW) == [price, quantity]
    assert [row["tag"] for row in rows(graph, "tags", node="glue/nightly")] == ["tier=1"]


def test_what_has_a_tag(graph: GraphStore) -> None:
    assert [row["id"] for row in rows(graph, "tagged", tag="pii")] == [f"{RAW}#price", f"{RAW}#quantity"]
    assert [(row["id"], row["tag"]) for row in rows(graph, "tagged", tag="owner=bob")] == [(MART, "owner=bob")]
    assert [tuple(row.values()) for row in rows(graph, "tag-counts")] == [("owner=bob", 1), ("pii", 2), ("tier=1", 1)]
    with pytest.raises(NodeNotFound) as unknown:
        run("tagged", graph.g, {"tag": "pi"})
    assert unknown.value.field == "tag"
    assert list(unknown.value.suggestions) == ["tag:pii"]


def test_a_page_of_many_nodes_costs_what_the_page_is_large(store: GraphStore) -> None:
    nodes = [f"s3://lake/t{number % 7}#c{number:03}" for number in range(150)]
    store.apply(GraphDelta(tuple(vertex(node, "column", name=node.partition("#")[2]) for node in nodes), ()))
    apply_statements(store, tag("s3://lake/*#*", "pii", by="ann"), tag("s3://lake/t1#*", "tier=1"))
    seen: list[str] = []
    following: str | None = "0"
    while following:
        asked = Counting(store.g)
        answer = run("tagged", asked.g, {"tag": "pii", "limit": "40", "next": following})
        assert isinstance(answer, Table)
        assert (asked.results <= 100, answer.complete) == (True, True)
        assert {(row["tag"], row["label"], row["statedBy"]) for row in answer.rows} == {("pii", "column", "ann")}
        seen += [row["id"] for row in answer.rows]
        following = answer.next
    assert seen == sorted(nodes)
    answer = run("matching", store.g, {"pattern": "s3://lake/t*#c1*", "limit": "2", "next": "1"})
    assert isinstance(answer, Table)
    assert [row["id"] for row in answer.rows] == sorted(node for node in nodes if "#c1" in node)[1:3]


def test_a_tag_flows_with_the_values_and_stops_where_they_are_masked(graph: GraphStore) -> None:
    found = {row["id"]: (row["state"], row["distance"], row["path"]) for row in rows(graph, "tag-flow", tag="pii")}
    price, revenue, total = f"{RAW}#price", f"{MART}#revenue", f"{REPORT}#total"
    assert found == {
        price: ("declared", 0, [price]),
        f"{RAW}#quantity": ("declared", 0, [f"{RAW}#quantity"]),
        revenue: ("undeclared", 1, [price, revenue]),
        total: ("undeclared", 2, [price, revenue, total]),
        "s3://lake/far#sum": ("undeclared", 3, [price, revenue, total, "s3://lake/far#sum"]),
        "s3://lake/far#hash": ("masked", 3, [price, revenue, total, "s3://lake/far#hash"]),
    }
    undeclared = rows(graph, "tag-flow", tag="pii", state="undeclared")
    assert [row["id"] for row in undeclared] == [revenue, total, "s3://lake/far#sum"]


def test_what_matches_a_pattern(graph: GraphStore) -> None:
    assert [row["id"] for row in rows(graph, "matching", pattern="s3://lake/*")] == [
        "s3://lake/far",
        MART,
        RAW,
        REPORT,
    ]
    assert [row["id"] for row in rows(graph, "matching", pattern="*#total")] == [f"{REPORT}#total"]
    assert [row["id"] for row in rows(graph, "matching", pattern="job:*")] == [JOB]
    assert rows(graph, "matching", pattern="s3://lake/(x|y)*") == []


def test_the_lineage_of_an_ignored_job_is_left_out(graph: GraphStore) -> None:
    assert len(ask(graph, "downstream", node=f"{RAW}#price").nodes) > 1
    apply_statements(graph, tag(JOB, "ignored"))
    for query, node in (("downstream", f"{RAW}#price"), ("upstream", REPORT), ("both", f"{MART}#revenue")):
        answer = ask(graph, query, node=node, type="all")
        assert {edge.job for edge in answer.edges} <= {None}
    assert {row["state"] for row in rows(graph, "tag-flow", tag="pii")} == {"declared"}


def test_an_ignored_job_of_which_no_column_is_known_is_no_part_of_an_impact(graph: GraphStore) -> None:
    blind = derives(REPORT, RAW, "plan:4", columns=0, subtype=None, exact=False, job="job:spark/blind")
    job = vertex("job:spark/blind", "job", name="blind", namespace="spark")
    graph.apply(GraphDelta((job,), (blind,)))
    for expected in (["job:spark/blind"], []):
        found = run("impact", graph.g, {"node": f"{RAW}#price"})
        assert isinstance(found, Impact)
        assert [item.job for item in found.unknown] == expected
        apply_statements(graph, tag("job:spark/blind", "ignored"))


def test_what_a_system_says_of_a_dataset_and_its_columns(graph: GraphStore) -> None:
    value = {"columns": [{"name": "price", "type": "decimal(9,2)"}], "format": "delta"}
    said = [
        {"kind": "dataset", "subject": RAW, "name": "shop.items", "value": value},
        {"kind": "facts", "subject": RAW, "value": {"rows": 7}},
    ]
    listing = snapshot({"source": "glue", "scope": "shop", "at": NOW, "statements": said})
    apply_statements(graph, *listing.statements)
    facts = [(row["node"], row["key"], row["value"], row["name"]) for row in rows(graph, "facts", node=RAW)]
    assert facts == [
        (RAW, "format", "delta", "shop.items"),
        (RAW, "rows", 7, None),
        (RAW, "table", "shop.items", "shop.items"),
        (f"{RAW}#price", "type", "decimal(9,2)", "shop.items"),
    ]
    assert [row["value"] for row in rows(graph, "facts", node=f"{RAW}#price", key="type")] == ["decimal(9,2)"]
    assert {row["id"]: row["type"] for row in rows(graph, "columns", dataset=RAW)}[f"{RAW}#price"] == "decimal(9,2)"
    assert rows(graph, "facts", node=MART) == []


def reader(principal: str, columns: list[str] | None = None) -> dict[str, object]:
    return {"principal": principal, "through": "table", "columns": columns, "grant": False}


def apply_readers(store: GraphStore, **readers: list[dict[str, object]]) -> None:
    """Who can read the datasets, by the last part of their names."""
    listed = [
        {"kind": "facts", "subject": f"s3://lake/{name}" if name == "far" else NAMED[name], "value": {"readers": them}}
        for name, them in readers.items()
    ]
    said = snapshot({"source": "lakeformation", "scope": "x", "at": NOW, "statements": listed})
    apply_statements(store, *said.statements)


NAMED = {"raw": RAW, "mart": MART, "report": REPORT}


def test_who_can_read_a_column_and_what_its_data_reached(graph: GraphStore) -> None:
    apply_readers(graph, raw=[reader("ann"), reader("bob", ["quantity"])], report=[reader("eve")])
    who = [(row["node"], row["principal"]) for row in rows(graph, "who-can-read", node=f"{RAW}#price")]
    assert who == [(f"{RAW}#price", "ann")]
    assert [row["columns"] for row in rows(graph, "who-can-read", node=RAW)] == [None, ["quantity"]]
    reached = rows(graph, "who-can-read", tag="pii", reached=True)
    assert (f"{REPORT}#total", "eve") in [(row["node"], row["principal"]) for row in reached]
    assert rows(graph, "who-can-read", node=MART) == []  # nothing is known of it, and that is said:
    assert run("who-can-read", graph.g, {"node": MART}).reason == (
        f"no permissions are known of {MART} (headwater glue-catalog sync --lake-formation)"
    )
    for wrong in ({}, {"node": RAW, "tag": "pii"}):
        with pytest.raises(QueryError, match="either node or tag"):
            rows(graph, "who-can-read", **wrong)


def test_a_column_that_more_people_can_read_than_its_source_is_a_finding(graph: GraphStore) -> None:
    apply_readers(graph, raw=[reader("ann"), reader("bob", ["quantity"])], mart=[reader("ann"), reader("bob")])
    assert rows(graph, "wider-access") == [
        {"column": f"{MART}#revenue", "source": f"{RAW}#price", "principals": ["bob"]}
    ]


def test_wider_access_is_found_over_datasets_of_which_nothing_is_known(graph: GraphStore) -> None:
    apply_readers(graph, raw=[reader("ann")], report=[reader("ann"), reader("eve")])
    found = {(row["column"], row["source"], *row["principals"]) for row in rows(graph, "wider-access")}
    assert (f"{REPORT}#total", f"{RAW}#price", "eve") in found


@pytest.mark.parametrize(
    ("mart", "sources"),
    [
        (["ann"], {MART}),  # as closed as what it is made of: the report is compared with it
        (["ann", "eve"], {RAW}),
        (["ann", "bob"], {MART, RAW}),  # open to others
    ],
)
def test_wider_access_is_told_with_each_source_that_closes_it(
    graph: GraphStore, mart: list[str], sources: set[str]
) -> None:
    apply_readers(graph, raw=[reader("ann")], mart=list(map(reader, mart)), report=[reader("ann"), reader("eve")])
    found = [row for row in rows(graph, "wider-access") if row["column"] == f"{REPORT}#total"]
    assert {row["source"].partition("#")[0] for row in found} == sources
    assert all(row["principals"] == ["eve"] for row in found)


def test_what_is_hashed_on_the_way_is_no_finding_of_wider_access(graph: GraphStore) -> None:
    apply_readers(graph, report=[reader("ann")], far=[reader("ann"), reader("eve", ["hash"])])
    assert rows(graph, "wider-access") == []


def test_the_tables_at_a_path_the_nearest_first(graph: GraphStore) -> None:
    columns = [{"name": name, "partitionKey": True} for name in ("dt", "hour")]
    listed = [
        {"kind": "dataset", "subject": RAW, "name": name, "value": {"columns": columns}}
        for name in ("shop.items", "shop.copy")
    ]
    said = snapshot({"source": "glue", "scope": "shop", "at": NOW, "statements": listed})
    apply_statements(graph, *said.statements)
    graph.apply(GraphDelta((vertex("s3://lake", "dataset", name="lake", namespace="s3://lake"),)))
    path = RAW.replace("s3://", "s3a://") + "/dt=2026-01-01/hour=7/part-0.parquet"
    nearest, bucket = rows(graph, "at-path", path=path)
    rest = "dt=2026-01-01/hour=7/part-0.parquet"
    assert nearest == {
        "dataset": RAW,
        "tables": ["shop.copy", "shop.items"],
        "rest": rest,
        "partition": {"dt": "2026-01-01", "hour": "7"},
    }
    assert (bucket["dataset"], bucket["tables"], bucket["partition"]) == ("s3://lake", [], None)
    assert rows(graph, "at-path", path=f"{RAW}/2026-01-01/7")[0]["partition"] == {"dt": "2026-01-01", "hour": "7"}
    assert rows(graph, "at-path", path=RAW)[0] == {**nearest, "rest": None, "partition": None}
    assert rows(graph, "at-path", path=f"{RAW}_more/x") == [{**bucket, "rest": rows_rest(RAW)}]
    assert rows(graph, "at-path", path="nowhere") == []


def rows_rest(dataset: str) -> str:
    return f"{dataset.removeprefix('s3://lake/')}_more/x"


def test_a_dataset_whose_id_is_another_name_of_another_one_is_told(graph: GraphStore) -> None:
    arn = "arn:aws:glue:eu-west-1:1:table/shop/goods"
    alias = vertex(f"alias:{arn}", "alias", name=arn)
    graph.apply(GraphDelta((vertex(arn, "dataset", name="goods", namespace="x"), alias)))
    graph.apply(GraphDelta((), (edge("aliasOf", alias.id, RAW),)))
    assert {"name": "shop/goods", "datasets": sorted((arn, RAW)), "columns": 0} in [
        {**row, "name": "shop/goods"} for row in rows(graph, "two-names")
    ]
