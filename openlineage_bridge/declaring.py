"""What events say of datasets and jobs themselves: owners, tags, descriptions, quality, columns, other names. Pure.

A facet replaces the one of its name that an earlier event said of the same dataset or job, and `_deleted` takes it
back. So each is a snapshot (`graphmodel.statements`) of one facet of one node: whichever is the latest counts, in
whatever order they come, and none of the earlier ones has to be read again.
The columns in a run's events are no statements: they belong to what it read and wrote. Its symlinks are: a table of a
catalog that lies at a path does so for every job, also for one that names the table alone (`_called`).
Not here: where columns come from, and that a dataset was dropped (`mapping`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from headwater.graphmodel.accounts import job_of
from headwater.graphmodel.delta import digest
from headwater.graphmodel.ids import column_id, job_id
from headwater.graphmodel.model import Job
from headwater.graphmodel.naming import Rules
from headwater.graphmodel.naming_schemes import is_place
from headwater.graphmodel.statements.errors import StatementError
from headwater.graphmodel.statements.json_text import snapshot
from headwater.graphmodel.statements.model import (
    CALLED,
    DATASET,
    DESCRIPTION,
    FACTS,
    OWNER,
    RESERVED,
    TAG,
    Said,
    Snapshot,
    Statement,
)
from headwater.openlineage_bridge import names
from headwater.openlineage_bridge.columns import field_names, field_types
from headwater.openlineage_bridge.events import Json, LineageEvent, objects_in
from headwater.openlineage_bridge.facts import quality_of
from headwater.openlineage_bridge.fold import fold
from headwater.openlineage_bridge.mapping import job_of_run
from headwater.openlineage_bridge.outcome import text

SOURCE = "openlineage"
"""The source of these statements: what people, or other sources, say of the same node stands beside it."""

_LONGEST = 4_000  #: characters of a description that are kept, as many as a statement may have
_LONGEST_SCOPE = 1_000
_MOST_COLUMNS = 20_000  #: that one statement may list
_NOT_IN_TAGS = str.maketrans(dict.fromkeys("=#*,\n", " "))

_Fields = dict[str, Any]  #: kind, subject, value and perhaps name of a statement


def said(event: LineageEvent, rules: Rules) -> tuple[Said, ...]:
    """The statements that an event comes to; none of a temporary dataset."""
    if event.is_run:
        return (*_of_run(event, rules), *_called(event, rules))
    if event.is_dataset:
        (dataset,) = event.datasets("outputs")
        name = names.name(dataset["namespace"], dataset["name"], rules)
        if name is None:
            return ()
        facets, pairs = objects_in(dataset, "facets"), ((dataset["namespace"], dataset["name"]),)
        listed = _dataset("", name.uri)  # it exists, whatever else is said of it
        told = [_snapshot(f"dataset {name.uri}", [listed], event), *_snapshots(name.uri, facets, event)]
        if "symlinks" in facets:
            others = list(names.spellings(pairs, {"symlinks": facets["symlinks"]}, name.uri, rules))
            stated = [] if facets["symlinks"].get("_deleted") else [_dataset("symlinks", name.uri, names=others)]
            told.append(_snapshot(f"symlinks of {name.uri}", stated, event))
        return tuple(told)
    job = Job(*event.job)
    job = job_of(job, event.account) if event.account else job
    return (*_snapshots(job_id(job.namespace, job.name), event.facets("job"), event), *_called(event, rules))


def _called(event: LineageEvent, rules: Rules) -> Iterator[Statement]:
    """The other names of what a run used, once it has ended: most of its events repeat them.

    Each holds from ever on, and stays: events do not tell all names each time. Of a table and a path the path is kept,
    as jobs name it. ``database.table`` alone is no name of one dataset: several catalogs can have it. Not of what was
    dropped: Spark's agent names a path there that is none (`mapping`).
    """
    if not event.settles:
        return
    for dataset in (*event.datasets("inputs"), *event.datasets("outputs")):
        facets = objects_in(dataset, "facets")
        dropped = text(facets, "lifecycleStateChange", "lifecycleStateChange").upper() == "DROP"
        name = (
            names.name(dataset["namespace"], dataset["name"], rules) if "symlinks" in facets and not dropped else None
        )
        for other in names.other_names(facets, rules) if name else ():
            if name and ":" in other and other != name.uri:
                kept, another = (other, name.uri) if is_place(other) and not is_place(name.uri) else (name.uri, other)
                yield Statement(CALLED, kept, another, 0, source=SOURCE, name=another)


def _of_run(event: LineageEvent, rules: Rules) -> Iterator[Snapshot]:
    """What an event of a run says of its job, and of the datasets that it reads and writes."""
    about_job = {name: facet for name, facet in event.facets("job").items() if name in _OF_RUNS}
    if about_job:
        run = fold([event], rules)
        assert run is not None, "there is one event"
        job, _ = job_of_run(run)
        yield from _snapshots(job_id(job.namespace, job.name), about_job, event)
    for side in ("inputs", "outputs"):
        for dataset in event.datasets(side):
            facets = {**objects_in(dataset, "facets"), **objects_in(dataset, f"{side[:-1]}Facets")}
            quality = quality_of(facets) if side == "inputs" else {}  # of an output it belongs to its version
            told = {name: facet for name, facet in facets.items() if name in _OF_RUNS}
            columns = facets.get("schema", {})
            is_described = any(one.get("description") for one in _objects(columns, "fields"))
            name = names.name(dataset["namespace"], dataset["name"], rules) if quality or told or is_described else None
            if name is None:
                continue
            yield from _snapshots(name.uri, told, event)
            if is_described:
                stated = _column_descriptions(name.uri, columns)
                yield _snapshot(f"descriptions of columns of {name.uri}", stated, event)
            if quality:  # each job that checks the dataset has a say of its own
                found = {"kind": FACTS, "subject": name.uri, "name": "", "value": {"quality": quality}}
                yield _snapshot("quality of {} by {}/{}".format(name.uri, *event.job), [found], event)


def _snapshots(node: str, facets: Mapping[str, Json], event: LineageEvent) -> Iterator[Snapshot]:
    for name, facet in facets.items():
        listing = _LISTINGS.get(name)
        if listing is not None:
            stated = () if facet.get("_deleted") else listing(node, facet)
            yield _snapshot(f"{name} of {node}", stated, event)


def _snapshot(scope: str, stated: Any, event: LineageEvent) -> Snapshot:
    if len(scope) > _LONGEST_SCOPE:
        scope = digest(scope)
    at = event.at // 1_000_000
    shared: dict[str, Any] = {"source": SOURCE, "scope": scope, "at": at}
    kept: dict[tuple[str, ...], _Fields] = {}
    for one in stated:
        try:
            snapshot({**shared, "statements": [one]})
        except StatementError:  # longer than a statement may be, or no tag: what is said otherwise is kept
            continue
        kept.setdefault((one["kind"], one["subject"], one["value"] if one["kind"] == TAG else one.get("name", "")), one)
    return snapshot({**shared, "statements": list(kept.values())})


def _owners(node: str, facet: Json) -> Iterator[_Fields]:
    for one in _objects(facet, "owners"):
        yield _tag(node, OWNER, str(one.get("name") or ""))


def _documentation(node: str, facet: Json) -> Iterator[_Fields]:
    yield from _described(node, facet)


def _tags(node: str, facet: Json) -> Iterator[_Fields]:
    """A tag with the value ``true`` is its key alone. One of a field is the column's."""
    for one in _objects(facet, "tags"):
        key, value, field = (str(one.get(name) or "").strip() for name in ("key", "value", "field"))
        if key not in RESERVED:
            subject = column_id(node, field) if field and not node.startswith("job:") else node
            yield _tag(subject, key, "" if value.lower() == "true" else value)


