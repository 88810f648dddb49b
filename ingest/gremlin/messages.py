"""Requests and responses of a Gremlin Server, apart from how they are written; and what a wire format does. Pure.

Protocol: https://tinkerpop.apache.org/docs/3.7.3/dev/provider/#_graph_driver_provider_requirements
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol

from headwater.faults import Fault


class Status(IntEnum):
    """TinkerPop's status codes, as far as they are sent."""

    SUCCESS = 200
    NO_CONTENT = 204
    PARTIAL_CONTENT = 206  #: more frames follow
    FORBIDDEN = 403  #: the traversal changes the graph
    TOO_MANY_REQUESTS = 429
    SERIALIZATION = 497  #: the frame names a format that is not read here
    MALFORMED = 498  #: the frame cannot be read
    INVALID = 499  #: the request can be read, and asks for what there is not
    SERVER_ERROR = 500
    FAIL_STEP = 595  #: the traversal reached its step fail()
    TEMPORARY = 596  #: the same request may be answered later
    EVALUATION = 597  #: the traversal is refused
    TIMEOUT = 598


class RequestFailed(Exception):
    """A request is answered without a result: with a status and one sentence that says why."""

    fault = Fault.INVALID

    def __init__(self, status: Status, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


NO_ID = uuid.UUID(int=0)  #: the id of a request whose id cannot be read


@dataclass(frozen=True)
class Request:
    """What a client asks: the operation, the processor that it names, and their arguments."""

    id: uuid.UUID
    op: str
    processor: str
    args: Mapping[str, Any] = field(default_factory=dict)


class Codec(Protocol):
    """A wire format. What it reads are gremlinpython's objects, what it writes gremlinpython reads."""

    @property
    def mime(self) -> str:
        """Its name on the wire."""

    def id_of(self, body: bytes) -> uuid.UUID:
        """The id of a request, read before and apart from the rest; NO_ID where there is none. Never raises."""

    def request(self, body: bytes) -> Request:
        """The request. RequestFailed with MALFORMED."""

    def response(self, request: uuid.UUID, status: Status, message: str | None, data: list[Any] | None) -> bytes:
        """One frame of an answer."""


@dataclass(frozen=True)
class Reads:
    """In a table of gremlinpython's readers: how one type is read. A subclass of theirs would register itself there."""

    objectify: Callable[..., Any]


@dataclass(frozen=True)
class Writes:
    """In a table of gremlinpython's writers: how one type is written."""

    dictify: Callable[..., Any]
