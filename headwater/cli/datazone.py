"""Amazon DataZone (SageMaker Catalog): headwater datazone."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

from headwater.cli.common import asking, json_option, print_json, progress, safe, source_options
from headwater.errors import Unreachable, WrongUse

_DOMAIN = re.compile(r"dzd[-_][a-zA-Z0-9_-]{1,36}")


@click.group(epilog="Example: headwater datazone import dzd-abc123 --region eu-west-1")
def datazone() -> None:
    """Amazon DataZone (SageMaker Catalog): bring in what others posted. Publishing is `headwater publish`."""


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

    if not _DOMAIN.fullmatch(domain):
        raise WrongUse(f"{domain[:100]!r} is no domain of DataZone: expected dzd_..., as its console shows it")
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
