"""What can go wrong for a user, each with its exit code.

0 done   1 a finding   2 wrong use or unknown node   3 store unreachable or data folder in use   4 our own error
"""

from __future__ import annotations

from collections.abc import Sequence


class HeadwaterError(Exception):
    """A sentence for the user. `suggestions` are what was perhaps meant; `status` is that of a server's answer."""

    exit_code = 4

    def __init__(self, message: str, suggestions: Sequence[str] = (), status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.suggestions = tuple(suggestions)
        self.status = status


class WrongUse(HeadwaterError):
    """A question that cannot be asked so, or a node that does not exist."""

    exit_code = 2


class Unreachable(HeadwaterError):
    """The server or the store cannot be reached, or another process has the data folder open."""

    exit_code = 3
