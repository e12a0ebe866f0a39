"""What came back over HTTP: judged by status, by body, and for streams by their events."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.guard import GuardError
from loadgen.http_client import LettaClient
from loadgen.reply import Reply
from loadgen.samples import Outcome
from loadgen.sse import EventReader
from loadgen.wire import Connections, WireError

SAMPLES = Path(__file__).parent / "data_streams"
GOOD = (SAMPLES / "stream_tokens.txt").read_bytes()
FAILED = (SAMPLES / "llm_stream_400.txt").read_bytes()
PINGS = (SAMPLES / "stream_steps.txt").read_bytes()

CUT = "WireError: the connection was closed before the answer was complete"

Answer = Callable[[socket.socket], None]


@pytest.fixture
def answer() -> Iterator[Callable[[Answer], str]]:
    """Serve one connection by a function; a fake of nothing in particular."""
    listeners: list[socket.socket] = []

    def serve(function: Answer) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept() -> None:
            connection, _ = listener.accept()
            with connection:
                function(connection)

        threading.Thread(target=accept, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield serve
    for listener in listeners:
        listener.close()


def says(*parts: bytes) -> Answer:
    def function(connection: socket.socket) -> None:
        connection.recv(65536)
        for part in parts:
            connection.sendall(part)

    return function


def ask(url: str, timeout_s: float = 5) -> Reply:
    with closing(LettaClient(url, timeout_s=timeout_s)) as client:
        return client.json("GET", "/v1/health/", "id")


def whole(body: bytes, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


def test_every_address_of_a_name_is_tried(answer: Callable[[Answer], str], monkeypatch: pytest.MonkeyPatch) -> None:
    """`localhost` is often ::1 first, where a server on 127.0.0.1 does not listen."""
    url = answer(says(whole(b"{}")))
    port = int(url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        free = nobody.getsockname()[1]
    names = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", each)) for each in (free, port)]
    monkeypatch.setattr("gevent.socket.getaddrinfo", lambda *_, **__: names)
    assert ask("http://localhost:1").outcome == Outcome.OK


@pytest.mark.parametrize("key", ["two\nlines", "schlüssel"])
def test_a_key_that_no_header_can_hold_is_refused(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("LETTA_API_KEY", key)
    with pytest.raises(GuardError, match="LETTA_API_KEY holds") as refused:
        ask("http://127.0.0.1:1")
    assert key not in str(refused.value)


@pytest.mark.parametrize(
    ("raw", "outcome", "error"),
    [
        (whole(b'{"ok":1}'), Outcome.OK, None),
        (whole(b'{"detail":"secret words"}', "404 Not Found"), Outcome.ERROR, "HTTP 404"),
        (whole(b'{"error":{"type":"llm_rate_limit","message":"x"}}', "429 X"), Outcome.ERROR, "429 llm_rate_limit"),
        (whole(b"<html>"), Outcome.ERROR, "answered 200 with 6 bytes that are no JSON"),
        (whole(b""), Outcome.ERROR, "answered 200 with 0 bytes that are no JSON"),
        (b'HTTP/1.0 200 OK\r\nServer: old\r\n\r\n{"ok":1}', Outcome.OK, None),  # ends with its connection
        (whole(b'{"ok":1}')[:-3], Outcome.CONNECTION, CUT),
        (b"", Outcome.CONNECTION, CUT),
    ],
)  # fmt: skip
def test_an_answer_is_judged_by_status_and_body(
    answer: Callable[[Answer], str], raw: bytes, outcome: Outcome, error: str | None
) -> None:
    reply = ask(answer(says(raw)))
    assert reply.outcome == outcome
    assert reply.detail.get("error") == error


def test_what_is_no_http_is_a_broken_connection(answer: Callable[[Answer], str]) -> None:
    reply = ask(answer(says(b"garbage\r\n\r\n")))
    assert reply.outcome == Outcome.CONNECTION
    assert "what came is no HTTP" in reply.detail["error"]


def test_a_refused_connection_says_that_the_target_never_had_the_request() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    reply = ask(f"http://127.0.0.1:{port}")
    assert reply.outcome == Outcome.CONNECTION and reply.detail["refused"] is True


def test_a_drip_of_bytes_ends_at_the_limit_of_the_whole_exchange(answer: Callable[[Answer], str]) -> None:
    held = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        while not held.wait(0.05):
            connection.sendall(b"x")

    reply = ask(answer(drip), timeout_s=0.4)
    held.set()
    assert reply.outcome == Outcome.TIMEOUT


def test_a_connection_is_kept_and_a_closed_one_is_not_used_again(answer: Callable[[Answer], str]) -> None:
    def two_then_close(connection: socket.socket) -> None:
        for _ in range(2):
            connection.recv(65536)
            connection.sendall(whole(b"{}"))

    url = answer(two_then_close)
    connections = Connections(url, timeout_s=1)
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    for _ in range(2):  # the listener serves one connection only
        answered = connections.exchange(request)
        assert (answered.status, answered.body) == (200, b"{}")
    connections.close()


def test_a_body_cut_short_is_never_taken_for_whole(answer: Callable[[Answer], str]) -> None:
    url = answer(says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"))
    with closing(Connections(url, timeout_s=1)) as connections, pytest.raises(WireError):
        connections.exchange(b"GET / HTTP/1.1\r\n\r\n")


def read(stream: bytes, *cuts: int) -> EventReader:
    reader = EventReader()
    for start, end in zip((0, *cuts), (*cuts, len(stream)), strict=True):
        reader.feed(stream[start:end])
    return reader


def test_a_captured_stream_of_tokens_is_good_and_its_tokens_are_counted() -> None:
    reply = read(GOOD).end()
    assert reply.outcome == Outcome.OK
    assert reply.tokens == 12 and reply.first_ns > 0
    assert reply.detail["run_id"] == "run-0b156eef-e33c-4ea4-8834-9026d327d4bd"


def test_an_error_inside_a_stream_that_began_with_200_is_bad() -> None:
    reply = read(FAILED).end()
    assert reply.outcome == Outcome.ERROR
    assert reply.detail["error"] == "in the stream: llm_error"


def test_a_ping_is_no_first_token() -> None:
    ping = PINGS[: PINGS.index(b"\n\n") + 2]
    assert read(ping).end().detail["error"] == "the stream ended without [DONE]"
    assert read(ping).end().first_ns == 0
    assert read(PINGS).end().outcome == Outcome.OK


def test_a_stream_cut_before_its_end_is_bad() -> None:
    assert read(GOOD[: len(GOOD) // 2]).end().outcome == Outcome.ERROR


def test_a_stream_without_content_is_bad() -> None:
    reply = read(b'data: {"message_type":"stop_reason","stop_reason":"end_turn"}\n\ndata: [DONE]\n\n').end()
    assert reply.detail["error"] == "the stream brought no content"


def events(*sent: Any) -> bytes:
    return b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in sent) + b"data: [DONE]\n\n"


TEXT = {"message_type": "assistant_message", "content": "hello"}
STOP = {"message_type": "stop_reason", "stop_reason": "end_turn"}


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ((TEXT, {**STOP, "stop_reason": "max_tokens_exceeded"}), "in the stream: stopped for max_tokens_exceeded"),
        ((TEXT, {**STOP, "stop_reason": "cancelled"}), "in the stream: stopped for cancelled"),
        ((TEXT, {**STOP, "stop_reason": ["end_turn"]}), "in the stream: stopped for no known reason"),
        ((TEXT,), "the stream gave no stop reason"),
        ((TEXT, None, STOP), "an event is no object"),
        ((TEXT, [1], STOP), "an event is no object"),
        (({"message_type": ["assistant_message"], "content": "x"}, STOP), "the stream brought no content"),
        (({"message_type": "tool_return_message", "content": "x"}, STOP), "the stream brought no content"),
        (({"message_type": "user_message", "content": "x"}, STOP), "the stream brought no content"),
        (({"message_type": "reasoning_message", "content": "x"}, STOP), "the stream brought no content"),
        (({**TEXT, "content": [{"type": "text", "text": ""}]}, STOP), "the stream brought no content"),
        (({**TEXT, "content": [7, None]}, STOP), "the stream brought no content"),
        (({"message_type": "error_message", "error_type": {"said": "secret words"}},), "in the stream: error"),
    ],
)
def test_an_odd_stream_is_an_error_with_its_cause(sent: tuple[Any, ...], error: str) -> None:
    reply = read(events(*sent)).end()
    assert (reply.outcome, reply.detail["error"]) == (Outcome.ERROR, error)


@pytest.mark.parametrize(
    "first",
    [
        TEXT,
        {**TEXT, "content": [{"type": "text", "text": "hello"}]},
        {"message_type": "tool_call_message", "tool_call": {"name": "memory_insert", "arguments": None}},
    ],
)
def test_text_and_calls_of_tools_are_first_tokens(first: dict[str, Any]) -> None:
    reply = read(events(first, STOP)).end()
    assert reply.outcome == Outcome.OK and reply.first_ns > 0 and reply.tokens == 1


@pytest.mark.parametrize(("count", "tokens"), [(12, 12), (-3, 1), ("12", 1), (None, 1), (10**9, 65535), ([1], 1)])
def test_an_odd_count_of_tokens_never_stops_the_reader(count: Any, tokens: int) -> None:
    usage = {"message_type": "usage_statistics", "completion_tokens": count}
    assert read(events(TEXT, STOP, usage)).end().tokens == tokens


@pytest.mark.parametrize("status", ["201 Created", "202 Accepted"])
def test_a_stream_answered_by_another_success_is_an_error(answer: Callable[[Answer], str], status: str) -> None:
    with closing(LettaClient(answer(says(whole(b"{}", status))), timeout_s=5)) as client:
        reply = client.stream("/", "id", {})
    assert reply.outcome == Outcome.ERROR
    assert reply.detail["error"] == f"answered {status[:3]} where a stream was asked for"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
KINDS = st.sampled_from(
    ["assistant_message", "tool_call_message", "stop_reason", "usage_statistics", "error_message", "ping"]
)
KEYS = ("run_id", "content", "tool_call", "stop_reason", "completion_tokens", "error_type")


@given(st.lists(JSON | st.fixed_dictionaries({"message_type": KINDS | JSON}, optional=dict.fromkeys(KEYS, JSON))))
def test_no_stream_of_json_ever_raises(sent: list[Any]) -> None:
    reply = read(events(*sent)).end()
    assert 0 <= reply.tokens <= 65535
    assert reply.outcome == Outcome.OK or reply.detail["error"]


@given(st.lists(st.integers(0, len(GOOD)), max_size=8).map(sorted))
def test_where_the_wire_cuts_a_stream_does_not_matter(cuts: list[int]) -> None:
    reply = read(GOOD, *cuts).end()
    assert (reply.outcome, reply.tokens, reply.response_bytes) == (Outcome.OK, 12, len(GOOD))
