"""What a question can be refused for: the asker's own fault, with the field and a way out; or a graph being rebuilt."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.faults import Fault


class QueryError(ValueError):
    """A question that cannot be asked so. `field` is the parameter at fault, `suggestions` what was perhaps meant."""

    def __init__(self, message: str, field: str | None = None, suggestions: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.suggestions = tuple(suggestions)

    def to_dict(self) -> dict[str, object]:
        """The body of an HTTP error: ``{"error", "field", "suggestions"}``."""
        return {"error": self.message, "field": self.field, "suggestions": list(self.suggestions)}


class UnknownQuery(QueryError):
    """There is no query of this name."""


class NodeNotFound(QueryError):
    """The graph has no such node; `suggestions` are near names."""


class GraphRebuilding(QueryError):
    """The graph is being drawn anew, and what was asked about is not in it now: it may be there when that is done."""

    fault = Fault.UNAVAILABLE

    def to_dict(self) -> dict[str, object]:
        """The body of an HTTP error, with ``"reason": "rebuilding"``, as in an answer that is not complete."""
        return {**super().to_dict(), "reason": "rebuilding"}
