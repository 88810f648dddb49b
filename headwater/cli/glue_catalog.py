"""The Glue Data Catalog in the graph: headwater glue-catalog sync."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater.cli.common import (
    asking,
    aws_options,
    json_option,
    print_json,
    print_table,
    progress,
    safe,
    source_options,
)
from headwater.translation import translated

if TYPE_CHECKING:
    from headwater.snapshot_sending import Synced

_EXAMPLES = """\
\b
Example: headwater glue-catalog sync --region eu-west-1 --dry-run
         headwater glue-catalog sync --region eu-west-1 --database 'sales_*' --lake-formation
"""


@click.group("glue-catalog", epilog=_EXAMPLES)
def glue_catalog() -> None:
    """Bring the tables and columns that the AWS Glue Data Catalog lists into the graph."""


@glue_catalog.command(epilog=_EXAMPLES)
@click.option("--database", "pattern", default="*", show_default=True, metavar="PATTERN", help="only these databases")
@click.option("--catalog-id", "catalog", metavar="ID", help="account whose catalog is read (default: the caller's)")
@click.option("--all-catalogs", is_flag=True, help="also the catalogs in it: S3 Tables, Redshift, federated ones")
@click.option("--statistics", is_flag=True, help="also column statistics: a call for each table")
@click.option("--versions", is_flag=True, help="also what columns were earlier: a call for each table that changed")
@click.option("--views", is_flag=True, help="also what the columns of views are made of, by their texts: no calls")
@click.option("--partitions", is_flag=True, help="also partitions elsewhere than their table: a call for each 1,000")
@click.option("--snapshots", is_flag=True, help="also which snapshots Iceberg tables keep: a file of S3 for each")
@click.option("--lake-formation", is_flag=True, help="also tags and permissions of Lake Formation")
@click.option("--dry-run", is_flag=True, help="say what would be sent, and send nothing")
@json_option
@aws_options
@source_options
def sync(  # noqa: PLR0913 - the options of the command
    *,
    pattern: str,
    catalog: str | None,
    all_catalogs: bool,
    statistics: bool,
    versions: bool,
    views: bool,
    partitions: bool,
    snapshots: bool,
    lake_formation: bool,
    dry_run: bool,
    as_json: bool,
    region: str | None,
    profile: str | None,
    endpoint: str | None,
    data: Path,
    store: str | None,
    server: str | None,
) -> None:
    """Send each database of the catalog that changed since the last sync.

    A table that no job ever wrote is in the graph then, and every table is found by its name (sales.orders) and its
    ARN. What the catalog does not list any more is withdrawn. Needs glue:GetDatabases and glue:GetTables.
    """
    import headwater
    from headwater import glue_catalog as syncing
    from headwater.aws_bridge.glue_catalog_client import GlueCatalog
    from headwater.aws_bridge.lake_formation_client import LakeFormation
    from headwater.openlineage_bridge.emit import producer

    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # what cannot be parsed is counted, with its reason
    options = syncing.Options(pattern, all_catalogs, statistics, versions, views, partitions, snapshots, dry_run)
    with asking(data, store, server, create=True) as source, progress("reading the catalog") as step, translated():
        lake = LakeFormation(region, profile, endpoint) if lake_formation else None
        done = syncing.sync(
            GlueCatalog(region, profile, endpoint, catalog),
            source,
            options,
            step,
            lake,
            data,
            producer(headwater.__version__),
        )
        source.settle(step)
    _tell(done, as_json=as_json)


def _tell(done: Any, *, as_json: bool) -> None:
    """What was done. Exit code 1: something could not be read."""
    if as_json:
        print_json(done.to_dict())
    else:
        shown = [row for row in done.rows if row.outcome != "unchanged"]
        if shown:
            cells = [
                (row.source, row.scope, row.outcome, f"{row.tables:,}", f"{row.columns:,}", row.reason or "")
                for row in shown
            ]
            print_table(("source", "scope", "what", "tables", "columns", "reason"), cells)
        unchanged = done.count("unchanged")
        listed = [row for row in done.rows if row.source == "glue"]
        tables, columns = (sum(getattr(row, name) for row in listed) for name in ("tables", "columns"))
        formats = ", ".join(f"{name} {count:,}" for name, count in sorted(done.formats.items()))
        click.echo(safe(f"{tables:,} tables, {columns:,} columns ({formats}); {unchanged:,} scopes as they were"))
        if done.views is not None:
            views = done.views
            click.echo(f"{views.read:,} views ({views.partly:,} without their columns), {views.events:,} new events")
            for reason, (count, _) in sorted(views.reasons.items()):
                click.echo(safe(f"  {count:,} x {reason}"), err=True)
        tell_calls(done)
    if done.left_out or done.count("not read", "refused"):
        raise click.exceptions.Exit(1)


def tell_calls(done: Synced) -> None:
    """How many calls a sync made, and what it may not read."""
    busy = f", {done.retries:,} of them again because AWS was busy" if done.retries else ""
    click.echo(f"{sum(done.calls.values()):,} calls to AWS{busy}")
    for sentence in done.left_out:
        click.echo(safe(f"left out: {sentence}"), err=True)
