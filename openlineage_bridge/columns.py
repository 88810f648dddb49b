"""Column lineage of one output, from the facet `columnLineage` of any version, and from the facet `lineage`.

Versions: up to 1-0 an output column has one ``transformationType``; from 1-1 on each input has ``transformations``, and
from 1-2 on what the whole output depends on stands once, in ``dataset``. Producers without transformations (dbt, SQL
parsers) say only that there is a dependency: it is DIRECT, and not exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from headwater.graphmodel.model import Dependency, DependencyType, Derivation, Origin, OutputColumn, Subtype
from headwater.openlineage_bridge.events import Json

#: (namespace, name) of an input -> its dataset's URI; None: it is none.
UriOf = Callable[[str, str], str | None]

#: Columns that Iceberg adds to a row that it looks for: where the row is, and no data. Other tables can have such ones.
_METADATA = frozenset({"_file", "_pos", "_spec_id", "_partition", "_deleted"})
_DIRECT = (Subtype.IDENTITY, Subtype.TRANSFORMATION, Subtype.AGGREGATION)
#: Column edges that one output may have, as many as a plan of Spline's: each costs the graph some 0.3 ms and 25 kB of
#: memory while it is stored. What is beyond is unresolved.
MOST_EDGES = 20_000

OWN = "headwater_dataset"
"""The facet in which Headwater, as a producer, says why columns have no source, and of partitions (`emit`)."""

OWN_RUN = "headwater_run"
"""The facet in which Headwater, as a producer, says whose run it is, and which columns are not exact (`emit`)."""

SOURCE = "HEADWATER"
"""The integration that Headwater names as the producer of a run, and the source of the tags that it publishes."""

_ROLES: Mapping[str, Subtype] = Subtype.__members__
#: Roles that are one column's own; any other that all columns have is of the whole output.
_OWN = (Subtype.CONDITIONAL, Subtype.WINDOW)


@dataclass(frozen=True)
class Columns:
    """Columns of one output, each with its sources, and what the whole output depends on."""

    columns: tuple[OutputColumn, ...] = ()
    derivations: tuple[Derivation, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    sources: frozenset[str] = frozenset()  #: the datasets that are named
    told: bool = False  #: whether the producer says anything of columns


@dataclass(frozen=True)
class _Use:
    """One transformation of one input column."""

    dataset: str
    column: str
    type: DependencyType
    subtype: Subtype
    masking: bool
    exact: bool
    expression: str | None
    field: str | None


def columns(
    facets: Mapping[str, Json],
    schemas: Mapping[str, frozenset[str]],
    uri_of: UriOf,
    *,
    exact_roles: bool = False,
    as_queried: bool = False,
) -> Columns:
    """The column lineage of an output, out of its facets. `schemas`: the columns of inputs, as far as they are known.

    A column of the schema without an entry is unresolved: the producer does not tell a constant from what it did not
    see, unless it is another Headwater (`OWN`). `exact_roles`: a filter by a key of a join is one, no null check of
    Spark's. `as_queried`: the columns of the facet have the names that a query gives them, not those of the table.
    """
    own = _told_by_headwater(facets.get(OWN, {}))
    names = tuple(dict.fromkeys(field_names(facets)))
    lineage = facets.get("lineage")
    fields, whole = _from_lineage(lineage) if lineage else _from_column_lineage(facets.get("columnLineage", {}))
    told = is_told(facets)
    # Engines write names in one case, parsers of SQL as the query has them: the schema's spelling counts.
    spelled = {name.lower(): name for name in names} | {name: name for name in names}
    uses: dict[str, list[_Use]] = {}
    for name, (entries, kind) in fields.items():
        spelling = spelled.get(name) or spelled.get(name.lower(), name)
        uses.setdefault(spelling, []).extend(_uses(entries, schemas, uri_of, kind))
    if as_queried:
        uses, unclear = _of_the_table(names, uses)
        own = {**own, **unclear}
    dependencies = list(_dependencies(_uses(whole, schemas, uri_of, None)))
    if uses and not whole:
        common = _common(uses.values())
        dependencies += _dependencies(common)
        uses = {name: [use for use in its if use not in common] for name, its in uses.items()}
    if sum(map(len, uses.values())) + len(dependencies) > MOST_EDGES:
        named = {use.dataset for its in uses.values() for use in its} | {d.source_dataset for d in dependencies}
        listed = dict.fromkeys([*names, *uses])
        return Columns(
            tuple(own.get(name) or _column(name, ()) for name in listed), sources=frozenset(named), told=told
        )
    derivations = tuple(
        Derivation(
            target=name,
            source_dataset=use.dataset,
            source_column=use.column,
            type=use.type,
            subtype=use.subtype,
            masking=use.masking,
            exact=use.exact,
            source_field=use.field,
            expression=use.expression,
        )
        for name, its in uses.items()
        for use in its
    )
    listed = dict.fromkeys([*names, *uses])
    sources = {d.source_dataset for d in derivations} | {d.source_dataset for d in dependencies}
    return Columns(
        columns=tuple(own.get(name) or _column(name, uses.get(name, ())) for name in listed),
        derivations=derivations,
        dependencies=tuple(dict.fromkeys(dependencies) if exact_roles else _without_null_checks(dependencies)),
        sources=frozenset(sources.union(_inputs(lineage, uri_of))),
        told=told,
    )


def _of_the_table(
    names: Sequence[str], uses: Mapping[str, list[_Use]]
) -> tuple[dict[str, list[_Use]], dict[str, OutputColumn]]:
    """The uses by the columns of the table, and those columns of which it is not clear which of these are theirs.

    ``INSERT INTO t (total) SELECT amount * 2``: parsers of SQL call the column ``_0``, where the table has ``total``.
    What a table does not have is none of its columns: it is in one of those that have no entry, and may be in each.
    """
    known = {name.lower() for name in names}
    told = {name.lower() for name in uses}
    others = [name for name in uses if name.lower() not in known]
    free = [name for name in names if name.lower() not in told]
    if not others or not free:
        return dict(uses), {}
    shared = list(dict.fromkeys(replace(use, exact=False) for name in others for use in uses[name]))
    placed = {name: its for name, its in uses.items() if name.lower() in known} | dict.fromkeys(free, shared)
    clear = len(free) == len(others) == 1
    return placed, {} if clear else {name: OutputColumn(name, resolved=False) for name in free}


def is_told(facets: Mapping[str, Json]) -> bool:
    """Whether the producer says anything of an output's columns."""
    return bool(facets.get("lineage")) or "columnLineage" in facets


