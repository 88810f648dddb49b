"""What a command writes: the target, whether it appends, and the plan that it takes its rows from. Pure.

One table, `_RULES`, by the command's class. MERGE, UPDATE and DELETE are in `rowlevel`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from headwater.spline_bridge.agent import rowlevel
from headwater.spline_bridge.agent.sources import Source, located, source, table
from headwater.spline_bridge.agent.tree import Node, everything, parse, product, roots
from headwater.spline_bridge.plantext import attribute as printed

Details = Mapping[str, Any]


@dataclass(frozen=True)
class Write:
    """The write of a plan: `query` gives its rows, None if it has none; `uri` is empty if nothing names the target."""

    uri: str
    query: Node | None
    append: bool = False
    format: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    columns: Sequence[Node] = ()
    """The target's columns by position, where the command lists them."""
    by_name: bool = False
    """Whether columns are written by name and not by position."""
    expressions: Mapping[str, Node] = field(default_factory=dict)
    """Expressions of the command that are worth telling, by the name of their param."""


def write(root: Node, details: Details) -> Write:
    """What the command at the root of a plan writes. Of a command without a rule, what its getters say."""
    rule = _RULES.get(root.name, _relation)
    written = _with_generated(rule(root, details), details)
    _show_defaults(root, written.query, details.get("ended_ms"))
    return written


def query(root: Node) -> Node | None:
    """The plan that a command takes its rows from: its child, or a plan that it holds."""
    if root.name in rowlevel.READS or root.name in rowlevel.REWRITTEN:
        return rowlevel.operation(root)
    if root.children:
        return root.children[-1]
    held = root.fields.get("query")
    return held if isinstance(held, Node) else None


def _appends(details: Details) -> bool:
    return details.get("mode") == "Append"


def _files(root: Node, details: Details) -> Write:
    """Files under a path, with or without a table of the catalog around them."""
    return Write(
        _located(details.get("path"), details),
        query(root),
        _appends(details),
        details.get("format"),
        {**details.get("options", {}), **table(details.get("table")), **_layout(root, details)},
    )


def _layout(root: Node, details: Details) -> dict[str, Any]:
    """Partitions and buckets, in the words that Spark's options have for them."""
    partitions = [str(column.fields["name"]) for column in roots(root.fields.get("partitionColumns"))]
    buckets = product(root.fields.get("bucketSpec"))
    found = {
        "__partition_columns": json.dumps(partitions) if partitions else None,
        "staticPartitions": {key: _given(value) for key, value in details.get("static", {}).items()},
        "partitionOverwriteMode": "dynamic" if details.get("dynamic") is True else None,
        "bucketColumns": buckets.get("bucketColumnNames"),
        "numBuckets": buckets.get("numBuckets"),
    }
    return {name: value for name, value in found.items() if value}


def _given(partition: str) -> str:
    """A partition's value; Hive's insert has it as a Scala option: ``Some(2024-01-01)``, None where it is dynamic."""
    return partition.removeprefix("Some(").removesuffix(")") if partition.startswith("Some(") else partition


def _options(root: Node, details: Details) -> Write:
    """A data source that only its options describe: JDBC, Kafka, a connector of somebody else's."""
    found = _source({key: value for key, value in _with_topic(details, root).items() if key != "table"}, details)
    written = _to(found, root, append=_appends(details))
    dynamic = {"partitionOverwriteMode": "dynamic"} if details.get("dynamic") is True else {}
    return replace(written, params={**dynamic, **written.params})


def _with_topic(details: Details, root: Node) -> Details:
    """The details of a write into Kafka with the topic that each row names, where all name the same one."""
    options, rows = details.get("options", {}), query(root)
    if (details.get("format") or _sink(details)) != "kafka" or "topic" in map(str.lower, options) or rows is None:
        return details
    columns = {str(item.fields.get("name")).lower(): item for item in roots(rows.fields.get("projectList"))}
    topic = columns["topic"].children[:1] if "topic" in columns else []
    given = [str(each.fields.get("value")) for each in topic if each.name == "Literal"]
    return {**details, "options": {**options, "topic": given[0]}} if given else details


def _overwritten(options: Mapping[str, Any]) -> dict[str, Any]:
    """What options of a write say about what it replaces; ``overwrite-mode`` is Iceberg's own."""
    known = {key.lower(): value for key, value in options.items()}
    mode = known.get("partitionoverwritemode") or known.get("overwrite-mode")
    found = {"partitionOverwriteMode": mode, "replaceWhere": known.get("replacewhere")}
    return {name: value for name, value in found.items() if value}


