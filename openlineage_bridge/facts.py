"""What an agent tells of the version that a run wrote: rows, bytes, files, the table's own version, types, quality."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from headwater.graphmodel.model import READ_VERSIONS, read_versions
from headwater.openlineage_bridge.columns import field_types
from headwater.openlineage_bridge.events import Json
from headwater.openlineage_bridge.fold import FoldedDataset

#: Facet `outputStatistics` -> property of `datasetVersion`.
_COUNTS = {"rowCount": "rowCount", "size": "byteCount", "fileCount": "fileCount"}
_LARGEST = 2**63 - 1  #: a long of the graph
#: Characters of the metrics and assertions that are kept of one version: some 500 columns.
_MOST_QUALITY = 50_000
_QUALITY = ("dataQualityMetrics", "dataQualityAssertions")


def version_facts(output: FoldedDataset) -> tuple[tuple[str, str | int], ...]:
    """Properties of the version that an output is, sorted by name."""
    return tuple(sorted(_facts(output)))


def _facts(output: FoldedDataset) -> Iterator[tuple[str, str | int]]:
    statistics = output.own.get("outputStatistics", {})
    for name, property_ in _COUNTS.items():
        value = statistics.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
            yield property_, value
    version = output.facets.get("version", {}).get("datasetVersion")
    if isinstance(version, str) and version:
        yield "tableVersion", version
        if layer := _format(output):
            yield "tableFormat", layer
    types = field_types(output.facets)
    if types:
        yield "columnTypes", _text(types)
    quality = quality_of({**output.facets, **output.own})
    if quality:
        yield "quality", _text(quality)


def quality_of(facets: Mapping[str, Json]) -> dict[str, Any]:
    """The quality of a dataset, by facet, as the producer says it; empty where it says none, or too much."""
    quality = {name: _said(facet) for name in _QUALITY if (facet := facets.get(name))}
    return quality if quality and len(_text(quality)) <= _MOST_QUALITY else {}


def _format(dataset: FoldedDataset) -> str:
    """The table's format, in lower case; empty if it is not told."""
    layer = dataset.facets.get("storage", {}).get("storageLayer")
    return layer.lower() if isinstance(layer, str) else ""


def inputs_facts(inputs: Mapping[str, FoldedDataset]) -> tuple[tuple[str, str | int], ...]:
    """The versions of tables that a run read: an input's `version` of its first event; later ones are of after it."""
    read = {uri: (_format(one), one.first_version) for uri, one in inputs.items() if one.first_version}
    return ((READ_VERSIONS, read_versions(read)),) if read else ()


def _said(facet: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facet.items() if not name.startswith("_")}


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
