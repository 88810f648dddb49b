"""What is read from the JVM: the plan in one call, then what its JSON leaves out of the command and the leaves.

A table says what is asked of which command. Spark versions differ: a getter that is not there has no answer. All is
bounded, and nothing that came from the JVM is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from headwater.spline_bridge.agent import iceberg, relations, versions
from headwater.spline_bridge.agent.getters import (
    Reader,
    answers,
    ask,
    catalog_table,
    class_name,
    dictionary,
    java_map,
    optional,
    pairs,
    short_name,
    split,
    text,
    value,
)
from headwater.spline_bridge.agent.long_lists import shortened
from headwater.spline_bridge.agent.model import IDLE, NO_NEW_ROWS, Captured, Frozen, Leaf
from headwater.spline_bridge.agent.sources import source
from headwater.spline_bridge.plantext import attribute
from headwater.spline_bridge.secret_patterns import clean_text

#: Of a plan with more leaves, the sources of those beyond are not named.
_MOST_LEAVES = 500


def _table(path: str) -> Reader:
    return lambda command: catalog_table(getattr(command, path)())


def _target(path: str) -> Mapping[str, Reader]:
    return {"relation": lambda command: relations.details(getattr(command, path)())}


def _is_true(condition: Any) -> bool:
    """Whether a condition is the constant true, as that of a DELETE without WHERE is."""
    return class_name(condition) == "Literal" and str(condition.toString()) == "true"


def _created_table(command: Any) -> Any:
    name = command.name()
    return name.catalog().loadTable(name.identifier())


def _created(command: Any) -> dict[str, Any]:
    """Properties of the table that a CREATE TABLE AS SELECT made."""
    known = _created_table(command).properties()
    return {key: str(known.get(key)) for key in ("location", "provider") if known.get(key) is not None}


_AS_SELECT: Mapping[str, Reader] = {
    "name": text("tableName"),
    "catalog": value("name.catalog.name"),
    "identifier": text("name.identifier"),
    "properties": _created,
    "jdbc": lambda command: dictionary(_created_table(command).jdbcOptions().parameters()),
    "provider": lambda command: command.tableSpec().provider().get(),
    "options": pairs("writeOptions"),
}


def _cloned(source: Any) -> dict[str, Any]:
    """What Delta's CLONE takes its files from: a table of Delta's, or of Parquet's or Iceberg's format."""
    return {
        "paths": [str(source.dataPath().toString())],
        "format": str(source.format()).lower(),
        "schema": str(source.schema().json()),
        **answers({"table": optional("catalogTable", catalog_table)}, source),
    }


#: Commands that put rows into a table of a catalog plugin; Delta has one of its own.
_INTO = (
    "AppendData",
    "OverwriteByExpression",
    "OverwritePartitionsDynamic",
    "DeltaDynamicPartitionOverwriteCommand",
)
_INTO_TABLE: Mapping[str, Reader] = {**_target("table"), "write_options": pairs("writeOptions")}

#: Commands that empty a table of Spark's own catalog, and the getter of its name.
_TRUNCATES = {"TruncateTableCommand": "tableName", "TruncateHoodieTableCommand": "tableIdentifier"}

#: Command that writes -> what is asked of it.
COMMANDS: Mapping[str, Mapping[str, Reader]] = {
    "InsertIntoHadoopFsRelationCommand": {
        "path": text("outputPath"),
        "mode": text("mode"),
        "format": short_name("fileFormat"),
        "options": pairs("options"),
        "static": pairs("staticPartitions"),
        "table": optional("catalogTable", catalog_table),
    },
    "SaveIntoDataSourceCommand": {
        "mode": text("mode"),
        "format": short_name("dataSource"),
        "options": pairs("options"),
    },
    "InsertIntoDataSourceCommand": _target("logicalRelation"),
    "CreateDataSourceTableAsSelectCommand": {"mode": text("mode"), "table": _table("table")},
    "CreateHiveTableAsSelectCommand": {"mode": text("mode"), "table": _table("tableDesc")},
    "OptimizedCreateHiveTableAsSelectCommand": {"mode": text("mode"), "table": _table("tableDesc")},
    "InsertIntoHiveTable": {"table": _table("table"), "static": pairs("partition")},
    "InsertIntoDataSourceDirCommand": {
        "path": optional("storage.locationUri", lambda uri: str(uri.toString())),
        "format": value("provider"),
        "options": pairs("storage.properties"),
    },
    "InsertIntoHiveDirCommand": {"path": optional("storage.locationUri", lambda uri: str(uri.toString()))},
    **dict.fromkeys(_INTO, _INTO_TABLE),
    "UpdateTable": _target("table"),
    "DeleteFromTable": {**_target("table"), "all_rows": lambda command: _is_true(command.condition())},
    **dict.fromkeys(("ReplaceData", "WriteDelta"), _target("originalTable")),
    **dict.fromkeys(("CreateTableAsSelect", "ReplaceTableAsSelect"), _AS_SELECT),
    "MergeIntoTable": _target("targetTable"),
    "InsertIntoHoodieTableCommand": {**_target("logicalRelation"), "static": pairs("partitionSpec")},
    "MergeIntoHoodieTableCommand": {
        "relation": lambda command: relations.details(command.mergeInto().targetTable()),
    },
    "UpdateHoodieTableCommand": {"relation": lambda command: relations.details(command.ut().table())},
    "DeleteHoodieTableCommand": {"relation": lambda command: relations.details(command.dft().table())},
    "CreateHoodieTableAsSelectCommand": {"mode": text("mode"), "table": _table("table")},
    **dict.fromkeys(("MergeIntoCommand", "UpdateCommand"), _target("target")),
    "DeleteCommand": {
        **_target("target"),
        "all_rows": lambda command: command.condition().isEmpty() or _is_true(command.condition().get()),
    },
    "CreateDeltaTableCommand": {
        "path": text("query.get.targetPath"),
        "table": _table("table"),
        "clone": lambda command: _cloned(command.query().get().sourceTable()),
    },
    "RestoreTableCommand": {"path": text("sourceTable.path"), "format": lambda _: "delta"},
    **dict.fromkeys(("RenameColumn", "DropColumns", "TruncateTable"), _target("table")),
    **{command: {} for command in _TRUNCATES},
    "WriteToMicroBatchDataSource": {
        "table": value("table.name"),
        "class": lambda command: class_name(command.table()),
        "properties": java_map("table.properties", ("location", "provider")),
        "options": pairs("writeOptions"),
    },
    "WriteToMicroBatchDataSourceV1": {
        "table": optional("catalogTable", catalog_table),
        "sink": text("sink"),
        "options": pairs("writeOptions"),
    },
}

#: Where commands that have no children keep their plans.
_INNER: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "SaveIntoDataSourceCommand",
            "CreateDataSourceTableAsSelectCommand",
            "CreateHiveTableAsSelectCommand",
            "OptimizedCreateHiveTableAsSelectCommand",
            "InsertIntoDataSourceDirCommand",
            "InsertIntoDataSourceCommand",
            "InsertIntoHoodieTableCommand",
            "CreateHoodieTableAsSelectCommand",
            "CreateTableAsSelect",
            "ReplaceTableAsSelect",
        ),
        ("query",),
    ),
    "MergeIntoCommand": ("source", "target"),
    "MergeIntoHoodieTableCommand": ("mergeInto",),
    "UpdateHoodieTableCommand": ("ut",),
    "DeleteHoodieTableCommand": ("dft",),
    "UpdateCommand": ("target",),
    "DeleteCommand": ("target",),
}

#: Names of actions that only read: their plans are not looked at.
_ACTIONS = frozenset({"collect", "collectToPython", "count", "head", "take", "show", "tail", "toLocalIterator"})


def write_named(query_execution: Any) -> str:
    """A write in a few words, for messages: its command and, of files, where to. Cheap, as `is_write` is."""
    plan = query_execution.analyzed()
    path = ask(text("outputPath"), plan)
    return f"{class_name(plan)} {clean_text(str(path))[0]}" if path else class_name(plan)


def is_write(func_name: str, query_execution: Any) -> bool:
    """Whether an execution writes data. Cheap: five calls to the JVM, some more in mode `ignore`."""
    if func_name in _ACTIONS:
        return False
    plan = query_execution.analyzed()
    name = class_name(plan)
    if name in iceberg.COMMANDS:
        return iceberg.is_told(plan, name)
    if name in _NEW_NAMES:
        return ask(value("isView"), plan) is not True and ask(_moved, query_execution) != {}
    if name not in COMMANDS:
        return _may_write(name) and ask(value("isView"), plan) is not True
    if name in _WRITES_IF:
        return _WRITES_IF[name](plan)
    return not (_ignored(plan, query_execution) or _staged(plan))


#: Commands that write in some forms only. Spark tells of any CREATE TABLE of Delta's; only a CLONE writes rows.
_WRITES_IF: Mapping[str, Callable[[Any], bool]] = {
    "CreateDeltaTableCommand": lambda plan: (
        str(ask(lambda command: class_name(command.query().get()), plan)) == "CloneTableCommand"
    ),
    **dict.fromkeys(
        _TRUNCATES, lambda plan: ask(lambda command: command.partitionSpec().isDefined(), plan) is not True
    ),
}


def _may_write(command: str) -> bool:
    """Whether a command without a rule writes data, by its name: it is reported, with a target that nobody knows."""
    return bool(_WRITING.search(command)) and not _HARMLESS.search(command)


_WRITING = re.compile(
    r"Insert|Write|Save|Merge|Update|Delete|Overwrite|Append|Clone|Restore|Copy|Upsert"
    r"|^RenameTable$|^AlterTableRenameCommand$|^LoadDataCommand$"
)
#: Commands about views, columns, statistics and settings; and what Spark itself makes of commands that it tells of too.
_HARMLESS = re.compile(r"View|Column|Properties|Namespace|Function|Exec$|Statistics|Cache|ToStream|MicroBatch")


def _staged(plan: Any) -> bool:
    """Whether it is a step of another command, which tells of it.

    It fills a table that a CREATE TABLE AS SELECT is just making, or writes files for Hudi, from rows of an RDD.
    """
    name = str(ask(lambda command: class_name(command.table().table()), plan))
    return "$Staged" in name or name == "HoodieDataSourceInternalTable"


def _ignored(plan: Any, query_execution: Any) -> bool:
    """Whether mode `ignore` left alone what was there already: then no file was written.

    A CREATE TABLE IF NOT EXISTS is told by the insert that it makes, if it makes one.
    """
    if ask(text("mode"), plan) != "Ignore":
        return False
    written = _metrics(ask(_executed, query_execution))
    return not any(written.get(name) for name in ("numFiles", "numOutputRows", "numOutputBytes"))


def _executed(query_execution: Any) -> Any:
    """The command as it was executed. The analysed one would decide by settings that may be others by now."""
    plan = query_execution.executedPlan()
    if class_name(plan) == "AdaptiveSparkPlanExec":
        plan = plan.executedPlan()
    return plan.cmd()


def _metrics(executed: Any) -> dict[str, int]:
    """Numbers of the write's command: ``SQLMetric(id: 12, name: Some(number of written files), value: 1)``."""
    known: dict[str, str] = (ask(pairs("metrics"), executed) if executed is not None else None) or {}
    values = {name: metric.rpartition("value: ")[2].rstrip(")") for name, metric in known.items()}
    return {name: int(number) for name, number in values.items() if number.isdigit()}


