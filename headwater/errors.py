"""What can go wrong for a user, by the exit code of a command (`headwater.faults`).

0 done   1 a finding   2 wrong use or unknown node   3 store unreachable or data folder in use   4 our own error
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from headwater.faults import Fault


class HeadwaterError(Exception):
    """A sentence for the user. `suggestions` are what was perhaps meant; `status` is that of a server's answer."""

    fault: ClassVar[Fault] = Fault.OURS

    def __init__(self, message: str, suggestions: Sequence[str] = (), status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.suggestions = tuple(suggestions)
        self.status = status

    @property
    def exit_code(self) -> int:
        """Of the command that ends with this error."""
        return self.fault.exit_code


class WrongUse(HeadwaterError):
    """A question that cannot be asked so, or a node that does not exist."""

    fault = Fault.INVALID


class Unreachable(HeadwaterError):
    """The server or the store cannot be reached, or another process has the data folder open."""

    fault = Fault.UNAVAILABLE


def error_class(fault: Fault) -> type[HeadwaterError]:
    """The class for errors of a kind: the one with the same exit code."""
    return next((each for each in (WrongUse, Unreachable) if each.fault.exit_code == fault.exit_code), HeadwaterError)
