"""Where the graph is in a Gremlin server of its own, there is no second one in front of it."""

from __future__ import annotations

from typing import cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from headwater.graphstore import GraphStore
from headwater.ingest.gremlin.endpoint import add_routes


@pytest.mark.parametrize("path", ["/gremlin", "/status"])
async def test_over_any_other_store_the_endpoint_is_off(path: str) -> None:
    app = web.Application()
    add_routes(app, cast("GraphStore", "any store that is not embedded"))
    async with TestClient(TestServer(app)) as client:
        answer = await client.get(path)
        assert (answer.status, "connect to that" in await answer.text()) == (404, True)
