"""Spline's Consumer API: what its UI and people's scripts ask of a Spline server, asked of the recorded jobs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from jsonschema import Draft202012Validator

from headwater.ingest.folder.service import Service
from headwater.ingest.http.api import add_routes
from headwater.ingest.http.tokens import TokenStore
from headwater.spline_bridge import consumer
from tests.acceptance.door import serving
from tests.contract.test_projector import recorded
from tests.golden import openlineage
from tests.golden.recorded import PAYLOADS, payloads

SCHEMA = json.loads((Path(__file__).parent / "spline_consumer_schema.json").read_text(encoding="utf-8"))
PIPELINE = sorted(path.name for path in PAYLOADS.glob("l0*"))
OTHERS = (
    "h01_tables_and_modes",
    "j01_failing_write",
    "proto_api_1_0_no_headers",
    "i01_jdbc_postgres",
    "k01_delta_lifecycle",
)
MART = "file:/data/lake/pipe/mart/customer_orders"


class Asked:
    """A client of the routes in this process."""

    def __init__(self, client: TestClient[web.Request, web.Application], loop: asyncio.AbstractEventLoop) -> None:
        self._client, self._loop = client, loop

    def get(self, path: str, parameters: Mapping[str, Any] | None = None, status: int = 200) -> Any:
        """The JSON, or text, of an answer."""

        async def ask() -> tuple[int, bytes, str]:
            answer = await self._client.get(f"/consumer/{path}", params=parameters or {})
            return answer.status, await answer.read(), answer.content_type

        found, body, kind = self._loop.run_until_complete(ask())
        assert found == status, body
        return json.loads(body) if kind == "application/json" else body.decode()

    def valid(self, shape: str, path: str, **parameters: Any) -> Any:
        """The answer, which has the shape of the public description."""
        answer = self.get(path, parameters)
        Draft202012Validator({"$ref": f"#/$defs/{shape}", "$defs": SCHEMA["$defs"]}).validate(answer)
        return answer


@pytest.fixture(scope="module")
def spline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    entries = [entry for case in (*PIPELINE, *OTHERS) for entry in recorded(case)]
    entries += openlineage.entries("a01_customers_clean", "x01_dbt_build")
    loop = asyncio.new_event_loop()
    with Service.open(tmp_path_factory.mktemp("consumer") / "data") as service:
        service.ledger.append(entries)
        service.catch_up()
        app = web.Application()
        add_routes(app, service)
        client = TestClient(TestServer(app, loop=loop), loop=loop)
        loop.run_until_complete(client.start_server())
        yield Asked(client, loop)
        loop.run_until_complete(client.close())
    loop.close()


def events(spline: Asked, **parameters: Any) -> dict[str, Any]:
    answer: dict[str, Any] = spline.valid("PageableExecutionEventsResponse", "execution-events", **parameters)
    return answer


def event_of(spline: Asked, uri: str) -> dict[str, Any]:
    found: dict[str, Any] = events(spline, dataSourceUri=uri)["items"][0]
    return found


def test_all_events_page_by_page_newest_first(spline: Asked) -> None:
    whole = events(spline, pageSize=1000)
    assert whole["totalCount"] == len(whole["items"]) > 30
    times = [one["timestamp"] for one in whole["items"]]
    assert times == sorted(times, reverse=True)
    pages = [events(spline, pageSize=7, pageNum=number)["items"] for number in range(1, whole["totalCount"] // 7 + 2)]
    assert [one for page in pages for one in page] == whole["items"]
    assert events(spline, pageNum=10_000)["items"] == []


def test_an_event_says_what_its_plan_says(spline: Asked) -> None:
    (recorded_event,) = json.loads((PAYLOADS / "l03_mart_customer_orders" / "003-event.json").read_bytes())
    item = event_of(spline, MART)
    assert item["executionPlanId"] == recorded_event["planId"]
    assert int(item["executionEventId"].rpartition(":")[2], 36) == recorded_event["timestamp"] == item["timestamp"]
    assert item == {
        **item,
        "frameworkName": "spark 3.5.9",
        "applicationName": "pipeline.mart_customer_orders",
        "applicationId": recorded_event["extra"]["appId"],
        "dataSourceName": "customer_orders",
        "dataSourceUri": MART,
        "dataSourceType": "parquet",
        "append": False,
        "durationNs": recorded_event["durationNs"],
        "error": None,
    }
    assert events(spline, dataSourceUri=MART.replace("file:", "file://"))["items"] == [item]  # in any spelling
    failed = [one for one in events(spline, pageSize=1000)["items"] if one["error"]]
    assert failed


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize(
    "field", ["timestamp", "durationNs", "applicationId", "applicationName", "dataSourceUri", "append", "frameworkName"]
)
def test_events_are_sorted_by_any_field(spline: Asked, field: str, order: str) -> None:
    found = events(spline, sortField=field, sortOrder=order, pageSize=1000)
    values = [(one[field] is not None, one[field] if one[field] is not None else 0) for one in found["items"]]
    assert values == sorted(values, reverse=order == "desc")
    assert found["totalCount"] == events(spline)["totalCount"]


def test_events_are_filtered(spline: Asked) -> None:
    whole = events(spline, pageSize=1000)["items"]
    first, last = sorted(one["timestamp"] for one in whole)[2:5:2]
    some = events(spline, timestampStart=first, timestampEnd=last, pageSize=1000)
    assert {one["timestamp"] for one in some["items"]} == {
        t["timestamp"] for t in whole if first <= t["timestamp"] <= last
    }
    appended = events(spline, append="true", pageSize=1000)["items"]
    assert appended
    assert all(one["append"] for one in appended)
    assert len(appended) + events(spline, append="false")["totalCount"] == len(whole)
    assert events(spline, append="true,false,")["totalCount"] == len(whole)
    one = event_of(spline, MART)
    assert one in events(spline, applicationId=one["applicationId"])["items"]
    assert (
        events(spline, searchTerm="CUSTOMER_ORD")["items"]
        == [each for each in whole if "customer_ord" in f"{each['applicationName']} {each['dataSourceUri']}".lower()][
            :10
        ]
    )
    assert events(spline, label="team:x")["totalCount"] == 0
    ranged = events(spline, **{"facet.timestamp": "true", "timestampStart": first, "timestampEnd": first})
    assert ranged["totalDateRange"] == [whole[-1]["timestamp"], whole[0]["timestamp"]]
    assert ranged["totalCount"] == 1
    assert events(spline, asAtTime=1)["totalCount"] == 0  # nothing had been received by then


def test_data_sources_have_their_last_write_or_none(spline: Asked) -> None:
    answer = spline.valid("PageableExecutionEventsResponse", "data-sources", pageSize=1000)
    by_uri = {one["dataSourceUri"]: one for one in answer["items"]}
    assert list(by_uri) == sorted(by_uri)
    mart = by_uri["file:///data/lake/pipe/mart/customer_orders"]
    assert {**mart, "dataSourceUri": MART} == event_of(spline, MART)
    raw = by_uri["file:///data/lake/raw/shop/orders.csv"]
    assert raw["executionEventId"] is None
    never = spline.get("data-sources", {"append": "", "pageSize": 1000})
    assert raw in never["items"]
    assert mart not in never["items"]


def test_every_plan_and_each_of_its_operations(spline: Asked) -> None:
    plans = spline.valid("PageableExecutionPlansResponse", "execution-plans", pageSize=1000)
    assert plans["totalCount"] == len(plans["items"]) > 20
    for info in plans["items"]:
        detailed = spline.valid("LineageDetailed", f"execution-plans/{info['_id']}")
        assert detailed["executionPlan"] == info
        assert detailed == spline.get("lineage-detailed", {"execId": info["_id"]})
        nodes = {node["_id"] for node in detailed["graph"]["nodes"]}
        assert {end for edge in detailed["graph"]["edges"] for end in edge.values()} <= nodes
        for node in nodes:
            details = spline.valid("OperationDetails", f"operations/{node}")
            assert len(details["schemas"]) == len(details["inputs"]) + 1 == details["output"] + 1
        for attribute in info["extra"]["attributes"][:5]:
            spline.valid("AttributeLineageAndImpact", "attribute-lineage-and-impact", attributeId=attribute["id"])


def test_the_operations_of_a_plan_in_the_direction_of_the_data(spline: Asked) -> None:
    plan = event_of(spline, MART)["executionPlanId"]
    detailed = spline.get(f"execution-plans/{plan}")
    kinds = {node["_id"]: (node["_type"], node["name"]) for node in detailed["graph"]["nodes"]}
    assert kinds[f"{plan}:op-0"] == ("Write", "InsertIntoHadoopFsRelationCommand")
    edges = {(edge["source"], edge["target"]) for edge in detailed["graph"]["edges"]}
    assert {(f"{plan}:op-1", f"{plan}:op-0"), (f"{plan}:op-5", f"{plan}:op-4")} <= edges
    assert detailed["executionPlan"]["output"] == {"source": MART, "sourceType": "parquet"}
    assert [one["source"] for one in detailed["executionPlan"]["inputs"]] == [
        "file:/data/lake/pipe/staging/customers",
        "file:/data/lake/pipe/staging/orders",
    ]
    assert spline.get(f"execution-plans/{plan}/data-sources", {"access": "write"}) == [MART]
    assert len(spline.get(f"execution-plans/{plan}/data-sources")) == 3
    written = spline.get(f"execution-plans/{plan}/write-op")  # by way of a redirection
    assert written["operation"]["_id"] == f"{plan}:op-0"
    assert written["operation"]["properties"]["outputSource"] == MART


def test_a_condition_is_a_tree_of_expressions(spline: Asked) -> None:
    plan = event_of(spline, MART)["executionPlanId"]
    join = spline.get(f"operations/{plan}:op-2")
    condition = join["operation"]["properties"]["condition"]
    assert (condition["_typeHint"], condition["symbol"]) == ("expr.Binary", "=")
    assert [(one["_typeHint"], one["name"], one["refId"]) for one in condition["children"]] == [
        ("expr.AttrRef", "customer_id", f"{plan}:attr-0"),
        ("expr.AttrRef", "customer_id", f"{plan}:attr-6"),
    ]
    assert [len(schema) for schema in join["schemas"]] == [5, 5, 10]
    named = {one["id"] for one in join["dataTypes"]}
    assert {one["dataTypeId"] for schema in join["schemas"] for one in schema} <= named


def test_where_an_attribute_comes_from_and_what_it_goes_into(spline: Asked) -> None:
    plan = event_of(spline, "/data/lake/pipe/staging/orders")["executionPlanId"]
    attributes = spline.get(f"execution-plans/{plan}")["executionPlan"]["extra"]["attributes"]
    (derived,) = (one["id"] for one in attributes if one["name"] == "amount_eur")
    lineage = spline.get("attribute-lineage-and-impact", {"attributeId": derived})["lineage"]
    assert {"amount", "rate_to_eur", "amount_eur"} <= {node["name"] for node in lineage["nodes"]}
    reads = {node["_id"]: node for node in spline.get(f"execution-plans/{plan}")["graph"]["nodes"]}
    origin = next(node for node in lineage["nodes"] if node["name"] == "rate_to_eur" and not_derived(node, lineage))
    assert reads[origin["originOpId"]]["_type"] == "Read"
    assert origin["transOpIds"]
    impact = spline.get("attribute-lineage-and-impact", {"attributeId": origin["_id"]})["impact"]
    assert derived in {node["_id"] for node in impact["nodes"]}
    assert {"source": derived, "target": origin["_id"]} in [*impact["edges"], *lineage["edges"]]


def not_derived(node: dict[str, Any], graph: dict[str, Any]) -> bool:
    return node["_id"] not in {edge["source"] for edge in graph["edges"]}


def test_lineage_and_impact_across_plans(spline: Asked) -> None:
    last = event_of(spline, "/data/lake/pipe/out/churn_by_country")
    overview = spline.valid("LineageOverview", "lineage-overview", eventId=last["executionEventId"], maxDepth=20)
    names = {node["name"] for node in overview["graph"]["nodes"]}
    assert {"pipeline.features", "pipeline.stage_orders", "file:///data/lake/raw/shop/orders.csv"} <= names
    by_name = {node["name"]: node["_id"] for node in overview["graph"]["nodes"]}
    edges = {(edge["source"], edge["target"]) for edge in overview["graph"]["edges"]}
    mart = by_name["file:///data/lake/pipe/mart/customer_orders"]
    assert (by_name["pipeline.mart_customer_orders"], mart) in edges
    assert (mart, by_name["pipeline.features"]) in edges
    assert overview["info"]["targetDataSourceId"] == by_name["file:///data/lake/pipe/out/churn_by_country"]
    assert (overview["graph"]["depthRequested"], overview["graph"]["depthComputed"]) == (20, 6)
    near = spline.get("lineage-overview", {"eventId": last["executionEventId"], "maxDepth": 1})
    assert [node["_type"] for node in near["graph"]["nodes"]].count("ExecutionNode") == 1
    first = event_of(spline, "/data/lake/pipe/staging/orders")
    impact = spline.valid("LineageOverview", "impact-overview", eventId=first["executionEventId"], maxDepth=20)
    assert {"pipeline.mart_customer_orders", "pipeline.score_report"} <= {n["name"] for n in impact["graph"]["nodes"]}
    nothing = spline.valid("LineageOverview", "lineage-overview", eventId=last["executionEventId"], maxDepth=0)
    assert (len(nothing["graph"]["nodes"]), nothing["graph"]["depthComputed"]) == (1, -1)


def test_what_openlineage_told_is_shown_as_a_plan_too(spline: Asked) -> None:
    (item,) = events(spline, searchTerm="mart_customers")["items"][:1]
    assert item["applicationName"] == "model.shop.mart_customers"
    detailed = spline.valid("LineageDetailed", f"execution-plans/{item['executionPlanId']}")
    assert [node["_type"] for node in detailed["graph"]["nodes"]].count("Write") == 1
    written = detailed["executionPlan"]["extra"]["attributes"][0]["id"]
    spline.valid("AttributeLineageAndImpact", "attribute-lineage-and-impact", attributeId=written)
    spline.valid("LineageOverview", "lineage-overview", eventId=item["executionEventId"])


def test_labels_of_plans() -> None:
    plan = json.loads(next(p for p in payloads("a01_customers_clean") if p.kind == "plan").body)
    shown = consumer.ConsumerPlan("id", {**plan, "labels": {"team": ["sales", "crm"]}})
    assert shown.labels == {"team": ["sales", "crm"]}


WRONG = [
    ("execution-events", {"pageNum": str(2**63 - 1), "pageSize": "1000"}, 400, "pageNum"),
    ("execution-plans", {"pageNum": str(2**63 - 1)}, 400, "pageNum"),
    ("execution-events", {"pageNum": "0"}, 400, "pageNum"),
    ("execution-events", {"pageSize": "many"}, 400, "pageSize"),
    ("execution-events", {"sortField": "_key"}, 400, "sortField"),
    ("execution-events", {"append": "maybe"}, 400, "append"),
    ("execution-events", {"label": "team"}, 400, "label"),
    ("execution-events", {"timestampStart": "-1"}, 400, "timestampStart"),
    ("lineage-overview", {}, 400, "eventId"),
    ("lineage-overview", {"eventId": "x:1"}, 404, "x:1"),
    ("lineage-overview", {"eventId": "x"}, 404, "x"),
    ("impact-overview", {"eventId": "x:1", "maxDepth": "far"}, 400, "maxDepth"),
    ("execution-plans/00000000-0000-0000-0000-000000000000", {}, 404, "00000000"),
    ("operations/op-1", {}, 404, "not found"),
    ("attribute-lineage-and-impact", {"attributeId": "a:b"}, 404, "not found"),
    ("execution-plans/x/data-sources", {"access": "delete"}, 400, "access"),
    ("nothing", {}, 404, "docs/consumer.md"),
]


@pytest.mark.parametrize(("path", "parameters", "status", "named"), WRONG)
def test_a_question_that_cannot_be_asked_names_what_is_wrong(
    spline: Asked, path: str, parameters: dict[str, str], status: int, named: str
) -> None:
    answer = spline.get(path, parameters, status)
    if status == 404:
        Draft202012Validator({"$ref": "#/$defs/ErrorRef", "$defs": SCHEMA["$defs"]}).validate(answer)
        answer = answer["message"]
    assert named in answer


def test_an_operation_of_a_plan_that_is_not_there(spline: Asked) -> None:
    plan = event_of(spline, MART)["executionPlanId"]
    assert "op-99" in spline.get(f"operations/{plan}:op-99", status=404)["message"]


def test_expressions_that_repeat_each_other_end_as_one_sentence() -> None:
    binary = {"name": "+", "extra": {"_typeHint": "expr.Binary"}}
    functions: list[dict[str, Any]] = [{"id": "e0", "name": "x"}]
    functions += [{**binary, "id": f"e{n}", "childRefs": [{"__exprId": f"e{n - 1}"}] * 2} for n in range(1, 60)]
    document = {
        "operations": {"write": {"id": "w", "outputSource": "s3://a/b", "params": {"x": {"__exprId": "e59"}}}},
        "expressions": {"functions": functions},
    }
    with pytest.raises(consumer.TooLarge):
        consumer.ConsumerPlan("id", document).operation("w")


def test_it_needs_a_token_to_read_and_takes_no_writing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    token = TokenStore(data).add(["read"], "script")
    with serving(data) as server:
        assert server.get("/consumer/execution-events")[0] == 401
        status, answer = server.get("/consumer/execution-events", Authorization=f"Bearer {token}")
        assert (status, answer["totalCount"]) == (200, 0)
        status, answer = server.get("/consumer/lineage-overview?eventId=x", Authorization=f"Bearer {token}")
        assert (status, answer["message"]) == (404, "Event ID: x")