def _directory(root: Node, details: Details) -> Write:
    return Write(_located(details.get("path"), details), query(root), format=details.get("format"))


def _catalog(root: Node, details: Details) -> Write:
    """A table that the command makes, or a Hive table: where the catalog has it, or would put it."""
    known = details.get("table", {})
    uri = _located(known.get("Location") or details.get("location"), details)
    layout = _layout(root, details)
    overwrites = root.fields.get("overwrite")
    return Write(
        uri, query(root), _appends(details) or overwrites is False, known.get("Provider"), {**table(known), **layout}
    )


def _relation(root: Node, details: Details) -> Write:
    """A table of a catalog plugin, or the relation that a command holds."""
    append = root.name == "AppendData" or root.fields.get("overwrite") is False
    append |= details.get("relation", {}).get("staged") is True  # others see it only once it is published
    written = _to(_source(details.get("relation", {}), details), root, append=append)
    written = replace(written, params={**written.params, **_overwritten(details.get("write_options", {}))})
    target, condition = root.fields.get("table"), root.fields.get("deleteExpr")
    if not isinstance(target, Node) or root.name in rowlevel.CONDITIONAL:
        return written
    return replace(
        written,
        columns=tuple(roots(target.fields.get("output"))),
        by_name=root.fields.get("isByName") is True,
        expressions={"deleteExpr": condition} if isinstance(condition, Node) else {},
    )


def _hudi_insert(root: Node, details: Details) -> Write:
    """An INSERT of Hudi's own, into the table's columns without those that Hudi adds to each row.

    Hudi matches by name where the query has all names, else by position.
    """
    relation = root.fields.get("logicalRelation")
    output = list(roots(relation.fields.get("output"))) if isinstance(relation, Node) else []
    static = {name.lower(): _given(str(value)) for name, value in details.get("static", {}).items() if value != "None"}
    own = tuple(column for column in output if _takes(str(column.fields.get("name")).lower(), static))
    written = _to(_source(details.get("relation", {}), details), root, append=root.fields.get("overwrite") is False)
    given = {"staticPartitions": static} if static else {}
    return replace(written, columns=own, by_name=True, params={**written.params, **given})


def _takes(column: str, static: Collection[str]) -> bool:
    """Whether a query gives a column of a Hudi table: Hudi fills its own, and the statement names static partitions."""
    return not column.startswith("_hoodie_") and column not in static


def _hudi_held(root: Node, details: Details) -> Write:
    """A MERGE, UPDATE or DELETE of Hudi's own holds Spark's."""
    held = next((root.fields[name] for name in ("mergeInto", "ut", "dft") if name in root.fields), None)
    written = _to(_source(details.get("relation", {}), details), root)
    return replace(written, query=rowlevel.operation(held)) if isinstance(held, Node) else written


def _clone(root: Node, details: Details) -> Write:
    """Delta's CLONE: the source's columns as they are. The plan has no operator for the source; one is made here."""
    source_ = details.get("clone", {})
    fields = json.loads(source_.get("schema") or "{}").get("fields", [])
    output = [rowlevel.column_named(each["name"], each.get("type"), _MADE_UP - at) for at, each in enumerate(fields)]
    rows = Node("org.apache.spark.sql.delta.commands.CloneSource", 0, {"details": source_, "output": output})
    known = details.get("table", {})
    uri = _located(details.get("path") or known.get("Location"), details)
    appends = details.get("append") is True
    return Write(uri, rows, append=appends, format=details.get("format", "delta"), params=table(known))


def _versioned(root: Node, details: Details) -> Write:
    """A branch that begins, a procedure, or Delta's RESTORE, of which some only choose an earlier state of a table."""
    if "clone" in details:
        return _clone(root, details)
    return Write(_located(details.get("path"), details), None, append=True, format=details.get("format"))


def _moved(root: Node, details: Details) -> Write:
    """A table whose files moved when it got another name: its columns as they are."""
    return _clone(root, details) if "clone" in details else _relation(root, details)


#: Expression ids of columns that are made here go down from this one: Spark's own go up from 0.
_MADE_UP = -2


def _renamed(root: Node, details: Details) -> Write:
    """``ALTER TABLE t RENAME COLUMN``: the table's columns as they were, one of them under its new name."""
    old, name = {*_whole_columns(root.fields.get("column"))}, str(root.fields.get("newName"))
    return _onto_itself(root, details, lambda each: [_alias(each, name) if each.fields.get("name") in old else each])


def _without_columns(root: Node, details: Details) -> Write:
    """``ALTER TABLE t DROP COLUMN``: the table's other columns as they were."""
    gone = {*_whole_columns(root.fields.get("columnsToDrop"))}
    return _onto_itself(root, details, lambda each: [] if each.fields.get("name") in gone else [each])


