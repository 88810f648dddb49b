"""Who read what a run wrote, up to where, and what to run again in which order: on every store."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.graphstore import GraphStore
from headwater.queries.catalogue.catalogue import run as ask
from tests.contract.queries_world import rows
from tests.contract.test_past import CLEAN, EVENTS, LOG, PARTS, RAW, REPORT, fill, id_of, run

NAMES = ("rerun", "run", "distance", "stands", "certain")


@pytest.fixture
def lake(store: GraphStore) -> GraphStore:
    fill(store, EVENTS)
    return store


def consumers(store: GraphStore, node: str, **given: object) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in NAMES) for row in rows(store, "consumers", node=node, **given)]


def test_all_that_came_of_an_append_in_an_order_in_which_it_can_be_run_again(lake: GraphStore) -> None:
    found = consumers(lake, id_of("log", 11))
    again = [row[1] for row in found if row[0] is not None]
    assert [row[0] for row in found if row[0] is not None] == list(range(1, len(again) + 1))
    assert again[0] == id_of("log", 11)
    assert set(again[1:]) == {
        *(id_of("clean2", 50), id_of("report", 60), id_of("copy", 72)),
        *(id_of("parts1", 70), id_of("parts", 71), id_of("parts1", 73)),
    }
    assert again.index(id_of("clean2", 50)) < again.index(id_of("report", 60))
    assert again.index(id_of("parts", 71)) < again.index(id_of("copy", 72))
    # what was overwritten since needs no run of its own: the run that overwrote it is in the list if it is affected
    assert {row for row in found if row[0] is None} == {
        (None, id_of("report", 30), 1, "no", True),
        (None, id_of("clean2", 40), 1, "no", True),
    }
    by_run = {row[1]: row[2:] for row in found}
    assert by_run[id_of("copy", 72)] == (2, "yes", True)
    assert by_run[id_of("parts1", 70)] == (1, "perhaps", True)


def test_each_run_says_what_it_read_and_wrote(lake: GraphStore) -> None:
    found = {row["run"]: (row["read"], row["wrote"]) for row in rows(lake, "consumers", node=id_of("log", 11))}
    assert found[id_of("log", 11)] == ([], [LOG])
    assert found[id_of("report", 60)] == ([CLEAN, LOG], [REPORT])
    assert found[id_of("copy", 72)] == ([PARTS], [REPORT])


def test_a_write_that_an_overwrite_perhaps_replaced_is_not_certain_further_on(lake: GraphStore) -> None:
    found = {row[1]: row for row in consumers(lake, id_of("parts1", 70))}
    assert set(found) == {id_of("parts1", 70), id_of("copy", 72)}
    assert found[id_of("copy", 72)] == (2, id_of("copy", 72), 1, "yes", False)


@pytest.mark.parametrize(
    ("node", "given", "expected"),
    [
        ("jr_1", {}, {id_of("report", 30)}),  # a Glue job run; nobody read the report
        (id_of("log", 11), {"depth": 0}, {id_of("log", 11)}),
        (id_of("clean1", 10), {}, {id_of("clean1", 10)}),  # overwritten before anybody read it
        (id_of("clean1", 20), {}, {id_of("clean1", 20), id_of("report", 30)}),
        (id_of("clean2", 80), {}, {id_of("clean2", 80)}),  # it failed
        (RAW, {}, set()),  # no known run wrote it
    ],
)
def test_which_runs(lake: GraphStore, node: str, given: dict[str, object], expected: set[str]) -> None:
    assert {row[1] for row in consumers(lake, node, **given)} == expected


def test_a_run_that_wrote_nothing_is_not_run_again(lake: GraphStore) -> None:
    assert consumers(lake, id_of("clean2", 80)) == [(None, id_of("clean2", 80), 0, None, True)]


def test_it_stops_at_the_deadline_and_says_so(lake: GraphStore) -> None:
    ticks = iter(range(100))
    answer = ask("consumers", lake.g, {"node": id_of("log", 11)}, deadline=2, clock=lambda: next(ticks)).to_dict()
    assert (answer["complete"], answer["reason"]) == (False, "deadline")


def test_more_runs_and_versions_than_can_be_kept_are_told(lake: GraphStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.queries.questions.consumers._MOST_HELD", 0)
    answer = ask("consumers", lake.g, {"node": id_of("log", 11)}).to_dict()
    assert (answer["complete"], answer["reason"]) == (False, "limit")


def test_a_job_that_reads_what_it_writes_comes_once(store: GraphStore) -> None:
    fill(store, [*EVENTS, run("copy", 90), run("copy", 91)])
    found = [row[1] for row in consumers(store, id_of("log", 11))]
    assert len(found) == len(set(found))
