"""``POST /sagemaker/query-lineage``: what SageMaker's clients ask, answered from this graph.

boto3 and the SageMaker SDK can be pointed at it: ``boto3.client("sagemaker", endpoint_url=URL + "/sagemaker/query-
lineage")``. Not here: what the answer is (`aws_bridge.query_lineage`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from aiohttp import web

from headwater.aws_bridge.query_lineage import InvalidRequest, answer
from headwater.ingest.folder.answering import Answering
from headwater.ingest.folder.stopping import Check
from headwater.ingest.http.routes import add_route
from headwater.queries.answers.errors import QueryError

PATH = "/sagemaker/query-lineage"
_MOST_BYTES = 64 * 2**10
_TYPE = "application/x-amz-json-1.1"
_TARGET = "SageMaker.QueryLineage"

Run = Callable[[web.Request, Callable[[Check], dict[str, Any]]], Awaitable[dict[str, Any]]]
"""Does work that asks the graph, in a thread, for a request."""


def add_routes(app: web.Application, service: Answering, run: Run) -> None:
    """The route, with and without the slash at the end that boto3 adds."""

    async def query_lineage(request: web.Request) -> web.Response:
        try:
            asked = await _asked(request)
            return _json(await run(request, lambda check: answer(asked, _asking(service, check))), 200)
        except InvalidRequest as error:
            return _json({"__type": error.code, "message": str(error)}, 400)
        except QueryError as error:
            return _json({"__type": "ValidationException", "message": error.message}, 400)

    for path in (PATH, f"{PATH}/"):
        add_route(app, path, query_lineage, "read", methods=["POST"])


def _asking(service: Answering, check: Check) -> Callable[[str, Mapping[str, object]], Any]:
    return lambda name, given: service.ask(name, list(given.items()), check)


async def _asked(request: web.Request) -> dict[str, Any]:
    target = request.headers.get("X-Amz-Target", _TARGET)
    if target != _TARGET:
        raise InvalidRequest("UnknownOperationException", f"only QueryLineage is answered here, not {target[:100]}")
    body = await request.read()
    if len(body) > _MOST_BYTES:
        raise InvalidRequest("ValidationException", f"the request is larger than {_MOST_BYTES:,} bytes")
    try:
        asked = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise InvalidRequest("SerializationException", f"the request is no JSON: {error}") from None
    if not isinstance(asked, dict):
        raise InvalidRequest("SerializationException", "the request must be a JSON object")
    return asked


def _json(content: Mapping[str, Any], status: int) -> web.Response:
    return web.Response(body=orjson.dumps(content), status=status, content_type=_TYPE)
