"""The door of the mapping: the bytes that the ledger keeps, as `Plan` and `Run`. Pure.

A payload that was accepted maps, or is refused here with a `DecodeError` that names the place.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from headwater.graphmodel import naming
from headwater.graphmodel.expressions.text import concat
from headwater.graphmodel.expressions.values import STRENGTH, Column, Influence, Use, Value, unresolved
from headwater.graphmodel.logic import logic
from headwater.graphmodel.model import (
    READ_VERSIONS,
    Dataset,
    Dependency,
    DependencyType,
    Derivation,
    Origin,
    OutputColumn,
    Plan,
    RowSource,
    Run,
    SharedSources,
    Subtype,
    read_versions,
)
from headwater.graphmodel.naming import DEFAULT, Name, Rules, canonical
from headwater.spline_bridge import datasets, describe, jobs
from headwater.spline_bridge.columns import PlanColumns, resolve
from headwater.spline_bridge.errors import DecodeError
from headwater.spline_bridge.functions import RENAME
from headwater.spline_bridge.identity import agent_plan_id, normal_uuid
from headwater.spline_bridge.jdbc_queries import JdbcQuery
from headwater.spline_bridge.shared import count_sources, is_stand_in
from headwater.spline_bridge.validate import validate_events, validate_plan
from headwater.spline_bridge.versions import CONTENT_TYPES
from headwater.spline_bridge.wire import WirePlan, read_plan

#: Column edges that a plan may have, and columns of what it reads. Each edge costs the graph some 0.3 ms and 25 kB of
#: memory while it is stored. Sources that columns have in common count once (`spline_bridge.shared`).
MOST_EDGES = 20_000


def decode_plan(body: bytes, content_type: str, rules: Rules = DEFAULT) -> Plan:
    """An execution plan. `content_type` says which API version it is in. DecodeError: not a plan of that version."""
    version = api_version(content_type)
    document = _parsed(body)
    validate_plan(document, version)
    wire = read_plan(document, nested=version == "1.0")
    identity = agent_plan_id(document, body)
    queries = datasets.jdbc_queries(wire, identity, rules)
    return _plan(wire, identity, version, rules, queries, dataset_names(wire, identity, version, rules, queries))


def dataset_names(
    wire: WirePlan, identity: str, version: str, rules: Rules, queries: Mapping[str, JdbcQuery]
) -> Mapping[str, Sequence[Name]]:
    """As `datasets.names`, but that datasets which the plan does not identify have one name for the same logic.

    The agent's id of a plan, `identity`, differs with each literal, so a daily run would have new datasets every day.
    """
    named = datasets.names(wire, identity, rules, queries)
    if not any(name.uri.startswith(f"{naming.UNRESOLVED}{identity}/") for listed in named.values() for name in listed):
        return named
    unowned = datasets.names(wire, str(_UNKNOWN), rules, queries)
    owner = uuid.uuid5(_UNKNOWN, logic(_plan(wire, identity, version, rules, queries, unowned)).plan)
    return datasets.names(wire, str(owner), rules, queries)


# Random once, fixed for ever: another one would give another name to each dataset that no plan identifies.
_UNKNOWN = uuid.UUID("1b6f6a35-9d0c-4c0e-8a55-3c2f7d1e9b40")


def decode_events(body: bytes, content_type: str, rules: Rules = DEFAULT) -> tuple[Run, ...]:
    """The runs of an array of execution events (or of a single one)."""
    version = api_version(content_type)
    document = _parsed(body)
    validate_events(document, version)
    return tuple(_run(event, rules) for event in (document if isinstance(document, list) else [document]))


def api_version(content_type: str) -> str:
    """The Producer API's version that a content type stands for: 1.0, 1.1 or 1.2."""
    version = CONTENT_TYPES.get(content_type.partition(";")[0].strip().lower())
    if version is None:
        raise DecodeError("no content type of the Spline Producer API", "$")
    return version


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise DecodeError(f"JSON is expected ({error.msg})", "$") from error


def _run(event: Mapping[str, Any], rules: Rules) -> Run:
    extra, labels = _mapping(event.get("extra")), _mapping(event.get("labels"))
    duration = _whole(event.get("durationNs"))
    return Run(
        agent_plan_id=normal_uuid(event["planId"]),
        timestamp=event["timestamp"],
        duration_ns=_whole(extra.get("durationNs")) if duration is None else duration,
        app_id=_text(extra.get("appId")),
        user=_text(extra.get("user")),
        error=_error(event.get("error")),
        job_run=jobs.run_id(labels, extra),
        facts=_facts(extra, rules) if event.get("error") is None else (),
    )


