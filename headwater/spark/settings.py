"""The agent's settings: one table, from which arguments, Spark settings, environment variables and docs are derived.

A row is a field of `Options`. Its argument is its name, its Spark setting ``spark.headwater.`` and the name in camel
case (or what the row says), its environment variable ``HEADWATER_`` and the name in capitals. The first of the three
that is given counts. Pure: what was given comes in, values and sentences about the bad ones go out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

__all__ = ["FATAL", "PREFIX", "Bad", "Options", "Setting", "resolve", "settings"]

PREFIX = "spark.headwater."
_VARIABLE = "HEADWATER_"

Parser = Callable[[str], Any]


class Bad(ValueError):
    """A value that cannot be used; the text says what was expected, never the value."""


@dataclass(frozen=True)
class Setting:
    """A row of the table."""

    name: str
    parse: Parser
    default: Any
    meaning: str
    conf: str
    secret: bool

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return _VARIABLE + self.name.upper()


# What a value may be --------------------------------------------------------------------------------------------------


def _text(value: str) -> str:
    if re.search(r"[\r\n\0]", value):
        raise Bad("a text without line breaks")
    return value.strip()


def _flag(value: str) -> bool:
    known = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if value.strip().lower() not in known:
        raise Bad("true or false")
    return known[value.strip().lower()]


def _number(least: float, most: float) -> Parser:
    def parse(value: str) -> float:
        try:
            found = float(value)
        except ValueError:
            found = float("nan")
        if not least <= found <= most:
            raise Bad(f"a number from {least:g} to {most:g}")
        return found

    return parse


def _whole(least: int, most: int) -> Parser:
    def parse(value: str) -> int:
        if not re.fullmatch(r"\d{1,9}", value.strip()) or not least <= int(value) <= most:
            raise Bad(f"a whole number from {least} to {most}")
        return int(value)

    return parse


def _server(value: str) -> str:
    """The address of a server, or an inbox in S3."""
    if not value.strip().startswith("s3://"):
        return _web(value)
    try:
        return _spool(value)
    except Bad:
        raise Bad("a URL like https://HOST:9090, or an inbox like s3://BUCKET/inbox") from None


def _web(value: str) -> str:
    """The address of a server, without the slash at its end."""
    expected = Bad("a URL like https://HOST:9090, without a password, a query or a blank in it")
    try:
        parts = urlsplit(value.strip())
        fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise expected from None
    if not fine or "@" in parts.netloc or parts.query or parts.fragment or re.search(r"[\s\0-\x1f]", value.strip()):
        raise expected
    return value.strip().rstrip("/")


def _spool(value: str) -> str:
    scheme, mark, rest = value.strip().partition("://")
    if mark and (scheme != "s3" or not rest.partition("/")[0]):
        raise Bad("a folder or s3://BUCKET/PREFIX")
    return _text(value).rstrip("/") or "/"


def _header(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", value.strip()):
        raise Bad("the name of an HTTP header")
    return value.strip()


def _version(value: str) -> str:
    if value.strip() not in {"1.1", "1.2"}:
        raise Bad("1.1 or 1.2")
    return value.strip()


# The table ------------------------------------------------------------------------------------------------------------


def _row(parse: Parser, default: Any, meaning: str, conf: str = "", *, secret: bool = False) -> Any:
    return field(default=default, metadata={"row": (parse, meaning, conf, secret)}, repr=not secret)


@dataclass(frozen=True)
class Options:
    """The values of all settings. The repr shows no secret."""

    url: str = _row(
        _server,
        "",
        "the server: Headwater, or any Spline server (with or without `/producer` at the end); or an inbox,"
        " `s3://BUCKET/inbox`",
    )
    enabled: bool = _row(_flag, True, "false: nothing is captured, whatever the script says")  # noqa: FBT003
    job_name: str = _row(_text, "", "name of the job in the graph, instead of the application's; on Glue it is Glue's")
    token: str = _row(_text, "", "token, sent as `Authorization: Bearer`", secret=True)
    #: Spark's web UI hides values whose names contain "secret" or "token".
    api_key: str = _row(_text, "", "key, sent in the header `api_key_header`", "secret.apiKey", secret=True)
    api_key_header: str = _row(_header, "X-API-Key", "header of the key")
    oauth_url: str = _row(_web, "", "token URL of OAuth 2.0 client credentials")
    oauth_client: str = _row(_text, "", "client id")
    oauth_secret: str = _row(_text, "", "client secret", secret=True)
    oauth_scope: str = _row(_text, "", "scope")
    sigv4_region: str = _row(_text, "", "AWS region to sign for (API Gateway with IAM); needs botocore, which Glue has")
    sigv4_service: str = _row(_text, "execute-api", "service that the signature is for")
    ca_file: str = _row(_text, "", "PEM file with the certificate authorities to trust, instead of the machine's")
    api_version: str = _row(_version, "", "Producer API 1.1 or 1.2, instead of asking the server")
    timeout_seconds: float = _row(_number(0.1, 600), 10.0, "longest wait for the server, for each step of a request")
    attempts: int = _row(_whole(1, 20), 4, "tries, with growing pauses, before a report goes into the spool")
    spool: str = _row(_spool, "", "folder or `s3://BUCKET/PREFIX` for what cannot be sent; for `headwater load`")
    flush_seconds: float = _row(_number(0, 600), 10.0, "longest delay of the job's end, to send or spool what is left")
    capture_seconds: float = _row(
        _number(0.1, 600), 10.0, "longest time to read one plan; one that takes longer is left out"
    )
    max_plan_mb: float = _row(_number(0.001, 1000), 32.0, "largest plan that is read, in MB of Spark's own JSON")
    queue: int = _row(_whole(1, 100_000), 1_000, "reports that wait to be sent; further ones are left out")
    queue_mb: float = _row(_number(0.001, 10_000), 64.0, "and how large they are together, in MB")


#: Settings that need a valid value: a default would send to another server, or without authentication.
FATAL = frozenset({"url", "token", "api_key", "api_key_header", "oauth_url", "oauth_client", "oauth_secret"}) | {
    "oauth_scope", "sigv4_region", "sigv4_service", "ca_file", "enabled",
}  # fmt: skip


def settings() -> tuple[Setting, ...]:
    """The rows."""
    return tuple(_setting(each.name, each.default, *each.metadata["row"]) for each in fields(Options))


def _setting(name: str, default: Any, parse: Parser, meaning: str, conf: str, secret: bool) -> Setting:  # noqa: FBT001 - a row
    camel = re.sub(r"_(\w)", lambda found: found[1].upper(), name)
    return Setting(name, parse, default, meaning, PREFIX + (conf or camel), secret)


@dataclass(frozen=True)
class Problem:
    """A bad value: which setting, under the name by which it was given, and the sentence."""

    name: str
    said: str

    @property
    def fatal(self) -> bool:
        """Whether nothing can be captured."""
        return self.name in FATAL


def resolve(
    arguments: Mapping[str, Any], conf: Mapping[str, str], environment: Mapping[str, str]
) -> tuple[Options, tuple[Problem, ...]]:
    """The options, and what is wrong with what was given: a bad value is replaced by its default.

    `arguments` are by name (None: not given), `conf` Spark settings, `environment` variables.
    """
    values: dict[str, Any] = {}
    problems = [Problem(name, f"there is no setting {name}") for name in arguments.keys() - _NAMES.keys()]
    for row in _NAMES.values():
        for place, value in _given(row, arguments, conf, environment):
            try:
                values[row.name] = row.parse(value)
            except Bad as error:
                problems.append(Problem(row.name, f"{place} is not {error}"))
            break
    options = Options(**values)
    return options, (*problems, *_together(options))


def _given(
    row: Setting, arguments: Mapping[str, Any], conf: Mapping[str, str], environment: Mapping[str, str]
) -> Iterable[tuple[str, str]]:
    places = ((row.name, arguments), (row.conf, conf), (row.variable, environment))
    return ((place, str(found)) for place, where in places if (found := where.get(place)) is not None and found != "")


def _together(options: Options) -> Iterable[Problem]:
    """Settings that contradict each other."""
    oauth = (options.oauth_url, options.oauth_client, options.oauth_secret)
    if any(oauth) and not all(oauth):
        yield Problem("oauth_url", "oauth_url, oauth_client and oauth_secret are only of use together")
    ways = {"token": options.token, "oauth_url": options.oauth_url, "sigv4_region": options.sigv4_region}
    if len(given := [name for name, value in ways.items() if value]) > 1:
        yield Problem(given[0], f"{' and '.join(given)} fill the same header: choose one")


_NAMES: dict[str, Setting] = {row.name: row for row in settings()}
