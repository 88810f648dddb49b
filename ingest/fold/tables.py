"""What the projector reads and writes in the derived tables: one method a question, all SQL of the fold in one place.

Runs within a transaction of `Derived`. What was read stays in memory; `forget` after a transaction that failed.
"""
# ruff: noqa: S608 - queries are put together from the constants of this module alone; every value is bound

from __future__ import annotations

import sqlite3
from collections import Counter, OrderedDict
from collections.abc import Collection, Iterable, Iterator
from typing import TypeVar

from headwater.graphmodel.choice import Event
from headwater.graphmodel.column_names import NONE, ColumnNames, RenameRun
from headwater.graphmodel.delta import digest
from headwater.graphmodel.logic import Schema
from headwater.graphmodel.now import REPORTS_SLACK, Access, Position
from headwater.graphmodel.renaming import listed_name
from headwater.graphmodel.statements.effective import StatementIndex
from headwater.graphmodel.statements.model import DATASET, RETIRED
from headwater.graphmodel.statements.shown import retirements
from headwater.graphmodel.statements.values import StatedDataset
from headwater.graphmodel.validity import Validity
from headwater.ingest.fold import rows
from headwater.ingest.fold.rows import BodyRef, BodyRow, DatasetRow, GroupRow, LogicRow, ReadRow, WriteRow

_BODIES_KEPT = 5_000  #: in memory; a KB each
_DATASETS_KEPT = 1_000  #: in memory; half a KB a column
#: The columns of a write, a read, an event, a validity, as `rows` takes them.
WRITE = (
    "timestamp, run, start, app_id, plan, effect, role, signature, carried, secondary, columns, twin, counted, before"
)
READ = "timestamp, run, start, app_id, doubtful, seen_timestamp, seen, certain"
EVENT = (
    "agent_plan_id, timestamp, duration_ns, app_id, user, error, job_run, parent_job, parent_run, run_id, facts,"
    " received_ms"
)
VALIDITY = "plan, valid_from, valid_to, certain, columns"
_FIRST: Position = (-(2**63), "")
_Row = TypeVar("_Row", BodyRow, DatasetRow)