def _facts(extra: Mapping[str, Any], rules: Rules) -> tuple[tuple[str, str], ...]:
    """Versions of tables, as the agent in Python tells them: of what was written, and of what was read."""
    written, told = _mapping(extra.get("writtenVersion")), extra.get("readVersions")
    facts: dict[str, str] = {}
    if version := _text(written.get("version")):
        facts = {"tableVersion": version[:_LONGEST_VERSION], "tableFormat": _text(written.get("format")) or ""}
    reads = [_mapping(one) for one in told] if isinstance(told, list) else []
    named = {
        canonical(dataset, rules): (_text(one.get("format")) or "", version[:_LONGEST_VERSION])
        for one in reads[:_MOST_READS]
        if (dataset := _text(one.get("dataset"))) and (version := _text(one.get("version")))
    }
    if named:
        facts[READ_VERSIONS] = read_versions(named)
    return tuple(sorted((key, value) for key, value in facts.items() if value))


_LONGEST_VERSION, _MOST_READS = 200, 1_000


def _whole(value: object) -> int | None:
    """A number that API 1.0 may send as text, in `extra`, where nothing is checked."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(_LARGEST)):
        value = int(value)
    whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST
    return value if isinstance(value, int) and whole else None


_LARGEST = 2**63 - 1


def _error(error: Any) -> str | None:
    """Class and first line; an error that is no text is still one."""
    if error is None:
        return None
    lines = error.strip().splitlines() if isinstance(error, str) else []
    return lines[0] if lines else "error"


def _plan(
    wire: WirePlan,
    identity: str,
    version: str,
    rules: Rules,
    queries: Mapping[str, JdbcQuery],
    named: Mapping[str, Sequence[Name]],
) -> Plan:
    uris = {op: [name.uri for name in listed] for op, listed in named.items()}
    found = bounded(resolve(wire, uris, queries))
    job, job_run = jobs.identify(wire.name, wire.labels, wire.extra)
    target = datasets.target(wire, named, found.names, rules)
    return Plan(
        agent_plan_id=identity,
        job=job,
        target=target,
        effect=datasets.effect(wire, named),
        command=wire.operations[wire.write].name,
        role=datasets.role(wire),
        inputs=_bounded_inputs(datasets.inputs(wire, named, found.unused, rules, queries), found),
        columns=tuple(_column(name, value) for name, value in zip(found.names, found.values, strict=False)),
        derivations=_derivations(found, target),
        shared=tuple(_shared(found)),
        row_sources=tuple(RowSource(dataset, column) for dataset, column in found.row_sources),
        dependencies=tuple(
            _dependency(influence, use) for influence, use in sorted(found.dependencies.items(), key=_key)
        ),
        operations=_operations(wire, named, found),
        api_version=version,
        agent=wire.agent,
        system=wire.system,
        time_travel=datasets.may_travel(wire),
        job_run=job_run,
        renames=_renames(wire, found, target),
    )


def bounded(found: PlanColumns) -> PlanColumns:
    """The columns with at most `MOST_EDGES` sources together, and keys as many.

    Columns with fewer sources are kept before those with more; columns with the same number are treated alike, so that
    the same plan always keeps the same. What is left out is unresolved, and its text says how many sources it had.
    Sources that columns have in common are treated as one column.
    """
    left_out = found.unresolved
    dependencies = found.dependencies
    if len(dependencies) > MOST_EDGES:
        dependencies, left_out = {}, left_out | {found.write}
    sizes = Counter(count_sources(value) for value in (*found.values, *found.shared.values()))
    room, largest = MOST_EDGES, 0
    for size, columns in sorted(sizes.items()):
        room -= size * columns
        if room < 0:
            break
        largest = size
    shared = {column: value for column, value in found.shared.items() if count_sources(value) <= largest}
    gone = found.shared.keys() - shared.keys()
    values = tuple(
        v if count_sources(v) <= largest and gone.isdisjoint(_columns_of(v)) else _uncounted(v, found)
        for v in found.values
    )
    if room < 0:
        left_out |= {found.write}
    return replace(found, values=values, dependencies=dependencies, unresolved=left_out, shared=shared)


def _renames(wire: WirePlan, found: PlanColumns, target: Dataset) -> tuple[tuple[str, str], ...]:
    """The columns of the target to which the plan gives another name, and does nothing else."""
    if wire.operations[wire.write].name != RENAME:
        return ()
    pairs = ((name, value.direct) for name, value in zip(found.names, found.values, strict=False))
    sources = ((name, next(iter(direct))) for name, direct in pairs if len(direct) == 1)
    return tuple((old, new) for new, (uri, old) in sources if uri == target.uri and old != new.lower())


def _columns_of(value: Value) -> set[Column]:
    return {*value.direct, *(influence.column for influence in value.indirect)}


def _uncounted(value: Value, found: PlanColumns) -> Value:
    shared = _columns_of(value) & found.shared.keys()
    sources = count_sources(value) + sum(count_sources(found.shared[column]) - 1 for column in shared)
    return unresolved(concat([value.text, f" ({sources:,} sources: a plan keeps {MOST_EDGES:,} at most)"]))


def _bounded_inputs(inputs: tuple[Dataset, ...], found: PlanColumns) -> tuple[Dataset, ...]:
    """The datasets that are read; with more than `MOST_EDGES` columns together, only with those that are used."""
    if sum(len(dataset.columns) for dataset in inputs) <= MOST_EDGES:
        return inputs
    used = {column for value in (*found.values, *found.shared.values()) for column in _columns_of(value)}
    used |= {influence.column for influence in found.dependencies}
    return tuple(replace(d, columns=tuple(c for c in d.columns if (d.uri, c.lower()) in used)) for d in inputs)


def _operations(wire: WirePlan, named: Mapping[str, Sequence[Name]], found: PlanColumns) -> Any:
    return describe.operations(wire, named, found.unresolved)


def _column(name: str, value: Value) -> OutputColumn:
    if value.direct:
        return OutputColumn(name, resolved=not value.unresolved)
    return OutputColumn(name, _origin(value), not value.unresolved, str(value.text) or None, value.text.form)


def _origin(value: Value) -> Origin:
    if value.unresolved:
        return Origin.UNRESOLVED
    if value.generated:
        return Origin.GENERATED
    subtypes = {influence.subtype for influence in value.indirect}
    if Subtype.CONDITIONAL in subtypes:
        return Origin.CONDITIONAL
    return Origin.GENERATED if subtypes else Origin.CONSTANT


def _derivations(found: PlanColumns, target: Dataset) -> tuple[Derivation, ...]:
    out = []
    for name, value in zip(found.names, found.values, strict=False):
        own = (target.uri, name.lower())
        direct = (item for item in value.direct.items() if not is_stand_in(item[0]))
        indirect = (item for item in value.indirect.items() if not is_stand_in(item[0].column))
        out += [_direct(name, column, use, value, own) for column, use in sorted(direct)]
        out += [_indirect(name, i, use, own) for i, use in sorted(indirect, key=_key)]
    return tuple(out)


def _shared(found: PlanColumns) -> Iterator[SharedSources]:
    """The sources that output columns have in common, with these columns."""
    for column, sources in found.shared.items():
        inexact = not any(use.exact for use in sources.direct.values())  # seen on the column's own edge as well
        targets = []
        for name, value in zip(found.names, found.values, strict=False):
            if column in value.direct:
                use = value.direct[column]
                use = use._replace(exact=False) if inexact else use
                targets.append(_direct(name, column, use, value, _NO_COLUMN))
            indirect = (item for item in value.indirect.items() if item[0].column == column)
            targets += [_indirect(name, i, use, _NO_COLUMN) for i, use in sorted(indirect, key=_key)]
        direct = (_direct("", c, use, Value(), _NO_COLUMN) for c, use in sorted(sources.direct.items()))
        keys = sorted(sources.indirect.items(), key=_key)
        yield SharedSources(tuple(targets), (*direct, *(_indirect("", i, use, _NO_COLUMN) for i, use in keys)))


_NO_COLUMN: Column = ("", "")


def _direct(name: str, column: Column, use: Use, value: Value, own: Column) -> Derivation:
    return Derivation(
        target=name,
        source_dataset=column[0],
        source_column=column[1],
        type=DependencyType.DIRECT,
        subtype=STRENGTH[use.strength],
        masking=use.masking,
        exact=use.exact,
        source_field=_fields(use),
        expression=str(value.text) or None,
        form=value.text.form,
        carried=column == own,
    )


def _indirect(name: str, influence: Influence, use: Use, own: Column) -> Derivation:
    return Derivation(
        target=name,
        source_dataset=influence.column[0],
        source_column=influence.column[1],
        type=DependencyType.INDIRECT,
        subtype=influence.subtype,
        masking=use.masking,
        exact=use.exact,
        source_field=_fields(use),
        expression=str(use.text) if use.text is not None else None,
        form=use.text.form if use.text is not None else None,
        carried=influence.column == own,
    )


def _dependency(influence: Influence, use: Use) -> Dependency:
    return Dependency(
        source_dataset=influence.column[0],
        source_column=influence.column[1],
        subtype=influence.subtype,
        exact=use.exact,
        source_field=_fields(use),
        expression=str(use.text) if use.text is not None else None,
        form=use.text.form if use.text is not None else None,
    )


def _key(item: tuple[Influence, Use]) -> tuple[Column, str]:
    return item[0].column, item[0].subtype.value


def _fields(use: Use) -> str | None:
    return ", ".join(sorted(use.fields)) if use.fields else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
