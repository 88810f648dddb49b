"""The Glue Data Catalog as statements: databases as Glue answers them in, one snapshot of each out. Pure.

Which dataset a table is: its location, with all of its folders (naming rules say later which of these are partitions);
where it has none (a view, a federated table) its ARN. Its names are ``database.table`` and the ARN. Not here: the calls
(`aws_bridge.glue_catalog_client`), and what statements show in the graph (`graphmodel.statements.shown`).
https://docs.aws.amazon.com/glue/latest/webapi/API_Table.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headwater.graphmodel.accounts import catalogue_name
from headwater.graphmodel.delta import digest
from headwater.graphmodel.naming import UNFOLDED, canonical

SOURCE = "glue"  #: what its statements have as their source

Table = Mapping[str, Any]  #: a table as GetTable and GetTables answer
ColumnStatistics = Mapping[str, Any]  #: as GetColumnStatisticsForTable answers, of one column
Listed = dict[str, Any]  #: a statement as a snapshot lists it

_LONGEST_TYPE = 4_000  #: characters of a type that are kept: types of nested columns can be much longer
_PLACEHOLDER = "__PLACEHOLDER__"  #: the end of the location that Spark gives a table whose path is in its parameters


@dataclass(frozen=True)
class Database:
    """One database of a catalog, in one region."""

    name: str
    catalog: str  #: an account, or ``<account>:<catalog>/<sub-catalog>`` of a federated catalog, as S3 Tables has them
    region: str
    partition: str = "aws"  #: of ARNs: ``aws``, ``aws-cn``, ``aws-us-gov``

    @property
    def scope(self) -> str:
        """What its snapshots have as their scope."""
        return f"{self.catalog}/{self.region}/{self.name}"

    @property
    def is_default(self) -> bool:
        """Whether it belongs to the account's own catalog, whose tables Spark calls ``database.table``."""
        return ":" not in self.catalog

    def arn(self, table: str) -> str:
        """The ARN of a table, in lower case as Glue keeps names."""
        account, _, nested = self.catalog.partition(":")
        path = "/".join(part for part in (nested, self.name, table) if part).lower()
        return f"arn:{self.partition}:glue:{self.region}:{account}:table/{path}"

    def name_of(self, table: Table) -> str:
        """What a table is called in statements: ``database.table``, or its ARN where that would not say which."""
        name = str(table["Name"])
        return f"{self.name}.{name}".lower() if self.is_default else self.arn(name)

    def names(self, table: str) -> list[str]:
        """All names of a table. Athena's has no account: it says nothing where two accounts have such a table.

        The last one is what ``database.table`` means in a payload that was reported for this account.
        """
        if not self.is_default:
            return [self.arn(table)]
        name = f"{self.name}.{table}".lower()
        athena = f"awsathena://athena.{self.region}.amazonaws.com/awsdatacatalog.{name}"
        return [name, self.arn(table), athena, catalogue_name(self.catalog, name)]


@dataclass(frozen=True)
class History:
    """What the columns of a table were in its earlier versions: JSON, as `history_of` makes it."""

    types: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)  #: by column, where it changed
    former: Sequence[Mapping[str, str]] = ()  #: columns that it does not have any more


@dataclass(frozen=True)
class Found:
    """A table of a database. `target`: the one that a resource link leads to, None if it may not be read."""

    table: Table
    target: Table | None = None
    statistics: Sequence[ColumnStatistics] = ()
    history: History = field(default_factory=History)
    elsewhere: Sequence[str] = ()  #: locations of partitions that lie outside of the table's, see `elsewhere_of`
    snapshots: Mapping[str, Any] | None = None  #: of an Iceberg table those that it keeps, see `snapshots_in`


@dataclass
class Reading:
    """What a database was read as, for a report."""

    tables: int = 0
    columns: int = 0
    formats: dict[str, int] = field(default_factory=dict)


def snapshots(database: Database, tables: Iterable[Found], longest: int) -> tuple[list[dict[str, Any]], Reading]:
    """The snapshots of a database, as `divided` has them."""
    reading = Reading()
    by_table = {str(found.table["Name"]): list(_statements(database, found, reading)) for found in tables}
    return divided(database.scope, SOURCE, by_table, longest), reading


