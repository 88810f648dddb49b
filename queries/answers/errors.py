"""Why a question is refused: each is a mistake in the question, with the parameter and what to write instead."""

from __future__ import annotations

from collections.abc import Sequence


class QueryError(ValueError):
    """A question with a mistake. `field` is the parameter that is wrong, `suggestions` are values that may be meant."""

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
    """The graph has no such node; `suggestions` are similar names."""
