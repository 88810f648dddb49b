"""Small made-up worlds: bodies of plans and events, in any order, for the laws."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from headwater.graphmodel.choice import Body, Event
from headwater.graphmodel.constants import MARK, form_of
from headwater.graphmodel.model import (
    Dataset,
    Dependency,
    DependencyType,
    Derivation,
    Effect,
    Job,
    Operation,
    Origin,
    OutputColumn,
    Plan,
    Role,
    RowSource,
    Run,
    SharedSources,
    Subtype,
)
from headwater.graphmodel.renaming import names, renamed, renamed_said
from headwater.graphmodel.statements.json_text import snapshot
from headwater.graphmodel.statements.model import CALLED, Snapshot, Statement
from headwater.graphmodel.whole import Graph, graph

HOUR = 3_600_000
NOW = 1_000 * HOUR
URIS = ("s3://lake/a", "s3://lake/b")
COLUMNS = ("id", "Id", "price", "city")

Entry = Body | tuple[Event, ...] | Statement | Snapshot


columns = st.sampled_from(COLUMNS)
uris = st.sampled_from(URIS)
subtypes = {
    DependencyType.DIRECT: (Subtype.IDENTITY, Subtype.AGGREGATION),
    DependencyType.INDIRECT: (Subtype.CONDITIONAL, Subtype.WINDOW),
}
derivations = st.sampled_from(DependencyType).flatmap(
    lambda kind: st.builds(
        Derivation,
        target=columns,
        source_dataset=uris,
        source_column=columns,
        type=st.just(kind),
        subtype=st.sampled_from(subtypes[kind]),
        exact=st.booleans(),
        expression=st.sampled_from((None, "x", "x * 1.1", "x * 1.2")),
    )
)
groups = st.builds(
    lambda uses, sources: SharedSources(
        tuple(replace(d, source_dataset="", source_column="") for d in uses),
        # What is shared has a DIRECT source.
        tuple(replace(d, target="", **(_DIRECT if i == 0 else {})) for i, d in enumerate(sources)),
    ),
    st.lists(derivations, min_size=1, max_size=3),
    st.lists(derivations, min_size=1, max_size=3),
)
_DIRECT: dict[str, Any] = {"type": DependencyType.DIRECT, "subtype": Subtype.IDENTITY}
dependencies = st.builds(
    Dependency,
    source_dataset=uris,
    source_column=columns,
    subtype=st.sampled_from((Subtype.FILTER, Subtype.JOIN)),
    expression=st.sampled_from((None, "x", "x > '2026-01-01'", "x > '2026-01-02'")),
)
datasets = st.builds(
    Dataset,
    uri=uris,
    spellings=st.sampled_from(((), ("s3a://lake/x",), ("sales.x", "s3a://lake/x"))),
    partition=st.sampled_from((None, None, None, "dt=1")),
    columns=st.lists(columns, max_size=2).map(tuple),
    partition_columns=st.sampled_from(((), (), ("dt",))),
    format=st.sampled_from((None, "csv")),
    layouts=st.sampled_from(((), (), (("price", "Id"),), (("id", "city"), ("city",)))),
)
output_columns = st.builds(
    OutputColumn,
    name=columns,
    origin=st.sampled_from((None, *Origin)),
    resolved=st.booleans(),
    expression=st.sampled_from((None, "'EU'", "'US'")),
)
operations = st.sampled_from(
    (
        (),
        (Operation("op-0", "Write", "write", ("op-1",)), Operation("op-1", "Read", "read")),
        (Operation("op-0", "Write", "write", ("op-1", "op-9")), Operation("op-1", "Read", "read", (), "other")),
        *(
            (Operation("op-0", "Write", "write", ("op-1",)), Operation("op-1", "Filter", "transformation", (), shown))
            for shown in ("dt = '2026-01-01'", "dt = '2026-01-02'")
        ),
    )
)
plans = st.builds(
    Plan,
    agent_plan_id=st.just("p"),
    job=st.sampled_from((Job("spark", "one"), Job("spark", "two"))),
    target=datasets,
    effect=st.sampled_from(Effect),
    command=st.just("Save"),
    role=st.sampled_from((Role.NONE, Role.INNER, Role.INNER)),
    inputs=st.lists(datasets, max_size=2, unique_by=lambda d: d.uri).map(tuple),
    columns=st.lists(output_columns, max_size=2).map(tuple),
    derivations=st.lists(derivations, max_size=3).map(tuple),
    dependencies=st.lists(dependencies, max_size=1).map(tuple),
    shared=st.lists(groups, max_size=1).map(tuple),
    row_sources=st.lists(st.builds(RowSource, uris, st.none() | columns), max_size=1).map(tuple),
    operations=operations,
    api_version=st.sampled_from(("1.0", "1.2")),
    time_travel=st.sampled_from((False, False, True)),
    job_run=st.sampled_from((None, "jr_1")),
    renames=st.sampled_from(((), (), (("id", "city"),), (("city", "price"),), (("price", "new"),))),
    secondary=st.sampled_from((False, False, False, True)),
)


def runs(agent_plan_ids: st.SearchStrategy[str]) -> st.SearchStrategy[Run]:
    return st.builds(
        Run,
        agent_plan_id=agent_plan_ids,
        timestamp=st.sampled_from([NOW + i * HOUR for i in (*range(5), 50)]),
        duration_ns=st.sampled_from((None, 0, 1, 2, 2, 4)).map(lambda h: h if h is None else h * HOUR * 1_000_000),
        app_id=st.sampled_from(("app-1", "app-1", "app-1", "app-2", None)),
        user=st.sampled_from((None, "ann")),
        error=st.sampled_from((None, None, None, None, None, "OutOfMemoryError")),
    )


subjects = ("s3://lake/a", "s3://lake/a#id", "s3://lake/*", "s3://lake/*#*i*", "*#price", "job:spark/one", "job:*")
described = ("s3://lake/a", "s3://lake/b#id", "job:spark/two")
times = st.integers(NOW, NOW + 3) | st.sampled_from([NOW + hours * HOUR for hours in range(1, 5)])
people = {"source": st.just("people"), "scope": st.just("")}
systems = {"source": st.just("glue"), "scope": st.sampled_from(("sales", "hr"))}


def _single(origin: dict[str, st.SearchStrategy[str]]) -> st.SearchStrategy[Statement]:
    return st.builds(
        Statement,
        kind=st.just("tag"),
        subject=st.sampled_from(subjects),
        value=st.sampled_from(("pii", "owner=ann", "retired")),
        at=times,
        by=st.sampled_from((None, "ann", "bob")),
        withdrawn=st.booleans(),
        **origin,
    ) | st.builds(
        Statement,
        kind=st.just("description"),
        subject=st.sampled_from(described),
        value=st.sampled_from(("", "all that was sold")),
        at=times,
        withdrawn=st.booleans(),
        **origin,
    )


_said_columns = st.lists(
    st.fixed_dictionaries(
        {"name": columns},
        optional={"type": st.just("bigint"), "comment": st.just("noted"), "partitionKey": st.booleans()},
    ),
    max_size=3,
)
_of_tables: dict[str, st.SearchStrategy[Any]] = {
    "subject": st.sampled_from((*URIS, "s3://lake/c")),
    "name": st.sampled_from(("", "sales.x", "sales.y")),
}
_listed: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"kind": st.just("tag"), "subject": st.sampled_from(subjects), "value": st.sampled_from(("pii", "retired"))}
) | st.fixed_dictionaries(
    {"kind": st.just("description"), "subject": st.sampled_from(described), "value": st.just("as catalogued")}
)
_listed |= st.fixed_dictionaries(
    {
        "kind": st.just("dataset"),
        **_of_tables,
        "value": st.fixed_dictionaries(
            {"columns": _said_columns},
            optional={
                "names": st.lists(st.sampled_from(("sales.x", "s3a://lake/x", "s3://lake/a")), max_size=2),
                "format": st.sampled_from(("iceberg", "delta")),
            },
        ),
    }
)
_facts: dict[str, st.SearchStrategy[Any]] = {
    "kind": st.just("facts"),
    "subject": st.sampled_from((*described, "s3://lake/c", "s3://lake/c#price")),
    "name": st.sampled_from(("", "sales.x")),
    "value": st.dictionaries(st.sampled_from(("rows", "readers")), st.sampled_from((1, ["ann"])), max_size=2),
}
_listed |= st.fixed_dictionaries(_facts)
_listings = st.lists(
    _listed, max_size=4, unique_by=lambda one: (one["kind"], one["subject"], one.get("name", str(one["value"])))
)
snapshots = st.fixed_dictionaries({**systems, "at": times, "statements": _listings}).map(snapshot)
#: What events call a dataset; sometimes each of two as the other.
called = st.sampled_from([URIS, URIS[::-1], (URIS[0], "s3://lake/c")]).map(
    lambda pair: Statement(CALLED, pair[0], pair[1], 0, source="openlineage", name=pair[1])
)
statements = _single(people) | _single(systems) | snapshots | snapshots | called


@st.composite
def bodies(draw: st.DrawFn) -> list[Body]:
    """Plans, other bodies of one plan id, and the same logic under another plan id or role."""
    made = [replace(p, agent_plan_id=f"p{i}") for i, p in enumerate(draw(st.lists(plans, min_size=1, max_size=2)))]
    for i in range(draw(st.integers(1, 3))):
        original = draw(st.sampled_from(made))
        made.append(draw(st.sampled_from(VARIANTS))(draw, original, f"q{i}"))
    return [Body(plan, hashlib.sha256(repr(plan).encode()).hexdigest()) for plan in made]


def other_body(draw: st.DrawFn, plan: Plan, name: str) -> Plan:
    return replace(draw(plans), agent_plan_id=plan.agent_plan_id)


def other_report(draw: st.DrawFn, plan: Plan, name: str) -> Plan:
    return replace(plan, agent_plan_id=name, role=Role.INNER if plan.role is Role.WRAPPER else Role.WRAPPER)


def other_agent(draw: st.DrawFn, plan: Plan, name: str) -> Plan:
    """What another agent says of the same write: the columns, and less of all else."""
    return replace(plan, agent_plan_id=name, secondary=not plan.secondary, dependencies=())


def same_logic(draw: st.DrawFn, plan: Plan, name: str) -> Plan:
    return replace(plan, agent_plan_id=name, operations=draw(operations), api_version="1.2")


def other_constants(draw: st.DrawFn, plan: Plan, name: str) -> Plan:
    return with_constants(plan, name, draw(st.integers(1, 9)))


def with_constants(plan: Plan, name: str, day: int) -> Plan:
    """The same logic with other literals: those of a day."""

    def on_that_day(expression: str | None) -> str | None:
        return form_of(expression).shape.replace(MARK, f"'2026-01-0{day}'") if expression else None

    return replace(
        plan,
        agent_plan_id=name,
        columns=tuple(replace(c, expression=on_that_day(c.expression)) for c in plan.columns),
        derivations=tuple(replace(d, expression=on_that_day(d.expression)) for d in plan.derivations),
        dependencies=tuple(replace(p, expression=on_that_day(p.expression)) for p in plan.dependencies),
        shared=tuple(
            SharedSources(*(tuple(replace(d, expression=on_that_day(d.expression)) for d in side) for side in sides))
            for sides in ((group.targets, group.sources) for group in plan.shared)
        ),
        operations=tuple(replace(o, expression=on_that_day(o.expression)) for o in plan.operations),
    )


def other_effect(draw: st.DrawFn, plan: Plan, name: str) -> Plan:
    return replace(plan, agent_plan_id=name, effect=draw(st.sampled_from(Effect)))


VARIANTS = (
    other_body, other_report, other_report, other_agent, other_agent, same_logic, other_constants, other_constants,
    other_effect,
)  # fmt: skip


@st.composite
def worlds(draw: st.DrawFn) -> list[Entry]:
    its_bodies = draw(bodies())
    sent = st.sampled_from([*(b.plan.agent_plan_id for b in its_bodies), "unknown"])
    event = st.builds(Event, runs(sent), st.sampled_from((NOW + 9 * HOUR, NOW + 9 * HOUR, NOW + 40 * HOUR)))
    its_events = draw(st.lists(st.lists(event, min_size=1, max_size=2).map(tuple), min_size=2, max_size=10))
    entries: list[Entry] = [*its_bodies, *its_events, *draw(st.lists(statements, max_size=4))]
    return decoded(draw(st.permutations(entries)))


@st.composite
def catalogues(draw: st.DrawFn) -> list[Entry]:
    """Snapshots that follow each other, and a job or two that write some of what they list."""
    body = draw(bodies())[0]
    runs_of_it = draw(st.lists(runs(st.just(body.plan.agent_plan_id)), max_size=2))
    said = draw(st.lists(snapshots, min_size=2, max_size=6))
    return decoded(draw(st.permutations([body, *((Event(run, NOW + 9 * HOUR),) for run in runs_of_it), *said])))


def decoded(entries: list[Entry]) -> list[Entry]:
    """As decoding hands them on, with the names of datasets that are kept (tests/contract/test_renaming.py)."""
    known = names(one for one in entries if isinstance(one, Statement | Snapshot))

    def kept(entry: Entry) -> Entry:
        if isinstance(entry, Body):
            return replace(entry, plan=renamed(entry.plan, known.every))
        return renamed_said(entry, known) if isinstance(entry, Statement | Snapshot) else entry

    return [kept(entry) for entry in entries]


def whole(entries: Iterable[Entry], **until: int) -> Graph:
    """The graph of these entries as one function of all of them."""
    listed = list(entries)
    its_bodies = [e for e in listed if isinstance(e, Body)]
    events = [e for some in listed if isinstance(some, tuple) for e in some]
    return graph(its_bodies, events, [e for e in listed if isinstance(e, Statement | Snapshot)], **until)


@st.composite
def histories(draw: st.DrawFn) -> list[Entry]:
    """Several logics that write one dataset by turns, some of them from itself: what holds changes again and again."""
    target = Dataset(URIS[0], partition_columns=draw(st.sampled_from(((), ("dt",)))))
    sources = st.lists(derivations, min_size=1, max_size=3, unique_by=lambda d: d.target.lower()).map(tuple)
    made = [
        replace(draw(plans), agent_plan_id=f"p{i}", target=target, role=Role.NONE, derivations=draw(sources))
        for i in range(draw(st.integers(2, 4)))
    ]
    turns = draw(st.lists(st.sampled_from(made), min_size=4, max_size=8))
    ended = [(Event(Run(p.agent_plan_id, NOW + i * HOUR), NOW + 9 * HOUR),) for i, p in enumerate(turns)]
    entries: list[Entry] = [*(Body(p, hashlib.sha256(repr(p).encode()).hexdigest()) for p in made), *ended]
    return draw(st.permutations(entries))
