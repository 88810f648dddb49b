"""What may be the cause when a dataset or column looks wrong: the page for whoever is on call."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from headwater.cli import completion
from headwater.cli.common import asking, csv_option, json_option, print_rows, safe, say_what_lacks, source_options

if TYPE_CHECKING:
    from headwater.queries.answers.answer import Table

_SHOWN = ("what", "timestamp", "id", "job", "detail", "run")


@click.command(epilog="Example: headwater why /data/lake/pipe/out/churn_by_country#avg_score")
@click.argument("node", shell_complete=completion.nodes)
@click.option("--times", type=click.IntRange(1, 1_000), help="late: after so many usual intervals (default 2)")
@csv_option
@json_option
@source_options
def why(node: str, times: int | None, **options: Any) -> None:
    """Why does NODE look wrong? Last writes, failed and late jobs, changed logic, owners; the newest first.

    NODE is a dataset, or a column as DATASET#COLUMN, in any spelling. What is upstream of it is looked at as well.
    """
    from headwater.queries.answers.answer import Table

    as_json, as_csv = options.pop("as_json"), options.pop("as_csv")
    where = safe("".join(_given_as(name, value) for name, value in options.items()))
    with asking(**options) as source:
        found = source.ask("why", [(key, value) for key, value in (("node", node), ("times", times)) if value])
    assert isinstance(found, Table), "this query answers with rows"
    if as_json or as_csv:
        print_rows(found, "json" if as_json else "csv")
        if as_csv:
            say_what_lacks(found)
        return
    from dataclasses import replace

    if found.rows:
        print_rows(replace(found, columns=_SHOWN), "table")
    else:
        click.echo("no run that wrote it, or that wrote what it comes from, is known")
    say_what_lacks(found)
    click.echo("\nnext:")
    for command, purpose in _next(node, found):
        click.echo(f"  {safe(command)}{where}\n      {purpose}")


def _given_as(name: str, value: object) -> str:
    """An option that says where to ask, as it was given on the command line; empty if it was not."""
    source = click.get_current_context().get_parameter_source(name)
    return f" --{name} {shlex.quote(str(value))}" if source is click.core.ParameterSource.COMMANDLINE else ""


def _next(node: str, found: Table) -> Iterator[tuple[str, str]]:
    """The commands that go on from here, each with what it answers."""
    named = shlex.quote(node)
    by_kind = {row["what"]: row for row in reversed(found.rows)}
    failed, changed, written = (by_kind.get(kind) for kind in ("run failed", "logic changed", "last write"))
    if failed:
        yield f"headwater query run run={failed['run']}", "what the failed run read and wrote"
    if changed:
        yield f"headwater changes {named} --upstream", "all changes of the logic, here and upstream"
        yield f"headwater consumers {changed['run']}", "who read what the changed run wrote, and what to run again"
    elif written and written["run"]:
        yield f"headwater consumers {written['run']}", "who read what the last run wrote, and what to run again"
    yield f"headwater upstream {named} --type all --behind", "where it comes from, hop by hop"
    yield f"headwater impact {named}", "what else is affected, and who owns it"
    if "owner" not in by_kind:
        yield f"headwater own {shlex.quote(node.partition('#')[0])} NAME", "nobody is named as its owner: say who it is"
