"""Queries that answer in rows: what a job ran, what a plan does, what there is. One function a query.

Each takes the graph and the typed parameters and gives one page. Where the store sorts, it also cuts.
"""

from __future__ import annotations

import json
from typing import Any

from gremlin_python.process.graph_traversal import GraphTraversal, GraphTraversalSource, __
from gremlin_python.process.traversal import Order, P, T
from gremlin_python.statics import long

from headwater.graphmodel.constants import NONE, constants_of, filled
from headwater.graphmodel.ids import split_node
from headwater.queries.answers.page import Page, Row, Values, page, slice_page
from headwater.queries.tracing.facts import facts_of
from headwater.queries.tracing.rows import rows
from headwater.queries.tracing.walk import DeadlinePassed

#: Properties of a run, and of a version what its agent tells of the data.
OF_RUNS = ("timestamp", "durationNs", "status", "error", "appId", "user", "jobRun", "runId", "parentJob", "parentRun")
TOLD = ("rowCount", "byteCount", "fileCount", "tableVersion", "quality")


def datasets(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """All datasets by id, or one, with the number of their columns."""
    found = g.V(values["dataset"]) if values["dataset"] else g.V().has_label("dataset").order().by(T.id)
    return _without_empty_texts(
        _page(
            found,
            values,
            id=T.id,
            name="name",
            namespace="namespace",
            columns=__.out("hasColumn").count(),
            description="description",
        )
    )


def columns(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """The columns of a dataset by id, each with the type that the newest write tells; else that of a catalogue."""
    found = g.V(values["dataset"]).out("hasColumn").order().by(T.id)
    keys = ("name", "origin", "resolved", "expression", "ambiguous", "description")
    shown = _without_empty_texts(_page(found, values, id=T.id, **{key: key for key in keys}))
    newest = g.V(values["dataset"]).in_("versionOf").has("columnTypes").order().by("timestamp", Order.desc).by(T.id)
    told = newest.limit(1).values("columnTypes").to_list()
    types: dict[str, str] = json.loads(told[0]) if told else {}
    listed = facts_of(g, [row["id"] for row in shown.rows])
    types = {**{node: one.value for node, facts in listed.items() for one in facts if one.key == "type"}, **types}
    return shown._replace(
        rows=[{**row, "type": types.get(str(row["name"]).lower(), types.get(row["id"]))} for row in shown.rows]
    )


def facts(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """What systems say of a node; of a dataset also of its columns."""
    node = values["node"]
    nodes = [node, *sorted(g.V(node).out("hasColumn").id_().to_list())] if split_node(node)[1] is None else [node]
    found = facts_of(g, nodes)
    wanted = values["key"]
    told = [
        {"node": one, **fact._asdict(), "name": fact.name or None}
        for one in nodes
        for fact in found.get(one, ())
        if wanted in (None, fact.key)
    ]
    return slice_page(told, values)


def jobs(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """All jobs by id, with the number of their logics."""
    found = g.V().has_label("job").order().by(T.id)
    plans = __.out("hasPlan").count()
    return _without_empty_texts(
        _page(found, values, id=T.id, namespace="namespace", name="name", plans=plans, description="description")
    )


def plans(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """The logics of a job by id: what each reads and writes, how often it ran and when last."""
    return _page(
        g.V(values["job"]).out("hasPlan").order().by(T.id),
        values,
        id=T.id,
        target="target",
        effect="effect",
        reads=__.out("reads").id_().order().fold(),
        runs=__.in_("executes").count(),
        failed=__.in_("executes").has("status", "failed").count(),
        lastRun=__.in_("executes").values("timestamp").max_(),
    )


def runs(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """The runs of a job, newest first."""
    found = g.V(values["job"]).out("hasPlan").in_("executes").order().by("timestamp", Order.desc).by(T.id)
    return _page(found, values, id=T.id, **{key: key for key in OF_RUNS}, plan=__.out("executes").id_())


def run(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """What a run executed, used and generated, and the other report of the same write."""
    edges = g.V(values["run"]).both_e("executes", "used", "generated", "sameWriteAs")
    cells = {
        "relation": T.label,
        "id": __.other_v().id_(),
        "dataset": __.other_v().values("dataset"),
        "timestamp": __.other_v().values("timestamp"),
        "effect": __.other_v().values("effect"),
        "partition": __.other_v().values("partition"),
        "certain": "certain",
    }
    found = rows(edges, cells)
    order = {"executes": 0, "used": 1, "generated": 2, "sameWriteAs": 3}
    shown = slice_page(sorted(found, key=lambda row: (order[row["relation"]], row["id"])), values)
    # Which version a run used is what was known to have been written before it.
    used = {row["dataset"] for row in found if row["relation"] == "used"}
    return shown._replace(writes_of=used)


def dataset_versions(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """The states of a dataset, newest first, each with the run that made it; the initial one has no time."""
    found = g.V(values["dataset"]).in_("versionOf")
    found = found.order().by(__.coalesce(__.values("timestamp"), __.constant(0)), Order.desc).by(T.id)
    shown = _page(
        found,
        values,
        id=T.id,
        timestamp="timestamp",
        effect="effect",
        partition="partition",
        run=__.in_("generated").id_(),
        previous=__.out("appendsTo").id_(),
        **{name: _told(name) for name in TOLD},
    )
    checked = _checked(g, values["dataset"])
    return shown._replace(rows=[{**row, "quality": row["quality"] or checked.get(row["id"])} for row in shown.rows])


def _checked(g: GraphTraversalSource, dataset: str) -> dict[str, str]:
    """By version what jobs found that checked the data: each saw the newest version before its last check."""
    found: dict[str, dict[str, Any]] = {}
    for fact in facts_of(g, [dataset]).get(dataset, ()):
        if fact.key == "quality":
            before = g.V(dataset).in_("versionOf").has("timestamp", P.lte(long(fact.at)))
            for version in before.order().by("timestamp", Order.desc).by(T.id).limit(1).id_().to_list():
                merged = found.setdefault(version, {})
                for name, told in fact.value.items():
                    merged[name] = _merged(merged.get(name, {}), told)
    return {version: json.dumps(told, sort_keys=True, ensure_ascii=False) for version, told in found.items()}


def _merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Two jobs' say of one facet: lists one after the other, else the second's."""
    both = {name: first[name] + second[name] for name in first.keys() & second.keys() if isinstance(first[name], list)}
    return {**first, **second, **both}


def _told(name: str) -> GraphTraversal:
    """A property of a version, told by the agent that reported it, or by another one that reported the same write."""
    other = __.in_("generated").both("sameWriteAs").out("generated").values(name)
    return __.coalesce(__.values(name), other).limit(1)


def operations(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """The operations of a plan in the order in which data flows, each with those that feed it."""
    cells = {
        "id": T.id,
        "name": "name",
        "kind": "kind",
        "expression": "expression",
        "follows": __.out("follows").id_().order().fold(),
    }
    found = rows(g.V(values["plan"]).out("hasOperation").order().by(T.id), cells)
    shown = g.V(values["plan"]).has("constants").values("constants").limit(1).to_list()
    known = constants_of(shown[0]) if shown else NONE
    for row in found:
        row["expression"] = row["expression"] and filled(row["expression"], known)
    return slice_page(_in_flow(found), values)


def stats(g: GraphTraversalSource, values: Values, _: DeadlinePassed) -> Page:
    """How many vertices and edges there are, by label."""
    counted = [
        {"kind": kind, "label": label, "count": count}
        for kind, counts in (("vertex", g.V().group_count().by(T.label)), ("edge", g.E().group_count().by(T.label)))
        for label, count in sorted(counts.next().items())
    ]
    return slice_page(counted, values)


def _in_flow(found: list[Row]) -> list[Row]:
    """Every operation behind those that feed it, by id where the flow leaves it open. A cycle is cut where met."""
    by_id = {row["id"]: row for row in found}
    done: dict[str, Row] = {}
    entered: set[str] = set()
    stack = [(key, False) for key in sorted(by_id, reverse=True)]
    while stack:
        key, fed = stack.pop()
        if fed:
            done[key] = by_id[key]
        elif key not in entered:
            entered.add(key)
            stack.append((key, True))
            stack.extend((feeder, False) for feeder in reversed(by_id[key]["follows"]) if feeder in by_id)
    return list(done.values())


def _without_empty_texts(page: Page) -> Page:
    """The page with None for the empty texts that views of the graph use: an upsert cannot take a property away."""
    return page._replace(
        rows=[{key: None if value == "" else value for key, value in row.items()} for row in page.rows]
    )


def _page(found: GraphTraversal, values: Values, **cells: Any) -> Page:
    """The page that is asked for; see `tracing.rows` for the cells."""
    start = values["next"]
    return page(rows(found.range_(start, start + values["limit"] + 1), cells), values)
