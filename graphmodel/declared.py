"""What is said of a dataset without anything having run: its columns with their types, and its other names. Pure.

Facts, as those that plans tell: columns and names of several declarations add up; of the types the latest ones count.
Here: what one declaration says. Not here: where its columns come from, and that it was dropped: these are of a moment,
and are told as a run is (`openlineage_bridge.mapping`); tags and descriptions (`statements`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from headwater.graphmodel.delta import Vertex, vertex
from headwater.graphmodel.logic import Schema
from headwater.graphmodel.renaming import Names


@dataclass(frozen=True)
class Declared:
    """One declaration of one dataset. `types` is JSON, by column name in lower case; empty for none."""

    dataset: str
    at: int  #: ms since 1970
    id: str  #: of declarations of one moment the greater id counts; equal ids say the same
    columns: tuple[str, ...] = ()  #: as they are spelled
    types: str = ""
    spellings: tuple[str, ...] = ()

    @property
    def schema(self) -> Schema:
        """Its columns: nobody wrote them with it."""
        return Schema(self.dataset, written=False, columns=tuple(sorted(self.columns)))

    @property
    def aliases(self) -> tuple[tuple[str, str], ...]:
        """(spelling, dataset) of each other name."""
        return tuple((name, self.dataset) for name in self.spellings if name != self.dataset)

    @property
    def rank(self) -> tuple[int, str]:
        """Of two declarations the types of the one with the greater rank count."""
        return self.at, self.id

    def renamed(self, kept: Names) -> Declared:
        """The same with the name that is kept, where people say that two names are one."""
        if self.dataset not in kept:
            return self
        return replace(self, dataset=kept[self.dataset], spellings=(*self.spellings, self.dataset))


def types_vertex(dataset: str, types: str) -> Vertex:
    """Of a dataset's vertex its types alone."""
    return vertex(dataset, "dataset", columnTypes=types)


def latest_types(declared: Iterable[Declared]) -> dict[str, str]:
    """The types that count, by dataset; of datasets of which any were ever declared."""
    best: dict[str, Declared] = {}
    for one in declared:
        if one.types and (one.dataset not in best or one.rank > best[one.dataset].rank):
            best[one.dataset] = one
    return {dataset: one.types for dataset, one in best.items()}