def _whole_columns(named: Any) -> Iterator[str]:
    """The names of columns that a command names. A field of a struct leaves its column's name."""
    for column in roots(named):
        if not column.fields.get("path"):
            yield str(product(column.fields.get("field")).get("name"))


def _onto_itself(root: Node, details: Details, kept: Callable[[Node], list[Node]]) -> Write:
    """A table that only changes its columns, as if its rows were written again; `kept` is what a column becomes."""
    found = _source(details.get("relation", {}), details)
    if found is None or not root.children:
        return _to(found, root)
    held = root.children[0]
    relation = Node(f"{held.package}.{held.name}", 0, {"output": held.fields.get("outputAttributes")})
    columns = [item for each in roots(relation.fields["output"]) for item in kept(each)]
    return Write(found.uris[0], _project(columns, relation), format=found.format, params=found.params)


def _emptied(root: Node, details: Details) -> Write:
    """A TRUNCATE of a table of a catalog plugin: it reads nothing."""
    return replace(_relation(root, details), query=None)


def _deleted(root: Node, details: Details) -> Write:
    """A DELETE. One without WHERE reads nothing, and nothing stays."""
    written = _relation(root, details)
    if details.get("all_rows") is not True:
        return written
    return replace(written, query=None, params={**written.params, "allRows": True})


def _with_generated(written: Write, details: Details) -> Write:
    """The write with the columns that Delta fills in itself, after those of the query.

    It computes them (``GENERATED ALWAYS AS``), takes their defaults, or counts (``IDENTITY``).
    """
    generated, counted = details.get("generated") or {}, details.get("counted") or ()
    if not (generated or counted) or written.query is None:
        return written
    given = map(printed, details["output"])
    columns = {name.lower(): rowlevel.column_named(name, None, int(key)) for name, key in given}
    made = []
    for at, (name, plan) in enumerate(generated.items()):
        condition = next(roots(parse(plan).root.fields["condition"]))  # IS NOT NULL of the expression
        for node in everything(condition):
            if node.name == "AttributeReference":  # of the table; here it is the column that is written to it
                node.become(columns.get(str(node.fields["name"]).lower(), _NULL))
        made.append(_alias(condition.children[0], name, _MADE_UP - at))
    numbers = Node("org.apache.spark.sql.delta.GenerateIdentityValues", 0, {})
    made += [_alias(numbers, name, _MADE_UP - len(made) - at) for at, name in enumerate(counted)]
    return replace(written, query=_project([*columns.values(), *made], written.query))


def _show_defaults(root: Node, rows: Node | None, ended_ms: int | None) -> None:
    """Put the function back where Spark put the time of the run in its place: the default of a column left out.

    ``DEFAULT current_timestamp()`` is a literal in the plan. One that a query gives itself stays, if it is not of
    about the time of the run.
    """
    if rows is None or rows.name != "Project" or ended_ms is None:
        return
    now = datetime.fromtimestamp(ended_ms / 1000, tz=timezone.utc).replace(tzinfo=None)
    defaults = {name.lower(): str(text).lower().partition("(")[0].strip() for name, text in _defaults(root)}
    for column in roots(rows.fields.get("projectList")):
        function = _CLOCKS.get(defaults.get(str(column.fields.get("name")).lower(), ""))
        given = column.children[0] if column.children else column
        if function is None or given.name != "Literal":
            continue
        try:
            whole, point, fraction = str(given.fields.get("value")).partition(".")
            at = datetime.fromisoformat(f"{whole}{point}{fraction:0<6}" if point else whole)
        except ValueError:
            continue
        if abs(now - at.replace(tzinfo=None)) < _NEAR:
            package = "org.apache.spark.sql.catalyst.expressions"
            given.become(Node(f"{package}.{function}", 0, {"dataType": given.fields.get("dataType")}))


def _defaults(root: Node) -> Iterator[tuple[str, Any]]:
    """The columns of the target that have a default, each with its SQL."""
    for name in ("catalogTable", "table", "tableDesc"):
        schema = product(product(root.fields.get(name)).get("schema"))
        for column in schema.get("fields", ()):
            yield str(column.get("name")), product(column.get("metadata")).get("CURRENT_DEFAULT")
    target = root.fields.get("table")
    for attribute in roots(target.fields.get("output")) if isinstance(target, Node) else ():
        yield str(attribute.fields.get("name")), product(attribute.fields.get("metadata")).get("CURRENT_DEFAULT")


