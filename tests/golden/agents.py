"""The lineage of a job by two agents: the recorded payloads of the Scala agent, and what the Python agent reports.

`MORE` names the writes of which ours knows more, with what that is. All others must be equal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from headwater.graphmodel.model import Effect, Plan
from headwater.spline_bridge.agent import Report
from headwater.spline_bridge.decode import decode_plan
from tests.golden.recorded import FLAT, payloads

Edge = tuple[object, ...]

SUBQUERIES = "what a subquery reads and compares"
LATERAL = "the columns and conditions of a lateral subquery"
PARTITIONS = "which overwrites replace single partitions"
CONDITIONS = "a MERGE's or UPDATE's condition on a name that both sides have"
UNSENT = "MERGE, UPDATE and DELETE on Iceberg tables, which the Scala agent never reports"
FIELDS = "structs with fields dropped, of which the Scala agent sends no plan"
FAILED = "a failed CREATE OR REPLACE TABLE AS SELECT"
DELETED = "a MERGE that only deletes rows"
LOST_TABLES = "the table behind a JDBC URL with a password in it"

#: (job, last part of the target's name, number of the write to it) -> what ours knows more.
MORE: dict[tuple[str, str, int], str] = {
    **{("r05_lateral_subquery", name, 0): LATERAL for name in ("lateral_agg", "lateral_rows")},
    **{
        ("r06_subqueries", name, 0): SUBQUERIES
        for name in ("scalar_correlated", "exists_q", "not_exists", "in_table", "not_in_view", "only_subqueries")
    },
    **{("r22_partitions", "sales", number): PARTITIONS for number in (0, 2, 3)},
    ("r22_partitions", "by_dt", 0): PARTITIONS,
    ("h01_tables_and_modes", "paid_orders", 2): PARTITIONS,
    ("r29_delta_merge", "dim", 2): CONDITIONS,
}
#: Writes that the Scala agent sent nothing of.
ALONE: dict[tuple[str, str], str] = {
    ("k02_iceberg", "orders"): UNSENT,
    ("r31_iceberg", "o"): UNSENT,
    ("r13_structs", "with_drop_fields"): FIELDS,
    ("r30_delta_dml", "e.rtas2"): FAILED,
    ("r29_delta_merge", "dim"): DELETED,
    ("i02_jdbc_sqlite_h2", "TOTALS"): LOST_TABLES,
}


#: Writes whose targets have other names in every run: a model's stages.
RANDOM = {("l06_train_and_score", "data")}


@dataclass(frozen=True)
class Pair:
    """One write as both agents tell of it; `recorded` is None where the Scala agent sent nothing."""

    case: str
    name: str
    number: int
    ours: Plan
    recorded: Plan | None

    @property
    def key(self) -> tuple[str, str, int]:
        return self.case, self.name, self.number


def ours(report: Report, lake: str = "/data/lake") -> Plan:
    """The Python agent's plan, mapped."""
    return decode_plan(json.dumps(report.plan).replace(lake, "/data/lake").encode(), FLAT)


@lru_cache
def recorded(case: str) -> tuple[Plan, ...]:
    """The Scala agent's plans of a job, mapped, in order."""
    return tuple(decode_plan(p.body, p.content_type) for p in payloads(case) if p.kind == "plan")


def pairs(case: str, plans: Sequence[Plan]) -> list[Pair]:
    """Our plans of a job, each with the recorded one onto that target: an equal one, else the next of that command."""
    numbered = [_pair(case, plan, plans[:i]) for i, plan in enumerate(plans)]
    left, found = list(recorded(case)), dict[int, Plan]()
    for exact in (True, False):
        for i, pair in enumerate(numbered):
            fitting = [p for p in left if _same_write(p, pair.ours) and not (exact and list(differences(pair, p)))]
            if i not in found and fitting:
                found[i] = fitting[0]
                left.remove(fitting[0])
    return [replace(pair, recorded=found.get(i)) for i, pair in enumerate(numbered)]


def _pair(case: str, plan: Plan, before: Sequence[Plan]) -> Pair:
    return Pair(
        case, plan.target.uri.rpartition("/")[2], sum(p.target.uri == plan.target.uri for p in before), plan, None
    )


def _same_write(one: Plan, other: Plan) -> bool:
    return (one.target.uri, one.command) == (other.target.uri, other.command)


def edges(plan: Plan) -> set[Edge]:
    """The column edges, but for their texts."""
    return {
        (
            d.target.lower(), d.source_dataset, d.source_column, d.type, d.subtype, d.masking, d.exact, d.source_field,
            d.carried,
        )
        for d in plan.derivations
    }  # fmt: skip


def keys(plan: Plan) -> set[Edge]:
    """What the whole output depends on."""
    return {(d.source_dataset, d.source_column, d.subtype, d.exact, d.source_field) for d in plan.dependencies}


def resolved(plan: Plan) -> set[Edge]:
    """The columns whose sources are known, with why there are none."""
    return {(column.name.lower(), column.origin) for column in plan.columns if column.resolved}


def inputs(plan: Plan) -> set[Edge]:
    """The datasets read."""
    return {(dataset.uri,) for dataset in plan.inputs}


#: What two plans of one write are compared by.
ASPECTS = (edges, keys, resolved, inputs)


def effects(pair: Pair) -> tuple[Effect, Effect | None]:
    """What the write does to its target, by both."""
    return pair.ours.effect, pair.recorded.effect if pair.recorded else None


def differences(pair: Pair, plan: Plan) -> Iterable[str]:
    """The aspects in which both differ, with an example of each."""
    for aspect in ASPECTS:
        one, other = aspect(pair.ours), aspect(plan)
        if one != other:
            alone, lost = (sorted(map(str, each))[:3] for each in (one - other, other - one))
            yield f"{aspect.__name__}: ours alone {alone}, theirs {lost}"
    if pair.ours.effect is not plan.effect:
        yield f"effect: {pair.ours.effect}, {plan.effect}"
