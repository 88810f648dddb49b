"""`headwater explain-names`: why two names are one dataset, and what would join them."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from headwater.cli import command
from headwater.cli.common import asking
from headwater.errors import WrongUse
from tests.acceptance.door import PIPELINE, headwater, serving

ORDERS = "file:///data/lake/raw/shop/orders.csv"
TABLE = Path(__file__).parents[1] / "payloads" / "h01_tables_and_modes"
ICEBERG = Path(__file__).parents[1] / "payloads" / "k02_iceberg"  # another dataset called orders


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("names") / "data"
    assert headwater("load", "--data", folder, *PIPELINE, TABLE, ICEBERG).returncode == 0
    return folder


def ask(loaded: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, ["explain-names", *arguments, "--data", str(loaded)], obj={"debug": False})
    return result.exit_code, result.output


def test_two_spellings_are_one_by_the_rules(loaded: Path) -> None:
    code, said = ask(loaded, ORDERS, "file:/data//lake/raw/shop/orders.csv/dt=2026-03-01/part-0.csv")
    assert code == 0
    assert "One dataset, by the rules of naming." in said
    assert "the folders of partitions are left out; the file of an output is left out" in said


def test_a_table_is_its_path_because_a_payload_says_so(loaded: Path) -> None:
    path = "/data/lake/warehouse/sales.db/dim_customer"
    code, said = ask(loaded, "sales.dim_customer", path)
    assert code == 0
    assert "a payload calls the dataset so (ledger entry " in said
    assert "One dataset: something that was reported or stated says so." in said
    alone = json.loads(ask(loaded, "sales.dim_customer", path, "--json")[1])
    with serving(loaded) as server:
        asked = headwater("explain-names", "sales.dim_customer", path, "--server", server.url, "--json")
    assert json.loads(asked.stdout) == alone
    assert alone["names"][0]["entry"] > 0


def test_as_csv_each_step_is_a_row(loaded: Path) -> None:
    path = "/data/lake/warehouse/sales.db/dim_customer"
    code, said = ask(loaded, "sales.dim_customer", path, "--csv")
    rows = list(csv.DictReader(io.StringIO(said)))
    assert (code, {row["verdict"] for row in rows}) == (0, {"one by a fact"})
    ends = [row for row in rows if row["what"] == "dataset"]
    assert [(row["spelling"], row["name"]) for row in ends] == [
        (one, f"file://{path}") for one in (rows[0]["spelling"], path)
    ]
    assert any(row["entry"].isdecimal() and row["rule"] == "a payload calls the dataset so" for row in ends)
    code, said = ask(loaded, "orders", "s3://backup/orders", "--csv")
    rows = list(csv.DictReader(io.StringIO(said)))
    assert (code, {row["what"] for row in rows}) == (1, {"perhaps", "near"})
    assert {row["spelling"] for row in rows if row["what"] == "perhaps"} == {"orders"}


def test_two_names_are_one_because_somebody_said_so(loaded: Path, tmp_path: Path) -> None:
    kept, other = "file:///data/lake/pipe/staging/orders", "file:///data/lake/ice/db/orders"
    folder = shutil.copytree(loaded, tmp_path / "data")
    assert headwater("same", kept, other, "--data", folder).returncode == 0
    code, said = ask(folder, other, kept)
    assert code == 0
    assert "somebody stated that the two are the same (ledger entry " in said


LISTED = "s3://lake/tables/dim_customer"


def listing(*scopes: str) -> list[dict[str, object]]:
    """Snapshots of a catalogue, one for each scope, that list a dataset by the name that a job gives another one."""
    by_name = {"names": ["shop.staged", "file:///data/lake/pipe/staging/orders"]}
    told = [
        {"kind": "dataset", "subject": f"{LISTED}/{scope}", "name": "shop.staged", "value": by_name} for scope in scopes
    ]
    return [{"source": "glue", "scope": scope, "statements": [one]} for scope, one in zip(scopes, told, strict=True)]


def test_a_catalogue_says_that_a_jobs_name_is_the_dataset_that_it_lists(loaded: Path, tmp_path: Path) -> None:
    folder, other = shutil.copytree(loaded, tmp_path / "data"), "file:///data/lake/pipe/staging/orders"
    with asking(folder, None, None) as source:
        for snapshot in listing("a"):
            source.keep_snapshot(snapshot)
        source.settle(lambda _done, _total: None)
        assert source.ask("columns", [("dataset", f"{LISTED}/a")]).to_dict()["rows"]
    code, said = ask(folder, other, f"{LISTED}/a")
    assert code == 0
    assert "a system, glue, lists the dataset under this name too, and no other (ledger entry " in said


def test_a_name_that_a_catalogue_lists_twice_stays_a_dataset_of_its_own(loaded: Path, tmp_path: Path) -> None:
    folder, other = shutil.copytree(loaded, tmp_path / "data"), "file:///data/lake/pipe/staging/orders"
    with asking(folder, None, None) as source:
        for snapshot in listing("a", "b"):
            source.keep_snapshot(snapshot)
        source.settle(lambda _done, _total: None)
    code, said = ask(folder, other, f"{LISTED}/a")
    assert code == 1
    assert "is a dataset of its own: some job names it so. This is also another name of" in said
    assert "none has so far" not in said
    assert f"  {LISTED}/a, {LISTED}/b; nothing tells that this job means one of them" in said


def test_two_datasets_and_what_would_join_them(loaded: Path) -> None:
    code, said = ask(loaded, "s3://lake/orders", "s3://backup/orders")
    assert code == 1
    assert "no dataset of this name is known" in said
    assert "`namespaces: {s3://backup: s3://lake}`" in said
    assert "Neither is a known dataset" in said
    assert "headwater same" not in said
    code, said = ask(loaded, "s3://lake/orders", ORDERS)
    assert (code, f"headwater same s3://lake/orders {ORDERS}" in said) == (1, True)


def test_unknown_names_are_said_to_be_unknown_with_near_ones(loaded: Path) -> None:
    code, said = ask(loaded, "orderz.csv", "nothing/like/it")
    assert code == 1
    assert said.count("no dataset of this name is known") == 2
    assert f"did you mean: {ORDERS}" in said
    assert "Neither is a known dataset" in said


@pytest.mark.parametrize("names", [("", ""), (ORDERS, " ")])
def test_an_empty_name_is_wrong_use(loaded: Path, names: tuple[str, str]) -> None:
    result = CliRunner().invoke(command, ["explain-names", *names, "--data", str(loaded)], obj={"debug": False})
    assert isinstance(result.exception, WrongUse)
    assert result.exception.exit_code == 2


def test_a_name_of_several_datasets_is_not_certain(loaded: Path) -> None:
    code, said = ask(loaded, "orders", ORDERS)
    assert code == 1
    assert "can be each of: file:///" in said
