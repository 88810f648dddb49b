"""What the questions about the estate compute beside the graph."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.queries.questions.cadence import Cadence, cadence, executions
from headwater.queries.questions.estate import last_name


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("s3://lake/mart/Orders", "orders"),
        ("file:///data/orders.parquet", "orders"),
        ("file:///data/orders.csv.gz", "orders"),
        ("postgres://host:5432/db.public.orders", "orders"),
        ("kafka://broker/clicks", "clicks"),
        ("orders", "orders"),
        ("s3://lake/.parquet", ""),
    ],
)
def test_the_last_part_of_a_name(dataset: str, name: str) -> None:
    assert last_name(dataset) == name


def test_runs_of_one_application_are_one_execution() -> None:
    runs: list[dict[str, Any]] = [
        {"at": 30, "app": "b"},
        {"at": 29, "app": "b"},
        {"at": 10, "app": "a"},
        {"at": 5},
        {"at": 5},
    ]
    assert executions(runs) == [30, 10, 5, 5]


def test_parts_of_one_run_of_an_orchestrator_and_outputs_of_one_run_are_one_execution() -> None:
    runs: list[dict[str, Any]] = [
        {"at": 32, "parent": "b", "own": "3"},
        {"at": 31, "parent": "b", "own": "2"},
        {"at": 20, "parent": "a", "own": "1"},
        {"at": 10, "own": "0"},
        {"at": 10, "own": "0"},
        {"at": 9, "app": "x", "parent": "b"},
    ]
    assert executions(runs) == [32, 20, 10, 9]


@pytest.mark.parametrize(
    ("times", "expected"),
    [([], Cadence()), ([7], Cadence(7, None)), ([100, 90, 10], Cadence(100, 45)), ([9, 9, 9], Cadence(9, 0))],
)
def test_the_interval_is_the_median(times: list[int], expected: Cadence) -> None:
    assert cadence(times) == expected