#: Functions of the time by their names in SQL, with their classes.
_CLOCKS = {
    "current_timestamp": "CurrentTimestamp",
    "now": "Now",
    "current_date": "CurrentDate",
    "curdate": "CurrentDate",
    "localtimestamp": "LocalTimestamp",
}
#: A literal is in the session's time zone, and a date is its midnight.
_NEAR = timedelta(hours=48)

#: What a table has in a column that a write leaves out.
_NULL = Node("org.apache.spark.sql.catalyst.expressions.Literal", 0, {"value": None, "dataType": "void"})


def _project(items: Sequence[Node], child: Node) -> Node:
    made = Node("org.apache.spark.sql.catalyst.plans.logical.Project", 1, {"projectList": list(items)})
    made.children = [child]
    return made


def _alias(column: Node, name: str, expression_id: int = _MADE_UP) -> Node:
    fields = {"name": name, "exprId": expression_id, "dataType": column.fields.get("dataType")}
    made = Node("org.apache.spark.sql.catalyst.expressions.Alias", 1, fields)
    made.children = [column]
    return made


def renumbered(columns: Sequence[Node], own: Sequence[str], child: Node) -> Node:
    """The output of a plan under other expression ids: those of `columns`, in place of its `own`."""
    items = [
        _alias(
            rowlevel.column_named(str(column.fields["name"]), column.fields.get("dataType"), int(key)),
            str(column.fields["name"]),
            column.fields["exprId"],
        )
        for column, key in zip(columns, own, strict=True)
    ]
    return _project(items, child)


def _as_select(root: Node, details: Details) -> Write:
    properties = {**details.get("properties", {})}
    properties.setdefault("provider", details.get("provider"))
    return _to(_source({"identifier": None, **details, "properties": properties}, details), root)


def _stream(root: Node, details: Details) -> Write:
    """One micro-batch of a stream; sinks are written to batch by batch."""
    options = _with_topic(details, root).get("options", {})
    known: tuple[Details, ...] = (
        {**details, "identifier": details.get("table")} if details.get("properties", {}).get("location") else {},
        {"options": options, "format": _sink(details)},
        {"table": details.get("table")},
    )
    found = next(filter(None, (_source(each, details) for each in known)), None)
    return _to(found, root, append=True)


def _sink(details: Details) -> str:
    """``FileSink[file:/lake/out]`` is files; other sinks go by their name."""
    table = str(details.get("class") or "").rpartition("$")[2].removesuffix("Table")
    return str(details.get("sink") or table).partition("[")[0].removesuffix("Sink").lower()


def _source(found: Details, details: Details) -> Source | None:
    return source(found, details.get("filesystem"))


def _located(path: Any, details: Details) -> str:
    return located(str(path), details.get("filesystem")) if path else ""


def _to(found: Source | None, root: Node, *, append: bool = False) -> Write:
    if found is None:
        return Write("", query(root), append)
    return Write(found.uris[0], query(root), append, found.format, found.params)


_RULES: Mapping[str, Callable[[Node, Details], Write]] = {
    "InsertIntoHadoopFsRelationCommand": _files,
    "SaveIntoDataSourceCommand": _options,
    "InsertIntoHoodieTableCommand": _hudi_insert,
    **dict.fromkeys(
        ("MergeIntoHoodieTableCommand", "UpdateHoodieTableCommand", "DeleteHoodieTableCommand"), _hudi_held
    ),
    "CreateDeltaTableCommand": _clone,
    "RenameColumn": _renamed,
    "DropColumns": _without_columns,
    "TruncateTable": _emptied,
    **dict.fromkeys(("TruncateTableCommand", "TruncateHoodieTableCommand"), _catalog),
    **dict.fromkeys(("DeleteCommand", "DeleteFromTable"), _deleted),
    **dict.fromkeys(("CreateOrReplaceBranch", "Call", "RestoreTableCommand"), _versioned),
    **dict.fromkeys(("AlterTableRenameCommand", "RenameTable"), _moved),
    **dict.fromkeys(("InsertIntoDataSourceDirCommand", "InsertIntoHiveDirCommand"), _directory),
    **dict.fromkeys(
        (
            "CreateDataSourceTableAsSelectCommand",
            "CreateHiveTableAsSelectCommand",
            "OptimizedCreateHiveTableAsSelectCommand",
            "CreateHoodieTableAsSelectCommand",
            "InsertIntoHiveTable",
        ),
        _catalog,
    ),
    **dict.fromkeys(("CreateTableAsSelect", "ReplaceTableAsSelect"), _as_select),
    **dict.fromkeys(("WriteToMicroBatchDataSource", "WriteToMicroBatchDataSourceV1"), _stream),
}
