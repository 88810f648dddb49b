"""Questions: upstream, downstream, query."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater.cli import completion
from headwater.cli.common import (
    Command,
    as_of,
    as_of_options,
    asking,
    console,
    csv_option,
    json_option,
    print_json,
    print_rows,
    print_table,
    say_what_lacks,
    source_options,
)
from headwater.cli.impact import show as show_impact
from headwater.cli.paths import show as show_paths
from headwater.errors import WrongUse

if TYPE_CHECKING:
    from headwater.queries.answers.shapes import Result
    from headwater.queries.catalogue.query import Query

_FORMATS = ("tree", "table", "json", "csv", "mermaid", "dot", "svg")


def _lineage_options(function: Command) -> Command:
    function = csv_option(json_option(source_options(function)))
    for option in (
        click.option("--format", "format_", type=click.Choice(_FORMATS), default="tree", help="how it is printed"),
        click.option("--limit", type=int, help="nodes to keep, the nearest first (default 10,000)"),
        click.option("--behind", is_flag=True, default=None, help=_BEHIND),
        as_of_options,
        click.option("--level", type=click.Choice(["column", "dataset"]), help="without it the node's own"),
        click.option("--depth", type=int, help="hops to follow; without it all, 0: the node alone"),
        click.option("--type", "type_", type=click.Choice(["direct", "indirect", "all"]), default="direct", help=_TYPE),
        click.argument("node", shell_complete=completion.nodes),
    ):
        function = option(function)
    return function


_BEHIND = "mark hops whose source's logic has changed since their target last read it"
_TYPE = "direct: what values are made of; all: also filters, joins, keys; indirect: only these, of the node itself"


@click.command(epilog="Example: headwater upstream /data/lake/pipe/out/churn_by_country#avg_score --type all")
@_lineage_options
def upstream(**options: Any) -> None:
    """Where does NODE come from? A dataset, or a column as DATASET#COLUMN, in any spelling."""
    _lineage("upstream", **options)


@click.command(epilog="Example: headwater downstream /data/lake/raw/shop/orders.csv#amount --as-of 2026-11-23")
@_lineage_options
def downstream(**options: Any) -> None:
    """What is made of NODE? A dataset, or a column as DATASET#COLUMN, in any spelling."""
    _lineage("downstream", **options)


def _lineage(name: str, node: str, *, data: Path, store: str | None, server: str | None, **given: Any) -> None:
    as_json, as_csv, format_ = given.pop("as_json"), given.pop("as_csv"), given.pop("format_")
    names = {"type_": "type"}
    parameters = [
        ("node", node),
        ("asOf", as_of(given)),
        *((names.get(key, key), value) for key, value in given.items()),
    ]
    with asking(data, store, server) as source:
        answer = source.ask(name, [(key, value) for key, value in parameters if value is not None])
    _show(answer, "json" if as_json else "csv" if as_csv else format_)


def _show(answer: Result, format_: str) -> None:
    from headwater.queries.answers.answer import Answer, Table
    from headwater.queries.answers.audit import Audit
    from headwater.queries.answers.impact import Impact
    from headwater.queries.answers.paths import Paths
    from headwater.queries.catalogue.catalogue import BY_NAME
    from headwater.queries.drawing import render
    from headwater.queries.drawing.audit import plain as plain_audit

    if format_ == "json":
        print_json(answer.to_dict())
    elif isinstance(answer, Impact):
        show_impact(answer, "csv" if format_ == "csv" else "table")
    elif isinstance(answer, Audit):
        if format_ == "csv":
            raise click.UsageError("an audit is no table: --json, or headwater audit --html FILE")
        click.echo(plain_audit(answer), nl=False)
    elif isinstance(answer, Paths):
        show_paths(answer, format_)
    elif isinstance(answer, Answer) and format_ in render.FORMATS:
        click.echo(render.FORMATS[format_](answer), nl=False)
    elif isinstance(answer, Answer) and format_ == "tree":
        out = console()
        out.print(render.tree(answer))
        out.print(render.summary(answer))
    elif isinstance(answer, Table) and not answer.rows and format_ != "csv":
        click.echo(f"none: {BY_NAME[answer.query].summary}")
    else:
        print_rows(answer, "csv" if format_ == "csv" else "table")
        if isinstance(answer, Answer):
            say_what_lacks(answer)


@click.command(epilog="Example: headwater query runs job=spark/pipeline.features limit=5")
@click.argument("name", required=False, shell_complete=completion.queries)
@click.argument("parameters", nargs=-1, metavar="[PARAMETER=VALUE]...", shell_complete=completion.parameters)
@csv_option
@json_option
@click.option("--format", "format_", type=click.Choice(_FORMATS), help="how it is printed")
@source_options
def query(name: str | None, parameters: tuple[str, ...], format_: str | None, **options: Any) -> None:
    """Ask a canned query by its NAME; without a name, list them."""
    from headwater.queries.answers.answer import Answer, Table

    as_json, as_csv = options.pop("as_json"), options.pop("as_csv")
    if name is None:
        _list_queries(as_json=as_json, as_csv=as_csv)
        return
    with asking(**options) as source:
        answer = source.ask(name, [_pair(item) for item in parameters])
    default = "tree" if isinstance(answer, Answer) else "table"
    _show(answer, "json" if as_json else "csv" if as_csv else format_ or default)
    if isinstance(answer, Table) and not as_json:
        say_what_lacks(answer, more=f"more: next={answer.next}" if answer.next else None)


def _pair(item: str) -> tuple[str, str]:
    key, separator, value = item.partition("=")
    if not separator or not key:
        raise WrongUse(f"{item!r} is no parameter: expected NAME=VALUE")
    return key, value


def _list_queries(*, as_json: bool, as_csv: bool) -> None:
    from headwater.queries.catalogue.catalogue import QUERIES

    if as_json:
        print_json({"queries": [known.to_dict() for known in QUERIES]})
        return
    rows = [(known.name, _parameters(known), known.summary) for known in QUERIES]
    print_table(("query", "parameters", "answers"), rows, as_csv=as_csv)


def _parameters(query: Query) -> str:
    return " ".join(f"{p.name}=..." if p.required else f"[{p.name}=...]" for p in query.parameters)
