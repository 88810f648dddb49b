"""The command serve: a server, who may ask it and how, and what it logs. The tokens are in `cli.token`."""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from headwater.cli.common import data_option, safe, store_option
from headwater.errors import Unreachable, WrongUse, how_to_install
from headwater.settings import PORT
from headwater.source import refuse_second_ledger
from headwater.temporary import TemporaryFolder
from headwater.translation import translated

if TYPE_CHECKING:
    from headwater.ingest.http.authenticator import Authenticator
    from headwater.ingest.http.tls import TlsFiles
    from headwater.ingest.process.graph_process import GraphProcess
    from headwater.ingest.process.server import ServerSettings


Command = TypeVar("Command", bound=Callable[..., Any])


def host_option(function: Command) -> Command:
    """``--host ADDRESS``."""
    return click.option(
        "--host",
        envvar="HEADWATER_HOST",
        default="127.0.0.1",
        show_default=True,
        help="address to listen on; other addresses than 127.0.0.1 and ::1 need tokens [HEADWATER_HOST]",
    )(function)


def port_option(default: int) -> Callable[[Command], Command]:
    """``--port PORT``."""

    def option(function: Command) -> Command:
        return click.option(
            "--port",
            envvar="HEADWATER_PORT",
            type=click.IntRange(0, 65_535),
            default=default,
            show_default=True,
            help="port to listen on; 0: any free one [HEADWATER_PORT]",
        )(function)

    return option


def allow_host_option(function: Command) -> Command:
    """``--allow-host NAME``."""
    return click.option(
        "--allow-host",
        envvar="HEADWATER_ALLOW_HOST",
        multiple=True,
        metavar="NAME",
        callback=_hosts,
        help="host name that requests may use for this server; can be given several times [HEADWATER_ALLOW_HOST, with"
        " blanks between names]",
    )(function)


