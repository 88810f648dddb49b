"""The estate at a glance: every question about it, with the first rows of each answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater.cli.common import (
    asking,
    console,
    csv_option,
    json_option,
    print_json,
    print_rows,
    say_what_lacks,
    source_options,
    terminal_width,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import RenderableType

    from headwater.queries.answers.answer import Table

_COUNTED = 1_000  #: rows that are asked for, to say how many there are
_EPILOG = """\
\b
Example: headwater estate
         headwater estate --csv > estate.csv
         headwater query stopped-jobs times=5
"""


@click.command(epilog=_EPILOG)
@click.option("--rows", type=click.IntRange(0, _COUNTED), default=5, help="rows that are shown of each (default 5)")
@csv_option
@json_option
@source_options
def estate(data: Path, store: str | None, server: str | None, *, as_csv: bool, as_json: bool, rows: int) -> None:
    """What nobody reads, what stopped running, what changed, what lacks lineage: the whole estate, summed up.

    Each part is a query of its own, with its own limit of time. A part that did not look at all of the graph says so.
    --csv prints one table of all parts, up to 1,000 rows of each: the column `part` names the query, and a row has the
    columns of its part, the others are empty. `headwater query NAME --csv` prints one part alone.
    """
    from headwater.queries.answers.answer import Table
    from headwater.queries.catalogue.catalogue import ESTATE

    with asking(data, store, server) as source:
        counted = source.stats()
        answers = {known.name: source.ask(known.name, [("limit", _COUNTED)]) for known in ESTATE}
    tables = {name: answer for name, answer in answers.items() if isinstance(answer, Table)}
    if as_json:
        print_json({"stats": counted, "answers": {name: table.to_dict() for name, table in tables.items()}})
        return
    if as_csv:
        print_rows(_one_table(tables), "csv")
        for name, table in tables.items():
            say_what_lacks(
                table, more=f"{name}: there is more: headwater query {name}" if table.next else None, of=name
            )
        return
    out = console()
    for part in _parts(counted, tables, rows):
        out.print(part)


def _one_table(tables: Mapping[str, Table]) -> Table:
    """The rows of all parts, with the columns of all."""
    from headwater.queries.answers.answer import Table

    columns = tuple(dict.fromkeys(column for table in tables.values() for column in table.columns))
    rows = ({"part": name, **dict.fromkeys(columns), **row} for name, table in tables.items() for row in table.rows)
    return Table("estate", {}, ("part", *columns), tuple(rows))


def _parts(counted: Mapping[str, Any], tables: Mapping[str, Table], rows: int) -> Iterator[RenderableType]:
    from dataclasses import replace

    from rich.text import Text

    from headwater.queries.answers.answer import why_incomplete
    from headwater.queries.catalogue.catalogue import BY_NAME
    from headwater.queries.drawing.rows import plain

    vertices = counted["vertices"]
    sizes = (f"{vertices.get(label, 0):,} {label}s" for label in ("dataset", "column", "job", "run"))
    yield ", ".join(sizes)
    yield f"{counted['waiting']:,} events wait for their plan, {counted['parked']:,} entries are parked"
    outcomes = counted.get("outcomes")
    if outcomes:
        yield f"runs by OpenLineage: {', '.join(f'{count:,} {outcome}' for outcome, count in outcomes.items())}"
    for name, table in tables.items():
        count = f"{len(table.rows):,}{'+' if table.next else ''}"
        unfinished = "" if table.complete else f" (not complete: {why_incomplete(table.reason)})"
        yield Text(f"\n{name}: {count}{unfinished}", style="bold" if table.rows else "dim")
        yield Text(BY_NAME[name].summary, style="dim")
        if table.rows and rows:
            yield Text(plain(replace(table, rows=table.rows[:rows]), terminal_width()))
        if len(table.rows) > rows:
            yield Text(f"all of them: headwater query {name}", style="dim")
