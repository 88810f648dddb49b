"""The page about the queries is the table of queries."""

from __future__ import annotations

from pathlib import Path

from headwater.queries.catalogue.catalogue import BY_NAME, QUERIES
from headwater.queries.catalogue.docs import page

PAGE = Path(__file__).parents[4] / "docs" / "queries.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "run: python -m headwater.queries.catalogue.docs > docs/queries.md"
    )


def test_the_page_names_every_query_and_parameter() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for query in QUERIES:
        assert f"## {query.name}\n" in text
        for parameter in query.parameters:
            assert f"| `{parameter.name}` | " in text


def test_every_query_is_listed_once_with_what_it_takes() -> None:
    assert len(BY_NAME) == len(QUERIES)
    listed = BY_NAME["upstream"].to_dict()
    assert listed["parameters"][0] == {
        "name": "node",
        "meaning": "a dataset or column, in any spelling",
        "type": "node",
        "required": True,
    }
