"""Of several origins of one column the same one counts, whether one plan or several say them, in any order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headwater.graphmodel.columns import ColumnClaim, shown
from headwater.graphmodel.logic import logic
from headwater.graphmodel.model import ORIGINS, Dataset, Effect, Job, Origin, OutputColumn, Plan


def test_every_origin_has_a_place() -> None:
    assert set(ORIGINS) == set(Origin)


@given(st.lists(st.sampled_from(Origin), min_size=1))
def test_one_plan_and_several_plans_decide_alike(said: list[Origin]) -> None:
    columns = tuple(OutputColumn(name, origin) for name, origin in zip(["a", "A"] * len(said), said, strict=False))
    plan = Plan("p", Job("n", "j"), Dataset("s3://b/x"), Effect.ALL, "w", (), columns, (), ())
    (of_one_plan,) = logic(plan).columns
    of_several = shown(ColumnClaim("a", origin.value, "") for origin in said)
    assert of_one_plan.origin is not None
    assert of_one_plan.origin.value == of_several.origin == min(said, key=ORIGINS.index).value
