"""How data gets from one node to another."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater.cli import completion
from headwater.cli.common import (
    as_of,
    as_of_options,
    asking,
    console,
    csv_option,
    json_option,
    print_json,
    print_rows,
    source_options,
)

if TYPE_CHECKING:
    from headwater.queries.answers.paths import Paths

_EPILOG = """\
\b
Example: headwater paths /data/lake/raw/shop/orders.csv#amount /data/lake/pipe/out/churn_by_country#avg_score
         headwater paths /data/lake/raw/shop/orders.csv /data/lake/pipe/out/churn_by_country --all

Exit code 0 if there is a path, 1 if there is none, 2 if one of the two does not exist.
"""


@click.command(epilog=_EPILOG)
@click.argument("start", metavar="NODE", shell_complete=completion.nodes)
@click.argument("end", metavar="OTHER", shell_complete=completion.nodes)
@click.option("--all", "everything", is_flag=True, help="all that lies between the two; without it the shortest path")
@click.option("--limit", type=int, help="paths to list with --all, the shortest first (default 100)")
@click.option("--type", "type_", type=click.Choice(["direct", "all"]), default="direct", help="all: also filters, keys")
@as_of_options
@click.option("--format", "format_", type=click.Choice(["text", "json", "csv", "mermaid", "dot"]), default="text")
@csv_option
@json_option
@source_options
def paths(data: Path, store: str | None, server: str | None, **options: Any) -> None:
    """How does data get from NODE to OTHER, or back? Datasets, or columns as DATASET#COLUMN, in any spelling."""
    from headwater.queries.answers.paths import Paths

    given = [
        ("from", options["start"]),
        ("to", options["end"]),
        ("ways", "all" if options["everything"] else "shortest"),
        ("type", options["type_"]),
        ("asOf", as_of(options)),
        ("limit", options["limit"]),
    ]
    with asking(data, store, server) as source:
        found = source.ask("paths", [(key, value) for key, value in given if value is not None])
    assert isinstance(found, Paths), "the query paths answers with paths"
    show(found, "json" if options["as_json"] else "csv" if options["as_csv"] else options["format_"])
    sys.exit(int(not found.paths))


def show(found: Paths, format_: str) -> None:
    """Print the ways."""
    from headwater.queries.drawing import paths as paths_render

    if format_ == "json":
        print_json(found.to_dict())
    elif format_ == "csv":
        print_rows(paths_render.table(found), "csv")
        if not found.complete:
            click.echo(paths_render.summary(found), err=True)
    elif format_ in paths_render.FORMATS:
        click.echo(paths_render.FORMATS[format_](paths_render.picture(found)), nl=False)
    else:
        console().print(paths_render.console(found), soft_wrap=not sys.stdout.isatty())
