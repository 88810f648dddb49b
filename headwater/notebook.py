"""Answers in Python as a notebook shows them: lineage, rows, impact, paths.

Each wraps an answer of `headwater.queries.answers`, and adds what a person does with it: draw it, turn it into a frame,
print it. Not here: how an answer is computed or drawn.
"""

from __future__ import annotations

import html
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from headwater.errors import extra

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

    from headwater.queries.answers.answer import Answer, Edge, Node, Table
    from headwater.queries.answers.audit import Audit as AuditOfModel
    from headwater.queries.answers.audit import Row
    from headwater.queries.answers.impact import AffectedNode
    from headwater.queries.answers.impact import Impact as ImpactOfChange
    from headwater.queries.answers.paths import Paths as PathsBetween
    from headwater.widget import AskAgain


def _printable(text: str) -> str:
    """Names are other people's text: without escape sequences, and nothing that turns the direction of writing."""
    from headwater.queries.drawing.escape import terminal

    return terminal(text)


class _Answer(Protocol):
    """An answer as `queries` has it."""

    @property
    def complete(self) -> bool:
        """Whether it is all."""

    @property
    def reason(self) -> str | None:
        """Why it is not."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""


class NotebookAnswer:
    """An answer. Made by a `headwater.Graph`."""

    def __init__(self, answer: _Answer) -> None:
        self._plain = answer

    @property
    def complete(self) -> bool:
        """Whether this is all; else `reason` says why not: limit, deadline or depth."""
        return self._plain.complete

    @property
    def reason(self) -> str | None:
        """Why it is not complete."""
        return self._plain.reason

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON, in the shape of the HTTP API."""
        return self._plain.to_dict()


