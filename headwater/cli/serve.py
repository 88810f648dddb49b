"""The commands serve and token: a server, and the tokens that senders and readers need for it."""

from __future__ import annotations

import errno
import logging
import tempfile
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from headwater.cli.common import data_option, json_option, print_json, print_table, safe, store_option
from headwater.errors import Unreachable, WrongUse
from headwater.settings import PORT
from headwater.translation import translated

if TYPE_CHECKING:
    from headwater.ingest.process.graph_process import GraphProcess
    from headwater.ingest.process.server import ServerSettings


def _origins(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    if given:
        from headwater.ingest.http.page import checked_origins

        try:
            return checked_origins(given)
        except ValueError as error:
            raise click.BadParameter(safe(str(error))) from None
    return given


@click.command(epilog="Example: headwater serve --port 9090")
@data_option
@store_option
@click.option(
    "--host",
    envvar="HEADWATER_HOST",
    default="127.0.0.1",
    show_default=True,
    help="address to listen on; other addresses than 127.0.0.1 and ::1 need tokens [HEADWATER_HOST]",
)
@click.option(
    "--port",
    envvar="HEADWATER_PORT",
    type=click.IntRange(0, 65_535),
    default=PORT,
    show_default=True,
    help="port to listen on; 0: any free one [HEADWATER_PORT]",
)
@click.option(
    "--allow-host",
    envvar="HEADWATER_ALLOW_HOST",
    multiple=True,
    metavar="NAME",
    help="host name that requests may use for this server; can be given several times [HEADWATER_ALLOW_HOST]",
)
@click.option(
    "--allow-origin",
    multiple=True,
    metavar="URL",
    help="web origin whose pages may send requests; can be given several times",
)
@click.option(
    "--embed-in",
    multiple=True,
    metavar="URL",
    callback=_origins,
    help="web origin whose pages may show lineage of this server in a frame (/embed); can be given several times",
)
@click.option(
    "--bootstrap-token-file",
    "bootstrap",
    envvar="HEADWATER_BOOTSTRAP_TOKEN_FILE",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="file with a token of the scope admin, so that a first start needs no shell; it is read at each start, and"
    " replaces the one that the file had before [HEADWATER_BOOTSTRAP_TOKEN_FILE]",
)
@click.option("--take-over", is_flag=True, help="write a remote graph even if another data folder does; it stops there")
@click.option("--example", is_flag=True, help="with the demo's seven jobs, in a temporary data folder of its own")
def serve(
    data: Path,
    store: str | None,
    host: str,
    port: int,
    *,
    bootstrap: Path | None,
    take_over: bool,
    example: bool,
    **allowed: tuple[str, ...],
) -> None:
    """Receive execution plans, keep them, and answer questions, until Ctrl-C or SIGTERM.

    Requests that are being answered are finished first. Spline agents send to http://HOST:PORT/producer, OpenLineage's
    clients to http://HOST:PORT/api/v1/lineage.
    """
    from headwater.ingest.process.graph_process import GraphProcess

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("gremlinpython").setLevel(logging.WARNING)
    with ExitStack() as ends:
        if example:
            data, store = _example(ends), None
        if bootstrap is not None:
            _keep_bootstrap_token(data, bootstrap)
        # Before the server's modules are imported: it gets ready while this process does.
        graph = ends.enter_context(closing(GraphProcess.start(data, store, take_over=take_over)))
        from headwater.ingest.process.server import ServerSettings

        ready = partial(_ready, data, store, example=example)
        names = (allowed["allow_host"], allowed["allow_origin"], allowed["embed_in"])
        _serve(ServerSettings(data, store, host, port, *names, ready), graph)


def _keep_bootstrap_token(data: Path, file: Path) -> None:
    """The token in the file is one of the server's, under the name ``bootstrap``. WrongUse: it cannot be one."""
    from headwater.ingest.http.tokens import TokenStore

    try:
        with translated():
            TokenStore(data).keep("admin", "bootstrap", file.read_text(encoding="utf-8").strip())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise WrongUse(f"--bootstrap-token-file: {file}: {reason}") from error


def _example(ends: ExitStack) -> Path:
    """A data folder with the demo's jobs, which is removed when `ends` is closed. UsageError: another one is named."""
    from headwater.demo import load_recorded

    for name in ("data", "store"):
        if click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--example has a data folder of its own: leave out --{name}")
    place = ends.enter_context(tempfile.TemporaryDirectory(prefix="headwater-example-", ignore_cleanup_errors=True))
    load_recorded(Path(place) / "data")
    return Path(place) / "data"


def _serve(settings: ServerSettings, graph: GraphProcess) -> None:
    from headwater.ingest.process.server import serve as run

    try:
        with translated():
            run(settings, graph)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES):
            raise
        raise Unreachable(f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}") from error


