from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.bridge.wire import InvalidRequestError, Request, failure, parse_request, success

_MESSAGE: dict[str, Any] = {
    "task_id": "t-1",
    "type": "audio",
    "user_id": "anonymous",
    "content": "用户输入内容",
    "timestamp": 1234567890,
    "meta": {"memory_type": "temporary", "trace_id": "abc", "lang": "zh"},
}


def _parsed(**changes: Any) -> Request:
    return parse_request(json.dumps({**_MESSAGE, **changes}).encode())


def test_the_input_message_of_the_source_document_is_read_field_by_field() -> None:
    assert _parsed() == Request(
        task_id="t-1",
        kind="audio",
        user_id="anonymous",
        content="用户输入内容",
        timestamp_s=1234567890.0,
        memory_type="temporary",
        meta=_MESSAGE["meta"],
    )


def test_a_request_without_a_memory_type_is_permanent() -> None:
    assert _parsed(meta=None).memory_type == "permanent"
    assert _parsed(meta={}).memory_type == "permanent"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (b"not json", "not JSON"),
        (b'{"task_id": "t', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"{}", "task_id"),
        (b'{"task_id": 7}', "task_id"),
        (json.dumps({"task_id": "x" * 257}).encode(), "task_id"),
    ],
)
def test_an_entry_without_a_task_id_is_refused_without_an_addressee(entry: bytes, reason: str) -> None:
    with pytest.raises(InvalidRequestError, match=reason) as caught:
        parse_request(entry)
    assert caught.value.task_id is None


@pytest.mark.parametrize(
    "changes",
    [
        {"user_id": ""},
        {"type": "video"},
        {"content": ""},
        {"content": None},
        {"timestamp": "now"},
        {"timestamp": True},
        {"meta": "x"},
        {"meta": {"memory_type": 3}},
    ],
)
def test_a_wrong_field_is_named_and_the_task_can_still_be_answered(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match=next(iter(changes))) as caught:
        _parsed(**changes)
    assert caught.value.task_id == "t-1"


@given(st.binary() | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(lambda v: json.dumps(v).encode()))
def test_no_entry_whatever_raises_anything_but_invalid_request(entry: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        parse_request(entry)


@given(st.dictionaries(st.sampled_from(sorted(_MESSAGE)), st.none() | st.booleans() | st.integers() | st.text()))
def test_no_change_of_a_field_raises_anything_but_invalid_request(changes: dict[str, Any]) -> None:
    try:
        _parsed(**changes)
    except InvalidRequestError as error:
        assert error.reason


def test_the_age_of_a_request_counts_from_its_timestamp() -> None:
    assert _parsed(timestamp=1000.25).age_s(1001.0) == 0.75


def test_a_timestamp_in_whole_seconds_is_taken_for_the_end_of_its_second() -> None:
    assert _parsed(timestamp=1000).age_s(1000.9) == 0.0
    assert _parsed(timestamp=1000).age_s(1003.0) == 2.0


@pytest.mark.parametrize("timestamp", [None, 12345.6, 1_700_000_100.5, 1_699_990_000.5])
def test_a_timestamp_that_is_missing_or_no_epoch_time_says_nothing_about_the_age(timestamp: float | None) -> None:
    assert _parsed(timestamp=timestamp).age_s(1_700_000_000.0) is None


def test_only_a_reply_of_letta_says_that_the_memory_was_updated() -> None:
    replies = {
        source: orjson.loads(success(_parsed(), text="hi", source=source, now_s=1.5, meta={"attempts": 1}))
        for source in ("letta", "memory-python")
    }
    assert replies["letta"] == {
        "task_id": "t-1",
        "user_id": "anonymous",
        "response_text": "hi",
        "memory_updated": True,
        "source": "letta",
        "timestamp": 1.5,
        "meta": {"memory_type": "temporary", "trace_id": "abc", "lang": "zh", "attempts": 1},
    }
    assert replies["memory-python"]["memory_updated"] is False


def test_an_error_reply_names_the_bridge_as_its_source() -> None:
    reply = failure(task_id="t", user_id=None, error_type="invalid_request", message="why", now_s=2.0, meta={})
    assert orjson.loads(reply) == {
        "task_id": "t",
        "user_id": None,
        "error": True,
        "error_type": "invalid_request",
        "message": "why",
        "source": "letta_bridge",
        "timestamp": 2.0,
        "meta": {},
    }
