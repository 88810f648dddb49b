"""Which datasets a plan reads and writes, under their canonical names, and what its write does to the target."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from headwater.graphmodel import naming
from headwater.graphmodel.model import Dataset, Effect, Role
from headwater.graphmodel.naming import Name, Rules
from headwater.spline_bridge import connectors
from headwater.spline_bridge.functions import DELETES, EMPTIES, KEEPS, WHOLE
from headwater.spline_bridge.jdbc_queries import JdbcQuery, read_query
from headwater.spline_bridge.wire import Expression, OperationNode, WirePlan, hides, reference

#: Table formats that can be read as of an earlier version.
_VERSIONED = frozenset({"delta", "iceberg", "hudi"})


def names(
    plan: WirePlan,
    agent_plan_id: str,
    rules: Rules = naming.DEFAULT,
    queries: Mapping[str, JdbcQuery] | None = None,
) -> dict[str, tuple[Name, ...]]:
    """The names of the datasets of each read and write operation, by operation id.

    `queries` are what `jdbc_queries` found: such a read names the tables of its query.
    """
    operations = [op for op in plan.operations.values() if op.kind != "transformation"]
    known = queries or {}
    return {
        op.id: tuple(map(naming.name_of_uri, sorted(known[op.id].tables)))
        if op.id in known
        else _operation_names(op, agent_plan_id, rules)
        for op in operations
    }


#: Characters of the queries of a plan that are read, together, the shortest first: a parser takes up to 50 microseconds
#: for each. What is beyond is unresolved.
MOST_SQL = 100_000


def jdbc_queries(plan: WirePlan, agent_plan_id: str, rules: Rules = naming.DEFAULT) -> dict[str, JdbcQuery]:
    """The reads of a database by a query that is understood, by operation id.

    Where an agent masked a password in the URL, its name of the source ends there: then it is not certain which
    database the query went to, and the source stays unresolved.
    """
    asked: list[tuple[str, str, str]] = []
    for operation in plan.operations.values():
        options = _lower(operation.params)
        sql = _text(options.get("query")) or _text(options.get("dbtable")) or ""
        whole = next(iter(operation.sources), "")
        if operation.kind != "read" or len(operation.sources) != 1 or not (sql and whole.startswith("jdbc:")):
            continue
        unsure = naming.jdbc(whole, sql, None, agent_plan_id, rules).uri.startswith(naming.UNRESOLVED)
        if unsure and whole.endswith(f":{sql}"):
            asked.append((sql, _text(options.get("url")) or whole.removesuffix(f":{sql}"), operation.id))
    found: dict[str, JdbcQuery] = {}
    room = MOST_SQL
    for sql, url, operation_id in sorted(asked, key=lambda one: (len(one[0]), one)):
        room -= len(sql)
        if room < 0:
            break
        query = read_query(sql, url, partial(_jdbc_table, url, agent_plan_id, rules))
        if query is not None and query.tables and not any(map(_is_unknown, query.tables)):
            found[operation_id] = query
    return found


def _is_unknown(uri: str) -> bool:
    return uri.startswith(naming.UNRESOLVED)


def _jdbc_table(url: str, agent_plan_id: str, rules: Rules, table: str) -> str:
    return naming.jdbc(url, table, None, agent_plan_id, rules).uri


def _operation_names(operation: OperationNode, agent_plan_id: str, rules: Rules) -> tuple[Name, ...]:
    params = _lower(operation.params)
    if any(source.startswith("jdbc:") for source in operation.sources):
        url, table, query = (_text(params.get(key)) for key in ("url", "dbtable", "query"))
        sources = [url] if url and len(operation.sources) == 1 else list(operation.sources)
        return tuple(naming.jdbc(source, table, query, agent_plan_id, rules) for source in sources)
    if any(source.startswith("kafka:") for source in operation.sources):
        return _kafka(operation, agent_plan_id, rules)
    if any(source.startswith(naming.UNRESOLVED) for source in operation.sources):
        return tuple(_of_this_plan(source, agent_plan_id) for source in operation.sources)
    named = _connector(operation)
    if named is not None:
        return (naming.parse(named, rules),)
    paths = operation.sources if operation.kind == "write" else folders(operation.sources)
    given = set(operation.sources)
    return tuple(
        replace(name, spelling=name.uri) if name.spelling not in given else name for name in naming.fold(paths, rules)
    )


def _lower(params: Mapping[str, Any]) -> dict[str, Any]:
    """Options as Spark takes them: ``dbTable`` is ``dbtable``."""
    return {str(key).lower(): value for key, value in params.items()}


def _of_this_plan(source: str, agent_plan_id: str) -> Name:
    """A dataset that the agent could not name: one of this plan alone, so that two of them are not taken for one."""
    uri = naming.unresolved(agent_plan_id, source.removeprefix(naming.UNRESOLVED))
    return replace(naming.name_of_uri(uri), spelling=source)


def _kafka(operation: OperationNode, agent_plan_id: str, rules: Rules) -> tuple[Name, ...]:
    """Each topic of a list is a dataset; which topics a pattern means, only the broker knows."""
    brokers = _text(operation.params.get("kafka.bootstrap.servers"))
    names = []
    for source in operation.sources:
        bare = source.removeprefix("kafka:")
        pattern = {key.lower() for key in operation.params} & {"subscribepattern"}
        if pattern:
            names.append(_of_this_plan(naming.kafka(source, brokers, rules).uri, agent_plan_id))
        else:
            names += [naming.kafka(f"kafka:{topic}", brokers, rules) for topic in connectors.topics(bare)]
    return tuple({name.uri: name for name in names}.values())


def _connector(operation: OperationNode) -> str | None:
    """The whole name of what a connector reads or writes, where the agent gave ``format:table`` alone."""
    format_ = _text(operation.extra.get("sourceType")) or _text(operation.extra.get("destinationType")) or ""
    starts = tuple(f"{each.lower()}:" for each in (format_, connectors.short(format_)))
    alone = len(operation.sources) == 1 and operation.sources[0].lower().startswith(starts)
    if not format_ or not alone or "://" in operation.sources[0]:
        return None
    return connectors.name(format_, operation.params)


def folders(sources: Sequence[str]) -> tuple[str, ...]:
    """What a read lists, with the folder in place of files that lie in it: a list of files is one dataset.

    That is certain for a file in a partition's folder (``dt=2026-01-01/events.json``). Without partitions it is taken
    for so where one folder has several files of the list whose names differ in numbers or hexadecimal ids only
    (``orders-1.csv``, ``orders-2.csv``), or more than `_MANY_FILES` with one extension. Other files stay datasets of
    their own, as a path without an extension does: it may be a folder.
    """
    parts = [source.rpartition("/") for source in sources]
    shapes = [_HEXADECIMAL.sub(_number_or_word, file) if _FILE.fullmatch(file) else "" for _, _, file in parts]
    alike = Counter((folder, shape) for (folder, _, _), shape in zip(parts, shapes, strict=True) if shape)
    endings = Counter((folder, file.rpartition(".")[2]) for folder, _, file in parts if _FILE.fullmatch(file))
    found = []
    for source, (folder, _, file), shape in zip(sources, parts, shapes, strict=True):
        known = shape and not _PARTITION.fullmatch(file)
        partition = known and _PARTITION.fullmatch(folder.rpartition("/")[2])
        several = known and (alike[folder, shape] > 1 or endings[folder, file.rpartition(".")[2]] > _MANY_FILES)
        found.append(folder if folder and not folder.endswith(("/", ":")) and (partition or several) else source)
    return tuple(dict.fromkeys(found))


def _number_or_word(match: re.Match[str]) -> str:
    """``#`` for a number or a hexadecimal id; letters alone (``fee``) are a word."""
    return "#" if any(char.isdigit() for char in match[0]) else match[0]


