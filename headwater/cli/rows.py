"""How commands ask a question that is answered by rows, and print the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from headwater.cli.common import Command, asking, print_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headwater.queries.answers.answer import Table

_ROWS = 10_000  #: rows that are asked for; if there are more, it is said


def limit_option(function: Command) -> Command:
    """``--limit N``."""
    return click.option("--limit", type=click.IntRange(1, _ROWS), default=1_000, help="rows to show (default 1,000)")(
        function
    )


def ask_rows(
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
