"""Lake Formation as statements: LF-tags of tables and columns, and who can read them. Pure.

A tag is ``KEY=VALUE``; a table has the tags of its database unless it has the key itself, and a column those of its
table. Who can read a table is its fact ``readers``: one item for each grant that lets somebody read, by the table's
name, by all tables of the database, by tags, or through a data cells filter.
https://docs.aws.amazon.com/lake-formation/latest/dg/lf-permissions-reference.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from headwater.aws_bridge.glue_catalog import (
    Database,
    Found,
    Listed,
    Table,
    columns_of,
    database_of,
    divided,
    subject_of,
)

SOURCE = "lakeformation"  #: what its statements have as their source

Grant = Mapping[str, Any]  #: as ListPermissions answers
Tags = dict[str, frozenset[str]]  #: the values by key

#: Permissions with which data can be read.
_READING = ("SELECT", "ALL", "SUPER_USER")
_MOST_COLUMNS = (
    500  #: columns that a reader's entry names; beyond, all but those that are left out are named, or counted
)
_NOT_IN_A_TAG = str.maketrans(dict.fromkeys("=#*,\n", "_"))


@dataclass(frozen=True)
class Tagged:
    """The tags of a table and of its columns, each with those that it inherits."""

    table: Tags
    columns: Mapping[str, Tags]  #: by name in lower case; only columns with a tag that the table has not

    def of(self, column: str) -> Tags:
        """The tags of a column."""
        return {**self.table, **self.columns.get(column.lower(), {})}


UNTAGGED = Tagged({}, {})


def tagged(answer: Mapping[str, Any]) -> Tagged:
    """The tags in an answer of GetResourceLFTags about a table."""
    table = {**_tags(answer.get("LFTagOnDatabase")), **_tags(answer.get("LFTagsOnTable"))}
    columns = {}
    for one in answer.get("LFTagsOnColumns") or ():
        own = {key: values for key, values in _tags(one.get("LFTags")).items() if table.get(key) != values}
        if own:
            columns[str(one["Name"]).lower()] = own
    return Tagged(table, columns)


def _tags(listed: Iterable[Mapping[str, Any]] | None) -> Tags:
    return {str(one["TagKey"]): frozenset(map(str, one["TagValues"])) for one in listed or ()}


def snapshots(
    database: Database,
    tables: Iterable[Found],
    tags: Mapping[str, Tagged],
    grants: Sequence[Grant],
    longest: int,
) -> list[dict[str, Any]]:
    """What Lake Formation says of the tables of a database; `tags` are those by name of the table."""
    by_table = {}
    for found in tables:
        name = str(found.table["Name"])
        by_table[name] = list(_statements(database, found, tags.get(name, UNTAGGED), grants))
    return divided(database.scope, SOURCE, by_table, longest)


def _statements(database: Database, found: Found, its_tags: Tagged, grants: Sequence[Grant]) -> Iterator[Listed]:
    shown = found.target or found.table
    own = database_of(database, shown)
    subject, name = subject_of(shown, own), database.name_of(found.table)
    for tag in _texts(its_tags.table):
        yield {"kind": "tag", "subject": subject, "value": tag, "reason": f"LF-tag of {name}"}
    for column, tags in sorted(its_tags.columns.items()):
        for tag in _texts(tags):
            yield {"kind": "tag", "subject": f"{subject}#{column}", "value": tag, "reason": f"LF-tag of {name}"}
    found_readers = readers(own, shown, its_tags, grants)
    yield {"kind": "facts", "subject": subject, "name": name, "value": {"readers": found_readers}}


def _texts(tags: Tags) -> list[str]:
    """The tags as statements have them, ``KEY=VALUE``."""
    pairs = sorted((key, value) for key, values in tags.items() for value in values)
    return [f"{key.translate(_NOT_IN_A_TAG).strip()[:200]}={value.strip()[:1_000]}" for key, value in pairs]


class _Of(NamedTuple):
    """The table of which it is asked what a grant opens."""

    database: Database
    table: Table
    columns: list[str]  #: in lower case
    tags: Tagged


Reach = tuple[str, list[str] | None, str]  #: through what, which columns (None: all), which rows (empty: all)


def readers(database: Database, table: Table, its_tags: Tagged, grants: Iterable[Grant]) -> list[dict[str, Any]]:
    """Who can read a table, or some of its columns: one item for each grant, in order.

    ``principal``, ``through`` (``table``, ``all tables``, ``tags``, ``filter NAME``), ``columns`` (null for all, else
    their names), ``grant`` (may grant it to others); and perhaps ``rows`` and ``condition``, under which it holds.
    """
    of = _Of(database, table, [one["name"].lower() for one in columns_of(table)], its_tags)
    found: list[dict[str, Any]] = []
    for grant in grants:
        reach = None if _cannot_read(grant.get("Permissions")) else _reach(of, grant["Resource"])
        if reach is None or reach[1] == []:
            continue
        through, columns, rows = reach
        item: dict[str, Any] = {
            "principal": str(grant["Principal"].get("DataLakePrincipalIdentifier", "")),
            "through": through,
            "columns": None if columns == of.columns else columns,
            "grant": not _cannot_read(grant.get("PermissionsWithGrantOption")),
        }
        if rows:
            item["rows"] = rows
        if grant.get("Condition", {}).get("Expression"):
            item["condition"] = str(grant["Condition"]["Expression"])
        if item not in found:
            found.append(item)
    return sorted(found, key=lambda item: (item["principal"], item["through"], str(item["columns"])))


def _cannot_read(permissions: Iterable[str] | None) -> bool:
    return set(permissions or ()).isdisjoint(_READING)


def _reach(of: _Of, resource: Mapping[str, Any]) -> Reach | None:
    """What of a table a resource of a grant reaches; None: it is about another one."""
    return next((rule(of, resource[kind]) for kind, rule in _RESOURCES.items() if kind in resource), None)


def _is_table(of: _Of, said: Mapping[str, Any]) -> bool:
    named = (said.get("CatalogId") or of.database.catalog, said.get("DatabaseName"), said.get("Name"))
    return named == (of.database.catalog, of.database.name, of.table["Name"])


def _table(of: _Of, said: Mapping[str, Any]) -> Reach | None:
    if "TableWildcard" in said:
        place = (said.get("CatalogId") or of.database.catalog, said.get("DatabaseName"))
        return ("all tables", None, "") if place == (of.database.catalog, of.database.name) else None
    return ("table", None, "") if _is_table(of, said) else None


def _some_columns(of: _Of, said: Mapping[str, Any]) -> Reach | None:
    return ("table", _named(of.columns, said), "") if _is_table(of, said) else None


def _named(columns: list[str], said: Mapping[str, Any]) -> list[str] | None:
    """The columns that a resource names: some, or all but some; None for all."""
    if said.get("ColumnNames"):
        named = {str(one).lower() for one in said["ColumnNames"]}
        return [name for name in columns if name in named]
    excluded = {str(one).lower() for one in (said.get("ColumnWildcard") or {}).get("ExcludedColumnNames", ())}
    return [name for name in columns if name not in excluded] if excluded else None


def _tag_policy(of: _Of, said: Mapping[str, Any]) -> Reach | None:
    """By tags: the columns whose tags have, for each key of the expression, one of its values."""
    catalog = said.get("CatalogId") or of.database.catalog
    expression = [(str(one["TagKey"]), frozenset(one["TagValues"])) for one in said.get("Expression", ())]
    if said.get("ResourceType") != "TABLE" or catalog != of.database.catalog or not expression:
        return None

    def fits(tags: Tags) -> bool:
        return all(not tags.get(key, frozenset()).isdisjoint(values) for key, values in expression)

    if not of.columns:
        return ("tags", None, "") if fits(of.tags.table) else None
    return "tags", [name for name in of.columns if fits(of.tags.of(name))], ""


def _filter(of: _Of, said: Mapping[str, Any]) -> Reach | None:
    """Through a data cells filter: its columns and rows, as GetDataCellsFilter answers."""
    place = (said.get("TableCatalogId") or of.database.catalog, said.get("DatabaseName"), said.get("TableName"))
    if place != (of.database.catalog, of.database.name, of.table["Name"]):
        return None
    rows = str((said.get("RowFilter") or {}).get("FilterExpression") or "")
    return f"filter {said.get('Name')}", _named(of.columns, said), rows


_RESOURCES: Mapping[str, Callable[[_Of, Mapping[str, Any]], Reach | None]] = {
    "Table": _table,
    "TableWithColumns": _some_columns,
    "LFTagPolicy": _tag_policy,
    "DataCellsFilter": _filter,
}