#: Actions that put the rows of a frame aside; what is computed from them later does not show where they are from.
_CHECKPOINTS = frozenset({"checkpoint", "localCheckpoint"})

#: Gives the plan whose rows a leaf holds, by the expression ids of the leaf, and if it is a checkpoint by the names of
#: its columns and the number of its RDD; None if it is not known.
Behind = Callable[[tuple[str, ...], tuple[str, ...], "int | None"], "Frozen | None"]


#: Gives what is known of a stream's source by the expression ids of its columns; None if no stream has it.
Streamed = Callable[[tuple[str, ...]], "dict[str, Any] | None"]


def is_checkpoint(func_name: str) -> bool:
    """Whether an action is a checkpoint, whose plan belongs before the plans of later writes."""
    return func_name in _CHECKPOINTS


def output_ids(query_execution: Any) -> tuple[tuple[str, ...], ...]:
    """The expression ids of an execution's output; of a micro-batch also those of what its sink is given."""
    plan = query_execution.analyzed()
    inner = [plan.children().head()] if class_name(plan).startswith(_SINKS) else []
    return tuple(_ids(each) for each in (plan, *inner))


def output_names(query_execution: Any) -> tuple[str, ...]:
    """The names of an execution's output."""
    return relations.names(query_execution.analyzed())


