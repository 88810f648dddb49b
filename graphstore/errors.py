"""What can go wrong with a graph store, by whose fault it is.

One class per thing that a caller does about it: retry, park, refuse the request, stop, or rebuild. Which HTTP status,
exit code and Gremlin status each has is said by `ingest.http.error_table`.
"""

from __future__ import annotations


class StoreError(Exception):
    """Base of all that a store raises."""


class TransientError(StoreError):
    """The store cannot do it now: a full disk, a conflict, a closed socket. Retry the same call later."""


class PermanentError(StoreError):
    """The store will never do it: the same call fails again. Park what was to be written; never retry."""


class InvalidRequest(PermanentError):
    """The caller asked for what no store may do: a step outside the allow-list, a lambda, a value of a wrong type."""


class StepFailed(InvalidRequest):
    """The traversal says itself that it fails: it reached its fail() step, whose text this is."""


class ReadOnly(InvalidRequest):
    """The caller asked for a change where the graph may only be read."""


class Exceeded(PermanentError):
    """The traversal ran into its time or size limit. Ask for less."""


class TimedOut(Exceeded):
    """The traversal took longer than it may."""


class EngineFailed(PermanentError):
    """The engine itself failed in the middle of a call, by no fault of the store's files. Nothing was changed."""


class InUse(StoreError):
    """Another process owns the store's folder. Ask that process (a running server), or stop it."""


class Damaged(StoreError):
    """The store's files are damaged; the text is the store's own report. Set the folder aside and replay the ledger."""


class Denied(StoreError):
    """The store does not let this process in: credentials or permissions. No payload's fault, and no retry helps."""