def field_names(facets: Mapping[str, Json]) -> Iterator[str]:
    """The columns in the facet `schema`, in order, without nested ones; of a table of Iceberg without `_METADATA`."""
    fields = facets.get("schema", {}).get("fields")
    told = (facets.get("storage", {}).get("storageLayer"), facets.get("catalog", {}).get("framework"))
    no_data = _METADATA if "iceberg" in told else frozenset()
    for one in fields if isinstance(fields, list) else ():
        if isinstance(one, dict) and isinstance(one.get("name"), str) and one["name"] and one["name"] not in no_data:
            yield one["name"]


def field_types(facets: Mapping[str, Json]) -> dict[str, str]:
    """Column in lower case -> its type as the producer says it."""
    fields = facets.get("schema", {}).get("fields")
    listed = [one for one in fields if isinstance(one, dict)] if isinstance(fields, list) else []
    return {
        one["name"].lower(): one["type"]
        for one in listed
        if isinstance(one.get("name"), str) and isinstance(one.get("type"), str)
    }


_Entries = tuple[list[Json], str | None]


def _from_column_lineage(facet: Json) -> tuple[dict[str, _Entries], list[Json]]:
    fields = facet.get("fields")
    found: dict[str, _Entries] = {}
    for name, entry in fields.items() if isinstance(fields, dict) else ():
        if isinstance(entry, dict) and isinstance(name, str) and name:
            kind = entry.get("transformationType")
            found[name] = (_objects(entry.get("inputFields")), kind if isinstance(kind, str) else None)
    return found, _objects(facet.get("dataset"))


def _from_lineage(facet: Json) -> tuple[dict[str, _Entries], list[Json]]:
    """The experimental facet `lineage`: an input of the dataset with a field is what the whole output depends on."""
    fields = facet.get("fields")
    found: dict[str, _Entries] = {
        name: (_datasets(entry.get("inputs")), None)
        for name, entry in (fields.items() if isinstance(fields, dict) else ())
        if isinstance(entry, dict) and isinstance(name, str) and name
    }
    return found, [one for one in _datasets(facet.get("inputs")) if one.get("field")]


def _inputs(lineage: Json | None, uri_of: UriOf) -> Iterator[str]:
    """The datasets that the facet `lineage` names as sources of the whole, with no column of theirs."""
    for one in _datasets((lineage or {}).get("inputs")):
        namespace, name = one.get("namespace"), one.get("name")
        if isinstance(namespace, str) and isinstance(name, str) and (uri := uri_of(namespace, name)):
            yield uri


def _datasets(entries: Any) -> list[Json]:
    return [one for one in _objects(entries) if one.get("type", "DATASET") == "DATASET"]