#: What stands above the plan of a micro-batch.
_SINKS = "WriteToMicroBatch"


def source_of_stream(query: Any, ids: tuple[str, ...]) -> dict[str, Any] | None:
    """What is known of the source of a stream whose columns have these expression ids; None if it has no such source.

    Of a file's source, or of a table's, only the plan that the user wrote says what it reads.
    """
    found: dict[str, Any] = {}
    for plan in (query.analyzedPlan(), query.logicalPlan()):
        for leaf in relations.elements(plan.collectLeaves()):
            if class_name(leaf) in relations.LEAVES and _ids(leaf) == ids:
                found.update(ask(relations.LEAVES[class_name(leaf)], leaf) or {})
    return found or None


def read(
    query_execution: Any, behind: Behind = lambda _ids, _names, _rdd: None, streamed: Streamed = lambda _ids: None
) -> Captured:
    """All that `report` needs of the execution. Only py4j calls, few and bounded; the object is not kept."""
    plan = query_execution.analyzed()
    command = class_name(plan)
    details = answers(COMMANDS.get(command, {}), plan)
    if "table" in details and "path" not in details and not _located(details["table"]):
        details["location"] = ask(_default_location(command), query_execution)
    executed = ask(_executed, query_execution)
    details["metrics"] = _metrics(executed)
    if command == "InsertIntoHadoopFsRelationCommand":
        details["dynamic"] = executed is not None and ask(value("dynamicPartitionOverwrite"), executed) is True
    details["filesystem"] = ask(_default_filesystem, query_execution)
    if details.get("format") == "delta" and "__partition_columns" in details.get("options", {}):
        details["dynamic"] = ask(_dynamic_by_setting, query_execution) is True
    if command in iceberg.COMMANDS:
        details.update(ask(iceberg.COMMANDS[command], query_execution) or {})
    if iceberg.audited(details.get("relation", {})):
        details["relation"].update(ask(iceberg.written, query_execution.executedPlan()) or {})
    if command in _NEW_NAMES:
        details.update(ask(_moved, query_execution) or {})
    if command in _TRUNCATES:
        details["table"] = ask(_truncated, query_execution)
    if command in _DELTA_TABLES:
        details.update(ask(_generated(_DELTA_TABLES[command]), query_execution) or {})
    if version := ask(lambda command: _written(command, details, query_execution), plan):
        details["version"] = version
    text_ = str((ask(_shortened, plan) or plan).toJSON())
    left_out = [*(_expansions(plan, command) if _LOST_PROJECTIONS in text_ else ())]
    left_out += ask(lambda plan: list(_pivots(plan, command)), plan) or () if _LOST_VALUES in text_ else ()
    left_out += _idle(plan, command, streamed) if NO_NEW_ROWS in text_ else ()
    leaves = _on_branches(tuple(_of_streams(_leaves(plan, command), streamed)), query_execution)
    rows = {leaf.ids: leaf.details for leaf in leaves if leaf.operator == "LogicalRDD" and leaf.ids}
    known = (behind(ids, tuple(told.get("checkpoint", ())), told.get("rdd")) for ids, told in rows.items())
    frozen = tuple(found for found in known if found is not None)
    return Captured(text_, details, (*leaves, *left_out), frozen)


