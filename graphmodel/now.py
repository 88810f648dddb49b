"""What holds now, and what a run saw: folds over the set of successful writes of a dataset. Pure.

Nothing here depends on the order in which entries arrived: every function takes a collection, and orders it by
(timestamp, run id). The state of one dataset is folded write by write; `ingest` folds the tail alone with the same
`step`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from headwater.graphmodel.choice import Event
from headwater.graphmodel.logic import Summary
from headwater.graphmodel.model import Effect, Role

Position = tuple[int, str]


class Replaces(str, Enum):
    """What a write did to what its dataset held before."""

    ALL = "all"
    KEEP = "keep"
    PERHAPS = "perhaps"  #: the plan does not say whether it overwrote one partition or all


@dataclass(frozen=True)
class Access:
    """A run at a dataset: `start` and `timestamp` (its end) in ms since 1970."""

    run: str
    timestamp: int
    start: int
    app_id: str | None

    @property
    def position(self) -> Position:
        """Its place in the order of time; equal times are ordered by run id."""
        return self.timestamp, self.run


@dataclass(frozen=True)
class Write(Access):
    """A successful write."""

    plan: str  #: id of the plan vertex
    effect: Effect
    role: Role = Role.NONE
    signature: str = ""
    carried: frozenset[str] = frozenset()  #: columns of the dataset whose earlier values go into the new ones
    secondary: bool = False  #: where another agent reports the same write as well, that report counts
    columns: str = ""  #: equal for the same columns; empty where the agent tells none

    @property
    def may_repeat(self) -> bool:
        """Whether it may be another report of a write that is reported otherwise as well."""
        return self.app_id is not None and (self.secondary or self.role is Role.WRAPPER)


@dataclass(frozen=True)
class Read(Access):
    """A successful run that reads. `doubtful`: time travel, or a clock that is ahead, makes any answer uncertain."""

    doubtful: bool = False


@dataclass(frozen=True)
class Seen:
    """The newest write that a run saw, None if there is none before it."""

    write: Write | None
    certain: bool


@dataclass(frozen=True)
class Contribution:
    """What a plan contributes to the state of its dataset: which of its output columns, None for all."""

    certain: bool = True
    columns: frozenset[str] | None = None


State = Mapping[str, Contribution]
OutputsOf = Callable[[str], frozenset[str]]  #: the output columns of a plan vertex


def write_of(event: Event, of: Summary) -> Write | None:
    """The write that an event reports; None if it failed, or if its clock is ahead."""
    if event.run.error is not None or event.clock_ahead:
        return None
    run = event.run
    return Write(
        run=event.id,
        timestamp=run.timestamp,
        start=run.start,
        app_id=run.app_id,
        plan=of.plan,
        effect=of.effect,
        role=of.role,
        signature=of.signature,
        carried=of.carried,
        secondary=of.secondary,
        columns=of.columns,
    )


def newest(writes: Iterable[tuple[Write, str]]) -> dict[str, str]:
    """By plan, the constants of the last write that executed it and has any. `writes` come with those of their runs.

    Runs of one plan can differ in having some: what its operations filter by is no part of a plan's identity, and an
    older agent does not report it.
    """
    last: dict[str, tuple[Position, str]] = {}
    for write, constants in writes:
        if not constants:
            continue
        last[write.plan] = max(last.get(write.plan, (write.position, constants)), (write.position, constants))
    return {plan: constants for plan, (_, constants) in last.items()}


def renamed(write: Write, names: Mapping[str, str]) -> Write:
    """The write with the present names of the columns whose earlier values it keeps; `names` are these by old name."""
    if write.carried.isdisjoint(names):
        return write
    return replace(write, carried=frozenset(names.get(column, column) for column in write.carried))


def read_of(event: Event, of: Summary) -> Read | None:
    """The read that an event reports, the same for each input; None if it failed."""
    if event.run.error is not None:
        return None
    run = event.run
    return Read(event.id, run.timestamp, run.start, run.app_id, of.time_travel or event.clock_ahead)


def replaces(effect: Effect, *, partitioned: bool) -> Replaces:
    """The effect of a write on a dataset; `partitioned` if any payload shows the dataset to be so."""
    if effect is Effect.OVERWRITE:
        return Replaces.PERHAPS if partitioned else Replaces.ALL
    return Replaces.KEEP if effect is Effect.KEEP else Replaces.ALL


#: Ms by which two agents' reports of one write may end apart, and by which they may miss each other. Both listen in the
#: same process, so their clocks agree; one of them may take longer to hear of the end.
REPORTS_APART, REPORTS_SLACK = 60_000, 1_000


def twin_of(write: Write, writes: Iterable[Write]) -> Write | None:
    """The write that `write` reports again: that of another agent, else the one inside the command; None: it does not.

    Of several the nearest one. By another agent: of the same application, with the same columns, at the same time.
    Inside: of the same agent and application, with the same columns and sources, in the wrapper's time.
    """
    if not write.may_repeat:
        return None
    listed = list(writes)
    same = [w for w in listed if _by_other_agent(write, w)] or [w for w in listed if _same_write(write, w)]
    return min(same, key=lambda w: (abs(w.timestamp - write.timestamp), w.position), default=None)


def twins(writes: Sequence[Write]) -> dict[str, str]:
    """The run of the write that is reported again by the run that does so, among the writes of one dataset.

    Only writes that can be twins are compared: an application may write a dataset a hundred thousand times.
    """
    inner_of: dict[tuple[str | None, bool], list[Write]] = {}
    others: dict[str | None, list[Write]] = {}
    for write in sorted(writes, key=lambda w: w.position):
        if write.role is Role.INNER:
            inner_of.setdefault((write.app_id, write.secondary), []).append(write)
        if not write.secondary:
            others.setdefault(write.app_id, []).append(write)
    found: dict[str, str] = {}
    for write in (w for w in writes if w.may_repeat):
        candidates = _ended_near(write, others.get(write.app_id, [])) if write.secondary else []
        if write.role is Role.WRAPPER:
            candidates = [*candidates, *inner_of.get((write.app_id, write.secondary), [])]
        twin = twin_of(write, candidates)
        if twin:
            found[write.run] = twin.run
    return found


def _ended_near(write: Write, ordered: Sequence[Write]) -> list[Write]:
    """Of writes in the order of time those that ended about when `write` did."""
    first = bisect_left(ordered, write.timestamp - REPORTS_APART, key=lambda w: w.timestamp)
    last = bisect_right(ordered, write.timestamp + REPORTS_APART, key=lambda w: w.timestamp)
    return list(ordered[first:last])


def last_report(reports: Iterable[Write]) -> Write:
    """The report that counts, out of several of one write: the one that ended last, of the agent that tells most.

    Of a secondary agent the inner write: what wraps it has no column lineage.
    """
    return max(reports, key=lambda w: (not w.secondary, not (w.secondary and w.role is Role.WRAPPER), w.position))


def timeline(writes: Sequence[Write]) -> list[Write]:
    """The writes of one dataset in the order of time, twins as one."""
    twin_by_run = twins(writes)
    reports: dict[str, list[Write]] = {}
    for write in writes:
        run = write.run
        while run in twin_by_run:  # of another agent's wrapper it is the wrapper's own inner write
            run = twin_by_run[run]
        reports.setdefault(run, []).append(write)
    return sorted((last_report(r) for r in reports.values()), key=lambda w: w.position)


def sees(reader: Access, write: Access) -> bool:
    """Whether a run sees what a write left: ended before it in the same application, or before it began in another."""
    if write.position >= reader.position:
        return False
    return _same_application(reader, write) or write.timestamp <= reader.start


def overlaps(reader: Access, write: Access) -> bool:
    """Whether a write of another application went on while `reader` ran; within one the order is certain."""
    if write.run == reader.run or _same_application(reader, write):
        return False
    return write.timestamp > reader.start and write.start < reader.timestamp


def seen(reader: Read, writes: Iterable[Write]) -> Seen:
    """What a run saw of a dataset, out of the writes of its timeline."""
    listed = list(writes)
    newest = max((w for w in listed if sees(reader, w)), key=lambda w: w.position, default=None)
    return Seen(newest, not reader.doubtful and not any(overlaps(reader, w) for w in listed))


class RelevantWrites:
    """The few writes of a long timeline that decide what a run saw: `seen` of them is `seen` of all."""

    def __init__(self, timeline: Sequence[Write]) -> None:
        """`timeline` is in the order of time."""
        self._writes = timeline
        self._ends = [w.timestamp for w in timeline]
        self._longest = max((w.timestamp - w.start for w in timeline), default=0)

    def __call__(self, reader: Access) -> Sequence[Write]:
        """What ended after the run began, and began before it ended; and the last one that ended before."""
        first = bisect_right(self._ends, reader.start)
        last = bisect_right(self._ends, reader.timestamp + max(self._longest, 0))
        while first > 0 and self._writes[first - 1].position >= reader.position:
            first -= 1
        return self._writes[max(first - 1, 0) : last]


def step(state: State, write: Write, outputs_of: OutputsOf, *, partitioned: bool) -> State:
    """The state of a dataset after one more write of it."""
    if write.effect is Effect.END:
        return {}
    what = replaces(write.effect, partitioned=partitioned)
    if what is Replaces.KEEP:
        return state if state.get(write.plan) == Contribution() else {**state, write.plan: Contribution()}
    if what is Replaces.ALL:
        earlier = _carried_on(state, write.carried, outputs_of)
    else:
        earlier = {plan: Contribution(certain=False, columns=s.columns) for plan, s in state.items()}
    return {**earlier, write.plan: Contribution()}


def fold(writes: Iterable[Write], outputs_of: OutputsOf, *, partitioned: bool, state: State | None = None) -> State:
    """The state of a dataset after the writes of its timeline, in their order; `state` is the one before them."""
    state = state or {}
    for write in writes:
        state = step(state, write, outputs_of, partitioned=partitioned)
    return state


def before(write: Write, previous: Write | None, *, partitioned: bool) -> Write | None:
    """The write whose version the version of `write` hangs on: the one before, unless it replaced all."""
    return None if replaces(write.effect, partitioned=partitioned) is Replaces.ALL else previous


def _carried_on(state: State, columns: frozenset[str], outputs_of: OutputsOf) -> dict[str, Contribution]:
    if not columns:
        return {}
    kept = {plan: columns & (outputs_of(plan) if s.columns is None else s.columns) for plan, s in state.items()}
    return {plan: Contribution(state[plan].certain, some) for plan, some in kept.items() if some}


def _same_application(one: Access, other: Access) -> bool:
    return one.app_id is not None and one.app_id == other.app_id


def _same_write(wrapper: Write, write: Write) -> bool:
    return (
        wrapper.role is Role.WRAPPER
        and write.role is Role.INNER
        and wrapper.secondary == write.secondary
        and _same_application(wrapper, write)
        and (wrapper.signature == write.signature or _tells_no_columns(wrapper))
        and max(wrapper.start, write.start) <= min(wrapper.timestamp, write.timestamp)
    )


def _tells_no_columns(write: Write) -> bool:
    return write.secondary and not write.columns


def _by_other_agent(write: Write, other: Write) -> bool:
    return (
        write.secondary
        and not other.secondary
        and _same_application(write, other)
        and (write.columns == other.columns or _tells_no_columns(write))
        and abs(write.timestamp - other.timestamp) <= REPORTS_APART
        and max(write.start, other.start) <= min(write.timestamp, other.timestamp) + REPORTS_SLACK
    )
