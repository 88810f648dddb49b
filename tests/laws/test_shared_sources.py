"""Sources that columns have in common are kept once, and mean the same as an edge for each pair."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from headwater.graphmodel import elements
from headwater.graphmodel.logic import Logic, logic
from headwater.graphmodel.model import DependencyType, Derivation, Plan
from headwater.graphmodel.shared import expanded
from headwater.spline_bridge import shared
from tests.unit.spline_bridge.plans import attr, document, expr, function, mapped, operation, read

Made = dict[str, Any]


@st.composite
def plans(draw: st.DrawFn) -> Made:
    """Two tables, and up to six operators over them: code that is not shown, functions, conditions, keys."""
    width = draw(st.integers(2, 9))
    columns = {side: [f"{side}{i}" for i in range(width)] for side in "tu"}
    reads = [read(f"read-{side}", f"s3://lake/{side}", names) for side, names in columns.items()]
    outputs = {f"read-{side}": names for side, names in columns.items()}
    operations: list[Made] = []
    functions: list[Made] = []
    top = "read-t"
    for number in range(draw(st.integers(1, 6))):
        key, names = f"op{number}", outputs[top]
        kind = draw(st.sampled_from(("opaque", "opaque", "added", "project", "filter", "join", "union")))
        new = [f"x{number}-{i}" for i in range(draw(st.integers(1, 9)))]
        if kind == "opaque":
            operations.append(operation(key, "MapInPandas", [top], new))
            outputs[key] = new
        elif kind == "added":
            operations.append(operation(key, "AppendColumns", [top], [*names, *new]))
            outputs[key] = [*names, *new]
        elif kind == "project":
            made = [f"f{number}-{i}" for i in range(len(new))]
            functions += [_function(draw, name, names) for name in made]
            operations.append(operation(key, "Project", [top], new, projectList=[expr(name) for name in made]))
            outputs[key] = new
        elif kind == "filter":
            functions.append(_function(draw, f"c{number}", names))
            operations.append(operation(key, "Filter", [top], names, condition=expr(f"c{number}")))
            outputs[key] = names
        elif kind == "join":
            operations.append(
                operation(key, "Join", [top, "read-u"], [*names, *columns["u"]], condition=attr(names[0]))
            )
            outputs[key] = list(dict.fromkeys([*names, *columns["u"]]))
        else:
            other = draw(st.sampled_from(sorted(outputs)))
            new = new[: min(len(names), len(outputs[other]))]
            operations.append(operation(key, "Union", [top, other], new))
            outputs[key] = new
        top = key
    return document(operations[::-1], reads=reads, functions=functions)


def _function(draw: st.DrawFn, key: str, names: list[str]) -> Made:
    operator = draw(
        st.sampled_from(("Concat", "Upper", "CaseWhen", "Coalesce", "Sha2", "aggregate.AggregateExpression"))
    )
    operands = draw(st.lists(st.sampled_from(names), min_size=1, max_size=6))
    return function(key, operator, *map(attr, operands))


def parts(derivations: object) -> Mapping[tuple[str, ...], tuple[object, ...]]:
    """What each pair of columns is said to be. Which of several expressions is shown is not looked at."""
    assert isinstance(derivations, (list, tuple))
    return {
        (d.target, d.source_dataset, d.source_column, d.type.value, d.subtype.value): (
            d.masking,
            d.exact,
            d.source_field,
        )
        for d in derivations
    }


def without_sharing(made: Callable[[], Plan]) -> Plan:
    kept, shared._FEW = shared._FEW, 10**9
    try:
        return made()
    finally:
        shared._FEW = kept


@given(plans())
def test_sharing_changes_nothing_of_what_a_plan_says(plan: Made) -> None:
    own = mapped(json.loads(json.dumps(plan)))
    other = without_sharing(lambda: mapped(plan))
    assert not other.shared
    assert parts(list(expanded(own.derivations, own.shared, own.target.uri))) == parts(other.derivations)
    assert [(c.name, c.origin, c.resolved) for c in own.columns] == [
        (c.name, c.origin, c.resolved) for c in other.columns
    ]
    assert {(d.source_dataset, d.source_column, d.subtype) for d in own.dependencies} == {
        (d.source_dataset, d.source_column, d.subtype) for d in other.dependencies
    }


@given(plans())
def test_the_edge_between_datasets_is_the_sum_of_the_pairs(plan: Made) -> None:
    own = logic(mapped(plan))
    between = {e.target: e.properties for e in elements.logic_edges(own) if "columns" in e.properties}
    for uri in own.inputs:
        derivations = [d for d in all_pairs(own) if d.source_dataset == uri]
        dependencies = [p for p in own.dependencies if p.source_dataset == uri]
        pairs = {(d.target, d.source_column) for d in derivations} | {("", p.source_column) for p in dependencies}
        direct = any(d.type is DependencyType.DIRECT for d in derivations) or not pairs
        assert between[uri]["columns"] == len(pairs)
        assert between[uri]["type"] == ("DIRECT" if direct else "INDIRECT")
        exact = all(d.exact for d in derivations) and all(p.exact for p in dependencies)
        assert between[uri]["exact"] or not (pairs and exact)


@given(plans())
def test_what_is_kept_is_never_a_product(plan: Made) -> None:
    """At most twice what the columns, and the sources that they share, come to."""
    own = mapped(plan)
    assert all(2 * (len(g.targets) + len(g.sources)) < len(g.targets) * len(g.sources) for g in own.shared)


def all_pairs(own: Logic) -> list[Derivation]:
    return list(expanded(own.derivations, own.shared, own.target))