def _dynamic_by_setting(query_execution: Any) -> bool:
    """Whether overwrites replace single partitions. Delta follows the setting where an option does not say."""
    mode = query_execution.sparkSession().conf().get("spark.sql.sources.partitionOverwriteMode")
    return str(mode).lower() == "dynamic"


def _truncated(query_execution: Any) -> Mapping[str, Any]:
    """The table that a TRUNCATE names, as the catalog has it."""
    command = query_execution.analyzed()
    name = getattr(command, _TRUNCATES[class_name(command)])()
    return catalog_table(query_execution.sparkSession().sessionState().catalog().getTableMetadata(name))


#: Commands that give a table another name; its files may move along.
_NEW_NAMES = frozenset({"AlterTableRenameCommand", "RenameTable"})


def _moved(query_execution: Any) -> dict[str, Any]:
    """A table after it got another name, as a copy of what is now gone; empty if its files are where they were."""
    command, session = query_execution.analyzed(), query_execution.sparkSession()
    if class_name(command) == "RenameTable":
        old = command.child()
        place = _place(relations.details(old))
        given = split(command.newName())
        names = given if len(given) > 1 else [*map(str, old.identifier().namespace()), *given]
        named = [str(old.catalog().name()), *names]
    else:
        old, new = command.oldName(), command.newName()
        place = str(session.sessionState().catalog().defaultTablePath(old).toString())
        databases = [each.database().get() for each in (new, old) if each.database().isDefined()]
        names = named = [*databases[:1], new.table()]
    frame = session.table(".".join(f"`{part}`" for part in named))
    found = relations.details(frame.queryExecution().analyzed())
    known = found.get("table", {})
    now = known.get("Location") or _place(found)
    if now == place or known.get("Type") == "EXTERNAL":
        return {}
    table = {"Table": names[-1], **({"Database": names[-2]} if len(names) > 1 else {})}
    schema = str(frame.schema().json())
    return {"path": now, "table": table, "clone": {"paths": [place], "schema": schema}, "format": found.get("format")}


