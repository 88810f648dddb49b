"""Captures of real jobs, reported by the Python agent: the same lineage as the Scala agent's payloads, or more."""

from __future__ import annotations

import json
import pickle
from functools import lru_cache

import pytest

from spline_bridge.agent import report
from spline_bridge.decode import decode_events
from spline_bridge.validate import validate_plan
from tests.golden.agents import ALONE, ASPECTS, MORE, Pair, differences, ours, pairs
from tests.golden.recorded import FLAT
from tests.spark.captures import RUN, cases, recorded

#: Its micro-batches come in any order, so a batch's file is that of another one.
ANY_ORDER = {"n01_streaming"}


@lru_cache
def both(case: str) -> tuple[Pair, ...]:
    return tuple(pairs(case, [ours(heard.report()) for heard in recorded(case)]))


PAIRS = [pytest.param(pair, id="-".join(map(str, pair.key))) for case in cases() for pair in both(case)]


@pytest.mark.parametrize("pair", PAIRS)
def test_lineage_is_that_of_the_scala_agent_or_more(pair: Pair) -> None:
    if pair.recorded is None:
        assert pair.key[:2] in ALONE
        return
    found = list(differences(pair, pair.recorded))
    if pair.key not in MORE:
        assert pair.case in ANY_ORDER or not found
        return
    assert found, "no longer more: take it out of MORE"
    lost = [aspect.__name__ for aspect in ASPECTS if not aspect(pair.ours) >= aspect(pair.recorded)]
    assert lost in ([], ["resolved"])  # a column that was taken for generated has sources now


@pytest.mark.parametrize("case", cases())
def test_reports_are_valid_and_are_functions_of_their_capture(case: str) -> None:
    for heard in recorded(case):
        found = heard.report()
        validate_plan(found.plan, "1.2")
        assert found == report(pickle.loads(pickle.dumps(heard.captured)), RUN)
        (run,) = decode_events(json.dumps([found.event]).encode(), FLAT)
        assert run.agent_plan_id == found.plan["id"]
