"""What can go wrong with a graph store, by whose fault it is (DESIGN.md, section 5).

One class per thing that a caller does about it: retry, park, refuse the request, stop, or rebuild.
"""

from __future__ import annotations

from typing import ClassVar, Literal

Fault = Literal["sender", "store", "ours"]


class StoreError(Exception):
    """Base of all that a store raises.

    `fault` says who has to act, `status` is the HTTP status that fits, `exit_code` the CLI's.
    """

    fault: ClassVar[Fault] = "ours"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 4


class TransientError(StoreError):
    """The store cannot do it now: a full disk, a conflict, a closed socket. Retry the same call later."""

    fault: ClassVar[Fault] = "store"
    status = 503
    exit_code = 3


class PermanentError(StoreError):
    """The store will never do it: the same call fails again. Park what was to be written; never retry."""

    fault: ClassVar[Fault] = "store"
    status = 500
    exit_code = 4


class InvalidRequest(PermanentError):
    """The caller asked for what no store may do: a step outside the allow-list, a lambda, a value of a wrong type."""

    fault: ClassVar[Fault] = "sender"
    status = 400
    exit_code = 2


class ReadOnly(InvalidRequest):
    """The caller asked for a change where the graph may only be read."""

    status = 403


class Exceeded(PermanentError):
    """The traversal ran into its time or size limit. Ask for less."""

    fault: ClassVar[Fault] = "sender"
    status = 503
    exit_code = 1


class TimedOut(Exceeded):
    """The traversal took longer than it may."""


class InUse(StoreError):
    """Another process owns the store's folder. Ask that process (a running server), or stop it."""

    fault: ClassVar[Fault] = "store"
    status = 503
    exit_code = 3


class Damaged(StoreError):
    """The store's files are damaged; the text is the store's own report. Set the folder aside and replay the ledger."""

    fault: ClassVar[Fault] = "store"
    status = 503
    exit_code = 3


class Denied(StoreError):
    """The store does not let this process in: credentials or permissions. No payload's fault, and no retry helps."""

    fault: ClassVar[Fault] = "store"
    status = 503
    exit_code = 3
