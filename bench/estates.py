"""A generated graph of many jobs, written directly into a store (no ledger, no projector), to measure questions.

A domain is 1,000 jobs in five layers of 200. Each job makes 20 columns from two datasets of the layer before (40 column
edges, 40,000 in all), filters by one column of one of them, and ran 50 times, once a day. A graph ten times as large
has ten domains: the answers in the first domain stay the same, so only the size of the rest of the graph changes.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from headwater.graphmodel import elements
from headwater.graphmodel.delta import Edge, GraphDelta, Vertex, edge, vertex
from headwater.graphmodel.ids import column_id
from headwater.graphmodel.logic import Logic
from headwater.graphmodel.model import Dependency, DependencyType, Derivation, Effect, Job, OutputColumn, Subtype
from headwater.graphmodel.now import Contribution

LAYERS, WIDTH, COLUMNS, RUNS = 5, 200, 20, 50
_DAY_MS = 86_400_000
_START_MS = 1_780_000_000_000
_KINDS = (Subtype.IDENTITY, Subtype.TRANSFORMATION, Subtype.AGGREGATION)


def dataset(domain: int, layer: int, number: int) -> str:
    """The URI of a dataset; layer 0 is read, never written."""
    return f"s3://domain{domain}/layer{layer}/t{number}"


def estate(domains: int, seed: int = 1) -> Iterator[GraphDelta]:
    """The deltas of an estate, one a job."""
    for domain in range(domains):
        rng = random.Random(seed)  # the same in every domain
        for number in range(WIDTH):
            yield _columns(dataset(domain, 0, number))
        for layer in range(1, LAYERS + 1):
            for number in range(WIDTH):
                yield job(_logic(domain, layer, number, rng))


def job(logic: Logic, runs: int = RUNS) -> GraphDelta:
    """A job with its plan, what it makes, and its runs."""
    part = elements.plan_part(logic)
    made = _columns(logic.target)
    ran = [_run(logic.plan, day) for day in range(runs)]
    return GraphDelta(
        (*part.vertices, *made.vertices, *(run for run, _ in ran)),
        (
            *part.edges,
            *made.edges,
            *elements.logic_edges(logic),
            *elements.now_edges(logic, Contribution()),
            *(executes for _, executes in ran),
        ),
    )


def hub(readers: int) -> Iterator[GraphDelta]:
    """One column that `readers` columns are made of, a thousand a delta."""
    yield GraphDelta((vertex("s3://hub/source#key", "column", name="key", dataset="s3://hub/source"),))
    for start in range(0, readers, 1_000):
        names = [f"s3://hub/t{number}#key" for number in range(start, min(start + 1_000, readers))]
        yield GraphDelta(
            tuple(vertex(name, "column", name="key", dataset=name[:-4]) for name in names),
            tuple(_direct(name, "s3://hub/source#key") for name in names),
        )


def diamond(layers: int) -> GraphDelta:
    """Two columns a layer, each made of both of the layer before: 2 ** layers paths, 4 edges a layer."""
    return _layers(f"diamond{layers}", layers, "ab")


def chain(hops: int) -> GraphDelta:
    """A column made of one that is made of one, and so on."""
    return _layers("chain", hops, "a")


def _layers(bucket: str, layers: int, columns: str) -> GraphDelta:
    names = [[f"s3://{bucket}/l{at}#{column}" for column in columns] for at in range(layers + 1)]
    return GraphDelta(
        tuple(vertex(name, "column", name=name[-1], dataset=name[:-2]) for layer in names for name in layer),
        tuple(_direct(target, source) for at in range(layers) for target in names[at + 1] for source in names[at]),
    )


def _direct(target: str, source: str) -> Edge:
    return edge(
        "derivesFrom",
        target,
        source,
        "plan:made",
        type="DIRECT",
        subtype="IDENTITY",
        masking=False,
        exact=True,
        plan="plan:made",
        job="job:made",
    )


def _columns(uri: str) -> GraphDelta:
    names = [f"c{number}" for number in range(COLUMNS)]
    return GraphDelta(
        (
            elements.dataset_vertex(uri),
            *(vertex(column_id(uri, name), "column", name=name, dataset=uri, resolved=True) for name in names),
        ),
        tuple(elements.column_edge(uri, name) for name in names),
    )


def _logic(domain: int, layer: int, number: int, rng: random.Random) -> Logic:
    one, other = (dataset(domain, layer - 1, at) for at in rng.sample(range(WIDTH), 2))
    names = [f"c{column}" for column in range(COLUMNS)]
    derivations = tuple(
        Derivation(
            name, source, rng.choice(names), DependencyType.DIRECT, rng.choice(_KINDS), expression=f"f({name}, x)"
        )
        for name in names
        for source in (one, other)
    )
    filtered = Dependency(one, rng.choice(names), Subtype.FILTER, expression="c > 0")
    return Logic(
        Job("glue", f"domain{domain}_layer{layer}_{number}"),
        dataset(domain, layer, number),
        Effect.ALL,
        tuple(sorted((one, other))),
        tuple(map(OutputColumn, names)),
        derivations,
        (filtered,),
    )


def _run(plan: str, day: int) -> tuple[Vertex, Edge]:
    run = vertex(f"run:{plan}:{day}", "run", timestamp=_START_MS + day * _DAY_MS, status="success")
    return run, edge("executes", run.id, plan)
