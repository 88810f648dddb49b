"""Commands that move a graph to Amazon Neptune: export, bulk-load; and what commands share that use S3."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater.cli.common import (
    Command,
    asking,
    aws_options,
    data_option,
    json_option,
    print_json,
    progress,
    safe,
    store_option,
)
from headwater.errors import WrongUse
from headwater.source import has_ledger
from headwater.translation import translated

if TYPE_CHECKING:
    from headwater.aws_bridge.neptune_loader import LoadError, Status
    from headwater.ingest.ledger.port import LedgerReader
    from headwater.ingest.places.file_storage import ObjectStorage
    from headwater.ingest.progress import Progress

_MB = 2**20
_ERRORS_SHOWN = 20


@click.command(epilog="Example: headwater export --format neptune-csv s3://BUCKET/lineage")
@click.argument("target", metavar="DIR|S3")
@click.option("--format", "form", type=click.Choice(["neptune-csv"]), required=True, help="what the files are for")
@click.option(
    "--split",
    type=click.IntRange(1),
    default=256,
    show_default=True,
    metavar="MB",
    help="size of a file before compression, at most",
)
@json_option
@data_option
@store_option
@aws_options
def export(target: str, *, form: str, split: int, as_json: bool, data: Path, store: str | None, **aws: Any) -> None:
    """Write the graph as files to DIR or s3://BUCKET/PREFIX, which must be empty. Works while a server runs.

    neptune-csv: graph/ has vertices and edges for Neptune's bulk loader; ledger/ has one vertex that marks the graph
    as complete, and has to be loaded last. `headwater bulk-load` does both.
    """
    from headwater.ingest.folder.exporting import export_neptune_csv

    has_ledger(data)
    with asking(data, store, None) as source:
        with progress("bringing the graph up to date") as step:
            source.settle(step)
        with placed(target, **aws) as place, translated(), progress("exporting") as step:
            done = export_neptune_csv(data, place, step, split=split * _MB, store=store)
    if as_json:
        print_json(done.to_dict())
        return
    vertices, edges = done.written.vertices.total(), done.written.edges.total()
    files = f"{done.written.files:,} files ({done.written.bytes:,} bytes)"
    what = f"{vertices:,} vertices and {edges:,} edges in {files} in {target}"
    click.echo(safe(f"{what}: the graph up to entry {done.applied:,}"))


_BULK_LOAD = """\
Example: headwater bulk-load s3://BUCKET/lineage --region eu-west-1 \\
             --cluster NAME.cluster-ID.eu-west-1.neptune.amazonaws.com \\
             --iam-role arn:aws:iam::123456789012:role/NeptuneLoadFromS3
