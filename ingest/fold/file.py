"""The derived tables' file: SQLite beside the graph, the checkpoint, what is parked. Never the truth.

Whatever is wrong with the file (another format, another ledger, damage), it is emptied and rebuilt by replay. What the
tables mean is in `derived.sql`; what the projector reads and writes in them in `rows` and `tables`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from headwater.graphmodel.logic import Summary
from headwater.graphmodel.statements.effective import StatementIndex
from headwater.graphmodel.statements.model import Key, Statement
from headwater.ingest.fold import rows
from headwater.ingest.fold.rows import BodyRef
from headwater.ingest.fold.tables import Tables

NAMES = "names"  #: of a value: which names of datasets are one, as `renaming.Names.text`
RULES = "rules"  #: of a value: the naming rules that the tables are made with, as `Rules.text`
FILE = "derived.sqlite"  #: in a data folder
FORMAT = "18"  #: raised with every change of `derived.sql`, or of what the tables hold
_UNREADABLE = "unreadable"  #: of a value: entries that are set aside since they are damaged
_IN_MEMORY = ":memory:"


class Parked(NamedTuple):
    """An entry that could not be brought into the graph, and why."""

    sequence: int
    kind: str
    reason: str
    at_ms: int  #: ms since 1970


class Execution(NamedTuple):
    """A run with the plan that it executed: `body` is where the ledger has that, `target` what it wrote."""

    run: str
    agent_plan_id: str
    timestamp: int
    duration_ns: int | None
    app_id: str | None
    user: str | None
    error: str | None
    received_ms: int
    target: str
    body: BodyRef


_EXECUTION = (
    "run, agent_plan_id, timestamp, duration_ns, app_id, user, error, received_ms, logics.target, bodies.sequence"
)
_EXECUTIONS = """FROM events JOIN bodies USING (agent_plan_id) JOIN logics USING (plan)
    WHERE NOT (agent_plan_id LIKE 'openlineage:%' AND CAST(summary AS TEXT) LIKE '%"effect":"end"%')"""
EXECUTION_ORDERS = {
    "timestamp": "ORDER BY timestamp {0}, run {0}",
    "durationNs": "ORDER BY duration_ns {0}, run {0}",
    "applicationId": "ORDER BY app_id {0}, run {0}",
}
"""What runs can be ordered by without their plans: SQL, of which `{0}` is ASC or DESC."""


class ExecutionFilter(NamedTuple):
    """Which runs are asked for. Times in ms since 1970, inclusive; None: any."""

    received_until: int | None = None
    start: int | None = None
    end: int | None = None
    app_id: str | None = None
    target: str | None = None  #: URI of the dataset that was written
    agent_plan_id: str | None = None

    @property
    def sql(self) -> str:
        """The rows, from FROM on."""
        conditions = [_CONDITIONS[name] for name, value in self.values.items() if value is not None]
        return " AND ".join([_EXECUTIONS, *conditions])

    @property
    def values(self) -> dict[str, object]:
        """What is bound."""
        return self._asdict()


_CONDITIONS = {
    "received_until": "received_ms <= :received_until",
    "start": "timestamp >= :start",
    "end": "timestamp <= :end",
    "app_id": "app_id = :app_id",
    "target": "logics.target = :target",
    "agent_plan_id": "agent_plan_id = :agent_plan_id",
}


class Derived:
    """Made by `Derived.open`. One thread writes; the counts can be read from any thread."""

    def __init__(self, path: Path | None) -> None:
        """`path` None keeps the tables in memory, for tests and for one-off replays."""
        self._path = path
        self._reading = threading.Lock()
        self.connection: sqlite3.Connection
        self._reader: sqlite3.Connection
        self._connect()

    @classmethod
    def open(cls, path: Path | None) -> Derived:
        """Open the tables at `path`, or make them; a file that is damaged or of another format is made anew."""
        if path is not None and not _usable(path):
            remove_tables(path)
        derived = cls(path)
        derived._create()
        return derived

    @property
    def path(self) -> Path | None:
        """The file; None if the tables are in memory."""
        return self._path

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written within, or nothing if it raises."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def clear(self) -> None:
        """Forget everything, parked entries too: a replay finds them again."""
        with self._reading:  # a thread that counts at this moment still uses its connection
            self._reader.close()
            self.connection.close()
            if self._path is not None:
                remove_tables(self._path)
            self._connect()
            self._create()

    def take_over(self, other: Derived) -> None:
        """Be the tables that `other` is, for every thread; their old file is closed. `other` is not used any more."""
        with self._reading, other._reading:
            self._reader.close()
            self.connection.close()
            self._path, self._reader, self.connection = other._path, other._reader, other.connection

    def close(self) -> None:
        """Close the file; closing twice is no error."""
        with self._reading:
            self._reader.close()
        self.connection.close()

    def meta(self, name: str) -> str | None:
        """A named value, None if it is not set, or if there are no tables yet."""
        if not self.connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
            return None
        row = self.connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_meta(self, name: str, value: str) -> None:
        """Set a named value."""
        self.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def reached(self) -> tuple[int, str]:
        """The last entry that these tables know, and its hash, empty where it is not known. From any thread."""
        with self._reading:
            found = dict(self._reader.execute("SELECT name, value FROM meta WHERE name IN ('checkpoint', 'hash')"))
        return int(found.get("checkpoint") or 0), found.get("hash") or ""

    @property
    def checkpoint(self) -> int:
        """The sequence of the last entry that these tables, and the graph, know."""
        return int(self.meta("checkpoint") or 0)

    def park(self, entry: Parked, named: Iterable[tuple[str, str]] = ()) -> None:
        """Set an entry aside, which names these datasets, each with what was done to it (`intake.bridge.Named`).

        Both empty: nobody knows which.
        """
        self.connection.execute("INSERT OR REPLACE INTO parked VALUES (?, ?, ?, ?, 0)", entry)
        rows = ((dataset, role, entry.sequence) for dataset, role in named)
        self.connection.executemany("INSERT OR IGNORE INTO parked_names VALUES (?, ?, ?)", rows)

    def unpark(self, sequence: int) -> None:
        """An entry is in the graph after all."""
        self.connection.execute("DELETE FROM parked WHERE sequence = ?", (sequence,))
        self.connection.execute("DELETE FROM parked_names WHERE sequence = ?", (sequence,))
        self.skip(skipped for skipped in self.skipped() if skipped != sequence)
        if sequence in (unreadable := self._noted(_UNREADABLE)):
            self._note(_UNREADABLE, (each for each in unreadable if each != sequence))

    def note_unreadable(self, sequence: int) -> None:
        """An entry that is set aside says what nobody can read: answers may lack something."""
        self._note(_UNREADABLE, [*self._noted(_UNREADABLE), sequence])

    def _noted(self, name: str) -> list[int]:
        return [int(sequence) for sequence in (self.meta(name) or "").split()]

    def _note(self, name: str, sequences: Iterable[int]) -> None:
        self.set_meta(name, " ".join(map(str, sorted(set(sequences)))))

    def unreadable(self) -> int | None:
        """The first of the entries of which nobody can read what they say; None if there is none. From any thread."""
        with self._reading:
            row = self._reader.execute("SELECT value FROM meta WHERE name = ?", (_UNREADABLE,)).fetchone()
        return int(row[0].split()[0]) if row and row[0] else None

    def named_by_parked(self, sequence: int) -> list[tuple[str, str]]:
        """The datasets that a parked entry names, as `park` was told."""
        return list(self.connection.execute("SELECT dataset, role FROM parked_names WHERE sequence = ?", (sequence,)))

    def names_parked(self) -> bool:
        """Whether there is a parked entry that may be about some dataset. From any thread."""
        with self._reading:
            return self._reader.execute("SELECT 1 FROM parked_names LIMIT 1").fetchone() is not None

    def parked_about(self, datasets: Iterable[str] | None, role: str | None = None) -> int | None:
        """The first parked entry that may be about one of these datasets, None: about any. From any thread.

        `role`: only what was done to them counts that is named so.
        """
        query, values = "SELECT min(sequence) FROM parked_names WHERE true", list[str]()
        if datasets is not None:
            query += " AND dataset IN (SELECT value FROM json_each(?))"
            values.append(json.dumps(["", *datasets]))
        if role is not None:
            query += " AND role IN ('', ?)"
            values.append(role)
        with self._reading:
            found: int | None = self._reader.execute(query, values).fetchone()[0]
        return found

    def skipped(self) -> list[int]:
        """The entries that a store refused, and that a rebuild does not offer it again."""
        return self._noted("skipped")

    def skip(self, sequences: Iterable[int]) -> None:
        """Replace the list of these."""
        self._note("skipped", sequences)

    def mark_retrying(self, sequence: int) -> None:
        """Say, durably, that a retry begins: if it is cut off, the graph may have the entry and these tables not."""
        self.connection.execute("UPDATE parked SET retrying = 1 WHERE sequence = ?", (sequence,))

    def retrying(self) -> list[int]:
        """The entries whose retry was cut off."""
        found = self.connection.execute("SELECT sequence FROM parked WHERE retrying ORDER BY sequence")
        return [sequence for (sequence,) in found]

    def end_retry(self, sequence: int) -> None:
        """A retry is not tried again by itself; the entry stays parked."""
        self.connection.execute("UPDATE parked SET retrying = 0 WHERE sequence = ?", (sequence,))

    def parked(self, after: int = 0, limit: int = -1) -> list[Parked]:
        """The entries that are set aside, by sequence: those above `after`, at most `limit` of them; -1 for all."""
        query = "SELECT sequence, kind, reason, at_ms FROM parked WHERE sequence > ? ORDER BY sequence LIMIT ?"
        with self._reading:
            return [Parked(*row) for row in self._reader.execute(query, (after, limit))]

    def parked_count(self) -> int:
        """How many entries are set aside."""
        return self._count("SELECT count(*) FROM parked")

    def body_of_logic(self, plan: str) -> BodyRef | None:
        """Where the ledger has a body of a plan vertex; None if there is no such plan."""
        with self._reading:
            row = self._reader.execute("SELECT sequence FROM logics WHERE plan = ?", (plan,)).fetchone()
        return BodyRef.of(row[0]) if row else None

    def summaries(self) -> list[tuple[int, Summary]]:
        """Of all bodies that count for a plan id: the ledger entry, and what the body says was written and read."""
        with self._reading:
            found = self._reader.execute("SELECT sequence, summary FROM bodies").fetchall()
        return [(BodyRef.of(stored).sequence, rows.summary_of(text)) for stored, text in found]

    def executions(
        self, filters: ExecutionFilter, order: str = "", limit: int = -1, offset: int = 0
    ) -> list[Execution]:
        """Runs whose plans are known, those that ended a dataset aside. `order` is SQL of one of `EXECUTION_ORDERS`."""
        query = f"SELECT {_EXECUTION} {filters.sql} {order} LIMIT :limit OFFSET :offset"
        with self._reading:
            found = self._reader.execute(query, {**filters.values, "limit": limit, "offset": offset}).fetchall()
        return [Execution._make((*some[:-1], BodyRef.of(some[-1]))) for some in found]

    def last_executions(self, filters: ExecutionFilter) -> dict[str, Execution]:
        """Of each dataset the run that wrote it last, of those that are asked for; by the dataset's URI."""
        # With max() in it, SQLite takes the other columns from the row that has the greatest value.
        query = f"SELECT {_EXECUTION}, max(timestamp) {filters.sql} GROUP BY logics.target"
        with self._reading:
            found = self._reader.execute(query, filters.values).fetchall()
        runs = (Execution._make((*some[:-2], BodyRef.of(some[-2]))) for some in found)
        return {run.target: run for run in runs}

    def count_executions(self, filters: ExecutionFilter) -> int:
        """How many there are."""
        with self._reading:
            query = f"SELECT count(*) {filters.sql}"
            return int(self._reader.execute(query, filters.values).fetchone()[0])

    def executions_of(self, runs: Iterable[str]) -> dict[str, Execution]:
        """The runs with these ids, by id."""
        found: dict[str, Execution] = {}
        query = f"SELECT {_EXECUTION} {_EXECUTIONS} AND run = ?"
        with self._reading:
            for run in runs:
                row = self._reader.execute(query, (run,)).fetchone()
                if row:
                    found[run] = Execution._make((*row[:-1], BodyRef.of(row[-1])))
        return found

    def body(self, agent_plan_id: str) -> tuple[BodyRef, Summary] | None:
        """Where the ledger has the body that counts for a plan id of an agent, and what it says in short."""
        with self._reading:
            query = "SELECT sequence, summary FROM bodies WHERE agent_plan_id = ?"
            found = self._reader.execute(query, (agent_plan_id,)).fetchone()
        return (BodyRef.of(found[0]), rows.summary_of(found[1])) if found else None

    def executed_plans(self, until_ms: int, limit: int, offset: int) -> tuple[list[tuple[str, BodyRef]], int]:
        """The plan ids of which a run was received up to a time (ms since 1970), the newest first; and how many."""
        where = "FROM bodies WHERE EXISTS (SELECT 1 FROM events WHERE events.agent_plan_id = bodies.agent_plan_id"
        where += " AND received_ms <= ?)"
        with self._reading:
            total = self._reader.execute(f"SELECT count(*) {where}", (until_ms,)).fetchone()[0]
            query = f"SELECT agent_plan_id, sequence {where} ORDER BY sequence DESC LIMIT ? OFFSET ?"
            found = self._reader.execute(query, (until_ms, limit, offset)).fetchall()
        return [(plan, BodyRef.of(stored)) for plan, stored in found], int(total)

    def dataset_uris(self) -> list[str]:
        """The datasets in the graph, by URI."""
        with self._reading:
            return [uri for (uri,) in self._reader.execute("SELECT uri FROM datasets ORDER BY uri")]

    def statement(self, key: Key) -> Statement | None:
        """The statement that counts of those that replace each other; it may be a withdrawal."""
        query = """SELECT statement FROM statements
            WHERE kind = ? AND subject = ? AND value = ? AND source = ? AND scope = ?"""
        with self._reading:
            found = self._reader.execute(query, key).fetchone()
        return rows.statement_of(found[0]) if found else None

    def snapshots(self, source: str) -> dict[str, tuple[int, str]]:
        """The last snapshot of each scope of a source: when it was taken (ms since 1970), and its sender's own hash."""
        query = "SELECT scope, at, digest FROM snapshots WHERE source = ? ORDER BY scope"
        with self._reading:
            return {scope: (at, digest) for scope, at, digest in self._reader.execute(query, (source,))}

    def statements_about(self, subject: str) -> list[Statement]:
        """The statements that count and are about a node: its own, and the patterns that it matches."""
        with self._reading:
            found = self._reader.execute(
                "SELECT statement FROM statements WHERE subject = ? UNION ALL SELECT statement FROM statements WHERE"
                " pattern AND subject <> ?",
                (subject, subject),
            ).fetchall()
        return StatementIndex(rows.statement_of(text) for (text,) in found).about(subject)

    def waiting_events(self) -> int:
        """How many events wait for their plan."""
        return self._count("SELECT count(*) FROM events WHERE joined = 0")

    def waiting_plans(self) -> int:
        """How many plans have no event."""
        return self._count("SELECT count(*) FROM bodies WHERE executed = 0")

    def folded_with(self, sequence: int) -> list[int]:
        """The entries that are folded together with this one, itself too; none if it says something alone."""
        query = "SELECT sequence FROM parts WHERE of = (SELECT of FROM parts WHERE sequence = ?)"
        with self._reading:
            return [found for (found,) in self._reader.execute(query, (sequence,))]

    def members(self, sequence: int) -> list[int]:
        """See `Tables.parts_up_to`."""
        with self._reading:
            return Tables(self._reader).parts_up_to(sequence)

    def outcomes(self) -> dict[str, int]:
        """How many groups of entries there are, by what they came to, the most frequent first."""
        query = "SELECT outcome, count(*) FROM groups GROUP BY outcome ORDER BY 2 DESC, 1"
        with self._reading:
            return dict(self._reader.execute(query).fetchall())

    def _count(self, query: str) -> int:
        with self._reading:
            return int(self._reader.execute(query).fetchone()[0])

    def _connect(self) -> None:
        self.connection = _connection(self._path)
        # Counts are read beside a transaction that goes on, so on a connection of their own.
        self._reader = self.connection if self._path is None else _connection(self._path)

    def _create(self) -> None:
        if self.meta("format") is None:
            script = files("headwater.ingest.fold").joinpath("derived.sql").read_text(encoding="utf-8")
            # At once with the tables, so that a crash leaves no half-made file.
            made = f"INSERT INTO meta VALUES ('format', '{FORMAT}');"  # noqa: S608 - a constant of this module
            self.connection.executescript(f"BEGIN;{script};{made};COMMIT;")


