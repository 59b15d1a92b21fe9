"""``/mcp``: assistants ask what the caller may see (Model Context Protocol, streamable HTTP).

Its tools are the ``GET`` operations of the OpenAPI document, its resources the documentation. A
call is a request to the API with the key of whoever called: roles, buildings, limits and the audit
are those of the API, and nothing can be changed. Needs the extra ``bms[mcp]``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode

from fastapi import APIRouter, FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from api.deps import Reader
from bms.errors import ConfigError

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server
    from mcp_types import CallToolResult, ListResourcesResult, ListToolsResult, ReadResourceResult

MOST_CHARACTERS = 60_000
"""Of one answer [1]; more is cut, and told how to ask for less."""
LEFT_OUT = ("/v1/events", "/v1/exports", "/v1/controllers", ".csv")
"""Streams and files are not for reading aloud; fetching a schedule renews its lease."""
WHOLE_IDS = frozenset({"point_id"})
"""Parameters that hold a slash."""
DOCUMENTS = Path(__file__).parents[2] / "docs"
DOCUMENT = "bms://openapi.json"
INVALID_PARAMETERS = -32602
INSTRUCTIONS = (
    "Buildings of a municipality: readings, plans, savings, faults and work. Read-only. Units "
    "stand in field names, times are ISO 8601. Intervals and verdicts belong to their numbers."
)

router = APIRouter()


class AssistantAnswer(Response):
    """Answers one message of an assistant, on behalf of who sent it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        server = server_of(scope["app"], Request(scope).headers.get("authorization", ""))
        manager = StreamableHTTPSessionManager(server, json_response=True, stateless=True)
        async with manager.run():
            await manager.handle_request(scope, receive, send)


@router.post("/mcp", include_in_schema=False)
def ask(request: Request, key: Reader) -> Response:
    """A message of an assistant, as JSON-RPC 2.0."""
    if find_spec("mcp") is None:
        raise HTTPException(404, "there is no /mcp here; install bms[mcp]")
    return AssistantAnswer()


@dataclass(frozen=True, slots=True)
class AskedTool:
    """An operation that may be called: its path and the names of its parameters by place."""

    name: str
    path: str
    title: str
    about: str
    in_path: frozenset[str]
    schema: Mapping[str, Any]

    def address(self, given: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The path and the query of a call.

        Raises ``ConfigError`` where a part of the path lacks, or would lead to another operation.
        """
        path = self.path
        for name in self.in_path:
            value = str(given.get(name, ""))
            if not value or value.count("/") > (name in WHOLE_IDS) or ".." in value:
                raise ConfigError(f"{self.name}: {name} is needed, without slashes of its own")
            path = path.replace(f"{{{name}}}", quote(value, safe="/"))
        return path, {k: v for k, v in given.items() if k not in self.in_path and v is not None}


def tools_of(document: Mapping[str, Any]) -> dict[str, AskedTool]:
    """The operations of the document that only read, by name."""
    found = (_tool(path, rows["get"]) for path, rows in document["paths"].items() if "get" in rows)
    return {tool.name: tool for tool in found if _is_read_aloud(tool.path)}


def _is_read_aloud(path: str) -> bool:
    return path.startswith("/v1/") and not any(part in path for part in LEFT_OUT)


def _tool(path: str, said: Mapping[str, Any]) -> AskedTool:
    parameters = [each for each in said.get("parameters", ()) if each["in"] in ("path", "query")]
    schema = {
        "type": "object",
        "properties": {each["name"]: _described(each) for each in parameters},
        "required": [each["name"] for each in parameters if each["required"]],
        "additionalProperties": False,
    }
    name = path.removeprefix("/v1/").replace("/", "_").replace("-", "_")
    return AskedTool(
        name="".join(sign for sign in name if sign not in "{}"),
        path=path,
        title=said["summary"],
        about=said.get("description", said["summary"]),
        in_path=frozenset(each["name"] for each in parameters if each["in"] == "path"),
        schema=schema,
    )


def _described(parameter: Mapping[str, Any]) -> dict[str, Any]:
    about = parameter.get("description")
    return {**parameter["schema"], **({"description": about} if about else {})}


@cache
def documents(folder: Path = DOCUMENTS) -> Mapping[str, Path]:
    """The documentation that is installed beside the product, by address."""
    files = sorted((*folder.glob("*.md"), *folder.glob("operate/*.md")))
    return {f"bms://docs/{file.relative_to(folder)}": file for file in files}


def server_of(app: FastAPI, authorization: str) -> Server[Any]:
    """What answers an assistant that shows this key."""
    import mcp_types as types
    from mcp.server.lowlevel import Server

    tools = tools_of(app.openapi())

    async def list_tools(_: object, __: object) -> ListToolsResult:
        read_only = types.ToolAnnotations(read_only_hint=True, open_world_hint=False)
        return types.ListToolsResult(
            tools=[
                types.Tool(
                    name=tool.name,
                    title=tool.title,
                    description=tool.about,
                    input_schema=dict(tool.schema),
                    annotations=read_only,
                )
                for tool in tools.values()
            ]
        )

    async def call_tool(_: object, asked: types.CallToolRequestParams) -> CallToolResult:
        status, text = await _called(app, authorization, tools, asked.name, asked.arguments or {})
        content = types.TextContent(type="text", text=text)
        return types.CallToolResult(content=[content], is_error=status >= 400)

    async def list_resources(_: object, __: object) -> ListResourcesResult:
        addresses = (DOCUMENT, *documents())
        named = [types.Resource(uri=each, name=each.rpartition("/")[2]) for each in addresses]
        return types.ListResourcesResult(resources=named)

    async def read_resource(
        _: object, asked: types.ReadResourceRequestParams
    ) -> ReadResourceResult:
        uri = str(asked.uri)
        contents = types.TextResourceContents(uri=uri, text=_resource(app, uri))
        return types.ReadResourceResult(contents=[contents])

    return Server(
        "bms",
        version=app.version,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_read_resource=read_resource,
    )


async def _called(
    app: FastAPI,
    authorization: str,
    tools: Mapping[str, AskedTool],
    name: str,
    given: Mapping[str, Any],
) -> tuple[int, str]:
    """Status and text of the API's answer."""
    tool = tools.get(name)
    if tool is None:
        return 404, f"there is no tool {name[:100]!r}"
    try:
        path, query = tool.address(given)
    except ConfigError as error:
        return 422, str(error)
    status, body = await _got(app, path, urlencode(query, doseq=True), authorization)
    return status, _cut(body.decode("utf-8", "replace"))


async def _got(app: FastAPI, path: str, query: str, authorization: str) -> tuple[int, bytes]:
    """Status and body of a ``GET`` to the application itself."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"authorization", authorization.encode("latin-1"))],
        "client": ("127.0.0.1", 0),
        "server": ("localhost", 80),
    }
    status, body = 500, bytearray()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            body.extend(message.get("body", b""))

    await app(scope, receive, send)
    return status, bytes(body)


def _cut(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    told = (
        f"cut at {MOST_CHARACTERS} of {len(text)} characters; ask for less: limit, a shorter time"
    )
    return f"{text[:MOST_CHARACTERS]}\n… {told}"


def _resource(app: FastAPI, uri: str) -> str:
    """Raises ``MCPError`` for an address that is none."""
    if uri == DOCUMENT:
        return _cut(json.dumps(app.openapi(), ensure_ascii=False))
    file = documents().get(uri)
    if file is None:
        from mcp.shared.exceptions import MCPError

        raise MCPError(INVALID_PARAMETERS, f"there is no resource {uri[:200]!r}")
    return _cut(file.read_text("utf-8"))
