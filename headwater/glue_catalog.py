"""`headwater glue-catalog sync`: what the Glue Data Catalog lists, compared with what was sent last, and sent.

A database that is as it was last time is not sent: it would be an entry of the ledger for nothing. Each database is
kept by itself, so that a sync that was interrupted goes on where it was. Not here: the calls and what they come to
(`headwater.aws_bridge`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from headwater.errors import WrongUse
from headwater.graphmodel.delta import digest
from headwater.importing import FOLDER
from headwater.ingest.progress import Progress

if TYPE_CHECKING:
    from headwater.aws_bridge.glue_catalog import Database, Found, History, Table
    from headwater.aws_bridge.glue_catalog_client import GlueCatalog
    from headwater.aws_bridge.lake_formation_client import LakeFormation
    from headwater.source import Source

#: Characters of the statements of one snapshot; the server takes 32 MiB, and UTF-8 and JSON add to them.
LONGEST = 12 * 2**20

Outcome = Literal["sent", "unchanged", "withdrawn", "would send", "would withdraw", "not read", "refused"]


@dataclass(frozen=True)
class Row:
    """What became of one scope: mostly a database."""

    source: str  #: ``glue`` or ``lakeformation``
    scope: str
    outcome: Outcome
    tables: int = 0
    columns: int = 0
    entry: int | None = None  #: the ledger entry that was made
    reason: str | None = None  #: why it was not read, or refused


@dataclass
class Synced:
    """What a sync did."""

    rows: list[Row] = field(default_factory=list)
    formats: dict[str, int] = field(default_factory=dict)  #: tables by format
    left_out: list[str] = field(default_factory=list)  #: what the caller may not read, a sentence each
    calls: dict[str, int] = field(default_factory=dict)  #: calls to AWS by action
    retries: int = 0  #: how often AWS was busy and a call was made again
    views: Views | None = None  #: where their texts were read

    def count(self, *outcomes: Outcome) -> int:
        """How many scopes had one of these outcomes."""
        return sum(row.outcome in outcomes for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "rows": [vars(row) for row in self.rows],
            "formats": self.formats,
            "leftOut": self.left_out,
            "calls": self.calls,
            "retries": self.retries,
            "views": asdict(self.views) if self.views else None,
        }


@dataclass(frozen=True)
class Options:
    """What of a catalog is synced."""

    pattern: str = "*"  #: of databases
    all_catalogs: bool = False  #: also the catalogs in the catalog
    statistics: bool = False  #: of columns; a call for each table
    versions: bool = False  #: what columns were earlier; a call for each table whose version is another than last time
    views: bool = False  #: what the columns of views are made of, by their texts
    partitions: bool = False  #: those that lie elsewhere than their table; a call for each 1,000 partitions
    dry_run: bool = False


class Sender:
    """Sends the snapshots of one source that changed, and withdraws those whose scope is gone."""

    def __init__(self, source: Source, system: str, done: Synced, *, dry_run: bool) -> None:
        """`system` is what the statements have as their source."""
        self._source = source
        self._system = system
        self._done = done
        self._dry_run = dry_run
        self._known = source.snapshots(system)
        self._seen: set[str] = set()

    def send(self, snapshot: Mapping[str, Any], tables: int = 0, columns: int = 0) -> None:
        """Keep a snapshot, unless it says what the last one of its scope says."""
        scope, digested = str(snapshot["scope"]), _digest(snapshot)
        self._seen.add(scope)
        if self._known.get(scope) == digested:
            self._row(scope, "unchanged", tables, columns)
        elif self._dry_run:
            self._row(scope, "would send", tables, columns)
        else:
            try:
                entry = self._source.keep_snapshot({**snapshot, "digest": digested})
            except WrongUse as error:
                if error.status not in _THIS_ONE_ALONE:
                    raise
                self._done.rows.append(Row(self._system, scope, "refused", tables, columns, reason=str(error)))
            else:
                self._row(scope, "sent", tables, columns, entry)

    def send_parts(self, parts: Sequence[Mapping[str, Any]], tables: int, columns: int) -> None:
        """Keep the snapshots of one database or domain, whose tables and columns are counted with the first."""
        for number, part in enumerate(parts):
            self.send(part, *((tables, columns) if number == 0 else (0, 0)))

    def not_read(self, scope: str, reason: str) -> None:
        """A scope could not be read: what was sent of it before stays."""
        self._seen.add(scope)
        self._done.rows.append(Row(self._system, scope, "not read", reason=reason))

    def withdraw(self, is_ours: Callable[[str], bool]) -> None:
        """Take back what was sent of scopes that are ours, and were not seen in this sync."""
        for scope in sorted(self._known.keys() - self._seen):
            belongs = any(scope.startswith(f"{seen}/") for seen in self._unread())
            if belongs or not is_ours(scope) or self._known[scope] == _NOTHING:
                continue
            if self._dry_run:
                self._row(scope, "would withdraw")
            else:
                nothing = {"source": self._system, "scope": scope, "digest": _NOTHING, "statements": []}
                self._row(scope, "withdrawn", entry=self._source.keep_snapshot(nothing))

    def _unread(self) -> Iterator[str]:
        """The scopes that could not be read: parts of them are not gone."""
        return (row.scope for row in self._done.rows if row.source == self._system and row.outcome == "not read")

    def _row(self, scope: str, outcome: Outcome, tables: int = 0, columns: int = 0, entry: int | None = None) -> None:
        self._done.rows.append(Row(self._system, scope, outcome, tables, columns, entry))


#: Statuses of a server that refuses this snapshot, and may take another one; None: without a server.
_THIS_ONE_ALONE = (None, 400, 413)
_NOTHING = "nothing"  #: the digest of a snapshot that takes back all that there was


def _digest(snapshot: Mapping[str, Any]) -> str:
    """What it says, whenever it is sent."""
    return digest(json.dumps(snapshot, sort_keys=True, ensure_ascii=False))


@dataclass
class Views:
    """What the texts of views came to."""

    read: int = 0
    partly: int = 0  #: of these, those whose columns are not known
    events: int = 0  #: new in the ledger
    reasons: dict[str, tuple[int, str]] = field(default_factory=dict)  #: why -> how many, and one of them


@dataclass
class _Listed:
    """The tables that a sync has read, as `sqlhistory.athena` asks for them: those of the default catalog alone."""

    region: str
    tables: Mapping[tuple[str, str], Table]

    def table(self, database: str, name: str) -> dict[str, Any] | None:
        found = self.tables.get((database.lower(), name.lower()))
        return dict(found) if found is not None else None


def _send_views(source: Source, listed: _Listed, producer: str) -> Views:
    """Bring in what the columns of views are made of. The same texts make the same events, which the ledger has."""
    from headwater.importing import send
    from headwater.sqlhistory.athena import DEFAULT_CATALOG, AthenaEngine, definition
    from headwater.sqlhistory.reading import Reading

    reading = Reading(AthenaEngine(listed, views=False), producer)
    events = []
    for (database, name), table in sorted(listed.tables.items()):
        view = definition(f"{DEFAULT_CATALOG}.{database}.{name}", table)
        if view is not None:
            events += reading.events(view)
    sent = send(source, events)
    counts = reading.counts
    return Views(counts.writes, counts.partly, sent.events, counts.reasons)


@dataclass
class Remembered:
    """The histories of tables by ARN, each with the version up to which it is known: no call for what is as it was.

    A file in the data folder. Forgetting it costs calls alone.
    """

    place: Path | None = None
    tables: dict[str, tuple[str, History]] = field(default_factory=dict)

    @classmethod
    def of(cls, data: Path) -> Remembered:
        """What is remembered in a data folder; nothing where the file is missing or damaged."""
        from headwater.aws_bridge.glue_catalog import History

        place = data / FOLDER / "glue-versions.json"
        with suppress(OSError, ValueError, TypeError, AttributeError):
            told = json.loads(place.read_text(encoding="utf-8"))
            known = {arn: (str(version), History(types, former)) for arn, (version, types, former) in told.items()}
            return cls(place, known)
        return cls(place)

    def save(self) -> None:
        """Remember it. A folder that cannot be written (that of a server elsewhere) remembers nothing."""
        if self.place is None:
            return
        told = {arn: [version, history.types, history.former] for arn, (version, history) in self.tables.items()}
        with suppress(PermissionError):
            self.place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            new = self.place.with_suffix(".new")
            new.write_text(json.dumps(told), encoding="utf-8")
            new.replace(self.place)


def _with_more(found: Found, database: Database, catalog: GlueCatalog, options: Options, known: Remembered) -> Found:
    """The table with its history and the locations of its partitions, as far as they are asked for."""
    from headwater.aws_bridge.glue_catalog import elsewhere_of, has_history, history_of

    table = found.table
    if found.target is not None or "TargetTable" in table:  # another one's: told where that is listed
        return found
    if options.versions and has_history(table):
        arn, version = database.arn(str(table["Name"])), str(table["VersionId"])
        if known.tables.get(arn, ("",))[0] != version:
            versions = catalog.versions(table)
            if versions is not None:
                known.tables[arn] = (version, history_of(versions))
        if arn in known.tables:
            found = replace(found, history=known.tables[arn][1])
    if options.partitions and table.get("PartitionKeys"):
        found = replace(found, elsewhere=elsewhere_of(table, catalog.partitions(table) or ()))
    return found


def sync(
    catalog: GlueCatalog,
    source: Source,
    options: Options,
    progress: Progress,
    lake: LakeFormation | None = None,
    data: Path | None = None,
    producer: str = "",
) -> Synced:
    """Bring what a catalog lists into a ledger, with `lake` also the tags and permissions of its tables.

    `data` is the folder that remembers which versions of tables are known; without it all are asked for. `producer`
    stands in the events of views.

    AwsError: nothing of it can be read; WrongUse, Unreachable. A database that may not be read is told, and left as it
    was.
    """
    from headwater.aws_bridge.glue_catalog import SOURCE, snapshots
    from headwater.aws_bridge.lake_formation import SOURCE as LAKE_SOURCE
    from headwater.aws_bridge.session import NotAllowed

    done = Synced()
    listed: dict[tuple[str, str], Table] = {}
    known = Remembered.of(data) if data and options.versions else Remembered()
    sender = Sender(source, SOURCE, done, dry_run=options.dry_run)
    lake_sender = Sender(source, LAKE_SOURCE, done, dry_run=options.dry_run) if lake else None
    found = list(_databases(catalog, options))
    for number, (database, described) in enumerate(found):
        progress(number, len(found))
        try:
            tables = list(catalog.tables(database, described, statistics=options.statistics))
        except NotAllowed as error:
            sender.not_read(database.scope, str(error))
            if lake_sender:
                lake_sender.not_read(database.scope, str(error))
            continue
        if database.is_default:
            listed.update(((database.name, str(one.table["Name"]).lower()), one.target or one.table) for one in tables)
        if options.versions or options.partitions:
            tables = [_with_more(one, database, catalog, options, known) for one in tables]
        parts, reading = snapshots(database, tables, LONGEST)
        sender.send_parts(parts, reading.tables, reading.columns)
        for name, count in reading.formats.items():
            done.formats[name] = done.formats.get(name, 0) + count
        if lake and lake_sender:
            _send_permissions(lake, lake_sender, database, tables)
        known.save()
    progress(len(found), len(found))
    databases = [database for database, _ in found]
    for one in (sender, lake_sender) if lake_sender else (sender,):
        one.withdraw(lambda scope: _is_ours(scope, databases, options))
    if options.views and not options.dry_run:
        done.views = _send_views(source, _Listed(catalog.region, listed), producer)
    done.left_out = catalog.unreadable
    calls = [catalog.calls, *([lake.calls] if lake else [])]
    done.calls = {action: count for one in calls for action, count in sorted(one.made.items())}
    done.retries = sum(one.retries for one in calls)
    return done


def _send_permissions(lake: LakeFormation, sender: Sender, database: Database, tables: Sequence[Found]) -> None:
    from headwater.aws_bridge.lake_formation import snapshots
    from headwater.aws_bridge.session import NotAllowed

    try:
        grants = lake.grants(database.catalog)
        tags = {str(one.table["Name"]): lake.tags(database, one.target or one.table) for one in tables}
    except NotAllowed as error:
        sender.not_read(database.scope, str(error))
        return
    sender.send_parts(snapshots(database, tables, tags, grants, LONGEST), len(tables), 0)


def _databases(catalog: GlueCatalog, options: Options) -> Iterator[tuple[Database, Mapping[str, Any]]]:
    for one in catalog.catalogs() if options.all_catalogs else [None]:
        yield from catalog.databases(options.pattern, one)


def _is_ours(scope: str, found: Sequence[Database], options: Options) -> bool:
    """Whether a scope is of a catalog and region that was read, and of a database that the pattern matches.

    Of a catalog of which no database was found nothing is taken back: mostly the caller may not see it any more.
    """
    for database in {(one.catalog, one.region): one for one in found}.values():
        before = f"{database.catalog}/{database.region}/"
        if scope.startswith(before):
            return fnmatchcase(scope.removeprefix(before).partition("/")[0], options.pattern.lower())
    return False
