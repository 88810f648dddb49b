"""`headwater glue-catalog sync`: what the Glue Data Catalog lists, compared with what was sent last, and sent.

A database that is as it was last time is not sent: it would be an entry of the ledger for nothing. Not here: the calls
and what they come to (`headwater.aws_bridge`), which of it is sent (`headwater.snapshot_sending`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.importing import FOLDER
from headwater.ingest.progress import Progress
from headwater.snapshot_sending import LONGEST, Sender, Synced

if TYPE_CHECKING:
    from headwater.aws_bridge.glue_catalog import Database, Found, History, Table
    from headwater.aws_bridge.glue_catalog_client import GlueCatalog
    from headwater.aws_bridge.lake_formation_client import LakeFormation
    from headwater.source import Source


@dataclass(frozen=True)
class Options:
    """What of a catalog is synced."""

    pattern: str = "*"  #: of databases
    all_catalogs: bool = False  #: also the catalogs in the catalog
    statistics: bool = False  #: of columns; a call for each table
    versions: bool = False  #: what columns were earlier; a call for each table whose version is another than last time
    views: bool = False  #: what the columns of views are made of, by their texts
    partitions: bool = False  #: those that lie elsewhere than their table; a call for each 1,000 partitions
    snapshots: bool = False  #: which of them Iceberg tables keep; a file of S3 for each of these tables
    dry_run: bool = False


@dataclass
class Views:
    """What the texts of views came to."""

    read: int = 0
    partly: int = 0  #: of these, those whose columns are not known
    events: int = 0  #: new in the ledger
    reasons: dict[str, tuple[int, str]] = field(default_factory=dict)  #: why -> how many, and one of them


@dataclass
class CatalogSynced(Synced):
    """What a sync of a Glue Data Catalog did."""

    formats: dict[str, int] = field(default_factory=dict)  #: tables by format
    views: Views | None = None  #: where their texts were read

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        views = asdict(self.views) if self.views else None
        return {**super().to_dict(), "formats": self.formats, "views": views}


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
    """The table with its history, the locations of its partitions and its snapshots, as far as they are asked for."""
    from headwater.aws_bridge.glue_catalog import elsewhere_of, format_of, has_history, history_of

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
    if options.snapshots and format_of(table) == "iceberg":
        found = replace(found, snapshots=catalog.snapshots(table))
    return found


def sync(
    catalog: GlueCatalog,
    source: Source,
    options: Options,
    progress: Progress,
    lake: LakeFormation | None = None,
    data: Path | None = None,
    producer: str = "",
) -> CatalogSynced:
    """Bring what a catalog lists into a ledger, with `lake` also the tags and permissions of its tables.

    `data` is the folder that remembers which versions of tables are known; without it all are asked for. `producer`
    stands in the events of views.

    AwsError: nothing of it can be read; WrongUse, Unreachable. A database that may not be read is told, and left as it
    was.
    """
    from headwater.aws_bridge.glue_catalog import SOURCE, snapshots
    from headwater.aws_bridge.lake_formation import SOURCE as LAKE_SOURCE
    from headwater.aws_bridge.session import NotAllowed

    done = CatalogSynced()
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
        if options.versions or options.partitions or options.snapshots:
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
