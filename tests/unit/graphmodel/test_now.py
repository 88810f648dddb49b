"""What holds now, and what a run saw: one table a rule. Times are in seconds for the reader, ms in the model."""

from __future__ import annotations

from typing import Any

import pytest

from headwater.graphmodel import now
from headwater.graphmodel.model import Effect, Role
from headwater.graphmodel.now import Contribution, Read, Replaces, Write

OUTPUTS = {"p": frozenset("abc"), "q": frozenset("ab"), "r": frozenset("c")}


def write(run: str, end: int, start: int | None = None, app: str | None = "other", **more: Any) -> Write:
    given: dict[str, Any] = {"plan": "p", "effect": Effect.ALL, **more}
    return Write(run, end * 1_000, (end if start is None else start) * 1_000, app, **given)


def read(
    end: int, start: int | None = None, app: str | None = "mine", run: str = "r", *, doubtful: bool = False
) -> Read:
    return Read(run, end * 1_000, (end if start is None else start) * 1_000, app, doubtful)


@pytest.mark.parametrize(
    ("reader", "writes", "expected"),
    [
        # nothing was written before
        (read(10), [], (None, True)),
        # another application's: ended before the run began
        (read(10, 8), [write("w", 7)], ("w", True)),
        (read(10, 8), [write("w", 8)], ("w", True)),
        # ... or not
        (read(10, 8), [write("w", 9, 9)], (None, False)),
        (read(10, 8), [write("w", 12, 11)], (None, True)),
        # it went on while the run began, ran, and ended
        (read(10, 8), [write("w", 9, 7)], (None, False)),
        (read(10, 8), [write("w", 12, 9)], (None, False)),
        (read(10, 8), [write("v", 7), write("w", 12, 5)], ("v", False)),
        # it touches the run's start or end alone
        (read(10, 8), [write("w", 8, 6)], ("w", True)),
        (read(10, 8), [write("w", 12, 10)], (None, True)),
        # one application, one clock: ended before it ended, though its listener fired after the run began
        (read(10, 8), [write("w", 9, 7, app="mine")], ("w", True)),
        (read(10, 8), [write("w", 11, 7, app="mine")], (None, True)),
        # no application id is nobody's
        (read(10, 8, app=None), [write("w", 9, 7, app=None)], (None, False)),
        # the newest counts
        (read(10), [write("v", 5), write("w", 6), write("u", 4)], ("w", True)),
        # equal times are ordered by id
        (read(10), [write("b", 5), write("a", 5)], ("b", True)),
        (read(10, run="m"), [write("a", 10), write("z", 10)], ("a", True)),
        # a run does not see its own write
        (read(10, 8, run="w"), [write("w", 10, 8, app="mine")], (None, True)),
        (read(10, 8, app=None, run="w"), [write("w", 10, 8, app=None)], (None, True)),
        # time travel
        (read(10, doubtful=True), [write("w", 5)], ("w", False)),
    ],
)
def test_what_a_run_saw(reader: Read, writes: list[Write], expected: tuple[str | None, bool]) -> None:
    for order in (writes, writes[::-1]):
        seen = now.seen(reader, order)
        assert (seen.write.run if seen.write else None, seen.certain) == expected


@pytest.mark.parametrize(
    ("effect", "partitioned", "expected"),
    [
        (Effect.ALL, False, Replaces.ALL),
        (Effect.ALL, True, Replaces.ALL),
        (Effect.KEEP, False, Replaces.KEEP),
        (Effect.KEEP, True, Replaces.KEEP),
        (Effect.OVERWRITE, False, Replaces.ALL),
        (Effect.OVERWRITE, True, Replaces.PERHAPS),
    ],
)
def test_what_a_write_replaces(effect: Effect, partitioned: bool, expected: Replaces) -> None:
    assert now.replaces(effect, partitioned=partitioned) is expected


SURE, UNSURE = Contribution(), Contribution(certain=False)


def contribution(columns: str, *, certain: bool = True) -> Contribution:
    return Contribution(certain, frozenset(columns))


def of(plan: str, effect: Effect = Effect.ALL, carried: str = "") -> dict[str, Any]:
    return {"plan": plan, "effect": effect, "carried": frozenset(carried)}


