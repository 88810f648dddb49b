"""What OpenMetadata exports of lineage, as OpenLineage events: each edge between two tables is a job without a run.

Its API answers ``/api/v1/lineage/table/{id}`` with an entity, the nodes around it, and edges between their ids, with
the columns of each. An answer has a part of the lineage only, so an edge adds to what is known, and replaces nothing.
Not here: files. Pure.
Format: https://docs.open-metadata.org, schema type/entityLineage.json.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from headwater.spline_bridge.errors import DecodeError

Json = Mapping[str, Any]

_PRODUCER = "urn:openmetadata"
_SIDES = ("upstreamEdges", "downstreamEdges")
_LATEST = 253_402_300_799_999  #: ms since 1970 of the end of the year 9999


def is_export(document: object) -> bool:
    """Whether a document has the form of an answer about lineage."""
    return (
        isinstance(document, Mapping)
        and isinstance(document.get("entity"), Mapping)
        and any(isinstance(document.get(side), list) for side in _SIDES)
    )


def events(document: Json) -> Iterator[dict[str, Any]]:
    """A JobEvent for each edge. DecodeError: an edge names an entity that is not among the nodes."""
    known = {str(one.get("id")): one for one in (document["entity"], *_objects(document.get("nodes")))}
    for side in _SIDES:
        for number, edge in enumerate(_objects(document.get(side))):
            place = f"$.{side}[{number}]"
            source, target = (_end(edge, end, known, place) for end in ("fromEntity", "toEntity"))
            yield _event(source, target, edge.get("lineageDetails"))


def _end(edge: Json, end: str, known: Mapping[str, Json], place: str) -> str:
    """The full name of an end of an edge, which is an id or a reference."""
    given = edge.get(end)
    entity = known.get(str(given.get("id") if isinstance(given, Mapping) else given))
    name = str((entity or {}).get("fullyQualifiedName") or "")
    if not name:
        raise DecodeError("names no entity of the file with a fullyQualifiedName", f"{place}.{end}")
    return name


def _event(source: str, target: str, details: Any) -> dict[str, Any]:
    details = details if isinstance(details, Mapping) else {}
    pipeline = details.get("pipeline")
    by = pipeline.get("fullyQualifiedName") if isinstance(pipeline, Mapping) else None
    fields: dict[str, list[dict[str, Any]]] = {}
    for one in _objects(details.get("columnsLineage")):
        column = _column(str(one.get("toColumn")), target)
        sources = one.get("fromColumns")
        for each in sources if isinstance(sources, list) else ():
            found = _column(str(each), source)
            if column and found:
                told = {"type": "DIRECT", "subtype": "TRANSFORMATION", "description": one.get("function")}
                transformed = {"transformations": [told]} if one.get("function") else {}
                fields.setdefault(column, []).append({**_dataset(source), "field": found, **transformed})
    lineage = {column: {"inputFields": its} for column, its in fields.items()}
    sql = details.get("sqlQuery")
    facets = {"sql": {"query": sql}} if isinstance(sql, str) and sql.strip() else {}
    at = details.get("updatedAt")
    time = at if isinstance(at, int) and 0 < at < _LATEST else 0
    return {
        "eventTime": datetime.fromtimestamp(time / 1_000, tz=timezone.utc)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z"),
        "producer": _PRODUCER,
        "schemaURL": _PRODUCER,
        "job": {"namespace": "openmetadata", "name": f"{by or ''} {source} -> {target}".strip(), "facets": facets},
        "inputs": [_dataset(source)],
        "outputs": [{**_dataset(target), "facets": {"columnLineage": {"fields": lineage}} if lineage else {}}],
    }


def _dataset(name: str) -> dict[str, Any]:
    """``SERVICE.database.schema.table``: nobody but its users knows which host the service is."""
    service, rest = _first(name)
    return {"namespace": f"openmetadata://{service}", "name": rest or service}


def _first(name: str) -> tuple[str, str]:
    """The first part of a name, which stands in quotes if it has dots, and the rest."""
    if name.startswith('"') and (end := name.find('"', 1)) > 0:
        return name[1:end], name[end + 1 :].lstrip(".")
    service, _, rest = name.partition(".")
    return service, rest


def _column(name: str, table: str) -> str:
    """The name of a column of a table; empty if it is of another one."""
    return name[len(table) + 1 :].strip('"') if name.startswith(f"{table}.") else ""


def _objects(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
