"""Find nodes by their names, and list them."""

from __future__ import annotations

from typing import Any

import click

from headwater.cli import completion
from headwater.cli.rows import ask_rows, row_options
from headwater.lengths import ago

_COLUMNS = ("name", "type", "origin", "expression", "ambiguous", "description")


@click.command(epilog="Example: headwater search avg_score")
@click.argument("word")
@row_options
def search(word: str, **options: Any) -> None:
    """Find datasets, columns, jobs and other names of datasets by a part of their name; exact matches come first.

    Also by what a catalogue calls them for people, e.g. Amazon DataZone.
    """
    ask_rows("search", [("q", word)], ("id", "label", "match", "businessName"), **options)


@click.command(epilog="Example: headwater datasets --csv")
@row_options
def datasets(**options: Any) -> None:
    """List all datasets."""
    ask_rows("datasets", [], ("id", "columns", "description"), **options)


@click.command(epilog="Example: headwater columns churn_by_country")
@click.argument("dataset", shell_complete=completion.datasets)
@row_options
def columns(dataset: str, **options: Any) -> None:
    """List the columns of DATASET, in any spelling of its name."""
    ask_rows("columns", [("dataset", dataset)], _COLUMNS, **options)


@click.command(epilog="Example: headwater jobs")
@row_options
def jobs(**options: Any) -> None:
    """List all jobs."""
    ask_rows("jobs", [], ("id", "plans", "description"), **options)


@click.command(epilog="Example: headwater runs --failed --since 24h --job 'spark/pipeline.*'")
@click.option("--failed", is_flag=True, help="only runs that failed")
@click.option(
    "--since",
    metavar="TIME",
    help="24h, 30m, 7d: so long ago; or a time (2026-03-01, 2026-03-01T08:00Z), or a run's id",
)
@click.option("--job", metavar="NAME", help="only of jobs with this in their name; with *: whose whole name matches")
@row_options
def runs(*, failed: bool, since: str | None, job: str | None, **options: Any) -> None:
    """List the runs of all jobs, the newest first."""
    given = [("status", "failed" if failed else None), ("since", ago(since)), ("job", job)]
    ask_rows("latest-runs", given, _RUNS, **options)


_RUNS = ("id", "timestamp", "status", "job", "target", "durationNs", "error", "jobRun", "runId")
