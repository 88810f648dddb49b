"""What a change comes to: impact of a node, and the check before merge."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
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
    say_what_lacks,
    source_options,
)

if TYPE_CHECKING:
    from headwater.check.difference import Check
    from headwater.queries.answers.answer import Table
    from headwater.queries.answers.impact import Impact
    from headwater.source import Source

_CHANGES = ("drop", "rename", "retype", "semantics", "rows")
_FILE = click.Path(path_type=Path, dir_okay=False)
_FORMATS = ("table", "json", "csv", "markdown", "html")
_EPILOG = """\
\b
Example: headwater impact /data/lake/raw/shop/orders.csv#amount
         headwater impact /data/lake/raw/shop/orders.csv#amount --change retype --format csv > impact.csv
         headwater impact /data/lake/raw/shop/orders.csv#amount --owners
         headwater impact --plan new-plan.json --format markdown
         headwater impact --sql models/orders.sql --dialect redshift --namespace redshift://wh.eu-west-1:5439 \\
             --database shop --default-schema public
         headwater impact --new-schema /data/lake/raw/shop/orders.csv new.json
         headwater impact --schema /data/lake/raw/shop/orders.csv old.json new.json

With --plan, --sql, --new-schema or --schema it is a check before merge: what the changed job, statement or schema
breaks. Exit code 1 if something breaks, 0 if nothing does and all was checked, 5 if nothing that is known breaks, but
something could not be checked: the answer says what. A schema is Spark's df.schema.json(), {column: type}, or a
CREATE TABLE.
"""
_SCHEMA = "what the step from one schema of a dataset to another breaks"
_NEW_SCHEMA = "what another schema of a dataset breaks, beside the columns that are known of it"
_SQL = "what changed SQL breaks: a file of statements, DDL among them"
_DIALECTS = ("athena", "postgres", "redshift", "snowflake", "spark", "trino")
#: Exit code of a check that finds nothing, and is not complete: 2 to 4 are wrong use and failures (`docs/cli.md`).
_NOT_CHECKED = 5
_CHECKS = ("plan", "sql", "new_schema", "schema")


@click.command(epilog=_EPILOG)
@click.argument("node", required=False, shell_complete=completion.nodes)
@click.option("--change", type=click.Choice(_CHANGES), default="drop", help="what is done to it (default: drop)")
@click.option("--depth", type=int, help="hops to follow; without it all")
@as_of_options
@click.option("--limit", type=int, help="nodes to look at, the nearest first (default 10,000)")
@click.option("--only", type=click.Choice(["columns", "datasets", "jobs"]), help="list these alone")
@click.option("--owners", is_flag=True, help="whom to tell: a line for each owner, with what is affected of theirs")
@click.option("--plan", type=_FILE, metavar="FILE", help="what a changed job breaks: its plan, as an agent sends it")
@click.option("--sql", type=_FILE, metavar="FILE", help=_SQL)
@click.option("--dialect", type=click.Choice(_DIALECTS), help="with --sql: whose SQL it is (default: spark)")
@click.option("--database", metavar="NAME", help="with --sql: the database of tables that are named without one")
@click.option("--default-schema", metavar="NAME", help="with --sql: the schema of tables that are named without one")
@click.option("--namespace", metavar="URL", help="with --sql: of the database, as nodes have it before a table's name")
@click.option("--new-schema", type=(str, _FILE), metavar="DATASET NEW", help=_NEW_SCHEMA)
@click.option("--schema", type=(str, _FILE, _FILE), metavar="DATASET OLD NEW", help=_SCHEMA)
@click.option(
    "--guess-renames", is_flag=True, help="with --sql and schemas: take a new column that is like an old one for it"
)
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="table", help="how it is printed")
@click.option(
    "--all", "everything", is_flag=True, help="list every node; without it the first twelve of a grade behind one node"
)
@csv_option
@json_option
@source_options
def impact(**options: Any) -> None:
    """What breaks if NODE changes? A dataset, or a column as DATASET#COLUMN, in any spelling."""
    if options.pop("as_csv"):
        options["format_"] = "csv"
    given = [name for name in ("node", *_CHECKS) if options[name]]
    if len(given) != 1:
        raise click.UsageError("one of NODE, --plan, --sql, --new-schema and --schema is needed")
    asked = "NODE" if given == ["node"] else f"--{given[0].replace('_', '-')}"
    if given != ["sql"]:
        _refuse(options, ("dialect", "database", "default_schema", "namespace"), asked)
    if given != ["node"]:
        _refuse(options, ("change", "depth", "as_of", "run", "limit", "only"), asked)
        sys.exit(_check(**options))
    _refuse(options, ("guess_renames",), "NODE")
    found, facts = _of_node(**options)
    format_ = "json" if options["as_json"] else options["format_"]
    listed = found if options["only"] is None else found.only(options["only"].removesuffix("s"))
    if options["owners"]:
        _show_owners(listed.by_owner(), format_)
    else:
        show(listed, format_, everything=options["everything"], facts=facts)
    sys.exit(int(found.breaks))


