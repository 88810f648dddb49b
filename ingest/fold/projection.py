"""One batch of decoded entries into the derived tables, and the changes in the graph that follow from it.

Deterministic: the changes depend on the tables and the batch alone. The graph itself is not asked.
"""

from __future__ import annotations

from collections.abc import Iterable

from headwater.graphmodel import elements, now
from headwater.graphmodel.choice import Event, choose
from headwater.graphmodel.column_names import RenameRun
from headwater.graphmodel.delta import Part
from headwater.graphmodel.logic import Summary
from headwater.graphmodel.statements.model import Said
from headwater.ingest.fold.changes import Changes
from headwater.ingest.fold.dataset_views import DatasetViews
from headwater.ingest.fold.reference_counts import MappedGroup, MappedPlan, PlanAt, ReferenceCounts, SummaryAt
from headwater.ingest.fold.rows import BodyRow
from headwater.ingest.fold.statements import StatementViews
from headwater.ingest.fold.tables import Tables

Revised = tuple[Event | None, Event | None]  #: an event as before the batch, and as it is now; None: there is none


def project(
    tables: Tables,
    plan_at: PlanAt,
    plans: Iterable[MappedPlan],
    events: Iterable[Event],
    statements: Iterable[Said] = (),
    groups: Iterable[MappedGroup] = (),
    summary_at: SummaryAt | None = None,
) -> Changes:
    """Write plan bodies, events and statements into the tables; what that changes in the graph.

    `groups` are those of which entries came, each once: what a group gave before, and gives no longer, goes.
    `summary_at` gives of what `plan_at` gives the summary alone, where that is cheaper.
    """
    return _Batch(tables, plan_at, summary_at or (lambda ref: plan_at(ref).summary)).run(
        plans, events, statements, groups
    )


