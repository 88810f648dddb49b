"""What a run saw, however it is named: moments of the past, on every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headwater.graphmodel.choice import Body, Event
from headwater.graphmodel.delta import GraphDelta
from headwater.graphmodel.model import (
    Dataset,
    Dependency,
    DependencyType,
    Derivation,
    Effect,
    Job,
    Origin,
    OutputColumn,
    Plan,
    Role,
    Run,
    Subtype,
)
from headwater.graphmodel.whole import graph
from headwater.graphstore import GraphStore
from headwater.queries.answers.errors import QueryError
from headwater.queries.catalogue.catalogue import run as run_query
from headwater.queries.tracing.as_of import BEFORE_ALL, PastTime, past_time, shown
from tests.contract.queries_world import ask

RAW, CLEAN, REPORT = "s3://lake/raw", "s3://lake/clean", "s3://lake/report"
LATEST = 10**12 + 10**9


def plan(name: str, target: str, source: str, expression: str, effect: Effect = Effect.ALL) -> Body:
    derived = Derivation("v", source, "v", DependencyType.DIRECT, Subtype.TRANSFORMATION, expression=expression)
    read, written = Dataset(source, columns=("v",)), Dataset(target, columns=("v",))
    job = Job("spark", target.rpartition("/")[2])
    made = Plan(name, job, written, effect, "Save", (read,), (OutputColumn("v"),), (derived,), ())
    return Body(made, name)


def at(minute: int) -> int:
    return 10**12 + minute * 60_000


def run(name: str, minute: int, app: str, minutes: int = 0, job_run: str | None = None) -> Event:
    ran = Run(name, at(minute), minutes * 60 * 10**9, app, job_run=job_run)
    return Event(ran, ran.timestamp)


@pytest.fixture
def lake(store: GraphStore) -> GraphStore:
    """Clean is written twice, with other logic; a report begins between the two and ends after; then one more does."""
    bodies = [
        plan("c1", CLEAN, RAW, "v + 1"),
        plan("c2", CLEAN, RAW, "v + 2"),
        plan("r", REPORT, CLEAN, "sum(v)"),
    ]
    events = [
        run("c1", 10, "app-1"),
        run("c2", 30, "app-2"),
        run("r", 40, "app-3", minutes=20, job_run="jr_1"),
        run("r", 60, "app-4", minutes=20),
    ]
    whole = graph(bodies, events)
    store.apply(GraphDelta(tuple(whole.vertices.values()), tuple(whole.edges.values())))
    return store


FIRST, SECOND = f"run:r:{at(40)}:app-3", f"run:r:{at(60)}:app-4"


@pytest.mark.parametrize(
    ("as_of", "expressions"),
    [
        (None, ["v + 2", "sum(v)"]),
        (shown(at(9)), []),
        (shown(at(10)), []),
        (shown(at(39)), []),
        (shown(at(40)), ["v + 2", "sum(v)"]),
        # it began when the first one stood
        (FIRST, ["v + 1", "sum(v)"]),
        (FIRST.removeprefix("run:"), ["v + 1", "sum(v)"]),
        ("app-3", ["v + 1", "sum(v)"]),
        (" jr_1 ", ["v + 1", "sum(v)"]),
        (SECOND, ["v + 2", "sum(v)"]),
        # an agent's plan that ran twice: the later one
        ("r", ["v + 2", "sum(v)"]),
    ],
)
def test_upstream_then(lake: GraphStore, as_of: str | None, expressions: list[str]) -> None:
    answer = ask(lake, "upstream", node=f"{REPORT}#v", asOf=as_of)
    assert [edge.expression for edge in answer.edges] == expressions
    assert answer.nodes[0].id == f"{REPORT}#v"
    assert answer.complete is bool(expressions)


@pytest.mark.parametrize("direction", ["upstream", "downstream", "both"])
@pytest.mark.parametrize(
    ("node", "as_of", "reason"),
    [
        (REPORT, shown(at(39)), f"nothing is known of it before {shown(at(40))}"),
        (f"{REPORT}#v", "2001-01-01", f"nothing is known of it before {shown(at(40))}"),
        (RAW, "2001-01-01", f"nothing is known of it before {shown(at(10))}"),
        (RAW, shown(at(10)), None),
    ],
)
def test_what_was_not_known_then_is_said(
    lake: GraphStore, node: str, as_of: str, reason: str | None, direction: str
) -> None:
    answer = ask(lake, direction, node=node, asOf=as_of)
    assert (answer.complete, answer.reason) == (reason is None, reason)


WIDE = "s3://lake/wide"
#: The columns of a dataset, by a moment: at minute 10 it has v and a constant, since 30 also one more of each.
COLUMNS = {
    None: ["c", "later", "later_c", "v"],
    "ever": ["c", "later", "later_c", "v"],
    shown(at(30)): ["c", "later", "later_c", "v"],
    shown(at(29)): ["c", "v"],
    shown(at(10)): ["c", "v"],
}


def widening(name: str, *made: str, constants: tuple[str, ...]) -> Body:
    derived = tuple(Derivation(column, RAW, "v", DependencyType.DIRECT, Subtype.IDENTITY) for column in made)
    columns = [OutputColumn(column) for column in made]
    columns += [OutputColumn(column, origin=Origin.CONSTANT, expression="1") for column in constants]
    read, written = Dataset(RAW, columns=("v",)), Dataset(WIDE, columns=(*made, *constants))
    condition = Dependency(RAW, "v", Subtype.FILTER, expression="v > 0")
    job = Job("spark", "widen")
    return Body(Plan(name, job, written, Effect.ALL, "Save", (read,), tuple(columns), derived, (condition,)), name)


@pytest.mark.parametrize(("as_of", "columns"), COLUMNS.items())
def test_only_the_columns_that_were_known_then(store: GraphStore, as_of: str | None, columns: list[str]) -> None:
    bodies = [widening("w1", "v", constants=("c",)), widening("w2", "v", "later", constants=("c", "later_c"))]
    whole = graph(bodies, [run("w1", 10, "app-1"), run("w2", 30, "app-2")])
    store.apply(GraphDelta(tuple(whole.vertices.values()), tuple(whole.edges.values())))
    answer = ask(store, "lineage", node=WIDE, level="column", asOf=as_of, counts=True)
    listed = [node.id.partition("#")[2] for node in answer.nodes if node.id.startswith(f"{WIDE}#")]
    assert listed == columns
    assert {each.id: each.columnCount for each in answer.datasets}[WIDE] == len(columns)
    reached = ask(store, "downstream", node=f"{RAW}#v", type="all", asOf=as_of)  # the rows of the dataset depend on it
    assert [node.id.partition("#")[2] for node in reached.nodes if node.id.startswith(f"{WIDE}#")] == columns


@pytest.mark.parametrize(
    ("as_of", "expressions"),
    [
        (shown(at(9)), []),
        (shown(at(10)), ["v + 1"]),
        (shown(at(29)), ["v + 1"]),
        (shown(at(30)), ["v + 2"]),
        (FIRST, ["v + 1", "sum(v)"]),
    ],
)
def test_downstream_then(lake: GraphStore, as_of: str, expressions: list[str]) -> None:
    assert [edge.expression for edge in ask(lake, "downstream", node=f"{RAW}#v", asOf=as_of).edges] == expressions
    between = ask(lake, "downstream", node=RAW, asOf=as_of)
    assert [edge.source for edge in between.edges] == [RAW, CLEAN][: len(expressions)]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        # it read what was written before it began, and left what it wrote
        (FIRST, PastTime(at(20), FIRST, {CLEAN: at(10), REPORT: at(40)})),
        (SECOND, PastTime(at(40), SECOND, {CLEAN: at(30), REPORT: at(60)})),
        # what it read was there before any known write
        ("app-1", PastTime(at(10), f"run:c1:{at(10)}:app-1", {RAW: BEFORE_ALL, CLEAN: at(10)})),
        # several runs: as the last of them saw it
        ("r", PastTime(at(40), "r", {CLEAN: at(30), REPORT: at(60)})),
        (shown(LATEST), PastTime(LATEST, shown(LATEST))),
    ],
)
def test_a_time_in_the_past(lake: GraphStore, named: str, expected: PastTime) -> None:
    assert past_time(lake.g, named, "asOf", LATEST) == expected
    assert ask(lake, "upstream", node=RAW, asOf=named).as_of == expected.name


@pytest.mark.parametrize(
    ("query", "given"),
    [
        ("latest-runs", {"since": "ever"}),
        ("changes", {"node": CLEAN, "from": "ever"}),
        ("diff", {"node": CLEAN, "from": shown(at(1)), "to": "ever"}),
    ],
)
def test_ever_is_only_offered_where_it_is_taken(lake: GraphStore, query: str, given: dict[str, str]) -> None:
    with pytest.raises(QueryError, match=r"must be a time .* or a run's id; 'ever' is neither") as refused:
        ask(lake, query, **given)
    assert "or ever" not in str(refused.value)
    with pytest.raises(QueryError, match="a run's id, or ever; 'nope' is neither"):
        ask(lake, "upstream", node=CLEAN, asOf="nope")
    assert ask(lake, "upstream", node=CLEAN, asOf="ever").as_of == "ever"


@pytest.mark.parametrize("query", ["changes", "diff"])
def test_a_period_that_ends_before_it_begins_is_refused(lake: GraphStore, query: str) -> None:
    earlier, later = shown(at(10)), shown(at(30))
    with pytest.raises(QueryError, match=f"to \\({earlier}\\) is earlier than from \\({later}\\)") as refused:
        run_query(query, lake.g, {"node": CLEAN, "from": later, "to": earlier})
    assert refused.value.field == "to"
    run_query(query, lake.g, {"node": CLEAN, "from": later, "to": later})


def test_clocks_differ_by_a_day_at_most(lake: GraphStore) -> None:
    day = 86_400_000
    assert past_time(lake.g, shown(LATEST + day), "asOf", LATEST).at == LATEST + day
    with pytest.raises(QueryError, match="lies in the future"):
        past_time(lake.g, shown(LATEST + day + 1), "asOf", LATEST)


@pytest.fixture
def created(store: GraphStore) -> GraphStore:
    """A CREATE TABLE AS SELECT of three days: one logic twice, then another one; each time its write is reported, too.

    On the second day the report of the write inside ended last. The report reads what was created.
    """
    bodies = [
        twin(plan("command", CLEAN, RAW, "v + 1"), Role.WRAPPER),
        twin(plan("inside", CLEAN, RAW, "v + 1", Effect.OVERWRITE), Role.INNER),
        twin(plan("command2", CLEAN, RAW, "v + other"), Role.WRAPPER),
        twin(plan("inside2", CLEAN, RAW, "v + other", Effect.OVERWRITE), Role.INNER),
        plan("r", REPORT, CLEAN, "sum(v)"),
        plan("again", REPORT, CLEAN, "sum(v)", Effect.KEEP),
    ]
    days = [("", 10, 10), ("", 30, 29), ("2", 50, 51)]
    events = [
        *(run(f"inside{logic}", inside, "app", minutes=2) for logic, inside, _ in days),
        *(run(f"command{logic}", command, "app", minutes=2) for logic, _, command in days),
        run("r", 60, "app"),
        run("again", 70, "app"),
    ]
    whole = graph(bodies, events)
    store.apply(GraphDelta(tuple(whole.vertices.values()), tuple(whole.edges.values())))
    return store


def twin(body: Body, role: Role) -> Body:
    return replace(body, plan=replace(body.plan, role=role))


@pytest.mark.parametrize(("query", "node"), [("upstream", REPORT), ("downstream", RAW), ("both", CLEAN)])
@pytest.mark.parametrize("level", ["column", "dataset"])
def test_as_of_ever_each_edge_of_a_command_and_of_its_write_is_told_once(
    created: GraphStore, query: str, node: str, level: str
) -> None:
    """Two plans are one write, and what two plans wrote at two times is told for each."""
    answer = ask(created, query, node=node, level=level, asOf="ever")
    told = sorted((edge.target.partition("#")[0], edge.expression or "") for edge in answer.edges)
    texts = ["v + 1", "v + other", "sum(v)", "sum(v)"] if level == "column" else ["", "", "", ""]
    assert told == sorted(zip([CLEAN, CLEAN, REPORT, REPORT], texts, strict=True))
    now = {edge.plan for edge in ask(created, query, node=node, level=level).edges}
    assert now <= {edge.plan for edge in answer.edges}
