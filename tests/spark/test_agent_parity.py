"""The recorded jobs, run live with the Python agent: the lineage is that of the Scala agent's payloads, or more."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.golden.agents import ALONE, MORE, differences, ours, pairs
from tests.golden.recorded import PAYLOADS
from tests.spark.captures import moved, recorded
from tests.spark.jobs import Ear, listening, run
from tests.spark.session import ended, needs_spark, session

pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore::ResourceWarning")]

#: Jobs in one session each after the other: later ones read what earlier ones wrote.
CHAINS = (
    ("a01_customers_clean", "d01_union_contacts"),
    ("e01_sql_report",),
    ("f01_web_events",),
    ("h01_tables_and_modes",),
    ("l01_stage_customers", "l02_stage_orders", "l03_mart_customer_orders"),
    ("m01_rerun",),
    ("r03_unpivot",),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Ear, Path]]:
    needs_spark()
    lake = tmp_path_factory.mktemp("lake")
    shutil.copytree(PAYLOADS / "_data" / "lake", lake, dirs_exist_ok=True)
    spark = session(str(lake))
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    ear = listening(spark)
    yield spark, ear, lake
    ended(spark)


@pytest.mark.parametrize("jobs", CHAINS, ids=lambda jobs: jobs[0])
def test_live_jobs_have_the_lineage_of_the_recorded_ones(jobs: tuple[str, ...], world: tuple[Any, Ear, Path]) -> None:
    spark, ear, lake = world
    spark.conf.set("spark.sql.sources.partitionOverwriteMode", "static")
    for job in jobs:
        heard = run(job, spark, ear, lake)
        assert heard
        for pair in pairs(job, [ours(each.report(), str(lake)) for each in heard]):
            found = list(differences(pair, pair.recorded)) if pair.recorded else []
            assert pair.recorded or pair.key[:2] in ALONE
            assert pair.key in MORE or not found, f"{pair.key}: {found}"
        again = [each.report().plan["id"] for each in moved(heard, str(lake))]
        assert again == [each.report().plan["id"] for each in recorded(job)]  # of another session, on another day
