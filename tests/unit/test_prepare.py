"""What a run makes on a target is made and removed, or it is said why not: against a fake of fixed, odd answers."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from loadgen import prepare
from loadgen.agent_shape import AgentShape
from loadgen.fleet import Fleet, members
from loadgen.target import TargetError, check_letta

TAG = "letta-slo-run-mine"
Answers = dict[str, Any]  # "METHOD /path" → what its JSON is; bytes are sent as they are


@pytest.fixture
def fake() -> Iterator[Callable[[Answers], str]]:
    """Serve fixed answers, whatever was asked or deleted before; no stub of Letta."""
    stops: list[Callable[[], None]] = []

    def serve(answers: Answers) -> str:
        class Fixed(http.server.BaseHTTPRequestHandler):
            def _answer(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"] or 0))
                path = self.path.partition("?")[0]
                found = answers.get(f"{self.command} {path}", answers.get(self.command))
                data = found if isinstance(found, bytes) else json.dumps(found).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = _answer  # noqa: N815 (the names are the standard library's)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fixed)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        stops.extend((server.shutdown, thread.join, server.server_close))
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield serve
    for stop in stops:
        stop()


def create(url: str) -> tuple[str, ...]:
    return prepare.create_agents(url, 1, TAG, model="m", embedding="e")


def test_a_server_that_answers_with_a_page_is_no_letta(fake: Callable[[Answers], str]) -> None:
    url = fake({"GET": b"<html>sign in</html>", "POST": b"<html>"})
    with pytest.raises(TargetError, match=r"/v1/health/: GET answered 200 with what is no JSON"):
        check_letta(url)
    with pytest.raises(TargetError, match="no JSON"):
        create(url)


@pytest.mark.parametrize("body", [None, [], {}, {"id": None}, {"id": 7}, "agent-1"])
def test_an_agent_without_an_id_was_not_made(fake: Callable[[Answers], str], body: Any) -> None:
    with pytest.raises(TargetError, match="not like a Letta server"):
        create(fake({"POST": body}))


@pytest.mark.parametrize("body", [None, {}, [1], [{"tags": [TAG]}], "x"])
def test_a_list_of_agents_of_another_shape_is_said(fake: Callable[[Answers], str], body: Any) -> None:
    if body is None:
        body = {"agents": []}
    with pytest.raises(TargetError, match="not like a Letta server"):
        prepare.delete_agents(fake({"GET": body}), TAG)


@pytest.mark.parametrize("body", [None, {}, [], "7"])
def test_a_count_that_is_no_number_is_said(fake: Callable[[Answers], str], body: Any) -> None:
    with pytest.raises(TargetError, match="not like a Letta server"):
        prepare.count_agents(fake({"GET": body}), TAG)


def test_tags_of_another_shape_are_said(fake: Callable[[Answers], str]) -> None:
    with pytest.raises(TargetError, match="not like a Letta server"):
        prepare.list_tags(fake({"GET": {"tags": []}}), prepare.TAG_PREFIX)


def test_a_server_that_lists_what_it_deleted_does_not_hold_the_cleanup_for_ever(fake: Callable[[Answers], str]) -> None:
    agents = [{"id": f"agent-{n}", "tags": [TAG]} for n in range(3)]
    answers = {"GET /v1/agents/": agents, "GET /v1/archives/": [], "DELETE": b"", "GET /v1/blocks/": []}
    deleted: list[int] = []
    with pytest.raises(TargetError, match=f"keeps listing 3 with the tag {TAG} after they were deleted"):
        prepare.delete_agents(fake(answers), TAG, report=lambda done, _: deleted.append(done))
    assert deleted == [1, 2, 3]


def test_a_server_that_ignores_where_a_page_begins_is_not_asked_for_ever(fake: Callable[[Answers], str]) -> None:
    fleet = Fleet(fake({"GET": [member(number) for number in range(3)]}), "small", 5, AgentShape(), "m", "e")
    with pytest.raises(TargetError, match="the same page again and again"):
        members(fleet)


@pytest.mark.parametrize("broken", [{"message_ids": None}, {"blocks": [{}]}, {"metadata": [1]}, {"blocks": 7}])
def test_a_member_of_another_shape_is_said(fake: Callable[[Answers], str], broken: dict[str, Any]) -> None:
    fleet = Fleet(fake({"GET": [{**member(0), **broken}]}), "small", 1, AgentShape(), "m", "e")
    with pytest.raises(TargetError, match="not like a Letta server"):
        members(fleet)


def member(number: int) -> dict[str, Any]:
    tag = "letta-slo-fleet-small"
    return {
        "id": f"agent-{number}",
        "name": f"{tag}-{number:05d}",
        "model": "m",
        "tags": [tag],
        "message_ids": [],
        "blocks": [],
        "metadata": {},
    }


def test_agents_without_the_tag_are_left_alone_by_a_cleanup(fake: Callable[[Answers], str]) -> None:
    url = fake({"GET": [{"id": "agent-1", "tags": None}, {"id": "agent-2"}, {"id": "agent-3", "tags": ["other"]}]})
    assert prepare.delete_agents(url, TAG) == 0


def test_what_is_no_address_is_a_target_error() -> None:
    with pytest.raises(TargetError):
        check_letta("http://127.0.0.1:port")
