"""What Amazon DataZone (SageMaker Catalog) takes of an event: its end alone, in at most 300,000 bytes. Pure.

Here: which events go, what is left out of one that is too large, and how it is split. Not here: the call
(`aws_bridge.datazone`). The service takes RunEvents only; a START says nothing that the end does not.

In this order, until it is small enough: descriptions of transformations; facets that only Headwater has; types of
columns; indirect lineage, of the whole and then of columns; then one event for each output; then, for one output, the
columns in parts. The run id stays the same, so that all parts are one run.
https://docs.aws.amazon.com/datazone/latest/APIReference/API_PostLineageEvent.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

LARGEST = 300_000
"""Bytes of an event, by botocore's model of the service."""

_ENDS = frozenset({"COMPLETE", "FAIL", "ABORT"})
_DIRECT = "DIRECT"
Event = dict[str, Any]


class TooLarge(ValueError):
    """An event that is too large even with one column in it."""


@dataclass(frozen=True)
class Parts:
    """An event as DataZone takes it: one body or several. `left_out` says what is not in them, in words."""

    bodies: tuple[bytes, ...]
    left_out: tuple[str, ...] = ()


def taken(event: Mapping[str, Any]) -> bool:
    """Whether DataZone is told an event: the end of a run."""
    return event.get("eventType") in _ENDS and "run" in event


def token(body: bytes) -> str:
    """The client token: the same body is the same request, however often it is sent."""
    return sha256(body).hexdigest()


def reduced(event: Mapping[str, Any], largest: int = LARGEST) -> Parts:
    """The event in bodies of at most `largest` bytes. TooLarge: there is no way.

    An event that is small enough stays as it is.
    """
    body = _body(event)
    if len(body) <= largest:
        return Parts((body,))
    try:
        return _smaller(deepcopy(dict(event)), largest)
    except (AttributeError, KeyError, TypeError) as error:  # an event that came as it is, of whichever sender
        raise TooLarge(
            f"the run has {len(body):,} bytes, DataZone takes {largest:,}, and nothing can be left out, as its"
            f" facets are not those of the specification ({error})"
        ) from error


def _smaller(smaller: Event, largest: int) -> Parts:
    left_out = []
    for what, leave_out in _STEPS:
        if leave_out(smaller):
            left_out.append(what)
        body = _body(smaller)
        if len(body) <= largest:
            return Parts((body,), tuple(left_out))
    bodies = tuple(_split(smaller, largest))
    return Parts(bodies, (*left_out, f"it is sent in {len(bodies)} parts"))


def _body(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


# What is left out, in order. Each changes the event and says whether there was any. -----------------------------------


def _datasets(event: Event) -> Iterator[dict[str, Any]]:
    for side in ("inputs", "outputs"):
        yield from event.get(side) or ()


def _facets(event: Event) -> Iterator[dict[str, Any]]:
    """The objects that hold facets: of the run, the job and each dataset."""
    holders = (event["run"], event["job"], *_datasets(event))
    yield from (one["facets"] for one in holders if isinstance(one.get("facets"), dict))


def _lineages(event: Event) -> Iterator[dict[str, Any]]:
    for dataset in _datasets(event):
        lineage = (dataset.get("facets") or {}).get("columnLineage")
        if isinstance(lineage, dict):
            yield lineage


def _input_fields(event: Event) -> Iterator[dict[str, Any]]:
    for lineage in _lineages(event):
        for field in lineage.get("fields", {}).values():
            yield from field.get("inputFields", ())
        yield from lineage.get("dataset", ())


def _without_descriptions(event: Event) -> bool:
    found = False
    for one in _input_fields(event):
        for transformation in one.get("transformations", ()):
            found |= transformation.pop("description", None) is not None
    return found


def _without_own_facets(event: Event) -> bool:
    found = False
    for facets in _facets(event):
        own = [name for name in facets if name.startswith("headwater_")]
        found |= bool(own)
        for name in own:
            del facets[name]
    return found


def _without_types(event: Event) -> bool:
    found = False
    for dataset in _datasets(event):
        for field in ((dataset.get("facets") or {}).get("schema") or {}).get("fields", ()):
            found |= field.pop("type", None) is not None
    return found


def _without_indirect_of_the_whole(event: Event) -> bool:
    found = False
    for lineage in _lineages(event):
        found |= bool(lineage.pop("dataset", None))
    return found


def _without_indirect(event: Event) -> bool:
    """A source of which all transformations are indirect goes; a column without a source stays, and has none."""
    found = False
    for lineage in _lineages(event):
        for field in lineage.get("fields", {}).values():
            kept = []
            for one in field.get("inputFields", ()):
                told = one.get("transformations") or []
                direct = [transformation for transformation in told if transformation.get("type") == _DIRECT]
                found |= len(direct) < len(told)
                if direct or not told:
                    kept.append({**one, "transformations": direct} if told else one)
            field["inputFields"] = kept
    return found


_STEPS: tuple[tuple[str, Callable[[Event], bool]], ...] = (
    ("descriptions of transformations", _without_descriptions),
    ("facets of Headwater's own", _without_own_facets),
    ("types of columns", _without_types),
    ("filters, joins and keys of the whole", _without_indirect_of_the_whole),
    ("conditions and windows of columns", _without_indirect),
)


# Splitting ------------------------------------------------------------------------------------------------------------


def _split(event: Event, largest: int) -> Iterator[bytes]:
    """One event for each output; for one that is still too large, its columns in parts."""
    for output in event.get("outputs") or ():
        alone = {**event, "outputs": [output]}
        body = _body(alone)
        if len(body) <= largest:
            yield body
        else:
            yield from _by_columns(alone, output, largest)


def _by_columns(event: Event, output: dict[str, Any], largest: int) -> Iterator[bytes]:
    """Events with a part of the columns each, in order: halves of halves, until each part is small enough."""
    facets = output.get("facets") or {}
    schema, lineage = facets.get("schema") or {}, facets.get("columnLineage") or {}
    names = list(dict.fromkeys([*(one["name"] for one in schema.get("fields", ())), *lineage.get("fields", {})]))
    waiting = [names]
    while waiting:
        some = waiting.pop()
        body = _body({**event, "outputs": [_with_columns(output, set(some))]})
        if len(body) <= largest:
            yield body
        elif len(some) > 1:
            middle = len(some) // 2
            waiting += [some[middle:], some[:middle]]
        else:
            raise TooLarge(f"a run with one column alone has {len(body):,} bytes, and DataZone takes {largest:,}")


def _with_columns(output: dict[str, Any], names: set[str]) -> dict[str, Any]:
    facets = dict(output.get("facets") or {})
    if facets.get("schema"):
        fields = [one for one in facets["schema"].get("fields", ()) if one["name"] in names]
        facets["schema"] = {**facets["schema"], "fields": fields}
    if facets.get("columnLineage"):
        fields_of = {name: one for name, one in facets["columnLineage"].get("fields", {}).items() if name in names}
        facets["columnLineage"] = {**facets["columnLineage"], "fields": fields_of}
    return {**output, "facets": facets}
