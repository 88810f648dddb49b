"""Makes the page about the graph from the vocabulary: ``python -m headwater.graphmodel.docs > docs/graph.md``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headwater.graphmodel.vocabulary import EDGES, VERTICES, EdgeLabel, Property, VertexLabel

_HEAD = """\
<!-- Made by `python -m headwater.graphmodel.docs > docs/graph.md` from the tables in graphmodel/vocabulary.py. -->

# The graph

The graph has **entities** (data), **activities** (what ran) and **relationships** (what was derived from what).
Every element is a **fact** or a **view**. A fact is only ever added. A view is computed from all that is in the ledger,
so a new payload can replace it. Ids are functions of the content: the same payloads give the same graph, in whatever
order they arrive.

An edge of lineage points from the derived end to its source, as `prov:wasDerivedFrom` does; in an answer, `source` is
the upstream end. Nested fields are not vertices: the path of a field is the edge's `sourceField`.
"""


def page() -> str:
    """The whole page, in Markdown."""
    parts = [_HEAD, _diagram(), "## Vertices\n", *map(_vertex, VERTICES), "## Edges\n", *map(_edge, EDGES)]
    return "\n".join(parts)


def _diagram() -> str:
    lines = [f"    {source} -- {label.name} --> {target}" for label in EDGES for source, target in label.ends]
    return "\n".join(["```mermaid", "flowchart LR", *lines, "```\n"])


def _vertex(label: VertexLabel) -> str:
    names = _names(label.prov, label.openlineage)
    what = f"{_sentence(label.meaning)} Key: `{label.key}`. A {label.kind}.{names}"
    return f"### {label.name}\n\n{what}\n\n{_table(label.properties)}"


def _edge(label: EdgeLabel) -> str:
    ends = ", ".join(f"{source} → {target}" for source, target in label.ends)
    names = _names(label.prov, label.openlineage)
    return f"### {label.name}\n\n{ends}: {label.meaning}. A {label.kind}.{names}\n\n{_table(label.properties)}"


def _names(prov: str | None, openlineage: str | None) -> str:
    known = [f"PROV: `{prov}`"] if prov else []
    known += [f"OpenLineage: {openlineage}"] if openlineage else []
    return f" {'; '.join(known)}." if known else ""


def _table(properties: Mapping[str, Property]) -> str:
    if not properties:
        return ""
    rows = ["| property | type | what |", "|---|---|---|", *_rows(properties)]
    return "\n".join(rows) + "\n"


def _rows(properties: Mapping[str, Property]) -> Iterable[str]:
    for name, known in properties.items():
        unit = f", {known.unit}" if known.unit else ""
        view = " (a view)" if known.view else ""
        yield f"| `{name}` | {known.type}{unit} | {known.meaning}{view} |"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the page is what this prints
