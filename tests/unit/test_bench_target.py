"""What the benchmarks' target does with bytes and requests: the double that keeps a ledger."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest

from bench.ledger import Ledger
from bench.ledger_client import LedgerTarget, ledger_target
from bench.ledger_wire import HEALTH_ANSWER, MESSAGE_ANSWER, product_answer, read_request
from bench.service_times import ServiceTimes
from loadgen.letta_answers import messages_fault

_SAMPLE = Path(__file__).with_name("data_letta_samples") / "message.json"
_POST = b"POST /v1/agents/agent-1/messages HTTP/1.1\r\nHost: a\r\nX-Request-Id: run-7-0\r\nContent-Length: 2\r\n\r\n{}"
_GET = b"GET /v1/health/ HTTP/1.1\r\nHost: a\r\n\r\n"


def body_of(answer: bytes) -> object:
    return orjson.loads(answer.partition(b"\r\n\r\n")[2])


def test_a_request_is_read_only_when_it_is_whole() -> None:
    assert [read_request(_POST[:length]) for length in range(len(_POST))] == [None] * len(_POST)
    request = read_request(_POST + _GET)
    assert request is not None
    assert (request.number, request.size, request.body, request.stays) == (7, len(_POST), b"{}", True)


@pytest.mark.parametrize("request_id", [b"", b"x", b"run-x-0", b"550e8400-e29b-41d4-a716-44665544"])
def test_a_request_id_of_another_form_has_no_number(request_id: bytes) -> None:
    request = read_request(_GET[:-2] + b"x-request-id: " + request_id + b"\r\n\r\n")
    assert request is not None
    assert request.number == -1


def test_a_client_that_says_so_is_closed_upon() -> None:
    request = read_request(_GET[:-2] + b"CONNECTION: Close\r\n\r\n")
    assert request is not None
    assert not request.stays


def test_the_answer_to_a_message_is_one_that_the_engine_accepts_with_the_keys_of_a_real_letta() -> None:
    answer, sample = body_of(MESSAGE_ANSWER), json.loads(_SAMPLE.read_text())
    assert messages_fault(answer) == ""
    assert isinstance(answer, dict)
    assert list(answer) == list(sample)
    assert list(answer["usage"]) == list(sample["usage"])
    assert list(answer["messages"][0]) == list(sample["messages"][0])


def test_the_answers_carry_their_length() -> None:
    for answer in (MESSAGE_ANSWER, HEALTH_ANSWER):
        head, _, body = answer.partition(b"\r\n\r\n")
        assert f"content-length: {len(body)}".encode() in head
        assert b"test double" in head


def test_what_the_double_does_not_know_it_does_not_answer() -> None:
    assert product_answer(b"GET /v1/agents/agent-1/messages HTTP/1.1") is None
    assert product_answer(b"POST /v1/agents/agent-1/messages/stream HTTP/1.1") is None
    assert product_answer(b"GET / HTTP/1.1") is None


def test_a_request_without_a_number_has_that_of_its_place() -> None:
    ledger = Ledger(ServiceTimes.constant(1))
    assert [ledger.arrive(0, number, 10) for number in (-1, 40, -1)] == [0, 1, 2]
    assert ledger.number.tolist() == [0, 40, 2]
    assert ledger.counters()["request_bytes"] == 30


def test_what_is_answered_after_the_ledger_was_cleared_is_not_noted() -> None:
    ledger = Ledger(ServiceTimes.constant(1))
    row, era = ledger.arrive(5, 0, 10), ledger.era
    ledger.clear()
    ledger.arrive(6, 0, 10)
    ledger.complete(era, row, 7)
    assert ledger.completion_ns.tolist() == [0]


def test_a_stall_is_counted_from_the_first_arrival_and_can_be_taken_back() -> None:
    ledger = Ledger(ServiceTimes.constant(1))
    ledger.plan_stall(9, 2)
    assert ledger.next_stall_ns() == (0, 0)
    ledger.arrive(1_000, 0, 10)
    assert ledger.next_stall_ns() == (9_000_001_000, 11_000_001_000)
    ledger.plan_stall(0, 0)
    assert ledger.next_stall_ns() == (0, 0)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerTarget]:
    with ledger_target(tmp_path_factory.mktemp("ledger-target"), "constant:1") as running:
        yield running


@pytest.fixture
def client(target: LedgerTarget) -> Iterator[httpx.Client]:
    target.forget()
    with httpx.Client(base_url=target.url, trust_env=False) as client:
        yield client


def test_every_request_is_in_the_ledger_with_its_times(target: LedgerTarget, client: httpx.Client) -> None:
    for number in range(5):
        path = f"/v1/agents/{target.with_agents(5).agents[number]}/messages"
        reply = client.post(path, json={}, headers={"x-request-id": f"r-{number}-0"})
        assert messages_fault(reply.json()) == ""
    assert client.get("/v1/health/").json()["status"] == "ok"
    truth = target.truth()
    assert len(truth.arrival_ns) == 6
    assert truth.response_ms.min() >= 1
    assert list(truth.arrival_ns) == sorted(truth.arrival_ns)


def test_a_request_that_is_refused_is_counted_apart(target: LedgerTarget, client: httpx.Client) -> None:
    assert client.get("/v1/nothing").status_code == 404
    assert target.counters()["refused"] == 1
    assert target.counters()["requests"] == 0


def test_a_target_that_stands_still_answers_nobody_and_knows_when_they_came(
    target: LedgerTarget, client: httpx.Client
) -> None:
    client.get("/v1/health/")  # of a run before: it begins no stall
    target.plan_stall(0, 0.3)
    waited_ms = [client.get("/v1/health/").elapsed.total_seconds() * 1e3 for _ in range(3)]
    truth_ms = target.truth().response_ms
    assert truth_ms[0] >= 299.99  # it begins with the first arrival
    assert waited_ms[0] >= truth_ms[0]


def test_pieces_of_requests_on_one_connection_are_answered_in_order(target: LedgerTarget, client: httpx.Client) -> None:
    del client
    port = httpx.URL(target.url).port or 0
    with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
        plain.sendall(_POST + _GET[:9])
        plain.sendall(_GET[9:-2] + b"connection: close\r\n\r\n")
        answered = b""
        while piece := plain.recv(65_536):
            answered += piece
    assert answered == MESSAGE_ANSWER + HEALTH_ANSWER