def divided(whole: str, source: str, by_table: Mapping[str, Sequence[Listed]], longest: int) -> list[dict[str, Any]]:
    """What a source says of the tables of the scope `whole` as one snapshot; several where it has more characters.

    Which table is in which of several depends on its name alone, so that a new table changes one of them.
    """
    sizes = {name: sum(len(repr(one)) for one in listed) for name, listed in by_table.items()}
    parts = 1
    while True:
        placed: dict[int, list[str]] = {number: [] for number in range(parts)}
        for name in sorted(by_table):
            placed[int(digest(name)[:8], 16) % parts].append(name)
        if parts >= len(by_table) or all(sum(sizes[name] for name in names) <= longest for names in placed.values()):
            break
        parts *= 2
    out = []
    for number, names in placed.items():
        listed = _without_repetition(one for name in names for one in by_table[name])
        scope = whole if parts == 1 else f"{whole}/{number + 1} of {parts}"
        out.append({"source": source, "scope": scope, "statements": listed})
    return out


def _without_repetition(listed: Iterable[Listed]) -> list[Listed]:
    """Of two statements of which only one can count (two tables at one location, both described) the first."""
    kept: dict[tuple[str, str, str], Listed] = {}
    for one in listed:
        told = one["value"] if one["kind"] == "tag" else one.get("name", "")
        kept.setdefault((one["kind"], one["subject"], told), one)
    return list(kept.values())


def _statements(database: Database, found: Found, reading: Reading) -> Iterator[Listed]:
    table, shown = found.table, found.target or found.table
    subject = subject_of(shown, database_of(database, shown))
    name = database.name_of(table)
    # What a link leads to in another account is listed here alone; in this one it is listed itself.
    own = found.target is None or found.target.get("CatalogId", database.catalog) != database.catalog
    columns, format_ = (columns_of(shown), format_of(shown)) if own else ([], "")
    names = [*database.names(str(table["Name"])), *found.elsewhere[:_MOST_ELSEWHERE]]
    if found.target is None and "TargetTable" in table:  # a link to what may not be read
        format_ = "resource link"
    value = {"columns": columns, "names": names, **({"format": format_} if format_ else {})}
    yield {"kind": "dataset", "subject": subject, "name": name, "value": value}
    facts = {**_facts(table), **_more_facts(found)}
    if facts:
        yield {"kind": "facts", "subject": subject, "name": name, "value": facts}
    described = str(table.get("Description") or table.get("Parameters", {}).get("comment") or "").strip()
    if described:
        yield {"kind": "description", "subject": subject, "value": described[:_LONGEST_TYPE]}
    of_columns: dict[str, dict[str, Any]] = {}
    for statistics in found.statistics:
        of_columns.setdefault(str(statistics["ColumnName"]).lower(), {}).update(profile_of(statistics))
    for column, types in found.history.types.items():
        of_columns.setdefault(column, {})["types"] = list(types)
    for column, profile in of_columns.items():
        if profile:
            yield {"kind": "facts", "subject": f"{subject}#{column}", "name": name, "value": profile}
    reading.tables += 1
    reading.columns += len(columns)
    shown_format = "resource link" if "TargetTable" in table else format_ or "not said"
    reading.formats[shown_format] = reading.formats.get(shown_format, 0) + 1


def _more_facts(found: Found) -> dict[str, Any]:
    """What was asked for besides."""
    more = {
        "formerColumns": list(found.history.former),
        "partitionsElsewhere": list(found.elsewhere[:_MOST_ELSEWHERE]),
        "snapshots": dict(found.snapshots or {}),
    }
    return {name: value for name, value in more.items() if value}


def database_of(database: Database, table: Table) -> Database:
    """The database of a table that was found through a link: its own, not that of the link."""
    name, catalog = table.get("DatabaseName") or database.name, table.get("CatalogId") or database.catalog
    return Database(str(name), str(catalog), database.region, database.partition)


def target_of(table: Table) -> dict[str, str] | None:
    """The arguments of GetTable for what a resource link leads to; None: it is no link."""
    target = table.get("TargetTable")
    if not target:
        return None
    return {key: str(target[key]) for key in ("CatalogId", "DatabaseName", "Name") if target.get(key)}


def subject_of(table: Table, database: Database) -> str:
    """The dataset that a table is: its location, else its ARN."""
    target = target_of(table)
    if target is not None:  # that may not be read: known by its ARN alone
        own = Database(
            target.get("DatabaseName", database.name),
            target.get("CatalogId", database.catalog),
            str(table["TargetTable"].get("Region") or database.region),
            database.partition,
        )
        return own.arn(target["Name"])
    location = location_of(table)
    return canonical(location, UNFOLDED) if location else database.arn(str(table["Name"]))


