"""The agent's bundle: what is in it, and that it needs nothing else. Without Spark."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from headwater.bundle import write
from tests.acceptance.door import headwater

#: What Spark's Python workers would load too, at every start.
AT_START = {"headwater", "headwater.spark", "headwater.spark.hook"}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    write(tmp_path / "headwater-spark.zip")
    return tmp_path / "headwater-spark.zip"


def python(bundle: Path, code: str, *more: Path) -> str:
    """What a Python prints that has the bundle and nothing that is installed."""
    path = os.pathsep.join(map(str, (bundle, *more)))
    command = [sys._base_executable, "-s", "-c", code]  # type: ignore[attr-defined]  # outside of the environment
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": path}, cwd="/")
    assert ran.stderr == ""
    return ran.stdout


def test_the_command_writes_the_same_zip_each_time(bundle: Path, tmp_path: Path) -> None:
    made = headwater("spark-bundle", tmp_path / "again.zip", "--json")
    with ZipFile(bundle) as archive:
        names = archive.namelist()
    assert json.loads(made.stdout) == {
        "place": str(tmp_path / "again.zip"),
        "files": len(names),
        "bytes": bundle.stat().st_size,
    }
    assert (tmp_path / "again.zip").read_bytes() == bundle.read_bytes()
    assert {name for name in names if not name.endswith(".py")} == set()


def test_a_place_that_is_none_is_named(tmp_path: Path) -> None:
    for place, said in (("x.whl", "does not end in .zip"), ("no/x.zip", "cannot be written: No such file")):
        made = headwater("spark-bundle", tmp_path / place)
        assert (made.returncode, f"OUT.zip: {tmp_path / place} {said}" in made.stderr) == (2, True)


def test_everything_in_it_imports_with_nothing_installed(bundle: Path) -> None:
    with ZipFile(bundle) as archive:
        names = [name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in archive.namelist()]
    modules = [name for name in names if not name.endswith("__main__")]
    code = f"""import importlib, sys
for name in {modules}: importlib.import_module(name)
print({{getattr(sys.modules[name], '__file__').partition('.zip')[0] for name in {modules}}})"""
    assert python(bundle, code) == f"{ {str(bundle.with_suffix(''))} }\n"


def test_it_starts_itself_loads_next_to_nothing_and_hides_no_other(bundle: Path, tmp_path: Path) -> None:
    other, copy = tmp_path / "other", tmp_path / "copy.zip"
    write(copy)
    other.mkdir()
    (other / "sitecustomize.py").write_text("print('the other one')")
    code = "import sys; print(*sorted(name for name in sys.modules if name.startswith(('headwater', 'spline'))))"
    assert python(bundle, code, copy, other) == f"the other one\n{' '.join(sorted(AT_START))}\n"
