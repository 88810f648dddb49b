"""Serving an assistant over the Model Context Protocol."""

from __future__ import annotations

import socket
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headwater.cli.common import safe, source_options
from headwater.client import Client, running
from headwater.errors import Unreachable, WrongUse, extra

if TYPE_CHECKING:
    from headwater.source import Source

_PORT = 9595

_EXAMPLE = """\
\b
Example: headwater mcp --server http://headwater.internal:9090
         headwater mcp --http

An assistant that starts its servers itself takes: {"command": "headwater", "args": ["mcp"]}
"""


@click.command(epilog=_EXAMPLE)
@click.option("--http", is_flag=True, help="serve MCP's streamable HTTP at /mcp, instead of standard input and output")
@click.option("--host", default="127.0.0.1", metavar="HOST", help="with --http: the address to listen on (127.0.0.1)")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=_PORT, help=f"with --http: the port to listen on ({_PORT})"
)
@source_options
def mcp(*, http: bool, host: str, port: int, data: Path, store: str | None, server: str | None) -> None:
    """Let an assistant ask: serve the canned queries as tools of the Model Context Protocol (MCP), read-only.

    With --http a running server is asked, the data folder's own or --server, and each caller's bearer token is handed
    on to it, so that its scopes hold.
    """
    with extra("mcp", "headwater mcp"):
        import anyio
        import uvicorn

        from headwater.ingest.http.addresses import url_elsewhere, url_of
        from headwater.mcp.server import http_app, serve_stdio
    if not http:
        anyio.run(serve_stdio, partial(_opened, data, store, server))
        return
    url = Client(server).url if server else _running(data, store)
    with closing(_listening(host, port)) as listening:
        own = url_of(listening, host=host)
        click.echo(f"MCP server on {own}/mcp; it asks {url}", err=True)
        if elsewhere := url_elsewhere(own, host):
            click.echo(safe(f"From other machines it is {elsewhere}/mcp, or by this machine's address"), err=True)
        settings = uvicorn.Config(http_app(partial(_of_caller, url), host), log_level="warning")
        uvicorn.Server(settings).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    """Unreachable: it cannot be listened on."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        # `create_server` adds the address to the reason, and a name that is not found has no number of an error.
        reason = str(error.strerror).partition(" (while")[0]
        raise Unreachable(f"{host}:{port} cannot be listened on: {reason}") from error


def _opened(data: Path, store: str | None, server: str | None, _token: str | None) -> Source:
    """What is asked for one request over stdio, where the client is the user who started this."""
    from headwater.source import find

    return find(data, store, server, create=False)


def _of_caller(url: str, token: str | None) -> Source:
    """The server, asked with the caller's token alone: never with one of the user who started this."""
    from headwater.source import Remote

    return Remote(Client(url, token, environment=False))


def _running(data: Path, store: str | None) -> str:
    client = running(data, store)
    if client is None:
        raise WrongUse(
            f"--http asks a running server, and none runs on {data}: start `headwater serve`, or name --server"
        )
    return client.url
