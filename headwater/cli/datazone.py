"""Amazon DataZone (SageMaker Catalog): headwater datazone."""

from __future__ import annotations

import re
import sys
from pathlib import Path

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
from headwater.cli.glue_catalog import tell_calls
from headwater.errors import Unreachable, WrongUse
from headwater.translation import translated

_DOMAIN = re.compile(r"dzd[-_][a-zA-Z0-9_-]{1,36}")


@click.group(epilog="Example: headwater datazone import dzd-abc123 --region eu-west-1")
def datazone() -> None:
    """Amazon DataZone (SageMaker Catalog): bring in what others posted, and the business glossary.

    Publishing is `headwater publish`.
    """


_EXAMPLE = "Example: headwater datazone import dzd_4p9n6sw4qt9xgn --region eu-west-1 --since 2026-03-01"


@datazone.command("import", epilog=_EXAMPLE)
@click.argument("domain")
@click.option("--since", metavar="TIME", help="only events with a time after this one (2026-03-01, 2026-03-01T08:00Z)")
@click.option("--again", is_flag=True, help="begin anew, not after the last event that was imported")
@click.option("--region", metavar="REGION", help="AWS region (default: from the AWS configuration)")
@click.option("--endpoint-url", "endpoint", metavar="URL", help="AWS endpoint to use instead of the public one")
@json_option
@source_options
def import_(  # noqa: PLR0913 - options of the command line
    domain: str,
    *,
    since: str | None,
    again: bool,
    region: str | None,
    endpoint: str | None,
    as_json: bool,
    data: Path,
    store: str | None,
    server: str | None,
) -> None:
    """Bring in the lineage events that others posted to DOMAIN: Glue, Redshift, Airflow, own code.

    The next import goes on where this one ended. Exit code 1: some were refused, or DataZone could not process them.
    """
    from headwater.aws_bridge.datazone import Busy, Domain
    from headwater.aws_bridge.session import AwsError, NotInstalled
    from headwater.datazone import import_events
    from headwater.queries.tracing.as_of import milliseconds

    _refuse_unless_domain(domain)
    at = milliseconds(since, "since") if since is not None else 0
    if at is None:
        raise WrongUse(f"--since {since!r} is no time: expected 2026-03-01 or 2026-03-01T08:00Z")
    try:
        opened = Domain.connect(domain, region, endpoint)
        with asking(data, store, server, create=True) as source:
            with progress("importing") as step:
                found = import_events(source, opened, data, since=at, again=again, progress=step)
            with progress("bringing the graph up to date") as step:
                source.settle(step)
    except Busy as error:
        raise Unreachable(str(error)) from error
    except (AwsError, NotInstalled) as error:
        raise WrongUse(str(error)) from error
    if as_json:
        print_json(found.to_dict())
    else:
        click.echo(
            f"{found.events:,} new events, {found.known:,} already known, {found.own:,} that a Headwater published,"
            f" {found.waiting:,} that DataZone still processes"
        )
        for event in found.failed:
            click.echo(f"failed: DataZone could not process {event}, and gives no reason", err=True)
        for one in found.refused:
            click.echo(safe(f"refused {one['event']}: {one['reason']}"), err=True)
    if found.failed or found.refused:
        sys.exit(1)


def _refuse_unless_domain(domain: str) -> None:
    if not _DOMAIN.fullmatch(domain):
        raise WrongUse(f"{domain[:100]!r} is no domain of DataZone: expected dzd_..., as its console shows it")


@datazone.command(epilog="Example: headwater datazone sync dzd_4p9n6sw4qt9xgn --region eu-west-1 --dry-run")
@click.argument("domain")
@click.option("--dry-run", is_flag=True, help="say what would be sent, and send nothing")
@json_option
@aws_options
@source_options
def sync(  # noqa: PLR0913 - options of the command line
    domain: str,
    *,
    dry_run: bool,
    as_json: bool,
    region: str | None,
    profile: str | None,
    endpoint: str | None,
    data: Path,
    store: str | None,
    server: str | None,
) -> None:
    """Send what the catalogue of DOMAIN says of tables and columns: names, descriptions, glossary terms, owners.

    A term is a tag (term=GLOSSARY/TERM), the project that owns an asset another one (owner=PROJECT). What DataZone does
    not list any more is withdrawn. Exit code 1: something may not be read.
    """
    from headwater import datazone_catalog
    from headwater.aws_bridge.datazone_catalog_client import DomainCatalog

    _refuse_unless_domain(domain)
    with asking(data, store, server, create=True) as source, progress("reading the catalogue") as step, translated():
        read = datazone_catalog.sync(DomainCatalog(domain, region, profile, endpoint), source, step, dry_run=dry_run)
        source.settle(step)
    done = read.synced
    if as_json:
        print_json(read.to_dict())
    else:
        shown = [(row.scope, row.outcome, row.reason or "") for row in done.rows if row.outcome != "unchanged"]
        if shown:
            print_table(("scope", "what", "reason"), shown)
        click.echo(
            f"{read.assets:,} assets of {read.projects:,} projects, {read.columns:,} columns of which they tell,"
            f" {read.terms:,} terms"
        )
        if read.without_place:
            click.echo(f"{len(read.without_place):,} assets are no tables and no files: they are left out")
        tell_calls(done)
    if done.left_out or done.count("not read", "refused"):
        raise click.exceptions.Exit(1)
