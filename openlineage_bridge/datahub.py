"""What DataHub exports, as OpenLineage events: lineage, schemas, owners, tags, descriptions of datasets, and its jobs.

DataHub's file of metadata (its sink `file`, and `datahub get` by aspect) is an array of aspects of entities, each with
its URN: proposals of single aspects, or snapshots of several. Here: an aspect becomes a DatasetEvent with one facet, or
a JobEvent. Not here: files. Pure.
Format: https://docs.datahub.com/docs/metadata-ingestion/sink_docs/metadata-file and its models of aspects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from headwater.spline_bridge.errors import DecodeError

Json = Mapping[str, Any]
Pair = tuple[str, str]  #: OpenLineage's namespace and name

_DATASET = re.compile(r"urn:li:dataset:\(urn:li:dataPlatform:([^,]+),(.+),([A-Z_0-9]+)\)")
_FIELD = re.compile(r"urn:li:schemaField:\((urn:li:dataset:\(.+\)),(.+)\)")
_JOB = re.compile(r"urn:li:dataJob:\(urn:li:dataFlow:\(([^,]+),([^,]+),([^,)]+)\),(.+)\)")
_SNAPSHOT = ("proposedSnapshot", "snapshot")
_PRODUCER = "urn:datahub"
_LATEST = 253_402_300_799_999  #: ms since 1970 of the end of the year 9999

#: Platforms whose names are paths, with OpenLineage's scheme; of every other one nobody but its users knows the host.
_PATHS = {"s3": "s3", "gcs": "gs", "gs": "gs"}
_FILES = {"file": "file", "hdfs": "hdfs"}


def is_export(document: object) -> bool:
    """Whether a document, or the first of a list of them, has the form of DataHub's aspects."""
    one = document[0] if isinstance(document, list) and document else document
    if not isinstance(one, Mapping):
        return False
    if any(isinstance(one.get(name), Mapping) for name in _SNAPSHOT):
        return True
    return isinstance(one.get("entityUrn"), str) and isinstance(one.get("aspectName"), str) and "aspect" in one


def events(document: object) -> Iterator[dict[str, Any]]:
    """The events of an export. DecodeError: an aspect is not what its name says."""
    for number, one in enumerate(document if isinstance(document, list) else [document]):
        if not isinstance(one, Mapping):
            raise DecodeError("expected an aspect as an object", f"$[{number}]")
        for urn, name, aspect, at in _aspects(one, number):
            yield from _events(urn, name, aspect, at)


def _aspects(one: Json, number: int) -> Iterator[tuple[str, str, Json, int]]:
    """URN, name, content and time of each aspect."""
    snapshot = next((one[name] for name in _SNAPSHOT if isinstance(one.get(name), Mapping)), None)
    if snapshot is not None:
        inner = next(iter(snapshot.values()), None) if "urn" not in snapshot else snapshot
        if not isinstance(inner, Mapping) or not isinstance(inner.get("urn"), str):
            raise DecodeError("expected a snapshot with a urn", f"$[{number}]")
        named = ((kind, content) for aspect in _objects(inner.get("aspects")) for kind, content in aspect.items())
        for kind, content in named:
            if isinstance(content, Mapping):
                short = kind.rpartition(".")[2]
                yield inner["urn"], short[:1].lower() + short[1:], content, _time(one, content)
        return
    content = _content(one.get("aspect"), f"$[{number}].aspect")
    if content is not None and one.get("changeType") != "DELETE":
        yield str(one.get("entityUrn")), str(one.get("aspectName")), content, _time(one, content)


def _content(aspect: Any, place: str) -> Json | None:
    """An aspect's content: itself, or as JSON in a text, or under ``json``."""
    if isinstance(aspect, Mapping) and isinstance(aspect.get("value"), str):
        try:
            aspect = json.loads(aspect["value"])
        except ValueError:
            raise DecodeError("expected JSON in a text", f"{place}.value") from None
    elif isinstance(aspect, Mapping) and isinstance(aspect.get("json"), Mapping):
        aspect = aspect["json"]
    if not isinstance(aspect, (Mapping, type(None))):
        raise DecodeError("expected an object", place)
    return aspect


def _events(urn: str, name: str, aspect: Json, at: int) -> Iterator[dict[str, Any]]:
    dataset, job = pair_of(urn), _JOB.fullmatch(urn)
    time = datetime.fromtimestamp(at / 1_000, tz=timezone.utc).isoformat(timespec="milliseconds")
    base = {"eventTime": time.replace("+00:00", "Z"), "producer": _PRODUCER, "schemaURL": _PRODUCER}
    if dataset is not None and name in _OF_DATASETS:
        facets = _OF_DATASETS[name](aspect)
        if facets:
            yield {**base, "dataset": {**_named(dataset), "facets": facets}}
    elif job is not None and name == "dataJobInputOutput":
        about: dict[str, Any] = {"namespace": job[1], "name": f"{job[2]}.{job[4]}", "facets": {}}
        fields = _fields(aspect)
        outputs = [pair for urn_ in _urns(aspect, "output") if (pair := pair_of(urn_))]
        inputs = [pair for urn_ in _urns(aspect, "input") if (pair := pair_of(urn_))]
        if outputs:
            told = [{**_named(one), "facets": _column_lineage(fields.get(one, {}))} for one in outputs]
            yield {**base, "job": about, "inputs": list(map(_named, inputs)), "outputs": told}


