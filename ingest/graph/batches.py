"""One batch of entries: written to the graph, then committed to the derived tables together with the checkpoint.

The graph's own mark says how far it has come, so that whatever happens between the two is found and made good
(`recovery`). Where the write is not atomic, the tables say beforehand how far the batch goes: after a crash the very
same one is written again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from headwater.graphmodel.naming import Rules
from headwater.graphmodel.renaming import Names
from headwater.graphmodel.statements.model import SAME, Statement
from headwater.graphstore.port import GraphStore
from headwater.ingest.fold.changes import Changes
from headwater.ingest.fold.file import NAMES, RULES, Derived
from headwater.ingest.fold.projection import project
from headwater.ingest.fold.rows import BodyRef
from headwater.ingest.fold.tables import Tables
from headwater.ingest.graph.attempts import Attempts
from headwater.ingest.graph.decoding import Decoding, Ledger, Renamed, stated_names
from headwater.ingest.graph.grouping import folded_groups
from headwater.ingest.graph.parking import Parking
from headwater.ingest.graph.writer import GraphWriter
from headwater.ingest.intake.bridge import Decode
from headwater.ingest.ledger.entries import Entry, Head, LedgerDamaged

_HASH = "hash"  #: of a value: the hash of the entry at the checkpoint
_REPLAYED = "replayed"  #: of a value: the last entry when this graph was begun
_NAMED = "named up to"  #: of a value: the entry up to which `NAMES` are those of the ledger, at least
#: Columns, derivations and operations of the plans that one batch brings into the graph: an element or two each, of
#: some KB while they are written. One plan has at most a few times `spline_bridge.decode.MOST_EDGES`.
_MOST_PARTS = 20_000


class Batches:
    """Brings batches into graph and tables. `in_doubt`: the two may differ, see `recovery`.

    `drawings` counts how often the graph was begun anew: two equal values, before and after a question, and no
    `rebuilding` say that the question met one graph.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what they are made of, in one place
        self,
        ledger: Ledger,
        store: GraphStore,
        derived: Derived,
        decode: Mapping[str, Decode],
        graph: GraphWriter,
        parking: Parking,
        attempts: Attempts,
        rules: Rules,
    ) -> None:
        self.rules = rules
        self.ledger = ledger
        self.store = store
        self.derived = derived
        self.graph = graph
        self.parking = parking
        self.decoding = Decoding(ledger, decode, rules)
        self.in_doubt = True
        self.checkpoint = derived.checkpoint  #: the last entry that is in the graph, or parked
        self.needs_rebuild = derived.meta("erased") is not None  #: the graph may still show what was erased
        self.drawings = 0
        self._emptied = bool(derived.meta("clearing"))
        self.whole_from = int(derived.meta(_REPLAYED) or 0)  #: below this entry the graph lacks what was there
        self.attempts = attempts
        self._named_up_to = 0  # see `_join_listed`
        self._compared = True
        self._found: Names | None = None  # by an earlier drawing of the same ledger
        self.computing_since: float | None = None  #: in seconds of the monotonic clock; None: nothing is computed
        self._tables = Tables(derived.connection)
        self.decoding.use_members(self._tables.parts_up_to)

    @property
    def rebuilding(self) -> bool:
        """Whether the graph lacks entries that it had, or that were there when it was begun. From any thread."""
        return self._emptied or self.checkpoint < self.whole_from

    @property
    def head(self) -> Head:
        """The last entry that the tables know, with its hash; that is empty in tables of an earlier version."""
        return Head(self.checkpoint, self.derived.meta(_HASH) or "")

    def apply(self, entries: Sequence[Entry], *, retried: int | None = None, whole: bool = False) -> bool:
        """The graph first, then the derived tables; whether all entries could be decoded. Others are parked.

        Takes as many of the entries as have room together, `whole`: all; the checkpoint says up to where. `retried` is
        the sequence of a parked entry that is tried again, alone. Raises Erased, Renamed: `start_anew`. MemoryError:
        whatever else this process has in hand is in danger; it counts as a death (`attempts`), and the process ends.
        """
        self.attempts.begin(self.checkpoint, entries[-1].sequence, retried or 0)
        self.computing_since = time.monotonic()
        try:
            done = self._apply(entries, retried, None if whole or retried else _MOST_PARTS)
        except MemoryError:  # as if the system had ended the process: it counts as a death, and the caller ends
            raise
        except (Exception, KeyboardInterrupt):
            self.attempts.survived()
            raise
        finally:
            self.computing_since = None
        if retried:  # no checkpoint says that it is done
            self.attempts.survived()
        return done

    def _apply(self, entries: Sequence[Entry], retried: int | None, most: int | None) -> bool:
        offered = entries if retried else self.parking.offered(entries)
        batch = self.decoding.batch(offered, most, self._waiting)
        cut = bool(offered) and batch.last != offered[-1].sequence
        if any(isinstance(said, Statement) and said.kind == SAME for said in batch.statements):
            self._expect_names()
        last = next((entry for entry in offered if entry.sequence == batch.last), entries[-1]) if cut else entries[-1]
        with self._transaction(last, erased=max(batch.erasures, default=0)) as changes:
            if retried:
                self.derived.unpark(retried)
            for entry, error in batch.refused:
                self.parking.set_aside(entry, error)
            if any(sequence > int(self.derived.meta(_REPLAYED) or 0) for sequence in batch.erasures):
                self.derived.set_meta("erased", "1")
            groups = folded_groups(self._tables, self.decoding, batch.parts)
            said = batch.plans, batch.events, batch.statements, groups
            decoding = self.decoding
            changes.append(project(self._tables, decoding.plan_at, *said, summary_at=decoding.summary_at))
            self._tables.mention(decoding.take_mentioned())
            self._join_listed(max(last.sequence, self.checkpoint))
        return not batch.refused

    def _join_listed(self, up_to: int) -> None:
        """From now on, the names that systems list are those of the entries up to this one.

        Renamed: something is drawn that has such a name. The graph was begun with the names of a later entry, to be
        drawn once; until that one is reached nothing is compared.
        """
        relisted = self._tables.take_relisted()
        if up_to < self._named_up_to:
            return
        drawn = self.decoding.names
        if self._compared:
            found = {name: self._tables.listed_name(name) for name in relisted}
        else:
            now = self._tables.listed_names()
            found = {name: now.get(name) for name in now.keys() | drawn.listed.keys()}
        self._compared = True
        changed = {name: dataset for name, dataset in found.items() if dataset != drawn.listed.get(name)}
        if not changed:
            return
        listed = {name: dataset for name, dataset in {**drawn.listed, **changed}.items() if dataset is not None}
        names = Names(drawn.stated, listed)
        if any(map(self._tables.is_mentioned, changed)):
            raise Renamed(names)
        self.derived.set_meta(NAMES, names.text())
        self.decoding.use_names(names, forget=False)

    def _waiting(self, agent_plan_id: str) -> BodyRef | None:
        """Where the ledger has the plan of this id, if no event of it has come so far."""
        row = self._tables.body(agent_plan_id)
        return row.ref if row and not row.executed else None

    def learn_killers(self, other: Batches) -> None:
        """Leave out what `other`, another drawing of the same ledger, leaves out, and suspect what it suspects."""
        self.parking.leave_out_as(other.parking)
        self.parking.forget_erased(self._has_body)
        self.attempts.learn(other.attempts)

    def _has_body(self, sequence: int) -> bool:
        """False: the entry was erased. What cannot be read was not."""
        try:
            entry = self.ledger.entry(sequence)
        except LedgerDamaged:
            return True
        return entry is None or entry.body is not None or bool(entry.damage)

    def begin_with(self, found: Names | None) -> None:
        """Draw with the names that systems list as `Renamed` had them: events list names too, and are not read first.

        What was listed since then is compared when the drawing has come as far (`_join_listed`).
        """
        self._found = found

    def park_killer(self, entry: Entry) -> None:
        """Set aside an entry that ended the process, and leave it out of rebuilds too."""
        with self._transaction(entry):
            self.parking.set_killer_aside(entry)

    def park(self, entry: Entry, error: Exception) -> None:
        """Set aside an entry that the graph or the mapping did not take."""
        with self._transaction(entry):
            self.parking.set_aside(entry, error)
            if self.parking.note_partial_write(entry, error):
                self.in_doubt = True

    def begin(self) -> None:
        """The tables are empty, and so is the graph: from here on they are those of this ledger."""
        with self.derived.transaction():
            self.derived.set_meta("clearing", "")
            self.derived.set_meta("ledger", self.ledger.id)
            head = self.ledger.head().sequence
            names = stated_names(self.ledger, self.rules, head)
            names = Names(names.stated, self._found.listed) if self._found else names
            self.derived.set_meta(NAMES, names.text())
            self.derived.set_meta(_NAMED, str(head))
            self._named_up_to, self._compared = head, head == 0
            self.derived.set_meta(RULES, self.rules.text)
            # What is erased up to here is not read any more, so its erasure asks for no rebuild.
            self.whole_from = self.ledger.head().sequence
            self.derived.set_meta(_REPLAYED, str(self.whole_from))
        self.advance(self.derived.checkpoint)
        self._emptied = False

    def clear_tables(self) -> None:
        """Empty the derived tables, and say in them that the graph is to be emptied as well."""
        self._emptied = True  # before anything is removed: answers say so from here on
        self.drawings += 1
        self.parking.start_anew()
        self.parking.forget_erased(self._has_body)
        self.derived.set_meta("clearing", "1")
        self._tables = Tables(self.derived.connection)
        self.decoding.use_members(self._tables.parts_up_to)
        self.decoding.forget()
        self.in_doubt = True

    def advance(self, last: int) -> None:
        """Follow the tables, whose checkpoint is `last` now."""
        self.needs_rebuild = self.derived.meta("erased") is not None
        self.checkpoint = last

    def use_names(self) -> None:
        """Map plans with the names that the graph was drawn with."""
        self.decoding.use_names(self._drawn_with())
        self._named_up_to = int(self.derived.meta(_NAMED) or 0)
        self._compared = self.derived.checkpoint >= self._named_up_to

    def _expect_names(self) -> None:
        """Renamed: the graph was drawn with other names than people state by now, in the whole ledger."""
        if stated_names(self.ledger, self.rules).stated != self._drawn_with().stated:
            raise Renamed

    def _drawn_with(self) -> Names:
        return Names.from_text(self.derived.meta(NAMES) or "")

    @contextmanager
    def _transaction(self, entry: Entry, erased: int = 0) -> Iterator[list[Changes]]:
        """A transaction of the tables; before it is committed the changes that were appended go into the graph."""
        head = self.head if entry.sequence < self.checkpoint else Head(entry.sequence, entry.hash)
        last = head.sequence
        changes: list[Changes] = []
        if not self.store.atomic:
            self.derived.set_meta("intended", str(last))
        try:
            with self.derived.transaction():
                self.derived.set_meta("checkpoint", str(last))
                self.derived.set_meta(_HASH, head.hash)
                yield changes
                collected = changes[0] if changes else Changes()
                self.computing_since = None  # from here on it is the store that works, or is waited for
                self.graph.write(collected.delta(), self.checkpoint, head, whole_from=self.whole_from, erased=erased)
        except BaseException:
            self._tables.forget()
            self.decoding.forget()  # a body of a group is what its entries come to that are in the tables
            self.in_doubt = True
            raise
        self.advance(last)
