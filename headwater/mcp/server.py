"""The MCP server: tools, resources and prompts over the canned queries, served with the official Python SDK.

Each request opens its source anew (`headwater.source.find`): a running server is asked over HTTP, and a data folder
without a server is not held while the assistant is silent. Over HTTP a caller's bearer token is handed on to the
Headwater server, whose scopes decide; nothing is answered that the token could not read there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from headwater import __version__
from headwater.errors import HeadwaterError, extra
from headwater.lengths import ago
from headwater.mcp.tools import BY_TOOL, TOOLS, Tool, page_of, text_of

with extra("mcp", "the MCP server"):
    import anyio
    import mcp_types as types
    from mcp import MCPError
    from mcp.server.lowlevel import Server
    from mcp.server.stdio import stdio_server

if TYPE_CHECKING:
    from mcp.server import ServerRequestContext
    from starlette.applications import Starlette

    from headwater.source import Source

#: Opens the source to ask, with the bearer token of the caller (None: there is none).
Opened = Callable[["str | None"], "Source"]

INSTRUCTIONS = """\
Headwater knows where data comes from and where it goes, column by column, across Spark jobs and other tools.
Begin with `search` if you do not have an exact id; a bare name such as orders#revenue is also taken as `node` if it is
unambiguous. Each answer says `complete`: if it is false, `reason` says what is missing, and you should say so too.
Times are in UTC; parameters take them as answers have them, and 24h or 7d for so long ago.
Where an answer has `page`, give the user that link. `coverage` lists the jobs whose lineage is not fully known."""

_PAGE = 100  #: resources that are listed at once
_INVALID_PARAMS = -32602  #: JSON-RPC 2.0


@dataclass(frozen=True)
class _Prompt:
    name: str
    title: str
    description: str
    argument: str
    text: str


_PROMPTS = (
    _Prompt(
        "where-from",
        "Where does this column come from?",
        "Explain in plain words where a column's values come from, back to the raw sources.",
        "column",
        "Where does {} come from? Use lineage (direction=upstream), then explain in two or three sentences for "
        "a business user, naming the sources, the jobs and the important expressions. Say what is not known.",
    ),
    _Prompt(
        "what-breaks",
        "What breaks if I change it?",
        "List what a change of a dataset or column would break, and whom to tell.",
        "node",
        "I want to change {}. Use impact, and group what is affected by owner and by how bad it is. End with whom to "
        "tell and what to test.",
    ),
    _Prompt(
        "trained-on",
        "What did this model train on?",
        "Say which versions of which data a run, for example a training run, read.",
        "run",
        "What exactly did {} read? Use inputs (depth=1, then further back if needed): name each dataset, its version, "
        "who wrote it, and whether it has been overwritten since.",
    ),
)


#: Kinds of resources: the tool that answers, by its name, and the parameter that takes the id.
_RESOURCES: Mapping[str, str] = {"dataset": "dataset", "job": "job"}


class _Handlers:
    """One method for each kind of request."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened

    async def call_tool(
        self, context: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        tool, given = BY_TOOL.get(params.name), params.arguments or {}
        if tool is None:
            raise MCPError(_INVALID_PARAMS, f"there is no tool {params.name!r}")
        try:
            text = await anyio.to_thread.run_sync(_ask, self._opened, _token(context), tool.name, given)
        except HeadwaterError as error:  # the model reads it, and can ask again with a name that exists
            return types.CallToolResult(content=[types.TextContent(text=str(error))], is_error=True)
        return types.CallToolResult(content=[types.TextContent(text=text)])

    async def list_tools(self, _: object, __: object) -> types.ListToolsResult:
        return types.ListToolsResult(
            tools=[
                types.Tool(
                    name=tool.name,
                    title=tool.title,
                    description=tool.description,
                    input_schema=tool.input_schema(),
                    annotations=types.ToolAnnotations(read_only_hint=True, open_world_hint=False),
                )
                for tool in TOOLS
            ]
        )

    async def list_resources(
        self, context: ServerRequestContext[Any], params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        cursor = params.cursor if params else None
        rows, following = await anyio.to_thread.run_sync(_listed, self._opened, _token(context), cursor)
        resources = [
            types.Resource(uri=f"headwater://{kind}/{quote(node, safe='')}", name=node, mime_type="application/json")
            for kind, node in rows
        ]
        return types.ListResourcesResult(resources=resources, next_cursor=following)

    async def list_templates(self, _: object, __: object) -> types.ListResourceTemplatesResult:
        templates = [
            types.ResourceTemplate(
                uri_template=f"headwater://{kind}/{{id}}",
                name=kind,
                description=BY_TOOL[kind].description,
                mime_type="application/json",
            )
            for kind in _RESOURCES
        ]
        return types.ListResourceTemplatesResult(resource_templates=templates)

    async def read_resource(
        self, context: ServerRequestContext[Any], params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        kind, _, node = str(params.uri).removeprefix("headwater://").partition("/")
        if kind not in _RESOURCES or not node:
            raise MCPError(_INVALID_PARAMS, f"there is no resource {params.uri}")
        given = {_RESOURCES[kind]: unquote(node)}
        try:
            text = await anyio.to_thread.run_sync(_ask, self._opened, _token(context), kind, given)
        except HeadwaterError as error:
            raise MCPError(_INVALID_PARAMS, str(error)) from None
        contents = types.TextResourceContents(uri=str(params.uri), text=text, mime_type="application/json")
        return types.ReadResourceResult(contents=[contents])

    async def list_prompts(self, _: object, __: object) -> types.ListPromptsResult:
        return types.ListPromptsResult(
            prompts=[
                types.Prompt(
                    name=prompt.name,
                    title=prompt.title,
                    description=prompt.description,
                    arguments=[types.PromptArgument(name=prompt.argument, required=True)],
                )
                for prompt in _PROMPTS
            ]
        )

    async def get_prompt(self, _: object, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        prompt = next((prompt for prompt in _PROMPTS if prompt.name == params.name), None)
        value = (params.arguments or {}).get(prompt.argument) if prompt else None
        if prompt is None or not value:
            wanted = (
                f"the argument {prompt.argument!r} is required" if prompt else f"there is no prompt {params.name!r}"
            )
            raise MCPError(_INVALID_PARAMS, wanted)
        content = types.TextContent(text=prompt.text.format(value))
        return types.GetPromptResult(
            description=prompt.description, messages=[types.PromptMessage(role="user", content=content)]
        )


def server(opened: Opened) -> Server[Any]:
    """The MCP server; `opened` gives the source that answers."""
    handlers = _Handlers(opened)
    return Server(
        "headwater",
        version=__version__,
        title="Headwater: column-level data lineage",
        instructions=INSTRUCTIONS,
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
        on_list_resources=handlers.list_resources,
        on_list_resource_templates=handlers.list_templates,
        on_read_resource=handlers.read_resource,
        on_list_prompts=handlers.list_prompts,
        on_get_prompt=handlers.get_prompt,
    )


def _ask(opened: Opened, token: str | None, name: str, given: Mapping[str, object]) -> str:
    """The text of a tool's answer. HeadwaterError: it cannot be asked so, or the source does not answer."""
    tool = BY_TOOL[name]
    source = opened(token)
    try:
        answers = {
            key: source.ask(query, parameters).to_dict()
            for key, query, parameters in tool.questions(_with_times(tool, given))
        }
        place = source.place
    finally:
        source.close()
    return text_of(answers, page_of(place if place.startswith("http") else None, answers))


def _with_times(tool: Tool, given: Mapping[str, object]) -> dict[str, object]:
    """The arguments with ``24h`` as the time so long ago: a model does not know what time it is."""
    times = tool.times()
    return {name: ago(value) if name in times and isinstance(value, str) else value for name, value in given.items()}


def _listed(opened: Opened, token: str | None, cursor: str | None) -> tuple[list[tuple[str, str]], str | None]:
    """One page of datasets, then of jobs, and the cursor of the next page: KIND.START."""
    kind, _, start = (cursor or "dataset.0").partition(".")
    if kind not in _RESOURCES or not start.isdecimal():
        raise MCPError(_INVALID_PARAMS, "the cursor is that of the page before")
    try:
        source = opened(token)
        try:
            found = source.ask(f"{kind}s", [("limit", _PAGE), ("next", start)]).to_dict()
        finally:
            source.close()
    except HeadwaterError as error:
        raise MCPError(_INVALID_PARAMS, str(error)) from None
    following = f"{kind}.{found['next']}" if found["next"] else "job.0" if kind == "dataset" else None
    return [(kind, row["id"]) for row in found["rows"]], following


def _token(context: ServerRequestContext[Any]) -> str | None:
    """The bearer token of the HTTP request; None over stdio."""
    headers = getattr(context.request, "headers", None)
    scheme, _, token = (headers.get("authorization", "") if headers else "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


async def serve_stdio(opened: Opened) -> None:
    """Serve one client on standard input and output, until it closes them."""
    served = server(opened)
    async with stdio_server() as (reading, writing):
        await served.run(reading, writing, served.create_initialization_options())


def http_app(opened: Opened, host: str) -> Starlette:
    """The ASGI application of MCP's streamable HTTP, at ``/mcp``; without sessions, so that many may serve it."""
    return server(opened).streamable_http_app(host=host, stateless_http=True, json_response=True)
