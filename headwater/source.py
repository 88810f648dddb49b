"""Where answers come from: a running server, or the data folder opened by this process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from headwater.client import Client, running
from headwater.errors import HeadwaterError, Unreachable, WrongUse
from headwater.settings import default_data

if TYPE_CHECKING:
    from ingest.service import Service
    from queries.answer import Answer, Table

Progress = Callable[[int, int], None]


class Source(Protocol):
    """Something to ask."""

    def ask(self, name: str, parameters: Iterable[tuple[str, object]]) -> Answer | Table:
        """A canned query. WrongUse, Unreachable."""

    def stats(self) -> dict[str, Any]:
        """What there is."""

    def parked(self) -> list[dict[str, Any]]:
        """The entries that could not be brought into the graph."""

    def close(self) -> None:
        """Let go of it."""


@dataclass
class Remote:
    """A running server."""

    client: Client

    def ask(self, name: str, parameters: Iterable[tuple[str, object]]) -> Answer | Table:
        """A canned query, over HTTP."""
        from queries.answer import Answer, Table

        found = self.client.get(f"/api/v1/queries/{name}", parameters)
        return Answer.from_dict(found) if "nodes" in found else Table.from_dict(found)

    def stats(self) -> dict[str, Any]:
        """What there is."""
        return self.client.get("/api/v1/stats")

    def parked(self) -> list[dict[str, Any]]:
        """All pages of them."""
        out: list[dict[str, Any]] = []
        begin: str | None = "0"
        while begin is not None:
            page = self.client.get("/api/v1/parked", [("next", begin), ("limit", 1_000)])
            out += page["parked"]
            begin = page["next"]
        return out

    def close(self) -> None:
        """Nothing is held."""


@dataclass
class Local:
    """A data folder that this process has open."""

    service: Service

    def ask(self, name: str, parameters: Iterable[tuple[str, object]]) -> Answer | Table:
        """A canned query."""
        given = [(key, value) for key, value in parameters if value is not None]
        with translated():
            return self.service.ask(name, given)

    def stats(self) -> dict[str, Any]:
        """What there is."""
        with translated():
            return self.service.stats().to_dict()

    def parked(self) -> list[dict[str, Any]]:
        """The parked entries."""
        found = self.service.parked()
        return [{"sequence": p.sequence, "kind": p.kind, "reason": p.reason, "at": p.at_ms} for p in found]

    def close(self) -> None:
        """Close the folder."""
        self.service.close()


def find(
    data: Path | None = None, store: str | None = None, server: str | None = None, progress: Progress | None = None
) -> Source:
    """The server named, else the one that runs on the data folder, else the folder, its graph brought up to date."""
    if server is not None:
        return Remote(Client(server))
    folder = data or default_data()
    client = running(folder) if store is None else None
    return Remote(client) if client else Local(open_service(folder, store, progress))


def open_service(folder: Path, store: str | None = None, progress: Progress | None = None) -> Service:
    """The data folder, opened by this process, with all entries in the graph."""
    from ingest.service import Service

    with translated():
        service = Service.open(folder, store)
        try:
            service.catch_up(progress)
        except BaseException:
            service.close()
            raise
        return service


@contextmanager
def translated() -> Iterator[None]:
    """The errors of what lies below, as those of a user."""
    from graphstore.errors import StoreError
    from ingest.ledger import LedgerInUse
    from ingest.ledger_entries import LedgerError
    from queries.errors import QueryError

    try:
        yield
    except QueryError as error:
        raise WrongUse(error.message, error.suggestions) from error
    except LedgerInUse as error:
        raise Unreachable(f"{error}; if a server runs on it, name it with --server") from error
    except LedgerError as error:
        raise Unreachable(str(error)) from error
    except StoreError as error:
        raise _by_code(error.exit_code)(str(error)) from error


def _by_code(code: int) -> type[HeadwaterError]:
    return {2: WrongUse, 3: Unreachable}.get(code, HeadwaterError)
