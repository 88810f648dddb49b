"""The past: what a run read, what differs, when it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from headwater.cli.common import Command, asking, csv_option, json_option, print_rows, source_options
from headwater.errors import WrongUse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headwater.queries.answers.answer import Table

_ALL = 1_000_000  #: runs to go back: more than any history has
_ROWS = 10_000  #: rows that are asked for; if there are more, it is said
_INPUTS = ("distance", "version", "timestamp", "run", "job", "partition", "certain", "overwritten", "overwrittenAt")
_CHANGES = ("timestamp", "id", "change", "run", "job", "before", "after", "sourcesAdded", "sourcesDropped", "distance")
_WHEN = "a time (2026-03-01, 2026-03-01T08:00Z) or the id of a run"


def _limit_option(function: Command) -> Command:
    return click.option("--limit", type=click.IntRange(1, _ROWS), default=1_000, help="rows to show (default 1,000)")(
        function
    )


@click.command(epilog="Example: headwater inputs 5ebf4321 --all")
@click.argument("node")
@click.option("--all", "everything", is_flag=True, help="also what lies behind, through the runs that wrote it")
@click.option("--depth", type=click.IntRange(1), help="runs to go back; 1, the default: what the run itself read")
@_limit_option
@csv_option
@json_option
@source_options
def inputs(node: str, everything: bool, depth: int | None, **options: Any) -> None:
    """What a run read: which versions of which datasets, who wrote each, whether it was overwritten since.

    NODE is a run, a Glue job run (jr_...), a Spark application, a dataset version, or a dataset: its newest version.
    """
    if everything and depth is not None:
        raise WrongUse("--all and --depth both say how far to go back: give one of them")
    _ask("inputs", [("node", node), ("depth", _ALL if everything else depth)], _INPUTS, **options)


_DIFF = """\
\b
Example: headwater diff spark/pipeline.features --from 2026-11-22
         headwater diff --run 27eca599 --run 5ebf4321
         headwater diff /data/lake/pipe/mart/customer_orders --from 2026-11-22
"""


@click.command(epilog=_DIFF)
@click.argument("node", required=False)
@click.option("--run", "runs", multiple=True, metavar="ID", help="two runs to compare, the earlier one first")
@click.option("--from", "begin", metavar="TIME", help=f"what held then: {_WHEN}")
@click.option("--to", "end", metavar="TIME", help="and then; without it what holds now")
@_limit_option
@csv_option
@json_option
@source_options
def diff(node: str | None, runs: tuple[str, ...], begin: str | None, end: str | None, **options: Any) -> None:
    """What differs: columns with other sources or expressions, what the rows depend on, inputs.

    NODE is a job: its last logic against the one before it, or with --from what it wrote then against now; or a
    dataset, with --from. With two --run: two runs against each other.
    """
    if runs and (node or begin or end):
        raise WrongUse("--run compares two runs: give neither NODE nor --from and --to with it")
    if runs and len(runs) != 2:  # noqa: PLR2004 - before and after
        raise WrongUse(f"--run is needed twice, the earlier run first; it is given {len(runs)} times")
    if runs:
        _ask("diff-runs", [("run", runs[0]), ("other", runs[1])], None, **options)
    elif node:
        _ask("diff", [("node", node), ("from", begin), ("to", end)], None, **options)
    else:
        raise WrongUse("what is to be compared: NODE, or two --run?")


@click.command(
    epilog="Example: headwater changes /data/lake/pipe/out/churn_by_country#avg_score --upstream --from 2026-11-22"
)
@click.argument("node")
@click.option("--upstream", is_flag=True, help="also the changes of all that it ever came from")
@click.option("--type", "type_", type=click.Choice(["direct", "all"]), default="direct", help="all: also filters, keys")
@click.option("--from", "begin", metavar="TIME", help=f"only changes since then: {_WHEN}")
@click.option("--to", "end", metavar="TIME", help="only changes until then")
@click.option("--oldest-first", is_flag=True, help="the first change first; without it the last one")
@_limit_option
@csv_option
@json_option
@source_options
def changes(
    node: str, upstream: bool, type_: str, begin: str | None, end: str | None, oldest_first: bool, **options: Any
) -> None:
    """When did the logic of NODE change, and by which run? A dataset, or a column as DATASET#COLUMN.

    The last change comes first; of changes at one time the nearest to NODE.
    """
    order = "oldest" if oldest_first else "newest"
    given = [("node", node), ("upstream", upstream), ("type", type_), ("from", begin), ("to", end), ("order", order)]
    _ask("changes", given, _CHANGES, **options)


def _ask(
    name: str,
    given: Iterable[tuple[str, object]],
    columns: tuple[str, ...] | None,
    *,
    as_json: bool,
    as_csv: bool,
    limit: int,
    **where: Any,
) -> None:
    """Ask, and print; `columns` are those that people want to see, None: all that have a value in some row."""
    from headwater.queries.answers.answer import Table

    with asking(**where) as source:
        found = source.ask(name, [(key, value) for key, value in (*given, ("limit", limit)) if value is not None])
    assert isinstance(found, Table), "this query answers with rows"
    if as_json or as_csv:
        print_rows(found, "json" if as_json else "csv")
    else:
        _show(found, columns)


def _show(found: Table, columns: tuple[str, ...] | None) -> None:
    from dataclasses import replace

    from headwater.queries.answers.answer import why_incomplete

    if found.rows:
        print_rows(replace(found, columns=columns or found.columns), "table")
    else:
        click.echo("nothing")
    if found.next:
        click.echo(f"there is more: --limit, at most {_ROWS:,}", err=True)
    if not found.complete:
        click.echo(f"not complete: {why_incomplete(found.reason)}", err=True)
