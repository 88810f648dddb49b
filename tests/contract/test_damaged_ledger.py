"""A ledger that is damaged, or an older copy of itself: what can be read is drawn, and no graph is lost for it."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from headwater import cli
from headwater.graphstore import GraphStore
from headwater.graphstore.errors import InvalidRequest
from headwater.ingest.fold.file import Derived
from headwater.ingest.folder.replaying import replay_into
from headwater.ingest.folder.service import Service
from headwater.ingest.folder.targets import current_drawing
from headwater.ingest.graph.projector import Projector
from headwater.ingest.ledger.backup import back_up
from headwater.ingest.ledger.ledger import Ledger, LedgerDamaged
from tests.contract.test_projector import (
    PIPELINE,
    assert_equal,
    catch_up,
    derived,  # noqa: F401 - fixtures
    ledger,  # noqa: F401
    recorded,
    stored,
    whole,
)


def flipped(folder: Path, sequence: int, at: int = 40) -> None:
    """One bit of one body is another than what was stored."""
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as connection:
        connection.execute("DROP TRIGGER bodies_refuse_update")
        (packed,) = connection.execute("SELECT packed FROM bodies WHERE content = ?", (sequence,)).fetchone()
        changed = packed[:at] + bytes([packed[at] ^ 1]) + packed[at + 1 :]
        connection.execute("UPDATE bodies SET packed = ? WHERE content = ?", (changed, sequence))
        connection.commit()


def swapped(folder: Path, sequence: int) -> None:
    """A body is whole, and another one's."""
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as connection:
        connection.execute("DROP TRIGGER bodies_refuse_update")
        other = "(SELECT packed FROM bodies WHERE content <> ?1 LIMIT 1)"
        connection.execute(f"UPDATE bodies SET packed = {other} WHERE content = ?1", (sequence,))
        connection.commit()


@pytest.mark.parametrize("damage", [flipped, swapped])
def test_a_damaged_body_is_parked_and_the_others_are_drawn(
    damage: Callable[[Path, int], None],
    ledger: Ledger,  # noqa: F811
    store: GraphStore,
    derived: Derived,  # noqa: F811
    tmp_path: Path,
) -> None:
    ledger.append(recorded(*PIPELINE))
    projector = Projector(ledger, store, derived)
    catch_up(projector)
    damage(tmp_path / "data", 3)
    projector.rebuild()
    catch_up(projector)
    assert [
        (parked.sequence, parked.reason.startswith("LedgerDamaged: the body of entry 3 "))
        for parked in projector.parked()
    ] == [(3, True)]
    assert projector.retry_parked() == 0
    assert_equal(stored(store), whole(ledger, without=[3]))


