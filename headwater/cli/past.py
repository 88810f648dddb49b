"""The past: what a run read, what differs, when it changed."""

from __future__ import annotations

from typing import Any

import click

from headwater.cli import completion
from headwater.cli.rows import ask_rows, row_options
from headwater.errors import WrongUse
from headwater.lengths import ago

_ALL = 1_000_000  #: runs to go back: more than any history has
_INPUTS = (
    *("distance", "version", "timestamp", "run", "job", "partition", "certain", "overwritten", "overwrittenAt"),
    *("tableVersion", "reproduce", "versionExists"),
)
_CONSUMERS = (
    "rerun",
    "job",
    "run",
    "timestamp",
    "stands",
    "certain",
    "distance",
    "read",
    "wrote",
    "jobRun",
    "constants",
)
_CHANGES = ("timestamp", "id", "change", "run", "job", "before", "after", "sourcesAdded", "sourcesDropped", "distance")
_WHEN = "a time (2026-03-01, 2026-03-01T08:00Z, 24h: a day ago) or the id of a run"


@click.command(epilog="Example: headwater inputs 5ebf4321 --all")
@click.argument("node", shell_complete=completion.nodes)
@click.option("--all", "everything", is_flag=True, help="also what these were made from, run by run")
@click.option("--depth", type=click.IntRange(1), help="runs to go back; 1, the default: what the run itself read")
@row_options
def inputs(node: str, everything: bool, depth: int | None, **options: Any) -> None:
    """What a run read: which versions of which datasets, who wrote each, whether it was overwritten since.

    NODE is a run, a Glue job run (jr_...), a Spark application, a dataset version, a dataset: its newest version,
    or a job: its last run that succeeded.
    """
    if everything and depth is not None:
        raise WrongUse("--all and --depth both say how far to go back: give one of them")
    ask_rows("inputs", [("node", node), ("depth", _ALL if everything else depth)], _INPUTS, **options)


@click.command(epilog="Example: headwater consumers 5ebf4321")
@click.argument("node", shell_complete=completion.nodes)
@click.option("--depth", type=click.IntRange(0), help="runs to go on; 1: those that read it directly; without it all")
@row_options
def consumers(node: str, depth: int | None, **options: Any) -> None:
    """Which runs read what a run wrote, directly or through others, and in which order to run them again.

    NODE is a run, a Glue job run (jr_...), a Spark application, a dataset version, a dataset: its newest version,
    or a job: its last run that succeeded.
    The number in `rerun` is the place in that order; runs without one wrote what was overwritten since, or nothing.
    """
    ask_rows("consumers", [("node", node), ("depth", depth)], _CONSUMERS, **options)


_DIFF = """\
\b
Example: headwater diff spark/pipeline.features --from 2026-11-22
         headwater diff --run 27eca599 --run 5ebf4321
         headwater diff /data/lake/pipe/mart/customer_orders --from 2026-11-22
"""


@click.command(epilog=_DIFF)
@click.argument("node", required=False, shell_complete=completion.nodes)
@click.option("--run", "runs", multiple=True, metavar="ID", help="two runs to compare, the earlier one first")
@click.option("--from", "begin", metavar="TIME", help=f"what held then: {_WHEN}")
@click.option("--to", "end", metavar="TIME", help="and then; without it what holds now")
@row_options
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
        ask_rows("diff-runs", [("run", runs[0]), ("other", runs[1])], None, **options)
    elif node:
        ask_rows("diff", [("node", node), ("from", ago(begin)), ("to", ago(end))], None, **options)
    else:
        raise WrongUse("what is to be compared: NODE, or two --run?")


@click.command(
    epilog="Example: headwater changes /data/lake/pipe/out/churn_by_country#avg_score --upstream --from 2026-11-22"
)
@click.argument("node", shell_complete=completion.nodes)
@click.option("--upstream", is_flag=True, help="also the changes of all that it ever came from")
@click.option("--type", "type_", type=click.Choice(["direct", "all"]), default="direct", help="all: also filters, keys")
@click.option("--from", "begin", metavar="TIME", help=f"only changes since then: {_WHEN}")
@click.option("--to", "end", metavar="TIME", help="only changes until then")
@click.option("--oldest-first", is_flag=True, help="the first change first; without it the last one")
@row_options
def changes(
    node: str, upstream: bool, type_: str, begin: str | None, end: str | None, oldest_first: bool, **options: Any
) -> None:
    """When did the logic of NODE change, and by which run? A dataset, or a column as DATASET#COLUMN.

    The last change comes first; of changes at one time the nearest to NODE.
    """
    order = "oldest" if oldest_first else "newest"
    given = [
        ("node", node),
        ("upstream", upstream),
        ("type", type_),
        ("from", ago(begin)),
        ("to", ago(end)),
        ("order", order),
    ]
    ask_rows("changes", given, _CHANGES, **options)
