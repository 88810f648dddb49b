"""What the JVM is asked about the leaves of a plan: where the data is, in which format, under which table name."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from headwater.spline_bridge import connectors
from headwater.spline_bridge.agent import versions
from headwater.spline_bridge.agent.getters import (
    Reader,
    answers,
    ask,
    catalog_table,
    class_name,
    dictionary,
    follow,
    items,
    java_map,
    optional,
    pairs,
    private,
    split,
    value,
)
from headwater.spline_bridge.plantext import attribute

#: RDDs looked at behind one leaf, and files listed of one scan: code can build chains of any length.
_MOST_RDDS, _MOST_FILES = 64, 64

_FILES: Mapping[str, Reader] = {
    "format": lambda relation: str(relation.toString()),
    "options": pairs("options"),
}
_INDEX: Mapping[str, Reader] = {
    "index": lambda index: str(index.toString()),
    "paths": items("rootPaths"),
}
_JDBC: Mapping[str, Reader] = {"options": pairs("jdbcOptions.parameters")}


def _logical_relation(leaf: Any) -> dict[str, Any]:
    """Files, whoever lists them (Delta has a class of its own), JDBC, or what a relation of another kind prints."""
    relation = leaf.relation()
    kind = class_name(relation)
    if kind.endswith("DeltaCDFRelation"):
        return {"relation": kind, **_changes(leaf, relation)}
    found = answers(_JDBC, relation) if kind == "JDBCRelation" else _files(leaf, relation)
    if kind == "KafkaRelation":
        found = {"format": "kafka", "options": ask(_kafka_options, relation) or {}}
    table = answers({"table": optional("catalogTable", catalog_table)}, leaf)
    if table and not {"paths", "options"} & found.keys():  # a connector's: the catalog keeps its options
        found.update(answers({"options": optional("catalogTable", pairs("storage.properties"))}, leaf))
        found["format"] = table["table"].get("Provider")
    return {"relation": kind, **found, **table}


def _kafka_options(relation: Any) -> dict[str, str]:
    """The options of a read of Kafka that name brokers and topics. They have no getter."""
    given = dictionary(private(relation, "sourceOptions"))
    naming = {name.lower() for name in _NAMING}
    return {name: content for name, content in given.items() if name.lower() in naming}


def _changes(leaf: Any, relation: Any) -> dict[str, Any]:
    """Delta's change feed: the table, with columns that say which change a row is of, and are none of the table."""
    before, log, _ = str(relation.toString()).partition(_DELTA_LOG)
    _, snapshot, path = before.partition("Snapshot(path=")
    found = {"format": "delta", "paths": [path] if log and snapshot else [], "hidden": _of_a_change(leaf)}
    return {**found, **answers({"table": optional("catalogTable", catalog_table)}, leaf)}


def _of_a_change(leaf: Any) -> list[str]:
    """The expression ids of the columns that say which change a row is of."""
    return [key for name, key in map(attribute, split(leaf.output())) if name in _OF_A_CHANGE]


_DELTA_LOG = "/_delta_log"  #: after ``Snapshot(path=`` and the table's own path
_OF_A_CHANGE = frozenset({"_change_type", "_commit_version", "_commit_timestamp"})


def _files(leaf: Any, relation: Any) -> dict[str, Any]:
    found, index = answers(_FILES, relation), ask(value("location"), relation)
    if index is not None:
        found.update(answers(_INDEX, index))
        found.update(answers({"version": versions.of_files}, index))
    if str(found.get("index", "")).startswith("Delta["):
        found.update(answers({"travel": value("isTimeTravelQuery")}, index))
        if class_name(index) in _CHANGES:
            found["hidden"] = _of_a_change(leaf)
    if "paths" not in found and (path := ask(lambda asked: str(asked.metaClient().getBasePath()), relation)):
        found.update(paths=[path], format=versions.HUDI)  # Hudi's own relations: incremental, merge on read
        found.update(answers({"version": versions.of_hudi}, relation))
    return found


#: What lists the files of Delta's change feed where a stream reads it.
_CHANGES = frozenset({"CdcAddFileIndex", "TahoeChangeFileIndex", "TahoeRemoveFileIndex"})

#: Options of a table that name its data; others can be anything.
_NAMING = (
    "path", "paths", "subscribe", "subscribePattern", "assign", "topic", "kafka.bootstrap.servers", "url", "dbtable",
    "query", "snapshot-id", "as-of-timestamp", "versionAsOf", "timestampAsOf", "branch", "tag", *connectors.NAMING,
)  # fmt: skip
_PROPERTIES = ("location", "provider", "format", "write.wap.enabled")


def _table(leaf: Any) -> Any:
    """The table itself: around that of a MERGE, UPDATE or DELETE is Spark's own."""
    table = leaf.table()
    return table.table() if class_name(table) == "RowLevelOperationTable" else table


_TABLE_V2: Mapping[str, Reader] = {
    "class": lambda leaf: class_name(_table(leaf)),
    "name": value("table.name"),
    "properties": lambda leaf: java_map("properties", _PROPERTIES)(_table(leaf)),
    "catalog": optional("catalog", value("name")),
    "identifier": optional("identifier", lambda identifier: str(identifier.toString())),
    "options": java_map("options", _NAMING),
    "iceberg": lambda leaf: class_name(_table(leaf).table()),
    "branch": lambda leaf: _table(leaf).branch(),
    "version": lambda leaf: versions.of_table(_table(leaf)),
}


