"""A list of files is one dataset where a folder holds them."""

from __future__ import annotations

import pytest

from headwater.spline_bridge.datasets import folders
from tests.unit.spline_bridge.plans import direct, document, mapped, read

FOLDERS = {
    "a file in a partition's folder": (["s3://l/ev/dt=2026-01-01/stream-1.json"], {"s3://l/ev/dt=2026-01-01"}),
    "files of several partitions": (
        ["s3://l/ev/y=2023/a.json", "s3://l/ev/y=2024/b.json"],
        {"s3://l/ev/y=2023", "s3://l/ev/y=2024"},
    ),
    "numbered files": (["/l/t/f1.csv", "/l/t/f02.csv"], {"/l/t"}),
    "files named by ids": (["/l/t/0a1b2c3d.parquet", "/l/t/ffee01aa.parquet"], {"/l/t"}),
    "one file": (["/l/t/orders-1.csv"], {"/l/t/orders-1.csv"}),
    "two files of other names": (["/l/t/orders.csv", "/l/t/people.csv"], {"/l/t/orders.csv", "/l/t/people.csv"}),
    "folders": (["/l/t/day1", "/l/t/day2"], {"/l/t/day1", "/l/t/day2"}),
    "files of other folders": (["/l/a/f1.csv", "/l/b/f1.csv"], {"/l/a/f1.csv", "/l/b/f1.csv"}),
    "many files of one kind": ([f"/l/t/{'x' * n}.csv" for n in range(1, 20)], {"/l/t"}),
    "a partition's folder": (["/l/t/v=1.5"], {"/l/t/v=1.5"}),
    "files at the root of a bucket": (["s3://b/f1.csv", "s3://b/f2.csv"], {"s3://b"}),
    "a file without a folder": (["f1.csv", "f2.csv"], {"f1.csv", "f2.csv"}),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_files_are_named_by_their_folder(case: str) -> None:
    sources, wanted = FOLDERS[case]
    assert set(folders(sources)) == wanted


def test_three_hundred_files_of_250_columns_are_one_dataset_with_250_edges() -> None:
    names = [f"c{i}" for i in range(250)]
    files = {**read("r", "", names), "inputSources": [f"file:/lake/flat/f{i:05d}.json" for i in range(300)]}
    plan = mapped(document([], reads=[files]))
    assert [(d.uri, d.spellings) for d in plan.inputs] == [("file:///lake/flat", ())]
    assert len(plan.derivations) == 250
    assert direct(plan)["c7"] == {"IDENTITY flat.c7"}


def test_a_file_in_a_partition_is_read_from_its_table() -> None:
    files = {**read("r", "", ["a", "year"]), "inputSources": ["file:/lake/ev/year=2024/stream-1.json"]}
    plan = mapped(document([], reads=[files]))
    assert [(d.uri, d.partition, d.spellings) for d in plan.inputs] == [("file:///lake/ev", "year=2024", ())]


def test_columns_by_position_are_told_of_files_that_keep_no_names() -> None:
    def layouts(format_: str) -> list[tuple[tuple[str, ...], ...]]:
        reads = [
            read("r", "file:/lake/t", ["_c0", "Amount", "_corrupt_record"], sourceType=format_),
            read("s", "file:/lake/t", ["x"], sourceType=format_),
        ]
        return [dataset.layouts for dataset in mapped(document([], reads=reads)).inputs]

    assert layouts("CSV") == layouts("text") == [(("_c0", "Amount"), ("x",))]
    assert layouts("parquet") == layouts("") == [()]