def location_of(table: Table) -> str:
    """Where a table's data lies; empty if it has no place of its own that could be named otherwise.

    The tables that Spark makes can have a placeholder as their location, and the path in a parameter. The location of
    an Iceberg table is its root, also where a writer says the folder of the data or of the metadata.
    """
    descriptor = table.get("StorageDescriptor") or {}
    parameters = {**descriptor.get("SerdeInfo", {}).get("Parameters", {}), **table.get("Parameters", {})}
    location = str(descriptor.get("Location") or "").strip()
    if not location or location.rstrip("/").endswith(_PLACEHOLDER):
        location = str(parameters.get("path") or "").strip()
    if format_of(table) == "iceberg":
        metadata = str(parameters.get("metadata_location") or "")
        location = location or metadata.rpartition("/")[0]
        for folder in ("/metadata", "/data"):
            location = location.rstrip("/").removesuffix(folder)
    if format_of(table) == "view" or not ("://" in location or location.startswith("arn:")):
        return ""
    return location


#: What in a table says its format: the value of a parameter, or a part of the class that reads it.
_FORMATS = ("iceberg", "delta", "hudi", "parquet", "orc", "avro", "json", "csv", "text", "xml", "ion")
_VIEWS = frozenset({"VIRTUAL_VIEW", "MATERIALIZED_VIEW"})


def format_of(table: Table) -> str:
    """The format of a table: ``iceberg``, ``delta``, ``hudi``, ``view``, ``parquet``, ...; empty if it is not said."""
    parameters = table.get("Parameters", {})
    descriptor = table.get("StorageDescriptor") or {}
    if table.get("TableType") in _VIEWS and not str(parameters.get("table_type", "")):
        return "view"
    said = (
        parameters.get("table_type"),
        parameters.get("spark.sql.sources.provider"),
        parameters.get("classification"),
        descriptor.get("InputFormat"),
        descriptor.get("SerdeInfo", {}).get("SerializationLibrary"),
    )
    for text in (str(one).lower() for one in said if one):
        known = next((name for name in _FORMATS if name in text), None)
        if known:
            return known
    return str(parameters.get("classification") or parameters.get("spark.sql.sources.provider") or "").lower()


def columns_of(table: Table) -> list[dict[str, Any]]:
    """The columns, those by which it is partitioned last: they are columns like others. Each name once."""
    descriptor = table.get("StorageDescriptor") or {}
    found: dict[str, dict[str, Any]] = {}
    for is_key, columns in ((False, descriptor.get("Columns") or ()), (True, table.get("PartitionKeys") or ())):
        for column in columns:
            name = str(column.get("Name") or "").strip()
            if name:
                found[name.lower()] = {
                    "name": name,
                    **({"type": _cut(str(column["Type"]))} if column.get("Type") else {}),
                    **({"comment": _cut(str(column["Comment"]))} if column.get("Comment") else {}),
                    **({"partitionKey": True} if is_key else {}),
                }
    return list(found.values())


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TYPE else f"{text[:_LONGEST_TYPE]}..."


def has_history(table: Table) -> bool:
    """Whether its versions tell how its schema changed: not those of Iceberg, where each commit is one; no links."""
    return str(table.get("VersionId") or "0") != "0" and format_of(table) != "iceberg" and "TargetTable" not in table


def history_of(versions: Iterable[Mapping[str, Any]]) -> History:
    """What the columns of a table were, from GetTableVersions. Of a column whose type never changed nothing is said.

    A type is said with the version and the time from which on it was so; a column that is gone with those from which on
    the table has it no more.
    """
    ordered = sorted(versions, key=lambda one: int(str(one.get("VersionId") or 0)))
    types: dict[str, list[dict[str, str]]] = {}
    gone: dict[str, dict[str, str]] = {}
    for version in ordered:
        table = version["Table"]
        at = table.get("UpdateTime") or table.get("CreateTime")
        since = {"version": str(version.get("VersionId") or ""), **({"since": _plain(at)} if at is not None else {})}
        columns = {column["name"].lower(): str(column.get("type", "")) for column in columns_of(table)}
        for name in types.keys() - columns.keys() - gone.keys():
            last = types[name][-1]["type"]
            gone[name] = {"name": name, "type": last, **{_UNTIL[key]: value for key, value in since.items()}}
        for name, type_ in columns.items():
            known = types.setdefault(name, [])
            if name in gone or not known or known[-1]["type"] != type_:
                known.append({"type": type_, **since})
            gone.pop(name, None)
    changed = {name: known for name, known in types.items() if len(known) > 1 and name not in gone}
    return History(changed, [gone[name] for name in sorted(gone)])


_UNTIL = {"version": "untilVersion", "since": "until"}

#: Names that a dataset can be given (`statements.values`) but for those of the table.
_MOST_ELSEWHERE = 90


