"""Scheduled impact analysis: watch check, run, serve."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater.cli.common import (
    Command,
    asking,
    aws_options,
    csv_option,
    json_option,
    print_json,
    print_table,
    progress,
    safe,
    source_options,
)
from headwater.cli.serve import metrics_options
from headwater.errors import HeadwaterError, WrongUse, extra

if TYPE_CHECKING:
    from headwater.watching.definitions import Watch
    from headwater.watching.running import Outcome
    from headwater.watching.state import States

_FILE = click.argument("file", metavar="FILE")


def _state_option(function: Command) -> Command:
    return click.option(
        "--state", metavar="DIR|S3", help="where the last answers and unsent reports are kept (default: DATA/watches)"
    )(function)


@click.group(epilog="Example: headwater watch run watches.yaml")
def watch() -> None:
    """Scheduled impact analysis: ask questions regularly and report changes to a file, a webhook or an SNS topic."""


@watch.command(epilog="Example: headwater watch check watches.yaml")
@_FILE
@csv_option
@json_option
def check(file: str, *, as_csv: bool, as_json: bool) -> None:
    """Check a FILE of watches and list them. An error is reported with its line and column."""
    watches = _read(file)
    if as_json:
        print_json({"watches": [_row(one) for one in watches]})
        return
    headings = ("watch", "question", "nodes", "schedule", "tell")
    rows = ((*_asked(one), ", ".join(channel.name for channel in one.tell)) for one in watches)
    print_table(headings, rows, as_csv=as_csv)


def _asked(one: Watch) -> tuple[str, ...]:
    return one.name, one.question, ", ".join(one.nodes), one.schedule or ""


@watch.command(epilog="Example: headwater watch run watches.yaml --only revenue --state s3://BUCKET/watches")
@_FILE
@click.option("--only", multiple=True, metavar="NAME", help="evaluate only this watch; can be given several times")
@_state_option
@json_option
@source_options
@aws_options
@metrics_options
def run(
    file: str,
    *,
    only: tuple[str, ...],
    state: str | None,
    as_json: bool,
    data: Path,
    store: str | None,
    server: str | None,
    **aws: Any,
) -> None:
    """Evaluate the watches of FILE once, whatever their schedule: for cron, EventBridge Scheduler or a Lambda.

    FILE is a file or an object in S3, s3://BUCKET/KEY.
    The first evaluation of a watch reports nothing, since there is no earlier answer to compare with. Exit code 1 if a
    node was not found or a report could not be delivered; the report is kept and tried again the next time.
    """
    from headwater.ingest.process import emf
    from headwater.watching.running import evaluate

    outcomes: list[Outcome] = []
    try:
        watches = _chosen(_read(file, **aws), only)
        with asking(data, store, server) as source, _states(state, data, **aws) as states, progress("watching") as step:
            for outcome in evaluate(source, watches, states):
                outcomes.append(outcome)
                step(len(outcomes), len(watches))
    except HeadwaterError:
        if emf.on():
            emf.tell("watches", {"Problems": 1})
        raise
    if emf.on():
        problems = sum(len(outcome.problems) for outcome in outcomes)
        emf.tell("watches", {"Reports": sum(outcome.told for outcome in outcomes), "Problems": problems})
    if as_json:
        print_json({"watches": [outcome.to_dict() for outcome in outcomes]})
    else:
        for outcome in outcomes:
            _say(outcome)
    if any(outcome.problems for outcome in outcomes):
        sys.exit(1)


@watch.command(epilog="Example: headwater watch serve watches.yaml --server http://localhost:9090")
@_FILE
@_state_option
@source_options
@aws_options
def serve(file: str, *, state: str | None, data: Path, store: str | None, server: str | None, **aws: Any) -> None:
    """Evaluate the watches of FILE on their schedules until SIGTERM or Ctrl-C.

    FILE is a file or an object in S3, s3://BUCKET/KEY.

    After a pause (a laptop that slept) a watch that was due within the last hour is evaluated once.
    """
    watches = _read(file, **aws)

    from headwater.watching.running import evaluate
    from headwater.watching.serving import serve as keep

    scheduled = [one for one in watches if one.schedule]
    if not scheduled:
        raise WrongUse(f"no watch in {file} has a schedule")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    def once(one: Watch) -> None:
        with asking(data, store, server) as source, _states(state, data, **aws) as states:
            for outcome in evaluate(source, [one], states):
                _say(outcome)

    counted = f"{len(scheduled)} of {len(watches)} watches have a schedule; Ctrl-C ends this"
    keep(scheduled, once, ready=lambda: click.echo(counted, err=True))


def _read(file: str, **aws: Any) -> tuple[Watch, ...]:
    """The watches in a file, or in an object in S3. WrongUse, Unreachable."""
    from headwater.watching.definitions import parse, read

    with extra("watch", "a file of watches"):
        if not file.startswith("s3://"):
            return read(Path(file))
        from headwater.cli.move import placed

        folder, _, name = file.rpartition("/")
        given = aws or {"region": None, "profile": None, "endpoint": None}
        with placed(folder, **given) as place:
            try:
                text = place.read(name)
            except FileNotFoundError:
                raise WrongUse(f"there is no {file}") from None
        return parse(text, file)


def _chosen(watches: Sequence[Watch], only: Sequence[str]) -> Sequence[Watch]:
    unknown = sorted(set(only) - {one.name for one in watches})
    if unknown:
        raise WrongUse(f"there is no watch {unknown[0]!r}", [one.name for one in watches])
    return [one for one in watches if not only or one.name in only]


@contextmanager
def _states(state: str | None, data: Path, **aws: Any) -> Iterator[States]:
    from headwater.cli.move import placed
    from headwater.translation import translated
    from headwater.watching.state import FOLDER, States

    with placed(state or str(data / FOLDER), **aws) as place, translated():
        yield States(place)


def _say(outcome: Outcome) -> None:
    what = "began" if outcome.began else f"{outcome.told} told" if outcome.told else "nothing new"
    pending = f", {outcome.pending} still to be told" if outcome.pending else ""
    click.echo(safe(f"{outcome.watch}: {what}{pending}; {outcome.items:,} items of {outcome.nodes:,} nodes"), err=True)
    for problem in outcome.problems:
        click.echo(safe(f"{outcome.watch}: {problem}"), err=True)


def _row(one: Watch) -> dict[str, Any]:
    named = {name: getattr(one, name) for name in ("name", "question", "schedule", "timezone")}
    return {**named, "nodes": list(one.nodes), "tell": [channel.name for channel in one.tell]}
