"""What each plan derives columns and datasets from, as sets: two plans, or two times, are compared by these."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import P, T

from headwater.graphmodel.columns import PARTIAL, claims_in
from headwater.graphmodel.constants import MOST_SHOWN, NONE, Constants, cut, filled, has_placeholder
from headwater.graphmodel.ids import column_id
from headwater.graphmodel.now import Contribution
from headwater.graphmodel.shared import Link
from headwater.queries.answers.page import Row
from headwater.queries.tracing.rows import without_carried
from headwater.queries.tracing.shared_sources import pairs_joined, shared_in
from headwater.queries.tracing.walk import chunks


class Source(NamedTuple):
    """One source of a column, or of the rows of a dataset. A constant has no `source`, but the literal `expression`."""

    source: str = ""
    type: str = ""
    subtype: str = ""
    expression: str = ""
    sourceField: str = ""  # noqa: N815 - the graph's own name
    masking: bool = False


Derivations = frozenset[Source]
_KEYS = ("type", "subtype", "expression", "sourceField", "masking")


class PlanDerivations:
    """The derivations of some columns and datasets, by plan. Those of a dataset are what its rows depend on."""

    def __init__(self, g: GraphTraversalSource, nodes: Sequence[str], plans: Sequence[str] | None = None) -> None:
        """Reads the derivations by these plans; `plans` None: by all that ever wrote the nodes."""
        self._sources: dict[str, dict[str, set[Source]]] = defaultdict(lambda: defaultdict(set))
        columns, datasets = ([n for n in nodes if ("#" in n) == column] for column in (True, False))
        for label, owners in (("everDerivesFrom", columns), ("everDependsOn", [*columns, *datasets])):
            for ids in chunks(owners):
                edges = _edges(g, ids, label, plans)
                shared = shared_in(row["source"] for row in edges)
                self._add_edges([*edges, *(row for some in chunks(shared) for row in _edges(g, some, label, plans))])
        self._add_origins(g, set(columns), plans)

    @property
    def with_constants(self) -> set[str]:
        """The plans that have literals in an expression."""
        return {
            plan
            for by_plan in self._sources.values()
            for plan, sources in by_plan.items()
            if any(has_placeholder(source.expression) for source in sources)
        }

    def of(
        self, node: str, contribution: Mapping[str, Contribution], constants: Mapping[str, Constants]
    ) -> Derivations:
        """What a node was derived from when these plans contributed to its dataset, with these constants."""
        return frozenset(
            source
            for plan, contributed in contribution.items()
            for source in self.of_plan(node, plan, contributed, constants.get(plan, NONE))
        )

    def of_plan(self, node: str, plan: str, contribution: Contribution, constants: Constants) -> Derivations:
        """What a node was derived from by one plan that contributed to its dataset, with these constants."""
        column = node.partition("#")[2]
        if column and contribution.columns is not None and column not in contribution.columns:
            return frozenset()
        return frozenset(
            source._replace(expression=filled(source.expression, constants))
            for source in self._sources.get(node, {}).get(plan, ())
        )

    def nodes_by_plan(self, nodes: Iterable[str]) -> dict[str, list[str]]:
        """Of these nodes, those that each plan derives from something."""
        found: dict[str, list[str]] = defaultdict(list)
        for node in nodes:
            for plan in self._sources.get(node, ()):
                found[plan].append(node)
        return found

    def _add_edges(self, edges: Iterable[Row]) -> None:
        for row in pairs_joined(edges, _read, _made):
            self._sources[row["target"]][row["plan"]].add(
                Source(row["source"], **{key: row[key] for key in _KEYS if key in row})
            )

    def _add_origins(self, g: GraphTraversalSource, columns: set[str], plans: Sequence[str] | None) -> None:
        if plans is None:
            datasets = sorted({column.partition("#")[0] for column in columns})
            plans = [plan for ids in chunks(datasets) for plan in g.V(ids).in_("writes").dedup().id_().to_list()]
        for ids in chunks(plans):
            rows = (
                g.V(ids)
                .has("origins", P.neq(""))
                .project("plan", "target", "origins")
                .by(T.id)
                .by("target")
                .by("origins")
            )
            for row in rows.to_list():
                for claim in claims_in(row["origins"], Contribution()):
                    column = column_id(row["target"], claim.column)
                    if claim.says != PARTIAL and column in columns:
                        self._sources[column][row["plan"]].add(Source(subtype=claim.says, expression=claim.expression))


def _edges(g: GraphTraversalSource, ids: list[str], label: str, plans: Sequence[str] | None) -> list[Row]:
    edges = without_carried(g.V(ids).out_e(label))
    edges = edges if plans is None else edges.has("plan", P.within([*plans, ""]))
    rows = edges.project("target", "source", "plan", *_KEYS).by(__.out_v().id_()).by(__.in_v().id_()).by("plan")
    for key in _KEYS:
        rows = rows.by(key)
    found: list[Row] = rows.to_list()
    return found


def _read(row: Row) -> tuple[str, str, str, Link]:
    shown = (row.get("sourceField"), row.get("expression"))
    link = Link(row["type"], row.get("subtype", ""), row.get("masking", False), True, *shown)  # noqa: FBT003
    return row["source"], row["target"], row["plan"], link


def _made(use: Row, source: Row, link: Link) -> Row:
    told = {
        "type": link.type,
        "subtype": link.subtype,
        "expression": link.expression,
        "sourceField": link.source_field,
        "masking": link.masking,
    }
    ends = {"target": use["target"], "source": source["source"], "plan": use["plan"]}
    return {**ends, **{key: value for key, value in told.items() if value is not None}}


def sources_of(derivations: Derivations) -> list[str]:
    """The ids of the source columns, in order."""
    return sorted({d.source for d in derivations if d.source})


def text_of(derivations: Derivations) -> str | None:
    """The expressions as text, or the subtype of a derivation without expression; None if there are no derivations."""
    return joined(sorted({shown(d) for d in derivations}))


def shown(source: Source) -> str:
    """A derivation as text."""
    return source.expression or source.subtype.lower() or "rows"


def joined(texts: Sequence[str]) -> str | None:
    """Texts of derivations as one, about 2,000 characters at most: a dataset can be appended to by a thousand plans."""
    return cut(" | ".join(texts), MOST_SHOWN) or None


def with_all_columns(plans: Iterable[str]) -> dict[str, Contribution]:
    """Contributions of these plans, each with all its columns: to compare plans whatever holds at present."""
    return {plan: Contribution() for plan in plans}