def elsewhere_of(table: Table, partitions: Iterable[Mapping[str, Any]]) -> list[str]:
    """Where partitions of a table lie that do not lie below it: each dataset once, without the folders of partitions.

    A job that reads or writes there reads or writes the table.
    """
    location = location_of(table)
    if not location:
        return []
    own = canonical(location)
    found = dict.fromkeys(
        canonical(place)
        for one in partitions
        if "://" in (place := str((one.get("StorageDescriptor") or {}).get("Location") or ""))
    )
    return sorted(
        place for place in found if place != own and not place.startswith(f"{canonical(location, UNFOLDED)}/")
    )


#: Snapshots of an Iceberg table that are told, the newest of them.
_MOST_SNAPSHOTS = 1_000


def snapshots_in(metadata: bytes) -> dict[str, Any]:
    """The snapshots that an Iceberg table keeps, by its metadata file: ``ids``, the newest first, and if they are all.

    ValueError: it is no such file. https://iceberg.apache.org/spec/#table-metadata-fields
    """
    document = json.loads(metadata)
    listed = document.get("snapshots") or [] if isinstance(document, dict) and "format-version" in document else None
    if not isinstance(listed, list) or not all(isinstance(one, dict) and "snapshot-id" in one for one in listed):
        raise ValueError("it does not list the snapshots of an Iceberg table")
    newest = sorted(listed, key=lambda one: (int(one.get("timestamp-ms") or 0), int(one["snapshot-id"])), reverse=True)
    ids = [str(one["snapshot-id"]) for one in newest[:_MOST_SNAPSHOTS]]
    return {"ids": ids, "whole": len(ids) == len(listed)}


#: Facts of a table, by the field of Glue's answer.
_TABLE_FACTS = {"TableType": "tableType", "Owner": "owner", "VersionId": "schemaVersion"}
#: The same by parameter: what crawlers, ANALYZE and table formats say.
_PARAMETER_FACTS = {
    "recordCount": "rows",
    "numRows": "rows",
    "spark.sql.statistics.numRows": "rows",
    "sizeKey": "bytes",
    "totalSize": "bytes",
    "spark.sql.statistics.totalSize": "bytes",
    "connectionName": "connection",
}


def _facts(table: Table) -> dict[str, Any]:
    """What Glue says of a table beside its columns; the same table gives the same facts."""
    found: dict[str, Any] = {fact: table[key] for key, fact in _TABLE_FACTS.items() if table.get(key)}
    if format_of(table) == "iceberg":  # each commit is a version there, and no other schema
        found.pop("schemaVersion", None)
    parameters = table.get("Parameters", {})
    for key, fact in _PARAMETER_FACTS.items():
        if parameters.get(key) not in (None, ""):
            found.setdefault(fact, _number(parameters[key]))
    schema = (table.get("StorageDescriptor") or {}).get("SchemaReference", {})
    if schema:
        found["registrySchema"] = {
            key: value
            for key, value in {**schema.get("SchemaId", {}), "version": schema.get("SchemaVersionNumber")}.items()
            if value is not None
        }
    federated = table.get("FederatedTable", {})
    if federated:
        found["federated"] = {key: str(value) for key, value in federated.items() if value}
    if table.get("IsRegisteredWithLakeFormation"):
        found["registeredWithLakeFormation"] = True
    target = target_of(table)
    if target is not None:
        found["linkTo"] = ".".join(target.values())
    return found


def _number(text: object) -> object:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() else text


#: By the field of a column's statistics, the fact that it is.
_PROFILE = {
    "NumberOfNulls": "nulls",
    "NumberOfDistinctValues": "distinct",
    "NumberOfTrues": "trues",
    "NumberOfFalses": "falses",
    "MinimumValue": "minimum",
    "MaximumValue": "maximum",
    "MaximumLength": "longest",
    "AverageLength": "averageLength",
}


def profile_of(statistics: ColumnStatistics) -> dict[str, Any]:
    """The profile of a column: nulls, distinct values, smallest and largest value, when it was counted."""
    data = statistics.get("StatisticsData", {})
    values: Mapping[str, Any] = next((value for key, value in data.items() if key.endswith("ColumnStatisticsData")), {})
    found = {fact: _plain(values[key]) for key, fact in _PROFILE.items() if key in values}
    if found and statistics.get("AnalyzedTime") is not None:
        found["analyzed"] = _plain(statistics["AnalyzedTime"])
    return found


def _plain(value: Any) -> Any:
    """A value as JSON has it: times as ISO 8601, decimals as their digits."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):  # a decimal: {"UnscaledValue": bytes, "Scale": digits behind the point}
        unscaled = int.from_bytes(value["UnscaledValue"], "big", signed=True)
        return str(unscaled) if not value.get("Scale") else f"{unscaled}e-{value['Scale']}"
    return value
