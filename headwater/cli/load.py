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
from headwater.moving_in import URLS, Copy, Refuse, copy_of, sql_dumps
from headwater.temporary import TemporaryFolder

_S3 = "s3://"


def _account(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    from headwater.graphmodel.accounts import is_account

    if given is not None and not is_account(given):
        raise click.BadParameter("expected 12 digits, or 1 to 64 lower-case letters, digits, dots, hyphens and _")
    return given


@click.command(epilog="Example: headwater load lineage/ plans.ndjson.gz s3://BUCKET/spool")
@click.argument("places", nargs=-1, required=True, metavar="FILE|FOLDER|URL...")
@click.option(
    "--account",
    metavar="ID",
    callback=_account,
    help="all of it is of this account: the 12 digits of an AWS account, or a team's name; what says that it is of"
    " another one is refused",
)
@json_option
@source_options
@aws_options
def load(
    places: tuple[str, ...],
    account: str | None,
    data: Path,
    store: str | None,
    server: str | None,
    *,
    as_json: bool,
    **aws: Any,
) -> None:
    """Load recorded payloads: Spline's plans and events, OpenLineage events, the agents' spools and _LINEAGE files.

    Also what other systems have: a dump of a Spline server's database (arangodump), Marquez (marquez+http://HOST:5000,
    or a file of pg_dump), a Kafka topic (kafka://HOST:9092/TOPIC), exports of DataHub and OpenMetadata.

    JSON or NDJSON, gzip or not. They are sent to the running server, or written to the ledger if none runs. In a
    folder, or below an s3:// prefix, other files are skipped. A file that you name yourself must be a payload: if not,
    it is reported and the exit code is 1.
    """
    missing = [place for place in places if not place.startswith((_S3, *URLS)) and not Path(place).exists()]
    if missing:
        raise WrongUse(f"there is no {missing[0]}")
    from headwater.ingest.process.memory import PLANS, collect_rarely

    collect_rarely(PLANS)
    unread: list[dict[str, str]] = []

    def refuse(place: str, reason: str) -> None:
        unread.append({"place": place, "reason": reason})

    with _here(places, aws, refuse) as (paths, urls), asking(data, store, server, create=True) as source:
        with progress("loading") as step:
            loaded = _named(source.load(paths, step, account), urls)
        loaded.refused[:0] = unread
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
def _here(places: Sequence[str], aws: dict[str, Any], refuse: Refuse) -> Iterator[tuple[list[Path], dict[str, str]]]:
    """The places as local paths, with S3 prefixes copied to temporary files; and for each copy the URL it is of."""
    from headwater.ingest.intake.loading import files

    paths, urls = list[Path](), dict[str, str]()
    with ExitStack() as copies:

        def copied(place: str, copy: Copy) -> None:
            folder = Path(copies.enter_context(TemporaryFolder()))
            with progress(f"reading {safe(place)}") as step:
                copies_of = copy(folder, step, refuse)
            urls.update({str(file): f"{place}, {file.stem}" for file in copies_of})
            paths.extend(copies_of)

        for place in places:
            copy = None if place.startswith(_S3) else copy_of(place)
            if copy is not None:
                copied(place, copy)
            elif place.startswith(_S3):
                folder, of_objects = copies.enter_context(_copied(place, aws))
                urls |= of_objects
                paths.append(folder)
            else:
                paths.append(Path(place))
                dumps = sql_dumps(place)
                if Path(place).is_dir() and not dumps and not files([Path(place)]):
                    kinds = "no file whose name ends in .json, .ndjson, .jsonl or .sql (or these with .gz), no _LINEAGE"
                    click.echo(safe(f"there is nothing to load in {place}: {kinds}"), err=True)
                for file, dump in dumps:
                    try:
                        copied(file, dump)
                    except (WrongUse, OSError) as error:
                        refuse(file, error.message if isinstance(error, WrongUse) else f"cannot be read: {error}")
        yield paths, urls


@contextmanager
def _copied(url: str, aws: dict[str, Any]) -> Iterator[tuple[Path, dict[str, str]]]:
    """A temporary folder with the payloads below a prefix in S3, and the URL of each file. WrongUse: there are none.

    Whoever may write to the bucket chooses the keys, so no part of a key becomes part of a path: files are numbered.
    """
    from headwater.ingest.intake.loading import could_be, local_name

    with placed(url, **aws) as place, place.scratch() as folder, progress(f"reading {url}") as step:
        wanted = [name for name in place.names() if could_be(name.rpartition("/")[2])]
        if not wanted:
            raise WrongUse(f"there are no payloads in {url}")
        urls = dict[str, str]()
        for number, name in enumerate(wanted, start=1):
            path = folder / _account_folder(name) / local_name(number, name)
            path.parent.mkdir(exist_ok=True)
            with place.open(name) as body, path.open("wb") as file:
                shutil.copyfileobj(body, file)
            urls[str(path)] = f"{url.rstrip('/')}/{name}"
            step(number, len(wanted))
        yield folder, urls


def _account_folder(name: str) -> str:
    """The folder of an account in which an object lies; of an inbox's names this part alone says something."""
    from headwater.ingest.intake.accounts import FOLDER, account_of

    try:
        account = account_of(name)
    except ValueError:  # it is refused where it is read, as a file on disk is
        return f"{FOLDER}?"
    return f"{FOLDER}{account}" if account else ""


def _named(loaded: Loaded, urls: dict[str, str]) -> Loaded:
    """The same, with the URLs of objects instead of their temporary copies."""

    def place(text: str) -> str:
        path, colon, line = text.rpartition(":")
        return urls.get(text) or (f"{urls[path]}{colon}{line}" if path in urls else text)

    return replace(loaded, refused=[{**each, "place": place(each["place"])} for each in loaded.refused])