def _shortened(plan: Any) -> Any:
    return shortened(plan, _INNER.get(class_name(plan), ()))


def _place(relation: Mapping[str, Any]) -> str:
    """Where a relation's data is; fails where nobody says."""
    found = source(relation, None)
    if found is None:
        raise ValueError("a relation without a place")
    return found.uris[0]


def _written(command: Any, details: Mapping[str, Any], query_execution: Any) -> Any:
    """The version of the table after the write, where the table's format counts versions."""
    known = details.get("relation", {}).get("version")
    if known:
        return known
    name = class_name(command)
    if name in {"CreateTableAsSelect", "ReplaceTableAsSelect"}:
        return versions.of_table(_created_table(command))
    if name == "SaveIntoDataSourceCommand":
        format_ = versions.DELTA if _path_of_save(command) else versions.HUDI
        is_known = format_ == versions.DELTA or _is_hudi(command.dataSource())
        return versions.of_path(query_execution, str(command.options().apply("path")), format_) if is_known else {}
    if name == "CreateDeltaTableCommand" and details.get("path"):
        return versions.of_path(query_execution, str(details["path"]))
    if name in _HUDI_MAKES:  # a table's first commit: before it the plan holds no files of Hudi's
        table = details.get("table") or details.get("relation", {}).get("table", {})
        path = table.get("Location") or details.get("location")
        return versions.of_path(query_execution, str(path), versions.HUDI) if path else {}
    return {}


#: Commands that can write a table of Hudi's that has no commit yet.
_HUDI_MAKES = frozenset({"InsertIntoHoodieTableCommand", "CreateHoodieTableAsSelectCommand"})


def _is_hudi(source_: Any) -> bool:
    """Whether it is Hudi's, of whichever version of Spark: its classes have other names in each."""
    return str(source_.getClass().getName()).startswith("org.apache.hudi.")