def _objects(entries: Any) -> list[Json]:
    return [one for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []


def _uses(
    entries: Iterable[Json], schemas: Mapping[str, frozenset[str]], uri_of: UriOf, kind: str | None
) -> Iterator[_Use]:
    for entry in entries:
        namespace, name, field = (entry.get(key) for key in ("namespace", "name", "field"))
        if not (isinstance(namespace, str) and isinstance(name, str) and isinstance(field, str) and field):
            continue
        dataset = uri_of(namespace, name)
        known = schemas.get(dataset, frozenset()) if dataset is not None else frozenset()
        if dataset is None or field.lower() in _METADATA - known:
            continue
        column, nested = _top_level(field, known)
        for type_, subtype, masking, exact, text in dict.fromkeys(_transformations(entry, kind)):
            yield _Use(dataset, column, type_, subtype, masking, exact, text, nested)


def _top_level(field: str, known: frozenset[str]) -> tuple[str, str | None]:
    """The column that a field is in, and its path if it is nested: ``address.city`` is in ``address``."""
    first = field.partition(".")[0]
    return (first, field) if first != field and field.lower() not in known and first.lower() in known else (field, None)


_Transformation = tuple[DependencyType, Subtype, bool, bool, str | None]


def _transformations(entry: Json, kind: str | None) -> Iterator[_Transformation]:
    given = _objects(entry.get("transformations"))
    if not given:
        identity = (kind or "").upper() == "IDENTITY"
        subtype = Subtype.IDENTITY if identity else Subtype.TRANSFORMATION
        yield DependencyType.DIRECT, subtype, (kind or "").upper() == "MASKED", identity, None
    for one in given:
        role = _ROLES.get(str(one.get("subtype") or "").upper())
        direct = str(one.get("type") or "DIRECT").upper() == "DIRECT"
        fits = role is not None and (role in _DIRECT) is direct
        if role is None or not fits:
            role = Subtype.TRANSFORMATION if direct else Subtype.FILTER
        text = one.get("description")
        expression = text if isinstance(text, str) and text.strip() else None
        type_ = DependencyType.DIRECT if direct else DependencyType.INDIRECT
        yield type_, role, one.get("masking") is True, fits, expression


def _common(all_uses: Iterable[list[_Use]]) -> dict[_Use, None]:
    """The INDIRECT uses that every column has, as agents before 1.37 repeat what the whole output depends on.

    In order, each once. Sets, as one column can have as many uses as a body has room for.
    """
    first, *others = all_uses
    found = {use for use in first if use.type is DependencyType.INDIRECT and use.subtype not in _OWN}
    for its in others:
        found.intersection_update(its)
    return dict.fromkeys(use for use in first if use in found)


def _dependencies(uses: Iterable[_Use]) -> Iterator[Dependency]:
    """All of them INDIRECT. A filter or sort by an expression comes as DIRECT: it depends, and its role is lost."""
    for use in uses:
        exact = use.exact and use.type is DependencyType.INDIRECT
        yield Dependency(use.dataset, use.column, use.subtype, exact, use.field, use.expression)


def _without_null_checks(dependencies: list[Dependency]) -> Iterator[Dependency]:
    """Without the FILTER beside a JOIN by the same column: Spark adds IS NOT NULL to each key of a join."""
    joined = {(d.source_dataset, d.source_column) for d in dependencies if d.subtype is Subtype.JOIN}
    for d in dict.fromkeys(dependencies):
        if d.subtype is not Subtype.FILTER or (d.source_dataset, d.source_column) not in joined:
            yield d


def _told_by_headwater(facet: Json) -> dict[str, OutputColumn]:
    """Columns of which another Headwater says why they have no, or not all, sources; by name."""
    found = {}
    for one in _objects(facet.get("columns")):
        name, origin, expression = one.get("name"), one.get("origin"), one.get("expression")
        known = Origin(origin) if origin in _ORIGINS else None
        if isinstance(name, str) and (known is not None or one.get("resolved") is False):
            text = expression if isinstance(expression, str) else None
            found[name] = OutputColumn(name, known, resolved=one.get("resolved") is not False, expression=text)
    return found


_ORIGINS = tuple(origin.value for origin in Origin)


def _column(name: str, uses: Iterable[_Use]) -> OutputColumn:
    its = list(uses)
    if any(use.type is DependencyType.DIRECT for use in its):
        return OutputColumn(name)
    roles = {use.subtype for use in its}
    if Subtype.CONDITIONAL in roles:
        return OutputColumn(name, Origin.CONDITIONAL)
    if Subtype.WINDOW in roles:
        return OutputColumn(name, Origin.GENERATED)
    return OutputColumn(name, Origin.UNRESOLVED, resolved=False)
