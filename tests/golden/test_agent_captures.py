"""Captures of real jobs, reported by the Python agent: the same lineage as the Scala agent's payloads, or more."""

from __future__ import annotations

import json
import pickle
from functools import lru_cache
from typing import Any

import pytest

from headwater.graphmodel.model import DependencyType
from headwater.spline_bridge.agent import report
from headwater.spline_bridge.decode import decode_events
from headwater.spline_bridge.validate import validate_plan
from tests.golden.agents import ALONE, ASPECTS, MORE, RANDOM, Pair, differences, ours, pairs
from tests.golden.agents_page import PAGE, page
from tests.golden.recorded import FLAT
from tests.golden.test_recorded_jobs import CONDITIONS, OPAQUE, UNSEEN, expected_pairs, pair, truths
from tests.spark.captures import RUN, cases, recorded

#: Captures of some of the same jobs on Spark 4.0.
SPARK_4 = "captured-4.0.json"

#: Its micro-batches come in any order, so a batch's file is that of another one.
ANY_ORDER = {"n01_streaming"}


@lru_cache
def both(case: str) -> tuple[Pair, ...]:
    return tuple(pairs(case, [ours(heard.report()) for heard in recorded(case)]))


PAIRS = [pytest.param(write, id="-".join(map(str, write.key))) for case in cases() for write in both(case)]


@pytest.mark.parametrize("write", PAIRS)
def test_lineage_is_that_of_the_scala_agent_or_more(write: Pair) -> None:
    if write.recorded is None:
        assert write.key[:2] in {*ALONE, *RANDOM}
        return
    found = list(differences(write, write.recorded))
    if write.key not in MORE:
        assert write.case in ANY_ORDER or not found
        return
    assert found, "no longer more: take it out of MORE"
    lost = [aspect.__name__ for aspect in ASPECTS if not aspect(write.ours) >= aspect(write.recorded)]
    assert lost in ([], ["resolved"])  # a column that was taken for generated has sources now


@pytest.mark.parametrize("case", cases())
def test_reports_are_valid_and_are_functions_of_their_capture(case: str) -> None:
    for heard in recorded(case):
        found = heard.report()
        validate_plan(found.plan, "1.2")
        assert found == report(pickle.loads(pickle.dumps(heard.captured)), RUN)
        (run,) = decode_events(json.dumps([found.event]).encode(), FLAT)
        assert run.agent_plan_id == found.plan["id"]


@pytest.mark.parametrize("case", cases(SPARK_4))
def test_spark_4_gives_the_very_same_plans(case: str) -> None:
    assert [heard.report().plan for heard in recorded(case, SPARK_4)] == [h.report().plan for h in recorded(case)]


def test_every_row_of_the_tables_is_a_write_of_a_capture() -> None:
    known = {write.key for case in cases() for write in both(case)}
    assert set(MORE) <= known
    assert set(ALONE) <= {key[:2] for key in known}


def test_the_page_is_made_from_the_tables() -> None:
    assert PAGE.read_text() == page(), "python -m tests.golden.agents_page > docs/spark-parity.md"


@pytest.mark.parametrize(("case", "uri", "writes"), [truth for truth in truths() if truth.values[0] in cases()])
def test_direct_sources_are_what_the_script_says(case: str, uri: str, writes: list[dict[str, Any]]) -> None:
    more = {key[0] for key in ALONE}  # the truth tells of writes that the Scala agent reports
    plans = [found.ours for found in both(case) if found.ours.target.uri in (uri, f"{uri}/TOTALS")]
    direct = [d for plan in plans for d in plan.derivations if d.type is DependencyType.DIRECT]
    found = {pair(d) for d in direct if (case, d.target) not in CONDITIONS}
    wanted = expected_pairs(case, writes)
    assert plans
    assert not found if uri in UNSEEN else found >= wanted
    assert found <= wanted or uri in OPAQUE or case in more
    assert uri in OPAQUE or all(d.exact for d in direct)
