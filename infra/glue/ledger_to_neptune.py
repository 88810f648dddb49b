"""A Glue (or any PySpark) job: an exported ledger into files for Neptune's bulk loader, for a history of any length.

    --source s3://BUCKET/ledger    what `headwater ledger export` wrote; every hash is checked
    --target s3://BUCKET/lineage   an empty place; `headwater bulk-load` takes it from there
    --partitions N                 how many tasks share the work (default: Spark's own)

The same mapping as everywhere, the functions of `graphmodel`, in the order of `graphmodel.whole.graph`; the rows are
those of `headwater export`. One dataset's runs are folded by one task. `docs/moving.md` says how to set the job up.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from pyspark import RDD, SparkContext
from pyspark.sql import SparkSession

from graphmodel import elements, now
from graphmodel.choice import Body, Event, body_rank, choose
from graphmodel.elements import Part
from graphmodel.logic import Logic, Schema, schemas
from graphmodel.model import Plan
from graphmodel.neptune_csv import Line, lines
from graphmodel.now import Read, Write
from graphmodel.whole import Chosen, View, alias_parts, chosen_of
from ingest.decoding import spline_decoders
from ingest.exporting import GRAPH, mark_whole
from ingest.ledger_entries import Entry, LedgerError
from ingest.ledger_export import read_manifest, read_segment
from ingest.ledger_segments import Checking, Damaged, Segment, never_erased
from ingest.loader_files import LoaderFiles, Written
from ingest.places import NotEmpty, Within, open_place, refuse_unless_empty


class Executed(NamedTuple):
    """A body with whether a run of it succeeded."""

    chosen: Chosen
    alive: bool


class Partitioned(NamedTuple):
    """A body shows the dataset to be partitioned."""


Tagged = tuple[str, Any]  #: what it is, and the thing


def main(arguments: list[str]) -> None:
    """Run the job and print what it wrote, as JSON. Exits with one sentence that says why not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--partitions", type=int, default=None)
    given, _ = parser.parse_known_args(arguments)  # Glue adds arguments of its own
    context = SparkSession.builder.getOrCreate().sparkContext
    try:
        print(json.dumps(run(context, given.source, given.target, given.partitions)))
    except (LedgerError, NotEmpty) as error:
        sys.exit(str(error))


def run(context: SparkContext, source: str, target: str, partitions: int | None = None) -> dict[str, Any]:
    """Read, map, write; what was written. NotEmpty, LedgerError: nothing was."""
    place = open_place(target)
    refuse_unless_empty(place)
    manifest = read_manifest(open_place(source))
    tasks = partitions or context.defaultParallelism
    segments = context.parallelize(manifest.segments, max(1, len(manifest.segments)))
    read = segments.flatMap(lambda segment: decoded(source, segment)).cache()
    set_aside = refused(read.filter(lambda tagged: tagged[0] not in ("body", "event")).collect())
    parts = _parts(read, tasks)
    rows: RDD[Any] = parts.flatMap(lines).map(lambda line: (_key(line), line))  # pyspark's type knows no key of text
    ordered = rows.repartitionAndSortWithinPartitions(tasks)
    written = sum(ordered.mapPartitionsWithIndex(lambda task, rows: [write(target, task, rows)]).collect(), Written())
    with place.scratch() as scratch:
        written += mark_whole(place, scratch, manifest.entries, manifest.ledger)
    return {"ledger": manifest.ledger, "applied": manifest.entries, "refused": set_aside, **written.to_dict()}


def decoded(source: str, segment: Segment) -> Iterator[Tagged]:
    """The bodies and events of a segment; what could not be decoded, what is missing, what was erased, is told too."""
    checking, decoders = Checking(segment), spline_decoders()
    try:
        for entry in read_segment(open_place(source), checking):
            if entry.body is not None and entry.kind in decoders:
                yield from _decoded(decoders[entry.kind], entry, entry.body)
    except Damaged as error:
        yield "damaged", str(error)
    yield from (("missing", missing) for missing in checking.missing.items())
    yield from (("erased", erased) for erased in checking.erased)


def _decoded(decode: Any, entry: Entry, body: bytes) -> Iterator[Tagged]:
    try:
        found = decode(body, entry.content_type)
    except Exception as error:  # noqa: BLE001 - a payload that cannot be mapped is set aside, not the others
        yield "refused", (entry.sequence, f"{type(error).__name__}: {error}")
        return
    if isinstance(found, Plan):
        yield "body", Body(found, entry.sha256)
    else:
        yield from (("event", Event(run, entry.received_ms)) for run in found)


