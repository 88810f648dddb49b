"""What the tables keep in memory has a limit, however many plans and datasets come: counted as objects that live."""

from __future__ import annotations

import gc
import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from headwater.graphmodel.logic import logic, summary
from headwater.graphmodel.model import Dataset, Effect, Job, OutputColumn, Plan
from headwater.ingest.fold.file import Derived
from headwater.ingest.fold.rows import BodyRef, BodyRow, DatasetRow
from headwater.ingest.fold.tables import Tables

MANY = 6_000
BODIES, DATASETS = 5_000, 1_000


@pytest.fixture
def tables() -> Iterator[Tables]:
    with closing(Derived.open(None)) as derived:
        yield Tables(derived.connection)


def living(kind: type) -> int:
    gc.collect()
    return sum(type(each) is kind for each in gc.get_objects())


def bodies() -> list[BodyRow]:
    plan = Plan("p", Job("spark", "one"), Dataset("s3://t"), Effect.ALL, "Save", (), (OutputColumn("c"),), (), ())
    known = logic(plan)
    one = summary(plan, known, hashlib.sha256(b"").hexdigest())
    return [BodyRow(BodyRef(number + 1), replace(one, agent_plan_id=f"p{number}")) for number in range(MANY)]


def test_bodies_that_were_written(tables: Tables) -> None:
    before = living(BodyRow)
    for row in bodies():
        tables.put_body(row)
    assert living(BodyRow) - before <= BODIES
    assert [tables.body(f"p{number}") for number in (0, MANY - 1)] == [bodies()[number] for number in (0, MANY - 1)]


def test_bodies_that_were_read(tables: Tables) -> None:
    for row in bodies():
        tables.put_body(row)
    tables.forget()
    before = living(BodyRow)
    for number in range(MANY):
        assert tables.body(f"p{number}") is not None
    assert living(BodyRow) - before <= BODIES


def test_a_body_that_was_replaced_is_the_one_that_is_given(tables: Tables) -> None:
    first, *_ = bodies()
    for executed in (False, True):
        tables.put_body(first._replace(executed=executed))
    assert tables.body("p0") == first._replace(executed=True)
    tables.delete_body("p0")
    assert tables.body("p0") is None


def test_datasets_that_were_written_and_read(tables: Tables) -> None:
    before = living(DatasetRow)
    for number in range(MANY):
        tables.put_dataset(f"s3://d{number}", DatasetRow({}, Counter(), {}))
    assert living(DatasetRow) - before <= DATASETS
    for number in range(MANY):
        assert tables.dataset(f"s3://d{number}") == DatasetRow({}, Counter(), {}, in_graph=True)
    assert living(DatasetRow) - before <= DATASETS
