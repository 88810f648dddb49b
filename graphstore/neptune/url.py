"""A ``neptune://`` URL as settings: where the cluster is and how it is spoken to. Pure.

``neptune://HOST[:8182]?region=eu-west-1&reader=HOST`` with the parameters of `PARAMETERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

from headwater.graphstore.errors import InvalidRequest

PORT = 8182
MANY_WRITERS = 32
#: Neptune closes an idle connection after 20 to 25 minutes, and any after 10 days where IAM is on:
#: https://docs.aws.amazon.com/neptune/latest/userguide/limits.html
LONGEST_IDLE, LONGEST_LIFE = 20 * 60, 10 * 24 * 3600


@dataclass(frozen=True)
class Settings:
    """One cluster. `writer` and `reader` are ``host:port``; times are seconds."""

    writer: str
    reader: str
    region: str | None = None  #: None: the AWS session's own
    iam: bool = True  #: sign each connection (SigV4, service neptune-db)
    ca: str | None = None  #: a file of certificates to trust instead of the machine's
    writers: int = 4  #: connections that a large write is spread over
    timeout: int = 60  #: that one request may take at the server; Neptune's own limit is 120 unless the cluster says so
    idle: int = 15 * 60  #: a connection that was idle for longer is made anew before it is used
    life: int = 24 * 3600  #: a connection that is older is made anew before it is used


def settings(url: str) -> Settings:
    """The settings that a ``neptune://`` URL names. Raises `InvalidRequest`, naming the part that is wrong."""
    parts = urlsplit(url)
    writer = _endpoint("the cluster", parts)
    if parts.path not in ("", "/") or parts.fragment:
        raise InvalidRequest(f"neptune: the URL ends after the port, but for its parameters: not {parts.path!r}")
    given = _parameters(parts.query)
    reader = given.pop("reader", None)
    return Settings(writer, _reader(reader) if reader else writer, **given)


def _parameters(query: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in PARAMETERS:
            raise InvalidRequest(f"neptune: there is no parameter {name!r}; known are {', '.join(PARAMETERS)}")
        if name in found:
            raise InvalidRequest(f"neptune: {name} is given twice")
        found[name] = PARAMETERS[name](name, value)
    return found


def _reader(value: str) -> str:
    return _endpoint("reader", urlsplit(f"//{value}"))


def _endpoint(what: str, parts: SplitResult) -> str:
    """``host:port``. A URL is logged and shown, so it never holds a password; IAM needs none."""
    try:
        port = parts.port or PORT
    except ValueError:
        raise InvalidRequest(f"neptune: the port of {what} is no number from 1 to 65535") from None
    if parts.username is not None or parts.password is not None:
        raise InvalidRequest("neptune: no user and no password in the URL: the AWS credentials of this process sign")
    if not parts.hostname:
        raise InvalidRequest(f"neptune: {what} has no host: expected neptune://HOST[:{PORT}]?region=REGION")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}:{port}"


def _text(name: str, value: str) -> str:
    if not value:
        raise InvalidRequest(f"neptune: {name} is empty")
    return value


def _truth(name: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise InvalidRequest(f"neptune: {name} is {value!r}, expected true or false")
    return value == "true"


def _number(least: int, most: int) -> Callable[[str, str], int]:
    def read(name: str, value: str) -> int:
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
            raise InvalidRequest(f"neptune: {name} is {value!r}, expected a whole number from {least} to {most}")
        return int(value)

    return read


#: Each parameter of the URL, and how its text is read.
PARAMETERS: Mapping[str, Callable[[str, str], Any]] = {
    "region": _text,
    "reader": _text,
    "iam": _truth,
    "ca": _text,
    "writers": _number(1, MANY_WRITERS),
    "timeout": _number(1, 3600),
    "idle": _number(1, LONGEST_IDLE),
    "life": _number(1, LONGEST_LIFE),
}