def _fields(node: str, facet: Json) -> Iterator[_Fields]:
    types = field_types({"schema": facet})
    columns = [{"name": name, "type": types.get(name.lower(), "")} for name in field_names({"schema": facet})]
    yield _dataset("schema", node, columns=columns[:_MOST_COLUMNS])
    yield from _column_descriptions(node, facet)


def _column_descriptions(node: str, facet: Json) -> Iterator[_Fields]:
    for one in _objects(facet, "fields"):
        if isinstance(one.get("name"), str) and one["name"]:
            yield from _described(column_id(node, one["name"]), one)


def _described(node: str, holder: Json) -> Iterator[_Fields]:
    text = holder.get("description")
    if isinstance(text, str) and text.strip():
        yield {"kind": DESCRIPTION, "subject": node, "value": text[:_LONGEST]}


def _dataset(name: str, subject: str, **value: Any) -> _Fields:
    """That a dataset exists; `name` tells what one facet says of it from what others say."""
    return {"kind": DATASET, "subject": subject, "name": name, "value": value}


def _tag(subject: str, key: str, value: str) -> _Fields:
    name = " ".join(key.translate(_NOT_IN_TAGS).split())
    return {"kind": TAG, "subject": subject, "value": f"{name}={' '.join(value.split())}" if value else name}


def _objects(facet: Json, key: str) -> list[Json]:
    found = facet.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


_LISTINGS: Mapping[str, Callable[[str, Json], Iterator[_Fields]]] = {
    "ownership": _owners,
    "documentation": _documentation,
    "tags": _tags,
    "schema": _fields,
}
#: Of a run's event: a schema lists what the run used, and no more.
_OF_RUNS = frozenset(_LISTINGS.keys() - {"schema"})
