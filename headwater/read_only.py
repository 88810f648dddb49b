"""A source that can only be read: a graph that another machine keeps, asked directly, without its ledger.

The graph says in its own vertex `ledger` whether it is being rebuilt at that moment; then no answer is called complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from headwater.errors import WrongUse
from headwater.ingest.progress import Progress
from headwater.loading import Loaded

if TYPE_CHECKING:
    from headwater.graphmodel.naming import Rules
    from headwater.graphstore import GraphStore
    from headwater.ingest.ledger.entries import NameEntry
    from headwater.queries.answers.shapes import Result

SHARED = ("ws://", "wss://", "neptune://")
"""How the URLs of stores begin that several machines can ask at a time."""


@dataclass
class ReadOnly:
    """A store that is asked and never written. A `headwater.source.Source`."""

    url: str
    store: GraphStore
    _rules: Rules | None = None
    elsewhere: str = ""  #: of a graph in a data folder: where its ledger is, as a sentence
    missing: bool = False  #: its ledger should be in that folder, and is not: no answer is complete

    @property
    def place(self) -> str:
        """The store's URL."""
        return self.url

    @classmethod
    def open(cls, url: str, elsewhere: str = "", *, missing: bool = False) -> ReadOnly:
        """The store at the URL. WrongUse: there is none such."""
        from headwater.graphmodel.naming import Rules
        from headwater.graphstore import open_store
        from headwater.ingest.graph.mark import read_mark
        from headwater.translation import translated

        with translated():
            store = open_store(url, readonly=True)
            try:
                return cls(url, store, Rules.from_text(read_mark(store).naming), elsewhere, missing)
            except BaseException:
                store.close()
                raise

    def ask(self, name: str, parameters: Iterable[tuple[str, object]]) -> Result:
        """A canned query. Unreachable: the graph is being rebuilt, and what was asked for is not in it (yet)."""
        from headwater.queries.answers.errors import GraphRebuilding, QueryError, UnknownQuery
        from headwater.queries.answers.shapes import not_complete
        from headwater.queries.catalogue.catalogue import run
        from headwater.translation import translated

        with translated():
            given = [(key, value) for key, value in parameters if value is not None]
            drawing = self._drawing()
            try:
                answer = run(name, self.store.g, given, rules=self.rules())
            except UnknownQuery:
                raise
            except QueryError as error:
                if drawing is not None and drawing == self._drawing():
                    raise
                raise GraphRebuilding(f"the graph is being rebuilt, ask again soon: {error}", error.field) from error
            if drawing is None or drawing != self._drawing():
                return not_complete(answer, "rebuilding")
            return not_complete(answer, "ledger") if self.missing else answer

    def _drawing(self) -> int | None:
        """Which drawing of the graph is there; None while it is not whole."""
        from headwater.ingest.graph.mark import read_mark

        mark = read_mark(self.store)
        return mark.whole_from if mark.is_whole else None

    def types(self, plan: str) -> dict[str, str]:
        """WrongUse: they are read from the payload, which the ledger has."""
        self._refuse("the types of a plan are known where its ledger is")

    def entry(self, plan: str) -> int | None:
        """None: the number is known where the ledger is."""
        return None

    def name_entry(self, name: str, dataset: str) -> NameEntry | None:
        """None: the payloads are where the ledger is."""
        return None

    def rules(self) -> Rules:
        """Those that the graph says it was drawn with, when it was opened."""
        from headwater.graphmodel.naming import DEFAULT

        return self._rules or DEFAULT

    def erased(self) -> int:
        """As the graph says."""
        from headwater.ingest.graph.mark import read_mark
        from headwater.translation import translated

        with translated():
            return read_mark(self.store).erased

    def stats(self) -> dict[str, Any]:
        """What is in the graph; `entries` are those of the ledger that it has."""
        from headwater.ingest.folder.answering import counted
        from headwater.ingest.graph.mark import read_mark
        from headwater.translation import translated

        vertices, edges = counted(self.ask("stats", [("limit", 1_000)]))
        with translated():
            entries = read_mark(self.store).applied
        return {"entries": entries, "vertices": vertices, "edges": edges}

    def parked(self) -> list[dict[str, Any]]:
        """WrongUse: parked entries are listed where the ledger is."""
        self._refuse("what is parked is known where its ledger is")

    def load(self, places: Iterable[Path], progress: Progress, account: str | None = None) -> Loaded:
        """WrongUse: payloads and statements go to the ledger."""
        self._refuse("load where its ledger is, or send to its server")

    def state(self, statement: Mapping[str, object]) -> dict[str, Any]:
        """WrongUse: payloads and statements go to the ledger."""
        self._refuse("say it where its ledger is, or to its server")

    def snapshots(self, source: str) -> dict[str, str]:
        """WrongUse: only the ledger's place knows."""
        self._refuse("ask where its ledger is, or its server")

    def keep_snapshot(self, snapshot: Mapping[str, object]) -> int:
        """WrongUse: snapshots go to the ledger."""
        self._refuse("send it where its ledger is, or to its server")

    def settle(self, progress: Progress) -> None:
        """Nothing was written."""

    def close(self) -> None:
        """Close the connections."""
        self.store.close()

    def _refuse(self, way: str) -> NoReturn:
        if self.elsewhere:
            raise WrongUse(f"{self.elsewhere}; it is only read from here: {way}")
        raise WrongUse(f"{self.url.partition('?')[0]} is only read from here: {way}")
