"""Why an edge is there, and why two names are one: the plan and the runs behind each, and the rule in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import T

from headwater.graphmodel.constants import NONE, filled, has_placeholder
from headwater.graphmodel.ids import alias_id, split_node
from headwater.graphmodel.shared import Link
from headwater.queries.answers.page import Page, Row, Values, slice_page
from headwater.queries.tracing import constants
from headwater.queries.tracing.rows import rows
from headwater.queries.tracing.shared_sources import pairs_joined, shared_in
from headwater.queries.tracing.walk import DeadlinePassed, chunks

COLUMNS = (
    *("what", "target", "source", "type", "subtype", "rule", "expression", "holds"),
    *("job", "plan", "agentPlanIds", "runs", "firstRun", "lastRun"),
)

#: What each subtype says, in words; they are OpenLineage's.
RULES: Mapping[str, str] = {
    "IDENTITY": "the value as it is: copied, renamed, or a group key",
    "TRANSFORMATION": "made of it, row by row",
    "AGGREGATION": "made of many of its values: over a group or a window",
    "FILTER": "it decides which rows there are: WHERE, HAVING, EXISTS, IN, EXCEPT, INTERSECT, MERGE",
    "JOIN": "rows were matched by it",
    "GROUP_BY": "rows were grouped, or told apart, by it",
    "SORT": "rows were ordered by it",
    "WINDOW": "a window was partitioned or ordered by it",
    "CONDITIONAL": "a CASE or IF looked at it",
}
_CARRIED = "the rows that a MERGE, UPDATE, DELETE or a job that reads what it writes left as they were"
_READ = "the plan reads it and does not say of its columns what becomes of them"
_COLUMNS = "columns of it are made of columns of this dataset; each of them is explained if it is asked for"
_ROWS = "its rows decide which rows there are, whatever its columns hold"
_SPELLING = "a payload called it so, a system lists it so, or it is the same name written otherwise"
_OTHERS = (
    "it is another name of that dataset too: which one is meant, the name alone does not say, so it stands for itself"
)

_LABELS = (("derivesFrom", "dependsOn"), ("everDerivesFrom", "everDependsOn"))
_EDGE = ("type", "subtype", "expression", "carried", "columns", "job", "plan")
#: The cells of an edge; see `rows`.
_CELLS = {"target": __.out_v().id_(), "source": __.in_v().id_(), **{key: key for key in _EDGE}}


def explain(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """The edges from a dataset or column to `source`, or to all that it is made of; and its other names."""
    found = {_identity(row): row for row in _edges(g, values, _LABELS[1])}
    now = {_identity(row): row for row in _edges(g, values, _LABELS[0])}
    _fill(g, [*found.values(), *now.values()])
    plans = _plans(g, sorted({row["plan"] for row in (*found.values(), *now.values()) if row["plan"]}))
    explained: list[Row] = []
    for key in sorted(found.keys() | now.keys()):
        row = now.get(key) or found[key]
        holds = "now" if key in now else "not any more"
        explained.append({"what": "edge", **row, "rule": _rule(row), "holds": holds, **plans.get(row["plan"], {})})
    explained += [] if values["source"] else _names(g, values["node"])
    return slice_page(explained, values)


def _edges(g: GraphTraversalSource, values: Values, labels: tuple[str, ...]) -> list[Row]:
    dataset, column = split_node(values["node"])
    edges = g.V(values["node"]).out_e(*labels)
    if column:  # what the whole output depends on hangs on the dataset
        edges = g.V(values["node"], dataset).union(__.has_label("column").out_e(labels[0]), __.out_e(labels[1]))
    wanted = values["source"]
    if wanted:
        edges = edges.where(__.in_v().or_(__.has_id(wanted), __.has_label("sharedSources")))
    found = rows(edges, _CELLS)
    for ids in chunks(shared_in(row["source"] for row in found)):
        beyond = g.V(ids).out_e(labels[0])
        found += rows(beyond.where(__.in_v().has_id(wanted)) if wanted else beyond, _CELLS)
    return list(pairs_joined(found, _read, _made))


def _read(row: Row) -> tuple[str, str, str, Link]:
    link = Link(row["type"], row["subtype"] or "", expression=row["expression"])
    return row["source"], row["target"], row["plan"] or "", link


def _made(use: Row, source: Row, link: Link) -> Row:
    told = {"type": link.type, "subtype": link.subtype, "expression": link.expression}
    return {**use, "source": source["source"], **told}


def _fill(g: GraphTraversalSource, edges: list[Row]) -> None:
    """Give the expressions of these rows the literals of the newest run of their plans."""
    shown = [row for row in edges if has_placeholder(row["expression"])]
    known = constants.newest(g, {row["plan"] for row in shown}) if shown else {}
    for row in shown:
        row["expression"] = filled(row["expression"], known.get(row["plan"], NONE))


def _identity(row: Row) -> tuple[str, ...]:
    names = ("target", "source", "type", "subtype", "plan", "expression")
    return tuple(str(row[name] or "") for name in names)


def _rule(row: Row) -> str:
    if row["carried"]:
        return _CARRIED
    whole = _ROWS if row["type"] == "INDIRECT" else _COLUMNS if row["columns"] else _READ
    return RULES.get(row["subtype"] or "", whole)


def _plans(g: GraphTraversalSource, plans: list[str]) -> dict[str, Row]:
    """Of each plan how often it ran, when first and last, and what agents call it."""
    cells = {
        "id": T.id,
        "runs": __.in_("executes").count(),
        "firstRun": __.in_("executes").values("timestamp").min_(),
        "lastRun": __.in_("executes").values("timestamp").max_(),
        "agentPlanIds": __.in_("executes").values("agentPlanId").dedup().order().fold(),
    }
    return {row.pop("id"): row for ids in chunks(plans) for row in rows(g.V(ids), cells)}


def _names(g: GraphTraversalSource, node: str) -> Iterator[Row]:
    """The other names of a dataset; and the datasets that have its own as another name."""
    dataset = split_node(node)[0]
    names = g.V(dataset).in_("aliasOf").values("name").to_list()
    for name in sorted(names):
        yield {"what": "name", "target": dataset, "source": name, "rule": _SPELLING}
    for other in sorted(g.V(alias_id(dataset)).out("aliasOf").has_label("dataset").id_().to_list()):
        if other != dataset:
            yield {"what": "name of another", "target": other, "source": dataset, "rule": _OTHERS}


_RUN = ("timestamp", "status", "agentPlanId", "appId", "jobRun", "runId")
FIND_RUNS = ("run", "job", "plan", "target", *_RUN)


def find_runs(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """The runs of an agent's plan id, a Spark application id, a Glue job run (``jr_...``) or OpenLineage's `runId`."""
    cells = {
        "run": T.id,
        "job": __.out("executes").in_("hasPlan").id_(),
        "plan": __.out("executes").id_(),
        "target": __.out("executes").values("target"),
        **{key: key for key in _RUN},
    }
    return slice_page(sorted(rows(g.V(values["id"]), cells), key=lambda row: (row["timestamp"], row["run"])), values)
