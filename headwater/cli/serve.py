"""Running a server, and the tokens that let senders and readers in."""

from __future__ import annotations

import errno
import logging
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headwater.cli.common import data_option, json_option, print_json, print_table, store_option
from headwater.errors import Unreachable, WrongUse
from headwater.settings import PORT
from headwater.translation import translated

if TYPE_CHECKING:
    from headwater.ingest.process.graph_process import GraphProcess
    from headwater.ingest.process.server import ServerSettings


@click.command(epilog="Example: headwater serve --port 9090")
@data_option
@store_option
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="address to listen on; any but loopback needs tokens"
)
@click.option("--port", type=click.IntRange(0, 65_535), default=PORT, show_default=True, help="0 takes a free one")
@click.option("--allow-host", multiple=True, metavar="NAME", help="a name that the Host header may have; repeatable")
@click.option("--allow-origin", multiple=True, metavar="URL", help="an origin that may send; repeatable")
@click.option("--take-over", is_flag=True, help="write a remote graph even if another data folder does; it stops there")
def serve(
    data: Path,
    store: str | None,
    host: str,
    port: int,
    allow_host: tuple[str, ...],
    allow_origin: tuple[str, ...],
    *,
    take_over: bool,
) -> None:
    """Receive plans, keep them, answer questions; until Ctrl-C or SIGTERM, which drain first."""
    from headwater.ingest.process.graph_process import GraphProcess

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("gremlinpython").setLevel(logging.WARNING)
    # First of all: it gets ready while this process does.
    with closing(GraphProcess.start(data, store, take_over=take_over)) as graph:
        from headwater.ingest.process.server import ServerSettings

        ready = partial(_ready, data, store)
        _serve(ServerSettings(data, store, host, port, allow_host, allow_origin, ready), graph)


def _serve(settings: ServerSettings, graph: GraphProcess) -> None:
    from headwater.ingest.http.auth import TokensRequired
    from headwater.ingest.process.server import serve as run

    try:
        with translated():
            run(settings, graph)
    except TokensRequired as error:
        raise WrongUse(str(error)) from error
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES):
            raise
        raise Unreachable(f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}") from error


def _ready(data: Path, store: str | None, url: str) -> None:
    click.echo(f"Headwater at {url}  (data in {data})")
    if store is None or store.startswith("embedded:"):
        click.echo(f"Gremlin clients ask at {url.replace('http', 'ws', 1)}/gremlin")
    click.echo(f"Spline agents send to {url}/producer; Ctrl-C stops")


@click.group(epilog="Example: headwater token add --scope write glue")
def token() -> None:
    """Tokens for senders and readers; needed for any address but loopback."""


@token.command("add", epilog="Example: headwater token add --scope read dashboards")
@click.argument("name")
@click.option("--scope", type=click.Choice(["write", "read", "annotate", "admin"]), required=True, help="what it opens")
@data_option
def add(name: str, scope: str, data: Path) -> None:
    """Make a token for NAME and print it, this once: only its hash is kept.

    \b
    write     for agents: send plans and events; it opens nothing else, since parameters of jobs show it to many
    read      for people and tools that ask: lineage, queries, metrics, Gremlin
    annotate  for people who also tag, own, describe, retire and ignore: read, and statements
    admin     everything
    """  # noqa: D301 - click's mark for lines that stay as they are
    from headwater.ingest.http.authenticator import SCOPES
    from headwater.ingest.http.tokens import TokenStore

    chosen = next(known for known in SCOPES if known == scope)
    try:
        with translated():
            click.echo(TokenStore(data).add(chosen, name))
    except ValueError as error:
        raise WrongUse(str(error)) from error


@token.command("list", epilog="Example: headwater token list --json")
@json_option
@data_option
def list_(data: Path, as_json: bool) -> None:
    """The tokens there are, without themselves."""
    from headwater.ingest.http.tokens import TokenStore

    with translated():
        found = TokenStore(data).list()
    if as_json:
        print_json([{"name": t.name, "scopes": list(t.scopes), "created": t.created_ms} for t in found])
        return
    print_table(("name", "scopes"), ((known.name, ", ".join(known.scopes)) for known in found))


@token.command("revoke", epilog="Example: headwater token revoke dashboards")
@click.argument("name")
@data_option
def revoke(name: str, data: Path) -> None:
    """Let the tokens of NAME open nothing any more, from now on."""
    from headwater.ingest.http.tokens import TokenStore

    with translated():
        found = TokenStore(data).revoke(name)
    if not found:
        raise WrongUse(f"there is no token of {name!r}")
