"""Which ledger entries an answer rests on. Pure, but for the ledger that is read and the source that is asked.

An answer names plans and runs. It rests on the entry with the body of each plan, on the events that say that the plan
ran (the newest of each plan, and those of the runs that the answer names), and on the statements about its nodes. Of
OpenLineage it rests on all events of the run that gave a plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.graphmodel.ids import run_id, split_node
from headwater.graphmodel.naming import DEFAULT, Rules
from headwater.graphmodel.statements.model import statements_of
from headwater.ingest.intake.bridge import Decoded, DecodeError, Part
from headwater.ingest.intake.bridges import BRIDGES
from headwater.ingest.ledger.entries import Entry
from headwater.ingest.ledger.port import LedgerReader
from headwater.openlineage_bridge.events import LineageEvent
from headwater.openlineage_bridge.sagemaker import FACET

_SAGEMAKER = "sagemaker://"  #: begins the namespace of its jobs
_PAGE = 500  #: entries that are read at once


@dataclass(frozen=True)
class Named:
    """What an answer names: ids of plans, runs and nodes."""

    plans: frozenset[str]
    runs: frozenset[str]
    nodes: frozenset[str]
    resources: frozenset[str] = frozenset()  #: ARNs of what ran in SageMaker


def named_in(answer: Mapping[str, Any]) -> Named:
    """The plans, runs and nodes in an answer's JSON, wherever they stand in it."""
    plans, runs, nodes, resources = set[str](), set[str](), set[str](), set[str]()
    waiting: list[tuple[str, Any]] = [("", answer)]
    for key, value in waiting:
        if isinstance(value, Mapping):
            waiting += value.items()
        elif isinstance(value, list | tuple):
            waiting += [(key, item) for item in value]
        elif not isinstance(value, str):
            continue
        elif value.startswith("plan:"):
            plans.add(value)
        elif value.startswith("run:"):
            runs.add(value)
        elif key == "arn":
            resources.add(value)
        elif key in {"id", "dataset", "root", "source", "target"}:
            nodes.update((value, split_node(value)[0]))
    return Named(frozenset(plans), frozenset(runs), frozenset(nodes), frozenset(resources))


@dataclass(frozen=True)
class Rests:
    """What an answer rests on: sequences of entries, in order; and of what systems say the time at which they said it.

    `snapshots`: (source, scope) -> ms since 1970 and entry of the newest snapshot in which something stands of a node.
    """

    entries: list[int]
    snapshots: Mapping[tuple[str, str], tuple[int, int]]


@dataclass
class _Sought:
    """What makes an entry one of those sought, and what was found."""

    agent_plans: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    found: set[int] = field(default_factory=set)
    parts: dict[str, list[int]] = field(default_factory=dict)  #: by group of what ran in SageMaker: its entries
    newest: dict[str, tuple[int, int]] = field(default_factory=dict)  #: by agent's plan: time and entry of an event
    snapshots: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)  #: as of `Rests`


def entries_of(
    named: Named, ledger: LedgerReader, entry_of_plan: Callable[[str], int | None], rules: Rules = DEFAULT
) -> Rests:
    """The entries on which an answer rests. The ledger is read once.

    `rules` are those by which the answer names datasets.
    """
    sought = _Sought(agent_plans={run.split(":")[1] for run in named.runs if run.count(":") >= 2})  # noqa: PLR2004 - run:PLAN:TIME
    for plan in sorted(named.plans):
        sequence = entry_of_plan(plan)
        entry = ledger.entry(sequence) if sequence is not None else None
        if entry is None:
            continue
        sought.found.add(entry.sequence)
        decoded = _decoded(entry, rules)
        sought.agent_plans.update(plan.agent_plan_id for plan in decoded.plans)
        if decoded.part is not None:
            sought.groups.add(decoded.part.group)
    for entry in _all(ledger):
        _look(entry, named, sought, rules)
    sought.found.update(sequence for group in sought.groups for sequence in sought.parts.get(group, ()))
    return Rests(sorted(sought.found | {sequence for _, sequence in sought.newest.values()}), sought.snapshots)


def _look(entry: Entry, named: Named, sought: _Sought, rules: Rules) -> None:
    bridge = BRIDGES.get(entry.kind)
    if bridge is None or entry.body is None or bridge.counted == "plans":  # those of plans are known already
        return
    decoded = _decoded(entry, rules)
    if decoded.part is not None and decoded.part.group in sought.groups:
        sought.found.add(entry.sequence)
    if decoded.part is not None and named.resources:
        _look_for_resource(entry.sequence, decoded.part, named, sought)
    for run in decoded.runs:
        if run_id(run.agent_plan_id, run.timestamp, run.app_id) in named.runs:
            sought.found.add(entry.sequence)
        elif run.agent_plan_id in sought.agent_plans and run.error is None:
            seen = sought.newest.get(run.agent_plan_id, (run.timestamp, entry.sequence))
            sought.newest[run.agent_plan_id] = max(seen, (run.timestamp, entry.sequence))
    stated = (one for said in decoded.statements for one in statements_of(said))
    about = next((one for one in stated if any(one.matches(node) for node in named.nodes)), None)
    if about is not None:
        sought.found.add(entry.sequence)
        if about.snapshot:  # all statements of an entry are of one snapshot
            part = (about.source, about.scope)
            sought.snapshots[part] = max(sought.snapshots.get(part, (0, 0)), (about.at, entry.sequence))


def _look_for_resource(sequence: int, part: Part, named: Named, sought: _Sought) -> None:
    """An event of SageMaker. Two runs of one logic can be of two groups, of which the plan's entry names only one."""
    if not isinstance(part.content, LineageEvent) or not part.content.job[0].startswith(_SAGEMAKER):
        return
    sought.parts.setdefault(part.group, []).append(sequence)
    if part.content.facets("run").get(FACET, {}).get("arn") in named.resources:
        sought.groups.add(part.group)


def _decoded(entry: Entry, rules: Rules) -> Decoded:
    """What an entry says; nothing if it was erased, is damaged, or cannot be decoded: then it is parked."""
    try:
        return BRIDGES[entry.kind].decode(entry.body, entry.content_type, rules=rules) if entry.body else Decoded()
    except (DecodeError, KeyError):
        return Decoded()


def _all(ledger: LedgerReader) -> Iterator[Entry]:
    after = 0
    while page := ledger.read(after, _PAGE):
        yield from page
        after = page[-1].sequence
