"""A Glue (or any PySpark) job that turns an exported ledger of any length into files for Neptune's bulk loader.

    --source s3://BUCKET/ledger    the export of `headwater ledger export`; every hash is checked
    --target s3://BUCKET/lineage   an empty prefix for the files; `headwater bulk-load` loads them
    --keys s3://BUCKET/keys        where the keys are, if the bodies of the ledger are encrypted
    --partitions N                 the number of tasks (default: Spark's own)

`fold_by_key.py`, which makes the graph, has to be in the same folder, or in ``--extra-py-files``. The files have the
same lines as those of `headwater export`. All runs of one dataset are processed by one task, so the dataset with the
longest history sets the memory that a task needs. `docs/moving.md` says how to set up the job.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Any

import fold_by_key
from fold_by_key import (
    DatasetFact,
    Executed,
    Facts,
    better_body,
    better_plan,
    joined,
    listed_facts,
    listed_names,
    logic_fact,
    plan_parts,
)
from pyspark import RDD, SparkContext, StorageLevel
from pyspark.sql import SparkSession

from headwater.aws_bridge.s3 import NotAnS3Url
from headwater.aws_bridge.session import AwsError
from headwater.graphmodel.choice import Body, Event, choose
from headwater.graphmodel.delta import Part
from headwater.graphmodel.naming import DEFAULT, Rules
from headwater.graphmodel.renaming import names, renamed, renamed_said
from headwater.graphmodel.statements.effective import StatementIndex, effective
from headwater.graphmodel.statements.shown import retirements, with_statements
from headwater.graphstore.errors import InvalidRequest
from headwater.graphstore.neptune_csv import Line, lines
from headwater.ingest.folder.exporting import GRAPH, write_mark
from headwater.ingest.folder.loader_files import LoaderFiles, Written
from headwater.ingest.folder.naming_file import rules_beside
from headwater.ingest.graph.decoding import decoders
from headwater.ingest.graph.mark import Mark
from headwater.ingest.intake.bridge import Decode, Folded, Inherited, inherit
from headwater.ingest.intake.bridges import BRIDGES
from headwater.ingest.ledger.body_keys import BodyKeys, KeysMissing, KeysNotNamed
from headwater.ingest.ledger.chain import ChainCheck, never_erased
from headwater.ingest.ledger.entries import Entry, LedgerDamaged, LedgerError
from headwater.ingest.ledger.segments import Segment, read_checked, read_manifest
from headwater.ingest.places.file_storage import NotEmpty, Subfolder, open_storage, refuse_unless_empty

Tagged = tuple[str, Any]  #: (kind, thing): kind is one of `_SAYING`, or refused, damaged, locked, missing, erased
_SAYING = ("body", "event", "statement", "part")


def main(arguments: list[str]) -> None:
    """Run the job and print what it wrote, as JSON. If it fails it exits with one sentence that says why."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", required=True)
    parser.add_argument("--target", required=True)
    parser.add_argument("--keys", default=None)
    parser.add_argument("--partitions", type=int, default=None)
    given, _ = parser.parse_known_args(arguments)  # Glue adds arguments of its own
    context = SparkSession.builder.getOrCreate().sparkContext
    try:
        print(json.dumps(run(context, given.source, given.target, given.partitions, given.keys)))
    except (AwsError, InvalidRequest, LedgerError, NotAnS3Url, NotEmpty) as error:
        sys.exit(str(error))


