"""Answers in Python, lineage and rows: what a notebook draws."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from headwater.shown import Drawn, Shown

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

    from headwater.queries.answers.answer import Answer, Edge, Node, Table


class Lineage(Drawn):
    """A lineage answer. `nodes` and `edges` are as in the HTTP API; edges point the way the data flows."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer)
        self._answer = answer

    @property
    def root(self) -> str:
        """The id of the node that was asked about."""
        return self._answer.root

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Ordered by distance, then id."""
        return self._answer.nodes

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Ordered by target, then source."""
        return self._answer.edges

    def to_pandas(self) -> pd.DataFrame:
        """The edges as a frame. Needs the extra `frames`."""
        from headwater.queries.answers.frames import to_pandas

        return to_pandas(self._answer)

    def to_networkx(self) -> nx.MultiDiGraph[str]:
        """The answer as a directed multigraph. Needs the extra `frames`."""
        from headwater.queries.answers.frames import to_networkx

        return to_networkx(self._answer)

    def to_mermaid(self) -> str:
        """A Mermaid flow chart."""
        from headwater.queries.drawing.render import mermaid

        return mermaid(self._answer)

    def to_dot(self) -> str:
        """A Graphviz digraph."""
        from headwater.queries.drawing.render import dot

        return dot(self._answer)

    def to_svg(self) -> str:
        """The picture that a notebook shows: SVG without script or network, for a file or a page."""
        from headwater.queries.drawing.svg import svg

        return svg(self._answer)

    def __str__(self) -> str:
        from headwater.queries.drawing.render import text

        return text(self._answer)

    def __repr__(self) -> str:
        state = "complete" if self.complete else f"not complete: {self.reason}"
        size = f"{len(self.nodes)} nodes, {len(self.edges)} edges"
        return f"<Lineage {self._answer.direction} of {self.root}: {size}, {state}>"

    def _text_html(self) -> str:
        """Folded: the tree repeats what the picture says."""
        return f"<details><summary>as a tree</summary>{super()._text_html()}</details>"


class Rows(Shown):
    """An answer of rows: a sequence of mappings. `next` is the parameter `next` of the following page."""

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self._table = table

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys of every row."""
        return self._table.columns

    @property
    def next(self) -> str | None:
        """None on the last page."""
        return self._table.next

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self._table.rows)

    def __len__(self) -> int:
        return len(self._table.rows)

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        return self._table.rows[index]

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a frame. Needs the extra `frames`."""
        from headwater.queries.answers.frames import to_pandas

        return to_pandas(self._table)

    def __repr__(self) -> str:
        return f"<Rows of {self._table.query}: {len(self)} rows>"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        cells = ("".join(f"<td>{html.escape(str(row[name]))}</td>" for name in self.columns) for row in self)
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
