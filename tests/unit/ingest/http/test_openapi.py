"""The API as OpenAPI: a valid document, which names every route and every query, and the page made from it."""

from __future__ import annotations

from pathlib import Path

from openapi_spec_validator import validate

from headwater.ingest.http import openapi
from headwater.queries.catalogue.catalogue import QUERIES

PAGE = Path(__file__).parents[4] / "docs" / "http.md"


def test_the_document_is_valid_openapi() -> None:
    document = openapi.document("1.2.3")
    validate(document)
    assert (document["openapi"], document["info"]["version"]) == ("3.1.0", "1.2.3")


def test_every_query_has_a_path_with_its_parameters_and_columns() -> None:
    paths = openapi.document("1")["paths"]
    for query in QUERIES:
        asked = paths[f"/api/v1/queries/{query.name}"]["get"]
        assert [each["name"] for each in asked["parameters"]] == [*(each.name for each in query.parameters), "after"]
        if query.shape == "rows":
            answer = asked["responses"]["200"]["content"]["application/json"]["schema"]["allOf"][1]
            assert answer["properties"]["rows"]["items"]["required"] == list(query.columns)


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == openapi.page(), (
        "run: python -m headwater.ingest.http.openapi > docs/http.md"
    )