def run(
    context: SparkContext, source: str, target: str, partitions: int | None = None, keys: str | None = None
) -> dict[str, Any]:
    """Read the ledger, make the graph, write the files; a summary of what was written. NotEmpty, LedgerError."""
    place = open_storage(target)
    refuse_unless_empty(place)
    manifest = read_manifest(open_storage(source))
    rules = rules_beside(open_storage(source))
    kept = (keys, manifest.ledger) if keys else None
    tasks = partitions or context.defaultParallelism
    context.addPyFile(fold_by_key.__file__)  # what lies beside this script is not installed where the tasks run
    segments = context.parallelize(manifest.segments, max(1, len(manifest.segments)))
    read = segments.flatMap(lambda segment: decoded(source, segment, rules, kept)).persist(StorageLevel.MEMORY_AND_DISK)
    set_aside = refused(read.filter(lambda tagged: tagged[0] not in _SAYING).collect())
    parts = _parts(read.union(_folded(read, tasks, rules)), tasks)
    rows: RDD[Any] = parts.flatMap(lines).map(lambda line: (_key(line), line))  # pyspark's type knows no key of text
    ordered = rows.repartitionAndSortWithinPartitions(tasks)
    written = sum(ordered.mapPartitionsWithIndex(lambda task, rows: [write(target, task, rows)]).collect(), Written())
    with place.scratch() as scratch:
        mark = Mark(manifest.entries, manifest.ledger, naming=rules.text, hash=manifest.head)
        written += write_mark(place, scratch, mark)
    return {"ledger": manifest.ledger, "applied": manifest.entries, "refused": set_aside, **written.to_dict()}


def decoded(
    source: str, segment: Segment, rules: Rules = DEFAULT, keys: tuple[str, str] | None = None
) -> Iterator[Tagged]:
    """The bodies, events and statements of a segment; also what could not be decoded, is missing, or was erased.

    `keys`: where those of encrypted bodies are, and the id of the ledger.
    """
    opens = BodyKeys(open_storage(keys[0]), keys[1]).opened if keys else None
    check, decoding = ChainCheck(segment.before), decoders(rules)
    try:
        for entry in read_checked(open_storage(source), segment, check, opens):
            if entry.body is not None and entry.kind in decoding:
                yield from _decoded(decoding[entry.kind], entry, entry.body)
    except LedgerDamaged as error:
        yield "damaged", str(error)
    except (KeysMissing, KeysNotNamed) as error:
        yield "locked", str(error)
    yield from (("missing", missing) for missing in check.missing.items())
    yield from (("erased", erased) for erased in check.erased)


def _decoded(decode: Decode, entry: Entry, body: bytes) -> Iterator[Tagged]:
    try:
        found = decode(body, entry.content_type)
    except Exception as error:  # noqa: BLE001 - a payload that cannot be mapped is set aside, not the others
        yield "refused", (entry.sequence, f"{type(error).__name__}: {error}")
        return
    if found.part is not None:
        yield "part", (entry.kind, found.part.group, found.part.content, entry.received_ms)
    yield from (("body", Body(plan, entry.sha256)) for plan in found.plans)
    yield from (("statement", statement) for statement in found.statements)
    yield from (("event", Event(run, entry.received_ms)) for run in found.runs)


def _folded(read: RDD[Tagged], tasks: int, rules: Rules) -> RDD[Tagged]:
    """The bodies and events of groups of entries, each group folded by the bridge of its kind."""
    parts = _of(read, "part").map(lambda part: ((part[0], part[1]), part[2:]))
    groups = parts.groupByKey(tasks).map(lambda pair: (pair[0][1], *fold_group(pair[0][0], list(pair[1]), rules)))
    groups = groups.persist(StorageLevel.MEMORY_AND_DISK)
    # Applications, not the runs in them: there are few enough for one machine.
    told = dict(groups.filter(lambda group: bool(group[1].passes_on)).map(lambda g: (g[0], g[1].passes_on)).collect())
    return groups.flatMap(lambda group: said_by(group[1], group[2], told.get(group[1].parent, ())))


def fold_group(kind: str, members: Sequence[tuple[Any, int]], rules: Rules = DEFAULT) -> tuple[Folded, int]:
    """What a group says, and its last receipt in ms: members are contents of parts, and when they were received."""
    fold = BRIDGES[kind].fold
    assert fold is not None, "only a bridge that folds has parts"
    return fold([content for content, _ in members], rules), max(receipt for _, receipt in members)


