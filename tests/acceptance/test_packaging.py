"""What `pip install headwater` puts onto a machine: sdist and wheel are built here, and installed without a network."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tarfile
from importlib.metadata import Distribution, PathDistribution, distributions
from pathlib import Path
from zipfile import ZipFile

import pytest

from headwater.bundle import contents
from headwater.demo import LAST
from tests.acceptance.door import PATIENCE, PIPELINE, ROOT, environment, serving

FOLDERS = (
    "aws_bridge", "graphmodel", "graphstore", "ingest", "openlineage_bridge", "queries", "spline_bridge", "sql_bridge",
    "web",
)  # fmt: skip


#: What a data engineer's own folder may hold, under names that are folders of this repository.
OWN = {
    "queries/__init__.py": "MINE = True\n",
    "queries/revenue.py": "SQL = 'SELECT 1'\n",
    "graphmodel/model.py": "MINE = True\n",
    "ingest.py": "MINE = True\n",
}
ASKED = """
import sys
import graphmodel.model, ingest, queries.revenue
assert graphmodel.model.MINE and ingest.MINE and queries.MINE
import headwater as hw
lineage = hw.open(sys.argv[1]).upstream("file:///data/lake/pipe/out/churn_by_country#avg_score")
print(hw.__file__, len(lineage.edges), lineage.complete, queries.revenue.SQL)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that is built from that sdist: as an index would serve them."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def site(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the unpacked wheel, as a site-packages folder would."""
    folder = tmp_path_factory.mktemp("site")
    (wheel,) = built.glob("*.whl")
    with ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` of a fresh environment with the wheel installed by pip; what it needs is that of this environment."""
    folder = tmp_path_factory.mktemp("fresh")
    (wheel,) = built.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--isolated", "--python", str(folder / "bin" / "python")]
    for command in (
        [sys.executable, "-m", "venv", "--without-pip", str(folder)],
        [*pip, "install", "--no-deps", "--no-index", str(wheel)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=without_paths())
        assert done.returncode == 0, done.stdout + done.stderr
    # A line of a .pth file names a folder whose own .pth files are not read: an editable Headwater there is not found.
    (own,) = (folder / "lib").glob("python*/site-packages")
    (own / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def without_paths(**more: str) -> dict[str, str]:
    """The variables of this process without those that would lead to this checkout."""
    return {name: value for name, value in environment().items() if name != "PYTHONPATH"} | more


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


def test_the_sdist_holds_real_files_and_no_links(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        members = archive.getmembers()
    names = {member.name.partition("/")[2] for member in members if member.isfile()}
    assert [member.name for member in members if not (member.isfile() or member.isdir())] == []
    assert {name for name in names if name.startswith("headwater/")} == sources()
    assert names >= {"CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml"}


def test_it_serves_and_answers_beside_folders_of_the_same_names(installed: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    for name, text in OWN.items():
        (mine / name).parent.mkdir(parents=True, exist_ok=True)
        (mine / name).write_text(text)
    variables, data = without_paths(PYTHONPATH=str(mine)), tmp_path / "data"

    def run(*command: object) -> str:
        done = subprocess.run(
            [*map(str, command)], capture_output=True, text=True, check=False, timeout=PATIENCE, env=variables, cwd=mine
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    with serving(data, command=[str(installed / "headwater")], cwd=mine, variables=variables) as server:
        run(installed / "headwater", "load", *PIPELINE, "--server", server.url)
        asked = run(installed / "python", "-c", ASKED, data).split()
    own = next((installed.parent / "lib").glob("python*/site-packages"))
    assert asked == [str(own / "headwater" / "__init__.py"), "20", "True", "SELECT", "1"]
    assert "raw/fx/rates.csv" in run(installed / "headwater", "upstream", LAST, "--data", data)
    assert "complete" in run(installed / "headwater", "demo", "--recorded")


def test_the_installed_command_writes_the_bundle_for_glue(installed: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "headwater-spark.zip"
    command = [str(installed / "headwater"), "spark-bundle", str(bundle)]
    subprocess.run(command, check=True, capture_output=True, env=without_paths(), cwd=tmp_path)
    with ZipFile(bundle) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == dict(contents())


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
