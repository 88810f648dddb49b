"""The calls that read the Glue Data Catalog: catalogs, databases, tables, column statistics.

Here: the calls, page by page, and what a refusal means. Not here: what the answers come to (`aws_bridge.glue_catalog`).
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from headwater.aws_bridge.glue_catalog import Database, Found, Table, snapshots_in, target_of
from headwater.aws_bridge.session import AwsError, Calls, NotAllowed, Session, aws_errors

SERVICE = "glue"
_PAGE = 100  #: tables of one answer: the most that Glue gives
_COLUMNS = 100  #: columns of one question for statistics: the most that Glue takes
_PARTITIONS = 1_000  #: partitions of one answer: the most that Glue gives
_LARGEST = 64 * 2**20  #: bytes of an Iceberg table's metadata that are read: many thousand snapshots
_LEFT_OUT = {"GetTableVersions": "earlier versions of tables", "GetPartitions": "locations of partitions"}
_NOT_THERE = "EntityNotFoundException"


class GlueCatalog:
    """The catalog of one account in one region, with the catalogs in it."""

    def __init__(
        self,
        region: str | None = None,
        profile: str | None = None,
        endpoint: str | None = None,
        catalog: str | None = None,
    ) -> None:
        """`catalog`: an account's id, or ``<account>:<catalog>``; None: the caller's. NotInstalled, AwsError."""
        session = Session(region, profile)
        self.calls = Calls()
        self._client = self.calls.watch(session.client(SERVICE, endpoint, many_calls=True))
        self._session = session
        self._s3: Any = None  #: asked for Iceberg's metadata alone; its endpoint is that of AWS's own settings
        self.region = str(self._client.meta.region_name)
        self._partition = str(self._client.meta.partition or "aws")
        self._catalog = catalog
        self._targets: dict[tuple[tuple[str, str], ...], Table | None] = {}
        self._unreadable: dict[str, str] = {}

    @property
    def unreadable(self) -> list[str]:
        """What was left out because the caller may not read it, a sentence each."""
        return sorted(self._unreadable.values())

    def catalogs(self) -> list[str | None]:
        """The catalog itself, and those in it: S3 Tables, Redshift, federated ones. NotAllowed, AwsError."""
        found: list[str | None] = [self._catalog]
        with aws_errors(SERVICE):
            token: dict[str, str] = {}
            while True:
                parent = {"ParentCatalogId": self._catalog} if self._catalog else {}
                answer = self._client.get_catalogs(Recursive=True, IncludeRoot=False, **parent, **token)
                found += [_catalog_id(one) for one in answer["CatalogList"]]
                if not answer.get("NextToken"):
                    return found
                token = {"NextToken": answer["NextToken"]}

    def databases(self, pattern: str = "*", catalog: str | None = None) -> Iterator[tuple[Database, Mapping[str, Any]]]:
        """The databases whose name matches a pattern (``sales_*``), each as a name and as Glue answers. AwsError."""
        given = catalog or self._catalog
        arguments = {"CatalogId": given} if given else {}
        with aws_errors(SERVICE):
            for page in self._client.get_paginator("get_databases").paginate(**arguments):
                for one in page["DatabaseList"]:
                    if fnmatchcase(one["Name"], pattern.lower()):
                        yield self._database(one, given), one

    def tables(self, database: Database, described: Mapping[str, Any], *, statistics: bool = False) -> Iterator[Found]:
        """The tables of a database. NotAllowed, AwsError: it is read wholly or not at all."""
        place = {"CatalogId": database.catalog, "DatabaseName": database.name}
        link = described.get("TargetDatabase")
        if link:  # a link to a database: its tables are those of the target
            place = {"CatalogId": link.get("CatalogId", database.catalog), "DatabaseName": link["DatabaseName"]}
        with aws_errors(SERVICE):
            pages = self._client.get_paginator("get_tables").paginate(**place, PaginationConfig={"PageSize": _PAGE})
            for page in pages:
                for table in page["TableList"]:
                    yield self._found(table, linked=bool(link), statistics=statistics)

    def versions(self, table: Table) -> list[Mapping[str, Any]] | None:
        """All versions of a table that Glue has; None: they may not be read, which is noted. AwsError."""
        pages = self._pages("get_table_versions", "GetTableVersions", table, MaxResults=_PAGE)
        return None if pages is None else [one for page in pages for one in page["TableVersions"]]

    def partitions(self, table: Table) -> list[Mapping[str, Any]] | None:
        """All partitions of a table, without their columns; None: they may not be read, which is noted. AwsError."""
        asked = {"ExcludeColumnSchema": True, "MaxResults": _PARTITIONS}
        pages = self._pages("get_partitions", "GetPartitions", table, **asked)
        return None if pages is None else [one for page in pages for one in page["Partitions"]]

    def snapshots(self, table: Table) -> dict[str, Any] | None:
        """The snapshots that an Iceberg table keeps, out of its metadata in S3; None: not known, which is noted."""
        uri = str(table.get("Parameters", {}).get("metadata_location") or "")
        scheme, _, path = uri.partition("://")
        bucket, _, key = path.partition("/")
        if scheme not in {"s3", "s3a", "s3n"} or not key:
            return None
        if self._s3 is None:
            self._s3 = self.calls.watch(self._session.client("s3", many_calls=True))
        try:
            with aws_errors("s3"):
                answer = self._s3.get_object(Bucket=bucket, Key=key)
            with answer["Body"] as body:
                return snapshots_in(_unpacked(body.read(_LARGEST + 1), key))
        except NotAllowed as error:
            self._unreadable.setdefault("GetObject", f"snapshots of Iceberg tables: {error}")
        except (ValueError, EOFError, zlib.error, OSError) as error:
            self._unreadable.setdefault(uri, f"snapshots of {table['DatabaseName']}.{table['Name']}: {uri}: {error}")
        except AwsError as error:
            if error.code not in {"NoSuchKey", "NoSuchBucket"}:  # else there was a commit since the table was listed
                raise
            self._unreadable.setdefault(uri, f"snapshots of {table['DatabaseName']}.{table['Name']}: {uri} is gone")
        return None

    def _pages(self, call: str, action: str, table: Table, **asked: Any) -> list[Mapping[str, Any]] | None:
        place = {key: table[key] for key in ("CatalogId", "DatabaseName") if key in table}
        found: list[Mapping[str, Any]] = []
        token: dict[str, str] = {}
        try:
            with aws_errors(SERVICE):
                while True:
                    found.append(getattr(self._client, call)(**place, TableName=table["Name"], **asked, **token))
                    if not found[-1].get("NextToken"):
                        return found
                    token = {"NextToken": found[-1]["NextToken"]}
        except NotAllowed as error:
            self._unreadable.setdefault(action, f"{_LEFT_OUT[action]}: {error}")
            return None
        except AwsError as error:
            if error.code != _NOT_THERE:  # else it was dropped since it was listed
                raise
            return []

    def _found(self, table: Table, *, linked: bool, statistics: bool) -> Found:
        arguments = target_of(table)
        if arguments is not None:
            return Found(table, self._target(arguments))
        return Found(table, table if linked else None, self._statistics(table) if statistics else ())

    def _target(self, arguments: Mapping[str, str]) -> Table | None:
        """What a resource link leads to; None: it is gone, or the caller may not read it."""
        key = tuple(sorted(arguments.items()))
        if key not in self._targets:
            try:
                with aws_errors(SERVICE):
                    self._targets[key] = self._client.get_table(**arguments)["Table"]
            except NotAllowed as error:
                self._targets[key] = None
                self._unreadable.setdefault("GetTable", f"targets of resource links: {error}")
            except AwsError as error:
                if error.code != _NOT_THERE:
                    raise
                self._targets[key] = None
        return self._targets[key]

    def _statistics(self, table: Table) -> list[Mapping[str, Any]]:
        names = [column["Name"] for column in table.get("StorageDescriptor", {}).get("Columns", ())]
        found: list[Mapping[str, Any]] = []
        place = {key: table[key] for key in ("CatalogId", "DatabaseName") if key in table}
        for start in range(0, len(names), _COLUMNS):
            try:
                with aws_errors(SERVICE):
                    answer = self._client.get_column_statistics_for_table(
                        **place, TableName=table["Name"], ColumnNames=names[start : start + _COLUMNS]
                    )
            except NotAllowed as error:
                self._unreadable.setdefault("GetColumnStatisticsForTable", f"column statistics: {error}")
                return []
            except AwsError as error:
                if error.code != _NOT_THERE:
                    raise
                return []
            found += answer["ColumnStatisticsList"]
        return found

    def _database(self, one: Mapping[str, Any], given: str | None) -> Database:
        catalog = given or one.get("CatalogId")
        if not catalog:
            raise AwsError("AWS: the catalog does not say of which account it is: name it with --catalog-id")
        return Database(str(one["Name"]), str(catalog), self.region, self._partition)


def _unpacked(content: bytes, key: str) -> bytes:
    """The content of a metadata file, which may be packed. ValueError: it is larger than is read."""
    if key.endswith((".gz.metadata.json", ".metadata.json.gz")):
        with gzip.open(io.BytesIO(content)) as file:
            content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"it has more than {_LARGEST:,} bytes")
    return content


def _catalog_id(catalog: Mapping[str, Any]) -> str:
    """``<account>:<catalog>/<sub-catalog>``, as GetTables takes it, out of ``arn:...:<account>:catalog/<path>``."""
    parts = str(catalog.get("ResourceArn", "")).split(":", 5)
    if len(parts) == 6 and parts[5].startswith("catalog/"):  # noqa: PLR2004 - the parts of an ARN
        return f"{parts[4]}:{parts[5].removeprefix('catalog/')}"
    return str(catalog["CatalogId"])