def filled(folder: Path) -> None:
    with Service.open(folder) as service:
        service.ledger.append(recorded(*PIPELINE))
        service.catch_up()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["replay", "--yes"], "10 entries replayed"),
        (["erase", "3", "--reason", "damaged"], "entry 3 is erased"),
        (["erase", "1", "--reason", "asked for"], "entry 1 is erased"),
        (["parked", "--retry"], "0 brought into the graph"),
    ],
)
def test_commands_go_on_with_a_damaged_body(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled(tmp_path / "data")
    flipped(tmp_path / "data", 3)
    assert cli.run([*arguments, "--data", str(tmp_path / "data")]) == 0
    assert said in capsys.readouterr().out
    with Service.open(tmp_path / "data") as service:
        service.projector.rebuild()  # a retry alone draws nothing anew
        service.catch_up()
        assert_equal(stored(service.store), whole(service.ledger, without=[3]))


def test_a_page_that_cannot_be_read_leaves_the_graph_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    filled(folder)
    path = folder / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'bodies'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with Service.open(folder) as service:
        before = stored(service.store)
        assert before.vertices
        service.projector.rebuild()
        with pytest.raises(LedgerDamaged):
            service.catch_up()
        assert_equal(stored(service.store), before)


def test_a_store_that_would_be_emptied_is_not_if_a_page_cannot_be_read(
    ledger: Ledger,  # noqa: F811
    store: GraphStore,
    derived: Derived,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger.append(recorded(*PIPELINE))
    projector = Projector(ledger, store, derived)
    catch_up(projector)
    before = stored(store)
    read = type(ledger).read

    def damaged(self: Ledger, after: int, limit: int) -> object:
        if after:
            raise LedgerDamaged("malformed")
        return read(self, after, min(limit, 3))

    monkeypatch.setattr(type(ledger), "read", damaged)
    with pytest.raises(LedgerDamaged):
        projector.rebuild()
    assert_equal(stored(store), before)


@pytest.mark.parametrize("more", [0, 2, 6])
def test_a_backup_put_in_place_is_drawn_and_nothing_new_is_passed_over(
    more: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, backup = tmp_path / "data", tmp_path / "backup"
    entries = recorded(*PIPELINE)
    with Service.open(folder) as service:
        service.ledger.append(entries[:4])
        service.catch_up()
    back_up(folder, backup)
    with Service.open(folder) as service:
        service.ledger.append(entries[4:8])
        service.catch_up()
    restored(folder, backup)
    others = recorded("h01_tables_and_modes", "a01_customers_clean")[:more]
    with Service.open(folder) as service:  # as a server: what comes before the graph process opens the folder
        service.ledger.append(others)
    with caplog.at_level(logging.WARNING), Service.open(folder) as service:
        service.catch_up()
        assert_equal(stored(service.store), whole(service.ledger))
        assert service.projector.lag() == 0


def restored(folder: Path, backup: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        (folder / f"ledger.sqlite{ending}").unlink(missing_ok=True)
    shutil.copy(backup, folder / "ledger.sqlite")


def gone_on_differently(folder: Path, backup: Path) -> Ledger:
    from headwater.ingest.ledger.ledger import open_ledger

    restored(folder, backup)
    opened = open_ledger(folder)
    opened.append(recorded("h01_tables_and_modes", "a01_customers_clean")[:6])
    return opened


def test_a_ledger_that_went_on_differently_is_said_aloud(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder, backup, url = tmp_path / "data", tmp_path / "backup", f"embedded:{tmp_path / 'other'}"
    entries = recorded(*PIPELINE)
    with Service.open(folder) as service:
        service.ledger.append(entries[:4])
    back_up(folder, backup)
    with Service.open(folder) as service:
        service.ledger.append(entries[4:8])
        service.catch_up()
    replay_into(folder, url, lambda _done, _of: None)
    gone_on_differently(folder, backup).close()
    with pytest.raises(InvalidRequest, match="another one in the ledger here"):
        replay_into(folder, url, lambda _done, _of: None)
    with caplog.at_level(logging.WARNING), Service.open(folder) as service:
        assert "a backup was put in its place" in caplog.text
        service.catch_up()
        assert_equal(stored(service.store), whole(service.ledger))


def test_what_an_older_format_left_in_the_graph_goes(tmp_path: Path) -> None:
    from headwater.graphmodel.delta import GraphDelta, vertex

    folder = tmp_path / "data"
    filled(folder)
    with Service.open(folder) as service:
        service.store.apply(GraphDelta((vertex("s3://old/format", "dataset"),)))
    with closing(sqlite3.connect(current_drawing(folder).tables)) as connection:
        connection.execute("UPDATE meta SET value = '0' WHERE name = 'format'")
        connection.commit()
    with Service.open(folder) as service:
        service.catch_up()
        assert_equal(stored(service.store), whole(service.ledger))


def renamed_kind(folder: Path, sequence: int) -> None:
    """One bit of the kind of an entry is another."""
    with closing(sqlite3.connect(folder / "ledger.sqlite")) as connection:
        (name,) = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'entries' AND sql LIKE '%UPDATE%'"
        ).fetchone()
        connection.execute(f"DROP TRIGGER {name}")
        connection.execute("UPDATE entries SET kind = 'spdine.plan' WHERE sequence = ?", (sequence,))
        connection.commit()


@pytest.mark.parametrize("damage", [flipped, renamed_kind])
def test_an_answer_without_what_nobody_can_read_is_not_complete(
    damage: Callable[[Path, int], None], tmp_path: Path
) -> None:
    filled(tmp_path)
    damage(tmp_path, 3)
    with Service.open(tmp_path) as service:
        service.projector.rebuild()
        service.catch_up()
        answer = service.ask("datasets", {})
        assert (answer.complete, answer.reason) == (False, "entry 3 cannot be read")
        assert [parked.sequence for parked in service.projector.parked()] == [3]
