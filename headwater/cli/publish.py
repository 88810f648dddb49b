"""Lineage given out: headwater publish."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from headwater.cli.common import data_option, json_option, print_json, progress, safe, store_option
from headwater.settings import PUBLISH_TOKEN

_EXAMPLES = """\
\b
Example: headwater publish --to http://marquez:5000
         headwater publish --to runs.ndjson --since 2026-03-01
         headwater publish --to 'datazone://dzd_4p9n6sw4qt9xgn?region=eu-west-1' --follow
         headwater publish --to https://lineage.example.com --node s3://lake/mart/orders --follow
"""


@click.command(epilog=_EXAMPLES)
@click.option(
    "--to",
    required=True,
    metavar="TARGET",
    help="http[s]://HOST[/PATH] of an OpenLineage backend (without a path: /api/v1/lineage), datazone://DOMAIN-ID, a"
    f" file, or - for standard output [token of a backend: {PUBLISH_TOKEN.variable}]",
)
@click.option(
    "--since", metavar="TIME", help="only runs that ended at this time or later (2026-03-01, 2026-03-01T08:00Z)"
)
@click.option(
    "--node", metavar="NODE", help="only runs that touch the lineage of this dataset or column, on both sides"
)
@click.option("--again", is_flag=True, help="begin at the first entry, not where the last start ended")
@click.option("--follow", is_flag=True, help="go on as entries come, until Ctrl-C")
@json_option
@data_option
@store_option
def publish(  # noqa: PLR0913 - options of the command line
    to: str,
    *,
    since: str | None,
    node: str | None,
    again: bool,
    follow: bool,
    as_json: bool,
    data: Path,
    store: str | None,
) -> None:
    """Publish runs as OpenLineage events to TARGET: a START and a COMPLETE or FAIL of each, with column lineage.

    The next start goes on where this one ended, a target that is away is tried again. Each run is published at least
    once, always under the same run id. A server may run on the folder. Exit codes: 0 done; 1 the target refused some
    runs (they are listed, and not sent again); 2 wrong use; 3 the target cannot be reached.
    """
    from headwater import publishing
    from headwater.ingest.process.memory import collect_rarely
    from headwater.source import find

    collect_rarely()

    stop = threading.Event() if follow else None
    if stop is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
    with progress("publishing") as step:
        found = publishing.publish(
            data,
            to,
            since=since,
            node=node,
            asking=lambda: find(data, store, create=False),
            store=store,
            again=again,
            stop=stop,
            progress=step,
        )
    if as_json:
        print_json(
            {
                "to": found.place,
                "entry": found.entry,
                "runs": found.runs,
                "events": found.events,
                "refused": [one._asdict() for one in found.refused],
            }
        )
    else:
        told = f"{found.runs:,} runs ({found.events:,} events) published to {found.place}, up to entry {found.entry:,}"
        click.echo(safe(told), err=to == "-")
        for one in found.refused:
            click.echo(safe(f"refused: {one.what} of entry {one.sequence}: {one.reason}"), err=True)
    if found.refused:
        raise click.exceptions.Exit(1)
