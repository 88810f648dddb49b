"""The steps from a spelling to its name are told with their rules, and so is what would join two names."""

from __future__ import annotations

import pytest

from headwater.graphmodel.naming import DEFAULT, Rules, canonical
from headwater.graphmodel.naming_explained import joined_by, steps

RULES = Rules(namespaces=(("s3://alias", "s3://lake"),), names=("*_{date}",), datasets=("s3://lake/clicks",))

STEPS = [
    ("s3://lake/x", []),
    ("s3a://lake/x", ["s3://lake/x"]),
    ("s3a://alias/x/dt=1/part-0", ["s3://alias/x/dt=1/part-0", "s3://lake/x/dt=1/part-0", "s3://lake/x"]),
    ("s3://lake/orders_20260301", ["s3://lake/orders"]),
    ("s3://lake/clicks/a", ["s3://lake/clicks"]),
    ("ledger", ["dataset:ledger"]),
]


@pytest.mark.parametrize(("spelling", "names"), STEPS)
def test_the_steps_lead_to_the_canonical_name(spelling: str, names: list[str]) -> None:
    found = steps(spelling, RULES)
    assert [step.name for step in found] == names
    assert (found[-1].name if found else spelling) == canonical(spelling, RULES)


REASONS = [
    ("s3://lake/x/dt=1", "the folders of partitions are left out"),
    ("s3://lake/x/20260301", "the folders of dates are left out"),
    ("s3://lake/x/run_7", "the folder of one execution is left out"),
    ("s3://lake/x/part-0", "the file of an output is left out"),
    ("s3://lake/orders_20260301", "a date in the name is left out, as naming.yaml says"),
    ("s3://lake/clicks/a", "what lies below a dataset of naming.yaml belongs to it"),
    ("s3://lake/x/", "the same name written otherwise: the rules of its scheme (docs/naming.md, Spellings)"),
    ("s3://alias/x", "naming.yaml says under namespaces that it has two names"),
]


@pytest.mark.parametrize(("spelling", "reason"), REASONS)
def test_each_rule_says_what_it_left_out(spelling: str, reason: str) -> None:
    assert steps(spelling, RULES)[-1].rule == reason


def test_a_folder_that_two_rules_leave_out_is_still_explained() -> None:
    rules = Rules(folders=("run_*",))
    assert steps("s3://lake/x/run_7", rules)[-1].rule == "folders at its end are left out"
    assert steps("s3://lake/x/run_7", DEFAULT)[-1].rule == "the folder of one execution is left out"


CASE = "they differ in upper and lower case alone"
FOLDER = "if batch is no dataset of its own"
SPACE = "if all of s3://alias is s3://lake"
WAYS = [
    ("s3://lake/x", "s3://alias/x", f"{SPACE}: in naming.yaml `namespaces: {{s3://alias: s3://lake}}`"),
    ("snowflake://a/DB.S.T", "snowflake://a/db.s.t", f"{CASE}: let both jobs write the name in one way"),
    ("s3://lake/x/batch", "s3://lake/x", f"{FOLDER}: in naming.yaml `folders: [batch]` or `datasets: [s3://lake/x]`"),
    ("s3://lake/x", "sales.x", "if you know that they are one: headwater same s3://lake/x sales.x"),
]  # fmt: skip


@pytest.mark.parametrize(("kept", "other", "way"), WAYS)
def test_what_would_join_two_names_is_told(kept: str, other: str, way: str) -> None:
    assert way in list(joined_by(kept, other))
