"""Which rule would join what a job makes anew in each run."""

from __future__ import annotations

import pytest

from headwater.graphmodel.naming import canonical
from headwater.graphmodel.naming_rules import Rules
from headwater.graphmodel.naming_suggestions import suggestions

CASES = {
    "a number": (
        [f"s3://lake/out/run-{n}" for n in (1, 22, 333)],
        "s3://lake/out/run-{number}",
        "folders",
        "run-{number}",
    ),
    "an id": (
        [f"s3://lake/out/{n}" for n in ("0a1b2c3d", "ffee01aa", "12ab34cd")],
        "s3://lake/out/*",
        "datasets",
        "s3://lake/out",
    ),
    "a uuid": (
        [f"s3://lake/batch_123e4567-e89b-12d3-a456-42661417400{n}" for n in range(4)],
        "s3://lake/batch_{uuid}",
        "folders",
        "batch_{uuid}",
    ),
    "a time": (
        [f"s3://lake/out/2026030{n}T081530" for n in (1, 2, 3)],
        "s3://lake/out/{timestamp}",
        "datasets",
        "s3://lake/out",
    ),
    "a date behind a name": (
        [f"s3://lake/orders_2026030{n}" for n in (1, 2, 3)],
        "s3://lake/orders_{date}",
        "names",
        "orders_{date}",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_rule_joins_them(case: str) -> None:
    datasets, shape, key, pattern = CASES[case]
    (found,) = suggestions([*datasets, "s3://lake/other"])
    assert (found.shape, found.datasets, found.rule) == (shape, tuple(sorted(datasets)), f'{key}: ["{pattern}"]')
    rules = Rules.from_mapping({key: [pattern]})
    assert len({canonical(uri, rules) for uri in datasets}) == 1


def test_no_rule_joins_what_changes_before_the_last_part() -> None:
    (found,) = suggestions([f"s3://lake/run-{n}/orders" for n in range(5)])
    assert (found.shape, found.rule) == ("s3://lake/run-{number}/orders", "")


@pytest.mark.parametrize(
    "datasets",
    [
        ["s3://lake/orders", "s3://lake/people", "s3://lake/stock"],
        ["s3://lake/orders_2024", "s3://lake/orders_2025"],  # two are a coincidence
        ["s3://lake1/orders", "s3://lake2/orders", "s3://lake3/orders"],  # buckets are places
        ["s3://lake/facade", "s3://lake/decade", "s3://lake/defaced"],  # words, though of hexadecimal letters
    ],
)
def test_what_no_rule_is_suggested_for(datasets: list[str]) -> None:
    assert list(suggestions(datasets)) == []
