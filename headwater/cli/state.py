"""The commands by which people state something: tag, own, describe, retire, ignore, same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater import annotate
from headwater.cli import completion
from headwater.cli.common import Command, asking, json_option, print_json, safe, source_options
from headwater.errors import WrongUse

if TYPE_CHECKING:
    from headwater.annotate import Receipt


def _statement_options(function: Command) -> Command:
    function = json_option(source_options(function))
    for option in (
        click.option("--withdraw", is_flag=True, help="take it back; the ledger keeps that it was said"),
        click.option(
            "--by", metavar="NAME", help="who says so (default: this user); with a token it is the token's name"
        ),
        click.option("--reason", help="why; kept in the ledger and shown"),
    ):
        function = option(function)
    return function


@click.command(epilog="Example: headwater tag 'file:///data/lake/raw/*#customer_id' pii --reason 'register, no. 7'")
@click.argument("node", shell_complete=completion.nodes)
@click.argument("tag")
@_statement_options
def tag(node: str, tag: str, **options: Any) -> None:
    """Give NODE the TAG: words such as pii or 'personal data', or KEY=VALUE.

    NODE is a dataset, a column as DATASET#COLUMN, or a job, in any spelling; or a pattern with *, which also tags what
    comes later. Where a tag has come with the data: headwater query tag-flow tag=TAG
    """
    _tag(node, tag, **options)


@click.command(epilog="Example: headwater own /data/lake/pipe/mart/customer_orders team-sales")
@click.argument("node", shell_complete=completion.nodes)
@click.argument("owner")
@_statement_options
def own(node: str, owner: str, **options: Any) -> None:
    """Say that OWNER is responsible for NODE: the tag owner=OWNER. A node can have several."""
    _tag(node, f"owner={owner}", **options)


@click.command(epilog="Example: headwater retire /data/lake/pipe/ml/features.parquet --reason 'dropped with ticket 12'")
@click.argument("dataset", shell_complete=completion.datasets)
@_statement_options
def retire(dataset: str, **options: Any) -> None:
    """Say that DATASET was dropped, which only OpenLineage reports: the tag retired.

    It holds nothing from now on, until a job writes it again. --as-of a time before still shows its lineage.
    """
    if "#" in dataset:
        raise WrongUse("a dataset is retired as a whole: leave out the column")
    _tag(dataset, "retired", **options)


@click.command(epilog="Example: headwater ignore 'test_*'")
@click.argument("job", shell_complete=completion.jobs)
@_statement_options
def ignore(job: str, **options: Any) -> None:
    """Leave the lineage of JOB, or of all jobs that match a pattern, out of answers: the tag ignored."""
    _tag(_job_pattern(job) if "*" in job else job, "ignored", **options)


@click.command(epilog="Example: headwater same s3://lake/mart/orders sales.orders --reason 'the table lies there'")
@click.argument("kept", shell_complete=completion.datasets)
@click.argument("other", shell_complete=completion.datasets)
@_statement_options
def same(kept: str, other: str, **options: Any) -> None:
    """Say that the dataset OTHER is KEPT under another name: one node stands for both, and lineage goes through it.

    The graph is built again from the ledger. Which may be one: headwater query two-names
    """
    _state(annotate.same, kept, other, tell=_named, **options)


def _job_pattern(job: str) -> str:
    """A pattern of NAME, NAMESPACE/NAME or whole ids as one of ids."""
    if job.startswith("job:"):
        return job
    return f"job:{job}" if "/" in job else f"job:*/{job}"


@click.command(epilog="Example: headwater describe /data/lake/pipe/mart/customer_orders#amount_eur 'net, in EUR'")
@click.argument("node", shell_complete=completion.nodes)
@click.argument("text", required=False)
@_statement_options
def describe(node: str, text: str | None, **options: Any) -> None:
    """Describe NODE in a TEXT that answers show; the last one counts."""
    if not text and not options["withdraw"]:
        raise WrongUse("a description needs a text, or --withdraw")
    _state(annotate.describe, node, text or "", tell=_described, **options)


def _tag(node: str, value: str, **options: Any) -> None:
    _state(annotate.tag, node, value, tell=_tagged, **options)


def _described(said: Receipt) -> str:
    return "no longer described" if said.withdrawn else "described"


def _tagged(said: Receipt) -> str:
    return f"{'no longer' if said.withdrawn else 'now'} tagged {said.value}"


def _named(said: Receipt) -> str:
    return f"{'no longer ' if said.withdrawn else ''}another name of {said.value}"


def _state(
    say: Callable[..., Receipt],
    *about: str,
    tell: Callable[[Receipt], str],
    data: Path,
    store: str | None,
    server: str | None,
    as_json: bool,
    **more: Any,
) -> None:
    """State something and tell it; `more` are the options of all who state."""
    with asking(data, store, server) as source:
        said = say(source, *about, **more)
    if as_json:
        print_json(said.to_dict())
        return
    matched = f" (matches {said.nodes:,} now)" if "*" in said.subject else ""
    click.echo(safe(f"{said.subject}{matched}: {tell(said)}; ledger entry {said.entry}"))
