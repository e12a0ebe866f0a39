"""What of a reply is compared: kinds and constant words, and never what is another one each time."""

from __future__ import annotations

import pytest

from testbed.conformance.shape import Shape, sequence_of, shape_of
from testbed.conformance.words import Marker, kind_of, own_words

UUID = "8f0b1a35-d270-440c-ba23-86ee20b7a7a9"
MARKER = Marker({})


def kinds(shape: Shape) -> dict[str, list[str]]:
    return {path: sorted(place.kinds) for path, place in shape.items()}


def test_every_path_has_the_kinds_of_its_values() -> None:
    body = {"id": f"agent-{UUID}", "limit": 5, "score": 0.5, "tags": [], "hidden": None, "is_error": False}
    assert kinds(shape_of(body, "body", MARKER)) == {
        "body": ["object"],
        "body.id": ["id agent-…"],
        "body.limit": ["integer"],
        "body.score": ["number"],
        "body.tags": ["empty list"],
        "body.hidden": ["null"],
        "body.is_error": ["boolean"],
    }


def test_elements_of_a_list_are_taken_together() -> None:
    shape = shape_of([{"a": 1}, {"a": None}], "body", MARKER)
    assert kinds(shape) == {"body": ["list"], "body[]": ["object"], "body[].a": ["integer", "null"]}


def test_a_field_that_some_elements_lack_is_said_to_be_absent_in_them() -> None:
    shape = shape_of([{"a": 1, "b": 2}, {"a": 1}], "body", MARKER)
    assert shape["body[].a"].kinds == {"integer"}
    assert shape["body[].b"].kinds == {"integer", "absent"}


def test_messages_are_told_apart_by_their_type_and_their_order_is_a_word() -> None:
    reply = {"message_type": "assistant_message", "content": "hello"}
    call = {"message_type": "tool_call_message", "tool_call": {"name": "look"}}
    shape = shape_of([call, reply, reply], "body", MARKER)
    assert shape["body"].words == {"tool_call_message → assistant_message …"}
    assert "body[tool_call_message].tool_call.name" in shape
    assert "body[assistant_message].content" in shape


def test_words_and_numbers_of_the_interface_count_and_what_is_written_or_measured_does_not() -> None:
    body = {"status": "ok", "text": "ok", "is_template": False, "hint": "a text with blanks", "limit": 5}
    body |= {"score": 0.5, "step_ns": 12345, "prompt_tokens": 669}
    shape = shape_of(body, "body", MARKER)
    assert {path: place.words for path, place in shape.items() if place.words} == {
        "body.status": {"ok"},
        "body.is_template": {"false"},
        "body.limit": {"5"},
    }


def test_every_text_of_an_error_counts() -> None:
    shape = shape_of({"detail": f"Agent with ID agent-{UUID} not found"}, "body", MARKER, every_text=True)
    assert shape["body.detail"].words == {"Agent with ID agent-<uuid> not found"}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"agent-{UUID}", "id agent-…"),
        (UUID, "uuid"),
        ("2026-11-21T01:40:10.318051Z", "time 0000-00-00T00:00:00.0Z"),
        ("2026-11-21T02:03:35+00:00", "time 0000-00-00T00:00:00+00:00"),
        ("hello", "string"),
    ],
)
def test_ids_and_times_have_kinds_of_their_own(text: str, kind: str) -> None:
    assert kind_of(text) == kind


def test_two_forms_of_a_time_are_two_kinds() -> None:
    assert kind_of("2026-11-21T01:40:10.318051Z") != kind_of("2026-11-21T01:40:10.318051")


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        (f"Conversation conv-{UUID} is busy", "Conversation conv-<uuid> is busy"),
        ("created_at=datetime.datetime(2026, 11, 21, 1, 40, tzinfo=datetime.timezone.utc)", "created_at=<python time>"),
        ("since 2026-11-21 01:40:10", "since <time>"),
        ("call_4f2a0c", "<call>"),
        ("ask https://api.example.org/v1 again", "ask <url> again"),
    ],
)
def test_what_is_another_one_each_time_becomes_a_mark(text: str, marked: str) -> None:
    assert MARKER.marked(text) == marked


def test_what_is_one_server_s_own_becomes_a_mark() -> None:
    marker = Marker(own_words("http://127.0.0.1:8283/", "openai/gpt-4o", "openai/text-embedding-3-small", "run-1"))
    assert marker.marked("http://127.0.0.1:8283/v1/health/") == "<letta>/v1/health/"
    assert marker.marked("openai/gpt-4o and gpt-4o") == "<model> and <model-name>"
    assert marker.marked("run-1's Archive") == "<tag>'s Archive"


def test_several_of_a_kind_in_a_row_are_said_to_be_several_however_many_they_are() -> None:
    assert sequence_of("aab") == sequence_of("aaab") == ("a …", "b")
    assert sequence_of("ab") == ("a", "b")