def _ready(data: Path, store: str | None, url: str, *, example: bool) -> None:
    click.echo(f"Headwater at {url}  (data in {data})")
    click.echo(f"Look at the lineage in a browser: {url}/")
    if example:
        from headwater.demo import LAST
        from headwater.web import link

        click.echo(f"Seven jobs are loaded. Where a report's column comes from: {link(url, LAST)}")
        click.echo("In another terminal:")
        click.echo(f"    export HEADWATER_SERVER={url}\n    headwater upstream {LAST}")
    if store is None or store.startswith("embedded:"):
        click.echo(f"Gremlin clients ask at {url.replace('http', 'ws', 1)}/gremlin")
    click.echo(f"Spline agents send to {url}/producer; Ctrl-C stops")


@click.group(epilog="Example: headwater token add --scope write glue")
def token() -> None:
    """Tokens for senders and readers of a server: needed if it listens on another address than 127.0.0.1."""


@token.command("add", epilog="Example: headwater token add --scope read dashboards")
@click.argument("name")
@click.option("--scope", type=click.Choice(["write", "read", "annotate", "admin"]), required=True, help="what it opens")
@data_option
def add(name: str, scope: str, data: Path) -> None:
    """Make a token for NAME and print it. It is shown only once: the server keeps its hash alone.

    \b
    write     for agents: send plans and events, no more: a token in the parameters of a job is seen by many
    read      for people and tools that ask: lineage, queries, metrics, Gremlin
    annotate  for people who also tag, own, describe, retire and ignore: read, and statements
    admin     everything
    """  # noqa: D301 - click's mark for lines that stay as they are
    from headwater.ingest.http.authenticator import SCOPES
    from headwater.ingest.http.tokens import TokenStore

    chosen = next(known for known in SCOPES if known == scope)
    tokens = TokenStore(data)
    try:
        with translated():
            first = not tokens.in_use
            click.echo(tokens.add(chosen, name))
    except ValueError as error:
        raise WrongUse(str(error)) from error
    if first:
        click.echo(safe(_FIRST.format(data=data)), err=True)


_FIRST = """\
This is the first token of {data}. From now on its server refuses every request without one, also from this machine:
Spark jobs send theirs with spark.headwater.token, programs as Authorization: Bearer TOKEN, commands on other machines
with HEADWATER_TOKEN. Commands that you run on this data folder go on without."""

_LAST = """\
That was the last token of {data}. Its server still refuses every request without one: add another
(headwater token add), or remove {file} to let in everybody on this machine again."""


@token.command("list", epilog="Example: headwater token list --json")
@json_option
@data_option
def list_(data: Path, as_json: bool) -> None:
    """List the names and scopes of all tokens; the tokens themselves are not kept."""
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
    """Revoke all tokens of NAME, from the next request on."""
    from headwater.ingest.http.tokens import TOKENS_FILE, TokenStore

    tokens = TokenStore(data)
    with translated():
        found, left = tokens.revoke(name), tokens.knows_anybody
    if not found:
        raise WrongUse(f"there is no token of {name!r}")
    if not left:
        click.echo(safe(_LAST.format(data=data, file=data / TOKENS_FILE)), err=True)