class Tables:
    """The derived tables of one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = self._db = connection
        self._bodies: OrderedDict[str, BodyRow] = OrderedDict()
        self._datasets: OrderedDict[str, DatasetRow] = OrderedDict()
        self._column_names: dict[str, ColumnNames] | None = None
        self._renamed: set[str] | None = None  # the datasets of which a column was renamed
        self._relisted: set[str] = set()  # names of datasets that systems list otherwise than before

    def forget(self) -> None:
        """Drop what is kept in memory."""
        self._bodies.clear()
        self._datasets.clear()
        self._column_names = None
        self._renamed = None
        self._relisted.clear()

    # names

    def count_listed_name(self, pair: tuple[str, str], change: int, *, called: bool = False) -> None:
        """Change how many statements give the (name, dataset); `called`: events say so, and no system lists it."""
        if self._count("called_names" if called else "listed_names", "name = ? AND dataset = ?", pair, change):
            self._relisted.add(pair[0])

    def take_relisted(self) -> set[str]:
        """The names that other datasets have than when this was asked before, of those that systems list."""
        found, self._relisted = self._relisted, set()
        return found

    def listed_name(self, name: str) -> str | None:
        """The dataset that systems call so, or events, where no system lists the name; None: none, or several."""
        for query in (
            "SELECT dataset FROM listed_names WHERE name = ? LIMIT 2",
            "SELECT dataset FROM called_names WHERE name = ? LIMIT 2",
        ):
            found = [dataset for (dataset,) in self._db.execute(query, (name,))]
            if found:
                return listed_name(name, found)
        return None

    def listed_names(self) -> dict[str, str]:
        """All that `listed_name` knows."""
        query = """SELECT name, min(dataset) FROM (
                SELECT name, dataset FROM listed_names UNION ALL
                SELECT name, dataset FROM called_names WHERE name NOT IN (SELECT name FROM listed_names)
            ) GROUP BY name HAVING count(*) = 1 AND min(dataset) <> name"""
        return dict(self._db.execute(query))

    def mention(self, names: Iterable[str]) -> None:
        """Plans or systems name these datasets."""
        self._db.executemany("INSERT OR IGNORE INTO mentioned VALUES (?)", ((name,) for name in names))

    def is_mentioned(self, name: str) -> bool:
        """Whether a plan or a system ever named a dataset so."""
        return self._db.execute("SELECT 1 FROM mentioned WHERE name = ?", (name,)).fetchone() is not None

    # bodies and events

    def body(self, agent_plan_id: str) -> BodyRow | None:
        """The body that counts for an agent's plan id."""
        if agent_plan_id not in self._bodies:
            query = "SELECT sequence, summary, executed, succeeded FROM bodies WHERE agent_plan_id = ?"
            found = self._db.execute(query, (agent_plan_id,)).fetchone()
            if not found:
                return None
            ref, text, executed, succeeded = found
            kept = BodyRow(BodyRef.of(ref), rows.summary_of(text), bool(executed), bool(succeeded))
            _keep(self._bodies, agent_plan_id, kept, _BODIES_KEPT)
        return self._bodies[agent_plan_id]

    def put_body(self, row: BodyRow) -> None:
        """Insert or replace a body."""
        of = row.summary
        values = (of.agent_plan_id, row.ref.stored, of.plan, rows.summary_text(of), row.executed, row.succeeded)
        self._db.execute("INSERT OR REPLACE INTO bodies VALUES (?, ?, ?, ?, ?, ?)", values)
        _keep(self._bodies, of.agent_plan_id, row, _BODIES_KEPT)

    def delete_body(self, agent_plan_id: str) -> None:
        """Delete a body: its group does not give it any more."""
        self._db.execute("DELETE FROM bodies WHERE agent_plan_id = ?", (agent_plan_id,))
        self._bodies.pop(agent_plan_id, None)

    def succeeded_bodies(self, plan: str) -> list[BodyRow]:
        """The bodies of a plan vertex that succeeded at least once."""
        query = "SELECT sequence, summary FROM bodies WHERE plan = ? AND succeeded"
        return [BodyRow(BodyRef.of(ref), rows.summary_of(text)) for ref, text in self._db.execute(query, (plan,))]

    def event(self, run: str) -> Event | None:
        """The report that counts for a run."""
        found = self._db.execute(f"SELECT {EVENT} FROM events WHERE run = ?", (run,)).fetchone()
        return rows.event_of(found) if found else None

    def put_event(self, event: Event, *, joined: bool) -> None:
        """Insert or replace an event."""
        values = (*rows.event_values(event), joined)
        self._db.execute("INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def delete_event(self, run: str) -> None:
        """Delete an event: its group does not give it any more."""
        self._db.execute("DELETE FROM events WHERE run = ?", (run,))

    def events_of(self, agent_plan_id: str) -> list[Event]:
        """All events of an agent's plan id."""
        query = f"SELECT {EVENT} FROM events WHERE agent_plan_id = ?"
        return [rows.event_of(found) for found in self._db.execute(query, (agent_plan_id,))]

    def join_events(self, agent_plan_id: str) -> None:
        """Mark the events of a plan as joined: its body is in the ledger now."""
        query = "UPDATE events SET joined = 1 WHERE agent_plan_id = ? AND joined = 0"
        self._db.execute(query, (agent_plan_id,))

    # groups of entries

    def add_part(self, sequence: int, kind: str, of: str, received_ms: int) -> None:
        """An entry of a group came; one that is there already stays where it is."""
        query = "INSERT OR IGNORE INTO parts (sequence, kind, of, received_ms) VALUES (?, ?, ?, ?)"
        self._db.execute(query, (sequence, kind, of, received_ms))

    def parts_of(self, group: str) -> list[tuple[int, int]]:
        """Sequence and receipt (ms since 1970) of the entries of a group that count, in the order of their coming."""
        query = "SELECT sequence, received_ms FROM parts WHERE of = ? AND passed_by IS NULL ORDER BY added"
        return list(self._db.execute(query, (group,)))

    def pass_over(self, group: str, sequences: Iterable[int]) -> None:
        """These entries of a group say nothing any more, beside the others that have come."""
        query = "UPDATE parts SET passed_by = (SELECT max(added) FROM parts WHERE of = ?) WHERE sequence = ?"
        self._db.executemany(query, [(group, sequence) for sequence in sequences])

    def parts_up_to(self, sequence: int) -> list[int]:
        """The entries of the group of this one that had come when it came, itself the last; none if it is no part.

        Without those that said nothing any more by then.
        """
        query = """SELECT other.sequence FROM parts AS it JOIN parts AS other
            ON other.of = it.of AND other.added <= it.added AND coalesce(other.passed_by, it.added + 1) > it.added
            WHERE it.sequence = ? ORDER BY other.added"""
        return [found for (found,) in self._db.execute(query, (sequence,))]

    def group(self, group: str) -> GroupRow:
        """A group; an empty row for one that is not known."""
        found = self._db.execute("SELECT * FROM groups WHERE id = ?", (group,)).fetchone()
        return GroupRow(found[0], bool(found[1]), *found[2:]) if found else GroupRow(group)

    def put_group(self, row: GroupRow, plans: Collection[str] | None = None) -> None:
        """Insert or replace a group; with `plans`, also the ids of the plans that it gives."""
        self._db.execute("INSERT OR REPLACE INTO groups VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        if plans is not None and sorted(plans) != sorted(self.plans_of(row.id)):
            self._db.execute("DELETE FROM group_plans WHERE of = ?", (row.id,))
            self._db.executemany("INSERT INTO group_plans VALUES (?, ?)", [(row.id, plan) for plan in plans])

    def parts_of_parent(self, group: str) -> dict[str, str]:
        """The groups that are parts of a group, each with the kind of its entries."""
        query = """SELECT id, (SELECT kind FROM parts WHERE of = id LIMIT 1) FROM groups
            WHERE parent = ? AND parent <> '' ORDER BY id"""
        return dict(self._db.execute(query, (group,)).fetchall())

    def plans_of(self, group: str) -> list[str]:
        """The ids of the plans that a group gives."""
        query = "SELECT agent_plan_id FROM group_plans WHERE of = ?"
        return [plan for (plan,) in self._db.execute(query, (group,))]

    # counts of bodies

    def logic(self, plan: str) -> LogicRow | None:
        """A plan vertex."""
        found = self._db.execute("SELECT * FROM logics WHERE plan = ?", (plan,)).fetchone()
        return rows.logic_of(found) if found else None

    def put_logic(self, row: LogicRow) -> None:
        """Insert or replace a plan vertex; one that no body executes is deleted."""
        if row.executed:
            self._db.execute("INSERT OR REPLACE INTO logics VALUES (?, ?, ?, ?, ?, ?, ?)", rows.logic_values(row))
        else:
            self._db.execute("DELETE FROM logics WHERE plan = ?", (row.plan,))

    def has_job(self, job: str) -> bool:
        """Whether a plan vertex belongs to the job."""
        return self._one("SELECT 1 FROM logics WHERE job = ? LIMIT 1", job) is not None

    def count_schema(self, schema: Schema, change: int) -> bool:
        """Change how many bodies have the schema; whether it is the first, or was the last."""
        text = rows.schema_text(schema)
        key = (schema.dataset, digest("written" if schema.written else "read", text.decode()))
        return self._count("schemas", "dataset = ? AND hash = ?", key, change, (schema.written, text))

    def count_alias(self, alias: tuple[str, str], change: int) -> bool:
        """Change how many bodies and systems give the alias (spelling, target); if it is the first, or was the last."""
        return self._count("aliases", "spelling = ? AND target = ?", alias, change)

    def count_partitioned(self, dataset: str, change: int) -> bool:
        """Change how many bodies show the dataset to be partitioned; whether it became so, or ceased to be."""
        return self._count("partitioned", "dataset = ?", (dataset,), change)

    def schemas_of(self, dataset: str) -> list[Schema]:
        """The schemas of a dataset."""
        query = "SELECT dataset, written, columns FROM schemas WHERE dataset = ?"
        return [rows.schema_of(*found) for found in self._db.execute(query, (dataset,))]

    def has_alias(self, spelling: str, target: str | None = None) -> bool:
        """Whether a spelling names anything, or this target."""
        query = "SELECT 1 FROM aliases WHERE spelling = ? AND coalesce(?, target) = target LIMIT 1"
        return self._db.execute(query, (spelling, target)).fetchone() is not None

    def is_partitioned(self, dataset: str) -> bool:
        """Whether a body that counts shows the dataset to be partitioned."""
        return self._one("SELECT 1 FROM partitioned WHERE dataset = ?", dataset) is not None

    # writes by time

    def put_write(self, dataset: str, row: WriteRow) -> None:
        """Insert or replace a write."""
        marks = ", ".join("?" * 16)
        self._db.execute(f"INSERT OR REPLACE INTO writes VALUES ({marks})", rows.write_values(dataset, row))

    def delete_write(self, dataset: str, position: Position) -> None:
        """Delete a write."""
        self._db.execute("DELETE FROM writes WHERE dataset = ? AND timestamp = ? AND run = ?", (dataset, *position))

    def write(self, dataset: str, position: Position) -> WriteRow | None:
        """The write at a position."""
        return self._write("dataset = ? AND timestamp = ? AND run = ?", dataset, *position)

    def write_before(self, dataset: str, position: Position) -> WriteRow | None:
        """The last write that counts before a position."""
        return self._write(
            "dataset = ? AND (timestamp, run) < (?, ?) AND counted ORDER BY timestamp DESC, run DESC",
            dataset,
            *position,
        )

    def write_after(self, dataset: str, position: Position) -> WriteRow | None:
        """The first write that counts after a position."""
        return self._write(
            "dataset = ? AND (timestamp, run) > (?, ?) AND counted ORDER BY timestamp, run", dataset, *position
        )

    def writes_from(self, dataset: str, position: Position = _FIRST, limit: int = -1) -> list[WriteRow]:
        """The writes that count, from a position on, in order; -1 for all."""
        where = "dataset = ? AND (timestamp, run) >= (?, ?) AND counted ORDER BY timestamp, run LIMIT ?"
        return list(self._writes(where, dataset, *position, limit))

    def each_write_from(self, dataset: str, timestamp: int) -> Iterator[WriteRow]:
        """The same from a timestamp on, read as they are asked for: nothing may be written meanwhile."""
        return self._writes("dataset = ? AND timestamp >= ? AND counted ORDER BY timestamp, run", dataset, timestamp)

    def last_before_start(self, dataset: str, reader: Access) -> WriteRow | None:
        """The last write that counts, ended when the reader began, and comes before it."""
        where = (
            "dataset = ? AND timestamp <= ? AND (timestamp, run) < (?, ?) AND counted ORDER BY timestamp DESC, run DESC"
        )
        return self._write(where, dataset, reader.start, *reader.position)

    def writes_during(self, dataset: str, access: Access) -> list[WriteRow]:
        """The writes that count and whose time has a part in common with the access, ended after it began."""
        where = "dataset = ? AND timestamp > ? AND start <= ? AND counted"
        return list(self._writes(where, dataset, access.start, access.timestamp))

    def reports_near(self, dataset: str, access: Access, *, may_repeat: bool) -> list[WriteRow]:
        """The writes of the same application about the time of one, with which it can be one write, itself too.

        `may_repeat`: only those that may be another report of a write.
        """
        where = "dataset = ? AND timestamp >= ? AND start <= ? AND app_id = ?" + " AND may_repeat" * may_repeat
        first, last = access.start - REPORTS_SLACK, access.timestamp + REPORTS_SLACK
        return list(self._writes(where, dataset, first, last, access.app_id))

    # reads by time

    def put_read(self, dataset: str, row: ReadRow) -> None:
        """Insert or replace a read."""
        self._db.execute(
            "INSERT OR REPLACE INTO reads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows.read_values(dataset, row)
        )

    def delete_read(self, dataset: str, position: Position) -> None:
        """Delete a read."""
        self._db.execute("DELETE FROM reads WHERE dataset = ? AND timestamp = ? AND run = ?", (dataset, *position))

    def read(self, dataset: str, position: Position) -> ReadRow | None:
        """The read at a position."""
        query = f"SELECT {READ} FROM reads WHERE dataset = ? AND timestamp = ? AND run = ?"
        found = self._db.execute(query, (dataset, *position)).fetchone()
        return rows.read_of(found) if found else None

    def readers_touched(self, dataset: str, write: Access) -> list[ReadRow]:
        """The runs that can see a write, or overlap it, and do not see a later one for certain."""
        query = f"""SELECT {READ} FROM reads WHERE dataset = ? AND timestamp >= ?
            AND (start <= ? OR seen IS NULL OR (seen_timestamp, seen) <= (?, ?))"""
        values = (dataset, write.start, write.timestamp, *write.position)
        return [rows.read_of(found) for found in self._db.execute(query, values)]

    def initial_is_seen(self, dataset: str) -> bool:
        """Whether a run saw the dataset before any known write."""
        return self._one("SELECT 1 FROM reads WHERE dataset = ? AND seen IS NULL LIMIT 1", dataset) is not None

    # from when until when plans contribute

    def validities_since(self, dataset: str, timestamp: int) -> list[Validity]:
        """The validities of a dataset that end at or after a timestamp."""
        query = f"SELECT {VALIDITY} FROM validities WHERE dataset = ? AND valid_to >= ?"
        return [rows.validity_of(found) for found in self._db.execute(query, (dataset, timestamp))]

    def contributes_wholly(self, dataset: str, plan: str, timestamp: int) -> bool:
        """Whether a plan contributes at a timestamp for certain and with all its columns."""
        query = """SELECT 1 FROM validities WHERE dataset = ? AND plan = ? AND valid_from <= ? AND valid_to > ?
            AND certain AND columns = ''"""
        return self._db.execute(query, (dataset, plan, timestamp, timestamp)).fetchone() is not None

    def replace_validities(self, dataset: str, old: Iterable[Validity], new: Iterable[Validity]) -> None:
        """Delete what only `old` has, insert what only `new` has."""
        before, after = set(old), set(new)
        gone = [(dataset, v.plan, v.valid_from) for v in before - after]
        self._db.executemany("DELETE FROM validities WHERE dataset = ? AND plan = ? AND valid_from = ?", gone)
        inserted = [rows.validity_values(dataset, v) for v in after - before]
        self._db.executemany("INSERT INTO validities VALUES (?, ?, ?, ?, ?, ?)", inserted)

    # constants of runs

    def put_constants(self, plan: str, position: Position, constants: str) -> None:
        """Insert or replace the constants of a run of a plan."""
        self._db.execute("INSERT OR REPLACE INTO constants VALUES (?, ?, ?, ?)", (plan, *position, constants))

    def delete_constants(self, plan: str, position: Position) -> None:
        """Delete the constants of a run of a plan."""
        self._db.execute("DELETE FROM constants WHERE plan = ? AND timestamp = ? AND run = ?", (plan, *position))

    def newest_constants(self, plan: str) -> str:
        """The constants of the newest run of a plan; empty for none."""
        query = "SELECT constants FROM constants WHERE plan = ? ORDER BY timestamp DESC, run DESC LIMIT 1"
        return str((self._db.execute(query, (plan,)).fetchone() or ("",))[0])

    def shown_constants(self, plan: str) -> str:
        """The constants of a plan vertex as they are in the graph; empty for none."""
        query = "SELECT constants FROM shown_constants WHERE plan = ?"
        return str((self._db.execute(query, (plan,)).fetchone() or ("",))[0])

    def put_shown_constants(self, plan: str, constants: str) -> None:
        """Insert or replace the constants that a plan vertex has in the graph; none: delete them."""
        if constants:
            self._db.execute("INSERT OR REPLACE INTO shown_constants VALUES (?, ?)", (plan, constants))
        else:
            self._db.execute("DELETE FROM shown_constants WHERE plan = ?", (plan,))

    # what columns are called

    def put_rename(self, dataset: str, rename: RenameRun) -> None:
        """Insert or replace a rename of a column."""
        values = (dataset, rename.timestamp, rename.run, rename.start, rename.old, rename.new)
        self._db.execute("INSERT OR REPLACE INTO renames VALUES (?, ?, ?, ?, ?, ?)", values)
        self._renamed = None

    def delete_rename(self, dataset: str, rename: RenameRun) -> None:
        """Delete a rename of a column."""
        query = "DELETE FROM renames WHERE dataset = ? AND timestamp = ? AND run = ? AND old = ?"
        self._db.execute(query, (dataset, rename.timestamp, rename.run, rename.old))
        self._renamed = None

    def renames(self, dataset: str) -> list[RenameRun]:
        """The renames of the columns of a dataset, in order."""
        query = "SELECT timestamp, run, start, old, new FROM renames WHERE dataset = ? ORDER BY timestamp, run, old"
        return [RenameRun(*found) for found in self._db.execute(query, (dataset,))]

    def has_renames(self, dataset: str) -> bool:
        """Whether a column of a dataset was renamed."""
        if self._renamed is None:
            self._renamed = {found for (found,) in self._db.execute("SELECT DISTINCT dataset FROM renames")}
        return dataset in self._renamed

    def accesses_by_plan(self, dataset: str) -> list[tuple[str, str, int, int]]:
        """(plan, run, latest start, earliest end) of what wrote or read a dataset.

        The run is that of a rename of its columns, and empty where the row stands for all other runs of a plan.
        """
        own = "CASE WHEN run IN (SELECT run FROM renames WHERE dataset = :dataset) THEN run ELSE '' END"
        query = f"""SELECT plan, {own} AS own, max(start), min(timestamp) FROM (
                SELECT plan, run, start, timestamp FROM writes WHERE dataset = :dataset
                UNION ALL
                SELECT bodies.plan, reads.run, reads.start, reads.timestamp FROM reads
                JOIN events USING (run) JOIN bodies USING (agent_plan_id) WHERE reads.dataset = :dataset
            ) GROUP BY plan, own"""
        return list(self._db.execute(query, {"dataset": dataset}))

    def plans_about(self, dataset: str) -> set[str]:
        """The plan vertices that write a dataset, and those of successful runs that read it."""
        # A write that failed, or whose clock is ahead, is none of `writes`; its plan still names columns.
        written = self._db.execute("SELECT plan FROM logics WHERE target = ?", (dataset,))
        return {plan for plan, *_ in (*written, *self.accesses_by_plan(dataset))}

    def column_names(self) -> dict[str, ColumnNames]:
        """The names of columns by dataset, of the few datasets that have any of their own; not to be changed."""
        if self._column_names is None:
            found = self._db.execute("SELECT dataset, names FROM column_names")
            self._column_names = {dataset: rows.column_names_of(text) for dataset, text in found}
        return self._column_names

    def put_column_names(self, dataset: str, names: ColumnNames) -> None:
        """Insert or replace the names of a dataset's columns; those that say nothing are deleted."""
        known = self.column_names()
        if names != NONE:
            text = rows.column_names_text(names)
            self._db.execute("INSERT OR REPLACE INTO column_names VALUES (?, ?)", (dataset, text))
            known[dataset] = names
        else:
            self._db.execute("DELETE FROM column_names WHERE dataset = ?", (dataset,))
            known.pop(dataset, None)

    # when datasets were dropped

    def retirements(self, dataset: str) -> list[int]:
        """When people, or systems, say that a dataset was dropped; in ms since 1970."""
        # The value stands in the text, so that SQLite uses the indexes of these few statements.
        query = f"""SELECT statement FROM statements WHERE subject = ? AND value = '{RETIRED}'
            UNION ALL SELECT statement FROM statements WHERE pattern AND value = '{RETIRED}' AND subject <> ?"""
        found = self._db.execute(query, (dataset, dataset))
        return retirements(StatementIndex(rows.statement_of(text) for (text,) in found).about(dataset))

    # datasets that systems list

    def listed(self, dataset: str) -> list[StatedDataset]:
        """What systems that list a dataset say of it."""
        query = f"SELECT statement FROM statements WHERE subject = ? AND kind = '{DATASET}'"
        found = (rows.statement_of(text).dataset for (text,) in self._db.execute(query, (dataset,)))
        return [one for one in found if one]

    # views of datasets

    def dataset(self, uri: str) -> DatasetRow:
        """The views of a dataset; empty for one that is not known."""
        if uri not in self._datasets:
            query = "SELECT state, claims, columns FROM datasets WHERE uri = ?"
            found = self._db.execute(query, (uri,)).fetchone()
            row = rows.dataset_of(*found) if found else DatasetRow({}, Counter(), {})
            _keep(self._datasets, uri, row, _DATASETS_KEPT)
        return self._datasets[uri]

    def put_dataset(self, uri: str, row: DatasetRow) -> None:
        """Insert or replace the views of a dataset."""
        self._db.execute("INSERT OR REPLACE INTO datasets VALUES (?, ?, ?, ?)", (uri, *rows.dataset_values(row)))
        _keep(self._datasets, uri, row, _DATASETS_KEPT)

    def delete_dataset(self, uri: str) -> None:
        """Delete the views of a dataset."""
        self._db.execute("DELETE FROM datasets WHERE uri = ?", (uri,))
        self._datasets.pop(uri, None)

    def _write(self, where: str, *values: object) -> WriteRow | None:
        found = self._db.execute(f"SELECT {WRITE} FROM writes WHERE {where} LIMIT 1", values).fetchone()
        return rows.write_of(found) if found else None

    def _writes(self, where: str, *values: object) -> Iterator[WriteRow]:
        return map(rows.write_of, self._db.execute(f"SELECT {WRITE} FROM writes WHERE {where}", values))

    def _count(self, table: str, where: str, key: tuple[str, ...], change: int, rest: tuple[object, ...] = ()) -> bool:
        old = self._db.execute(f"SELECT bodies FROM {table} WHERE {where}", key).fetchone()
        new = (old[0] if old else 0) + change
        if new:
            marks = ", ".join("?" * (len(key) + len(rest) + 1))
            self._db.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", (*key, *rest, new))
        else:
            self._db.execute(f"DELETE FROM {table} WHERE {where}", key)
        return bool(old) != bool(new)

    def _one(self, query: str, value: str) -> object:
        return self._db.execute(query, (value,)).fetchone()


def _keep(cache: OrderedDict[str, _Row], key: str, row: _Row, most: int) -> None:
    """Put a row into memory, read or written; the one that was put there the longest ago makes room for it."""
    cache[key] = row
    cache.move_to_end(key)
    if len(cache) > most:
        cache.popitem(last=False)
