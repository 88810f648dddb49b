"""dbt-ol on DuckDB, with the variables of docs/openlineage.md, sends what it built to a real server.

dbt pins much, so it is in an environment of its own, which `make test` makes; one on the path does as well.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.door import serving

#: Made by `make test` beside the environment of the tests.
OWN = Path(f"{sys.prefix}-dbt") / "bin"
DBT = shutil.which("dbt-ol", path=f"{OWN}{os.pathsep}{os.environ['PATH']}")

pytestmark = [
    pytest.mark.skipif(DBT is None, reason=f"there is no dbt-ol in {OWN}, and none on the path"),
    pytest.mark.timeout(1_800),
]

FILES = {
    "dbt_project.yml": "name: shop\nversion: '1.0'\nprofile: shop\nmodel-paths: [models]\nseed-paths: [seeds]\n",
    "profiles.yml": "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: shop.duckdb}\n",
    "seeds/raw_orders.csv": "id,amount,status\n1,10,paid\n2,20,open\n",
    "models/stg_orders.sql": "select id as order_id, amount, status from {{ ref('raw_orders') }}",
    "models/mart.sql": "{{ config(materialized='table') }}\nselect status, sum(amount) as total"
    " from {{ ref('stg_orders') }} group by status",
}


def test_a_project_is_built_and_its_columns_are_known(tmp_path: Path) -> None:
    project = tmp_path / "project"
    for name, text in FILES.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    with serving(tmp_path / "data") as server:
        variables = {**os.environ, "OPENLINEAGE_URL": server.url, "OPENLINEAGE_NAMESPACE": "dbt-prod"}
        for unwanted in ("PYTHONPATH", "PYTHONHOME"):
            variables.pop(unwanted, None)
        variables["PATH"] = f"{Path(DBT or '').parent}{os.pathsep}{variables['PATH']}"  # dbt-ol calls dbt
        command = ["dbt-ol", "build", "--profiles-dir", str(project)]
        built = subprocess.run(command, cwd=project, env=variables, capture_output=True, text=True, check=False)
        assert built.returncode == 0, built.stdout + built.stderr
        entries = server.get("/ready")[1]["entries"]
        _, jobs = server.get(f"/api/v1/queries/jobs?after={entries}")
        assert {"job:dbt/model.shop.mart", "job:dbt/model.shop.stg_orders"} <= {row["id"] for row in jobs["rows"]}
        mart = next(
            row["id"] for row in server.get("/api/v1/queries/datasets")[1]["rows"] if row["name"].endswith("mart")
        )
        _, answer = server.get(f"/api/v1/lineage?node={mart.replace('#', '%23')}%23total")
    found = {(edge["source"].rpartition(".")[2], edge["exact"]) for edge in answer["edges"]}
    assert ("stg_orders#amount", False) in found
