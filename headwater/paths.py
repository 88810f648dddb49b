"""The ways between two nodes in Python: what a notebook draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.shown import Drawn

if TYPE_CHECKING:
    from headwater.queries.answers import paths as ways
    from headwater.queries.answers.answer import Edge, Node


class Paths(Drawn):
    """The ways between two nodes; false if there is none. Edges point the way the data flows."""

    def __init__(self, answer: ways.Paths) -> None:
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
        """Where data flows, seen from the first node: downstream or upstream; None if there is no way."""
        return self._answer.direction

    @property
    def nodes(self) -> tuple[Node, ...]:
        """What lies on a way, by distance from the end upstream."""
        return self._answer.nodes

    @property
    def edges(self) -> tuple[Edge, ...]:
        """The edges between these nodes."""
        return self._answer.edges

    def to_mermaid(self) -> str:
        """A Mermaid flow chart of all that lies on a way."""
        from headwater.queries.drawing.paths import FORMATS, picture

        return FORMATS["mermaid"](picture(self._answer))

    def to_svg(self) -> str:
        """A picture of all that lies on a way."""
        from headwater.queries.drawing.paths import picture
        from headwater.queries.drawing.svg import svg

        return svg(picture(self._answer))

    def __str__(self) -> str:
        from headwater.queries.drawing.paths import plain

        return plain(self._answer)

    def __repr__(self) -> str:
        from headwater.queries.drawing.paths import summary

        return f"<Paths: {summary(self._answer)}>"
