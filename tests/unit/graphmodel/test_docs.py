"""The page about the graph is that of the vocabulary as it is."""

from __future__ import annotations

from pathlib import Path

from headwater.graphmodel.docs import page
from headwater.graphmodel.vocabulary import EDGES, VERTICES

PAGE = Path(__file__).parents[3] / "docs" / "graph.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m headwater.graphmodel.docs > docs/graph.md"


def test_the_page_names_every_label_and_property() -> None:
    named = page()
    properties = {label.name: label.properties for label in VERTICES} | {
        label.name: label.properties for label in EDGES
    }
    for label, known in properties.items():
        assert f"### {label}\n" in named
        assert all(f"| `{name}` |" in named for name in known)