def _path_of_table(command: Any) -> str:
    """The path of a Delta table that some of whose columns Delta computes; fails for any other table."""
    table = command.table().table()
    return str(table.path().toString()) if command.isByName() and _is_filled(_schema(table.initialSnapshot())) else ""


def _path_of_save(command: Any) -> str:
    is_delta = class_name(command.dataSource()) == "DeltaDataSource"
    return str(command.options().apply("path")) if is_delta else ""


def _path_of_sink(command: Any) -> str:
    """The path of a Delta table that a stream writes: ``DeltaSink[/lake/t]``."""
    sink = str(command.sink().toString())
    return sink[len(_DELTA_SINK) : -1] if sink.startswith(_DELTA_SINK) else ""


_DELTA_SINK = "DeltaSink["

#: Commands that write into a table by the names of its columns -> the path of the table, if Delta may add columns.
_DELTA_TABLES: Mapping[str, Reader] = {
    "SaveIntoDataSourceCommand": _path_of_save,
    "WriteToMicroBatchDataSourceV1": _path_of_sink,
    **dict.fromkeys(_INTO, _path_of_table),
}
#: What Delta's schema has of a column that Delta fills in where a write leaves it out: the SQL of what it computes
#: (``GENERATED ALWAYS AS``) or of a default, or from where on it counts (``IDENTITY``).
_GENERATION, _DEFAULT, _IDENTITY = "delta.generationExpression", "CURRENT_DEFAULT", "delta.identity.start"
#: Columns that Delta computes in one table, each of them asked for.
_MOST_GENERATED = 50


def _schema(snapshot: Any) -> str:
    return str(snapshot.schema().json())


def _is_filled(schema: str) -> bool:
    """Whether Delta fills in columns of a table that a write leaves out."""
    return any(mark in schema for mark in (_GENERATION, _DEFAULT, _IDENTITY))


def _generated(path_of: Reader) -> Reader:
    """Columns that Delta adds to what is written, as plans: a filter of the table by each one's expression.

    With them the names and ids of the columns that are written, on which those expressions depend.
    """

    def reader(query_execution: Any) -> dict[str, Any] | None:
        command = query_execution.analyzed()
        path = path_of(command)
        if not path:
            return None
        table = query_execution.sparkSession().read().format("delta").load(path)
        snapshot = table.queryExecution().analyzed().relation().location().deltaLog().unsafeVolatileSnapshot()
        schema = _schema(snapshot)
        if not _is_filled(schema):
            return None
        output = split(command.query().output())
        written = {column.rpartition("#")[0].lower() for column in output}
        fields = [field for field in json.loads(schema)["fields"] if field["name"].lower() not in written]
        said = {field["name"]: field.get("metadata", {}) for field in fields}
        sql = {name: known.get(_GENERATION) or known.get(_DEFAULT) for name, known in said.items()}
        asked = islice(((name, text_) for name, text_ in sql.items() if text_), _MOST_GENERATED)
        plans = {name: table.filter(f"({text_}) IS NOT NULL").queryExecution().analyzed() for name, text_ in asked}
        return {
            "generated": {name: str(plan.toJSON()) for name, plan in plans.items()},
            "counted": [name for name, known in said.items() if _IDENTITY in known],
            "output": output,
        }

    return reader


def _located(table: Any) -> bool:
    return not isinstance(table, Mapping) or "Location" in table


def _default_location(command: str) -> Reader:
    """Where the catalog puts a managed table; asked after the command ran, so the table is there."""
    table = "tableDesc" if "Hive" in command else "table"

    def reader(query_execution: Any) -> str:
        identifier = getattr(query_execution.analyzed(), table)().identifier()
        return str(query_execution.sparkSession().sessionState().catalog().defaultTablePath(identifier).toString())

    return reader


def _default_filesystem(query_execution: Any) -> str:
    """What a path without a scheme is on: ``file:///``, ``s3://bucket``."""
    return str(query_execution.sparkSession().sparkContext().hadoopConfiguration().get("fs.defaultFS"))