def pair_of(urn: str) -> Pair | None:
    """OpenLineage's name of a dataset: of a path that; else under DataHub's name of the platform, without a host."""
    match = _DATASET.fullmatch(urn)
    if match is None:
        return None
    platform, name = match[1].rpartition(":")[2], match[2]
    if platform in _PATHS:
        bucket, _, key = name.lstrip("/").partition("/")
        return f"{_PATHS[platform]}://{bucket}", key or "/"
    if platform in _FILES and name.startswith("/"):
        return _FILES[platform], name
    return f"datahub://{platform}", name


def _named(pair: Pair) -> dict[str, Any]:
    return {"namespace": pair[0], "name": pair[1]}


# aspects --------------------------------------------------------------------------------------------------------------


def _upstreams(aspect: Json) -> dict[str, Any]:
    """The facet `lineage`: the datasets, and of each column its sources."""
    sources = [pair for one in _objects(aspect.get("upstreams")) if (pair := pair_of(str(one.get("dataset"))))]
    fields: dict[str, list[dict[str, Any]]] = {}
    for found in _fields(aspect).values():
        for column, its in found.items():
            fields.setdefault(column, []).extend(its)
    if not sources and not fields:
        return {}
    inputs = [{"type": "DATASET", **_named(pair)} for pair in sources]
    told = {column: {"inputs": [{"type": "DATASET", **one} for one in its]} for column, its in fields.items()}
    return {"lineage": {"inputs": inputs, "fields": told}}


def _fields(aspect: Json) -> dict[Pair, dict[str, list[dict[str, Any]]]]:
    """By dataset and column the columns from which they come, out of `fineGrainedLineages`."""
    found: dict[Pair, dict[str, list[dict[str, Any]]]] = {}
    for one in _objects(aspect.get("fineGrainedLineages")):
        sources = [field for urn in _texts(one.get("upstreams")) if (field := _field(urn))]
        for urn in _texts(one.get("downstreams")):
            target = _field(urn)
            if target is not None:
                its = found.setdefault(target[0], {}).setdefault(target[1], [])
                its += [{**_named(dataset), "field": column} for dataset, column in sources]
    return found


def _column_lineage(fields: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    if not fields:
        return {}
    return {"columnLineage": {"fields": {column: {"inputFields": its} for column, its in fields.items()}}}


def _field(urn: str) -> tuple[Pair, str] | None:
    match = _FIELD.fullmatch(urn)
    pair = pair_of(match[1]) if match else None
    return (pair, _path(match[2])) if match and pair else None


def _path(field: str) -> str:
    """The name of a field, of DataHub's paths of version 2 as well: ``[version=2.0].[type=struct].a.[type=int].b``."""
    if not field.startswith("[version="):
        return field
    return ".".join(part for part in re.split(r"\.(?![^\[]*\])", field) if not part.startswith("["))


def _schema(aspect: Json) -> dict[str, Any]:
    fields = []
    for one in _objects(aspect.get("fields")):
        name = _path(str(one.get("fieldPath") or ""))
        if name and "." not in name:
            fields.append(
                {"name": name, "type": str(one.get("nativeDataType") or ""), "description": one.get("description")}
            )
    return {"schema": {"fields": fields}} if fields else {}


def _ownership(aspect: Json) -> dict[str, Any]:
    owners = [str(one.get("owner")).rpartition(":")[2] for one in _objects(aspect.get("owners"))]
    return {"ownership": {"owners": [{"name": owner} for owner in owners]}}


def _tags(aspect: Json) -> dict[str, Any]:
    tags = [str(one.get("tag")).removeprefix("urn:li:tag:") for one in _objects(aspect.get("tags"))]
    return {"tags": {"tags": [{"key": tag, "value": "true"} for tag in tags]}}


def _description(aspect: Json) -> dict[str, Any]:
    text = aspect.get("description")
    return {"documentation": {"description": text}} if isinstance(text, str) and text.strip() else {}


def _status(aspect: Json) -> dict[str, Any]:
    dropped = {"lifecycleStateChange": {"lifecycleStateChange": "DROP"}}
    return dropped if aspect.get("removed") is True else {}


_OF_DATASETS: Mapping[str, Callable[[Json], dict[str, Any]]] = {
    "upstreamLineage": _upstreams,
    "schemaMetadata": _schema,
    "ownership": _ownership,
    "globalTags": _tags,
    "datasetProperties": _description,
    "editableDatasetProperties": _description,
    "status": _status,
}


def _time(one: Json, aspect: Json) -> int:
    """When it was stated, in ms since 1970: as DataHub saw it last, else as the aspect says; 0 if nothing does."""
    system = one.get("systemMetadata")
    times = [system.get("lastObserved")] if isinstance(system, Mapping) else []
    stamps = [aspect.get("lastModified"), *(one.get("auditStamp") for one in _objects(aspect.get("upstreams")))]
    times += [stamp.get("time") for stamp in stamps if isinstance(stamp, Mapping)]
    known = [time for time in times if isinstance(time, int) and 0 < time < _LATEST]
    return known[0] if known else 0


def _urns(aspect: Json, side: str) -> Iterable[str]:
    edges = [str(one.get("destinationUrn")) for one in _objects(aspect.get(f"{side}DatasetEdges"))]
    return dict.fromkeys([*_texts(aspect.get(f"{side}Datasets")), *edges])


def _objects(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
