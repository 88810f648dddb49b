"""What Spark's listener thread is kept from: plans that take too long, errors, sessions that cannot be captured."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

import headwater.spark
from headwater import WrongUse
from headwater.spark.listener import Application, Bounded, Listener, TooSlow, _Checkpoint, first_line
from headwater.spline_bridge.agent import Captured, Frozen, Run

APPLICATION = Application("app-1", "nightly", "me", "3.5.9")


class Execution:
    """A QueryExecution whose plan comes when it is let go, and is then an error of the JVM."""

    def __init__(self, *, held: bool) -> None:
        self.go = threading.Event()
        if not held:
            self.go.set()

    def analyzed(self) -> Any:
        self.go.wait()
        raise RuntimeError("the JVM is gone\nat java.lang.Thread")


@pytest.fixture
def taken() -> list[tuple[Captured, Run]]:
    return []


def listener(taken: list[tuple[Captured, Run]], seconds: float = 0.1) -> Listener:
    return Listener(APPLICATION, lambda captured, run: taken.append((captured, run)), seconds, 1)


@pytest.fixture
def held() -> Iterator[Execution]:
    execution = Execution(held=True)
    yield execution
    execution.go.set()


def test_a_plan_that_takes_too_long_is_left_out_and_after_three_all_are(
    taken: list[tuple[Captured, Run]], held: Execution, caplog: pytest.LogCaptureFixture
) -> None:
    listening = listener(taken)
    for _ in range(5):
        listening.onSuccess("command", held, 1)
    line = "headwater: a report is lost: the plan of the action 'command' was not read within 0.1 s"
    assert caplog.messages == [line, line, f"{line}; nothing more is captured"]
    assert taken == []


class _Path:
    def toString(self) -> str:  # noqa: N802 - Java's name
        return "s3a://key:secret@lake/out"


class _InsertIntoHadoopFsRelationCommand:
    def getClass(self) -> Any:  # noqa: N802 - Java's name
        return self

    def getName(self) -> str:  # noqa: N802 - Java's name
        return "org.apache.spark.InsertIntoHadoopFsRelationCommand"

    def outputPath(self) -> _Path:  # noqa: N802 - Java's name
        return _Path()

    def mode(self) -> str:
        return "Overwrite"


def test_a_lost_report_says_of_which_write(
    taken: list[tuple[Captured, Run]], held: Execution, caplog: pytest.LogCaptureFixture
) -> None:
    class Slow(Execution):
        asked = 0

        def analyzed(self) -> Any:
            self.asked += 1
            return _InsertIntoHadoopFsRelationCommand() if self.asked < 3 else held.go.wait() and None

    listener(taken, 2).onSuccess("command", Slow(held=False), 1)  # time enough to learn the name
    named = "InsertIntoHadoopFsRelationCommand s3a://lake/out"
    assert caplog.messages == [f"headwater: a report is lost: the plan of {named} was not read within 2 s"]


def test_an_error_is_one_line_and_the_next_plan_is_read(
    taken: list[tuple[Captured, Run]], caplog: pytest.LogCaptureFixture
) -> None:
    listening = listener(taken, 60)
    for _ in range(5):
        listening.onSuccess("command", Execution(held=False), 1)
    assert caplog.messages == ["headwater: a report is lost: the plan could not be read (the JVM is gone)"] * 5


def test_work_that_nobody_waits_for_any_more_does_not_hold_the_next() -> None:
    bounded, held, done = Bounded(), threading.Event(), threading.Event()
    with pytest.raises(TooSlow):
        bounded.run(held.wait, 0.01)
    bounded.run(done.set, 60)
    held.set()
    bounded.end()
    assert done.is_set()


def test_an_error_is_its_bounded_first_line() -> None:
    assert first_line("x" * 3_000 + "\ny") == "x" * 2_000
    assert first_line(ValueError()) == "ValueError"


def test_spark_connect_is_refused_in_a_sentence(caplog: pytest.LogCaptureFixture) -> None:
    client = type("SparkSession", (), {"__module__": "pyspark.sql.connect.session"})()
    assert not headwater.spark.capture(client, "http://127.0.0.1:9").active
    assert caplog.messages[0].startswith("headwater: nothing is captured: Spark Connect is not captured: ")
    with pytest.raises(WrongUse, match="start the script with a classic session"):
        headwater.spark.capture(client, "http://127.0.0.1:9", strict=True)


def test_the_location_of_a_created_table_is_where_its_insert_wrote() -> None:
    """The catalog is asked for it when the listener is called: by then the database may be somewhere else."""
    listening = listener([])

    def run(begin: int, end: int) -> Run:
        return Run("app-1", "nightly", "me", "3.5.9", begin, end)

    def created(begin: int, end: int) -> object:
        command = {"table": {"Table": "Sold", "Database": "shop"}, "location": "file:/day2/sold"}
        return listening._placed(Captured("[]", command), run(begin, end)).command["location"]

    listening._placed(Captured("[]", {"path": "file:/day1/sold"}), run(2_000, 5_000))
    listening._placed(Captured("[]", {"path": "file:/other"}), run(2_000, 5_000))
    assert created(1_500, 5_500) == "file:/day1/sold"
    assert created(20_000, 25_000) == "file:/day2/sold"  # no insert of its own is known: what the catalog says


def test_a_stream_names_its_sink_in_a_word_and_is_handed_on_as_it_is() -> None:
    captured = Captured("[]", {"table": "console", "options": {}})
    assert listener([])._placed(captured, Run("app-1", "nightly", "me", "3.5.9", 1, 2)) is captured


def test_a_checkpoint_under_new_ids_is_the_only_one_with_its_names() -> None:
    """Both sides of a join of two checkpoints may come from one frame: Spark gives those of one side new ids."""
    listening, first, other = listener([]), Captured("[1]", {}), Captured("[2]", {})
    listening._checkpoints[("1", "2")] = _Checkpoint(first, ("id", "name"))
    listening._checkpoints[("1", "9")] = _Checkpoint(other, ("id", "w"))
    assert listening._behind(("1", "2"), (), 5) == Frozen(("1", "2"), first, ("1", "2"))
    assert listening._behind(("11", "12"), ("id", "name"), 6) == Frozen(("11", "12"), first, ("1", "2"))
    assert listening._behind(("11", "12"), (), None) is None  # rows of something else
    listening._checkpoints[("3", "4")] = _Checkpoint(other, ("id", "name"))
    assert listening._behind(("11", "12"), ("id", "name"), 6) is None  # two have these names
    assert listening._behind(("11", "12"), ("id", "name"), 5) == Frozen(("11", "12"), first, ("1", "2"))
