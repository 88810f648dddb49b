"""Every recorded OpenLineage run maps, in any order and twice, to what its script does; but for what is listed."""

from __future__ import annotations

import random
from typing import Any

import pytest

from headwater.graphmodel.model import DependencyType, Plan
from headwater.graphmodel.naming import DEFAULT, canonical
from headwater.openlineage_bridge.events import event
from headwater.openlineage_bridge.mapping import Mapped, mapped
from headwater.openlineage_bridge.outcome import Outcome
from tests.golden.openlineage import CASES, by_run, expected, told

Pair = tuple[str, str, str, str]

#: What openlineage.json calls the end of a run -> what it is here.
OUTCOMES = {
    "written": {Outcome.WRITTEN},
    "failed": {Outcome.FAILED, Outcome.NO_OUTPUT},
    "nothing written": {Outcome.REFUSED},
    "read only": {Outcome.NO_OUTPUT, Outcome.OWN_INPUT},
    "never ended": {Outcome.OPEN},
    "application": {Outcome.APPLICATION, Outcome.NO_OUTPUT},  # dbt's is a job as any other, without outputs
    "created": {Outcome.CREATED},
    "dropped": {Outcome.DROPPED},
    "emptied": {Outcome.EMPTIED},
    "unnamed": {Outcome.NO_OUTPUT},
    "skipped": {Outcome.WRITTEN},  # Airflow's event of a task that was skipped is that of one that ran
}

#: Extra pairs that the producer reports and the mapping leaves out: of a refused write, and of a CTE's alias.
LEFT_OUT = {"h01_tables_and_modes", "x01_dbt_build"}


def folded(case: str, seed: int | None = None) -> dict[str, Mapped]:
    chosen = random.Random(seed)
    out = {}
    for run, documents in by_run(case).items():
        events = [event(document) for document in documents]
        if seed is not None:
            events += chosen.sample(events, len(events) // 2)
            chosen.shuffle(events)
        found = mapped(events, DEFAULT)
        assert found is not None
        out[run] = found
    return out


def direct(plan: Plan) -> set[Pair]:
    return {
        (plan.target.uri, d.target.lower(), d.source_dataset, d.source_column.lower())
        for d in plan.derivations
        if d.type is DependencyType.DIRECT
    }


def listed(rows: list[list[str]]) -> set[Pair]:
    return {
        (canonical(WHOLE.get(to, to)), column.lower(), canonical(of), source.lower())
        for to, column, of, source, *_ in rows
    }


#: Spline's agent cut the table off together with the password, and the truth has its name; OpenLineage has it whole.
WHOLE = {"jdbc:h2:file:/data/lake/db/rep;PASSWORD=*****": "jdbc:h2:file:/data/lake/db/rep:TOTALS"}

#: Writes that were refused: the script fails there, and nothing came to be.
REFUSED = {("j01_failing_write", "file:/data/lake/raw/shop")}


def truth(case: str) -> set[Pair]:
    writes = [w for w in expected(case)["writes"] if (case, w["output_dataset"]) not in REFUSED]
    rows = [row for write in writes for row in write["columns"] if row["direct"]]
    names = ("output_dataset", "output_column", "input_dataset", "input_column")
    return listed([[*(row[name] for name in names[:3]), row[names[3]].partition(".")[0]] for row in rows])


@pytest.mark.parametrize("case", CASES)
def test_every_run_comes_to_what_it_did(case: str) -> None:
    found = folded(case)
    for run in told(case)["runs"]:
        assert found[run["runId"]].outcome in OUTCOMES[run["outcome"]], run


@pytest.mark.parametrize("case", CASES)
def test_direct_sources_are_what_the_script_says(case: str) -> None:
    found = {pair for one in folded(case).values() for plan in one.plans for pair in direct(plan)}
    missing = listed(told(case)["direct_missing"])
    extra = set() if case in LEFT_OUT else listed(told(case)["direct_extra"])
    assert found == truth(case) - missing | extra


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_any_order_and_any_number_of_times_gives_the_same(case: str, seed: int) -> None:
    assert folded(case, seed) == folded(case)


def test_the_job_is_that_of_spline_whatever_openlineage_calls_it() -> None:
    names: dict[str, Any] = {
        case: {(one.job.namespace, one.job.name) for one in folded(case).values()} for case in CASES
    }
    assert names["l03_mart_customer_orders"] == {("spark", "pipeline.mart_customer_orders")}
    assert names["l05_v1_22"] == {("spark", "pipeline.training_set")}
    assert names["g01_glue_app"] == {("glue", "Revenue by channel - v2")}
    assert ("dbt", "model.shop.mart_customers") in names["x01_dbt_build"]