def refused(told: Iterable[Tagged]) -> list[int]:
    """The entries that could not be decoded, from what is told beside bodies and events. Damaged: the ledger is."""
    things: dict[str, list[Any]] = defaultdict(list)
    for what, thing in told:
        things[what].append(thing)
    if things["damaged"]:
        raise Damaged(min(things["damaged"]))
    never_erased(dict(things["missing"]), set(things["erased"]))
    return sorted(sequence for sequence, _ in things["refused"])


def _parts(read: RDD[Tagged], tasks: int) -> RDD[Part]:
    """All parts of the graph; some elements are in several of them."""
    bodies = _of(read, "body").map(lambda body: (body.plan.agent_plan_id, body)).reduceByKey(better_body, tasks)
    events = _of(read, "event").map(lambda event: (event.id, event)).reduceByKey(choose, tasks).values()
    joined = bodies.cogroup(events.map(lambda event: (event.run.agent_plan_id, event)), tasks)
    told = joined.values().flatMap(lambda pair: executed(*pair)).cache()
    plans = _of(told, "plan").map(lambda plan: (plan.chosen.logic.plan, plan)).reduceByKey(better_plan, tasks)
    datasets = _of(told, "dataset").groupByKey(tasks)
    views = datasets.flatMap(lambda pair: view(*pair))
    return _of(told, "part").union(plans.values().flatMap(plan_parts)).union(views)


def _of(tagged: RDD[Tagged], what: str) -> RDD[Any]:
    return tagged.filter(lambda pair: pair[0] == what).values()


def better_body(one: Body, other: Body) -> Body:
    """The body that counts, of two with one id."""
    return min(one, other, key=lambda body: body_rank(body.plan, body.sha256))


def better_plan(one: Executed, other: Executed) -> Executed:
    """Of two bodies with one logic, the one that gives the operations: it succeeded, and has the better rank."""
    return min(one, other, key=lambda body: (not body.alive, body.chosen.summary.operations_rank))


def executed(bodies: Iterable[Body], events: Iterable[Event]) -> Iterator[Tagged]:
    """What the body of one plan id (or none) and its events tell: parts, the plan, and facts about datasets."""
    runs = list(events)
    for chosen in map(chosen_of, bodies):
        of = chosen.summary
        yield from (("dataset", (uri, Partitioned())) for uri in of.partitioned)
        if not runs:
            return
        alive = any(event.run.error is None for event in runs)
        yield "plan", Executed(chosen, alive)
        yield "dataset", (of.target, chosen.logic)
        for event in runs:
            yield "part", elements.run_part(event, of)
            yield "dataset", (of.target, now.write_of(event, of))
            yield from (("dataset", (uri, now.read_of(event, of))) for uri in of.inputs)
        if alive:
            yield from (("part", part) for part in alias_parts(chosen))
            yield from (("dataset", (s.dataset, s)) for s in schemas(chosen.body.plan, chosen.logic))


def plan_parts(plan: Executed) -> Iterator[Part]:
    """A plan vertex with what hangs on it."""
    known = plan.chosen.logic
    yield elements.plan_part(known)
    if plan.alive:
        yield Part(edges=tuple(elements.logic_edges(known)))
        yield elements.operations_part(known.plan, plan.chosen.body.plan)


def view(dataset: str, facts: Iterable[Any]) -> Iterator[Part]:
    """The views of one dataset; it is in the graph if a body that succeeded has columns of it."""
    by_type: dict[type, list[Any]] = defaultdict(list)
    for fact in facts:
        by_type[type(fact)].append(fact)
    if by_type[Schema]:
        known = {logic.plan: logic for logic in by_type[Logic]}
        found = View(dataset, by_type[Write], known, partitioned=bool(by_type[Partitioned]))
        yield from found.parts(by_type[Read], list(dict.fromkeys(by_type[Schema])))


def _key(line: Line) -> str:
    return f"{line.table.kind}:{line.id}"


def write(target: str, task: int, rows: Iterable[tuple[str, Line]]) -> Written:
    """Write the rows of one task, each element once. In order, so that a task that is tried again writes the same."""
    place = open_place(target)
    with place.scratch() as scratch:
        files = LoaderFiles(Within(place, GRAPH), scratch, part=f"{task:05}-")
        files.add(next(same)[1] for _, same in groupby(rows, itemgetter(0)))
        return files.close()


if __name__ == "__main__":
    main(sys.argv[1:])