class _Batch:
    def __init__(self, tables: Tables, plan_at: PlanAt, summary_at: SummaryAt) -> None:
        self._tables = tables
        self._changes = Changes()
        self._reference_counts = ReferenceCounts(tables, self._changes, plan_at, summary_at)
        self._dataset_views = DatasetViews(tables, self._changes, self._reference_counts.logic_of)
        self._statements = StatementViews(tables, self._changes)
        self._bodies: dict[str, BodyRow | None] = {}  # as before the batch, by the agent's plan id
        self._events: dict[str, Event | None] = {}  # as before the batch, by run
        self._rerun: dict[str, str] = {}  # the targets of the plans of which runs came or went

    def run(
        self,
        plans: Iterable[MappedPlan],
        events: Iterable[Event],
        statements: Iterable[Said],
        groups: Iterable[MappedGroup],
    ) -> Changes:
        for mapped in plans:
            self._accept_body(mapped)
        for group in groups:
            self._accept_group(group)
        for agent_plan_id, before in self._bodies.items():
            self._revise_runs(agent_plan_id, waited=before is None)
        for event in events:
            self._accept_event(event)
        revised = [(old, self._tables.event(run)) for run, old in self._events.items()]
        self._settle_bodies(revised)
        for old, new in revised:
            self._settle_run(old, new)
        self._settle_constants()
        for said in statements:
            self._statements.accept(said)
        for dataset in self._statements.retired_datasets():
            self._dataset_views.retire(dataset)
        for dataset in self._statements.settle_listed():
            self._dataset_views.reshape(dataset)
        self._dataset_views.settle()
        self._dataset_views.settle_column_names()
        self._statements.settle()
        return self._changes

    def _accept_body(self, mapped: MappedPlan) -> None:
        summary = mapped.summary
        row = self._tables.body(summary.agent_plan_id)
        if row is None or summary.rank < row.summary.rank:
            self._bodies.setdefault(summary.agent_plan_id, row)
            flags = (row.executed, row.succeeded) if row else (False, False)
            self._tables.put_body(BodyRow(mapped.ref, summary, *flags))

    def _revise_runs(self, agent_plan_id: str, *, waited: bool) -> None:
        for event in self._tables.events_of(agent_plan_id):
            self._events.setdefault(event.id, event)
        if waited:
            self._tables.join_events(agent_plan_id)

    def _accept_event(self, event: Event) -> None:
        old = self._tables.event(event.id)
        new = choose(old, event) if old else event
        if new != old:
            self._events.setdefault(event.id, old)
            self._tables.put_event(new, joined=self._tables.body(event.run.agent_plan_id) is not None)

    def _accept_group(self, group: MappedGroup) -> None:
        """Put what a group gives now in the place of what it gave before."""
        known = self._tables.group(group.id)
        if known.digest == group.digest:
            return
        new = {mapped.summary.agent_plan_id: mapped for mapped in group.plans}
        events = {event.id: event for event in group.events}
        for agent_plan_id in {**dict.fromkeys(self._tables.plans_of(group.id)), **new}:
            self._bodies.setdefault(agent_plan_id, self._tables.body(agent_plan_id))
            for event in self._tables.events_of(agent_plan_id):
                self._events.setdefault(event.id, event)
                if event.id not in events:
                    self._tables.delete_event(event.id)
            if agent_plan_id in new:
                self._tables.put_body(BodyRow(new[agent_plan_id].ref, new[agent_plan_id].summary))
            else:
                self._tables.delete_body(agent_plan_id)
        for event in events.values():
            self._events.setdefault(event.id, None)
            self._tables.put_event(event, joined=True)
        now_known = known._replace(digest=group.digest, outcome=group.outcome, job=group.job, parent=group.parent)
        self._tables.put_group(now_known, new)

    def _settle_bodies(self, revised: list[Revised]) -> None:
        by_plan: dict[str, list[Revised]] = {plan: [] for plan in self._bodies}
        for old, new in revised:
            some = new or old
            assert some is not None, "an event that is revised is there, or was"
            by_plan.setdefault(some.run.agent_plan_id, []).append((old, new))
        for agent_plan_id, its_events in by_plan.items():
            row = self._tables.body(agent_plan_id)
            before = self._bodies.get(agent_plan_id)
            if row is None and before is not None:
                self._reference_counts.change(before, None)
            elif row:
                before = self._bodies.setdefault(agent_plan_id, row)
                after = self._with_flags(row, its_events)
                if after != row:
                    self._tables.put_body(after)
                self._reference_counts.change(before, after)
        reshaped, repartitioned = self._reference_counts.settle()
        for dataset in sorted(reshaped):
            self._dataset_views.reshape(dataset)
        for dataset in sorted(repartitioned):
            self._dataset_views.repartition(dataset)

    def _with_flags(self, row: BodyRow, revised: list[Revised]) -> BodyRow:
        """The body with whether it was executed and succeeded. All its events are asked if a success was taken back."""
        executed = row.executed or any(new for _, new in revised)
        succeeded = row.succeeded or any(new and _success(new) for _, new in revised)
        if any(old and _success(old) and not (new and _success(new)) for old, new in revised):
            succeeded = any(_success(event) for event in self._tables.events_of(row.summary.agent_plan_id))
        return row._replace(executed=executed, succeeded=succeeded)

    def _settle_run(self, old: Event | None, new: Event | None) -> None:
        some = new or old
        assert some is not None, "an event that is revised is there, or was"
        row = self._tables.body(some.run.agent_plan_id)
        before = self._bodies.get(some.run.agent_plan_id)
        was = (old, before.summary) if old and before else None
        is_now = (new, row.summary) if new and row else None
        if was == is_now:
            return
        parts = (elements.run_part(*joined) if joined else Part() for joined in (was, is_now))
        self._changes.replace(*parts)
        if was:
            self._drop(*was)
        if is_now:
            self._add(*is_now)

    def _drop(self, event: Event, of: Summary) -> None:
        write, read = now.write_of(event, of), now.read_of(event, of)
        if write:
            self._dataset_views.drop_write(of.target, write)
            for rename in _renames(write, of):
                self._dataset_views.drop_rename(of.target, rename)
            self._tables.delete_constants(of.plan, write.position)
            self._rerun[of.plan] = of.target
        if read:
            for dataset in of.inputs:
                self._dataset_views.drop_read(dataset, read)
            self._dataset_views.note_access(read, of)

    def _add(self, event: Event, of: Summary) -> None:
        write, read = now.write_of(event, of), now.read_of(event, of)
        if write:
            self._dataset_views.add_write(of.target, write)
            for rename in _renames(write, of):
                self._dataset_views.add_rename(of.target, rename)
            if of.constants:
                self._tables.put_constants(of.plan, write.position, of.constants)
            self._rerun[of.plan] = of.target
        if read:
            for dataset in of.inputs:
                self._dataset_views.add_read(dataset, read)
            self._dataset_views.note_access(read, of)

    def _settle_constants(self) -> None:
        """Give each plan vertex of which runs came or went the constants of its newest run."""
        for plan, target in self._rerun.items():
            old, new = self._tables.shown_constants(plan), self._tables.newest_constants(plan)
            if old != new:
                self._tables.put_shown_constants(plan, new)
                self._dataset_views.reshow(target, plan, old)
                if self._tables.logic(plan):  # else it was removed
                    self._changes.amend(elements.shown_constants(plan, new))


def _renames(write: now.Write, of: Summary) -> list[RenameRun]:
    return [RenameRun(write.timestamp, write.run, write.start, old, new) for old, new in of.renames]


def _success(event: Event) -> bool:
    return event.run.error is None
