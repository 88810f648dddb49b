"""How commands ask a question that is answered by rows, and print the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from headwater.cli.common import Command, asking, csv_option, json_option, print_rows, say_what_lacks, source_options

if TYPE_CHECKING:
    from collections.abc import Iterable

    from headwater.queries.answers.answer import Table

_ROWS = 10_000  #: rows that are asked for; if there are more, it is said


def limit_option(function: Command) -> Command:
    """``--limit N``."""
    return click.option("--limit", type=click.IntRange(1, _ROWS), default=1_000, help="rows to show (default 1,000)")(
        function
    )


def row_options(function: Command) -> Command:
    """The options of all commands that list: how many rows, in which form, and where to ask."""
    return limit_option(csv_option(json_option(source_options(function))))


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
    if as_json:
        print_rows(found, "json")
        return
    if as_csv:
        print_rows(found, "csv")
    else:
        _show(found, columns)
    say_what_lacks(found, more=f"there is more: --limit, at most {_ROWS:,}" if found.next else None)


def _show(found: Table, columns: tuple[str, ...] | None) -> None:
    from dataclasses import replace

    if found.rows:
        print_rows(replace(found, columns=columns or found.columns), "table")
    else:
        click.echo(_EMPTY[found.query])


#: What an answer without rows means, by the name of the query.
_EMPTY = {
    "search": "nothing has this in its name: `headwater datasets` and `headwater jobs` list all that is known",
    "datasets": "no dataset is known yet: an agent has to report a run, or `headwater load` to bring what was recorded",
    "columns": "none of its columns is known",
    "jobs": "no job is known yet: an agent has to report a run, or `headwater load` to bring what was recorded",
    "latest-runs": "there is no such run: `headwater runs` lists all",
    "inputs": "no version that it read is known",
    "consumers": "no run is known that wrote it",
    "diff": "nothing differs",
    "diff-runs": "nothing differs",
    "changes": "no change is known: nothing is known to have written it in that time",
}
