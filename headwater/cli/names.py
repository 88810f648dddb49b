"""Names: `headwater names try` shows what a file of rules would change, `explain-names` why two names are one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater.cli import completion
from headwater.cli.common import (
    asking,
    csv_option,
    data_option,
    json_option,
    print_json,
    print_table,
    progress,
    safe,
    source_options,
)
from headwater.source import has_ledger
from headwater.translation import translated

if TYPE_CHECKING:
    from headwater.naming_trial import Group, Trial

_SHOWN = 20  #: groups that are printed; --json has all


@click.group(epilog="Example: headwater names try naming.yaml")
def names() -> None:
    """Naming rules: which folders and dates in names are no datasets of their own."""


@names.command("try", epilog="Example: headwater names try naming.yaml --data /var/lib/headwater")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@csv_option
@json_option
@data_option
def try_(file: Path, *, data: Path, as_csv: bool, as_json: bool) -> None:
    """Show which known datasets would become one, or come apart, under the rules in FILE. Nothing is changed.

    To use the rules, put FILE into the data folder as naming.yaml and start the server again (or run any command on
    the folder): the graph is then built again from the ledger. docs/naming.md describes the file.
    """
    from headwater.naming_trial import try_rules

    has_ledger(data)
    with translated(), progress("reading the ledger") as step:
        trial = try_rules(data, file, step)
    if as_json:
        print_json(trial.to_dict())
    elif as_csv:
        print_table(("change", "now", "then", "datasets"), _changes(trial), as_csv=True)
    else:
        _print(trial)


@click.command("explain-names", epilog="Example: headwater explain-names s3a://lake/orders/dt=2026-03-01 sales.orders")
@click.argument("first", metavar="A", shell_complete=completion.datasets)
@click.argument("second", metavar="B", shell_complete=completion.datasets)
@csv_option
@json_option
@source_options
def explain_names(first: str, second: str, *, as_csv: bool, as_json: bool, **where: Any) -> None:
    """Why are A and B one dataset, or what would join them? The rules of naming, and the payloads that name it.

    With --csv a row for each step from a name to its dataset (`what`: step, dataset), for each dataset that it may be
    (perhaps, near), and for what would join the two (way).

    Exit codes: 0 they are one; 1 they are two, neither is known, or a name stands for several
    datasets; 2 a name is empty.
    """
    from headwater.explaining_names import COLUMNS, table, told
    from headwater.explaining_names import explain_names as explained

    with asking(**where) as asked:
        found = explained(asked, first, second)
    if as_json:
        print_json(found.to_dict())
    elif as_csv:
        print_table(COLUMNS, table(found), as_csv=True)
    else:
        for line in told(found):
            click.echo(safe(line))
    if not found.verdict.startswith("one"):
        raise click.exceptions.Exit(1)


def _changes(trial: Trial) -> Iterator[tuple[str, str, str, str]]:
    """A row for each name that is listed of what would change; `datasets` is how many become one, or come apart."""
    for group in trial.together:
        yield from (("one", now, group.dataset, str(group.count)) for now in group.examples)
    for group in trial.apart:
        yield from (("apart", group.dataset, then, str(group.count)) for then in group.examples)
    yield from (("renamed", now, then, "1") for now, then in trial.renamed)


def _print(trial: Trial) -> None:
    click.echo(f"{trial.now:,} datasets now, {trial.then:,} under these rules")
    _print_groups("would become one dataset", trial.together)
    _print_groups("would come apart", trial.apart)
    if trial.renamed:
        click.echo(f"\n{len(trial.renamed):,} would have another name:")
    for now, then in trial.renamed[:_SHOWN]:
        click.echo(safe(f"  {now} -> {then}"))
    _print_rest(len(trial.renamed))
    if not (trial.together or trial.apart or trial.renamed):
        click.echo("nothing would change")


def _print_groups(what: str, groups: Sequence[Group]) -> None:
    if groups:
        click.echo(f"\n{what}:")
    for group in groups[:_SHOWN]:
        click.echo(safe(f"  {group.dataset}  ({group.count:,})"))
        for example in group.examples:
            click.echo(safe(f"    {example}"))
        if group.count > len(group.examples):
            click.echo(f"    and {group.count - len(group.examples):,} more")
    _print_rest(len(groups))


def _print_rest(count: int) -> None:
    if count > _SHOWN:
        click.echo(f"  and {count - _SHOWN:,} more: --json lists all")