def said_by(found: Folded, received: int, inherited: Inherited) -> Iterator[Tagged]:
    """The bodies and events of a group that was folded, with what its parent tells of it."""
    yield from (("body", Body(plan, found.digest)) for plan in found.plans)
    yield from (("event", Event(inherit(run, inherited, found.otherwise), received)) for run in found.runs)


def refused(tagged: Iterable[Tagged]) -> list[int]:
    """The sequences of entries that could not be decoded, from what `decoded` gives. LedgerDamaged: a hash is wrong.

    KeysMissing: keys are needed.
    """
    things: dict[str, list[Any]] = defaultdict(list)
    for what, thing in tagged:
        things[what].append(thing)
    if things["locked"]:
        raise KeysMissing(min(things["locked"]))
    if things["damaged"]:
        raise LedgerDamaged(min(things["damaged"]))
    never_erased_bodies = never_erased(dict(things["missing"]), set(things["erased"]))
    if never_erased_bodies:
        raise LedgerDamaged(never_erased_bodies[0].sentence)
    return sorted(sequence for sequence, _ in things["refused"])


def _parts(read: RDD[Tagged], tasks: int) -> RDD[Part]:
    """All parts of the graph; some elements are in several of them."""
    statements = _of(read, "statement").collect()  # people make few; what systems list is as large as a catalogue
    known = names(statements)
    index = StatementIndex(effective(renamed_said(one, known) for one in statements).values())
    bodies = _of(read, "body").map(lambda body: replace(body, plan=renamed(body.plan, known.every)))
    bodies = bodies.map(lambda body: (body.plan.agent_plan_id, body)).reduceByKey(better_body, tasks)
    events = _of(read, "event").map(lambda event: (event.id, event)).reduceByKey(choose, tasks).values()
    both = bodies.cogroup(events.map(lambda event: (event.run.agent_plan_id, event)), tasks)
    facts_of_plans = both.values().flatMap(lambda pair: joined(*pair)).persist(StorageLevel.MEMORY_AND_DISK)
    executed = _instances(facts_of_plans, Executed).map(lambda body: (body.plan, body)).reduceByKey(better_plan, tasks)
    plans = executed.values().persist(StorageLevel.MEMORY_AND_DISK)
    facts = _instances(facts_of_plans, DatasetFact).union(plans.map(logic_fact))
    facts = facts.union(read.context.parallelize(listed_facts(index)))
    datasets = facts.combineByKey(lambda fact: Facts().add(fact), Facts.add, Facts.merge, tasks)
    views = datasets.flatMap(lambda pair: pair[1].parts(pair[0], retirements(index.about(pair[0]))))
    parts = _instances(facts_of_plans, Part).union(plans.flatMap(plan_parts)).union(views)
    parts = parts.union(read.context.parallelize(listed_names(index)))
    return parts.map(lambda part: with_statements(part, index)) if index else parts


def _of(tagged: RDD[Tagged], what: str) -> RDD[Any]:
    return tagged.filter(lambda pair: pair[0] == what).values()


def _instances(things: RDD[Any], kind: type) -> RDD[Any]:
    return things.filter(lambda thing: isinstance(thing, kind))


def _key(line: Line) -> str:
    return f"{line.table.kind}:{line.id}"


def write(target: str, task: int, rows: Iterable[tuple[str, Line]]) -> Written:
    """Write the rows of one task, each element once. In order, so that a task that Spark repeats writes the same."""
    place = open_storage(target)
    with place.scratch() as scratch:
        files = LoaderFiles(Subfolder(place, GRAPH), scratch, part=f"{task:05}-")
        files.add(next(same)[1] for _, same in groupby(rows, itemgetter(0)))
        return files.close()


if __name__ == "__main__":
    main(sys.argv[1:])
