"""The views of a dataset that depend on time: two reports of one write, versions, what runs saw, what holds now.

One object a batch. Writes and reads are added and removed; `settle` computes, dataset by dataset, what that changes in
the graph. The rules are those of `graphmodel.now`; here they are applied to the few rows that can have changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from headwater.graphmodel import column_names, elements, ids, now
from headwater.graphmodel.column_names import NONE, ColumnNames, Mention, RenameRun, named, named_schema
from headwater.graphmodel.columns import ColumnClaim, column_claims, column_vertices
from headwater.graphmodel.constants import constants_of
from headwater.graphmodel.delta import Edge, Part
from headwater.graphmodel.logic import Logic, Summary
from headwater.graphmodel.now import Contribution, Position, Read, State, Write
from headwater.ingest.fold.changes import Changes
from headwater.ingest.fold.reference_counts import LogicOf
from headwater.ingest.fold.rows import DatasetRow, ReadRow, WriteRow
from headwater.ingest.fold.tables import Tables
from headwater.ingest.fold.validity import ValidityIntervals


@dataclass
class _Touched:
    """What this batch changed in the writes and reads of one dataset."""

    writes: dict[Position, Write] = field(default_factory=dict)  # added, removed, or counted otherwise than before
    versions: list[Write] = field(default_factory=list)  # the same; a changed write in both forms
    reads: dict[Position, Read] = field(default_factory=dict)  # added
    reads_before: dict[Position, ReadRow] = field(default_factory=dict)  # removed, or changed
    appended: bool = True  # writes were only added
    repartitioned: bool = False
    retired: bool = False  # people say that it was dropped, or no longer say so
    reshaped: bool = False
    constants: dict[str, str] = field(default_factory=dict)  # by plan that is shown with others now: those before
    accesses: list[tuple[str, Read]] = field(default_factory=list)  # came or went, by plan, if columns were renamed
    rename_came_or_went: bool = False
    layout_changed: bool = False  # plans with a layout came to what holds now, or left it

    def touch(self, write: Write) -> None:
        self.writes[write.position] = write
        self.versions.append(write)


class DatasetViews:
    """The changes of one batch in the views of datasets."""

    def __init__(self, tables: Tables, changes: Changes, logic_of: LogicOf) -> None:
        self._tables = tables
        self._changes = changes
        self._logic_of = logic_of
        self._datasets: dict[str, _Touched] = {}

    def add_write(self, dataset: str, write: Write) -> None:
        """Add a write."""
        self._tables.put_write(dataset, WriteRow(write))
        self._touched(dataset).touch(write)

    def drop_write(self, dataset: str, write: Write) -> None:
        """Remove a write: its run failed after all, or its plan is another."""
        row = self._tables.write(dataset, write.position)
        if row and row.before:
            self._changes.remove_edge(elements.appends_edge(dataset, write.run, row.before))
        if row and row.twin:
            self._changes.remove_edge(elements.twin_edge(write.run, row.twin))
        self._tables.delete_write(dataset, write.position)
        self._touched(dataset).touch(write)
        self._touched(dataset).appended = False

    def add_read(self, dataset: str, read: Read) -> None:
        """Add a run that reads."""
        self._touched(dataset).reads[read.position] = read

    def drop_read(self, dataset: str, read: Read) -> None:
        """Remove a run that reads."""
        row = self._tables.read(dataset, read.position)
        if row:
            self._touched(dataset).reads_before[read.position] = row
            self._tables.delete_read(dataset, read.position)

    def reshape(self, dataset: str) -> None:
        """The schemas of a dataset changed, or what systems list as its columns."""
        self._touched(dataset).reshaped = True

    def repartition(self, dataset: str) -> None:
        """A dataset became partitioned, or ceased to be."""
        self._touched(dataset).repartitioned = True

    def retire(self, dataset: str) -> None:
        """A dataset was said to be dropped, or that was withdrawn."""
        self._touched(dataset).retired = True

    def reshow(self, dataset: str, plan: str, before: str) -> None:
        """A plan that writes a dataset is shown with other constants than those before."""
        self._touched(dataset).constants[plan] = before

    def add_rename(self, dataset: str, rename: RenameRun) -> None:
        """A column was renamed."""
        self._tables.put_rename(dataset, rename)
        self._touched(dataset).rename_came_or_went = True

    def drop_rename(self, dataset: str, rename: RenameRun) -> None:
        """The run of a rename failed after all, or its plan is another."""
        self._tables.delete_rename(dataset, rename)
        self._touched(dataset).rename_came_or_went = True

    def note_access(self, read: Read, of: Summary) -> None:
        """A run came or went. One that names a column at another time than the name's can end the effect of a rename.

        Kept for the datasets of which columns have been renamed.
        """
        for dataset in {of.target, *of.inputs}:
            if self._tables.has_renames(dataset):
                self._touched(dataset).accesses.append((of.plan, read))

    def settle(self) -> None:
        """Compute what changes, and write it; columns have the names that they had before this batch."""
        for dataset, touched in self._datasets.items():
            one = _Dataset(dataset, touched, self._tables, self._changes, self._named_now)
            one.settle_twins()
            one.settle_versions()
            one.settle_readers()
            one.settle_state()

    def settle_column_names(self) -> None:
        """Give columns the names that follow from this batch, and draw anew what names them otherwise until then."""
        for rule in (self._renamed, self._positions):  # what holds now, and so positions, depends on renames
            names = ((dataset, rule(dataset)) for dataset in self._datasets)
            self._call({dataset: new for dataset, new in names if new is not None})

    def _call(self, changed: Mapping[str, ColumnNames]) -> None:
        """Let the columns of these datasets be called so from now on."""
        plans = sorted({plan for dataset in changed for plan in self._tables.plans_about(dataset)})
        before = {plan: self._named_now(plan) for plan in plans}
        for dataset, names in changed.items():
            self._tables.put_column_names(dataset, names)
        redrawn = {plan: (old, new) for plan, old in before.items() if (new := self._named_now(plan)) != old}
        for plan, (old, new) in redrawn.items():
            row = self._tables.logic(plan)
            if row:
                self._changes.amend(elements.said_of_columns(new))
            if row and row.succeeded:
                self._changes.replace_edges(elements.logic_edges(old), elements.logic_edges(new))
        for dataset in sorted(changed.keys() | {old.target for old, _ in redrawn.values()}):
            touched = _Touched(reshaped=dataset in changed, repartitioned=dataset in changed)
            one = _Dataset(dataset, touched, self._tables, self._changes, self._named_now)
            one.settle_state({plan: old for plan, (old, _) in redrawn.items()})
            self._touched(dataset).layout_changed |= touched.layout_changed

    def _renamed(self, dataset: str) -> ColumnNames | None:
        """What the columns of a dataset are called, if other renames count than before this batch."""
        touched = self._datasets[dataset]
        if not touched.accesses and not touched.rename_came_or_went:
            return None
        renames = self._tables.renames(dataset)
        if not touched.rename_came_or_went and not self._may_end(renames, dataset, touched.accesses):
            return None
        old = self._tables.column_names().get(dataset, NONE)
        present = column_names.present_names(renames, self._mentions(dataset))
        return replace(old, renamed=present) if present != old.renamed else None

    def _positions(self, dataset: str) -> ColumnNames | None:
        """What the columns of a dataset are called, if there are others at some position than before this batch."""
        if not self._datasets[dataset].layout_changed:
            return None
        old = self._tables.column_names().get(dataset, NONE)
        new = column_names.column_names(map(self._logic_of, self._tables.dataset(dataset).state), old.renamed)
        return new if new != old else None

    def _may_end(self, renames: Iterable[RenameRun], dataset: str, accesses: Iterable[tuple[str, Read]]) -> bool:
        """Whether one of the runs that came or went can be a reason for a rename not to count."""
        listed = list(renames)
        mentions = (
            Mention(read.run, read.start, read.timestamp, column_names.mentioned(self._logic_of(plan), dataset))
            for plan, read in accesses
        )
        return any(column_names.is_out_of_time(rename, mention) for mention in mentions for rename in listed)

    def _mentions(self, dataset: str) -> Iterator[Mention]:
        for plan, run, start, timestamp in self._tables.accesses_by_plan(dataset):
            yield Mention(run, start, timestamp, column_names.mentioned(self._logic_of(plan), dataset))

    def _named_now(self, plan: str) -> Logic:
        """The logic of a plan vertex with what its columns are called at this moment."""
        return named(self._logic_of(plan), self._tables.column_names())

    def _touched(self, dataset: str) -> _Touched:
        return self._datasets.setdefault(dataset, _Touched())


class _Dataset:
    """One dataset of the batch."""

    def __init__(self, dataset: str, touched: _Touched, tables: Tables, changes: Changes, logic_of: LogicOf) -> None:
        self._dataset = dataset
        self._touched = touched
        self._tables = tables
        self._changes = changes
        self._logic_of = logic_of

    @cached_property
    def _partitioned(self) -> bool:
        return self._tables.is_partitioned(self._dataset)

    # two reports of one write

    def settle_twins(self) -> None:
        """Pair the reports of one write near the touched ones, and count one of each."""
        repeating: dict[Position, WriteRow] = {}  # those whose twin can be another now
        recounted: dict[Position, None] = {}
        for write in self._touched.versions:
            for row in self._near(write, may_repeat=True):
                repeating[row.write.position] = row
            if write.may_repeat:  # it may have gone, or was another: what it reported again is counted anew
                recounted.update((row.write.position, None) for row in self._near(write))
        for position, row in repeating.items():
            near = self._near(row.write)
            twin = now.twin_of(row.write, [other.write for other in near])
            changed = {row.twin, twin.run if twin else None}
            recounted.update((other.write.position, None) for other in near if other.write.run in changed)
            recounted[position] = None
            self._pair(row, twin)
        done: set[str] = set()
        for position in recounted:
            found = self._tables.write(self._dataset, position)
            if found and found.write.run not in done:
                reports = self._reports(self._last_twin(found))
                done.update(report.write.run for report in reports)
                counts = now.last_report(report.write for report in reports)
                for report in reports:
                    self._count(report, counted=report.write == counts)

    def _near(self, write: Write, *, may_repeat: bool = False) -> list[WriteRow]:
        if write.app_id is None:
            return []
        return self._tables.reports_near(self._dataset, write, may_repeat=may_repeat)

    def _pair(self, row: WriteRow, found: Write | None) -> None:
        twin = found.run if found else None
        self._changes.replace_edges(self._same(row.write, row.twin), self._same(row.write, twin))
        if row.twin != twin:
            self._tables.put_write(self._dataset, row._replace(twin=twin))

    def _same(self, write: Write, twin: str | None) -> tuple[Edge, ...]:
        return (elements.twin_edge(write.run, twin),) if twin else ()

    def _last_twin(self, row: WriteRow) -> WriteRow:
        """The write at which the twins end that begin with this one: the one that all of them report."""
        while row.twin:
            row = next(other for other in self._near(row.write) if other.write.run == row.twin)
        return row

    def _reports(self, last: WriteRow) -> list[WriteRow]:
        """All reports of one write, from the one at which the twins end."""
        found = [last]
        for report in found:
            near = self._near(report.write, may_repeat=True)
            found += [other for other in near if other.twin == report.write.run]
        return found

    def _count(self, row: WriteRow, *, counted: bool) -> None:
        if row.counted != counted:
            self._tables.put_write(self._dataset, row._replace(counted=counted))
            was_touched = row.write.position in self._touched.writes
            self._touched.touch(row.write)
            self._touched.appended = self._touched.appended and was_touched

    # the version before

    def settle_versions(self) -> None:
        """Recompute `appendsTo` of the changed versions and their successors."""
        rows = {row.write.run: row for row in self._changed_and_successors()}
        if self._touched.repartitioned:  # all that count; those that no longer do are among the touched ones
            rows.update((row.write.run, row) for row in self._tables.writes_from(self._dataset))
        for row in rows.values():
            self._update_appends(row)

    def _changed_and_successors(self) -> Iterator[WriteRow]:
        for position in self._touched.writes:
            for row in (
                self._tables.write(self._dataset, position),
                self._tables.write_after(self._dataset, position),
            ):
                if row:
                    yield row

    def _update_appends(self, row: WriteRow) -> None:
        previous = self._tables.write_before(self._dataset, row.write.position) if row.counted else None
        appended_to = now.before(row.write, previous.write if previous else None, partitioned=self._partitioned)
        before = appended_to.run if appended_to else None
        self._changes.replace_edges(self._appends(row.write.run, row.before), self._appends(row.write.run, before))
        if row.before != before:
            self._tables.put_write(self._dataset, row._replace(before=before))

    def _appends(self, run: str, before: str | None) -> tuple[Edge, ...]:
        return (elements.appends_edge(self._dataset, run, before),) if before else ()

    # what runs saw

    def settle_readers(self) -> None:
        """Recompute what the runs saw that can have seen a changed write."""
        touched = (self._tables.readers_touched(self._dataset, w) for w in self._touched.versions)
        readers = {row.read.position: row for some in touched for row in some}
        gone = self._touched.reads_before
        initial = any(row.seen is None for row in gone.values())
        for position, row in gone.items():
            if position not in self._touched.reads:
                self._changes.remove_edge(self._used(row))
        for row in readers.values():
            initial |= self._see(row.read, row)
        for position, read in self._touched.reads.items():
            initial |= self._see(read, gone.get(position), put=True)
        if initial:
            self._settle_initial()

    def _see(self, read: Read, old: ReadRow | None, *, put: bool = False) -> bool:
        """Write what a run saw. Whether it sees the version before any known write, or did so before this batch."""
        during = [row.write for row in self._tables.writes_during(self._dataset, read)]
        earlier = self._tables.last_before_start(self._dataset, read)
        seen = now.seen(read, [*during, earlier.write] if earlier else during)
        new = ReadRow(read, seen.write.position if seen.write else None, seen.certain)
        self._changes.replace_edges((self._used(old),) if old else (), (self._used(new),))
        if put or new != old:
            self._tables.put_read(self._dataset, new)
        return new.seen is None or (old is not None and old.seen is None)

    def _used(self, row: ReadRow) -> Edge:
        writer = row.seen[1] if row.seen else None
        return elements.used_edge(row.read.run, self._dataset, writer, certain=row.certain)

    def _settle_initial(self) -> None:
        if self._tables.initial_is_seen(self._dataset):
            self._changes.add(elements.initial_part(self._dataset))
        else:
            self._changes.remove_vertex(ids.initial_version_id(self._dataset))

    # what holds now

    def settle_state(self, before: Mapping[str, Logic] | None = None) -> None:
        """Fold the dataset's writes, and change its edges and columns to what holds now.

        `before` are the logics whose columns are called otherwise from now on, by plan, with the names until then.
        """
        before = before or {}
        old = self._tables.dataset(self._dataset)
        state = self._state(old.state)
        reshown = (self._touched.constants.keys() | before.keys()) & (state.keys() | old.state.keys())
        if state == old.state and not self._touched.reshaped and not reshown:
            return
        claims = old.claims.copy()
        for plan in sorted(state.keys() | old.state.keys()):
            if old.state.get(plan) != state.get(plan) or plan in reshown:
                self._settle_contribution(plan, old.state.get(plan), state.get(plan), claims, before.get(plan))
        claims = +claims
        if state != old.state or self._touched.reshaped or claims != old.claims:
            self._settle_columns(old, state, claims)

    def _state(self, old: State) -> State:
        touched = self._touched
        validities = ValidityIntervals(
            self._dataset, self._tables, self._changes, self._logic_of, partitioned=self._partitioned
        )
        if touched.repartitioned or touched.retired:
            return validities.recomputed()
        if not touched.writes:
            return old
        return (
            validities.after_added(touched.writes, old)
            if touched.appended
            else validities.after_changed(touched.writes)
        )

    def _settle_contribution(
        self,
        plan: str,
        old: Contribution | None,
        new: Contribution | None,
        claims: Counter[ColumnClaim],
        named_before: Logic | None,
    ) -> None:
        logic = self._logic_of(plan)
        old_logic = named_before or logic
        if old != new or named_before:
            was = tuple(elements.now_edges(old_logic, old)) if old else ()
            self._changes.replace_edges(was, elements.now_edges(logic, new) if new else ())
        if bool(old) != bool(new) and logic.layout is not None:
            self._touched.layout_changed = True
        shown = self._tables.shown_constants(plan)
        before, after = constants_of(self._touched.constants.get(plan, shown)), constants_of(shown)
        claims.subtract(column_claims(old_logic, old, before) if old else ())
        claims.update(column_claims(logic, new, after) if new else ())

    def _settle_columns(self, old: DatasetRow, state: State, claims: Counter[ColumnClaim]) -> None:
        names = self._tables.column_names().get(self._dataset, NONE)
        schemas = [named_schema(schema, names) for schema in self._tables.schemas_of(self._dataset)]
        listed = self._tables.listed(self._dataset)
        columns = column_vertices(self._dataset, schemas, claims, listed)
        for name in old.columns.keys() - columns.keys():
            self._changes.remove_edge(elements.column_edge(self._dataset, name))  # it may be of this same batch
            self._changes.remove_vertex(ids.column_id(self._dataset, name))
        for name, vertex in columns.items():
            if old.columns.get(name) != vertex.properties:
                new = name not in old.columns
                edges = (elements.column_edge(self._dataset, name),) if new else ()
                self._changes.add(Part((vertex,), edges))
        if schemas or listed:
            if not old.in_graph:
                self._changes.add(Part((elements.dataset_vertex(self._dataset),)))
            views = {name: dict(vertex.properties) for name, vertex in columns.items()}
            self._tables.put_dataset(self._dataset, DatasetRow(dict(state), claims, views, in_graph=True))
        else:
            self._changes.remove_vertex(self._dataset)
            self._tables.delete_dataset(self._dataset)
