"""The command ingest: from an inbox into a ledger in S3, and from there into the graph."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater.cli.common import aws_options, data_option, json_option, print_json, progress, safe, store_option
from headwater.cli.move import made_folder, placed, placed_keys
from headwater.cli.serve import (
    access_log_option,
    allow_host_option,
    bootstrap_option,
    host_option,
    keep_bootstrap_token,
    log_options,
    metrics_options,
    people,
    people_options,
    told_elsewhere,
)
from headwater.translation import translated

if TYPE_CHECKING:
    from headwater.ingest.inbox.reading import InboxReader, Source
    from headwater.ingest.places.file_storage import ObjectStorage
    from headwater.ingest.process.ingesting import Ingester

_THREADS = 16  #: as `ingest.inbox.reading.THREADS`
_EXAMPLE = """\
\b
Example: headwater ingest --inbox s3://BUCKET/inbox --ledger s3://BUCKET/ledger
           --store 'neptune://HOST?region=eu-west-1' --snapshots s3://BUCKET/snapshots
"""


@click.command(epilog=_EXAMPLE)
@click.option(
    "--inbox", envvar="HEADWATER_INBOX", required=True, metavar="DIR|S3", help="inbox to read [HEADWATER_INBOX]"
)
@click.option(
    "--ledger",
    envvar="HEADWATER_LEDGER",
    required=True,
    metavar="DIR|S3",
    help="ledger to write, made if there is none [HEADWATER_LEDGER]",
)
@click.option(
    "--keys",
    envvar="HEADWATER_KEYS",
    metavar="DIR|S3",
    help="encrypt bodies from now on, and keep their keys here, outside of Object Lock [HEADWATER_KEYS]",
)
@click.option(
    "--queue",
    envvar="HEADWATER_QUEUE_URL",
    metavar="URL",
    help="SQS queue that S3 tells of new objects; else the inbox is listed every few seconds [HEADWATER_QUEUE_URL]",
)
@click.option(
    "--snapshots",
    envvar="HEADWATER_SNAPSHOTS",
    metavar="DIR|S3",
    help="where snapshots of the local tables are kept, so that a new machine goes on quickly [HEADWATER_SNAPSHOTS]",
)
@click.option(
    "--port",
    envvar="HEADWATER_PORT",
    type=click.IntRange(0, 65_535),
    help="answer questions too, at this port: the API, the page, Gremlin (default: not) [HEADWATER_PORT]",
)
@host_option
@allow_host_option
@bootstrap_option
@people_options
@access_log_option
@log_options
@metrics_options
@click.option("--once", is_flag=True, help="end when the inbox is empty and the graph is up to date")
@json_option
@data_option
@store_option
@aws_options
def ingest(  # noqa: PLR0913 - one parameter for each option
    inbox: str,
    ledger: str,
    *,
    keys: str | None,
    queue: str | None,
    snapshots: str | None,
    once: bool,
    port: int | None,
    as_json: bool,
    data: Path,
    store: str | None,
    **more: Any,
) -> None:
    """Bring what is in an inbox into a ledger in S3, and the ledger into the graph, until Ctrl-C or SIGTERM.

    One at a time: of two, one stops. An object is removed from the inbox when it is in the ledger; one that is no
    payload is set aside, below parked/, with the reason. The data folder holds what can be made anew: tables, copies
    of segments, the embedded graph where no other store is named, and the tokens of whoever asks at --port.
    """
    from headwater import tracing
    from headwater.ingest.process import emf, logs
    from headwater.ingest.process.memory import PLANS, collect_rarely

    logs.set_up()
    named = {"--inbox": inbox, "--ledger": ledger, "--keys": keys, "--snapshots": snapshots}
    for option, place in named.items():
        if place:
            made_folder(option, place)
    aws = {name: more[name] for name in ("region", "profile", "endpoint")}
    if more["bootstrap"] is not None:
        keep_bootstrap_token(data, more["bootstrap"])
    with ExitStack() as ends:
        ends.enter_context(tracing.sending("ingester"))
        places = [
            ends.enter_context(placed(w, **aws, connections=_THREADS)) for w in (inbox, ledger, snapshots or inbox)
        ]
        kept = ends.enter_context(placed_keys(keys, aws, connections=_THREADS))
        ends.enter_context(translated())
        made = _ingester(ends, places, kept, data, store, queue, aws, snapshots is not None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: made.stop.set())
        if port is not None:
            from headwater.ingest.process.ingest_api import ApiSettings, answering

            settings = ApiSettings(data, more["host"], port, more["allow_host"], people(more), more["access_log"])
            url = ends.enter_context(answering(settings, made.service))
            click.echo(safe(f"Headwater answers at {url}"), err=True)
            told_elsewhere(url, more["host"], more["allow_host"], err=True)
        click.echo(safe(f"Headwater ingests {inbox} into {ledger}; Ctrl-C stops"), err=True)
        collect_rarely(PLANS)
        with emf.telling(
            {"ingester": emf.Differences(made.counts.told), "graph": partial(emf.of_service, made.service)}
        ):
            made.run(once=once)
        if once:
            with progress("bringing the graph up to date") as step:
                made.service.settle(step)
        if made.snapshots is not None:
            made.save()
    if as_json:
        print_json(vars(made.counts))
    else:
        done = made.counts
        click.echo(f"{done.new:,} new entries, {done.known:,} already known; {done.parked:,} files parked")


def _ingester(  # noqa: PLR0913, PLR0917 - what an ingester is made of
    ends: ExitStack,
    places: list[ObjectStorage],
    keys: ObjectStorage | None,
    data: Path,
    store: str | None,
    queue: str | None,
    aws: dict[str, Any],
    with_snapshots: bool,
) -> Ingester:
    from headwater.ingest.folder.ledger_elsewhere import WORK, note_place
    from headwater.ingest.folder.service import Service
    from headwater.ingest.folder.snapshots import Snapshots, try_to_restore
    from headwater.ingest.inbox.reading import InboxReader
    from headwater.ingest.ledger.ledger import now_ms
    from headwater.ingest.ledger.segment_ledger import SegmentLedger
    from headwater.ingest.process.ingesting import Ingester

    inbox, ledger, kept = places
    work = data / WORK
    snapshots = Snapshots(kept, data, work, store) if with_snapshots else None
    if snapshots is not None:
        try_to_restore(snapshots)
    opened = SegmentLedger.open(ledger, work, now_ms, keys)
    note_place(data, str(ledger))
    with progress("working out the tables") as step:
        service = Service.open(data, store, follows=True, take_over=True, ledger=opened, progress=step)
    ends.callback(service.close)
    ended = threading.Event()
    service.start(lambda _error: ended.set())
    reader = InboxReader(inbox)
    ends.callback(reader.close)
    return Ingester(_source(queue, inbox, reader, aws), reader, opened, service, snapshots, no_memory=ended)


def _source(queue: str | None, inbox: ObjectStorage, reader: InboxReader, aws: dict[str, Any]) -> Source:
    from headwater.ingest.inbox.reading import Listing

    if queue is None:
        return Listing(inbox)
    from headwater.aws_bridge.session import Session
    from headwater.aws_bridge.sqs import Queue, region_of
    from headwater.ingest.inbox.queue import QueuedFiles

    session = Session(region_of(queue) or aws["region"], aws["profile"])
    return QueuedFiles(Queue(session, queue, aws["endpoint"]), inbox, reader)
