"""The command receive: a receiver without ledger and graph, before an inbox in S3."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import click

from headwater.cli.common import aws_options, data_option, safe
from headwater.cli.move import made_folder, placed
from headwater.cli.serve import (
    access_log_option,
    allow_host_option,
    bootstrap_option,
    check_tls,
    host_option,
    keep_bootstrap_token,
    log_options,
    metrics_options,
    port_option,
    tls_of,
    tls_options,
    told_elsewhere,
)
from headwater.errors import Unreachable
from headwater.settings import PORT
from headwater.translation import translated

__all__ = ["receive"]

_THREADS = 16  #: as `ingest.inbox.writing.THREADS`, which is imported only when the command runs


@click.command(epilog="Example: headwater receive --inbox s3://BUCKET/inbox --port 9090")
@click.option(
    "--inbox",
    envvar="HEADWATER_INBOX",
    required=True,
    metavar="DIR|S3",
    help="where payloads are written to: s3://BUCKET/PREFIX or a folder [HEADWATER_INBOX]",
)
@data_option
@host_option
@port_option(PORT)
@allow_host_option
@bootstrap_option
@tls_options
@access_log_option
@log_options
@metrics_options
@aws_options
def receive(  # noqa: PLR0913 - one parameter for each option
    inbox: str,
    *,
    data: Path,
    host: str,
    port: int,
    allow_host: tuple[str, ...],
    bootstrap: Path | None,
    access_log: str | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
    **aws: Any,
) -> None:
    """Receive execution plans and events into an inbox, until Ctrl-C or SIGTERM. It keeps no ledger and no graph.

    Each payload is validated, secrets are taken out, and it is acknowledged when its file is stored; 503 while S3 does
    not answer. `headwater ingest` makes a ledger of what is in the inbox. The data folder holds the tokens alone.
    """
    from headwater.ingest.process import logs
    from headwater.ingest.process.inbox_server import InboxServerSettings
    from headwater.ingest.process.inbox_server import receive as run

    logs.set_up()
    check_tls(tls_certificate, tls_key)
    made_folder("--inbox", inbox)
    if bootstrap is not None:
        keep_bootstrap_token(data, bootstrap)

    def ready(url: str) -> None:
        click.echo(f"Headwater receives at {url} into {inbox}")
        to = told_elsewhere(url, host, allow_host)
        click.echo(
            safe(f"Spline agents send to {to}/producer, OpenLineage's clients to {to}/api/v1/lineage; Ctrl-C stops")
        )

    with placed(inbox, **aws, connections=_THREADS) as storage:
        pass  # opened; its errors are translated when it is written to
    try:
        with translated():
            tls = tls_of(tls_certificate, tls_key)
            run(InboxServerSettings(storage, data, host, port, allow_host, access_log, tls, ready))
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES):
            raise
        raise Unreachable(f"{host}:{port} cannot be listened on: {error.strerror}") from error