def _hosts(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """What is no name of a host would never be one of a request, and nobody would see why."""
    for name in given:
        if not _HOST_NAME.fullmatch(name.strip()):
            raise click.BadParameter(safe(f"expected a host name without scheme, port or comma, not {name!r}"))
    return given


_HOST_NAME = re.compile(r"[\w.-]+|\[?[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*\]?")  # or an address of IPv6


def bootstrap_option(function: Command) -> Command:
    """``--bootstrap-token-file FILE``."""
    return click.option(
        "--bootstrap-token-file",
        "bootstrap",
        envvar="HEADWATER_BOOTSTRAP_TOKEN_FILE",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="file with a token of the scope admin, so that a first start needs no shell; it is read at each start, and"
        " replaces the one that the file had before [HEADWATER_BOOTSTRAP_TOKEN_FILE]",
    )(function)


def metrics_options(function: Command) -> Command:
    """``--metrics emf``, and its namespace; kept in the environment, for child processes as well."""

    def keep(name: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
        def kept(_context: click.Context, _option: click.Parameter, given: str | None) -> None:
            if given is not None:
                os.environ[name] = given

        return kept

    function = click.option(
        "--metrics-namespace",
        envvar="HEADWATER_METRICS_NAMESPACE",
        metavar="NAME",
        expose_value=False,
        callback=keep("HEADWATER_METRICS_NAMESPACE"),
        help="namespace of these metrics in CloudWatch (default: Headwater) [HEADWATER_METRICS_NAMESPACE]",
    )(function)
    return click.option(
        "--metrics",
        envvar="HEADWATER_METRICS",
        type=click.Choice(["emf"]),
        expose_value=False,
        callback=keep("HEADWATER_METRICS"),
        help="write metrics to standard output each minute, as lines of which CloudWatch makes metrics (its embedded"
        " metric format) [HEADWATER_METRICS]",
    )(function)


def access_log_option(function: Command) -> Command:
    """``--access-log FILE``; WrongUse if it cannot be written."""

    def check(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
        _check_access_log(given)
        return given

    return click.option(
        "--access-log",
        envvar="HEADWATER_ACCESS_LOG",
        metavar="FILE",
        callback=check,
        help="file for a JSON line per request: who asked what; - is standard output [HEADWATER_ACCESS_LOG]",
    )(function)


def tls_options(function: Command) -> Command:
    """``--tls-certificate`` and ``--tls-key``, to be checked by `check_tls` and made by `tls_of`."""
    function = click.option(
        "--tls-key",
        envvar="HEADWATER_TLS_KEY",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="the key of the certificate (PEM, without passphrase) [HEADWATER_TLS_KEY]",
    )(function)
    return click.option(
        "--tls-certificate",
        envvar="HEADWATER_TLS_CERTIFICATE",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="speak HTTPS with this certificate (PEM, those of its issuers behind it); read again when it changes"
        " [HEADWATER_TLS_CERTIFICATE]",
    )(function)


def log_options(function: Command) -> Command:
    """``--log-level`` and ``--log-format``; kept in the environment, for `logs.set_up` and for child processes."""

    def keep(_context: click.Context, option: click.Parameter, given: str) -> None:
        os.environ[str(option.envvar)] = given

    function = click.option(
        "--log-format",
        envvar="HEADWATER_LOG_FORMAT",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        expose_value=False,
        callback=keep,
        help="lines of the log for people, or JSON objects [HEADWATER_LOG_FORMAT]",
    )(function)
    return click.option(
        "--log-level",
        envvar="HEADWATER_LOG_LEVEL",
        type=click.Choice(["debug", "info", "warning", "error"]),
        default="info",
        show_default=True,
        expose_value=False,
        callback=keep,
        help="what is logged to standard error; info: a line per payload and refusal [HEADWATER_LOG_LEVEL]",
    )(function)


def people_options(function: Command) -> Command:
    """How people sign in elsewhere, to be read by `people`."""
    options = (
        click.option(
            "--oidc-issuer",
            envvar="HEADWATER_OIDC_ISSUER",
            metavar="URL",
            help="take JSON Web Tokens of this OpenID Connect issuer, beside Headwater's own tokens"
            " [HEADWATER_OIDC_ISSUER]",
        ),
        click.option(
            "--oidc-audience",
            envvar="HEADWATER_OIDC_AUDIENCE",
            multiple=True,
            metavar="ID",
            help="client id or audience that such a token must be for; can be given several times"
            " [HEADWATER_OIDC_AUDIENCE]",
        ),
        click.option(
            "--oidc-scope",
            envvar="HEADWATER_OIDC_SCOPE",
            multiple=True,
            metavar="GROUP=SCOPE",
            help="scope (write, read, annotate, admin) that a group opens, * being everybody; can be given several"
            " times [HEADWATER_OIDC_SCOPE]",
        ),
        click.option(
            "--oidc-groups-claim",
            envvar="HEADWATER_OIDC_GROUPS_CLAIM",
            default="groups",
            show_default=True,
            metavar="NAME",
            help="claim of a token that lists the groups; cognito:groups for Amazon Cognito"
            " [HEADWATER_OIDC_GROUPS_CLAIM]",
        ),
        click.option(
            "--alb",
            envvar="HEADWATER_ALB",
            metavar="ARN",
            help="Application Load Balancer that signs people in with that issuer [HEADWATER_ALB]",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def _origins(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    if given:
        from headwater.ingest.http.page import checked_origins

        try:
            return checked_origins(given)
        except ValueError as error:
            raise click.BadParameter(safe(str(error))) from None
    return given


def _single_origins(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    """The origins of pages that may send, as browsers write them: each is named, without ``*``."""
    if any("*" in origin for origin in given):
        raise click.BadParameter("each origin is named as a whole, without *")
    return tuple(origin.lower() for origin in _origins(context, option, given))


def _history_server(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    from headwater.ingest.http.run_links import checked_history_server

    return _checked(checked_history_server, given)


def _region(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    from headwater.ingest.http.run_links import checked_region

    return _checked(checked_region, given)


def _checked(check: Callable[[str], str], given: str | None) -> str | None:
    try:
        return check(given) if given else None
    except ValueError as error:
        raise click.BadParameter(safe(str(error))) from None


@click.command(epilog="Example: headwater serve --port 9090")
@data_option
@store_option
@host_option
@port_option(PORT)
@allow_host_option
@click.option(
    "--allow-origin",
    multiple=True,
    metavar="URL",
    callback=_single_origins,
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
    "--history-server",
    envvar="HEADWATER_HISTORY_SERVER",
    metavar="URL",
    callback=_history_server,
    help="address of Spark's history server: the page links each run to it [HEADWATER_HISTORY_SERVER]",
)
@click.option(
    "--glue-region",
    envvar="HEADWATER_GLUE_REGION",
    metavar="REGION",
    callback=_region,
    help="region of your Glue jobs, for the page's links to their runs; without it, the console opens the region that"
    " its reader used last [HEADWATER_GLUE_REGION]",
)
@bootstrap_option
@tls_options
@people_options
@access_log_option
@log_options
@metrics_options
@click.option(
    "--read-only",
    is_flag=True,
    help="answer questions from the graph in --store alone (ws, wss, neptune), without a ledger: as many servers as are"
    " wanted; nothing is received, and --data holds tokens alone",
)
@click.option(
    "--send-to",
    envvar="HEADWATER_SEND_TO",
    metavar="URL",
    help="with --read-only: where senders are told to go [HEADWATER_SEND_TO]",
)
@click.option("--take-over", is_flag=True, help="write a remote graph even if another data folder does; it stops there")
@click.option("--example", is_flag=True, help="with the demo's seven jobs, in a temporary data folder of its own")
def serve(  # noqa: PLR0913 - one parameter for each option
    data: Path,
    store: str | None,
    host: str,
    port: int,
    *,
    bootstrap: Path | None,
    take_over: bool,
    example: bool,
    read_only: bool,
    send_to: str | None,
    **more: Any,
) -> None:
    """Receive execution plans, keep them, and answer questions, until Ctrl-C or SIGTERM.

    Requests that are being answered are finished first. Spline agents send to http://HOST:PORT/producer, OpenLineage's
    clients to http://HOST:PORT/api/v1/lineage.
    """
    from headwater.ingest.process import logs
    from headwater.ingest.process.graph_process import GraphProcess

    logs.set_up()
    check_tls(more["tls_certificate"], more["tls_key"])
    if read_only:
        _answer(data, store, host, port, bootstrap, send_to, conflicting=take_over or example, **more)
        return
    if send_to is not None:
        raise click.UsageError("--send-to is for --read-only: this server receives itself")
    with ExitStack() as ends:
        if example:
            data, store = _example(ends), None
        refuse_second_ledger(data)
        if bootstrap is not None:
            keep_bootstrap_token(data, bootstrap)
        # Before the server's modules are imported: it gets ready while this process does.
        graph = ends.enter_context(closing(GraphProcess.start(data, store, take_over=take_over)))
        ready = partial(_ready, data, store, host, more["allow_host"], example=example)
        _serve(_settings(data, store, host, port, ready, more), graph)


def _answer(
    data: Path,
    store: str | None,
    host: str,
    port: int,
    bootstrap: Path | None,
    send_to: str | None,
    *,
    conflicting: bool,
    **more: Any,
) -> None:
    """Answer from the graph alone. UsageError: the store is none that several can ask, or an option is for writing."""
    from headwater.read_only import SHARED

    if store is None or not store.startswith(SHARED):
        raise click.UsageError(f"--read-only needs --store with a graph that several can ask: {', '.join(SHARED)}...")
    if conflicting:
        raise click.UsageError("--read-only goes with neither --take-over nor --example: nothing is written")
    if bootstrap is not None:
        keep_bootstrap_token(data, bootstrap)
    from headwater.ingest.process.reading_server import answer

    def ready(url: str) -> None:
        click.echo(safe(f"Headwater answers at {url}, and receives nothing; Ctrl-C stops"))
        told_elsewhere(url, host, more["allow_host"], page=True)

    settings = _settings(data, store, host, port, ready, more)
    with port_errors(host, port), translated():
        answer(settings, store, send_to)


def _settings(
    data: Path, store: str | None, host: str, port: int, ready: Callable[[str], None], more: Mapping[str, Any]
) -> ServerSettings:
    from headwater.ingest.http.run_links import run_links
    from headwater.ingest.process.server import ServerSettings

    return ServerSettings(
        data,
        store,
        host,
        port,
        allowed_hosts=more["allow_host"],
        allowed_origins=more["allow_origin"],
        embed_in=more["embed_in"],
        people=people(more),
        tls=tls_of(more["tls_certificate"], more["tls_key"]),
        access_log=more["access_log"],
        links=run_links(more["history_server"], more["glue_region"]),
        ready=ready,
    )


def check_tls(certificate: Path | None, key: Path | None) -> None:
    """Before anything is opened: a server without a key would be started, and then end. UsageError, WrongUse."""
    if (certificate is None) != (key is None):
        missing = "--tls-key" if key is None else "--tls-certificate"
        raise click.UsageError(f"{missing} is missing: a certificate and its key go together")
    if certificate is None or key is None:
        return
    for option, file in (("--tls-certificate", certificate), ("--tls-key", key)):
        try:
            file.read_bytes()
        except OSError as error:
            raise WrongUse(safe(f"{option}: {file} cannot be read: {error.strerror}")) from error
    from headwater.ingest.http.tls import TlsFiles

    try:
        TlsFiles(certificate, key).context()
    except OSError as error:
        raise WrongUse(safe(f"--tls-certificate and --tls-key: {error}")) from error


def _check_access_log(file: str | None) -> None:
    """WrongUse: it cannot be written."""
    if file is None or file == "-":
        return
    try:
        Path(file).open("ab").close()
    except OSError as error:
        raise WrongUse(safe(f"--access-log: {file} cannot be written: {error.strerror}")) from error


def tls_of(certificate: Path | None, key: Path | None) -> TlsFiles | None:
    """The files of the options, if they were given."""
    from headwater.ingest.http.tls import TlsFiles

    return None if certificate is None or key is None else TlsFiles(certificate, key)


def people(given: Mapping[str, Any]) -> tuple[Authenticator, ...]:
    """How people are known who sign in at an issuer. UsageError: an option is wrong, or lacks another."""
    if given["oidc_issuer"] is None:
        if alone := [name for name in ("oidc_audience", "oidc_scope", "alb") if given[name]]:
            raise click.UsageError(f"--{alone[0].replace('_', '-')} needs --oidc-issuer")
        return ()
    try:
        from headwater.ingest.http import oidc
    except ModuleNotFoundError as error:
        raise WrongUse(f"--oidc-issuer needs {error.name}: {how_to_install('oidc')}") from error
    try:
        of = oidc.settings(
            given["oidc_issuer"], given["oidc_audience"], given["oidc_scope"], given["oidc_groups_claim"]
        )
        balancer = () if given["alb"] is None else (oidc.LoadBalancerAuthenticator(given["alb"], of),)
    except ValueError as error:
        raise click.UsageError(safe(f"sign-in: {error}")) from None
    return (*balancer, oidc.OidcAuthenticator(of))


def keep_bootstrap_token(data: Path, file: Path) -> None:
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
    place = ends.enter_context(TemporaryFolder())
    load_recorded(Path(place) / "data")
    return Path(place) / "data"


def _serve(settings: ServerSettings, graph: GraphProcess) -> None:
    from headwater.ingest.process.server import serve as run

    with port_errors(settings.host, settings.port), translated():
        run(settings, graph)


@contextmanager
def port_errors(host: str, port: int) -> Iterator[None]:
    """Around listening: an address that cannot be listened on is named. WrongUse, Unreachable."""
    try:
        yield
    except socket.gaierror as error:
        raise WrongUse(f"--host {host} is no address or name of this machine: {error.strerror}") from error
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES) or error.filename is not None:
            raise WrongUse(safe(str(error))) from error
        raise Unreachable(f"{host}:{port} cannot be listened on: {error.strerror}") from error


def told_elsewhere(url: str, host: str, allowed: Sequence[str], *, page: bool = False, err: bool = False) -> str:
    """Print by which address other machines reach the server, if it is not `url`; the one that agents elsewhere use.

    `page`: people look at it with a browser, which has no token to send when it asks for the page.
    """
    from headwater.ingest.http.addresses import url_elsewhere

    elsewhere = url_elsewhere(url, host, allowed)
    if elsewhere is None:
        return url
    own = "" if allowed else " (this machine's own name: where others do not find it, its address instead)"
    click.echo(safe(f"From other machines it is {elsewhere}{own}"), err=err)
    if page and not allowed:
        click.echo("A browser there is answered only by a name that --allow-host names", err=err)
    return elsewhere


def _ready(data: Path, store: str | None, host: str, allowed: Sequence[str], url: str, *, example: bool) -> None:
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
    elsewhere = told_elsewhere(url, host, allowed, page=True)
    here = "" if elsewhere == url else f", on this machine to {url}/producer"
    click.echo(safe(f"Spline agents send to {elsewhere}/producer{here}; Ctrl-C stops"))
