"""Lineage out of the query histories of SQL engines: headwater sql-history."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import headwater
from headwater.cli.common import asking, aws_options, json_option, print_json, progress, safe, source_options
from headwater.errors import WrongUse
from headwater.ingest.progress import Progress
from headwater.translation import translated

if TYPE_CHECKING:
    from headwater.source import Source
    from headwater.sqlhistory.running import Imported, Options

_SINCE = "only queries that began at this time or later (2026-03-01, 2026-03-01T08:00Z)"
_AGAIN = "begin anew, not after the last query that was imported"
_SHOWN = 10  #: reasons that are printed; --json has all


@click.group("sql-history", epilog="Example: headwater sql-history athena --region eu-west-1")
def sql_history() -> None:
    """Import the query history of a SQL engine: which columns its statements wrote, and from what.

    Needs no agent. Each query that writes becomes OpenLineage events, and goes on where the last import ended.
    """


def history_options(function: Any) -> Any:
    """``--since``, ``--again``, ``--json``, and where the lineage goes."""
    for option in (
        source_options,
        json_option,
        click.option("--again", is_flag=True, help=_AGAIN),
        click.option("--since", metavar="TIME", help=_SINCE),
    ):
        function = option(function)
    return function


_ATHENA = """\
\b
Example: headwater sql-history athena --region eu-west-1 --workgroup primary
         headwater sql-history athena --since 2026-03-01
"""
_GROUP = "work group, several times (default: all)"


@sql_history.command(epilog=_ATHENA)
@click.option("--workgroup", "workgroups", multiple=True, metavar="NAME", help=_GROUP)
@click.option("--no-views", is_flag=True, help="leave out the definitions of views in the Glue Data Catalog")
@history_options
@aws_options
def athena(
    workgroups: tuple[str, ...], *, no_views: bool, region: str, profile: str, endpoint: str, **rest: Any
) -> None:
    """Queries of Amazon Athena, as far back as it keeps them (45 days), with the tables of the Glue Data Catalog."""
    from headwater.aws_bridge.athena import Athena
    from headwater.sqlhistory.running import import_athena

    with translated():
        history = Athena.connect(region, profile, endpoint)
        _run(
            lambda source, data, options, step: import_athena(source, history, data, workgroups, options, step),
            views=not no_views,
            **rest,
        )


_REDSHIFT = """\
\b
Example: headwater sql-history redshift --cluster wh --database shop --db-user lineage
         headwater sql-history redshift --workgroup wg --database shop --since 2026-03-01
"""


@sql_history.command(epilog=_REDSHIFT)
@click.option("--cluster", metavar="NAME", help="the cluster; or")
@click.option("--workgroup", metavar="NAME", help="the work group of Redshift Serverless")
@click.option("--database", metavar="NAME", required=True, help="the database to connect to: its queries are asked for")
@click.option("--db-user", metavar="NAME", help="the user of the database, on a cluster")
@click.option("--secret", metavar="ARN", help="a secret of Secrets Manager with the user's password")
@history_options
@aws_options
def redshift(  # noqa: PLR0913 - options of the command line
    *,
    cluster: str | None,
    workgroup: str | None,
    database: str,
    db_user: str | None,
    secret: str | None,
    region: str,
    profile: str,
    endpoint: str,
    **rest: Any,
) -> None:
    """Queries of Amazon Redshift, out of SYS_QUERY_HISTORY (7 days), through the Data API."""
    from headwater.aws_bridge.redshift import Redshift, Warehouse
    from headwater.sqlhistory.running import import_redshift

    if bool(cluster) == bool(workgroup):
        raise click.UsageError("one of --cluster and --workgroup is needed")
    with translated():
        warehouse = Warehouse(database, cluster, workgroup, db_user, secret)
        history = Redshift.connect(warehouse, region, profile, endpoint, time.sleep)
        _run(lambda source, data, options, step: import_redshift(source, history, data, options, step), **rest)


_SNOWFLAKE = """\
\b
Example: headwater sql-history snowflake access_history.json --account acme-prod

docs/sql-engines.md has the query that makes the file.
"""


@sql_history.command(epilog=_SNOWFLAKE)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--account", required=True, metavar="NAME", help="organization-account, as in its URL: acme-prod")
@history_options
def snowflake(file: Path, *, account: str, **rest: Any) -> None:
    """Rows of Snowflake's ACCESS_HISTORY, exported to FILE as JSON or CSV. Nothing is connected to."""
    from headwater.sqlhistory.running import import_snowflake

    _run(lambda source, data, options, step: import_snowflake(source, file, account, data, options, step), **rest)


Import = Callable[["Source", Path, "Options", Progress], "Imported"]


def _run(  # noqa: PLR0913 - options of the command line
    import_: Import,
    *,
    data: Path,
    store: str | None,
    server: str | None,
    since: str | None,
    again: bool,
    as_json: bool,
    views: bool = True,
) -> None:
    from headwater.openlineage_bridge.emit import producer
    from headwater.sqlhistory.running import Options

    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # what cannot be parsed is counted, with its reason
    options = Options(producer(headwater.__version__), _milliseconds(since), again, views)
    with asking(data, store, server, create=True) as source:
        with progress("importing") as step:
            found = import_(source, data, options, step)
        with progress("bringing the graph up to date") as step:
            source.settle(step)
    _report(found, as_json=as_json)
    if found.refused:
        sys.exit(1)


def _milliseconds(since: str | None) -> int:
    from headwater.queries.tracing.as_of import milliseconds

    at = milliseconds(since, "since") if since is not None else 0
    if at is None:
        raise WrongUse(f"--since {since!r} is no time: expected 2026-03-01 or 2026-03-01T08:00Z")
    return at


def _report(found: Imported, *, as_json: bool) -> None:
    if as_json:
        print_json(found.to_dict())
        return
    counts = found.counts
    click.echo(
        f"{counts.writes:,} queries that write ({counts.partly:,} without their columns), {counts.reads:,} that only"
        f" read, {counts.unread:,} that could not be read; {found.events:,} new events, {found.known:,} already known"
    )
    if found.waiting:
        click.echo(f"{found.waiting:,} queries have not ended: they come with the next import")
    if found.waits:
        click.echo(f"AWS asked for slower calls {found.waits:,} times")
    for note in found.notes:
        click.echo(safe(f"note: {note}"), err=True)
    listed = sorted(counts.reasons.items(), key=lambda one: (-one[1][0], one[0]))
    for reason, (count, query) in listed[:_SHOWN]:
        click.echo(safe(f"  {count:,} x {reason} (such as {query})"), err=True)
    if len(listed) > _SHOWN:
        click.echo(f"  and {len(listed) - _SHOWN:,} other reasons: --json has all", err=True)
    for one in found.refused:
        click.echo(safe(f"refused {one['query']}: {one['reason']}"), err=True)
