"""Questions to one graph, and whether an answer is the whole: what `Service` and `Reader` have in common.

A `Service` also writes the graph, from a ledger; a `Reader` has nothing but the graph. Not here: what an answer is
(`queries`), and HTTP (`ingest.http.api`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from headwater.graphmodel.naming import Rules
from headwater.graphstore import GraphStore
from headwater.ingest.folder.stopping import Check, stoppable
from headwater.ingest.graph.mark import read_mark
from headwater.ingest.ledger.entries import Head
from headwater.queries.answers.answer import Table
from headwater.queries.answers.errors import GraphRebuilding, QueryError, UnknownQuery
from headwater.queries.answers.shapes import Result, not_complete
from headwater.queries.catalogue.catalogue import BY_NAME, run, values_of

#: What is asked: names and values of a query's parameters; a name can occur twice.
Given = list[tuple[str, object]]


class NeedsLedger(QueryError):
    """What is asked for is in the ledger, or in the tables beside it, and this process has only the graph."""

    def __init__(self) -> None:
        """One sentence, whatever was asked."""
        super().__init__(
            "this server only reads the graph, and the answer is in the ledger: ask the one that writes it"
        )


class Position(Protocol):
    """How far the graph has followed its ledger."""

    @property
    def reached(self) -> int:
        """The last entry that is in the graph."""

    @property
    def head(self) -> Head:
        """The same entry with its hash."""

    @property
    def rebuilding(self) -> bool:
        """Whether the graph is being drawn anew, and so is not whole."""

    def wait_for(self, sequence: int, timeout: float) -> bool:
        """Whether the entry is in the graph, after at most `timeout` seconds."""


@dataclass(frozen=True)
class Stats:
    """What there is: ledger entries, those not yet in the graph, parked ones, events waiting for their plan.

    `rebuilding`: the graph is being drawn anew, so that there is less in it than there will be. `outcomes`: how many
    runs of OpenLineage there are by what they came to, those too that make no lineage. What only the ledger tells is
    None where there is only the graph.
    """

    entries: int
    lag: int | None
    parked: int | None
    waiting: int | None
    vertices: Mapping[str, int]
    edges: Mapping[str, int]
    rebuilding: bool = False
    outcomes: Mapping[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, object]:
        """As JSON."""
        return {
            "entries": self.entries,
            "lag": self.lag,
            "parked": self.parked,
            "waiting": self.waiting,
            "vertices": dict(self.vertices),
            "edges": dict(self.edges),
            "rebuilding": self.rebuilding,
            "outcomes": dict(self.outcomes),
        }


class Answering(ABC):
    """Answers questions from the graph in `store`. `folder` is where tokens are; `rules` name the datasets."""

    folder: Path
    store: GraphStore
    rules: Rules

    def ask(
        self, name: str, given: Iterable[tuple[str, object]] | Mapping[str, object], check: Check | None = None
    ) -> Result:
        """A canned query by its name; its errors are `queries.answers.errors`', and what `check` raises to stop it.

        While the graph is drawn anew, or when something that it may miss is known, an answer says that it is not
        complete; GraphRebuilding is raised where something would not be found while the graph is drawn anew.
        """
        pairs = list(given.items() if isinstance(given, Mapping) else given)
        if name in BY_NAME:
            values_of(BY_NAME[name], pairs)  # what is wrong with the question itself is no matter of the graph
        drawing = self.drawing()
        with self.looking_up(), self.explaining(name, pairs):
            answer = run(name, stoppable(self.store.g, check) if check else self.store.g, pairs, rules=self.rules)
        if drawing is None or drawing != self.drawing():
            return not_complete(answer, "rebuilding")
        missing = self.missing(name, pairs, answer)
        return answer if missing is None else not_complete(answer, missing)

    @contextmanager
    def looking_up(self) -> Iterator[None]:
        """What is not found within raises GraphRebuilding, unless all was read from one whole graph."""
        drawing = self.drawing()
        try:
            yield
        except UnknownQuery:
            raise
        except QueryError as error:
            if drawing is not None and drawing == self.drawing():
                raise
            raise GraphRebuilding(f"the graph is being rebuilt, ask again soon: {error}", error.field) from error

    def erased(self) -> int:
        """The last ledger entry in the graph that says that a payload was erased; 0: none does."""
        return read_mark(self.store).erased

    @abstractmethod
    def drawing(self) -> int | None:
        """Which drawing of the graph is asked now; None while it is not whole. Errors of the store."""

    @abstractmethod
    def missing(self, name: str, given: Given, answer: Result) -> str | None:
        """Why the answer may lack something though the graph is whole; None: nothing is known that would."""

    @abstractmethod
    @contextmanager
    def explaining(self, name: str, given: Given) -> Iterator[None]:
        """A node that is not found within may be in what is not in the graph: the error says so."""
        yield

    @property
    @abstractmethod
    def position(self) -> Position:
        """How far the graph is, as it is known without asking the store."""

    @abstractmethod
    def position_now(self) -> Position:
        """How far the graph is. Errors of the store."""

    @abstractmethod
    def lag(self) -> int | None:
        """How many ledger entries are not in the graph yet; None where the ledger is not seen. Errors of the ledger."""

    @abstractmethod
    def last_entry(self) -> int | None:
        """The last entry of the ledger; None where that is not seen."""

    @abstractmethod
    def ready_facts(self) -> dict[str, Any]:
        """What `/ready` says: `entries`, `lag` and `rebuilding`. Raises what makes the graph unready."""

    @abstractmethod
    def stats(self, check: Check | None = None) -> Stats:
        """What there is; `check` as of `ask`."""


def counted(stats: Result) -> tuple[dict[str, int], dict[str, int]]:
    """How many vertices and edges there are, by label, out of the answer to the query stats."""
    assert isinstance(stats, Table), "the query stats answers with a table"
    vertices, edges = (
        {row["label"]: row["count"] for row in stats.rows if row["kind"] == kind} for kind in ("vertex", "edge")
    )
    return vertices, edges
