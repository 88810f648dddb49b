"""The graph inside a data folder is drawn anew beside the one that answers, and takes its place in one step."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.ingest.folder import redrawing
from headwater.ingest.folder.service import Service
from headwater.ingest.folder.targets import current_drawing
from headwater.queries.answers.errors import QueryError
from tests.contract.test_projector import PIPELINE, Killed, assert_equal, recorded, stored, whole
from tests.contract.test_rebuilding import NODE, QUESTIONS, erased, renamed, replayed
from tests.contract.test_renaming import KEPT, OTHER, same_statement

CAUSES = [replayed, renamed, erased]
Cause = Callable[[Service], None]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service.open(tmp_path / "data") as opened:
        opened.ledger.append(recorded(*PIPELINE))
        opened.catch_up()
        yield opened


def answers(service: Service) -> list[dict[str, Any]]:
    """What each question is answered with, an error as its text."""
    found = []
    for name, given in QUESTIONS:
        try:
            found.append(service.ask(name, given).to_dict())
        except QueryError as error:
            found.append(error.to_dict())
    return found


def content(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what it says of itself."""
    return {key: value for key, value in answer.items() if key not in ("complete", "reason")}


def begun(service: Service, cause: Cause) -> None:
    """The cause, and steps until a drawing was begun and is not whole."""
    cause(service)
    while not service.projector.rebuilding:
        service.projector.step(1)
        if service.projector.needs_rebuild:
            service.projector.rebuild()
    service.projector.step(2)
    assert service.projector.rebuilding


@pytest.mark.parametrize("cause", CAUSES)
def test_the_old_graph_answers_until_the_new_one_is_whole(cause: Cause, service: Service) -> None:
    before, old, steps = answers(service), stored(service.store), 0
    begun(service, cause)
    while service.projector.rebuilding:
        now = answers(service)
        assert [content(answer) for answer in now] == [content(answer) for answer in before]
        assert [answer["reason"] for answer in now] == ["rebuilding"] * len(QUESTIONS)
        assert_equal(stored(service.store), old)
        steps += 1
        service.projector.step(1)
    assert steps > 5
    assert not any(answer.get("reason") for answer in answers(service))
    assert_equal(stored(service.store), whole(service.ledger))
    assert (service.projector.lag(), service.parked()) == (0, [])


@pytest.mark.parametrize("cause", CAUSES)
def test_what_comes_meanwhile_and_afterwards_is_in_the_graph(cause: Cause, service: Service) -> None:
    begun(service, cause)
    service.ledger.append(recorded("m01_rerun"))
    assert not service.projector.wait_for(service.ledger.count(), 0)
    service.catch_up()
    assert service.projector.wait_for(service.ledger.count(), 0)
    service.ledger.append(recorded("a01_customers_clean"))
    service.catch_up()
    assert_equal(stored(service.store), whole(service.ledger))


def test_an_erasure_in_the_middle_of_it(service: Service) -> None:
    begun(service, renamed)
    service.ledger.erase(1, "asked for")
    service.ledger.append([same_statement(OTHER, KEPT, 2, withdrawn=True)])
    service.catch_up()
    assert_equal(stored(service.store), whole(service.ledger))


def test_a_killed_redraw_leaves_the_old_graph(service: Service, tmp_path: Path) -> None:
    before = answers(service)
    begun(service, replayed)
    copy = shutil.copytree(tmp_path / "data", tmp_path / "copy")  # what a kill leaves on the disk
    with Service.open(copy) as again:
        assert answers(again) == before
        assert drawn(copy) == []
        again.projector.rebuild()
        again.catch_up()
        assert answers(again) == before


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_the_switch_one_of_the_two_answers(
    moment: str, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(service, renamed)
    copy = tmp_path / "copy"

    def killed(*_: object) -> None:
        shutil.copytree(tmp_path / "data", copy)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(redrawing, "sync" if moment == "before" else "sync_folder", killed)
        with pytest.raises(Killed):
            service.catch_up()
    with Service.open(copy) as again:
        assert current_drawing(copy).number == (1 if moment == "after" else 0)
        again.catch_up()
        assert_equal(stored(again.store), whole(again.ledger))


def test_one_drawing_stays_on_the_disk(service: Service, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    for number in (1, 2, 3):
        service.projector.rebuild()
        service.catch_up()
        assert (current_drawing(folder).number, drawn(folder)) == (number, [str(number)])
    assert not (folder / "graph").exists()
    assert not (folder / "derived.sqlite").exists()
    assert current_drawing(folder).tables.stat().st_mode & 0o77 == 0


def drawn(folder: Path) -> list[str]:
    return sorted(entry.name for entry in (folder / "drawings").iterdir() if entry.is_dir())


def test_closed_in_the_middle_of_it_nothing_is_left(service: Service, tmp_path: Path) -> None:
    begun(service, replayed)
    service.close()
    assert drawn(tmp_path / "data") == []
    with Service.open(tmp_path / "data") as again:
        assert not again.projector.rebuilding
        assert_equal(stored(again.store), whole(again.ledger))


def test_readers_go_on_while_graphs_are_exchanged(service: Service) -> None:
    (expected,) = [service.ask("lineage", {"node": NODE}).to_dict()]
    done, wrong, count = threading.Event(), list[object](), [0]

    def ask() -> None:
        while not done.is_set():
            try:
                got = service.ask("lineage", {"node": NODE}).to_dict()
                service.parked()
                service.projector.waiting()
            except BaseException as error:  # noqa: BLE001 - the test looks at it
                wrong.append(error)
                return
            if got["reason"] != "rebuilding" and got != expected:
                wrong.append(got)
            count[0] += 1

    threads, rebuilt = [threading.Thread(target=ask) for _ in range(3)], 0
    for thread in threads:
        thread.start()
    try:
        while rebuilt < 5 or not (count[0] > 5 or wrong):
            service.projector.rebuild()
            service.catch_up()
            rebuilt += 1
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_how_far_the_graph_is_can_be_asked_from_any_thread(service: Service) -> None:
    """What only the one that writes may use: its connection, which is closed and exchanged when the graph is."""
    last = service.ledger.head()
    assert service.projector.head == last
    with service.derived.transaction():
        service.derived.set_meta("checkpoint", "7000")
        assert service.projector.head == last
        service.derived.set_meta("checkpoint", str(last.sequence))
    stop, errors = threading.Event(), list[Exception]()

    def ask() -> None:
        while not stop.is_set():
            try:
                service.ask("datasets", {})
                assert service.projector.head.hash
            except Exception as error:  # noqa: BLE001 - whatever goes wrong in the thread
                errors.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(3):
            service.projector.rebuild()
            service.catch_up()
    finally:
        stop.set()
        asking.join()
    assert errors == []
