"""`headwater explain`: an edge, with the ledger entry that it stands on."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.acceptance.door import PIPELINE, headwater, serving

LAST = "file:///data/lake/pipe/out/churn_by_country#avg_score"
SOURCE = "file:///data/lake/pipe/ml/predictions.parquet#churn_score"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("explain") / "data"
    assert headwater("load", "--data", folder, *PIPELINE).returncode == 0
    return folder


def test_an_edge_is_explained(loaded: Path) -> None:
    said = headwater("explain", LAST, SOURCE, "--data", loaded)
    assert (said.returncode, said.stderr) == (0, "")
    lines = [line.strip() for line in said.stdout.splitlines()]
    begin = lines.index(f"{LAST}  <-  {SOURCE}")
    assert lines[begin + 1] == "DIRECT AGGREGATION: made of many of its values: over a group or a window"
    assert "INDIRECT SORT: rows were ordered by it" in lines  # of the whole output
    assert "expression  avg(churn_score)" in lines
    assert any(line.startswith("plan ") and "ledger entry 17" in line for line in lines)


def test_as_csv_each_reason_is_a_row(loaded: Path) -> None:
    said = headwater("explain", LAST, SOURCE, "--data", loaded, "--csv")
    assert (said.returncode, said.stderr) == (0, "")
    rows = list(csv.DictReader(io.StringIO(said.stdout)))
    (direct,) = (row for row in rows if row["type"] == "DIRECT")
    assert (direct["target"], direct["source"], direct["expression"]) == (LAST, SOURCE, "avg(churn_score)")
    assert direct["entry"] == "17"


def test_through_a_server_it_is_the_same(loaded: Path) -> None:
    alone = headwater("explain", LAST, "--data", loaded, "--json")
    with serving(loaded) as server:
        asked = headwater("explain", LAST, "--server", server.url, "--json")
    assert json.loads(asked.stdout) == json.loads(alone.stdout)
    assert {row["what"] for row in json.loads(alone.stdout)["rows"]} == {"edge", "name"}


def test_a_source_some_steps_away_is_not_called_unknown(loaded: Path) -> None:
    said = headwater("explain", "churn_by_country#avg_score", "orders.csv#amount", "--data", loaded)
    assert "is not made of file:///data/lake/raw/shop/orders.csv#amount in one step" in said.stdout
    assert "headwater paths 'orders.csv#amount' 'churn_by_country#avg_score'" in said.stdout


def test_a_missing_node_is_reported(loaded: Path) -> None:
    said = headwater("explain", f"{LAST}x", "--data", loaded)
    assert (said.returncode, "did you mean: " + LAST in said.stderr) == (2, True)
