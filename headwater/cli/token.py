"""The commands token add, rotate, list, revoke: the tokens that senders and readers of a server need."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from pathlib import Path

import click

from headwater.cli.common import csv_option, data_option, json_option, print_json, print_table, safe
from headwater.errors import WrongUse
from headwater.lengths import seconds_of
from headwater.translation import translated


class _Duration(click.ParamType["int"]):
    """``90d``, ``12h``, ``30m`` as milliseconds."""

    name = "duration"

    def __init__(self, least: int = 0) -> None:
        """`least`: seconds that it has to have."""
        self._least = least

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Milliseconds. BadParameter: it is no duration, too short, or longer than a hundred years."""
        if isinstance(value, int):
            return value
        seconds = seconds_of(str(value))
        if seconds is None or not self._least <= seconds <= _LONGEST_SECONDS:
            self.fail("expected a duration such as 90d, 12h or 30m", param, ctx)
        return seconds * 1_000


_LONGEST_SECONDS = 36_525 * 86_400
_GRACE = _Duration()
_LASTS = _Duration(least=1)  #: a token that ends at once would open nothing from the start


@click.group(epilog="Example: headwater token add --scope write glue")
def token() -> None:
    """Tokens for senders and readers of a server: needed if it listens on another address than 127.0.0.1."""


@token.command("add", epilog="Example: headwater token add --scope read dashboards")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(["write", "read", "annotate", "admin"]),
    required=True,
    multiple=True,
    help="what it opens; can be given several times",
)
@click.option("--expires", type=_LASTS, metavar="DURATION", help="how long it opens anything: 90d, 12h (default: ever)")
@click.option(
    "--per-minute",
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    help="requests that are let in a minute; further ones are told to wait (429). Not for Spline's agents, which do"
    " not try again",
)
@click.option(
    "--account",
    metavar="NAME",
    help="with --scope write: all that is sent is of this account, 12 digits of AWS or a team's name; jobs of two"
    " accounts with one name are two jobs (docs/accounts.md)",
)
@data_option
def add(
    name: str,
    scopes: tuple[str, ...],
    expires: int | None,
    per_minute: int | None,
    account: str | None,
    data: Path,
) -> None:
    """Make a token for NAME and print it. It is shown only once: the server keeps its hash alone.

    \b
    write     for agents: send plans and events, no more: a token in the parameters of a job is seen by many
    read      for people and tools that ask: lineage, queries, metrics, Gremlin
    annotate  for people who also tag, own, describe, retire and ignore: read, and statements
    admin     everything
    """  # noqa: D301 - click's mark for lines that stay as they are
    from headwater.ingest.http.tokens import TokenStore

    tokens = TokenStore(data)
    try:
        with translated():
            first = not tokens.in_use
            click.echo(tokens.add(scopes, name, lasts_ms=expires, per_minute=per_minute, account=account))
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


@token.command("rotate", epilog="Example: headwater token rotate glue --grace 7d")
@click.argument("name")
@click.option(
    "--grace",
    type=_GRACE,
    default="1d",
    show_default=True,
    metavar="DURATION",
    help="how long the one before still works; 0h: not at all",
)
@click.option(
    "--expires", type=_LASTS, metavar="DURATION", help="how long the new one lasts (default: as long as the one before)"
)
@data_option
def rotate(name: str, grace: int, expires: int | None, data: Path) -> None:
    """Make a new token for NAME with the same scopes and account and print it; the one before works on for a while.

    Give the new one to whoever has the old one within that time, and nothing is refused meanwhile.
    """
    from headwater.ingest.http.tokens import TokenStore

    try:
        with translated():
            click.echo(TokenStore(data).rotate(name, grace_ms=grace, lasts_ms=expires))
    except KeyError as error:
        raise WrongUse(f"there is no token of {name!r}") from error


@token.command("list", epilog="Example: headwater token list --json")
@csv_option
@json_option
@data_option
def list_(data: Path, *, as_csv: bool, as_json: bool) -> None:
    """List the tokens: names, scopes, accounts, when each was made, was last used and ends; not themselves."""
    from headwater.ingest.http.tokens import TokenStore

    with translated():
        found = TokenStore(data).list()
    if as_json:
        print_json(
            [
                {
                    "name": known.name,
                    "scopes": list(known.scopes),
                    "created": known.created_ms,
                    "lastUsed": known.used_ms,
                    "expires": known.expires_ms,
                    "perMinute": known.per_minute,
                    "account": known.account,
                }
                for known in found
            ]
        )
        return
    now = time.time() * 1000
    print_table(
        ("name", "scopes", "account", "made (UTC)", "last used", "ends", "a minute"),
        (
            (
                known.name,
                ", ".join(known.scopes),
                known.account or "",
                _time(known.created_ms),
                "never" if known.used_ms is None else _time(known.used_ms),
                _end(known.expires_ms, now),
                "" if known.per_minute is None else f"{known.per_minute:,}",
            )
            for known in found
        ),
        as_csv=as_csv,
    )


def _end(ms: int | None, now_ms: float) -> str:
    return "" if ms is None else f"{_time(ms)}{' (over)' if ms <= now_ms else ''}"


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M")


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
