"""What can go wrong for a user, by the exit code of a command (`headwater.faults`).

0 done   1 a finding   2 wrong use or unknown node   3 store unreachable or data folder in use   4 our own error
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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

    def __str__(self) -> str:
        """The message, and below it what was perhaps meant: all that a person sees of it in Python."""
        return f"{self.message}\n{did_you_mean(self.suggestions)}" if self.suggestions else self.message

    @property
    def exit_code(self) -> int:
        """Of the command that ends with this error."""
        return self.fault.exit_code


class WrongUse(HeadwaterError):
    """A question that cannot be asked so, or a node that does not exist."""

    fault = Fault.INVALID


class MissingPackage(WrongUse, ImportError):
    """A package is not installed that an extra of Headwater brings."""


@contextmanager
def extra(name: str, what: str) -> Iterator[None]:
    """Around imports of packages that the extra `name` brings. MissingPackage: one of them is not installed.

    `what` needs them: the beginning of the sentence.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingPackage(f"{what} needs {error.name}, which is not installed: {how_to_install(name)}") from None


def how_to_install(extra_name: str) -> str:
    """What to type so that an extra is there."""
    return f"pip install 'headwater[{extra_name}]', or in a clone pip install '.[{extra_name}]'"


class NoLedger(WrongUse):
    """The server takes payloads, and has no ledger of its own: `headwater receive`."""


class Unreachable(HeadwaterError):
    """The server or the store cannot be reached, or another process has the data folder open."""

    fault = Fault.UNAVAILABLE


def did_you_mean(suggestions: Sequence[str]) -> str:
    """The line of suggestions; a name with a blank at either end is in quotes, since nobody would see the blank."""
    shown = [name if name == name.strip() else f"'{name}'" for name in suggestions]
    return f"did you mean: {', '.join(shown)}"


def error_class(fault: Fault) -> type[HeadwaterError]:
    """The class for errors of a kind: the one with the same exit code."""
    return next((each for each in (WrongUse, Unreachable) if each.fault.exit_code == fault.exit_code), HeadwaterError)
