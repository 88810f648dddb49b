"""Two DAGs of Airflow with a Spark job in them, as its provider reported them: what Headwater answers of them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from headwater.ingest.folder.service import Service
from tests.golden import openlineage

CASE = "af02_airflow_dag"
DATABASE = "postgres://127.0.0.1:5432/shop"
TASKS = "airflow-prod/shop_daily"
MINUTE = 60_000


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A folder that took the events twice, in no order: Airflow sends them from many processes."""
    entries = openlineage.entries(CASE) * 2
    random.Random(7).shuffle(entries)
    with Service.open(tmp_path_factory.mktemp("airflow")) as opened:
        opened.ledger.append(entries)
        opened.catch_up()
        assert opened.parked() == []
        yield opened


def ask(service: Service, query: str, **given: object) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = service.ask(query, [(name, str(value)) for name, value in given.items()]).to_dict()[
        "rows"
    ]
    return rows


def upstream(service: Service, node: str) -> set[tuple[str, str, str]]:
    edges = service.ask("upstream", [("node", node)]).to_dict()["edges"]
    return {(edge["source"], edge["target"], edge["job"].removeprefix("job:")) for edge in edges}


def test_a_column_goes_from_sql_through_spark_to_sql_and_into_the_dag_that_an_asset_starts(service: Service) -> None:
    files = "file:///data/lake/af/mart/revenue#revenue"
    assert upstream(service, f"{DATABASE}.mart.archive#best") == {
        (f"{DATABASE}.mart.report#best", f"{DATABASE}.mart.archive#best", "airflow-prod/shop_export.archive"),
        (f"{DATABASE}.mart.revenue#revenue", f"{DATABASE}.mart.report#best", f"{TASKS}.report"),
        (files, f"{DATABASE}.mart.revenue#revenue", "spark/shop.revenue"),
        (f"{DATABASE}.public.orders_clean#amount", files, "spark/shop.revenue"),
        (f"{DATABASE}.public.orders#amount", f"{DATABASE}.public.orders_clean#amount", f"{TASKS}.prepare.clean"),
    }


def test_inlets_and_outlets_are_edges_between_datasets(service: Service) -> None:
    found = upstream(service, "s3://backup/shop/revenue")
    assert ("file:///data/lake/af/mart/revenue", "s3://backup/shop/revenue", f"{TASKS}.backup") in found


def test_the_runs_of_spark_say_which_task_started_them_and_those_of_tasks_which_dag(service: Service) -> None:
    (revenue, files) = ask(service, "runs", job="spark/shop.revenue")
    assert {revenue["parentJob"], files["parentJob"]} == {f"{TASKS}.spark_revenue"}
    (report,) = ask(service, "runs", job=f"{TASKS}.report")
    (archive,) = ask(service, "runs", job="airflow-prod/shop_export.archive")
    assert (report["parentJob"], archive["parentJob"]) == (TASKS, "airflow-prod/shop_export")


def test_a_retry_is_a_run_of_its_own_and_a_mapped_task_is_one_job(service: Service) -> None:
    tries = ask(service, "runs", job=f"{TASKS}.flaky")
    assert [(run["status"], run["error"]) for run in tries] == [
        ("success", None),
        ("failed", "Bash command failed. The command returned a non-zero exit code 1."),
    ]
    assert [run["status"] for run in ask(service, "runs", job=f"{TASKS}.load_part")] == ["success"] * 3
    assert [row["job"] for row in ask(service, "latest-runs", status="failed")] == [f"job:{TASKS}.flaky"]


def test_one_run_of_a_dag_is_no_interval(service: Service) -> None:
    last = max(run["timestamp"] for run in ask(service, "latest-runs"))
    assert ask(service, "stopped-jobs", at=last + 60 * MINUTE) == []


def test_a_task_that_makes_empty_tables_writes_none_of_them(service: Service) -> None:
    assert f"job:{TASKS}.prepare.create" not in {row["id"] for row in ask(service, "jobs")}
    columns = ask(service, "columns", dataset=f"{DATABASE}.public.orders_clean")
    assert {column["name"]: column["type"] for column in columns} == {
        "order_id": "int4",
        "customer_id": "int4",
        "amount": "numeric",
    }
    reasons = {(row["dataset"], row["reason"]) for row in ask(service, "coverage", limit=1000)}
    assert {reason for dataset, reason in reasons if dataset.endswith("orders_clean")} == {"not exact"}


def test_owners_and_tags_of_the_dag_are_those_of_its_tasks(service: Service) -> None:
    (owner,) = [row["detail"] for row in ask(service, "why", node=f"{DATABASE}.mart.report") if row["what"] == "owner"]
    assert owner == "team-shop"
