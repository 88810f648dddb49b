"""From ledger entries to plan bodies, events and statements, with the plans that were decoded last kept in memory.

Here: the batch of decoded entries that `fold` takes. Not here: formats; each kind of entry has a bridge
(`ingest.intake.bridges`) that decodes it.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from headwater.graphmodel.choice import Event
from headwater.graphmodel.delta import digest
from headwater.graphmodel.logic import Logic, Summary, logic, summary
from headwater.graphmodel.model import Plan
from headwater.graphmodel.naming import DEFAULT, Rules
from headwater.graphmodel.renaming import Names, mentioned, names, renamed, renamed_said, said_about
from headwater.graphmodel.statements.errors import StatementError
from headwater.graphmodel.statements.json_text import KIND, parse
from headwater.graphmodel.statements.model import (
    DATASET,
    ERASED_READ,
    ERASED_WRITE,
    TAG,
    Said,
    Snapshot,
    Statement,
    named_by,
    statements_of,
)
from headwater.ingest.fold.reference_counts import MappedGroup, MappedPlan
from headwater.ingest.fold.rows import BodyRef
from headwater.ingest.intake.bridge import Decode, DecodeError, Folded, Inherited, Part, inherit
from headwater.ingest.intake.bridges import BRIDGES
from headwater.ingest.ledger.entries import ERASURE, Entry, Head, LedgerDamaged

#: Columns, derivations, dependencies and operations of the plans in memory, some KB each. The event of a
#: plan comes seconds after it, so they are nearly always still there; else they are decoded again.
_PARTS_KEPT = 25_000
_SUMMARIES_KEPT = 10_000  #: of plans; a KB each
#: Bytes of the entries of groups that are kept in memory, decoded: about ten times as many. The events of a run come
#: one after the other, so each is nearly always still there when the last one comes.
_GROUPED_BYTES_KEPT = 8 * 2**20
#: Logics of plans with a key, and derivations of one of them: some 20 kB each.
_LOGICS_KEPT, _LARGEST_LOGIC_KEPT = 2_000, 200
_MENTIONED_KEPT = 50_000  #: names of datasets; some 200 bytes each
#: Columns, operations and inputs of the plans of one entry, or of one group, together. The graph is written as a whole
#: for each, and while it is, nobody can ask it: this many take some ten seconds.
_MOST_PARTS = 50_000
#: Bytes of an entry of a group that count as one part of a plan when it is asked how many have room in a batch.
_BYTES_A_PART = 200


class Renamed(Exception):
    """Datasets have other names than those that the graph was drawn with: it has to be drawn anew.

    `names` are those that the tables know by now; None: they are all in the statements of the ledger.
    """

    def __init__(self, names: Names | None = None) -> None:
        super().__init__()
        self.names = names


class Erased(Exception):
    """A plan body is needed again that was erased or damaged since: the graph has to be rebuilt without it."""


class Ledger(Protocol):
    """What followers read of the ledger."""

    @property
    def id(self) -> str:
        """What tells it from every other ledger."""

    def read(self, after: int, limit: int) -> list[Entry]:
        """Up to `limit` entries with a sequence above `after`, in order."""

    def entry(self, sequence: int) -> Entry | None:
        """One entry; None if there is none with this number."""

    def of_kind(self, kind: str) -> list[Entry]:
        """All entries of a kind, in order."""

    def head(self) -> Head:
        """The last entry."""


@dataclass
class Batch:
    """Entries, decoded. `refused` are those that could not be; `erasures` the sequences of entries that say so.

    `last` is the last entry that was looked at: those behind it had no room.
    """

    plans: list[MappedPlan] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    statements: list[Said] = field(default_factory=list)
    parts: list[tuple[Entry, Part]] = field(default_factory=list)
    refused: list[tuple[Entry, Exception]] = field(default_factory=list)
    erasures: list[int] = field(default_factory=list)
    last: int = 0


def stated_names(ledger: Ledger, rules: Rules = DEFAULT, up_to: int | None = None) -> Names:
    """The names that are one by what is stated in the ledger, up to this entry, without it in the whole."""
    said: list[Said] = []
    snapshots: dict[tuple[str, str], Snapshot] = {}  # the newest of each scope: what others list is gone
    for entry, one in stated(ledger, rules):
        if up_to is not None and entry.sequence > up_to:
            continue
        if not isinstance(one, Snapshot):
            said.append(one)
            continue
        newest = snapshots.setdefault((one.source, one.scope), one)
        if one is newest or one.rank > newest.rank:
            listed = tuple(each for each in one.statements if each.kind == DATASET)
            snapshots[one.source, one.scope] = replace(one, statements=listed)
    return names([*said, *snapshots.values()])


def stated(ledger: Ledger, rules: Rules) -> Iterator[tuple[Entry, Said]]:
    """The statements and snapshots of the whole ledger, in its order, by the entry that holds them.

    Entries without a body, or that are no valid statement, are left out: the projector parks these.
    """
    for entry in ledger.of_kind(KIND):
        if entry.body is not None:
            with suppress(StatementError):
                yield entry, named_by(rules, parse(entry.body))


def decoders(rules: Rules = DEFAULT) -> dict[str, Decode]:
    """The decoder of each kind of entry, out of the table of bridges; `rules` name the datasets."""
    return {
        kind: bridge.decode if rules == DEFAULT else partial(bridge.decode, rules=rules)
        for kind, bridge in BRIDGES.items()
    }


Waiting = Callable[[str], BodyRef | None]
"""An agent's plan id -> where the ledger has the plan, if no event of it has come so far. An event then brings it."""


