"""A query that wrote, as OpenLineage's events: a START, and a COMPLETE or FAIL with its datasets and columns. Pure.

The job is called after what it writes, as nothing else of a query stays the same from day to day. SQL is kept without
secrets, and not at all where it holds rows of data (INSERT ... VALUES) or keys as arguments.
Specification: https://openlineage.io/spec/2-0-2/OpenLineage.json.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from headwater.graphmodel.model import DependencyType, Effect
from headwater.openlineage_bridge.columns import OWN
from headwater.openlineage_bridge.emit import RUN_EVENT, Event, run_uuid
from headwater.sql_bridge.model import Column, Source, Statement, Write
from headwater.sqlhistory.model import Engine, Named, Pair, Ran

_SPEC = "https://openlineage.io/spec/facets"
#: Of each facet the version of its schema, and the name of its definition there.
_FACETS: Mapping[str, tuple[str, str]] = {
    "schema": ("1-2-0", "SchemaDatasetFacet"),
    "columnLineage": ("1-2-0", "ColumnLineageDatasetFacet"),
    "lifecycleStateChange": ("1-0-1", "LifecycleStateChangeDatasetFacet"),
    "symlinks": ("1-0-1", "SymlinksDatasetFacet"),
    "jobType": ("2-0-4", "JobTypeJobFacet"),
    "sql": ("1-1-0", "SQLJobFacet"),
    "processing_engine": ("1-1-1", "ProcessingEngineRunFacet"),
    "errorMessage": ("1-0-1", "ErrorMessageRunFacet"),
    "extractionError": ("1-1-2", "ExtractionErrorRunFacet"),
}
#: What a statement does to what the dataset held.
_LIFECYCLES = {Effect.ALL: "CREATE", Effect.OVERWRITE: "OVERWRITE"}
_OWN_SCHEMA = RUN_EVENT.replace("RunEvent", "DatasetFacet")  #: that of any facet of a dataset
_MOST_SQL = 10_000  #: characters of a statement that are kept
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def events(ran: Ran, statement: Statement, engine: Engine, producer: str) -> list[Event]:
    """The events of one query, in order; none if it writes nothing."""
    if not statement.writes and not statement.dropped:
        return []
    run_id = ran.id.lower() if _UUID.fullmatch(ran.id.lower()) else run_uuid(f"{engine.namespace} {ran.id}")
    job = _job(ran, statement, engine, producer)
    known = {"processing_engine": _facet("processing_engine", producer, name=engine.name, version="unknown")}
    facets = {**known, **_failures(ran, statement, producer)}
    begin = {"runId": run_id, "facets": known}
    start = _event("START", ran.started, begin, job, producer)
    end = _event(ran.state, max(ran.ended, ran.started), {"runId": run_id, "facets": facets}, job, producer)
    inputs = dict.fromkeys(name for write in statement.writes for name in write.inputs)
    return [
        start,
        {
            **end,
            "inputs": [_dataset(engine.named(name), {}, producer) for name in inputs],
            "outputs": [
                *(_output(write, statement, engine, producer) for write in statement.writes),
                *(_dropped(name, engine, producer) for name in _dropped_by(statement)),
            ],
        },
    ]


def _event(kind: str, at: int, run: Mapping[str, Any], job: Mapping[str, Any], producer: str) -> Event:
    moment = _EPOCH + timedelta(milliseconds=at)
    return {
        "eventType": kind,
        "eventTime": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "run": run,
        "job": job,
        "producer": producer,
        "schemaURL": RUN_EVENT,
    }


def _facet(name: str, producer: str, /, **said: Any) -> dict[str, Any]:
    version, definition = _FACETS[name]
    schema = f"{_SPEC}/{version}/{definition}.json#/$defs/{definition}"
    return {"_producer": producer, "_schemaURL": schema, **said}


def _job(ran: Ran, statement: Statement, engine: Engine, producer: str) -> dict[str, Any]:
    kind = {"processingType": "BATCH", "integration": engine.name.upper(), "jobType": "QUERY"}
    facets = {"jobType": _facet("jobType", producer, **kind)}
    query = kept(statement)
    if query:
        facets["sql"] = _facet("sql", producer, query=query)
    target = statement.writes[0].target if statement.writes else f"drop {statement.dropped[0]}"
    name = ".".join(filter(None, (ran.place, target if "://" not in target else f"unload {target}")))
    return {"namespace": engine.namespace, "name": name, "facets": facets}


def _failures(ran: Ran, statement: Statement, producer: str) -> dict[str, Any]:
    """What the engine says of a failed query, and why columns are not known."""
    found: dict[str, Any] = {}
    if ran.state != "COMPLETE":
        message = ran.error or f"the query ended with {ran.state}"
        found["errorMessage"] = _facet("errorMessage", producer, message=message, programmingLanguage="SQL")
    reasons = dict.fromkeys(write.reason for write in statement.writes if write.reason)
    if reasons:
        errors = [{"errorMessage": reason, "task": statement.kind, "taskNumber": 0} for reason in reasons]
        counts = {"totalTasks": len(statement.writes), "failedTasks": len(errors)}
        found["extractionError"] = _facet("extractionError", producer, **counts, errors=errors)
    return found


# Datasets -------------------------------------------------------------------------------------------------------------


def _dataset(named: Named, facets: Mapping[str, Any], producer: str) -> dict[str, Any]:
    own = dict(facets)
    if named.others:
        listed = [{"namespace": one.namespace, "name": one.name, "type": "TABLE"} for one in named.others]
        own["symlinks"] = _facet("symlinks", producer, identifiers=listed)
    return {"namespace": named.pair.namespace, "name": named.pair.name, "facets": own}


def _dropped_by(statement: Statement) -> tuple[str, ...]:
    """What goes: of a table with another name, its old one is told with the new one."""
    return () if statement.writes else statement.dropped


def _dropped(name: str, engine: Engine, producer: str) -> dict[str, Any]:
    facet = _facet("lifecycleStateChange", producer, lifecycleStateChange="DROP")
    return _dataset(engine.named(name), {"lifecycleStateChange": facet}, producer)


def _lifecycle(write: Write, statement: Statement, engine: Engine) -> dict[str, Any]:
    if statement.kind == "rename table":
        before = engine.named(statement.dropped[0]).pair
        return {"lifecycleStateChange": "RENAME", "previousIdentifier": before._asdict()}
    state = "TRUNCATE" if statement.kind == "truncate" else _LIFECYCLES.get(write.effect)
    return {"lifecycleStateChange": state} if state else {}


def _output(write: Write, statement: Statement, engine: Engine, producer: str) -> dict[str, Any]:
    facets: dict[str, Any] = {}
    lifecycle = _lifecycle(write, statement, engine)
    if lifecycle:
        facets["lifecycleStateChange"] = _facet("lifecycleStateChange", producer, **lifecycle)
    if write.columns:
        fields = [{"name": one.name, **({"type": one.type} if one.type else {})} for one in write.columns]
        facets["schema"] = _facet("schema", producer, fields=fields)
    if not write.reason:
        pairs = {name: engine.named(name).pair for name in write.inputs}
        said = {
            "fields": {one.name: {"inputFields": _inputs(one.sources, pairs)} for one in write.columns if one.sources},
            "dataset": _inputs(write.rows, pairs),
        }
        facets["columnLineage"] = _facet("columnLineage", producer, **said)
        own = list(_own(write.columns))
        if own:
            facets[OWN] = {"_producer": producer, "_schemaURL": _OWN_SCHEMA, "columns": own}
    return _dataset(engine.named(write.target), facets, producer)


def _own(columns: Iterable[Column]) -> Iterable[dict[str, Any]]:
    """Why columns have no source, or not all of them: OpenLineage has no word for it."""
    for one in columns:
        if one.origin is not None:
            said = {"name": one.name, "origin": one.origin.value, "resolved": one.resolved}
            yield {**said, **({"expression": one.expression} if one.expression else {})}
        elif not one.resolved:
            yield {"name": one.name, "resolved": False}


def _inputs(sources: Sequence[Source], pairs: Mapping[str, Pair]) -> list[dict[str, Any]]:
    """The sources, each column once with all that is done with it."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in sources:
        said: dict[str, Any] = {"type": one.type.value, "subtype": one.subtype.value}
        if one.expression:
            said["description"] = one.expression
        if one.masking:
            said["masking"] = True
        uses = found.setdefault((one.dataset, one.column), [])
        if one.exact or one.type is DependencyType.INDIRECT:
            uses.append(said)  # without one it is a dependency, and not exact
    return [
        {
            "namespace": pairs[dataset].namespace,
            "name": pairs[dataset].name,
            "field": column,
            **({"transformations": uses} if uses else {}),
        }
        for (dataset, column), uses in found.items()
    ]


