"""How many plan bodies stand behind each plan vertex, alias and schema; at zero it is removed from the graph.

One object a batch. `change` is called for each plan id whose body, or whose success, changed; `settle` compares the
counts before and after the batch. The operations of a plan vertex come from the best of its bodies.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from headwater.graphmodel import elements
from headwater.graphmodel.choice import Event
from headwater.graphmodel.column_names import named
from headwater.graphmodel.delta import Part
from headwater.graphmodel.logic import Logic, Schema, Summary, aliases, schemas
from headwater.graphmodel.model import Plan
from headwater.ingest.fold.changes import Changes
from headwater.ingest.fold.rows import BodyRef, BodyRow, LogicRow
from headwater.ingest.fold.tables import Tables


@dataclass(frozen=True)
class MappedPlan:
    """A plan body of the ledger, decoded and mapped."""

    ref: BodyRef
    plan: Plan
    logic: Logic
    summary: Summary


@dataclass(frozen=True)
class MappedGroup:
    """What the entries of one group come to by now. `digest` is that of their set, and of what its parent tells."""

    id: str
    plans: tuple[MappedPlan, ...]
    events: tuple[Event, ...]
    digest: str
    outcome: str
    job: str
    parent: str = ""


PlanAt = Callable[[BodyRef], MappedPlan]  #: the plan body at this place of the ledger
SummaryAt = Callable[[BodyRef], Summary]  #: its summary alone, which is remembered longer
LogicOf = Callable[[str], Logic]  #: the logic of a plan vertex


class ReferenceCounts:
    """The changes of one batch in the counts, and what follows from them in the graph."""

    def __init__(self, tables: Tables, changes: Changes, plan_at: PlanAt, summary_at: SummaryAt) -> None:
        self._tables = tables
        self._changes = changes
        self._plan_at = plan_at
        self._summary_at = summary_at
        self._executed: Counter[str] = Counter()
        self._succeeded: Counter[str] = Counter()
        self._refs: dict[str, BodyRef] = {}  # by plan vertex: a body with its logic, also for one that goes
        self._schemas: Counter[Schema] = Counter()
        self._aliases: Counter[tuple[str, str]] = Counter()
        self._partitioned: Counter[str] = Counter()
        self._operations: dict[str, list[BodyRow]] = {}  # by plan vertex: the bodies that came to it
        self._left: dict[str, set[BodyRef]] = {}  # by plan vertex: where the ledger has the bodies that left it

    def change(self, old: BodyRow | None, new: BodyRow | None) -> None:
        """The body of one of the agent's plan ids, or whether it was executed and succeeded, is now another.

        `new` None: the group of entries that gave it gives it no longer.
        """
        if old == new:
            return
        if not (old and new) or old.summary.partitioned != new.summary.partitioned:
            self._partitioned.subtract(old.summary.partitioned if old else ())
            self._partitioned.update(new.summary.partitioned if new else ())
        same_body = old is not None and new is not None and old.summary == new.summary
        if old and old.executed and not (same_body and new and new.executed):
            self._executed[old.summary.plan] -= 1
            self._refs.setdefault(old.summary.plan, old.ref)
        if new and new.executed and not (same_body and old and old.executed):
            self._execute(new)
        if old and old.succeeded and not (same_body and new and new.succeeded):
            self._succeed(old, -1)
            self._left.setdefault(old.summary.plan, set()).add(old.ref)
        if new and new.succeeded and not (same_body and old and old.succeeded):
            self._succeed(new, +1)
            self._operations.setdefault(new.summary.plan, []).append(new)

    def settle(self) -> tuple[set[str], set[str]]:
        """Write what changed. The datasets with other columns than before; those newly, or no longer, partitioned."""
        repartitioned = {d for d, n in self._partitioned.items() if n and self._tables.count_partitioned(d, n)}
        plans = self._executed.keys() | self._succeeded.keys() | self._operations.keys()
        # Those that come first: a job whose one plan is replaced by another stays, and so do the edges to it.
        for plan in sorted(plans, key=lambda plan: (self._executed[plan] <= 0, plan)):
            self._settle_logic(plan)
        for alias, count in self._aliases.items():
            if count and self._tables.count_alias(alias, count):
                settle_alias(self._tables, self._changes, *alias)
        reshaped = {s.dataset for s, n in self._schemas.items() if n and self._tables.count_schema(s, n)}
        return reshaped, repartitioned

    def _execute(self, new: BodyRow) -> None:
        self._executed[new.summary.plan] += 1
        self._refs.setdefault(new.summary.plan, new.ref)

    def _succeed(self, row: BodyRow, change: int) -> None:
        mapped = self._plan_at(row.ref)
        self._succeeded[mapped.logic.plan] += change
        for schema in schemas(mapped.plan, mapped.logic):
            self._schemas[schema] += change
        for alias in ((row.summary.agent_plan_id, mapped.logic.plan), *aliases(mapped.plan)):
            self._aliases[alias] += change

    def _settle_logic(self, plan: str) -> None:
        old = self._tables.logic(plan) or self._new_logic(plan)
        executed, succeeded = old.executed + self._executed[plan], old.succeeded + self._succeeded[plan]
        new = old._replace(executed=executed, succeeded=succeeded)
        self._tables.put_logic(new)
        if bool(new.executed) != bool(old.executed):
            self._settle_plan(new)
        if bool(new.succeeded) != bool(old.succeeded):
            its_logic = named(self._plan_at(new.ref).logic, self._tables.column_names())
            edges = tuple(elements.logic_edges(its_logic))
            self._changes.replace_edges(*(((), edges) if new.succeeded else (edges, ())))
        self._settle_operations(new)

    def logic_of(self, plan: str) -> Logic:
        """The logic of a plan vertex that is in the graph, or was before this batch, with the names of its payload."""
        row = self._tables.logic(plan)
        return self._plan_at(row.ref if row else self._refs[plan]).logic

    def _new_logic(self, plan: str) -> LogicRow:
        ref = self._refs[plan]
        logic = self._plan_at(ref).logic
        return LogicRow(plan, ref, logic.job_id, target=logic.target)

    def _settle_plan(self, new: LogicRow) -> None:
        if new.executed:
            self._changes.add(elements.plan_part(named(self._plan_at(new.ref).logic, self._tables.column_names())))
            return
        for vertex in elements.shared_vertices(self._plan_at(new.ref).logic):
            self._changes.remove_vertex(vertex.id)
        self._changes.remove_vertex(new.plan)
        if not self._tables.has_job(new.job):
            self._changes.remove_vertex(new.job)

    def _settle_operations(self, row: LogicRow) -> None:
        best = self._best_operations(row)
        if best == row.operations:
            return
        old, new = (
            elements.operations_part(row.plan, self._plan_at(ref).plan) if ref else Part()
            for ref in (row.operations, best)
        )
        for vertex in old.vertices:  # even those that the new body has as well: what feeds them may differ
            self._changes.remove_vertex(vertex.id)
        self._changes.add(new)
        self._tables.put_logic(row._replace(operations=best))

    def _best_operations(self, row: LogicRow) -> BodyRef | None:
        """The body that gives the plan its operations: out of those that came, unless the best one left."""
        if row.operations in self._left.get(row.plan, ()):
            bodies = self._tables.succeeded_bodies(row.plan)
        else:
            bodies = list(self._operations.get(row.plan, ()))
            if row.operations and bodies:  # the first of those that are alike stays
                bodies.insert(0, BodyRow(row.operations, self._summary_at(row.operations)))
            elif row.operations:
                return row.operations
        return min(bodies, key=lambda b: b.summary.operations_rank).ref if bodies else None


def settle_alias(tables: Tables, changes: Changes, spelling: str, target: str) -> None:
    """An alias was given for the first time, or is given no longer: draw it, or remove it."""
    part = elements.alias_part(spelling, target)
    if tables.has_alias(spelling, target):
        changes.add(part)
        return
    changes.remove_edge(part.edges[0])
    if not tables.has_alias(spelling):
        changes.remove_vertex(part.vertices[0].id)
