"""What `pip install headwater` puts onto a machine: built here as a real wheel, unpacked into a folder of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import Distribution, PathDistribution, distributions
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("aws_bridge", "graphmodel", "graphstore", "ingest", "queries", "spline_bridge")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the unpacked wheel, as a site-packages folder would."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(build, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def sources() -> set[str]:
    """Every file of the package that a checkout holds, by its place in it: the folders at the top are linked there."""
    tops = {"headwater": ROOT / "headwater"} | {f"headwater/{folder}": ROOT / folder for folder in FOLDERS}
    files = ((top, file.relative_to(at)) for top, at in tops.items() for file in at.rglob("*") if file.is_file())
    return {f"{top}/{file}" for top, file in files if "__pycache__" not in file.parts}


def import_names(distribution: Distribution) -> set[str]:
    """The top-level names that a distribution's files can be imported by."""
    tops = {file.parts[0] for file in distribution.files or ()}
    return {top.removesuffix(".py") for top in tops if top.isidentifier() or top.removesuffix(".py").isidentifier()}


def headwater_in(site: Path) -> PathDistribution:
    (info,) = site.glob("headwater-*.dist-info")
    return PathDistribution(info)


def test_the_wheel_holds_the_packages_as_they_are_and_nothing_else(site: Path) -> None:
    shipped = {str(file.relative_to(site)) for file in site.rglob("*") if file.is_file()}
    outside = {name for name in shipped if ".dist-info/" not in name}
    assert outside == sources()


def test_the_package_ships_its_types_and_no_links(site: Path) -> None:
    assert (site / "headwater" / "py.typed").is_file()
    assert [file for file in site.rglob("*") if file.is_symlink()] == []


def test_each_folder_at_the_top_is_linked_into_the_package() -> None:
    links = {file.name: str(file.readlink()) for file in (ROOT / "headwater").iterdir() if file.is_symlink()}
    assert links == {folder: f"../{folder}" for folder in FOLDERS}


def test_every_import_name_belongs_to_one_installed_distribution(site: Path) -> None:
    ours = import_names(headwater_in(site))
    others = (other for other in distributions() if other.name != "headwater")
    claimed = {(name, other.name) for other in others for name in ours & import_names(other)}
    assert (ours, claimed) == ({"headwater"}, set())


def test_the_plain_install_stays_light(site: Path) -> None:
    plain = {line for line in headwater_in(site).requires or () if "extra ==" not in line}
    names = {re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in plain}
    heavy = {"boto3", "botocore", "duckdb", "jupyter", "networkx", "numpy", "pandas", "pyarrow", "pyspark"}
    assert ("aiohttp" in names, names & heavy) == (True, set())


def test_the_wheel_carries_the_licence_and_the_command(site: Path) -> None:
    distribution = headwater_in(site)
    commands = {(entry.name, entry.value) for entry in distribution.entry_points if entry.group == "console_scripts"}
    assert distribution.metadata["License-Expression"] == "Apache-2.0"
    assert commands == {("headwater", "headwater.cli:main")}


def test_the_pins_name_no_registry() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins
    assert {pin for pin in pins if "==" not in pin or "://" in pin or pin.startswith("-")} == set()