def _leaves(plan: Any, command: str) -> Iterator[Leaf]:
    for leaf in islice(_leaf_objects(plan, command), _MOST_LEAVES):
        name = class_name(leaf)
        if name in relations.LEAVES:
            yield Leaf(name, _ids(leaf), ask(relations.LEAVES[name], leaf) or {})


def _of_streams(leaves: Iterable[Leaf], streamed: Streamed) -> Iterator[Leaf]:
    """The leaves, with the table that a stream reads where the leaf itself has the stream alone (Iceberg)."""
    for leaf in leaves:
        alone = leaf.operator.startswith("StreamingDataSourceV2") and "name" not in leaf.details
        yield replace(leaf, details={**(ask(streamed, leaf.ids) or {}), **leaf.details}) if alone else leaf


def _idle(plan: Any, command: str, streamed: Streamed) -> Iterator[Leaf]:
    """The sources of a stream that had nothing new for a batch: in its plan they hold no rows and name no place."""
    for leaf in islice(_leaf_objects(plan, command), _MOST_LEAVES):
        if class_name(leaf) == NO_NEW_ROWS and ask(value("isStreaming"), leaf) is True:
            ids = _ids(leaf)
            yield Leaf(IDLE, ids, ask(streamed, ids) or {})


def _on_branches(leaves: tuple[Leaf, ...], query_execution: Any) -> tuple[Leaf, ...]:
    """The leaves, those of Iceberg with the branch that a setting chose."""
    if not any(iceberg.audited(leaf.details) for leaf in leaves):
        return leaves
    known = ask(iceberg.branches_read, query_execution) or {}
    return tuple(
        replace(leaf, details={**leaf.details, "branch": known[leaf.details["name"]]})
        if iceberg.audited(leaf.details) and leaf.details.get("name") in known
        else leaf
        for leaf in leaves
    )


def _leaf_objects(plan: Any, command: str) -> Iterator[Any]:
    """The leaves of the plan, of the plans that its command holds, and of all subqueries in them."""
    for root in _roots(plan, command):
        for tree in [root, *relations.elements(root.subqueriesAll())]:
            yield from relations.elements(tree.collectLeaves())


#: Spark's JSON leaves out the projections of an `Expand` where they are a view of an array, as `unpivot` makes them.
_LOST_PROJECTIONS = '"projections":null'
#: Operators looked at to find those.
_MOST_OPERATORS = 300


def _expansions(plan: Any, command: str) -> Iterator[Leaf]:
    for node in _operators(plan, command, "Expand"):
        rows = [split(row) for row in relations.elements(node.projections())]
        yield Leaf("Expand", _ids(node), {"projections": rows})


#: The values of a PIVOT are no JSON for Spark.
_LOST_VALUES = '"pivotColumnValues":null'


def _pivots(plan: Any, command: str) -> Iterator[Leaf]:
    """The values of each PIVOT, by the expression id of the column that they are in."""
    for node in _operators(plan, command, "Aggregate"):
        for column in relations.elements(node.aggregateExpressions()):
            aggregate = column.child() if class_name(column) == "Alias" else None
            if aggregate is None or class_name(aggregate) != "AggregateExpression":
                continue
            if class_name(function := aggregate.aggregateFunction()) == "PivotFirst":
                key = str(column.exprId().id())
                yield Leaf("PivotFirst", (key,), {"values": split(function.pivotColumnValues())})


def _operators(plan: Any, command: str, name: str) -> Iterator[Any]:
    waiting = list(_roots(plan, command))
    for _ in range(_MOST_OPERATORS):
        if not waiting:
            return
        node = waiting.pop()
        waiting.extend(relations.elements(node.children()))
        if class_name(node) == name:
            yield node


def _roots(plan: Any, command: str) -> Iterator[Any]:
    """The plan, and those that its command holds without having them as children."""
    yield plan
    for name in _INNER.get(command, ()):
        yield getattr(plan, name)()


def _ids(leaf: Any) -> tuple[str, ...]:
    """Expression ids of the output."""
    return tuple(attribute(item)[1] for item in split(leaf.output()))
