"""In what two replies differ, and which of that is allowed: by a list with reasons in which no entry is idle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slo.errors import CatalogueError
from testbed.conformance import allowed
from testbed.conformance.differences import Difference, What, compare
from testbed.conformance.exchange import Event, Exchange, Recorded, Recording

ASKED = Exchange("agent-get", "GET", "/v1/agents/{agent_id}")
REPLY = Recorded(200, (("content-type", "application/json"), ("date", "now")), {"id": 1, "tags": ["a"]})
STREAM = Recorded(
    200,
    events=(
        Event("", {"message_type": "assistant_message", "content": "he"}),
        Event("", {"message_type": "assistant_message", "content": "llo"}),
        Event("", {"message_type": "stop_reason", "stop_reason": "end_turn"}),
        Event("", "[DONE]"),
    ),
)


def differences(stub: Recorded, letta: Recorded) -> list[tuple[str, str, str, str]]:
    found = compare([ASKED], Recording({ASKED.name: stub}), Recording({ASKED.name: letta}))
    return [(one.what.value, one.field, one.stub, one.letta) for one in found]


def with_body(body: Any, status: int = 200) -> Recorded:
    return replace(REPLY, body=body, status=status)


def test_a_reply_does_not_differ_from_itself() -> None:
    assert differences(REPLY, REPLY) == []
    assert differences(STREAM, STREAM) == []


def test_another_status_is_told_with_what_the_error_says_and_nothing_else_is() -> None:
    assert differences(REPLY, with_body({"detail": "no"}, 404)) == [("status", "status", "200", "404 {'detail': 'no'}")]


def test_headers_are_compared_but_for_those_that_change_with_every_reply() -> None:
    other = replace(REPLY, headers=(("content-type", "text/plain"), ("date", "then"), ("allow", "GET")))
    assert differences(other, REPLY) == [
        ("header", "allow", "GET", "–"),
        ("header", "content-type", "text/plain", "application/json"),
    ]


def test_a_field_too_few_or_too_many_is_found_once_and_not_again_for_what_is_in_it() -> None:
    more = with_body({"id": 1, "tags": ["a"], "memory": {"blocks": [{"label": "human"}]}})
    assert differences(REPLY, more) == [("missing", "body.memory", "–", "object")]
    assert differences(more, REPLY) == [("extra", "body.memory", "object", "–")]


def test_another_type_is_found_also_where_only_one_of_a_list_has_it() -> None:
    assert differences(with_body({"id": "1", "tags": ["a"]}), REPLY) == [("type", "body.id", "string", "integer")]
    assert differences(with_body({"id": 1, "tags": ["a", None]}), REPLY) == [
        ("type", "body.tags[]", "null or string", "string")
    ]


def test_another_constant_word_is_found() -> None:
    assert differences(with_body({"status": "ok"}), with_body({"status": "healthy"})) == [
        ("value", "body.status", "ok", "healthy")
    ]


def test_texts_of_errors_are_compared_word_for_word() -> None:
    ours, theirs = with_body({"detail": "Agent not found"}, 404), with_body({"detail": "No such agent"}, 404)
    assert differences(ours, theirs) == [("value", "body.detail", "Agent not found", "No such agent")]


def test_another_order_of_events_is_found_and_another_number_of_tokens_is_none() -> None:
    first, second, stop, done = STREAM.events or ()
    assert differences(replace(STREAM, events=(first, first, second, stop, done)), STREAM) == []
    assert differences(replace(STREAM, events=(stop, first, second, done)), STREAM) == [
        (
            "events",
            "events",
            "stop_reason → assistant_message … → [DONE]",
            "assistant_message … → stop_reason → [DONE]",
        )
    ]


def test_an_event_without_its_name_is_found() -> None:
    failure = {"message_type": "error_message", "detail": "no"}
    named, plain = Recorded(200, events=(Event("event: error", failure),)), Recorded(200, events=(Event("", failure),))
    assert differences(plain, named)[0] == ("events", "events", "error_message", "error_message (event: error)")


def test_pings_do_not_count() -> None:
    ping = Event("", {"message_type": "ping"})
    assert differences(replace(STREAM, events=(ping, *(STREAM.events or ()))), STREAM) == []


ENTRY = """
- endpoints:
    - GET /v1/agents/{agent_id}
  what: value
  field: body.tools[]*
  reason: The texts of tools are the stub's own.
"""
FOUND = Difference("agent-get", "GET /v1/agents/{agent_id}", What.VALUE, "body.tools[].name", "ours", "theirs")


def entry(**changes: Any) -> allowed.Allowed:
    return replace(allowed.parse(ENTRY, "list.yaml")[0], **changes)


def test_an_entry_allows_its_kind_of_difference_in_its_fields_of_its_endpoints() -> None:
    assert entry().covers(FOUND)
    assert not entry().covers(replace(FOUND, what=What.MISSING))
    assert not entry().covers(replace(FOUND, field="body.name"))
    assert not entry().covers(replace(FOUND, endpoint="GET /v1/agents/"))


def test_an_entry_may_be_about_some_exchanges_only() -> None:
    assert entry(exchanges=("agent-get",)).covers(FOUND)
    assert not entry(exchanges=("agent-get-plain",)).covers(FOUND)


def test_a_used_entry_is_right_and_an_idle_one_an_error_that_names_file_line_and_entry() -> None:
    allowed.check_used(allowed.judge([FOUND], [entry()]), [entry()], path="list.yaml")
    with pytest.raises(CatalogueError, match=r"list\.yaml:2: \[0\]: found value of body\.tools\[\]\*, which does not"):
        allowed.check_used((), [entry()], path="list.yaml")


def test_an_entry_that_says_why_its_difference_comes_and_goes_may_be_idle() -> None:
    allowed.check_used((), [entry(sometimes="A race in Letta.")])


def test_an_endpoint_of_an_entry_that_nothing_needs_is_an_error_too() -> None:
    wide = entry(endpoints=(FOUND.endpoint, "GET /v1/agents/"))
    with pytest.raises(CatalogueError, match="differ in GET /v1/agents/, allowed: only differences that there are"):
        allowed.check_used(allowed.judge([FOUND], [wide]), [wide])


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("reason:", "because:", r"list\.yaml:6: \[0\]: found 'because'"),
        ("what: value", "what: vlaue", r"list\.yaml:4: \[0\]\.what: found 'vlaue', .*did you mean 'value'"),
        ("  reason: The texts of tools are the stub's own.\n", "", r"list\.yaml:2: \[0\]: found no reason"),
        (
            "\n    - GET /v1/agents/{agent_id}",
            " 7",
            r"list\.yaml:2: \[0\]\.endpoints: found 7, allowed: a list of texts",
        ),
        ("body.tools[]*", "[a, b]", r"list\.yaml:5: \[0\]\.field: found a list, allowed: a text"),
        (ENTRY, "reason: none", "found a mapping, allowed: a list of allowed differences"),
    ],
)
def test_a_wrong_list_is_an_error_that_says_where_and_what(old: str, new: str, complaint: str) -> None:
    with pytest.raises(CatalogueError, match=complaint):
        allowed.parse(ENTRY.replace(old, new), "list.yaml")


def test_the_shipped_list_can_be_read_and_fits_a_page() -> None:
    assert len(allowed.load()) <= 40


def test_a_list_of_one_s_own_is_named_in_its_errors(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("- reason: none\n")
    with pytest.raises(CatalogueError, match=r"mine\.yaml:1"):
        allowed.load(file)
