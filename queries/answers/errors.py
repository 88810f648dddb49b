"""Why a question is refused: a mistake in it, with the parameter and what to write instead; or a rebuild."""

from __future__ import annotations

from collections.abc import Sequence

from headwater.faults import Fault


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


class NothingWritten(NodeNotFound):
    """No run that was to write this dataset succeeded, so the graph has no such node; `run` is the last that failed."""

    def __init__(self, message: str, field: str | None, run: str, job: str) -> None:
        super().__init__(message, field)
        self.run = run
        self.job = job

    def to_dict(self) -> dict[str, object]:
        """The body of an HTTP error, with the ids of the last run and of its job."""
        return {**super().to_dict(), "run": self.run, "job": self.job}


class GraphRebuilding(QueryError):
    """The graph is being drawn anew, and what was asked about is not in it now: it may be there when that is done."""

    fault = Fault.UNAVAILABLE

    def to_dict(self) -> dict[str, object]:
        """The body of an HTTP error, with ``"reason": "rebuilding"``, as in an answer that is not complete."""
        return {**super().to_dict(), "reason": "rebuilding"}
