"""The estate at a glance, on the recorded jobs that fail, hide their code, change their columns."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path

import pytest

from headwater.queries.catalogue.catalogue import ESTATE
from tests.acceptance.door import PAYLOADS, PIPELINE, headwater

MORE = [str(PAYLOADS / name) for name in ("j01_failing_write", "r27_apply", "r31_iceberg", "g01_udfs")]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("estate") / "data"
    done = headwater("load", "--data", folder, *PIPELINE, *MORE)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_question_has_its_part(loaded: Path) -> None:
    shown = headwater("estate", "--data", loaded, "--rows", "2")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "0 events wait for their plan, 0 entries are parked" in shown.stdout
    for query in ESTATE:
        assert f"\n{query.name}: " in shown.stdout
    assert "failed only" in shown.stdout


def test_json_has_every_answer_whole(loaded: Path) -> None:
    said = json.loads(headwater("estate", "--data", loaded, "--json").stdout)
    assert list(said["answers"]) == [query.name for query in ESTATE]
    assert all(table["complete"] for table in said["answers"].values())
    reasons = {row["reason"] for row in said["answers"]["coverage"]["rows"]}
    assert {"failed only", "not exact"} <= reasons
    causes = [row["cause"] for row in said["answers"]["coverage"]["rows"] if row["reason"] == "not exact"]
    assert any("mapinpandas" in cause.lower() for told in causes for cause in told)
    assert said["stats"]["vertices"]["job"] > 7


def test_one_csv_has_the_rows_of_every_part(loaded: Path) -> None:
    shown = headwater("estate", "--data", loaded, "--csv")
    assert (shown.returncode, shown.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(shown.stdout)))
    said = json.loads(headwater("estate", "--data", loaded, "--json").stdout)["answers"]
    assert Counter(row["part"] for row in rows) == {
        name: len(part["rows"]) for name, part in said.items() if part["rows"]
    }
    columns = list(dict.fromkeys(column for part in said.values() for column in part["columns"]))
    assert list(rows[0]) == ["part", *columns]
    alone = csv.DictReader(io.StringIO(headwater("query", "coverage", "--csv", "--data", loaded).stdout))
    assert [
        {name: row[name] for name in said["coverage"]["columns"]} for row in rows if row["part"] == "coverage"
    ] == list(alone)


def test_one_question_by_its_name(loaded: Path) -> None:
    shown = headwater("query", "schema-drift", "limit=1", "--data", loaded)
    assert shown.returncode == 0
    assert "file:///data/lake/ice/db/" in shown.stdout
    assert shown.stderr == "more: next=1\n"