# SQL without secrets --------------------------------------------------------------------------------------------------

_SECRETS = re.compile(
    r"\b(CREDENTIALS|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|MASTER_SYMMETRIC_KEY|MASTER_KEY|PASSWORD|"
    r"AWS_KEY_ID|AWS_SECRET_KEY|AWS_TOKEN|AZURE_SAS_TOKEN|ENCRYPTED_KEY)(\s{0,20}(?:=|\bAS\b|:)?\s{0,20})'(?:[^']|'')*'",
    re.IGNORECASE,
)
_KEYS = re.compile(r"crypt|hmac", re.IGNORECASE)
_ROWS = re.compile(r"\bVALUES\s{0,20}\(", re.IGNORECASE)


def redacted(sql: str) -> str:
    """A statement without the secrets after these words; what the ledger takes out of all texts comes later."""
    return _SECRETS.sub(r"\1\2'*****'", sql)


def kept(statement: Statement) -> str:
    """The text of a statement that is kept: none where it holds rows of data or keys as arguments; a long one cut."""
    text = statement.text
    if _KEYS.search(text) or (statement.kind in {"insert", "unknown"} and _ROWS.search(text)):
        return ""
    clean = redacted(text)
    return clean if len(clean) <= _MOST_SQL else f"{clean[:_MOST_SQL]} [... cut]"


def stable_id(*parts: str) -> str:
    """A UUID for a query that has no id of its own: the same for the same parts."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, " ".join(("urn:headwater:sql", *parts))))