"""


@click.command(epilog=_BULK_LOAD)
@click.argument("source", metavar="S3")
@click.option("--cluster", required=True, metavar="HOST", help="the cluster's endpoint, HOST[:8182]")
@click.option("--iam-role", "role", required=True, metavar="ARN", help="role of the cluster that may read the bucket")
@click.option(
    "--mode",
    type=click.Choice(["auto", "resume", "new"]),
    default="auto",
    show_default=True,
    help="resume: go on with a load of the same files that failed; new: start again; auto: resume if there is one",
)
@click.option(
    "--parallelism",
    type=click.Choice(["low", "medium", "high", "oversubscribe"]),
    default="high",
    show_default=True,
    help="how much of the cluster it may take",
)
@click.option("--load-id", "load", metavar="ID", help="wait for this load, started before, and then load the rest")
@json_option
@aws_options
def bulk_load(source: str, *, cluster: str, load: str | None, as_json: bool, **how: Any) -> None:
    """Load an export at s3://BUCKET/PREFIX into an empty Neptune cluster, and wait for it. Exit code 1 if it fails.

    The graph is loaded first; only if all of it is there, the vertex that marks it as complete. Ctrl-C ends the
    waiting, not the load in Neptune.
    """
    from headwater.aws_bridge.neptune_loader import Loader, Request, endpoint_of
    from headwater.aws_bridge.s3 import split
    from headwater.aws_bridge.session import Session
    from headwater.ingest.folder.bulk_loading import bulk_load as begin

    with translated(), progress("loading files") as step:
        split(source)
        session = Session(how["region"], how["profile"])
        if session.region is None:
            raise WrongUse("--region is needed: the one of the bucket and the cluster")
        request = Request(session.region, how["role"], how["mode"].upper(), how["parallelism"].upper())
        loader = Loader(session, how["endpoint"] or endpoint_of(cluster))
        ended = list(begin(loader, source, request, _telling(step), load=load))
        errors = list(islice(chain.from_iterable(loader.errors(status.load) for status in ended), _ERRORS_SHOWN))
    _show(ended, errors, as_json=as_json)
    if not ended[-1].complete:
        click.echo(
            "the load failed; what it had loaded stays in the cluster. Remove the cause, then run this again", err=True
        )
        sys.exit(1)


def _show(ended: list[Status], errors: list[LoadError], *, as_json: bool) -> None:
    if as_json:
        print_json({"loads": [status.to_dict() for status in ended], "errors": list(map(vars, errors))})
        return
    for status in ended:
        click.echo(safe(f"{status.source}: {status.state}, {status.records:,} records in {status.seconds:,} s"))
    for error in errors:
        click.echo(safe(str(error)), err=True)


def _telling(step: Progress) -> Callable[[Status], None]:
    """A callback that prints the id of each load once, and then moves the progress bar by its files."""
    told: set[str] = set()

    def tell(status: Status) -> None:
        if status.load not in told:
            told.add(status.load)
            click.echo(
                safe(f"load {status.load} of {status.source}; --load-id {status.load} follows it again"), err=True
            )
        step(status.files, status.all_files)

    return tell


@contextmanager
def placed(
    target: str, region: str | None, profile: str | None, endpoint: str | None, *, connections: int = 10
) -> Iterator[ObjectStorage]:
    """Open a folder or a prefix in S3, for so many threads. Its errors become `WrongUse` or `Unreachable`."""
    from headwater.ingest.places.file_storage import open_storage

    try:
        with translated():
            yield open_storage(target, region, profile, endpoint, connections=connections)
    except OSError as error:
        raise WrongUse(f"{target} cannot be used: {error.strerror}") from error


def made_folder(option: str, where: str) -> None:
    """Make the folder of an option where there is none; of a prefix in S3 nothing. WrongUse: it cannot be one."""
    if where.startswith("s3://"):
        return
    from headwater.ingest.places.file_storage import make_private

    try:
        make_private(Path(where))
    except FileExistsError:
        raise WrongUse(safe(f"{option}: {where} is no folder")) from None
    except OSError as error:
        raise WrongUse(safe(f"{option}: {where} cannot be made: {error.strerror}")) from error
    if not os.access(where, os.W_OK | os.X_OK):
        raise WrongUse(safe(f"{option}: {where} cannot be written by this user"))


def ledger_option(function: Command) -> Command:
    """``--ledger DIR|S3``."""
    return click.option(
        "--ledger",
        metavar="DIR|S3",
        help="a ledger in files, at s3://BUCKET/PREFIX or in a folder, instead of the one in the data folder",
    )(function)


def keys_option(function: Command) -> Command:
    """``--keys DIR|S3``."""
    return click.option(
        "--keys",
        envvar="HEADWATER_KEYS",
        metavar="DIR|S3",
        help="where the keys of a ledger in files are, if its bodies are encrypted [HEADWATER_KEYS]",
    )(function)


@contextmanager
def placed_keys(keys: str | None, aws: dict[str, Any], *, connections: int = 10) -> Iterator[ObjectStorage | None]:
    """`placed` for the place of the keys; None where none is named."""
    with placed(keys, **aws, connections=connections) if keys else nullcontext() as storage:
        yield storage


@contextmanager
def ledger_in_files(where: str, keys: str | None, aws: dict[str, Any]) -> Iterator[LedgerReader]:
    """A ledger at s3://BUCKET/PREFIX or in a folder, for reading. Its errors are those of a command."""
    from headwater.ingest.ledger.segments import ExportedLedger

    with (
        placed(where, **aws) as storage,
        placed_keys(keys, aws) as kept,
        translated(),
        ExportedLedger(storage, kept) as ledger,
    ):
        yield ledger
