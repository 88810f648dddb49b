"""Find nodes by their names, and list them."""

from __future__ import annotations

from typing import Any

import click

from headwater.cli.common import csv_option, json_option, source_options
from headwater.cli.rows import ask_rows, limit_option

_COLUMNS = ("name", "origin", "expression", "ambiguous", "description")


@click.command(epilog="Example: headwater search avg_score")
@click.argument("word")
@limit_option
@csv_option
@json_option
@source_options
def search(word: str, **options: Any) -> None:
    """Find datasets, columns, jobs and other names of datasets by a part of their name; exact matches come first."""
    ask_rows("search", [("q", word)], ("id", "label", "match"), **options)


@click.command(epilog="Example: headwater datasets --csv")
@limit_option
@csv_option
@json_option
@source_options
def datasets(**options: Any) -> None:
    """List all datasets."""
    ask_rows("datasets", [], ("id", "columns", "description"), **options)


@click.command(epilog="Example: headwater columns churn_by_country")
@click.argument("dataset")
@limit_option
@csv_option
@json_option
@source_options
def columns(dataset: str, **options: Any) -> None:
    """List the columns of DATASET, in any spelling of its name."""
    ask_rows("columns", [("dataset", dataset)], _COLUMNS, **options)


@click.command(epilog="Example: headwater jobs")
@limit_option
@csv_option
@json_option
@source_options
def jobs(**options: Any) -> None:
    """List all jobs."""
    ask_rows("jobs", [], ("id", "plans", "description"), **options)
