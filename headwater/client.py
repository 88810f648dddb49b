"""A client of a running server, over HTTP with the standard library. Answers are the JSON that the server sent."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from headwater.errors import HeadwaterError, NoLedger, Unreachable, WrongUse, error_class
from headwater.faults import Fault
from headwater.settings import SERVER_FILE, TOKEN

_TIMEOUT = 60.0
_ALIVE_TIMEOUT = 5.0  #: a server on a busy machine is late, and must not be taken for one that is gone
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_PROXIED = urllib.request.build_opener()
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
#: What OpenSSL says of an answer that is not TLS, by the versions of the library.
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST")
#: Ends of the addresses that agents, scripts and other clients of the same server have.
_DOORS = ("/producer", "/consumer", "/api/v1", "/gremlin")


class Client:
    """One server. Its answers are JSON; an answer with an error status is raised as a `HeadwaterError`."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        environment: bool = True,
        certificate: str | None = None,
        timeout: float = _TIMEOUT,
    ) -> None:
        """The token of the environment is sent, else `token`; without `environment` only `token`.

        `certificate`: a file with the one certificate that the server must have, whatever name it is for; without it,
        one that the system trusts, for the name in the URL. `timeout`: seconds for an answer. WrongUse: the URL is
        none. OSError: there is no such file.
        """
        if not url.startswith(("http://", "https://")) or _host(url) is None:
            raise WrongUse(f"{url!r} is no server: expected http://HOST:PORT")
        self.url = _address(url)
        self._timeout = timeout
        self._token = _sendable((os.environ.get(TOKEN.variable) if environment else None) or token)
        self._open = (_DIRECT if _host(url) in _LOOPBACK else _PROXIED).open
        if certificate is not None:
            self._open = _trusting(certificate).open

    @property
    def is_here(self) -> bool:
        """Whether its address is this machine's loopback."""
        return _host(self.url) in _LOOPBACK

    def alive(self, instance: str | None = None) -> bool:
        """Whether a Headwater server answers there, and if an `instance` is given, whether it is that one."""
        try:
            said = self._send("GET", "/health", timeout=_ALIVE_TIMEOUT, anonymous=True)[1]
            return bool(said["status"] == "ok" and instance in (None, said["instance"]))
        except (HeadwaterError, TypeError, KeyError):
            return False

    def get(self, path: str, parameters: Iterable[tuple[str, object]] = ()) -> dict[str, Any]:
        """The JSON at a path. WrongUse: a status from 400; Unreachable: no connection, 503; HeadwaterError: others."""
        query = urllib.parse.urlencode([(key, str(value)) for key, value in parameters if value is not None])
        found: dict[str, Any] = self._send("GET", f"{path}?{query}" if query else path)[1]
        return found

    def readiness(self) -> dict[str, Any]:
        """What `/ready` says: also of a server whose graph cannot be asked, whose JSON has an ``error``.

        `entries` are those of the ledger, `lag` how many of them are not in the graph, None if nobody knows. NoLedger:
        it is a receiver, and has neither.
        """
        found: Any = self._send("GET", "/ready", answers=(Fault.UNAVAILABLE.http,))[1]
        if isinstance(found, dict) and found.get("receiver") is True:
            what = f"{self.url} is a receiver, without a ledger and a graph"
            raise NoLedger(f"{what}: ask the server into whose ledger `headwater ingest` brings what it receives")
        if not isinstance(found, dict) or "entries" not in found:
            raise Unreachable(f"the server {self.url} does not answer /ready as Headwater does")
        return found

    def head(self, path: str, more: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """The headers of an answer. `more` are further headers."""
        return self._send("HEAD", path, headers=more)[0]

    def post(self, path: str, body: bytes, content_type: str, more: Mapping[str, str] | None = None) -> int | None:
        """Send a payload; the number of its ledger entry. `more` are further headers. WrongUse: it was refused."""
        headers = self._send("POST", path, body, {"Content-Type": content_type, **(more or {})})[0]
        entry = headers.get("Headwater-Entry")
        return int(entry) if entry else None

    def post_json(self, path: str, document: Mapping[str, object]) -> dict[str, Any]:
        """Send a JSON object; the JSON of the answer. WrongUse: it was refused."""
        headers = {"Content-Type": "application/json"}
        answer: dict[str, Any] = self._send("POST", path, json.dumps(document).encode(), headers)[1]
        return answer

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        *,
        anonymous: bool = False,
        answers: Collection[int] = (),
    ) -> tuple[Mapping[str, str], Any]:
        """The headers and the JSON of an answer; `answers` are statuses from 400 that count as one."""
        sent = dict(headers or {})
        if self._token and not anonymous:
            sent["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self.url + path, data=body, headers=sent, method=method)  # noqa: S310 - http(s) only, checked above
        try:
            with self._open(request, timeout=timeout or self._timeout) as response:
                return response.headers, _json(response.read())
        except urllib.error.HTTPError as error:
            if error.code not in answers:
                raise self._error_of_answer(error, path) from None
            return {}, _json(error.read())
        except json.JSONDecodeError:
            raise Unreachable(f"what answers at {self.url} is no Headwater server: {path} is not JSON") from None
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise Unreachable(f"the server {self.url} does not answer{self._why(error)}") from None

    def _why(self, error: Exception) -> str:
        """What an error of the connection means, in words where the library's are only understood by who wrote it."""
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            return f" with a certificate that this machine trusts: {reason.verify_message}"
        if isinstance(reason, ssl.SSLError) and reason.reason in _NO_TLS:
            return f" with TLS, it seems to speak plain HTTP: try http:{self.url.removeprefix('https:')}"
        if isinstance(reason, (http.client.RemoteDisconnected, ConnectionResetError, http.client.BadStatusLine)):
            return ": it closed the connection; does it want https://?"
        return f": {reason}"

    def _error_of_answer(self, error: urllib.error.HTTPError, path: str) -> HeadwaterError:
        """Our server says what is wrong as JSON; what says it in another way is another program, or a proxy."""
        body = error.read().decode("utf-8", "replace")
        try:
            said = json.loads(body)
        except ValueError:
            said = {}
        said = said if isinstance(said, dict) else {}
        message = said.get("error") or said.get("message") or _sentence(body, error)
        fault = Fault.of_http_status(error.code)
        if not message:
            what = f"answers {path.partition('?')[0]} with {error.code} {error.reason}"
            address = ": give the address alone, http://HOST:PORT" if _path(self.url) else ""
            message = f"what is at {self.url} {what}, and not as Headwater does{address}"
        if fault is Fault.UNAUTHORISED:
            message = f"{message} ({'look at' if self._token else 'set'} {TOKEN.variable})"
        _, _, scope = str(message).partition(" lacks the scope ")
        if fault is Fault.FORBIDDEN and scope.isalpha():
            message = (
                f"{message}: on the server's machine `headwater token add --scope {scope} NAME` makes one that has it"
            )
        return error_class(fault)(str(message), said.get("suggestions") or (), error.code)


def _address(url: str) -> str:
    """The address of the server, in what may be the address that senders have, or one copied from the browser."""
    bare = url.partition("#")[0].partition("?")[0].rstrip("/")
    for end in _DOORS:
        bare = bare.removesuffix(end)
    return bare


def _sendable(token: str | None) -> str | None:
    """The token, if it can stand in a header. WrongUse: it cannot; the token itself is not shown."""
    token = token and token.strip()
    if token and not (token.isascii() and token.isprintable() and " " not in token):
        raise WrongUse(f"the token in {TOKEN.variable} has a blank, a line break or a letter that no token has")
    return token


def _sentence(body: str, error: urllib.error.HTTPError) -> str:
    """A body that is plain text, as the agents' routes have it; empty if it is a page, or repeats the status."""
    text = body.strip()
    return "" if text.startswith("<") or text.removeprefix(f"{error.code}: ") == error.reason else text


def _path(url: str) -> str:
    return urllib.parse.urlsplit(url).path


def _trusting(certificate: str) -> urllib.request.OpenerDirector:
    """For a server of this machine, whose certificate is for another name than 127.0.0.1."""
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the certificate itself is trusted, without its issuer's
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))


def _host(url: str) -> str | None:
    """None: it is no URL, or its port is no port."""
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts.hostname


def _json(body: bytes) -> Any:
    return json.loads(body) if body else None


def _is_copy(folder: Path, told: object) -> bool:
    """Whether the file was copied with the folder that its server runs on: what is said of the copy is not for that."""
    with suppress(OSError, ValueError):
        return isinstance(told, str) and Path(told).exists() and not folder.samefile(told)
    return False


def running(folder: Path, store: str | None = None) -> Client | None:
    """A client of the server that runs on a data folder; None if none does, even if a killed one left its file there.

    Unreachable: it has another store than the one named.
    """
    try:
        said = json.loads((folder / SERVER_FILE).read_text(encoding="utf-8"))
        client = Client(said["url"], said["token"], certificate=said.get("certificate"))
        instance, its_store = said["instance"], said["store"]
    except (OSError, ValueError, KeyError, TypeError, WrongUse):
        return None
    if _is_copy(folder, said.get("folder")):
        return None
    # The port of a server that was killed may be that of another folder's now.
    if not client.alive(instance):
        return None
    if store not in (None, its_store):
        raise Unreachable(f"a server runs on {folder} with the store {its_store}: stop it, or leave out --store")
    return client
