"""The one way in which a statement is refused."""

from __future__ import annotations


class StatementError(ValueError):
    """A statement that cannot be kept. `field` is the one at fault; the message is one sentence for its sender."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
