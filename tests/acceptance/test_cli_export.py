"""`headwater export` as a person types it, beside a server and without one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.door import PIPELINE, headwater, serving
from tests.acceptance.fake_s3 import FakeS3, running
from tests.contract.loader_csv import load


def test_beside_a_server_it_writes_what_the_server_has(tmp_path: Path) -> None:
    with serving(tmp_path / "data"):
        assert headwater("load", "--data", tmp_path / "data", *PIPELINE).returncode == 0
        shown = headwater("export", "--format", "neptune-csv", tmp_path / "out", "--data", tmp_path / "data", "--json")
    assert (shown.returncode, shown.stderr) == (0, "")
    said, found = json.loads(shown.stdout), load(tmp_path / "out")
    assert (sum(said["vertices"].values()), sum(said["edges"].values())) == (len(found.vertices), len(found.edges))
    mark = found.vertices["ledger"].properties
    assert (mark["applied"], mark["ledgerId"]) == (said["applied"], said["ledger"])
    assert set(mark) == {"applied", "appliedHash", "format", "ledgerId"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export") / "data"
    assert headwater("load", "--data", folder, PIPELINE[0]).returncode == 0
    return folder


def test_without_a_server_it_says_how_much_it_wrote(data: Path, tmp_path: Path) -> None:
    shown = headwater("export", "--format", "neptune-csv", tmp_path / "out", "--data", data)
    found = load(tmp_path / "out")
    count = f"{len(found.vertices)} vertices and {len(found.edges)} edges in "
    assert (shown.returncode, shown.stdout.startswith(count), shown.stderr) == (0, True, "")


def test_straight_into_s3(data: Path, tmp_path: Path) -> None:
    arguments = ("export", "--format", "neptune-csv", "--data", data)
    with running(FakeS3({"notes/": b""})) as s3:
        assert headwater(*arguments, "s3://lake/notes", "--json", **s3.environment()).returncode == 0
        again = headwater(*arguments, "s3://lake/notes", **s3.environment())
        s3.closed = True
        closed = headwater(*arguments, "s3://lake/other", **s3.environment())
    assert {key.split("/")[1] for key in s3.objects} == {"", "graph", "ledger"}
    del s3.objects["notes/"]
    here = headwater(*arguments, tmp_path / "here")
    assert (here.returncode, load(s3.save(tmp_path / "s3"))) == (0, load(tmp_path / "here"))
    assert (again.returncode, again.stderr.partition(":")[2]) == (2, f" s3://lake/notes is not empty: {_first(s3)}\n")
    assert (closed.returncode, "AccessDenied" in closed.stderr) == (3, True)


def _first(s3: FakeS3) -> str:
    return f"{min(s3.objects).removeprefix('notes/')} lies there"


#: arguments after `export` -> what the one sentence says
MISTAKES = {
    "not empty": (("--format", "neptune-csv", "/etc"), "/etc is not empty: "),
    "a file": (("--format", "neptune-csv", "/etc/passwd"), "/etc/passwd"),
    "no folder": (("--format", "neptune-csv", "/dev/null/x"), "/dev/null/x"),
}


@pytest.mark.parametrize(("arguments", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_get_one_sentence(arguments: tuple[str, ...], sentence: str, data: Path) -> None:
    done = headwater("export", *arguments, "--data", data)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert sentence in done.stderr
