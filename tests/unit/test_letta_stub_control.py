"""Faults, outages and the ledger of the stub do what its control port says."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from testbed.process import Part, python_part, start
from testbed.stub.ledger import Ledger

AT_ONCE = {"service_times": {"*": 0, "stream_token": 0, "tool": 0}}
HEALTHY = {"version": "0.16.4", "status": "ok"}


@dataclass(frozen=True, slots=True)
class Stub:
    part: Part
    main: httpx.Client
    control: httpx.Client

    def fault(self, **fault: Any) -> None:
        reply = self.control.patch("/behaviour", json={"faults": [fault]})
        assert reply.status_code == 200, reply.text

    def agent(self) -> str:
        return f"/v1/agents/{self.main.post('/v1/agents/', json={'model': 'openai-proxy/gpt-4o-mini'}).json()['id']}"

    def counters(self) -> Any:
        return self.control.get("/ledger/counters").json()


@pytest.fixture(scope="module")
def shared_stub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stub]:
    with (
        start("letta-stub", python_part("testbed.letta_stub"), log_dir=tmp_path_factory.mktemp("logs")) as part,
        httpx.Client(base_url=part.announced["url"], timeout=10) as main,
        httpx.Client(base_url=part.announced["control"], timeout=10) as control,
    ):
        yield Stub(part, main, control)


@pytest.fixture
def stub(shared_stub: Stub) -> Stub:
    shared_stub.control.put("/behaviour", json=AT_ONCE)
    shared_stub.control.post("/up")
    shared_stub.control.post("/stall", json={"for_s": 0})
    shared_stub.control.delete("/ledger")
    return shared_stub


def eventually(is_so: Callable[[], bool], within_s: float = 5.0) -> None:
    deadline_s = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline_s, "it did not become so in time"


def is_refused(url: str) -> bool:
    try:
        httpx.get(f"{url}/v1/health/", timeout=1)
    except httpx.ConnectError:
        return True
    return False


def test_the_announcement_names_the_part_and_both_ports(stub: Stub) -> None:
    announced = stub.part.announced
    assert (announced["ready"], announced["part"]) == (True, "letta-stub")
    assert announced["url"].startswith("http://127.0.0.1:")
    assert announced["control"].startswith("http://127.0.0.1:")


def test_a_status_fault_hits_the_next_so_many_requests_and_then_stops(stub: Stub) -> None:
    stub.fault(operation="health", kind="status", status=503, remaining=2)
    assert [stub.main.get("/v1/health/").status_code for _ in range(3)] == [503, 503, 200]
    assert stub.control.get("/behaviour").json()["faults"][0]["remaining"] == 0


def test_a_status_fault_with_an_upstream_status_has_the_body_of_a_failed_model(stub: Stub) -> None:
    agent = stub.agent()
    types = {}
    for status in (401, 429, 502, 504):
        stub.fault(operation="messages", kind="status", status=status, remaining=1)
        reply = stub.main.post(f"{agent}/messages", json={"input": "hi"})
        types[reply.status_code] = reply.json()["error"]["type"]
    assert types == {401: "llm_authentication", 429: "llm_rate_limit", 502: "llm_error", 504: "llm_timeout"}


def test_a_dropped_request_meets_a_reset_connection(stub: Stub) -> None:
    stub.fault(operation="health", kind="drop", remaining=1)
    with pytest.raises(httpx.ReadError, match="reset"):
        stub.main.get("/v1/health/")
    assert stub.main.get("/v1/health/").json() == HEALTHY


def test_a_truncated_answer_is_shorter_than_it_says(stub: Stub) -> None:
    stub.fault(operation="health", kind="truncate", remaining=1)
    with pytest.raises(httpx.RemoteProtocolError, match="received 17 bytes, expected 34"):
        stub.main.get("/v1/health/")


def test_a_truncated_stream_has_no_end(stub: Stub) -> None:
    agent = stub.agent()
    stub.fault(operation="stream", kind="truncate", remaining=1)
    with pytest.raises(httpx.RemoteProtocolError):
        stub.main.post(f"{agent}/messages/stream", json={"input": "hi"})


def test_a_hanging_request_gets_no_answer(stub: Stub) -> None:
    stub.fault(operation="health", kind="hang", remaining=1)
    with pytest.raises(httpx.ReadTimeout):
        stub.main.get("/v1/health/", timeout=0.2)
    eventually(lambda: stub.counters()["in_flight"] == 0)
    assert stub.control.get("/ledger").json()["columns"]["status"] == [0]


def test_a_hanging_request_is_reset_at_the_end_of_its_delay(stub: Stub) -> None:
    stub.fault(operation="health", kind="hang", remaining=1, delay_s=0.05)
    with pytest.raises(httpx.ReadError, match="reset"):
        stub.main.get("/v1/health/")


def test_garbage_is_200_and_no_json(stub: Stub) -> None:
    stub.fault(operation="health", kind="garbage", remaining=1)
    reply = stub.main.get("/v1/health/")
    assert reply.status_code == 200
    with pytest.raises(ValueError, match=r"."):
        reply.json()


def test_a_slow_request_takes_longer_and_succeeds(stub: Stub) -> None:
    stub.fault(operation="health", kind="slow", remaining=1, delay_s=0.15)
    reply = stub.main.get("/v1/health/")
    assert reply.json() == HEALTHY
    assert reply.elapsed.total_seconds() >= 0.15


def test_an_error_in_a_stream_comes_after_status_200(stub: Stub) -> None:
    agent = stub.agent()
    stub.fault(operation="stream", kind="error_in_stream", remaining=1)
    reply = stub.main.post(f"{agent}/messages/stream", json={"input": "hi"})
    assert reply.status_code == 200
    assert "event: error\ndata: " in reply.text
    assert reply.text.endswith("data: [DONE]\n\n")


def test_a_shared_fault_hits_the_same_requests_whatever_their_order(stub: Stub) -> None:
    stub.fault(operation="health", kind="status", status=503, share=0.3)

    def failed(ids: list[str]) -> set[str]:
        return {key for key in ids if stub.main.get("/v1/health/", headers={"x-request-id": key}).status_code == 503}

    ids = [f"r{number}" for number in range(200)]
    assert failed(ids) == failed(ids[::-1])
    assert 35 <= len(failed(ids)) <= 85


def test_a_silent_stream_gets_pings_unless_they_are_declined(stub: Stub) -> None:
    agent = stub.agent()
    stub.control.patch(
        "/behaviour", json={"service_times": {"stream": 150}, "settings": {"ping_interval_s": 0.05, "reply_tokens": 1}}
    )
    pinged = stub.main.post(f"{agent}/messages/stream", json={"input": "hi"}).text
    sample = (Path(__file__).with_name("data_letta_samples") / "stream_steps.sse").read_text()
    first, expected = (json.loads(text.split("\n\n")[0][6:]) for text in (pinged, sample))
    assert (first["message_type"], list(first)) == ("ping", list(expected))
    assert "ping" not in stub.main.post(f"{agent}/messages/stream", json={"input": "hi", "include_pings": False}).text


def test_down_refuses_connections_and_comes_back_by_itself_at_the_same_port(stub: Stub) -> None:
    url = stub.part.announced["url"]
    stub.main.get("/v1/health/")
    stub.control.post("/down", json={"for_s": 3})
    assert is_refused(url)
    eventually(lambda: not is_refused(url))
    assert stub.main.get("/v1/health/").json() == HEALTHY


def test_down_resets_the_requests_in_flight_and_up_ends_it(stub: Stub) -> None:
    agent = stub.agent()
    stub.control.patch("/behaviour", json={"service_times": {"messages": 30_000}})
    failures: list[str] = []

    def ask() -> None:
        try:
            httpx.post(f"{stub.part.announced['url']}{agent}/messages", json={"input": "hi"}, timeout=20)
        except httpx.ReadError as error:
            failures.append(str(error))

    asking = threading.Thread(target=ask)
    asking.start()
    eventually(lambda: stub.counters()["in_flight"] == 1)
    stub.control.post("/down")
    asking.join(5)
    assert "reset" in failures[0]
    assert stub.counters()["in_flight"] == 0
    assert is_refused(stub.part.announced["url"])
    stub.control.post("/up")
    assert not is_refused(stub.part.announced["url"])


def test_nobody_else_is_given_the_port_while_the_stub_is_down(stub: Stub) -> None:
    stub.control.post("/down")
    port = int(stub.part.announced["url"].rpartition(":")[2])
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))


def test_a_stall_holds_requests_until_it_ends(stub: Stub) -> None:
    stub.control.post("/stall", json={"for_s": 0.25})
    reply = stub.main.get("/v1/health/")
    assert reply.status_code == 200
    assert reply.elapsed.total_seconds() >= 0.2
    assert stub.main.get("/v1/health/").elapsed.total_seconds() < 0.2


def test_the_stub_can_be_started_again_at_the_port_of_a_killed_one(tmp_path: Path) -> None:
    command = python_part("testbed.letta_stub")
    with start("first", command, log_dir=tmp_path) as first:
        url = first.announced["url"]
        with httpx.Client(base_url=url) as client:
            client.get("/v1/health/")
            first.kill()
        again = python_part("testbed.letta_stub", "--port", url.rpartition(":")[2])
        with start("second", again, log_dir=tmp_path) as second:
            assert second.announced["url"] == url
            assert httpx.get(f"{url}/v1/health/").json() == HEALTHY
            assert second.stop() == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "where"),
    [
        ("PUT", "/behaviour", {"servicetimes": {}}, "behaviour.servicetimes"),
        ("PUT", "/behaviour", {"service_times": {"nope": 1}}, "service_times"),
        ("PUT", "/behaviour", {"service_times": {"health": {"median_ms": -1}}}, "service_times.health.median_ms"),
        ("PATCH", "/behaviour", {"faults": [{"kind": "explode", "share": 1}]}, "faults[0].kind"),
        ("PATCH", "/behaviour", {"faults": [{"kind": "drop"}]}, "faults[0]"),
        ("PATCH", "/behaviour", {"faults": [{"kind": "drop", "share": 2}]}, "faults[0].share"),
        ("PATCH", "/behaviour", {"settings": {"speed": 1}}, "settings"),
        ("POST", "/down", {"for_s": -1}, "for_s"),
        ("POST", "/stall", {}, "for_s"),
        ("POST", "/stall", {"seconds": 1}, "body"),
    ],
)
def test_a_bad_control_body_is_400_with_what_where_and_what_is_allowed(
    stub: Stub, method: str, path: str, body: Any, where: str
) -> None:
    before = stub.control.get("/behaviour").json()
    reply = stub.control.request(method, path, json=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["where"] == where
    assert set(reply.json()["error"]) == {"where", "found", "allowed"}
    assert stub.control.get("/behaviour").json() == before


def test_a_bad_behaviour_on_the_command_line_ends_the_stub_with_2(tmp_path: Path) -> None:
    with start("ok", python_part("testbed.letta_stub", "--behaviour", "{}"), log_dir=tmp_path) as part:
        assert part.is_running
    with pytest.raises(Exception, match=r"exited with 2(.|\n)*--behaviour: faults: found 7"):
        start("bad", python_part("testbed.letta_stub", "--behaviour", '{"faults": 7}'), log_dir=tmp_path)


def test_the_ledger_lists_every_request_with_its_times_status_agent_and_id(stub: Stub) -> None:
    agent = stub.agent()
    stub.control.delete("/ledger")
    before_ns = time.monotonic_ns()
    stub.main.post(f"{agent}/messages", json={"input": "hi"}, headers={"x-request-id": "a"})
    stub.main.get("/v1/agents/bogus", headers={"x-request-id": "a"})
    columns = stub.control.get("/ledger").json()["columns"]
    assert columns["operation"] == ["messages", "get_agent"]
    assert columns["status"] == [200, 422]
    assert columns["request_id"] == ["a", "a"]
    assert columns["agent_id"] == [agent.rpartition("/")[2], "bogus"]
    (first_ns, second_ns), (first_end_ns, second_end_ns) = columns["arrival_ns"], columns["completion_ns"]
    assert before_ns < first_ns < first_end_ns < second_ns < second_end_ns < time.monotonic_ns()
    counters = stub.counters()
    assert counters["requests_by_operation"] == {"messages": 1, "get_agent": 1}
    assert counters["repeated_request_ids"] == {"a": 2}


def test_the_ledger_says_when_the_first_content_of_a_stream_was_written(stub: Stub) -> None:
    agent = stub.agent()
    stub.control.delete("/ledger")
    stub.control.patch("/behaviour", json={"service_times": {"stream": 50, "stream_token": 5}})
    stub.main.post(f"{agent}/messages/stream", json={"input": "hi", "stream_tokens": True})
    stub.main.post(f"{agent}/messages", json={"input": "hi"})
    columns = stub.control.get("/ledger").json()["columns"]
    arrival_ns, first_ns, completion_ns = (columns[name][0] for name in ("arrival_ns", "first_ns", "completion_ns"))
    assert arrival_ns + 50_000_000 <= first_ns <= completion_ns - 23 * 5_000_000  # 24 tokens
    assert columns["first_ns"][1] == 0  # an answer that does not stream has none


def test_the_ledger_proves_how_many_messages_an_agent_had_in_flight(stub: Stub) -> None:
    lonely, crowded = stub.agent(), stub.agent()
    stub.control.patch("/behaviour", json={"service_times": {"messages": 100}})
    url = stub.part.announced["url"]

    async def ask() -> None:
        async with httpx.AsyncClient(base_url=url, timeout=10) as client:
            await client.post(f"{lonely}/messages", json={"input": "hi"})
            await client.post(f"{lonely}/messages", json={"input": "hi"})
            assert (stub.counters())["max_messages_in_flight_per_agent"] == 1
            await asyncio.gather(*(client.post(f"{crowded}/messages", json={"input": "hi"}) for _ in range(3)))

    asyncio.run(ask())
    counters = stub.counters()
    assert counters["max_messages_in_flight_per_agent"] == 3
    assert counters["agents_with_overlapping_messages"] == {crowded.rpartition("/")[2]: 3}
    assert counters["agents_with_messages"] == 2


def test_a_message_that_is_worked_on_in_the_background_counts_as_in_flight(stub: Stub) -> None:
    agent = stub.agent()
    stub.control.patch("/behaviour", json={"service_times": {"messages": 100, "async": 0}})
    for _ in range(2):
        stub.main.post(f"{agent}/messages/async", json={"input": "hi"})
    assert stub.counters()["max_messages_in_flight_per_agent"] == 2


def test_a_full_ledger_says_that_it_is_cut_and_goes_on_counting() -> None:
    ledger = Ledger(limit=2)
    for number in range(3):
        ledger.close(ledger.open("health", f"r{number}", ""), 200)
    counters = ledger.counters()
    assert (counters["rows"], counters["cut"], counters["not_listed"], counters["requests"]) == (2, True, 1, 3)
    assert len(ledger.as_json()["columns"]["status"]) == 2


def test_the_metrics_are_those_that_a_real_server_pushes(stub: Stub) -> None:
    agent = stub.agent()
    before = stub.control.get("/metrics").text
    stub.main.post(f"{agent}/messages", json={"input": "hi"})
    stub.main.get(f"{agent}/messages")
    after = stub.control.get("/metrics").text

    def value(text: str, series: str) -> int:
        return sum(int(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(series))

    labels = '{endpoint_path="/v1/agents/{agent_id}/messages",method="POST",status_code="200"'
    for series in (f"count_endpoint_requests_total{labels}", f"hist_endpoint_e2e_ms_count{labels}"):
        assert value(after, series) == value(before, series) + 1
    assert value(after, "count_user_message_total") == value(before, "count_user_message_total") + 1
    pushed = "\n".join(line for line in after.splitlines() if line.startswith("hist_endpoint_e2e_ms"))
    assert pushed.count('le="10000"') == pushed.count('le="+Inf"') >= 1


def test_the_histogram_of_our_addon_counts_every_route_to_its_end(stub: Stub) -> None:
    agent = stub.agent()
    series = (
        'http_server_request_duration_seconds_count{http_request_method="GET",'
        'http_response_status_code="200",http_route="/v1/agents/{agent_id}"} '
    )

    def value() -> float:
        text = stub.control.get("/metrics").text
        return next(float(line.removeprefix(series)) for line in text.splitlines() if line.startswith(series))

    before = value()
    stub.main.get(agent)
    assert value() == before + 1