def _connection(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        path.touch(mode=0o600)  # SQLite would make it, and its log, readable for others
    connection = sqlite3.connect(path or _IN_MEMORY, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    # As durable as the graph: what a power cut takes is then one batch, which is applied again.
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _reader_of(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, beside whoever writes the file; also where the folder cannot be written.

    SQLite makes files beside a database with a log, even to read it, unless it is told that nobody writes.
    """
    closed = not any(file.exists() for file in _files(path)[1:])
    alone = "&immutable=1" if closed and not os.access(path.parent, os.W_OK) else ""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{alone}", uri=True)


def copy_of(path: Path, into: Path) -> None:
    """A file of derived tables, as it is at one moment, copied into a new file. sqlite3.Error: it cannot be read."""
    with closing(_reader_of(path)) as source, closing(sqlite3.connect(into)) as target:
        source.backup(target)


def meta_of(path: Path) -> dict[str, str]:
    """The named values in a file of derived tables, read beside whoever writes it; none if it cannot be read."""
    try:
        with closing(_reader_of(path)) as connection:
            return dict(connection.execute("SELECT name, value FROM meta"))
    except (sqlite3.Error, UnicodeDecodeError):
        return {}


def _usable(path: Path) -> bool:
    """Whether it is a whole database with these tables in this format, or none at all.

    A symbolic link is none, nor is one beside it: what it points to would be emptied or written.
    """
    if any(file.is_symlink() for file in _files(path)):
        return False
    if not path.exists():
        return True
    with closing(sqlite3.connect(path)) as connection:
        try:
            (found,) = connection.execute("SELECT value FROM meta WHERE name = 'format'").fetchone() or (None,)
            return bool(found == FORMAT)
        except sqlite3.DatabaseError:  # no database, no such table, damaged
            return False


def _files(path: Path) -> tuple[Path, ...]:
    """The database, and what SQLite has beside it."""
    return path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")


def remove_tables(path: Path) -> None:
    """Remove a file of derived tables, with what SQLite has beside it. A file that is not there is no error."""
    for file in _files(path):
        with suppress(FileNotFoundError):
            file.unlink()
