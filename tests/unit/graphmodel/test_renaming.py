"""Which names are one, and a plan that has one of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.graphmodel.model import Dataset, DependencyType, Derivation, Effect, Job, OutputColumn, Plan, Subtype
from headwater.graphmodel.renaming import names, renamed
from headwater.graphmodel.statements.json_text import snapshot
from headwater.graphmodel.statements.model import Said, Snapshot, Statement


def same(other: str, kept: str, at: int = 0, *, withdrawn: bool = False) -> Statement:
    return Statement("same", other, kept, at, withdrawn=withdrawn)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], {}),
        ([same("b", "a")], {"b": "a"}),
        ([same("b", "a"), same("c", "b")], {"b": "a", "c": "a"}),
        ([same("b", "a", 1), same("b", "c", 2)], {"b": "c"}),
        ([same("b", "a", 1), same("b", "a", 2, withdrawn=True)], {}),
        ([same("b", "a", 1), same("a", "b", 2)], {"b": "a"}),  # a circle: the later is left out
        ([same("b", "a", 1), same("c", "b", 2), same("a", "c", 3)], {"b": "a", "c": "a"}),
    ],
)
def test_the_name_that_is_kept(said: list[Statement], expected: dict[str, str]) -> None:
    assert names(said).every == names(said[::-1]).every == expected


ARN = "arn:aws:glue:eu-west-1:123456789012:table/sales/orders"
PLACE = "s3://lake/orders"


def listed(subject: str, *called: str, scope: str = "sales", at: int = 1) -> Snapshot:
    value = {"names": list(called)}
    told = [{"kind": "dataset", "subject": subject, "name": called[0], "value": value}] if called else []
    return snapshot({"source": "glue", "scope": scope, "at": at, "statements": told})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([listed(PLACE, "sales.orders", ARN)], {"sales.orders": PLACE, ARN: PLACE}),
        ([listed(PLACE, ARN), listed(PLACE, at=2)], {}),  # withdrawn
        ([listed(PLACE, ARN), listed("s3://lake/new", ARN, at=2)], {ARN: "s3://lake/new"}),  # it moved
        ([listed(PLACE, "sales.orders"), listed("s3://other", "sales.orders", scope="b")], {}),  # two accounts
        ([listed(PLACE, ARN), listed(ARN, "sales.view", scope="b")], {"sales.view": ARN}),  # a dataset of its own
        ([listed(PLACE, ARN), same(PLACE, "kept")], {ARN: "kept", PLACE: "kept"}),
        ([listed(PLACE, ARN), same(ARN, "kept")], {ARN: "kept"}),  # people know better
        ([listed(PLACE, "b"), same("c", "b")], {"b": PLACE, "c": PLACE}),
        ([listed(PLACE, ARN), same(PLACE, ARN)], {PLACE: ARN}),
    ],
)
def test_what_systems_list_under_another_name(said: list[Said], expected: dict[str, str]) -> None:
    assert names(said).every == names(said[::-1]).every == expected


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd"), st.integers(0, 3)), max_size=8))
def test_a_name_that_is_kept_is_never_another_one(pairs: list[tuple[str, str, int]]) -> None:
    kept = names(same(other, name, at) for other, name, at in pairs if other != name).every
    assert kept.keys().isdisjoint(kept.values())


def test_a_renamed_plan_knows_the_other_name_as_a_spelling_alone() -> None:
    both = (Dataset("b", columns=("x",)), Dataset("a", ("s3a://a",), columns=("x", "y")))
    read = Derivation("t", "b", "x", DependencyType.DIRECT, Subtype.IDENTITY)
    plan = Plan("p", Job("spark", "j"), Dataset("b"), Effect.ALL, "c", both, (OutputColumn("t"),), (read,), ())
    made = renamed(plan, {"b": "a"})
    assert made.target == Dataset("a", ("b",))
    assert made.inputs == (Dataset("a", ("b", "s3a://a"), columns=("x", "y")),)
    assert [d.source_dataset for d in made.derivations] == ["a"]
    assert renamed(made, {"b": "a"}) is made
    assert renamed(plan, {"c": "a"}) is plan
