"""Which path of the real server leads to which handler?"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from testbed.letta_stub.agents_api import AgentsApi
from testbed.letta_stub.archives_api import ArchivesApi
from testbed.letta_stub.blocks_api import BlocksApi
from testbed.letta_stub.defaults import MESSAGE_OPERATIONS
from testbed.letta_stub.errors import Failures
from testbed.letta_stub.house import House
from testbed.letta_stub.memory_api import MemoryApi
from testbed.letta_stub.messages_api import MessagesApi
from testbed.letta_stub.threads_api import ThreadsApi
from testbed.stub.stage import Handler, Stage, json_reply

_AGENT = "/v1/agents/{agent_id}"
_CONVERSATION = "/v1/conversations/{conversation_id}"


def letta_app(house: House) -> Starlette:
    """Return the application of the main port."""
    stage = Stage(
        house.controls,
        Failures(),
        agent_of=house.agent_id_of,
        messages=MESSAGE_OPERATIONS - {"async"},  # its work outlives the request, and is counted where it is done
        on_start=house.telemetry.response_started,
        on_first=house.server_metrics.first_content,
        on_end=house.server_metrics.ended,
    )
    table = _table(house)
    for method, path, _name, _handler in table:
        house.server_metrics.prepare(method, path)
    routes = [_route(path, stage.endpoint(name, handler, path), method) for method, path, name, handler in table]
    return Starlette(routes=routes, exception_handlers={HTTPException: _as_json})


def control_routes(house: House) -> list[Route]:
    """Return what the control port has beyond the usual: the counters of a real server, and those of our add-on."""

    async def metrics(_: Request) -> Response:
        text = house.telemetry.exposition() + house.server_metrics.exposition()
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    return [Route("/metrics", metrics, methods=["GET"])]


def _table(house: House) -> list[tuple[str, str, str, Handler]]:
    agents, messages = AgentsApi(house), MessagesApi(house)
    memory, threads, blocks, archives = MemoryApi(house), ThreadsApi(house), BlocksApi(house), ArchivesApi(house)
    # Routes are tried one by one: the busiest first, but of one path GET first, since a 405 names the first method.
    return [
        ("GET", f"{_AGENT}/messages", "list_messages", messages.list),
        ("POST", f"{_AGENT}/messages", "messages", messages.send),
        ("POST", f"{_AGENT}/messages/stream", "stream", messages.stream),
        ("GET", f"{_AGENT}/core-memory/blocks", "blocks", memory.blocks),
        ("GET", f"{_AGENT}/archival-memory/search", "archival_search", memory.search),
        ("GET", "/v1/health/", "health", agents.health),
        ("GET", f"{_AGENT}/core-memory/blocks/{{block_label}}", "blocks", memory.block),
        ("PATCH", f"{_AGENT}/core-memory/blocks/{{block_label}}", "patch_block", memory.patch_block),
        ("GET", f"{_AGENT}/archival-memory", "archival_list", memory.list),
        ("POST", f"{_AGENT}/archival-memory", "archival_insert", memory.insert),
        ("DELETE", f"{_AGENT}/archival-memory/{{memory_id}}", "archival_delete", memory.delete),
        ("POST", f"{_AGENT}/messages/async", "async", messages.send_async),
        ("GET", "/v1/agents/", "list_agents", agents.list),
        ("POST", "/v1/agents/", "create_agent", agents.create),
        ("GET", "/v1/agents/count", "count_agents", agents.count),
        ("GET", _AGENT, "get_agent", agents.get),
        ("DELETE", _AGENT, "delete_agent", agents.delete),
        ("PATCH", _AGENT, "modify_agent", agents.modify),
        ("GET", "/v1/blocks/", "list_blocks", blocks.list),
        ("POST", "/v1/blocks/", "create_block", blocks.create),
        ("DELETE", "/v1/blocks/{block_id}", "delete_block", blocks.delete),
        ("GET", "/v1/archives/", "list_archives", archives.list),
        ("DELETE", "/v1/archives/{archive_id}", "delete_archive", archives.delete),
        ("GET", "/v1/tags/", "list_tags", archives.tags),
        ("GET", "/v1/models/", "models", agents.models),
        ("GET", "/v1/conversations/", "list_conversations", threads.list),
        ("POST", "/v1/conversations/", "create_conversation", threads.create),
        ("GET", f"{_CONVERSATION}/messages", "list_conversation_messages", messages.list_of_conversation),
        ("POST", f"{_CONVERSATION}/messages", "conversation_messages", messages.send_to_conversation),
        ("GET", _CONVERSATION, "get_conversation", threads.get),
        ("GET", "/v1/runs/{run_id}", "get_run", threads.run),
        ("GET", "/v1/runs/{run_id}/metrics", "run_metrics", threads.run_metrics),
        ("GET", "/v1/steps/{step_id}/metrics", "step_metrics", threads.step_metrics),
    ]


def _route(path: str, endpoint: ASGIApp, method: str) -> Route:
    route = Route(path, endpoint, methods=[method])
    route.methods = {method}  # Starlette adds HEAD to GET; the real server answers it with 405
    return route


async def _as_json(_: Request, error: Exception) -> Response:
    """Answer an unknown path or method as the real server does, with JSON."""
    if not isinstance(error, HTTPException):
        raise error
    reply = json_reply({"detail": error.detail}, error.status_code)
    return Response(reply.body, error.status_code, error.headers, media_type="application/json")
