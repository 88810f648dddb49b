"""Bringing recorded payloads in."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from headwater.cli.common import asking, json_option, print_json, progress, safe, source_options
from headwater.errors import WrongUse


@click.command(epilog="Example: headwater load lineage/ plans.ndjson.gz")
@click.argument("places", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|FOLDER...")
@json_option
@source_options
def load(places: tuple[Path, ...], data: Path, store: str | None, server: str | None, as_json: bool) -> None:
    """Load recorded plans and events: JSON, NDJSON, the agent's _LINEAGE files, gzip or not.

    Through the server that runs, else straight into the ledger. Files in folders that are no payloads are skipped; a
    file named itself that is none is refused, and the exit code is 1.
    """
    missing = [str(place) for place in places if not place.exists()]
    if missing:
        raise WrongUse(f"there is no {missing[0]}")
    with asking(data, store, server, create=True) as source:
        with progress("loading") as step:
            loaded = source.load(places, step)
        if as_json:
            print_json(loaded.to_dict())
        else:
            click.echo(str(loaded))
            for refused in loaded.refused:
                click.echo(safe(f"refused {refused['place']}: {refused['reason']}"), err=True)
        with progress("bringing the graph up to date") as step:
            source.settle(step)
    if loaded.refused:
        sys.exit(1)