#: A file with an extension: ``part-0.snappy.parquet``.
_FILE = re.compile(r"\A[^/]*[^/.][.][A-Za-z][A-Za-z0-9_]{0,15}")
_PARTITION = re.compile(r"\A[^=\s][^=]*=.+", re.DOTALL)
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]+")
#: So many files of one kind in one folder are its content, whatever their names are.
_MANY_FILES = 16


def inputs(
    plan: WirePlan,
    named: Mapping[str, Sequence[Name]],
    unused: Collection[str] = (),
    rules: Rules = naming.DEFAULT,
    queries: Mapping[str, JdbcQuery] | None = None,
) -> tuple[Dataset, ...]:
    """The datasets that the plan reads, each once, in order of name.

    `unused` are operators that are left out. A table of one of the `queries` has the columns that the query uses.
    """
    found: dict[str, list[Dataset]] = {}
    for operation in plan.operations.values():
        if operation.kind == "read" and operation.id not in unused:
            columns = tuple(_column(plan, i) for i in operation.output or () if not hides(plan, operation, i))
            query = (queries or {}).get(operation.id)
            for name in named[operation.id]:
                columns = columns if query is None else tuple(query.tables[name.uri].used.values())
                found.setdefault(name.uri, []).append(_dataset(operation, name, columns, "sourceType", rules))
    return tuple(_merged(found[uri]) for uri in sorted(found))


def target(
    plan: WirePlan, named: Mapping[str, Sequence[Name]], columns: tuple[str, ...], rules: Rules = naming.DEFAULT
) -> Dataset:
    """The dataset that the plan writes."""
    write = plan.operations[plan.write]
    return _dataset(write, named[write.id][0], columns, "destinationType", rules)


def _dataset(operation: OperationNode, name: Name, columns: tuple[str, ...], kind: str, rules: Rules) -> Dataset:
    table = operation.params.get("table")
    identifier = table.get("identifier") if isinstance(table, Mapping) else None
    alias = naming.table_alias(identifier, rules)
    format_ = (_text(operation.extra.get(kind)) or "").lower()
    partitions = _partition_columns(operation.params)
    corrupt = next(
        (v for k, v in operation.params.items() if k.lower() == _CORRUPT_OPTION and isinstance(v, str)), None
    )
    columns = tuple(name for name in columns if name != corrupt)
    in_files = tuple(name for name in columns if name.lower() not in {*map(str.lower, partitions), _CORRUPT})
    return Dataset(
        uri=name.uri,
        spellings=tuple(sorted({*naming.spellings(name), *([alias] if alias else [])})),
        partition=name.partition,
        columns=columns,
        partition_columns=partitions,
        format=format_ or None,
        layouts=(in_files,) if format_ in _WITHOUT_NAMES and in_files else (),
    )


