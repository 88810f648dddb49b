"""One HTTP request and its answer, by the standard library alone: the agent is a zip on machines without pip.

urllib brings proxies, TLS and time limits. No redirect is followed: a POST would become a GET, and a token would go to
wherever the answer points.
"""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any

__all__ = ["Answer", "Failed", "Web"]

#: Bytes of an answer that are read. Answers are an id or a sentence; more would only take memory of the job.
_ANSWER_BYTES = 65_536
_NO_ANSWER = "does a server run there (headwater serve), and can this machine reach it?"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Failed(Exception):
    """A request without a usable answer. `status` is None where there was none at all; the text has no secret.

    `remedy` is what a person can do about it, where that is known.
    """

    def __init__(self, said: str, status: int | None = None, pause: float | None = None, remedy: str = "") -> None:
        super().__init__(said)
        self.remedy = remedy
        self.status = status
        self.pause = pause  #: seconds that the server asks to wait


@dataclass(frozen=True)
class Answer:
    """The answer: status, headers, body."""

    status: int
    headers: Message
    body: bytes

    @property
    def done(self) -> bool:
        """2xx."""
        return http.client.OK <= self.status < http.client.MULTIPLE_CHOICES


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: Any, **_more: Any) -> None:
        """None: redirects are not followed, so that a token is never sent to another host."""


class Web:
    """Sends requests, each step of one within a time limit."""

    def __init__(self, timeout: float, ca_file: str = "") -> None:
        """`ca_file`: certificate authorities instead of the machine's. OSError, ssl.SSLError: it cannot be used."""
        self._timeout = timeout
        tls = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca_file or None))
        self._proxied = urllib.request.build_opener(_NoRedirect, tls)
        self._direct = urllib.request.build_opener(_NoRedirect, tls, urllib.request.ProxyHandler({}))

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """The answer, whatever its status. Failed: there is none."""
        host = urllib.parse.urlsplit(url).hostname
        opener = self._direct if host in _LOOPBACK else self._proxied
        request = urllib.request.Request(url, data=body, headers=dict(headers), method=method)  # noqa: S310 - http(s) only: checked by the settings
        try:
            with opener.open(request, timeout=self._timeout) as found:
                return Answer(found.status, found.headers, found.read(_ANSWER_BYTES))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, _rest(error))
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            said = f"{type(reason).__name__}: {reason}" if str(reason) else type(reason).__name__
            raise Failed(said, remedy=_NO_ANSWER) from None


def _rest(error: urllib.error.HTTPError) -> bytes:
    """The text of a refusal, as far as it could be read."""
    try:
        return error.read(_ANSWER_BYTES)
    except (OSError, http.client.HTTPException):
        return b""