def _nothing_waits(_agent_plan_id: str) -> BodyRef | None:
    return None


def missing_since(erasure: Entry) -> list[Statement]:
    """What an erasure says of the datasets that the erased entry was about, as tags that answers look at.

    ``erased-write=N`` and ``erased-read=N`` on the dataset and its columns, N the entry. They are as if somebody had
    stated them, so that whoever knows that nothing is missing can withdraw them.
    """
    try:
        notice = json.loads(erasure.body or b"{}")
        value, reason = f"={int(notice['sequence'])}", str(notice["reason"])
        found = {tag: list(map(str, notice.get(name, ()))) for name, tag in _ERASED.items()}
    except (ValueError, KeyError, TypeError):
        return []
    return [
        Statement(TAG, subject, f"{tag}{value}", erasure.received_ms, reason=reason)
        for tag, datasets in found.items()
        for dataset in datasets
        for subject in (dataset, f"{dataset}#*")
    ]


#: By the field of an erasure's notice: the key of the tag that its datasets get.
_ERASED = {"written": ERASED_WRITE, "read": ERASED_READ}


Members = Callable[[int], list[int]]
"""An entry of a group -> the entries of the group that had come when it came, itself the last; none if it is no part.
"""


def _no_members(_sequence: int) -> list[int]:
    return []