@pytest.mark.parametrize(
    ("steps", "partitioned", "expected"),
    [
        # the last overwrite stands alone
        ([of("p"), of("q")], False, {"q": SURE}),
        # appends add to it
        ([of("p"), of("q", Effect.KEEP), of("r", Effect.KEEP)], False, {"p": SURE, "q": SURE, "r": SURE}),
        # ... until the next overwrite
        ([of("p"), of("q", Effect.KEEP), of("r")], False, {"r": SURE}),
        # an overwrite of perhaps one partition
        ([of("p"), of("q", Effect.OVERWRITE)], True, {"p": UNSURE, "q": SURE}),
        ([of("p"), of("q", Effect.OVERWRITE)], False, {"q": SURE}),
        ([of("p"), of("q", Effect.OVERWRITE), of("p", Effect.OVERWRITE)], True, {"p": SURE, "q": UNSURE}),
        # an overwrite from itself carries some columns on
        ([of("q"), of("p", carried="a")], False, {"q": contribution("a"), "p": SURE}),
        # ... only those that the earlier plan wrote
        ([of("r"), of("p", carried="a")], False, {"p": SURE}),
        # ... and fewer each time
        (
            [of("p"), of("q", carried="ab"), of("r", carried="bc")],
            False,
            {"p": contribution("b"), "q": contribution("b"), "r": SURE},
        ),
        # ... uncertain ones stay so
        (
            [of("p"), of("q", Effect.OVERWRITE), of("r", carried="a")],
            True,
            {"p": contribution("a", certain=False), "q": contribution("a"), "r": SURE},
        ),
        # a plan that runs again stands whole again
        ([of("p"), of("p", carried="a")], False, {"p": SURE}),
    ],
)
def test_the_state_of_a_dataset(
    steps: list[dict[str, Any]], partitioned: bool, expected: dict[str, Contribution]
) -> None:
    writes = [write(f"w{i}", i, **step) for i, step in enumerate(steps)]
    assert now.fold(writes, OUTPUTS.__getitem__, partitioned=partitioned) == expected


def report(run: str, role: Role, end: int, start: int, app: str | None = "app", signature: str = "s") -> Write:
    return write(run, end, start, app, role=role, signature=signature)


W, I = Role.WRAPPER, Role.INNER  # noqa: E741 - the table reads by them


@pytest.mark.parametrize(
    ("writes", "pairs", "counted"),
    [
        # the wrapper starts before and ends after, or not
        ([report("w", W, 9, 1), report("i", I, 8, 2)], {"w": "i"}, ["w"]),
        ([report("w", W, 8, 2), report("i", I, 9, 1)], {"w": "i"}, ["i"]),
        # one after the other is two writes
        ([report("w", W, 9, 7), report("i", I, 6, 2)], {}, ["i", "w"]),
        # a wrapper, and an inner write, alone
        ([report("w", W, 9, 1)], {}, ["w"]),
        ([report("i", I, 9, 1)], {}, ["i"]),
        # another application, other columns or sources, no application known
        ([report("w", W, 9, 1), report("i", I, 8, 2, app="b")], {}, ["i", "w"]),
        ([report("w", W, 9, 1), report("i", I, 8, 2, signature="t")], {}, ["i", "w"]),
        ([report("w", W, 9, 1, app=None), report("i", I, 8, 2, app=None)], {}, ["i", "w"]),
        # the nearest of two
        ([report("w", W, 9, 1), report("i", I, 5, 2), report("j", I, 8, 6)], {"w": "j"}, ["i", "w"]),
        # two that wrap nothing
        ([report("i", I, 9, 1), report("j", I, 8, 2)], {}, ["j", "i"]),
    ],
)
def test_two_reports_of_one_write(writes: list[Write], pairs: dict[str, str], counted: list[str]) -> None:
    for order in (writes, writes[::-1]):
        assert now.twins(order) == pairs
        assert [w.run for w in now.timeline(order)] == counted


@pytest.mark.parametrize(
    ("effect", "partitioned", "expected"),
    [
        (Effect.KEEP, False, "first"),
        (Effect.ALL, False, None),
        (Effect.OVERWRITE, False, None),
        (Effect.OVERWRITE, True, "first"),
    ],
)
def test_the_version_before(effect: Effect, partitioned: bool, expected: str | None) -> None:
    previous = now.before(write("second", 2, effect=effect), write("first", 1), partitioned=partitioned)
    assert (previous.run if previous else None) == expected


def test_nothing_is_before_the_first_version() -> None:
    assert now.before(write("first", 1, effect=Effect.KEEP), None, partitioned=False) is None
