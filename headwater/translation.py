"""Turns internal exceptions into `HeadwaterError`s: the boundary between the packages below and a user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from headwater.errors import HeadwaterError, error_class
from headwater.faults import Fault


@contextmanager
def translated() -> Iterator[None]:
    """Turn internal exceptions into HeadwaterError, WrongUse or Unreachable, by the table of errors.

    What the table does not know, and what is our own fault, stays as it is: its stack trace is needed.
    """
    try:
        yield
    except _explained_errors() as error:
        raise _user_error(error) from error


def _explained_errors() -> tuple[type[Exception], ...]:
    """Imported when the first error comes: the table needs every package, and commands start quickly."""
    from headwater.ingest.http.error_table import explained_errors

    return explained_errors()


def _user_error(error: Exception) -> HeadwaterError:
    from headwater.ingest.http.error_table import fault_of
    from headwater.ingest.ledger.entries import LedgerInUse

    fault = fault_of(error) or Fault.OURS
    hint = "; if a server runs on it, name it with --server" if isinstance(error, LedgerInUse) else ""
    status = fault.http if fault is Fault.NOT_FOUND else None
    return error_class(fault)(f"{error}{hint}", getattr(error, "suggestions", ()), status)
