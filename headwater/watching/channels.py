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
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from headwater.faults import Fault
from headwater.watching.definitions import Channel
from headwater.watching.reports import Report, document, markdown, page

#: Seconds for each step of a request, and for all of them: a receiver can answer ``100 Continue`` again and again.
#: Watches are evaluated one after the other: one that hangs delays the rest.
_STEP_SECONDS = 20.0
_ALL_SECONDS = 45.0
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
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        reason = getattr(error, "strerror", None) or error
        raise NotDelivered(f"{name!r} cannot be written: {reason}") from None


def _webhook(channel: Channel, report: Report, seconds: float = _ALL_SECONDS) -> None:
    body = json.dumps(document(report), ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", "Headwater-News": report.id, **_signature(channel, body)}
    parts = urlsplit(channel.target)
    addresses = _addresses(channel)
    kind = _HttpsTo if parts.scheme == "https" else _HttpTo
    connection = kind(parts.hostname or "", parts.port, addresses)
    path = parts.path or "/"
    end = threading.Timer(seconds, connection.abort)
    end.daemon = True
    end.start()
    try:
        connection.request("POST", f"{path}?{parts.query}" if parts.query else path, body, headers)
        status = connection.getresponse().status
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = f"not within {seconds:g} s" if connection.aborted else type(error).__name__
        raise NotDelivered(f"{channel.name} does not answer: {reason}") from None
    finally:
        end.cancel()
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


def _addresses(channel: Channel) -> list[str]:
    """The addresses to connect to, the first that answers: looked up once, and each checked.

    With a second look-up a name server could answer with a private address after the check (DNS rebinding).
    """
    parts = urlsplit(channel.target)
    allowed = channel.options.get("private", False)
    try:
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError, KeyError, UnicodeError) as error:
        raise NotDelivered(f"{channel.name} cannot be looked up: {error}") from None
    addresses = [str(each[4][0]) for each in found]
    if not (allowed or all(map(is_public, addresses))):
        raise NotDelivered(f"{channel.name} is a private address: set `private: true` if it is meant")
    if not allowed and parts.scheme != "https":
        raise NotDelivered(f"{channel.name} is not https: set `private: true` if it is on a private network")
    return addresses


_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  #: an IPv4 address, in a network without IPv4
_RELAYS = ipaddress.ip_network("192.88.99.0/24")  #: to 6to4, not in use any more


def is_public(address: str) -> bool:
    """Whether an address is one of the public internet; an IPv4 address in an IPv6 one has to be one, too.

    `is_global` of the standard library takes multicast, 64:ff9b::7f00:1 (127.0.0.1) and 2002:7f00:1:: for global.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv4Address):
        return found.is_global and not found.is_multicast and found not in _RELAYS
    if found.ipv4_mapped is not None:
        return is_public(str(found.ipv4_mapped))
    if found in _NAT64:
        return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
    if found.sixtofour is not None:  # global or not: versions of Python differ
        return is_public(str(found.sixtofour))
    return found.is_global and found.teredo is None and found in _GLOBAL_UNICAST


class _HttpTo(http.client.HTTPConnection):
    """HTTP to addresses that were checked before; the Host header has the name. `abort` may come from any thread."""

    def __init__(self, host: str, port: int | None, addresses: list[str]) -> None:
        super().__init__(host, port, timeout=_STEP_SECONDS)
        self._addresses = addresses
        self.aborted = False

    def connect(self) -> None:
        """Connect to the first of the addresses that answers."""
        refused = OSError("no address")
        for address in self._addresses:
            try:
                self.sock = socket.create_connection((address, self.port), self.timeout)
            except OSError as error:
                refused = error
            else:
                break
            if self.aborted:
                break
        if self.sock is None or self.aborted:
            raise refused

    def abort(self) -> None:
        """End all that is being sent or read."""
        self.aborted = True
        if self.sock is not None:
            with suppress(OSError):
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class _HttpsTo(_HttpTo):
    """The same over TLS, with the certificate of the host name."""

    default_port = http.client.HTTPS_PORT

    def connect(self) -> None:
        """Connect, and check the certificate of the name."""
        super().connect()
        context = ssl.create_default_context()
        tls = context.wrap_socket(self.sock, server_hostname=self.host, do_handshake_on_connect=False)
        self.sock = tls
        tls.do_handshake()


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