def _show_owners(owners: Table, format_: str) -> None:
    if format_ == "html":
        raise click.UsageError("--owners is printed as table, json, csv or markdown, not as html")
    if format_ in ("table", "markdown"):
        named = tuple({**row, "owner": row["owner"] or "(nobody is named)"} for row in owners.rows)
        owners = replace(owners, rows=named)
    if format_ == "markdown":
        from headwater.queries.drawing.impact import markdown_table

        cells = (tuple(_cell(row[name]) for name in owners.columns) for row in owners.rows)
        click.echo("\n".join(markdown_table(owners.columns, cells)))
    else:
        print_rows(owners, format_)
    if format_ != "json":
        say_what_lacks(owners)


def _cell(value: object) -> str:
    from headwater.queries.drawing import escape

    return ", ".join(map(escape.markdown, value)) if isinstance(value, list) else escape.markdown(str(value))


def _refuse(options: Mapping[str, Any], names: Iterable[str], asked: str) -> None:
    for name in names:
        if options[name] not in (None, False, "drop"):
            raise click.UsageError(f"--{name.replace('_', '-')} has no meaning with {asked}")


def _check(data: Path, store: str | None, server: str | None, **options: Any) -> int:
    """The exit code: 1 if something breaks, 5 if that could not be checked in all parts, else 0."""
    from headwater.check.running import check_plans, check_schema

    guess = bool(options["guess_renames"])
    with asking(data, store, server) as source:
        if options["plan"]:
            checks = check_plans(source, options["plan"])
        elif options["sql"]:
            checks = _check_sql(source, **options)
        elif options["new_schema"]:
            from headwater.check.asking import check_new_schema

            checks = [check_new_schema(source, *options["new_schema"], guess_renames=guess)]
        else:
            dataset, old, new = options["schema"]
            checks = [check_schema(source, dataset, old, new, guess_renames=guess)]
    format_ = "json" if options["as_json"] else options["format_"]
    if options["owners"]:
        from headwater.check.difference import whom_to_tell

        _show_owners(whom_to_tell(checks), format_)
    else:
        _show_checks(checks, format_, everything=options["everything"])
    if any(check.breaks for check in checks):
        return 1
    return 0 if all(check.complete for check in checks) else _NOT_CHECKED


def _check_sql(source: Source, **options: Any) -> list[Check]:
    import logging

    from headwater.check.asking import check_sql
    from headwater.sql_bridge.model import Dialect

    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # what it cannot parse is in the answer
    dialect = Dialect(options["dialect"] or "spark", options["database"] or "", options["default_schema"] or "")
    namespace = options["namespace"] or ""
    return check_sql(source, options["sql"], dialect, namespace=namespace, guess_renames=options["guess_renames"])


def _show_checks(checks: Sequence[Check], format_: str, *, everything: bool) -> None:
    from headwater.check import render
    from headwater.queries.drawing.impact_rows import FAN

    fan = None if everything else FAN
    if format_ == "json":
        told = {"breaks": any(check.breaks for check in checks), "complete": all(check.complete for check in checks)}
        print_json({**told, "checks": [check.to_dict() for check in checks]})
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
        if format_ == "csv":
            say_what_lacks(found)
