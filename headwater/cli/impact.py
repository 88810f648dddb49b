"""What a change comes to: impact of a node, and the check before merge."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater.cli.common import asking, console, json_option, print_json, source_options

if TYPE_CHECKING:
    from queries.affected import Impact

_CHANGES = ("drop", "rename", "retype", "semantics")
_FORMATS = ("table", "json", "csv", "markdown")
_EPILOG = """\
\b
Example: headwater impact s3://lake/raw/customers#email
         headwater impact s3://lake/raw/customers#email --change retype --format csv > impact.csv

Exit code 1 if something breaks, 0 if nothing does.
"""


@click.command(epilog=_EPILOG)
@click.argument("node")
@click.option("--change", type=click.Choice(_CHANGES), default="drop", help="what is done to it (default: drop)")
@click.option("--depth", type=int, help="hops to follow; without it all")
@click.option("--as-of", "as_of", metavar="ever", help="ever: all that ever held; without it what holds now")
@click.option("--limit", type=int, help="nodes to look at, the nearest first (default 10,000)")
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="table", help="how it is printed")
@click.option("--all", "everything", is_flag=True, help="fold nothing: every node behind a hub has its line")
@json_option
@source_options
def impact(**options: Any) -> None:
    """What breaks if NODE changes? A dataset, or a column as DATASET#COLUMN, in any spelling."""
    found = _of_node(**options)
    show(found, "json" if options["as_json"] else options["format_"], everything=options["everything"])
    sys.exit(int(found.breaks))


def _of_node(data: Path, store: str | None, server: str | None, as_of: str | None, **options: Any) -> Impact:
    from queries.affected import Impact

    given = [("asOf", as_of), *((name, options[name]) for name in ("node", "change", "depth", "limit"))]
    with asking(data, store, server) as source:
        found = source.ask("impact", [(key, value) for key, value in given if value is not None])
    assert isinstance(found, Impact), "the query impact answers with an impact"
    return found


def show(found: Impact, format_: str, *, everything: bool = False) -> None:
    """Print an impact answer."""
    from queries import impact_render
    from queries.impact_rows import FAN

    fan = None if everything else FAN
    if format_ == "json":
        print_json(found.to_dict())
    elif format_ == "table":
        console().print(impact_render.console(found, fan), soft_wrap=not sys.stdout.isatty())
    else:
        click.echo(impact_render.text(found, format_, fan), nl=False)
