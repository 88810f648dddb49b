"""An assistant asks over MCP: the official SDK's own client, over stdio and HTTP, on the recorded pipeline."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from headwater.client import Client as HeadwaterClient
from headwater.errors import Unreachable
from headwater.loading import through
from headwater.mcp.server import server as mcp_server
from headwater.mcp.tools import MOST, TOOLS, text_of
from headwater.queries.answers.audit import Audit
from headwater.queries.catalogue.catalogue import BY_NAME
from headwater.source import Remote, Source
from tests.acceptance.door import PATIENCE, PIPELINE, Server, environment, headwater, serving

LAST = "file:///data/lake/pipe/out/churn_by_country#avg_score"
REPORT = LAST.partition("#")[0]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("mcp") / "data") as server:
        through(HeadwaterClient(server.url), map(Path, PIPELINE), lambda _done, _total: None)
        assert server.get("/api/v1/stats?after=18")[0] == 200
        yield server


def assistant(running: Server) -> AbstractAsyncContextManager[Client]:
    """The SDK's client, connected in this process; the questions go to the running server."""
    return Client(mcp_server(lambda _token: Remote(HeadwaterClient(running.url))))


async def asked(client: Client, tool: str, **given: object) -> dict[str, Any]:
    found = await client.call_tool(tool, dict(given))
    assert not found.is_error, found.content
    (content,) = found.content
    assert content.type == "text"
    answer: dict[str, Any] = json.loads(content.text)
    return answer


async def test_a_source_that_is_away_is_told_where_resources_are_listed() -> None:
    def away(_token: str | None) -> Source:
        raise Unreachable("no server runs there")

    async with Client(mcp_server(away)) as client:
        with pytest.raises(MCPError, match="no server runs there"):
            await client.list_resources()


async def test_every_tool_is_listed_with_what_it_takes(running: Server) -> None:
    async with assistant(running) as client:
        listed = (await client.list_tools()).tools
    assert [tool.name for tool in listed] == [tool.name for tool in TOOLS]
    for tool in listed:
        assert len(tool.description or "") > 60
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
        for name, schema in tool.input_schema["properties"].items():
            assert schema["description"], (tool.name, name)


#: What people ask an assistant, and the calls that answer it: at most three.
QUESTIONS: dict[str, list[tuple[str, dict[str, object], str]]] = {
    "where does avg_score come from": [
        ("search", {"q": "avg_score"}, LAST),
        ("lineage", {"node": LAST, "direction": "upstream"}, "orders.csv#amount"),
    ],
    "how is it computed": [("explain", {"node": LAST}, "avg(churn_score)")],
    "what is made of the raw amount": [
        ("lineage", {"node": "orders.csv#amount", "direction": "downstream"}, LAST),
    ],
    "what breaks if I drop it": [("impact", {"node": "orders.csv#amount", "change": "drop"}, "churn_by_country")],
    "why is the report wrong today": [("why", {"node": REPORT}, "last write")],
    "what is in this table": [("dataset", {"dataset": REPORT}, "n_churn")],
    "what did the model train on": [
        ("job", {"job": "spark/pipeline.train_and_score"}, "run:"),
        ("inputs", {"node": "predictions.parquet"}, "training_set.parquet"),
    ],
    "who has to run again after a bad load of orders": [
        ("runs", {"job": "spark/pipeline.stage_orders"}, "run:"),
        ("consumers", {"node": "staging/orders"}, "pipeline.score_report"),
    ],
    "when did the logic change": [("changes", {"node": LAST, "upstream": True}, "avg(churn_score)")],
    "what ran since yesterday, and did it fail": [
        ("latest_runs", {"since": "2026-11-22T22:03Z"}, "pipeline.score_report"),
        ("latest_runs", {"since": "2026-11-22", "status": "failed"}, '"rows": []'),
    ],
    "what failed in the last day, and what changed this week": [
        ("latest_runs", {"since": "24h", "status": "failed"}, '"rows": []'),
        ("changes", {"node": LAST, "upstream": True, "from": "2000d"}, "avg(churn_score)"),
    ],
    "what does nobody use": [("estate", {}, '"unread-datasets": {')],
    "what does most depend on": [("estate", {"limit": 1}, "staging/customers")],
    "who can read the report": [("who_can_read", {"node": REPORT}, '"rows": []')],
    "is anything unknown": [("coverage", {}, "complete")],
}


