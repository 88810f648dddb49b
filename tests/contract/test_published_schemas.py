"""What is published is valid by OpenLineage's own JSON schemas. Opt-in: the schemas are not part of this project.

    HEADWATER_OPENLINEAGE_SPEC=/path/to/OpenLineage/spec pytest tests/contract/test_published_schemas.py

The folder has `OpenLineage.json` and `facets/*.json`, as in a checkout of OpenLineage. Nothing is
fetched here.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from headwater.graphmodel.statements.json_text import text
from headwater.graphmodel.statements.model import Statement
from headwater.ingest.ledger.entries import NewEntry
from headwater.ingest.ledger.ledger import open_ledger
from headwater.ingest.publishing.backends import FileBackend
from headwater.ingest.publishing.publisher import Selection
from headwater.ingest.publishing.running import Target, publish
from tests.contract.test_projector import recorded

FOLDER = os.environ.get("HEADWATER_OPENLINEAGE_SPEC", "")
CASES = ("l01_stage_customers", "l03_mart_customer_orders", "h01_tables_and_modes", "j01_failing_write", "k02_iceberg")
MART = "file:///data/lake/pipe/mart/customer_orders"
SAID = (
    Statement("tag", MART, "pii", 1),
    Statement("tag", MART, "owner=finance", 1),
    Statement("tag", f"{MART}#amount_eur", "unit=EUR", 1),
    Statement("description", MART, "orders", 1),
)

pytestmark = pytest.mark.skipif(not FOLDER, reason="HEADWATER_OPENLINEAGE_SPEC names no folder")


def schemas() -> dict[str, Any]:
    """The schemas by their id."""
    files = [Path(FOLDER) / "OpenLineage.json", *sorted((Path(FOLDER) / "facets").glob("*.json"))]
    found = [json.loads(file.read_text("utf-8")) for file in files]
    return {schema["$id"]: schema for schema in found}


def validator(of: dict[str, Any], url: str) -> Draft202012Validator:
    registry: Registry[Any] = Registry().with_resources([(key, Resource.from_contents(one)) for key, one in of.items()])
    return Draft202012Validator({"$ref": url}, registry=registry)


def facets(value: Any) -> Iterator[dict[str, Any]]:
    """All facets in an event."""
    if isinstance(value, dict):
        if "_schemaURL" in value:
            yield value
        for one in value.values():
            yield from facets(one)
    elif isinstance(value, list):
        for one in value:
            yield from facets(one)


def test_events_and_all_their_facets_are_valid(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "data") as ledger:
        ledger.append([entry for case in CASES for entry in recorded(case)])
        ledger.append([NewEntry("headwater.statement", "application/json", text(one)) for one in SAID])
    file = tmp_path / "runs.ndjson"
    target = Target(str(file), lambda: FileBackend(str(file)))
    publish(tmp_path / "data", target, "urn:headwater:1", Selection(), lambda _done, _of: None)
    known = schemas()
    core = next(key for key in known if key.endswith("/OpenLineage.json"))
    validators = {"event": validator(known, f"{core}#/$defs/RunEvent")}
    seen = set()
    for line in file.read_text("utf-8").splitlines():
        event = json.loads(line)
        assert [error.message for error in validators["event"].iter_errors(event)] == []
        for facet in facets(event):
            _, _, name = facet["_schemaURL"].rpartition("/")
            url = next((f"{key}#/$defs/{name}" for key in known if key.endswith(f"/{name}.json")), None)
            if url is None:  # of Headwater's own: any facet of its place
                url = f"{core}#/$defs/{name}"
            check = validators.setdefault(url, validator(known, url))
            assert [error.message for error in check.iter_errors(facet)] == [], facet
            seen.add(name)
    assert {"SchemaDatasetFacet", "ColumnLineageDatasetFacet", "TagsDatasetFacet", "ErrorMessageRunFacet"} <= seen
