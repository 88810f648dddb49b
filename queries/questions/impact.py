"""Which nodes a change of a column or dataset affects: its lineage downstream, graded, with jobs and owners."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from gremlin_python.process.graph_traversal import GraphTraversalSource, __
from gremlin_python.process.traversal import P

from headwater.graphmodel.ids import split_node
from headwater.queries.answers.answer import Edge
from headwater.queries.answers.grades import Change
from headwater.queries.answers.impact import AffectedNode, Impact, UngradedJob, totals
from headwater.queries.answers.page import Values
from headwater.queries.questions import grading
from headwater.queries.questions.cadence import Cadence, cadences, owners
from headwater.queries.tracing.as_of import name_of
from headwater.queries.tracing.lineage import Question, trace_lineage
from headwater.queries.tracing.tags import ignored_jobs
from headwater.queries.tracing.walk import DeadlinePassed, chunks

_NO: Any = False  # has(key, value) of Gremlin, where a plain False would be taken for a flag
_MAX_UNGRADED = 1_000  #: reads without column lineage that are listed


def impact(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Impact:
    """The query: `values` has node, change, depth, asOf and limit."""
    question = Question("downstream", values["depth"], "all", values["asOf"], "column", values["limit"])
    answer = trace_lineage(g, values["node"], question, deadline_passed)
    graded = grading.grade(answer, Change(values["change"]))
    nodes = [*grading.columns(graded), *grading.datasets(graded)]
    unknown = tuple(
        _ungraded_jobs(g, {answer.nodes[0].dataset, *(item.id for item in nodes if item.label == "dataset")})
    )
    numbered, edges = grading.numbered([*nodes, *grading.jobs(graded, answer.edges, unknown)], answer.edges)
    affected = tuple(sorted(_with_job_and_owner(g, numbered, edges), key=grading.order))
    return Impact(
        root=answer.root,
        change=values["change"],
        depth=values["depth"],
        as_of=name_of(values["asOf"]),
        affected=affected,
        edges=edges,
        unknown=unknown,
        complete=answer.complete,
        reason=answer.reason,
        totals=totals(affected),
    )


def _ungraded_jobs(g: GraphTraversalSource, datasets: set[str]) -> Iterator[UngradedJob]:
    """The jobs that read these datasets and whose column lineage is not known."""
    found: set[UngradedJob] = set()
    ignored = ignored_jobs(g)
    for ids in chunks(sorted(datasets)):
        reads = (
            g.V(ids)
            .in_e("derivesFrom")
            .has("columns", 0)
            .has("exact", _NO)
            .not_(__.has("job", P.within(ignored)))
            .limit(_MAX_UNGRADED)
        )
        rows = reads.project("job", "reads", "writes").by("job").by(__.in_v().id_()).by(__.out_v().id_())
        found.update(UngradedJob(**row) for row in rows.to_list() if row["reads"] != row["writes"])
    yield from sorted(found, key=lambda item: (item.job, item.reads, item.writes))


def _with_job_and_owner(
    g: GraphTraversalSource, affected: Sequence[AffectedNode], edges: Sequence[Edge]
) -> Iterator[AffectedNode]:
    """The affected nodes with the job that writes each, when it last ran and how often, and who owns it.

    Whose a dataset is, theirs are its columns; what nobody owns is that of the owner of the job that writes it.
    """
    last = [edges[item.path[-1]] if item.path else None for item in affected]
    runs = cadences(g, {edge.plan for edge in last if edge and edge.plan})
    jobs = {edge.job for edge in last if edge and edge.job}
    datasets = {item.id: split_node(item.id)[0] for item in affected if item.label == "column"}
    owned = owners(g, {*jobs, *(item.id for item in affected), *datasets.values()})
    for item, edge in zip(affected, last, strict=True):
        job = edge.job if edge else None
        cadence = runs.get(edge.plan or "", Cadence()) if edge else Cadence()
        owner = owned.get(item.id) or owned.get(datasets.get(item.id, "")) or owned.get(job or "")
        yield replace(item, job=job, last_run=cadence.last_run, interval=cadence.interval, owner=owner)
