"""From when until when plans stand in the state of one dataset, kept as writes come and go.

The fold is `graphmodel.now`'s; it is done again from the first write that came or went, and only as far as it differs.
"""

from __future__ import annotations

from collections.abc import Mapping

from headwater.graphmodel import elements, now, validity
from headwater.graphmodel.delta import Edge
from headwater.graphmodel.now import OutputsOf, Position, Replaces, State, Write
from headwater.graphmodel.validity import STILL, Validity
from headwater.ingest.fold.changes import Changes
from headwater.ingest.fold.tables import Tables


class ValidityIntervals:
    """The history of one dataset."""

    def __init__(
        self, dataset: str, tables: Tables, changes: Changes, outputs_of: OutputsOf, *, partitioned: bool
    ) -> None:
        self._dataset = dataset
        self._tables = tables
        self._changes = changes
        self._outputs_of = outputs_of
        self._partitioned = partitioned

    def come(self, writes: Mapping[Position, Write], state: State) -> State:
        """Writes came, and none went: what holds now, where `state` held before."""
        return state if self._nothing_new(writes, state) else self.revise(writes)

    def revise(self, writes: Mapping[Position, Write]) -> State:
        """These came or went: write what changes; what holds now."""
        return self._revise(min(writes)[0], max(writes)[0])

    def renew(self) -> State:
        """The dataset became partitioned, or ceased to be: all is folded anew."""
        return self._revise(-STILL, STILL)

    def _revise(self, first: int, last: int) -> State:
        known = self._tables.validities_since(self._dataset, first)
        writes = (row.write for row in self._tables.each_write_from(self._dataset, first))
        begin = validity.before(known, first)
        states = validity.states(writes, self._outputs_of, partitioned=self._partitioned, state=begin)
        new = validity.revised(known, first, last, states)
        self._tables.replace_validities(self._dataset, known, new)
        self._changes.replace_edges(map(self._edge, known), map(self._edge, new))
        return {v.plan: v.standing for v in new if v.valid_to == STILL}

    def _edge(self, valid: Validity) -> Edge:
        return elements.made_by_edge(self._dataset, valid)

    def _nothing_new(self, writes: Mapping[Position, Write], state: State) -> bool:
        """Whether the state is at every time as it was: known logic that ran again."""
        rows = self._tables.writes_from(self._dataset, min(writes), limit=len(writes) + 1)
        if all(row.write.position in writes for row in rows):
            last = (row.write for row in rows)
            states = validity.states(last, self._outputs_of, partitioned=self._partitioned, state=state)
            return all(after == state for _, after in states)
        return all(self._is_kept(write) for write in writes.values())

    def _is_kept(self, write: Write) -> bool:
        keeps = now.replaces(write.effect, partitioned=self._partitioned) is Replaces.KEEP
        return keeps and self._tables.stands_wholly(self._dataset, write.plan, write.timestamp)