class Decoding:
    """The decoded entries of one ledger. An entry that was erased, or of a kind without decoder, is passed over."""

    def __init__(self, ledger: Ledger, decoders: Mapping[str, Decode], rules: Rules = DEFAULT) -> None:
        """`rules` name the datasets of entries that are folded together; those of others, the decoders themselves."""
        self._ledger = ledger
        self._decoders = decoders
        self._rules = rules
        self._members: Members = _no_members
        self._contents: OrderedDict[int, tuple[Any, int]] = OrderedDict()  # of grouped entries, with their size
        self._contents_size = 0
        self._logics: dict[str, Logic] = {}  # by the key of a plan
        self._plans: OrderedDict[BodyRef, MappedPlan] = OrderedDict()
        self._summaries: OrderedDict[BodyRef, Summary] = OrderedDict()
        self._parts = 0
        self._names = Names()
        self._mentioned: set[str] = set()  # since they were taken
        self._taken: set[str] = set()  # of those that were, not to take them again and again

    @property
    def names(self) -> Names:
        """Which names of datasets are one, in the plans that are decoded."""
        return self._names

    def use_names(self, names: Names, *, forget: bool = True) -> None:
        """Take these names of datasets for one, in the plans that are decoded from now on.

        `forget`: also in those that were decoded; else nothing that was decoded names one of them.
        """
        self._names = names
        if forget:
            self.forget()

    def take_mentioned(self) -> set[str]:
        """The datasets that were named since this was asked before, as plans and systems call them."""
        new = self._mentioned - self._taken
        if len(self._taken) > _MENTIONED_KEPT:
            self._taken.clear()
        self._taken |= new
        self._mentioned = set()
        return new

    def use_members(self, members: Members) -> None:
        """Ask `members` which entries are folded together with one."""
        self._members = members

    def batch(self, entries: Sequence[Entry], most: int | None = None, waiting: Waiting = _nothing_waits) -> Batch:
        """Decode entries; one that cannot be decoded is among the refused ones, and nothing of it is in the batch.

        `most` ends the batch behind the entry with which its plans have so many parts (columns, derivations, ...), an
        event, a statement or a listed column counted as one. Plans whose first event comes count as well: `waiting`
        gives these. Raises `Erased`, for such a plan.
        """
        batch = Batch()
        parts, counted = 0, set[BodyRef]()
        for entry in entries:
            if most is not None and parts >= most:
                break
            batch.last = entry.sequence
            plans, events, said = len(batch.plans), len(batch.events), len(batch.statements)
            if entry.kind == ERASURE:
                batch.erasures.append(entry.sequence)
                batch.statements += missing_since(entry)
            elif (damage := self._damage(entry)) is not None:
                batch.refused.append((entry, damage))
            elif entry.body is not None:
                try:
                    self._add(batch, entry, entry.body)
                except MemoryError:  # perhaps no fault of this entry's: see `Batches.apply`
                    raise
                except Exception as error:  # noqa: BLE001 - a bug of a decoder sets this payload aside, not the others
                    batch.refused.append((entry, error))
            if most is not None:
                found = {mapped.ref: mapped for mapped in batch.plans[plans:]}
                refs = {waiting(event.run.agent_plan_id) for event in batch.events[events:]} - {None}
                found |= {ref: self.plan_at(ref) for ref in refs if ref is not None and ref not in counted}
                parts += sum(_parts(mapped) for ref, mapped in found.items() if ref not in counted)
                parts += len(batch.events) - events
                parts += sum(map(_weight, batch.statements[said:]))
                if entry.body is not None and batch.parts and batch.parts[-1][0] is entry:
                    parts += 1 + len(entry.body) // _BYTES_A_PART
                counted |= found.keys()
        return batch

    def _damage(self, entry: Entry) -> LedgerDamaged | None:
        """Why nobody can read what an entry says."""
        if entry.damage:
            return LedgerDamaged(f"the body of entry {entry.sequence} {entry.damage}")
        if entry.body is not None and entry.kind not in self._decoders:
            kind = entry.kind[:100]
            return LedgerDamaged(
                f"entry {entry.sequence} is of the unknown kind {kind!r}: damaged, or of a newer version"
            )
        return None

    def plan_at(self, ref: BodyRef) -> MappedPlan:
        """The plan body at this place of the ledger. Raises `Erased`."""
        if ref in self._plans:
            self._plans.move_to_end(ref)
            return self._plans[ref]
        entry = self._ledger.entry(ref.sequence)
        if entry is None or entry.body is None:
            how = "is damaged" if entry is not None and entry.damage else "was erased"
            raise Erased(f"the plan in entry {ref.sequence} {how}")
        members = self._members(ref.sequence)
        if members:
            folded = self._fold(entry.kind, members)
            return self._keep(self._mapped(ref, folded.plans[ref.index], folded.digest))
        plan = self._decoders[entry.kind](entry.body, entry.content_type).plans[ref.index]
        return self._keep(self._mapped(ref, plan, entry.sha256))

    def summary_at(self, ref: BodyRef) -> Summary:
        """The summary of the plan body at this place. Raises `Erased`.

        Each run of known logic asks for that of the body which gave the plan its operations, however old that is.
        """
        if ref not in self._summaries:
            return self.plan_at(ref).summary
        self._summaries.move_to_end(ref)
        return self._summaries[ref]

    def folded(self, kind: str, members: Sequence[tuple[int, int]]) -> Folded:
        """What the entries of a group say: `members` are their sequences and receipts (ms since 1970). `Erased`."""
        return self._fold(kind, [sequence for sequence, _ in members])

    def group(
        self, group: str, folded: Folded, members: Sequence[tuple[int, int]], inherited: Inherited
    ) -> MappedGroup:
        """A group that was folded, mapped: the last of its members came last; its parent tells what is inherited."""
        last = members[-1][0]
        mapped = [self._mapped(BodyRef(last, index), plan, folded.digest) for index, plan in enumerate(folded.plans)]
        # All that is told had happened by the earliest receipt of an entry that tells it; which one that is, is not
        # looked for: a run is told at most some seconds after its end, and a clock is called wrong after a day.
        received = max(receipt for _, receipt in members)
        events = tuple(Event(inherit(run, inherited, folded.otherwise), received) for run in folded.runs)
        told = digest(folded.digest, *(text for pair in inherited for text in pair)) if inherited else folded.digest
        plans = tuple(map(self._keep, mapped))
        return MappedGroup(group, plans, events, told, folded.outcome, folded.job, folded.parent)

    def _fold(self, kind: str, sequences: Sequence[int]) -> Folded:
        fold = BRIDGES[kind].fold
        assert fold is not None, "only a bridge that folds has parts"
        folded = fold([self._content(sequence) for sequence in sequences], self._rules)
        _refuse_huge(folded.plans)
        return folded

    def _content(self, sequence: int) -> Any:
        """What an entry of a group says, out of memory or the ledger. Raises `Erased`."""
        if sequence in self._contents:
            self._contents.move_to_end(sequence)
            return self._contents[sequence][0]
        entry = self._ledger.entry(sequence)
        if entry is None or entry.body is None:
            raise Erased(f"entry {sequence}, which is needed again, was erased or is damaged")
        part = self._decoders[entry.kind](entry.body, entry.content_type).part
        assert part is not None, "an entry that was a part is always one"
        return self._keep_content(entry, part)

    def _keep_content(self, entry: Entry, part: Part) -> Any:
        size = len(entry.body or b"")
        if entry.sequence not in self._contents:
            self._contents_size += size
        self._contents[entry.sequence] = part.content, size
        while self._contents_size > _GROUPED_BYTES_KEPT and len(self._contents) > 1:
            self._contents_size -= self._contents.popitem(last=False)[1][1]
        return part.content

    def forget(self) -> None:
        """Drop the plans in memory."""
        self._plans.clear()
        self._summaries.clear()
        self._logics.clear()
        self._mentioned.clear()
        self._taken.clear()
        self._parts = 0

    def _add(self, batch: Batch, entry: Entry, body: bytes) -> None:
        decoded = self._decoders[entry.kind](body, entry.content_type)
        _refuse_huge(decoded.plans)
        mapped = [
            self._mapped(BodyRef(entry.sequence, index), plan, entry.sha256) for index, plan in enumerate(decoded.plans)
        ]
        batch.plans += map(self._keep, mapped)
        if decoded.part is not None:
            self._keep_content(entry, decoded.part)
            batch.parts.append((entry, decoded.part))
        batch.events += (Event(run, entry.received_ms) for run in decoded.runs)
        for said in decoded.statements:
            self._mentioned |= said_about(said)
            batch.statements.append(renamed_said(said, self._names))

    def _mapped(self, ref: BodyRef, plan: Plan, sha256: str) -> MappedPlan:
        self._mentioned |= mentioned(plan)
        plan = renamed(plan, self._names.every)
        its_logic = self._logics.get(plan.key) if plan.key else None
        if its_logic is None:
            its_logic = logic(plan)
        if plan.key and len(plan.derivations) <= _LARGEST_LOGIC_KEPT:
            if len(self._logics) >= _LOGICS_KEPT:
                self._logics.clear()
            self._logics[plan.key] = its_logic
        return MappedPlan(ref, plan, its_logic, summary(plan, its_logic, sha256))

    def _keep(self, mapped: MappedPlan) -> MappedPlan:
        """The plan, kept in memory; those that were used the longest ago make room for it."""
        replaced = self._plans.pop(mapped.ref, None)
        self._parts += _parts(mapped) - (_parts(replaced) if replaced else 0)
        self._plans[mapped.ref] = mapped
        self._summaries[mapped.ref] = mapped.summary
        self._summaries.move_to_end(mapped.ref)
        if len(self._summaries) > _SUMMARIES_KEPT:
            self._summaries.popitem(last=False)
        while self._parts > _PARTS_KEPT and len(self._plans) > 1:
            self._parts -= _parts(self._plans.popitem(last=False)[1])
        return mapped


def _weight(said: Said) -> int:
    """How many statements it is, with the columns that they list."""
    listed = statements_of(said)
    return len(listed) + sum(len(one.dataset.columns) for one in listed if one.dataset)


def _refuse_huge(plans: Sequence[Plan]) -> None:
    """DecodeError: so large a table, or so many of them, is nobody's, and would keep everybody from asking."""
    datasets = {one.uri: len(one.columns) for plan in plans for one in plan.inputs}  # outputs share their inputs
    parts = sum(datasets.values()) + len(datasets)
    parts += sum(len(plan.columns) + len(plan.operations) for plan in plans)
    if parts > _MOST_PARTS:
        raise DecodeError(f"it has {parts:,} columns, operations and inputs: more than {_MOST_PARTS:,}")


def _parts(mapped: MappedPlan) -> int:
    plan = mapped.plan
    shared = sum(len(group.targets) + len(group.sources) for group in plan.shared)
    return 1 + len(plan.columns) + len(plan.derivations) + shared + len(plan.dependencies) + len(plan.operations)
