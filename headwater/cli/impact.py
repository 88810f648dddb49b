"""What a change comes to: impact of a node, and the check before merge."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater.cli import completion
from headwater.cli.common import as_of, as_of_options, asking, console, json_option, print_json, source_options

if TYPE_CHECKING:
    from headwater.check.difference import Check
    from headwater.queries.answers.impact import Impact

_CHANGES = ("drop", "rename", "retype", "semantics", "rows")
_FILE = click.Path(path_type=Path, dir_okay=False)
_FORMATS = ("table", "json", "csv", "markdown", "html")
_EPILOG = """\
\b
Example: headwater impact /data/lake/raw/shop/orders.csv#amount
         headwater impact /data/lake/raw/shop/orders.csv#amount --change retype --format csv > impact.csv
         headwater impact --plan new-plan.json --format markdown
         headwater impact --schema /data/lake/raw/shop/orders.csv old.json new.json

With --plan or --schema it is a check before merge: what the changed job, or schema, breaks. Exit code 1 if something
breaks, 0 if nothing does.
"""
_SCHEMA = "what another schema of a dataset breaks: Spark's df.schema.json(), or {column: type}"


@click.command(epilog=_EPILOG)
@click.argument("node", required=False, shell_complete=completion.nodes)
@click.option("--change", type=click.Choice(_CHANGES), default="drop", help="what is done to it (default: drop)")
@click.option("--depth", type=int, help="hops to follow; without it all")
@as_of_options
@click.option("--limit", type=int, help="nodes to look at, the nearest first (default 10,000)")
@click.option("--plan", type=_FILE, metavar="FILE", help="what a changed job breaks: its plan, as an agent sends it")
@click.option("--schema", type=(str, _FILE, _FILE), metavar="DATASET OLD NEW", help=_SCHEMA)
@click.option(
    "--guess-renames", is_flag=True, help="with --schema: take a new column at the place of an old one for it"
)
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="table", help="how it is printed")
@click.option(
    "--all", "everything", is_flag=True, help="list every node; without it the first twelve of a grade behind one node"
)
@json_option
@source_options
def impact(**options: Any) -> None:
    """What breaks if NODE changes? A dataset, or a column as DATASET#COLUMN, in any spelling."""
    given = [name for name in ("node", "plan", "schema") if options[name]]
    if len(given) != 1:
        raise click.UsageError("one of NODE, --plan and --schema is needed")
    if given != ["node"]:
        _refuse(options, ("change", "depth", "as_of", "run", "limit"), f"--{given[0]}")
        sys.exit(int(_check(**options)))
    _refuse(options, ("guess_renames",), "NODE")
    found, facts = _of_node(**options)
    format_ = "json" if options["as_json"] else options["format_"]
    show(found, format_, everything=options["everything"], facts=facts)
    sys.exit(int(found.breaks))


def _refuse(options: Mapping[str, Any], names: Iterable[str], asked: str) -> None:
    for name in names:
        if options[name] not in (None, False, "drop"):
            raise click.UsageError(f"--{name.replace('_', '-')} has no meaning with {asked}")


def _check(data: Path, store: str | None, server: str | None, **options: Any) -> bool:
    """Whether something breaks."""
    from headwater.check.running import check_plans, check_schema

    with asking(data, store, server) as source:
        if options["plan"]:
            checks = check_plans(source, options["plan"])
        else:
            dataset, old, new = options["schema"]
            checks = [check_schema(source, dataset, old, new, guess_renames=options["guess_renames"])]
    _show_checks(checks, "json" if options["as_json"] else options["format_"], everything=options["everything"])
    return any(check.breaks for check in checks)


def _show_checks(checks: Sequence[Check], format_: str, *, everything: bool) -> None:
    from headwater.check import render
    from headwater.queries.drawing.impact_rows import FAN

    fan = None if everything else FAN
    if format_ == "json":
        print_json({"breaks": any(check.breaks for check in checks), "checks": [check.to_dict() for check in checks]})
    elif format_ == "table":
        click.echo("\n".join(render.text(check, fan) for check in checks), nl=False)
    elif format_ == "markdown":
        click.echo(render.markdown(checks, fan), nl=False)
    else:
        raise click.UsageError(f"a check before merge is printed as table, json or markdown, not as {format_}")


def _of_node(data: Path, store: str | None, server: str | None, **options: Any) -> tuple[Impact, list[str]]:
    """The answer; and when it was asked, of whom, and how far the ledger was."""
    from headwater.queries.answers.impact import Impact
    from headwater.queries.drawing.impact_rows import moment

    given = [("asOf", as_of(options)), *((name, options[name]) for name in ("node", "change", "depth", "limit"))]
    with asking(data, store, server) as source:
        found = source.ask("impact", [(key, value) for key, value in given if value is not None])
        asked = f"asked at {moment(time.time_ns() // 1_000_000)} of {source.place}"
        head = f"; the newest entry of its ledger was number {source.stats()['entries']:,}"
    assert isinstance(found, Impact), "the query impact answers with an impact"
    return found, [asked + head]


def show(found: Impact, format_: str, *, everything: bool = False, facts: Sequence[str] = ()) -> None:
    """Print an impact answer. `facts` stand on its page: when and of whom it was asked."""
    from headwater.queries.drawing import impact as impact_render
    from headwater.queries.drawing.impact_html import page
    from headwater.queries.drawing.impact_rows import FAN

    fan = None if everything else FAN
    if format_ == "json":
        print_json(found.to_dict())
    elif format_ == "html":
        click.echo(page(found, facts), nl=False)
    elif format_ == "table":
        console().print(impact_render.console(found, fan), soft_wrap=not sys.stdout.isatty())
    else:
        click.echo(impact_render.text(found, format_, fan), nl=False)
