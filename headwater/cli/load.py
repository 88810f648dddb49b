"""Bringing recorded payloads in: through the server that runs, else straight into the ledger."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater.cli.common import data_option, json_option, print_json, progress, server_option, store_option
from headwater.client import Client, running
from headwater.errors import WrongUse
from headwater.source import open_service, translated

if TYPE_CHECKING:
    from ingest.loading import Found

_GROUP = 100  #: payloads that share an fsync
_PATHS = {"spline.plan": "/producer/execution-plans", "spline.events": "/producer/execution-events"}


@dataclass
class Tally:
    """What became of the payloads."""

    plans: int = 0
    events: int = 0
    known: int = 0
    refused: list[dict[str, str]] = field(default_factory=list)
    skipped: int = 0

    def count(self, found: Found, *, known: bool) -> None:
        """One that was taken."""
        self.known += known
        if not known:
            self.plans += found.kind == "spline.plan"
            self.events += found.kind == "spline.events"

    def refuse(self, place: str, reason: str) -> None:
        """One that was not."""
        self.refused.append({"place": place, "reason": reason})

    def sentence(self) -> str:
        """For people."""
        parts = [f"{self.plans:,} plans and {self.events:,} events loaded", f"{self.known:,} already known"]
        if self.skipped:
            parts.append(f"{self.skipped:,} other files skipped")
        return "; ".join([*parts, f"{len(self.refused):,} refused"])


@click.command(epilog="Example: headwater load lineage/ plans.ndjson.gz")
@click.argument("places", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE|FOLDER...")
@json_option
@data_option
@store_option
@server_option
def load(places: tuple[Path, ...], data: Path, store: str | None, server: str | None, as_json: bool) -> None:
    """Load recorded plans and events: JSON, NDJSON, the agent's _LINEAGE files, gzip or not.

    Files in folders that are no payloads are skipped; a file named itself is refused, and the exit code is 1.
    """
    missing = [str(place) for place in places if not place.exists()]
    if missing:
        raise WrongUse(f"there is no {missing[0]}")
    client = Client(server) if server else running(data) if store is None else None
    tally = Tally()
    if client is not None:
        _through(client, places, tally)
    else:
        with open_service(data, store) as service:
            _into(service, places, tally)
            with progress("bringing the graph up to date") as step:
                service.catch_up(step)
    _report(tally, as_json=as_json)
    if tally.refused:
        sys.exit(1)


def _through(client: Client, places: Iterable[Path], tally: Tally) -> None:
    seen = before = int(client.get("/api/v1/stats")["entries"])
    for found in _payloads(places, tally):
        try:
            entry = client.post(_PATHS[found.kind], found.body, found.content_type) or 0
        except WrongUse as error:
            tally.refuse(found.place, error.message)
            continue
        # Entries are numbered in order, so an older number is one that the ledger had.
        tally.count(found, known=entry <= seen)
        seen = max(seen, entry)
    if seen > before:
        client.get("/api/v1/stats", [("after", seen)])


def _into(service: Any, places: Iterable[Path], tally: Tally) -> None:
    from ingest.body import Refused
    from ingest.intake import take

    group: list[tuple[Found, Any]] = []
    for found in _payloads(places, tally):
        try:
            entry = take(found.kind, found.content_type, found.body, sender="load").entry
        except Refused as error:
            tally.refuse(found.place, error.sentence)
            continue
        if entry is not None:
            group.append((found, entry))
        if len(group) >= _GROUP:
            _append(service, group, tally)
    _append(service, group, tally)


def _append(service: Any, group: list[tuple[Found, Any]], tally: Tally) -> None:
    with translated():
        appended = service.ledger.append([entry for _, entry in group]) if group else []
    for (found, _), done in zip(group, appended, strict=True):
        tally.count(found, known=done.duplicate)
    group.clear()


def _payloads(places: Iterable[Path], tally: Tally) -> Iterator[Found]:
    from ingest.loading import Found, files, read

    listed = files(places)
    with progress("loading") as step:
        for number, (path, asked) in enumerate(listed, start=1):
            for item in _read(read, path, asked=asked, tally=tally):
                if isinstance(item, Found):
                    yield item
                elif item.asked:
                    tally.refuse(item.place, item.reason)
                else:
                    tally.skipped += 1
            step(number, len(listed))


def _read(read: Callable[..., Iterator[Any]], path: Path, *, asked: bool, tally: Tally) -> Iterator[Any]:
    try:
        yield from read(path, asked=asked)
    except OSError as error:
        tally.refuse(str(path), f"cannot be read: {error.strerror}")


def _report(tally: Tally, *, as_json: bool) -> None:
    if as_json:
        print_json(vars(tally))
        return
    click.echo(tally.sentence())
    for refused in tally.refused:
        click.echo(f"refused {refused['place']}: {refused['reason']}", err=True)


__all__ = ["Tally", "load"]
