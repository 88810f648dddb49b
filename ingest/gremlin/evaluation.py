"""What a request asks, answered within limits: request -> traversal -> results, or why there are none. No socket here.

Status codes are those that TinkerPop's clients know, by whose fault it is (`headwater.faults`).
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from gremlin_python.process.traversal import Bytecode, Traverser

from headwater.faults import Fault
from headwater.graphstore.errors import ReadOnly, StoreError
from headwater.ingest.gremlin.limits import Limits
from headwater.ingest.gremlin.messages import Codec, Request, RequestFailed, Status
from headwater.ingest.gremlin.text import parse
from headwater.ingest.http.error_table import fault_of

log = logging.getLogger(__name__)


class Graph(Protocol):
    """What is asked of the embedded store."""

    def run_bounded(self, bytecode: Bytecode, *, timeout: int, most: int, memory: int, answer: int) -> list[Any]:
        """The results of one read-only traversal that a user wrote."""


def frames(graph: Graph, codec: Codec, body: bytes, limits: Limits) -> Iterator[bytes]:
    """The frames of an answer, the last one closing it. Never raises."""
    asked = codec.id_of(body)
    try:
        request = codec.request(body)
        asked = request.id
        yield from _batches(codec, request, _results(graph, request, limits), limits)
    except RequestFailed as failed:
        yield codec.response(asked, failed.status, failed.sentence, None)
    except StoreError as error:
        yield codec.response(asked, _status(error), _sentence(error), None)
    except Exception:
        reference = uuid.uuid4()
        log.exception("error %s in the answer to a Gremlin request", reference)
        yield codec.response(asked, Status.SERVER_ERROR, f"internal error {reference}, see the log", None)


# What is asked --------------------------------------------------------------------------------------------------------


def _results(graph: Graph, request: Request, limits: Limits) -> list[Any]:
    read = _OPERATIONS.get((request.processor, request.op))
    if read is None:
        raise RequestFailed(Status.INVALID, _unknown(request))
    bytecode = read(request.args)
    timeout = min(limits.milliseconds, _timeout(request.args) or limits.milliseconds)
    found = graph.run_bounded(
        bytecode, timeout=timeout, most=limits.results + 1, memory=limits.memory_bytes, answer=limits.answer_bytes
    )
    if len(found) > limits.results:
        raise RequestFailed(
            Status.SERVER_ERROR, f"there are more than {limits.results} results: ask for a part, by limit()"
        )
    return list(map(Traverser, found)) if request.op == "bytecode" else found


def _unknown(request: Request) -> str:
    if request.processor == "session":
        return "there are no sessions and transactions here: nothing can be changed"
    if request.op == "authentication":
        return "a token is given when connecting, as the header Authorization: Bearer TOKEN"
    return f"there is no operation {request.op[:40]!r} of processor {request.processor[:40]!r}: eval and bytecode"


def _text(args: Mapping[str, Any]) -> Bytecode:
    text, bindings = args.get("gremlin"), args.get("bindings") or {}
    if not isinstance(text, str) or not isinstance(bindings, Mapping):
        raise RequestFailed(Status.INVALID, "eval takes a text as gremlin, and a map of its names' values as bindings")
    return parse(text, bindings, frozenset(_aliases(args)))


def _bytecode(args: Mapping[str, Any]) -> Bytecode:
    bytecode = args.get("gremlin")
    if not isinstance(bytecode, Bytecode):
        raise RequestFailed(Status.INVALID, "bytecode takes bytecode as gremlin")
    _aliases(args)
    return bytecode


_OPERATIONS: Mapping[tuple[str, str], Callable[[Mapping[str, Any]], Bytecode]] = {
    ("", "eval"): _text,
    ("traversal", "bytecode"): _bytecode,
}


def _aliases(args: Mapping[str, Any]) -> set[str]:
    """The names of the graph: g, and what a client calls it."""
    aliases = args.get("aliases") or {}
    if not isinstance(aliases, Mapping):
        raise RequestFailed(Status.INVALID, "aliases is a map")
    for alias, name in aliases.items():
        if name != "g":  # in the words that graph-notebook looks for
            sentence = f"The traversal source [{name!s:.40}] for alias [{alias!s:.40}] is not configured on the server."
            raise RequestFailed(Status.INVALID, sentence)
    return {"g", *map(str, aliases)}


def _whole(args: Mapping[str, Any], name: str) -> int | None:
    value = args.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise RequestFailed(Status.INVALID, f"{name} is a whole number from 0, not {value!r:.40}")
    return value


def _timeout(args: Mapping[str, Any]) -> int | None:
    """In milliseconds; 0 is no bound of its own."""
    return _whole(args, "evaluationTimeout") or _whole(args, "scriptEvaluationTimeout")


# What is answered -----------------------------------------------------------------------------------------------------


def _batches(codec: Codec, request: Request, results: list[Any], limits: Limits) -> Iterator[bytes]:
    size = min(_whole(request.args, "batchSize") or limits.batch, limits.largest_batch)
    if not results:
        yield codec.response(request.id, Status.NO_CONTENT, None, [])
    total = 0
    for begin in range(0, len(results), size):
        last = begin + size >= len(results)
        status = Status.SUCCESS if last else Status.PARTIAL_CONTENT
        frame = codec.response(request.id, status, None, results[begin : begin + size])
        total += len(frame)
        if total > limits.answer_bytes:
            raise RequestFailed(
                Status.SERVER_ERROR, f"the answer has more than {limits.answer_bytes} bytes: ask for a part of it"
            )
        yield frame


def _status(error: StoreError) -> Status:
    return Status((fault_of(error) or Fault.OURS).gremlin)


def _sentence(error: StoreError) -> str:
    if isinstance(error, ReadOnly):
        return "the graph is read here and never changed: it is drawn from the ledger"
    return str(error)
