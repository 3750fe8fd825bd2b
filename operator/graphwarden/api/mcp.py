"""The Model Context Protocol over HTTP, without sessions: what is asked, and its answers. Pure.

Versions up to 2025-11-25, which begin with `initialize`. A client of a later one asks
`server/discover` first, is told that there is no such method, and begins as before.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

PATH: Final = "/mcp"
VERSION_HEADER: Final = "mcp-protocol-version"
VERSIONS: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
# The graph behind a tool: another assistant of the same graph is another tool.
GRAPH_KEY: Final = "graphwarden/graph_id"
# What is put in where nothing better is known.
ANY_OBJECT: Final[Mapping[str, Any]] = {"type": "object"}

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
UNSUPPORTED_VERSION: Final = -32022
# Of the range that the protocol leaves to servers.
REFUSED: Final = -32000

_KNOWN_PREFIXES = ("resources/", "prompts/", "completion/", "logging/", "tasks/")
_INSTRUCTIONS = (
    "Each tool is an assistant: a call runs its graph once, without a thread, with the arguments "
    "as the graph's input, and answers with the graph's output."
)

MessageId = str | int | None


class McpError(Exception):
    """An error answer: the code of JSON-RPC, and the status of HTTP around it."""

    def __init__(
        self,
        code: int,
        message: str,
        *,
        status: int = 200,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.data = data
        self.headers = dict(headers or {})

    def to_json(self, message_id: MessageId) -> dict[str, Any]:
        """The body of the answer."""
        error: dict[str, Any] = {"code": self.code, "message": str(self)}
        if self.data is not None:
            error["data"] = dict(self.data)
        return {"jsonrpc": "2.0", "id": message_id, "error": error}


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a client. Without an id it is told and not asked, and gets no answer."""

    method: str
    id: MessageId = None
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_request(self) -> bool:
        """Whether it wants an answer."""
        return self.id is not None


def read_id(value: object) -> MessageId:
    """The id of what may be no message at all; None where it has none."""
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None


def parse_message(value: object, version: str | None = None) -> Message:
    """The message in the JSON value of a body.

    Args:
        value: the JSON value.
        version: what the header `MCP-Protocol-Version` says, if it is there.

    Raises:
        McpError: with status 400.
    """
    if isinstance(value, list):
        raise _invalid("a batch is not supported: send one message at a time")
    if not isinstance(value, dict) or value.get("jsonrpc") != "2.0":
        raise _invalid('the body must be a JSON-RPC message: an object with "jsonrpc": "2.0"')
    if "method" not in value and ("result" in value or "error" in value):
        # The answer to a question that this server never asks.
        return Message("")
    method, params = value.get("method"), value.get("params", {})
    if not isinstance(method, str):
        raise _invalid("`method` must be a string")
    if "id" in value and read_id(value) is None:
        raise _invalid("`id` must be a string or a whole number")
    if not isinstance(params, dict):
        raise McpError(INVALID_PARAMS, "`params` must be an object", status=400)
    if version is not None and version not in VERSIONS and method != "initialize":
        raise McpError(
            UNSUPPORTED_VERSION,
            f"protocol version {version!r} is not supported",
            status=400,
            data={"supported": list(VERSIONS), "requested": version},
        )
    return Message(method, read_id(value), params)


def _invalid(detail: str) -> McpError:
    return McpError(INVALID_REQUEST, detail, status=400)


def invalid_json(detail: str) -> McpError:
    """The body is no JSON."""
    return McpError(PARSE_ERROR, detail, status=400)


def answer_itself(message: Message) -> dict[str, Any]:
    """The result of a request that is not about tools.

    Raises:
        McpError: there is no such method, or not here.
    """
    if message.method == "initialize":
        return _initialize(message)
    if message.method == "ping":
        return {}
    if message.method.startswith(_KNOWN_PREFIXES):
        detail = f"`{message.method}` is not supported: this server has tools and nothing else"
        raise McpError(METHOD_NOT_FOUND, detail)
    raise McpError(METHOD_NOT_FOUND, f"there is no method `{message.method}`")


def _initialize(message: Message) -> dict[str, Any]:
    wanted = message.params.get("protocolVersion")
    if not isinstance(wanted, str):
        raise McpError(INVALID_PARAMS, "`protocolVersion` must be a string")
    return {
        "protocolVersion": wanted if wanted in VERSIONS else VERSIONS[-1],
        "capabilities": {"tools": {"listChanged": False}},
        "serverInfo": {
            "name": "graphwarden",
            "title": "Graphwarden",
            "version": importlib.metadata.version("graphwarden"),
        },
        "instructions": _INSTRUCTIONS,
    }


def check_list(message: Message) -> None:
    """All tools stand on one page.

    Raises:
        McpError: another page is asked for.
    """
    if message.params.get("cursor") is not None:
        raise McpError(INVALID_PARAMS, "`cursor` is none of this server's: all tools are on a page")


def parse_call(message: Message) -> tuple[str, dict[str, Any]]:
    """The tool that a call names, and its arguments.

    Raises:
        McpError: it names none, or the arguments are no object.
    """
    name, arguments = message.params.get("name"), message.params.get("arguments")
    if not isinstance(name, str) or not name:
        raise McpError(INVALID_PARAMS, "`name` must be the name of a tool")
    if arguments is not None and not isinstance(arguments, dict):
        raise McpError(INVALID_PARAMS, "`arguments` must be an object")
    return name, arguments or {}


def make_result(message_id: MessageId, result: Mapping[str, Any]) -> dict[str, Any]:
    """The body of an answer that is no error."""
    return {"jsonrpc": "2.0", "id": message_id, "result": dict(result)}


def make_refusal(
    status: int, reason: str, detail: str, headers: Mapping[str, str] | None = None
) -> McpError:
    """A refusal of the HTTP API in the words of this protocol.

    What is wrong with the call is the model's to read; what is wrong with the fleet keeps its
    status, so that whoever stands between can send the call again.
    """
    data = {"reason": reason}
    if status in (404, 422):
        return McpError(INVALID_PARAMS, detail, data=data)
    return McpError(REFUSED, detail, status=status, data=data, headers=headers)


def make_tool(
    name: str,
    graph: str,
    *,
    title: str | None = None,
    description: str | None = None,
    input_schema: Mapping[str, Any] | None = None,
    output_schema: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """An assistant as a tool. Schemas that describe no object are none to this protocol."""
    takes = input_schema if _describes_object(input_schema) else None
    tool: dict[str, Any] = {
        "name": name,
        "description": description or f"Runs the graph '{graph}'.",
        "inputSchema": dict(takes or ANY_OBJECT),
        "_meta": {GRAPH_KEY: graph},
    }
    if title:
        tool["title"] = title
    if output_schema is not None and _describes_object(output_schema):
        # A state holds what was written to it: which of its keys, no schema of a graph says.
        tool["outputSchema"] = {k: v for k, v in output_schema.items() if k != "required"}
    return tool


def _describes_object(schema: Mapping[str, Any] | None) -> bool:
    return schema is not None and schema.get("type") == "object"
