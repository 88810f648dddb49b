"""The rows of the derived tables as data, and as SQLite has them. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import orjson

from headwater.graphmodel.choice import Event
from headwater.graphmodel.column_names import ColumnNames
from headwater.graphmodel.columns import ColumnClaim
from headwater.graphmodel.delta import Value
from headwater.graphmodel.logic import Layout, Schema, Summary
from headwater.graphmodel.model import Effect, Role, Run
from headwater.graphmodel.now import Contribution, Position, Read, Write
from headwater.graphmodel.statements.model import Statement
from headwater.graphmodel.validity import Validity, columns_of, columns_text


@dataclass(frozen=True, order=True)
class BodyRef:
    """Where the ledger has a plan body: the entry's sequence, and which of the entry's plans it is, counted from 0."""

    sequence: int
    index: int = 0

    @property
    def stored(self) -> int:
        """As one integer for a column of the derived tables. Of the first body, and most have no other, the sequence.

        Sequences stay below 2**44 (a thousand entries a second for 500 years), so both parts fit in SQLite's 64 bits.
        """
        return self.index << _SEQUENCE_BITS | self.sequence

    @classmethod
    def of(cls, stored: int) -> BodyRef:
        """The inverse of `stored`."""
        return cls(stored & (1 << _SEQUENCE_BITS) - 1, stored >> _SEQUENCE_BITS)


_SEQUENCE_BITS = 44


class BodyRow(NamedTuple):
    """The body that counts for one plan id of an agent, at `ref` in the ledger."""

    ref: BodyRef
    summary: Summary
    executed: bool = False
    succeeded: bool = False


class LogicRow(NamedTuple):
    """A plan vertex: how many bodies with this logic were executed, and succeeded at least once.

    `ref` is where the ledger has one of them, `operations` where it has the one that gave the operations.
    """

    plan: str
    ref: BodyRef
    job: str
    executed: int = 0
    succeeded: int = 0
    operations: BodyRef | None = None
    target: str = ""


class GroupRow(NamedTuple):
    """A group of entries that are folded together; `digest` is empty until it was folded. `passes_on` is JSON."""

    id: str
    settled: bool = False
    digest: str = ""
    outcome: str = ""
    job: str = ""
    parent: str = ""
    passes_on: str = ""


class WriteRow(NamedTuple):
    """A write with its views: the run of the write that it reports again, whether it counts, the version before."""

    write: Write
    twin: str | None = None
    counted: bool = True
    before: str | None = None


class ReadRow(NamedTuple):
    """A read with its view: the position of the write that it saw."""

    read: Read
    seen: Position | None
    certain: bool


class DatasetRow(NamedTuple):
    """The views of a dataset as they are in the graph."""

    state: dict[str, Contribution]
    claims: Counter[ColumnClaim]
    columns: dict[str, dict[str, Value]]
    in_graph: bool = False  #: whether its vertex is in the graph


def summary_text(summary: Summary) -> bytes:
    """A summary as JSON."""
    return orjson.dumps({**vars(summary), "carried": sorted(summary.carried)})


def summary_of(text: bytes) -> Summary:
    """The summary in a JSON text."""
    fields = orjson.loads(text)
    for name in ("rank", "inputs", "partitioned"):
        fields[name] = tuple(fields[name])
    fields["renames"] = tuple(map(tuple, fields["renames"]))
    kept = {"effect": Effect(fields["effect"]), "role": Role(fields["role"]), "carried": frozenset(fields["carried"])}
    return Summary(**{**fields, **kept})


def logic_values(row: LogicRow) -> tuple[Any, ...]:
    """A row of `logics`."""
    operations = None if row.operations is None else row.operations.stored
    return (row.plan, row.ref.stored, row.job, row.executed, row.succeeded, operations, row.target)


def logic_of(values: tuple[Any, ...]) -> LogicRow:
    """The plan vertex in a row of `logics`."""
    plan, ref, job, executed, succeeded, operations, target = values
    gave = None if operations is None else BodyRef.of(operations)
    return LogicRow(plan, BodyRef.of(ref), job, executed, succeeded, gave, target)


def event_values(event: Event) -> tuple[Any, ...]:
    """An event as a row of `events`, without `joined`."""
    run = event.run
    reported = (run.timestamp, run.duration_ns, run.app_id, run.user, run.error, run.job_run)
    further = (run.parent_job, run.parent_run, run.run_id, orjson.dumps(run.facts).decode() if run.facts else "")
    return (event.id, run.agent_plan_id, *reported, *further, event.received_ms)


def event_of(values: tuple[Any, ...]) -> Event:
    """The event in a row of `events` without its `run` and `joined`."""
    *fields, parent_job, parent_run, run_id, facts, received_ms = values
    said = tuple((name, value) for name, value in orjson.loads(facts)) if facts else ()
    run = replace(Run(*fields), parent_job=parent_job, parent_run=parent_run, run_id=run_id, facts=said)
    return Event(run, received_ms)


def write_values(dataset: str, row: WriteRow) -> tuple[Any, ...]:
    """A row of `writes`."""
    write = row.write
    carried = "\n".join(sorted(write.carried))
    logic = (write.plan, write.effect.value, write.role.value, write.signature if write.role != Role.NONE else "")
    access = (dataset, write.timestamp, write.run, write.start, write.app_id)
    agent = (write.secondary, write.columns, write.may_repeat)
    return (*access, *logic, carried, *agent, row.twin, row.counted, row.before)


def write_of(values: tuple[Any, ...]) -> WriteRow:
    """The write in a row of `writes` without its `dataset`."""
    timestamp, run, start, app_id, plan, effect, role, signature, carried, secondary, columns, *views = values
    kept = frozenset(carried.split("\n")) if carried else frozenset()
    logic = (plan, Effect(effect), Role(role), signature, kept)
    twin, counted, before = views
    return WriteRow(Write(run, timestamp, start, app_id, *logic, bool(secondary), columns), twin, bool(counted), before)


def read_values(dataset: str, row: ReadRow) -> tuple[Any, ...]:
    """A row of `reads`."""
    read = row.read
    access = (dataset, read.timestamp, read.run, read.start, read.app_id, read.doubtful)
    return (*access, *(row.seen or (None, None)), row.certain)


def read_of(values: tuple[Any, ...]) -> ReadRow:
    """The read in a row of `reads` without its `dataset`."""
    timestamp, run, start, app_id, doubtful, seen_timestamp, seen, certain = values
    read = Read(run, timestamp, start, app_id, bool(doubtful))
    return ReadRow(read, None if seen is None else (seen_timestamp, seen), bool(certain))


def validity_values(dataset: str, valid: Validity) -> tuple[Any, ...]:
    """A row of `validities`."""
    plan, contribution, valid_from, valid_to = valid
    return (dataset, plan, valid_from, valid_to, contribution.certain, columns_text(contribution.columns))


def validity_of(values: tuple[Any, ...]) -> Validity:
    """The validity in a row of `validities` without its `dataset`."""
    plan, valid_from, valid_to, certain, columns = values
    return Validity(plan, Contribution(bool(certain), columns_of(columns)), valid_from, valid_to)


def schema_text(schema: Schema) -> bytes:
    """The columns of a schema, and its layouts, as JSON."""
    return orjson.dumps((schema.columns, list(map(tuple, schema.layouts))))


def schema_of(dataset: str, written: int, text: bytes) -> Schema:
    """The schema in a row of `schemas`."""
    columns, layouts = orjson.loads(text)
    found = (Layout(format_, tuple(listed), tuple(partitions)) for format_, listed, partitions in layouts)
    return Schema(dataset, bool(written), tuple(columns), tuple(found))


def column_names_text(names: ColumnNames) -> bytes:
    """The names of a dataset's columns as JSON."""
    return orjson.dumps((names.renamed, names.positions, sorted(names.partitions)))