#: Formats whose files are read by position. The header of a CSV says what the writer called its columns as well.
_WITHOUT_NAMES = frozenset({"csv", "text"})
#: A column that Spark adds to what it reads, for lines that it cannot read.
_CORRUPT = "_corrupt_record"
_CORRUPT_OPTION = "columnnameofcorruptrecord"


def _merged(reads: Sequence[Dataset]) -> Dataset:
    """One dataset that several operators read. Its partition is None if they read several."""
    first = reads[0]
    if len(reads) == 1:
        return first
    columns: dict[str, str] = {}
    for read in reads:
        for column in read.columns:
            columns.setdefault(column.lower(), column)
    own = {column.lower() for column in first.columns}
    return Dataset(
        uri=first.uri,
        spellings=tuple(sorted({spelling for read in reads for spelling in read.spellings})),
        partition=first.partition if all(read.partition == first.partition for read in reads) else None,
        columns=(*first.columns, *(column for key, column in columns.items() if key not in own)),
        partition_columns=next((read.partition_columns for read in reads if read.partition_columns), ()),
        format=next((read.format for read in reads if read.format), None),
        layouts=tuple(dict.fromkeys(layout for read in reads for layout in read.layouts)),
    )


def _partition_columns(params: Mapping[str, Any]) -> tuple[str, ...]:
    found = params.get("__partition_columns")
    try:
        listed = json.loads(found) if isinstance(found, str) else found
    except ValueError:
        return ()
    return tuple(str(column) for column in listed) if isinstance(listed, list) else ()


#: What Spark's write commands are to each other: of CREATE TABLE AS SELECT and INSERT OVERWRITE DIRECTORY the agent
#: reports both the command itself and the write that it runs. All others have no twin.
_ROLES = {
    "CreateDataSourceTableAsSelectCommand": Role.WRAPPER,
    "CreateHiveTableAsSelectCommand": Role.WRAPPER,
    "InsertIntoDataSourceDirCommand": Role.WRAPPER,
    "InsertIntoHiveDirCommand": Role.WRAPPER,
    "CreateTableAsSelect": Role.WRAPPER,
    "ReplaceTableAsSelect": Role.WRAPPER,
    "InsertIntoHadoopFsRelationCommand": Role.INNER,
    "OverwriteByExpression": Role.INNER,
    "AppendData": Role.INNER,
}


def role(wire: WirePlan) -> Role:
    """Whether the plan's write wraps another one, or is such an inner write."""
    return _ROLES.get(wire.operations[wire.write].name, Role.NONE)


def effect(plan: WirePlan, named: Mapping[str, Sequence[Name]]) -> Effect:
    """What the write does to what was there: a command's own rule, else whether it appends."""
    write = plan.operations[plan.write]
    if not write.append and _empties(write):
        return Effect.END
    if write.append or write.name in KEEPS or _names_partition(write, named):
        return Effect.KEEP
    if write.name in WHOLE:
        return Effect.ALL
    if write.name == "OverwriteByExpression":
        return _by_expression(write, plan.expressions)
    return Effect.OVERWRITE


def _empties(write: OperationNode) -> bool:
    return write.name in EMPTIES or (write.name in DELETES and write.params.get("allRows") is True)


def _names_partition(write: OperationNode, named: Mapping[str, Sequence[Name]]) -> bool:
    """The overwrite of one named partition, or of the partitions that the new rows have."""
    options = {str(key).lower(): value for key, value in write.params.items()}
    static = options.get("staticpartitions") or options.get("partition")
    dynamic = str(options.get("partitionoverwritemode", "")).lower() == "dynamic"
    return bool(named[write.id][0].partition or static or dynamic or options.get("replacewhere"))


def _by_expression(write: OperationNode, expressions: Mapping[str, Expression]) -> Effect:
    ref = reference(write.params.get("deleteExpr"))
    condition = expressions.get(ref.id) if ref else None
    everything = condition is not None and condition.operator == "Literal" and condition.value in (True, "true")
    return Effect.ALL if everything else Effect.KEEP


def may_travel(plan: WirePlan) -> bool:
    """Whether a read may be of an earlier version: the agent does not say. It calls some Delta reads parquet."""
    return any(_versioned(op) for op in plan.operations.values() if op.kind == "read")


def _versioned(read: OperationNode) -> bool:
    format_ = str(read.extra.get("sourceType") or "").lower()
    return format_ in _VERSIONED or (format_ == "parquet" and not read.params)


def _column(plan: WirePlan, attribute: str) -> str:
    known = plan.attributes.get(attribute)
    return known.name if known else attribute


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
