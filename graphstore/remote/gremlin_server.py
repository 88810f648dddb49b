"""A TinkerPop Gremlin Server at ``ws://`` or ``wss://``: its address, and its errors as those of the port.

Status codes: https://tinkerpop.apache.org/docs/3.7.3/dev/provider/ ("Graph Driver Provider Requirements").
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import SplitResult, parse_qsl, urlsplit

from gremlin_python.driver.protocol import GremlinServerError

from headwater.graphstore.errors import Exceeded, InvalidRequest, PermanentError, StoreError, TransientError
from headwater.graphstore.remote.channel import Channel, SingleClient
from headwater.graphstore.remote.requests import Budget
from headwater.graphstore.remote.store import Limits, RemoteStore

USERNAME, PASSWORD = "HEADWATER_STORE_USERNAME", "HEADWATER_STORE_PASSWORD"
#: About 1,000 elements; beyond that a request gets no cheaper. The server's own default is 10 MiB a request.
LIMITS = Limits(Budget(records=5_000, bytes=1_000_000))
_CONNECTIONS = 4
#: Seconds without an answer after which a connection counts as dead: longer than any request may take.
_ANSWER_WITHIN = 180.0
_EXPECTED = "expected ws://HOST:PORT/gremlin, and ?g=NAME for a traversal source that is not called g"
_STATUS: Mapping[int, type[StoreError]] = {
    401: InvalidRequest,
    403: InvalidRequest,
    407: InvalidRequest,
    498: InvalidRequest,  # malformed
    499: InvalidRequest,  # no such traversal source
    596: TransientError,
    597: InvalidRequest,  # a script that does not parse
    598: Exceeded,  # evaluationTimeout
    599: InvalidRequest,  # a step or a type that this server does not know
}
#: Of the rest, which all come as 500.
_WORDS: tuple[tuple[str, type[StoreError]], ...] = (
    ("OutOfMemoryError", TransientError),
    ("Java heap space", TransientError),
    ("RejectedExecutionException", TransientError),
    ("TransactionException", TransientError),  # two writers met (TinkerTransactionGraph)
)
_LONGEST = 300


def open_gremlin_server(url: str, *, readonly: bool = False) -> RemoteStore:
    """The graph of a Gremlin Server; nothing is sent yet. InvalidRequest: the URL is none."""
    name, source = _address(url)

    def connect() -> SingleClient:
        return SingleClient(
            name,
            source,
            username=os.environ.get(USERNAME, ""),
            password=os.environ.get(PASSWORD, ""),
            answer_within=_ANSWER_WITHIN,
        )

    channel = Channel(name, connect, store_error, threads=_CONNECTIONS)
    return RemoteStore(channel, channel, LIMITS, readonly=readonly)


def store_error(error: GremlinServerError) -> StoreError:
    """The port's error for what the server answers; its text is the server's, without the trace."""
    text = str(error.status_message).partition("\n")[0][:_LONGEST]
    causes = (error.status_attributes or {}).get("exceptions") or ()
    said = " ".join([text, *map(str, causes)])
    kind = _STATUS.get(error.status_code) or next((kind for words, kind in _WORDS if words in said), PermanentError)
    return kind(text or f"the server answers with status {error.status_code}")


def _address(url: str) -> tuple[str, str]:
    """The URL to connect to, and the name of the traversal source."""
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0) and not parts.fragment
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise InvalidRequest(f"a store's address cannot be read: {_EXPECTED}") from None
    if parts.username is not None or parts.password is not None:
        raise InvalidRequest(f"no user or password in a store's URL: set {USERNAME} and {PASSWORD}")
    source = options.pop("g", "g")
    if not usable or options or not source:
        raise InvalidRequest(f"{url!r} is no store: {_EXPECTED}")
    return _place(parts), source


def _place(parts: SplitResult) -> str:
    path = parts.path if parts.path not in ("", "/") else "/gremlin"
    return f"{parts.scheme}://{parts.netloc}{path}"
