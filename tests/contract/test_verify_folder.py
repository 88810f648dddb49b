"""Checking the ledger of a data folder: damaged anywhere, removed, an older copy, on a disk that cannot be written."""

from __future__ import annotations

import os
import random
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from headwater import cli
from headwater.graphstore.errors import InvalidRequest
from headwater.ingest.folder.replaying import replay_into
from headwater.ingest.folder.service import Service
from headwater.ingest.ledger.backup import back_up
from headwater.ingest.ledger.ledger import NewEntry, NotALedger, open_ledger
from tests.contract.test_damaged_ledger import restored
from tests.contract.test_projector import recorded

USED = (0, 1)  #: pages that a check reads in any case; others hold indexes, or counts of repeats


def verified(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    try:
        code = cli.run(["verify", "--data", str(folder)])
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, capsys.readouterr().err


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with open_ledger(tmp_path / "data") as ledger:
        ledger.append([NewEntry("spline.plan", "application/json", b'{"number": %d}' % n) for n in range(40)])
    return tmp_path / "data"


@pytest.mark.parametrize("page", range(6))
def test_damage_of_any_page_is_a_finding_or_nothing(
    page: int, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, chance = folder / "ledger.sqlite", random.Random(page)
    whole = path.read_bytes()
    for _ in range(30):
        damaged = bytearray(whole)
        at = 4096 * page + chance.randrange(4096)
        damaged[at] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        assert verified(folder, capsys)[0] in (0, 1)
    path.write_bytes(whole[: 4096 * page] + b"\xff" * 4096 + whole[4096 * (page + 1) :])
    assert verified(folder, capsys)[0] in ((1,) if page in USED else (0, 1))


def drawn(folder: Path) -> None:
    with Service.open(folder) as service:
        service.ledger.append(recorded("l01_stage_customers"))
        service.catch_up()


def test_a_ledger_that_was_removed_is_a_finding_though_a_new_one_was_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    drawn(folder)
    assert verified(folder, capsys) == (0, "")
    for path in folder.glob("ledger.sqlite*"):
        path.unlink()
    open_ledger(folder).close()
    code, said = verified(folder, capsys)
    assert (code, "was drawn from another ledger" in said) == (1, True)


def test_an_older_copy_is_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, backup = tmp_path / "data", tmp_path / "backup"
    drawn(folder)
    back_up(folder, backup)
    with Service.open(folder) as service:
        service.ledger.append(recorded("l02_stage_orders"))
        service.catch_up()
    restored(folder, backup)
    code, said = verified(folder, capsys)
    assert (code, "an older copy put in its place" in said) == (1, True)


def test_a_folder_that_cannot_be_written_is_verified_and_not_changed(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK or not str(path).startswith(str(folder)))
    assert verified(folder, capsys) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == ["ledger.lock", "ledger.sqlite"]


@pytest.mark.parametrize("name", ["ledger.sqlite", "ledger.lock"])
def test_a_symbolic_link_is_not_followed_by_what_writes(name: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    shutil.move(folder / name, tmp_path / "other" / name)
    (folder / name).symlink_to(tmp_path / "other" / name)
    before = (tmp_path / "other" / name).read_bytes()
    with pytest.raises(NotALedger, match="symbolic link"):
        open_ledger(folder)
    assert (tmp_path / "other" / name).read_bytes() == before


def test_tables_behind_a_symbolic_link_are_made_anew_and_not_emptied(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    drawn(folder)
    other = tmp_path / "other"
    other.write_text("not to be touched")
    (folder / "derived.sqlite").unlink()
    (folder / "derived.sqlite").symlink_to(other)
    with Service.open(folder) as service:
        service.catch_up()
        assert service.parked() == []
    assert other.read_text() == "not to be touched"


#: Names in a data folder that something is written to, moved outside and linked to: `True` where that is a folder.
LINKED = {
    "graph": True,
    "graph/wal": True,
    "graph/LOCK": False,
    "graph/GRAPH": False,
    "drawings": True,
    "drawings/1": True,
    "drawings/1/graph": True,
    "drawings/1/derived.sqlite": False,
    "drawings/current.new": False,
    "targets": True,
    "ledger.sqlite-wal": False,
    "ledger.sqlite-shm": False,
    "derived.sqlite-wal": False,
    "derived.sqlite-shm": False,
    ".derived.attempt": False,
    "derived.attempt": False,
}


@pytest.mark.parametrize(("name", "is_folder"), LINKED.items())
def test_nothing_is_written_through_a_link_inside_the_folder(name: str, is_folder: bool, tmp_path: Path) -> None:
    folder, outside = tmp_path / "data", tmp_path / "outside"
    drawn(folder)
    if name.startswith("drawings/1"):  # a graph that was drawn anew
        with Service.open(folder) as service:
            service.projector._serving = True  # as by a server: beside the graph that answers
            service.projector.rebuild()
            service.catch_up()
        assert (folder / "drawings" / "1" / "graph").is_dir()
    link = folder / name
    link.parent.mkdir(exist_ok=True)
    if link.exists():
        shutil.move(link, outside)
    elif is_folder:
        outside.mkdir()
        (outside / "kept").write_text("as it was")
    else:
        outside.write_text("as it was")
    link.symlink_to(outside)

    def found() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in [outside, *outside.rglob("*")] if path.is_file()}

    before = found()
    with suppress(NotALedger, InvalidRequest), Service.open(folder) as service:
        service.ledger.append([NewEntry("other", "x", b"1")])
        service.catch_up()
        service.projector.rebuild()
        service.catch_up()
    with suppress(NotALedger, InvalidRequest):
        replay_into(folder, f"embedded:{tmp_path / 'target'}", lambda _done, _of: None)
    assert found() == before
