"""Spline's Producer API, the client's side: the handshake, a plan, its event. Works with any Spline server.

Source: https://absaoss.github.io/spline/ (Producer API 1.1 and 1.2)
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headwater.spark.auth import Auth
from headwater.spark.settings import Options
from headwater.spark.web import Answer, Failed, Web
from headwater.spline_bridge.agent import Report

__all__ = ["VERSIONS", "Producer", "base_url"]

#: Versions of the API that this client can send, the best first. A plan of 1.1 is one of 1.2 without labels.
VERSIONS = ("1.2", "1.1")
_VERSION_HEADER = "ABSA-Spline-API-Version"
_ENCODING_HEADER = "ABSA-Spline-Accept-Request-Encoding"
#: Bytes above which a body is compressed, if the server accepts that; the Scala agent has the same limit.
_PACKED_ABOVE = 2_048


def base_url(url: str) -> str:
    """The Producer API of a server, whether or not `url` names it."""
    return url if url.endswith("/producer") else f"{url}/producer"


@dataclass(frozen=True)
class _Agreed:
    version: str
    gzip: bool


class Producer:
    """The client of one server. Not thread-safe."""

    def __init__(self, options: Options, web: Web, auth: Auth) -> None:
        self._base = base_url(options.url)
        self._wanted = options.api_version
        self._web = web
        self._auth = auth
        self._timeout = options.timeout_seconds
        self._agreed: _Agreed | None = None

    def send(self, report: Report) -> None:
        """The plan, then its event. Failed: the server does not answer, or refuses."""
        agreed = self._handshake()
        try:
            self._post("/execution-plans", _plain(report.plan, agreed), agreed)
            self._post("/execution-events", [_plain(report.event, agreed)], agreed)
        except Failed:
            self._agreed = None  # another server, or another version of it, may answer next time
            raise

    def _handshake(self) -> _Agreed:
        """What the server accepts: asked once, and again after each failure."""
        if self._agreed is None:
            answer = self._request("HEAD", "/status")
            if not answer.done and answer.status not in _NO_HANDSHAKE:
                raise _refusal(answer, "status")
            self._agreed = _agreement(answer, self._wanted)
        return self._agreed

    def _post(self, path: str, document: Any, agreed: _Agreed) -> None:
        body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        headers = {"Content-Type": f"application/vnd.absa.spline.producer.v{agreed.version}+json"}
        if agreed.gzip and len(body) > _PACKED_ABOVE:
            body, headers["Content-Encoding"] = gzip.compress(body, 6, mtime=0), "gzip"
        answer = self._request("POST", path, headers, body)
        if not answer.done:
            raise _refusal(answer, path.strip("/"))

    def _request(self, method: str, path: str, more: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        url = self._base + path
        headers = {"User-Agent": "headwater-spark", "X-SPLINE-TIMEOUT": str(int(self._timeout * 1_000)), **(more or {})}
        headers |= self._auth(method, url, headers, body)
        return self._web.send(method, url, headers, body or None)


#: Statuses of a gateway that lets only POST requests through.
_NO_HANDSHAKE = frozenset({404, 405, 501})


def _agreement(answer: Answer, wanted: str) -> _Agreed:
    """The versions in the server's headers, one in each; some gateways join them into one header."""
    offered = [part.strip() for line in answer.headers.get_all(_VERSION_HEADER, ()) for part in line.split(",")]
    packs = "gzip" in (answer.headers.get(_ENCODING_HEADER) or "")
    version = wanted or next((each for each in VERSIONS if each in offered or not offered), "")
    if not version:
        raise Failed(f"the server speaks Producer API {', '.join(offered)}, the agent {' and '.join(VERSIONS)}", 415)
    return _Agreed(version, packs)


def _plain(document: Mapping[str, Any], agreed: _Agreed) -> Mapping[str, Any]:
    """The plan without labels, which came with 1.2."""
    if agreed.version == "1.1" and "labels" in document:
        return {name: value for name, value in document.items() if name != "labels"}
    return document


def _refusal(answer: Answer, what: str) -> Failed:
    """The status and the first line of the server's answer, without control characters."""
    text = answer.body.decode("utf-8", "replace").strip()
    first = re.sub(r"[^\x20-\x7e]+", " ", text.splitlines()[0])[:200] if text else ""
    said = f"{what}: the server answered {answer.status}" + (f" ({first})" if first else "")
    return Failed(said, answer.status, _pause(answer.headers.get("Retry-After")), _REMEDIES.get(answer.status, ""))


_REMEDIES = {
    401: "name a token of the scope write: HEADWATER_TOKEN or spark.headwater.token",
    403: "its token needs the scope write, and to be of the job's own account if it is bound to one",
    404: "is this the URL of a Headwater or Spline server?",
    421: "start the server with --allow-host and the host in this URL",
}


def _pause(value: str | None) -> float | None:
    """Retry-After in seconds; a date is not read."""
    return float(value) if value and re.fullmatch(r"\d{1,4}", value.strip()) else None