def _table_path(leaf: Any) -> str:
    """Where a table is that has no property for it: Delta's tables, and Iceberg's tables of changes."""
    table = _table(leaf)
    if class_name(table) == "SparkChangelogTable":
        return str(private(table, "icebergTable").location())
    return str(table.path().toString())


#: Asked only where the table's properties do not say where it is.
_LOCATION: Mapping[str, Reader] = {
    "paths": items("table.paths"),
    "path": _table_path,
    "jdbc": pairs("table.jdbcOptions.parameters"),
}


def _table_v2(leaf: Any) -> dict[str, Any]:
    found = answers(_TABLE_V2, leaf)
    return found if found.get("properties", {}).get("location") else {**found, **answers(_LOCATION, leaf)}


def _stream_v2(leaf: Any) -> dict[str, Any]:
    """The table that a stream reads; one that was loaded by its name is a catalog's too, if it says where it is."""
    found = {**_table_v2(leaf), **answers({"options": java_map("extraOptions", _NAMING)}, leaf)}
    return {"identifier": found["name"], **found} if found.get("properties", {}).get("location") else found


def _rdd(leaf: Any) -> dict[str, Any]:
    """The files behind an RDD's code: the scans that its chain of dependencies begins with."""
    waiting, seen, paths, empty = deque([leaf.rdd()]), set[int](), list[str](), True
    while waiting and len(seen) < _MOST_RDDS:
        rdd = waiting.popleft()
        if rdd.id() not in seen:
            seen.add(rdd.id())
            paths += ask(_SCANS.get(class_name(rdd), _nothing), rdd) or []
            waiting.extend(dependency.rdd() for dependency in elements(rdd.dependencies()))
            empty &= class_name(rdd) == "EmptyRDD" or rdd.dependencies().size() > 0
    checkpoint = (
        {"checkpoint": names(leaf), "rdd": leaf.rdd().id()} if ask(value("rdd.isCheckpointed"), leaf) is True else {}
    )
    return {"paths": list(dict.fromkeys(paths)), **({"empty": True} if empty and not waiting else {}), **checkpoint}


def names(plan: Any) -> tuple[str, ...]:
    """The names of the columns that a plan puts out."""
    return tuple(attribute(item)[0] for item in split(plan.output()))


def _nothing(_: Any) -> list[str]:
    return []


def _scanned(rdd: Any) -> list[str]:
    """Files of a scan, without Spark's note of the part that is read: ``path: file:///a, range: 0-9, ...``."""
    out: list[str] = []
    for partition in elements(rdd.filePartitions()):
        out += [str(file.filePath().toString()) for file in partition.files()[: _MOST_FILES - len(out)]]
        if len(out) >= _MOST_FILES:
            break
    return out


_INPUT = "mapreduce.input.fileinputformat.inputdir"


def _hadoop(configuration: str) -> Reader:
    def reader(rdd: Any) -> list[str]:
        return [path for path in str(follow(rdd, configuration).get(_INPUT) or "").split(",") if path]

    return reader


_SCANS: Mapping[str, Reader] = {
    "FileScanRDD": _scanned,
    "HadoopRDD": _hadoop("getJobConf"),
    **dict.fromkeys(("NewHadoopRDD", "BinaryFileRDD", "WholeTextFileRDD"), _hadoop("getConf")),
}

#: Leaf of a logical plan -> what is asked of it. Leaves that are not here hold no data, or data of the program.
LEAVES: Mapping[str, Reader] = {
    "LogicalRelation": _logical_relation,
    "HiveTableRelation": lambda leaf: {"table": catalog_table(leaf.tableMeta())},
    "DataSourceV2Relation": _table_v2,
    "StreamingDataSourceV2Relation": lambda leaf: {"stream": str(leaf.stream().toString()), **_table_v2(leaf)},
    "StreamingDataSourceV2ScanRelation": lambda leaf: {
        "stream": str(leaf.stream().toString()),
        **_table_v2(leaf.relation()),
    },
    "StreamingRelation": lambda leaf: {
        "format": str(leaf.dataSource().className()),
        "options": {name: said for name, said in dictionary(leaf.dataSource().options()).items() if name in _NAMING},
        **answers({"table": optional("dataSource.catalogTable", catalog_table)}, leaf),
    },
    "StreamingRelationV2": _stream_v2,
    "LogicalRDD": _rdd,
    "ResolvedTable": lambda leaf: {**_table_v2(leaf), "identifier": str(leaf.identifier().toString())},
}


def details(leaf: Any) -> dict[str, Any]:
    """What is known of a relation: a leaf of a plan, or the target of a command under aliases and views."""
    for _ in range(_MOST_ALIASES):
        if class_name(leaf) in LEAVES:
            return dict(ask(LEAVES[class_name(leaf)], leaf) or {})
        leaf = leaf.children().head()
    return {}


#: Aliases and views around a target.
_MOST_ALIASES = 10


def elements(sequence: Any) -> list[Any]:
    """The elements of a Scala ``Seq``, as objects of the JVM."""
    return [sequence.apply(i) for i in range(sequence.size())]