@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_typical_question_takes_at_most_three_calls(question: str, running: Server) -> None:
    calls = QUESTIONS[question]
    assert len(calls) <= 3
    async with assistant(running) as client:
        for tool, given, expected in calls:
            answer = await asked(client, tool, **given)
            assert expected in json.dumps(answer), (tool, answer)


async def test_an_answer_says_that_it_is_complete_and_links_to_the_page(running: Server) -> None:
    async with assistant(running) as client:
        answer = await asked(client, "lineage", node=LAST)
    assert answer["complete"] is True
    assert answer["page"] == f"{running.url}/?node=file:///data/lake/pipe/out/churn_by_country%23avg_score"


@pytest.mark.parametrize(
    ("tool", "given", "query"),
    [
        ("diff", {"node": "spark/pipeline.features"}, "job=job:spark/pipeline.features"),
        ("runs", {"job": "spark/pipeline.features"}, "job=job:spark/pipeline.features"),
        ("job", {"job": "job:spark/pipeline.features"}, "job=job:spark/pipeline.features"),
        ("dataset", {"dataset": "churn_by_country"}, f"node={REPORT}"),
        ("impact", {"node": "churn_by_country", "change": "drop"}, f"node={REPORT}"),
        ("inputs", {"node": "churn_by_country"}, f"node={REPORT}"),
        ("paths", {"from": "orders.csv", "to": REPORT}, None),
        ("coverage", {}, None),
    ],
)
async def test_the_link_is_to_what_the_page_can_show(
    tool: str, given: dict[str, object], query: str | None, running: Server
) -> None:
    async with assistant(running) as client:
        answer = await asked(client, tool, **given)
    assert answer.get("page") == (query and f"{running.url}/?{query}")


async def test_the_link_of_a_run_is_to_the_run_and_of_a_version_there_is_none(running: Server) -> None:
    async with assistant(running) as client:
        (run, *_) = (await asked(client, "runs", job="spark/pipeline.features"))["rows"]
        answer = await asked(client, "inputs", node=run["id"].removeprefix("run:"))
        (version, *_) = (await asked(client, "dataset", dataset=REPORT))["lastWrites"]["rows"]
        of_version = await asked(client, "inputs", node=version["id"])
    assert answer["page"] == f"{running.url}/?run={run['id']}"
    assert "page" not in of_version


async def test_a_mistake_is_answered_so_that_the_model_can_ask_again(running: Server) -> None:
    async with assistant(running) as client:
        found = await client.call_tool("lineage", {"node": "churn_by_countri#avg_score"})
        assert found.is_error
        assert "churn_by_country" in found.content[0].text  # type: ignore[union-attr]
        with pytest.raises(MCPError, match="no tool"):
            await client.call_tool("erase", {"node": LAST})


async def test_datasets_and_jobs_are_resources(running: Server) -> None:
    async with assistant(running) as client:
        first = await client.list_resources()
        uris = {resource.name: str(resource.uri) for resource in first.resources}
        following = await client.list_resources(cursor=first.next_cursor)
        jobs = {resource.name for resource in following.resources}
        read = await client.read_resource(uris[REPORT])
        templates = await client.list_resource_templates()
    assert "job:spark/pipeline.features" in jobs
    assert "n_churn" in read.contents[0].text  # type: ignore[union-attr]
    assert {template.name for template in templates.resource_templates} == {"dataset", "job"}


async def test_the_three_main_questions_are_prompts(running: Server) -> None:
    async with assistant(running) as client:
        prompts = (await client.list_prompts()).prompts
        assert len(prompts) == 3
        for prompt in prompts:
            (argument,) = prompt.arguments or []
            got = await client.get_prompt(prompt.name, {argument.name: LAST})
            assert LAST in got.messages[0].content.text  # type: ignore[union-attr]


@asynccontextmanager
async def over_stdio(*arguments: str) -> AsyncIterator[Client]:
    command = ["-m", "headwater", "mcp", *arguments]
    started = StdioServerParameters(command=sys.executable, args=command, env=dict(environment()))
    async with Client(stdio_client(started)) as client:
        yield client


