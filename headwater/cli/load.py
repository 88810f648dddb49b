"""The command that loads recorded payloads from files, folders and S3."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from headwater.cli.common import asking, aws_options, json_option, print_json, progress, safe, source_options
from headwater.cli.move import placed
from headwater.errors import WrongUse
from headwater.loading import Loaded

_S3 = "s3://"


@click.command(epilog="Example: headwater load lineage/ plans.ndjson.gz s3://BUCKET/spool")
@click.argument("places", nargs=-1, required=True, metavar="FILE|FOLDER|S3...")
@json_option
@source_options
@aws_options
def load(places: tuple[str, ...], data: Path, store: str | None, server: str | None, as_json: bool, **aws: Any) -> None:
    """Load recorded plans and events: JSON, NDJSON, the agents' spools and _LINEAGE files, gzip or not.

    They are sent to the running server, or written to the ledger if none runs. In a folder, or below an s3:// prefix,
    other files are skipped. A file that you name yourself must be a payload: if not, it is reported and the exit code
    is 1.
    """
    missing = [place for place in places if not place.startswith(_S3) and not Path(place).exists()]
    if missing:
        raise WrongUse(f"there is no {missing[0]}")
    with _here(places, aws) as (paths, names), asking(data, store, server, create=True) as source:
        with progress("loading") as step:
            loaded = _named(source.load(paths, step), names)
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


@contextmanager
def _here(places: Sequence[str], aws: dict[str, Any]) -> Iterator[tuple[list[Path], dict[str, str]]]:
    """The places as local paths, with S3 prefixes copied to temporary folders; and for each copy the place it is of."""
    paths, names = list[Path](), dict[str, str]()
    with ExitStack() as copies:
        for place in places:
            path = copies.enter_context(_copied(place, aws)) if place.startswith(_S3) else Path(place)
            names |= {str(path): place.rstrip("/")} if place.startswith(_S3) else {}
            paths.append(path)
        yield paths, names


@contextmanager
def _copied(url: str, aws: dict[str, Any]) -> Iterator[Path]:
    """The payloads below a prefix in S3, copied to a temporary folder. WrongUse: there are none."""
    from headwater.ingest.intake.loading import could_be

    with placed(url, **aws) as place, place.scratch() as folder, progress(f"reading {url}") as step:
        wanted = [name for name in place.names() if could_be(name.rpartition("/")[2])]
        if not wanted:
            raise WrongUse(f"there are no payloads in {url}")
        for number, name in enumerate(wanted, start=1):
            path = folder / name.replace("..", "__")
            path.parent.mkdir(parents=True, exist_ok=True)
            with place.open(name) as body, path.open("wb") as file:
                shutil.copyfileobj(body, file)
            step(number, len(wanted))
        yield folder


def _named(loaded: Loaded, names: dict[str, str]) -> Loaded:
    """The same, with the places that the user named instead of the temporary copies."""

    def place(text: str) -> str:
        return next((text.replace(copy, name, 1) for copy, name in names.items() if text.startswith(copy)), text)

    return replace(loaded, refused=[{**each, "place": place(each["place"])} for each in loaded.refused])
