"""What a question can be refused for: always the asker's own fault, with the field and a way out."""

from __future__ import annotations

from collections.abc import Sequence


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