async def test_over_stdio_a_data_folder_is_asked_and_not_held(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert headwater("load", *PIPELINE, "--data", data).returncode == 0
    async with over_stdio("--data", str(data)) as client:
        assert LAST in json.dumps(await asked(client, "search", q="avg_score"))
        again = headwater("upstream", LAST, "--data", data)  # another process can have the folder at the same time
        assert again.returncode == 0, again.stderr
        assert (await asked(client, "lineage", node=LAST))["complete"] is True


@contextmanager
def over_http(*arguments: str) -> Iterator[str]:
    """The URL of ``headwater mcp --http`` on a port that is free."""
    command = [sys.executable, "-m", "headwater", "mcp", "--http", "--port", "0", *arguments]
    # A token in the environment of who starts it must not become the callers' token.
    variables = {**environment(), "HEADWATER_TOKEN": "not-for-callers"}
    with subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            assert said.startswith("MCP server on http://127.0.0.1:"), said
            yield said.split()[3].rstrip(";")
        finally:
            process.terminate()


@asynccontextmanager
async def caller(url: str, token: str | None) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    retrying = httpx2.AsyncHTTPTransport(retries=20)  # it listens a moment after it says so
    async with (
        httpx2.AsyncClient(headers=headers, transport=retrying, timeout=PATIENCE) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


async def test_over_http_a_caller_can_ask_what_its_token_can_read(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert headwater("load", *PIPELINE, "--data", data).returncode == 0
    tokens = {
        scope: headwater("token", "add", scope, "--scope", scope, "--data", data).stdout.split()[-1]
        for scope in ("read", "write")
    }
    with serving(data) as server, over_http("--server", server.url) as url:
        async with caller(url, tokens["read"]) as client:
            assert (await asked(client, "lineage", node=LAST))["complete"] is True
        for token in (tokens["write"], None):
            async with caller(url, token) as client:
                refused = await client.call_tool("lineage", {"node": LAST})
                assert refused.is_error


def test_without_a_server_http_says_what_to_start(tmp_path: Path) -> None:
    found = headwater("mcp", "--http", "--data", tmp_path / "data")
    assert (found.returncode, "headwater serve" in found.stderr) == (2, True)


async def test_times_are_text_that_is_taken_back(running: Server) -> None:
    async with assistant(running) as client:
        wrote = (await asked(client, "why", node=LAST))["rows"][0]["timestamp"]
        assert wrote == "2026-11-22T22:04:46.180Z"
        before = await asked(client, "changes", node=LAST, to=wrote)
        assert [row["timestamp"] for row in before["rows"]] == [wrote]


def test_a_long_answer_is_cut_and_says_so() -> None:
    rows = [{"id": f"s3://lake/{number}", "detail": "x" * 100, "masking": False} for number in range(5_000)]
    text = text_of({"": {"shape": "rows", "rows": rows, "complete": True, "reason": None}}, None)
    answer = json.loads(text)
    assert len(text) <= MOST
    assert answer["complete"] is False
    assert "cut" in answer["reason"]
    assert answer["rows"][0] == {"id": "s3://lake/0", "detail": "x" * 100}  # what says nothing is left out


def test_a_long_audit_keeps_its_findings_and_its_columns() -> None:
    columns = [{"id": f"s3://lake/t#{number}", "sources": ["s3://lake/raw#a"] * 40} for number in range(200)]
    found = Audit("arn:x", "endpoint", "x", None, columns=tuple(columns), findings=({"kind": "changed", "text": "it"},))
    text = text_of({"": found.to_dict()}, None)
    told = json.loads(text)
    assert len(text) <= 40_000
    assert (told["findings"], told["complete"]) == ([{"kind": "changed", "text": "it"}], False)
    assert 0 < len(told["columns"]) < 200


def test_the_tools_ask_queries_that_exist_with_parameters_that_exist() -> None:
    for tool in TOOLS:
        for _, query, fixed in tool.parts:
            assert fixed.keys() <= {parameter.name for parameter in BY_NAME[query].parameters}, tool.name
