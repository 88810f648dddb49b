"""Asking a running server over HTTP, with the standard library: answers come back as they went out."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from headwater.errors import HeadwaterError, Unreachable, WrongUse
from headwater.settings import SERVER_FILE, TOKEN

_TIMEOUT = 60.0
_ALIVE_TIMEOUT = 2.0
_NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Client:
    """One server. Its answers are JSON; what it refuses is raised."""

    def __init__(self, url: str, token: str | None = None) -> None:
        if not url.startswith(("http://", "https://")):
            raise WrongUse(f"{url!r} is no server: expected http://HOST:PORT")
        self.url = url.rstrip("/")
        self._token = token or os.environ.get(TOKEN.variable)

    def alive(self) -> bool:
        """Whether a Headwater server answers there."""
        try:
            return bool(self._send("GET", "/health", timeout=_ALIVE_TIMEOUT)[1].get("status") == "ok")
        except (HeadwaterError, AttributeError):
            return False

    def get(self, path: str, parameters: Iterable[tuple[str, object]] = ()) -> dict[str, Any]:
        """The JSON at a path. WrongUse: 400 and 404; Unreachable: no connection, 503."""
        query = urllib.parse.urlencode([(key, str(value)) for key, value in parameters if value is not None])
        found: dict[str, Any] = self._send("GET", f"{path}?{query}" if query else path)[1]
        return found

    def head(self, path: str) -> Mapping[str, str]:
        """The headers of an answer."""
        return self._send("HEAD", path)[0]

    def post(self, path: str, body: bytes, content_type: str, **more: str) -> int | None:
        """Send a payload; the number of its ledger entry. `more` are further headers. WrongUse: it was refused."""
        named = {key.replace("_", "-"): value for key, value in more.items()}
        headers = self._send("POST", path, body, {"Content-Type": content_type, **named})[0]
        entry = headers.get("Headwater-Entry")
        return int(entry) if entry else None

    def _send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = _TIMEOUT,
    ) -> tuple[Mapping[str, str], Any]:
        sent = dict(headers or {})
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        request = urllib.request.Request(self.url + path, data=body, headers=sent, method=method)  # noqa: S310 - http(s) only, checked above
        try:
            with _NO_PROXY.open(request, timeout=timeout) as response:
                return response.headers, _json(response.read())
        except urllib.error.HTTPError as error:
            raise _refusal(error) from None
        except (urllib.error.URLError, OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise Unreachable(f"the server {self.url} does not answer: {reason}") from None


def _json(body: bytes) -> Any:
    return json.loads(body) if body else None


def _refusal(error: urllib.error.HTTPError) -> HeadwaterError:
    body = error.read().decode("utf-8", "replace")
    try:
        said = json.loads(body)
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    message = str(said.get("error") or said.get("message") or body or error.reason)
    kinds = {400: WrongUse, 404: WrongUse, 413: WrongUse, 415: WrongUse, 401: WrongUse, 403: WrongUse, 503: Unreachable}
    if error.code == 401:  # noqa: PLR2004 - HTTP's own number
        message += f" (set {TOKEN.variable})"
    return kinds.get(error.code, HeadwaterError)(message, said.get("suggestions") or ())


def running(folder: Path) -> Client | None:
    """The server that runs on a data folder, if one does: a file left by one that was killed does not count."""
    try:
        said = json.loads((folder / SERVER_FILE).read_text(encoding="utf-8"))
        client = Client(said["url"])
    except (OSError, ValueError, KeyError, TypeError, WrongUse):
        return None
    return client if client.alive() else None
