"""What a real server answers is what its OpenAPI document says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from jsonschema import Draft202012Validator

from headwater.client import Client
from headwater.loading import through
from tests.acceptance.door import PIPELINE, Server, headwater, serving

LAST = "file:///data/lake/pipe/out/churn_by_country"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("openapi") / "data") as running:
        through(Client(running.url), map(Path, PIPELINE), lambda _done, _total: None)
        assert running.get("/api/v1/stats?after=18")[0] == 200
        assert headwater("verify", "--data", running.folder).returncode == 0
        yield running


@pytest.fixture(scope="module")
def document(server: Server) -> Any:
    status, document = server.get("/api/v1/openapi.json")
    assert status == 200
    return document


@pytest.mark.parametrize(
    "asked",
    [
        "queries",
        "stats",
        "parked",
        "me",
        "first-plan",
        "naming",
        f"column-types?dataset={quote(LAST, safe='')}",
        f"lineage?node={quote(LAST, safe='')}&direction=both&level=column&type=all&counts=true&behind=true",
        f"lineage?node={quote(LAST, safe='')}&level=dataset",
        "search?q=orders",
        f"queries/impact?node={quote('file:///data/lake/raw/shop/orders.csv#amount', safe='')}",
        f"queries/paths?from=rates.csv&to={quote(LAST, safe='')}",
        "queries/latest-runs",
        "queries/coverage",
        "../../ready",
        "../../health",
        "../../api",
    ],
)
def test_an_answer_is_as_described(server: Server, document: Any, asked: str) -> None:
    path = f"/api/v1/{asked}" if not asked.startswith("../../") else f"/{asked[6:]}"
    status, answer = server.get(path)
    described = document["paths"][path.partition("?")[0]]["get"]["responses"][str(status)]
    schema = {**described["content"]["application/json"]["schema"], "components": document["components"]}
    Draft202012Validator(schema).validate(answer)


def test_every_route_of_the_api_is_described(server: Server, document: Any) -> None:
    routes = server.get("/api/v1/nothing")[1]["suggestions"]
    of_its_own = {"/api/v1/queries/{name}", "/api/v1/openapi.json", "/api/v1/statements/check"}
    assert set(routes) - set(document["paths"]) == of_its_own


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1", "/api/v1/"])
def test_who_asks_for_the_api_itself_gets_its_list(server: Server, document: Any, path: str) -> None:
    status, answer = server.get(path)
    assert (status, answer["openapi"]) == (200, "/api/v1/openapi.json")
    assert answer["paths"].keys() == {"/", "/gremlin", *document["paths"]}
    assert answer["paths"]["/api/v1/parked/retry"] == {"POST": "try the parked entries again"}
    assert server.get("/api/v2")[0] == 404
    assert server.get("/consumer")[0] == 404


def test_an_error_is_as_described(server: Server, document: Any) -> None:
    status, answer = server.get("/api/v1/lineage?node=nothing")
    assert status == 404
    Draft202012Validator(document["components"]["schemas"]["Error"]).validate(answer)


def test_the_last_check_of_the_ledger_is_told(server: Server) -> None:
    stats = server.get("/api/v1/stats")[1]
    assert (stats["verified"]["ok"], stats["verified"]["entries"]) == (True, stats["entries"])
    assert stats["bytes"] > 100_000
