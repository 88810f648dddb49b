"""Delivers reports: to standard output, a file, a webhook, an SNS topic. Raises `NotDelivered` if that fails.

A webhook's body is signed as GitHub signs its webhooks, so receivers can use the code that checks those:
https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import json
import os
import socket
import ssl
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from headwater.faults import Fault
from headwater.watching.definitions import Channel
from headwater.watching.reports import Report, document, markdown, page

#: Seconds for each step of a request. Watches are evaluated one after the other: a receiver that hangs delays the rest.
_TIMEOUT = 20.0
_SUCCESS = range(200, 300)
#: Characters of a subject, ASCII alone: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
_SUBJECT = 100

_FORMATS: Mapping[str, Callable[[Report], str]] = {
    "markdown": markdown,
    "html": page,
    "json": lambda report: json.dumps(document(report), indent=2, ensure_ascii=False) + "\n",
}


class NotDelivered(Exception):
    """A report could not be delivered: one sentence without a secret. It is tried again at the next evaluation."""

    fault = Fault.UNAVAILABLE


def deliver(channel: Channel, report: Report) -> None:
    """Deliver one report. NotDelivered."""
    _BY_KIND[channel.kind](channel, report)


def _stdout(channel: Channel, report: Report) -> None:
    sys.stdout.write(markdown(report) + "\n")
    sys.stdout.flush()


def _file(channel: Channel, report: Report) -> None:
    """Write a temporary file, then rename it: a reader never sees half of it, and a repeat changes nothing."""
    name = channel.target.replace("{watch}", report.watch).replace("{time}", report.time.replace(":", ""))
    path = Path(name).expanduser()
    text = _FORMATS[channel.options.get("format", "markdown")](report)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, fresh = tempfile.mkstemp(prefix=f".{path.name}", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(fresh).replace(path)
    except OSError as error:
        raise NotDelivered(f"{path} cannot be written: {error.strerror or error}") from None


def _webhook(channel: Channel, report: Report) -> None:
    body = json.dumps(document(report), ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", "Headwater-News": report.id, **_signature(channel, body)}
    parts = urlsplit(channel.target)
    address = _address(channel)
    connection = _connection(parts.scheme, parts.hostname or "", parts.port, address)
    path = parts.path or "/"
    try:
        connection.request("POST", f"{path}?{parts.query}" if parts.query else path, body, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise NotDelivered(f"{channel.name} does not answer: {type(error).__name__}") from None
    finally:
        connection.close()
    if status not in _SUCCESS:
        raise NotDelivered(f"{channel.name} answers {status}")


def _signature(channel: Channel, body: bytes) -> dict[str, str]:
    variable = channel.options.get("secret")
    if variable is None:
        return {}
    key = os.environ.get(variable)
    if not key:
        raise NotDelivered(f"{channel.name}: the environment variable {variable} with its key is not set")
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}


def _address(channel: Channel) -> str:
    """The address to connect to: looked up once and checked.

    With a second look-up a name server could answer with a private address after the check (DNS rebinding).
    """
    parts = urlsplit(channel.target)
    allowed = channel.options.get("private", False)
    try:
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError, KeyError, UnicodeError) as error:
        raise NotDelivered(f"{channel.name} cannot be looked up: {error}") from None
    address = str(found[0][4][0])
    if not allowed and not ipaddress.ip_address(address.partition("%")[0]).is_global:
        raise NotDelivered(f"{channel.name} is a private address: set `private: true` if it is meant")
    if not allowed and parts.scheme != "https":
        raise NotDelivered(f"{channel.name} is not https: set `private: true` if it is on a private network")
    return address


class _Pinned(http.client.HTTPSConnection):
    """HTTPS to an address that was checked before, with the certificate of the host name."""

    def __init__(self, host: str, port: int | None, address: str) -> None:
        super().__init__(host, port, timeout=_TIMEOUT, context=ssl.create_default_context())
        self._address = address

    def connect(self) -> None:
        """Connect to the address that was checked."""
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=self.host)


def _connection(scheme: str, host: str, port: int | None, address: str) -> http.client.HTTPConnection:
    if scheme == "https":
        return _Pinned(host, port, address)
    return http.client.HTTPConnection(address, port, timeout=_TIMEOUT)


def _sns(channel: Channel, report: Report) -> None:
    from headwater.aws_bridge.session import AwsError, NotInstalled
    from headwater.aws_bridge.sns import publish

    subject = "".join(c if c.isascii() and c.isprintable() else "?" for c in report.title)[:_SUBJECT]
    try:
        publish(channel.target, subject, markdown(report), {"news": report.id, "watch": report.watch})
    except (AwsError, NotInstalled) as error:
        raise NotDelivered(f"{channel.name}: {error}") from None


_BY_KIND: Mapping[str, Callable[[Channel, Report], Any]] = {
    "stdout": _stdout,
    "file": _file,
    "webhook": _webhook,
    "sns": _sns,
}
