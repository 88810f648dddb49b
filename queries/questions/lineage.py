"""The queries `lineage`, `upstream`, `downstream` and `both`: parameters in, a lineage answer out."""

from __future__ import annotations

from gremlin_python.process.graph_traversal import GraphTraversalSource

from headwater.queries.answers.answer import Answer
from headwater.queries.answers.errors import QueryError
from headwater.queries.answers.page import Values
from headwater.queries.tracing.lineage import Question, edges_asked, trace_lineage
from headwater.queries.tracing.neighbours import with_datasets
from headwater.queries.tracing.staleness import with_staleness
from headwater.queries.tracing.walk import DeadlinePassed


def lineage(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Answer:
    """In the direction that the parameter `direction` names."""
    return _answer(g, values, values["direction"], deadline_passed)


def upstream(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Answer:
    """Where a dataset or column comes from."""
    return _answer(g, values, "upstream", deadline_passed)


def downstream(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Answer:
    """What is made of a dataset or column."""
    return _answer(g, values, "downstream", deadline_passed)


def both(g: GraphTraversalSource, values: Values, deadline_passed: DeadlinePassed) -> Answer:
    """Upstream and downstream in one answer."""
    return _answer(g, values, "both", deadline_passed)


def _answer(g: GraphTraversalSource, values: Values, direction: str, deadline_passed: DeadlinePassed) -> Answer:
    question = Question(
        direction=direction,
        depth=values["depth"],
        type=values["type"],
        as_of=values["asOf"],
        level=values["level"],
        limit=values["limit"],
    )
    if values["behind"] and question.as_of is not None:
        raise QueryError("behind compares with what holds now: it has no meaning with asOf", "behind")
    answer = trace_lineage(g, values["node"], question, deadline_passed)
    if values["counts"]:
        answer = with_datasets(g, answer, edges_asked(g, question, by_column=False))
    return with_staleness(g, answer) if values["behind"] else answer