def column_names_of(text: bytes) -> ColumnNames:
    """The inverse of `column_names_text`."""
    renamed, positions, partitions = orjson.loads(text)
    by_format = {format_: tuple(map(tuple, there)) for format_, there in positions.items()}
    return ColumnNames(renamed, by_format, frozenset(partitions))


def dataset_values(row: DatasetRow) -> tuple[bytes, bytes, bytes]:
    """The JSON columns of a row of `datasets`."""
    state = [(plan, s.certain, None if s.columns is None else sorted(s.columns)) for plan, s in row.state.items()]
    claims = [(*claim, count) for claim, count in row.claims.items()]
    return orjson.dumps(state), orjson.dumps(claims), orjson.dumps(row.columns)


def dataset_of(state: bytes, claims: bytes, columns: bytes) -> DatasetRow:
    """The views in the JSON columns of a row of `datasets`."""
    contributions = {
        plan: Contribution(certain, None if names is None else frozenset(names))
        for plan, certain, names in orjson.loads(state)
    }
    counts = Counter({ColumnClaim(column, says, text): count for column, says, text, count in orjson.loads(claims)})
    return DatasetRow(contributions, counts, orjson.loads(columns), in_graph=True)


def statement_values(one: Statement) -> tuple[Any, ...]:
    """A row of `statements`."""
    key = one.key
    stands_as_pattern = one.is_pattern and not one.withdrawn
    text = orjson.dumps({name: getattr(one, name) for name in _STATEMENT})
    return (key.subject, key.kind, key.value, key.source, key.scope, stands_as_pattern, text)


def statement_of(text: bytes) -> Statement:
    """The statement in the JSON column of a row of `statements`. It was checked when it came."""
    return Statement(**orjson.loads(text))


_STATEMENT = tuple(Statement.__dataclass_fields__)