class Drawing(NotebookAnswer, ABC):
    """An answer that has a picture, and is readable as text."""

    @abstractmethod
    def to_svg(self) -> str:
        """The picture that a notebook shows: SVG without script or network, for a file or a page."""

    def _repr_svg_(self) -> str:
        """The picture, for what shows no HTML."""
        return self.to_svg()

    def _repr_html_(self) -> str:
        """The picture, for a notebook, above the text: escaped, without a network."""
        return f"<div style='overflow-x:auto'>{self.to_svg()}</div>{self._text_html()}"

    def _text_html(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


class Lineage(Drawing):
    """A lineage answer. `nodes` and `edges` are as in the HTTP API; edges point the way the data flows."""

    def __init__(self, answer: Answer, again: AskAgain | None = None) -> None:
        """`again` asks the same question with other parameters: what a notebook's picture needs to be expanded."""
        super().__init__(answer)
        self._answer = answer
        self._again = again

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

        with extra("frames", "to_pandas()"):
            return to_pandas(self._answer)

    def to_networkx(self) -> nx.MultiDiGraph[str]:
        """The answer as a directed multigraph. Needs the extra `frames`."""
        from headwater.queries.answers.frames import to_networkx

        with extra("frames", "to_networkx()"):
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
        from headwater.queries.drawing.render import summary, text

        return f"{text(self._answer)}{_printable(summary(self._answer))}"

    def __repr__(self) -> str:
        state = "complete" if self.complete else f"not complete: {self.reason}"
        size = f"{len(self.nodes)} nodes, {len(self.edges)} edges"
        return _printable(f"<Lineage {self._answer.direction} of {self.root}: {size}, {state}>")

    def to_widget(self) -> Any:
        """The page's graph, to be clicked on in a notebook; shown by itself where the extra `notebook` is installed."""
        from headwater.widget import lineage_widget

        answer = self._answer if self._again is None else self._again(counts=True)
        with extra("notebook", "to_widget()"):
            return lineage_widget(answer.to_dict(), self._again)

    def _repr_mimebundle_(self, **_kinds: object) -> dict[str, Any]:
        """The graph as a widget beside the picture: a saved notebook shows the picture where no kernel runs."""
        from headwater.widget import can_show

        if not can_show():
            return {}
        data, _metadata = self.to_widget()._repr_mimebundle_()
        return {**data, "text/plain": repr(self), "text/html": self._repr_html_()}

    def _text_html(self) -> str:
        """Folded: the tree repeats what the picture says."""
        return f"<details><summary>as a tree</summary>{super()._text_html()}</details>"


class Rows(NotebookAnswer):
    """An answer of rows: a sequence of mappings. `next` is the parameter `next` of the following page.

    Times in rows are datetimes in UTC. `to_dict` has them as the HTTP API does, in ms since 1970.
    """

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
        return map(_with_datetimes, self._table.rows)

    def __len__(self) -> int:
        return len(self._table.rows)

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        return _with_datetimes(self._table.rows[index])

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a frame. Needs the extra `frames`."""
        from headwater.queries.answers.frames import to_pandas

        with extra("frames", "to_pandas()"):
            return to_pandas(self._table)

    def __repr__(self) -> str:
        return f"<Rows of {self._table.query}: {len(self)} row{'' if len(self) == 1 else 's'}>"

    def __str__(self) -> str:
        from headwater.queries.drawing.rows import plain

        return plain(self._table, shutil.get_terminal_size().columns)

    def _repr_html_(self) -> str:
        from headwater.queries.drawing.rows import as_html

        return as_html(self._table)


def _with_datetimes(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row with datetimes in place of ms since 1970; a year that a datetime cannot hold stays a number."""
    from headwater.queries.answers.answer import TIMES, moment

    return {
        name: (moment(value) or value) if name in TIMES and isinstance(value, int) else value
        for name, value in row.items()
    }


class Impact(Drawing):
    """What a change of a node comes to. Edges of a `path` point the way the data flows."""

    def __init__(self, answer: ImpactOfChange) -> None:
        super().__init__(answer)
        self._answer = answer

    @property
    def root(self) -> str:
        """The id of the node that is changed."""
        return self._answer.root

    @property
    def totals(self) -> Mapping[str, Mapping[str, int]]:
        """How many columns, datasets and jobs, by grade."""
        return self._answer.totals

    @property
    def affected(self) -> tuple[AffectedNode, ...]:
        """Columns, datasets and jobs, ordered by grade (the worst first), distance, label and id."""
        return self._answer.affected

    @property
    def breaks(self) -> bool:
        """Whether anything breaks."""
        return self._answer.breaks

    def path(self, item: AffectedNode) -> tuple[Edge, ...]:
        """The shortest path of the worst grade to something affected, from the root on."""
        return self._answer.path(item)

    def to_pandas(self) -> pd.DataFrame:
        """One row for each of the affected. Needs the extra `frames`."""
        from headwater.queries.answers.frames import to_pandas

        with extra("frames", "to_pandas()"):
            return to_pandas(self._answer)

    def to_markdown(self) -> str:
        """For a pull request."""
        from headwater.queries.drawing.impact import markdown

        return markdown(self._answer)

    def to_svg(self) -> str:
        """A picture of the paths to what is affected, the worst to each."""
        from headwater.queries.drawing.impact_html import picture
        from headwater.queries.drawing.svg import svg

        return svg(picture(self._answer))

    def _text_html(self) -> str:
        """As tables, the worst grade first."""
        from headwater.queries.drawing.impact_html import tables

        return tables(self._answer)

    def __str__(self) -> str:
        from headwater.queries.drawing.impact import plain

        return plain(self._answer)

    def __repr__(self) -> str:
        counted = ", ".join(f"{sum(of.values())} {grade}" for grade, of in self.totals.items() if any(of.values()))
        state = "complete" if self.complete else f"not complete: {self.reason}"
        return _printable(f"<Impact of {self._answer.change} of {self.root}: {counted or 'nothing'}, {state}>")


class Paths(Drawing):
    """The paths between two nodes; false if there is none. Edges point the way the data flows."""

    def __init__(self, answer: PathsBetween) -> None:
        super().__init__(answer)
        self._answer = answer

    def __bool__(self) -> bool:
        return bool(self.paths)

    @property
    def paths(self) -> tuple[tuple[str, ...], ...]:
        """Node ids as the data flows, the shortest path first."""
        return self._answer.paths

    @property
    def direction(self) -> str | None:
        """Where data flows, seen from the first node: downstream or upstream; None if there is none."""
        return self._answer.direction

    @property
    def nodes(self) -> tuple[Node, ...]:
        """What lies on a path, by distance from the end upstream."""
        return self._answer.nodes

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The edges between these nodes."""
        return self._answer.edges

    def to_mermaid(self) -> str:
        """A Mermaid flow chart of all that lies on a path."""
        from headwater.queries.drawing.paths import FORMATS, picture

        return FORMATS["mermaid"](picture(self._answer))

    def to_svg(self) -> str:
        """A picture of all that lies on a path."""
        from headwater.queries.drawing.paths import picture
        from headwater.queries.drawing.svg import svg

        return svg(picture(self._answer))

    def __str__(self) -> str:
        from headwater.queries.drawing.paths import plain

        return plain(self._answer)

    def __repr__(self) -> str:
        from headwater.queries.drawing.paths import summary

        return _printable(f"<Paths: {summary(self._answer)}>")


class Audit(NotebookAnswer):
    """What a model was made of. The lists have rows as in the HTTP API; text and a notebook show a report."""

    def __init__(self, answer: AuditOfModel) -> None:
        super().__init__(answer)
        self._answer = answer

    @property
    def findings(self) -> tuple[Row, ...]:
        """What was overwritten or changed since, and what is only partly known."""
        return self._answer.findings

    @property
    def steps(self) -> tuple[Row, ...]:
        """The runs of SageMaker, from the subject back to the training."""
        return self._answer.steps

    @property
    def inputs(self) -> tuple[Row, ...]:
        """The data that was read, in the version that stood when the reader started."""
        return self._answer.inputs

    @property
    def columns(self) -> tuple[Row, ...]:
        """The columns of the inputs, with expressions and source columns."""
        return self._answer.columns

    @property
    def runs(self) -> tuple[Row, ...]:
        """The runs that made the inputs."""
        return self._answer.runs

    @property
    def conditions(self) -> tuple[Row, ...]:
        """Filters and joins that decided which rows the inputs have."""
        return self._answer.conditions

    def to_html(self) -> str:
        """The report as one HTML page, without script or network."""
        from headwater.queries.drawing.audit import page

        return page(self._answer)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"

    def __str__(self) -> str:
        from headwater.queries.drawing.audit import plain

        return plain(self._answer)

    def __repr__(self) -> str:
        from headwater.queries.drawing.audit import state, title

        return _printable(f"<{title(self._answer)}: {len(self.findings)} findings, {state(self._answer)}>")
