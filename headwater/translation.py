"""The errors of what lies below, as those of a user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from headwater.errors import HeadwaterError, Unreachable, WrongUse

_NOT_FOUND = 404  #: what a server answers for a node that does not exist


@contextmanager
def translated() -> Iterator[None]:
    """The errors of what lies below, as those of a user.

    What says that the question or the folder is not what it should be is wrong use; what may pass is not.
    """
    from headwater.graphmodel.statements import StatementError
    from headwater.graphstore.errors import StoreError
    from headwater.ingest.graph.projector import ForeignGraph
    from headwater.ingest.http.tokens import TokensUnreadable
    from headwater.ingest.ledger.ledger import LedgerError, LedgerInUse, LedgerUnavailable
    from headwater.queries.answers.errors import NodeNotFound, QueryError

    try:
        yield
    except QueryError as error:
        status = _NOT_FOUND if isinstance(error, NodeNotFound) else None
        raise WrongUse(error.message, error.suggestions, status) from error
    except LedgerInUse as error:
        raise Unreachable(f"{error}; if a server runs on it, name it with --server") from error
    except LedgerUnavailable as error:
        raise Unreachable(str(error)) from error
    except (LedgerError, ForeignGraph, StatementError, TokensUnreadable) as error:
        raise WrongUse(str(error)) from error
    except StoreError as error:
        raise _by_code(error.exit_code)(str(error)) from error


def _by_code(code: int) -> type[HeadwaterError]:
    return {2: WrongUse, 3: Unreachable}.get(code, HeadwaterError)
