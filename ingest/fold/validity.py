"""From when until when plans contribute to the state of one dataset, kept as writes are added and removed.

The fold is `graphmodel.now`'s. It is computed again from the first write that was added or removed, until it is as it
was before.
"""

from __future__ import annotations

from collections.abc import Mapping

from headwater.graphmodel import elements, now, validity
from headwater.graphmodel.column_names import NONE
from headwater.graphmodel.delta import Edge
from headwater.graphmodel.now import Position, Replaces, State, Write
from headwater.graphmodel.validity import NO_END, Validity
from headwater.ingest.fold.changes import Changes
from headwater.ingest.fold.reference_counts import LogicOf
from headwater.ingest.fold.tables import Tables


class ValidityIntervals:
    """The validities of one dataset."""

    def __init__(self, dataset: str, tables: Tables, changes: Changes, logic_of: LogicOf, *, partitioned: bool) -> None:
        """`logic_of` gives the logics with the names that the columns have now."""
        self._dataset = dataset
        self._tables = tables
        self._changes = changes
        self._logic_of = logic_of
        self._renamed = tables.column_names().get(dataset, NONE).renamed
        self._partitioned = partitioned
        self._retired = tables.retirements(dataset)

    def after_added(self, writes: Mapping[Position, Write], state: State) -> State:
        """The state now, where `state` was the one before and writes were only added."""
        if not self._retired and self._nothing_new(writes, state):
            return state
        return self.after_changed(writes)

    def after_changed(self, writes: Mapping[Position, Write]) -> State:
        """The state now, where these writes were added or removed."""
        return self._recompute(min(writes)[0], max(writes)[0])

    def recomputed(self) -> State:
        """The state now, where the dataset became partitioned, was dropped, or the opposite: all is computed again."""
        return self._recompute(-NO_END, NO_END)

    def _recompute(self, first: int, last: int) -> State:
        before = self._tables.validities_since(self._dataset, first)
        writes = (self._named(row.write) for row in self._tables.each_write_from(self._dataset, first))
        retired = [timestamp for timestamp in self._retired if timestamp >= first]
        begin = validity.state_before(before, first)
        states = validity.states(writes, self._outputs_of, partitioned=self._partitioned, state=begin, retired=retired)
        new = validity.revised(before, first, last, states)
        self._tables.replace_validities(self._dataset, before, new)
        self._changes.replace_edges(map(self._edge, before), map(self._edge, new))
        return {v.plan: v.contribution for v in new if v.valid_to == NO_END}

    def _outputs_of(self, plan: str) -> frozenset[str]:
        return self._logic_of(plan).outputs

    def _named(self, write: Write) -> Write:
        return now.renamed(write, self._renamed)

    def _edge(self, valid: Validity) -> Edge:
        return elements.made_by_edge(self._dataset, valid)

    def _nothing_new(self, writes: Mapping[Position, Write], state: State) -> bool:
        """Whether the state is at every time as it was: known logic that ran again."""
        rows = self._tables.writes_from(self._dataset, min(writes), limit=len(writes) + 1)
        if all(row.write.position in writes for row in rows):
            last = (self._named(row.write) for row in rows)
            states = validity.states(last, self._outputs_of, partitioned=self._partitioned, state=state)
            return all(after == state for _, after in states)
        return all(self._is_kept(write) for write in writes.values())

    def _is_kept(self, write: Write) -> bool:
        keeps = now.replaces(write.effect, partitioned=self._partitioned) is Replaces.KEEP
        return keeps and self._tables.contributes_wholly(self._dataset, write.plan, write.timestamp)
