"""Is the stub equal to what a real Letta 0.16.4 was seen to answer, and do both keep to its own OpenAPI document?

Three witnesses: the stored recording of a real server, the bodies captured from another one, and the document.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.routing import Route

from testbed.conformance import allowed, sides, stored
from testbed.conformance.differences import Difference, What, compare
from testbed.conformance.exchange import Exchange, Recorded, Recording
from testbed.conformance.exchanges import EVERY
from testbed.letta_stub.app import letta_app
from testbed.letta_stub.defaults import OPERATIONS, default_behaviour
from testbed.letta_stub.house import House
from testbed.letta_stub.mind import OwnMind
from testbed.letta_stub.models import Models
from testbed.stub.control import Controls

DOCUMENT = json.loads(gzip.decompress(Path(stored.__file__).with_name("openapi-0.16.4.json.gz").read_bytes()))
SAMPLES = Path(__file__).with_name("data_letta_samples")
CAPTURED = {
    "archival_insert": "archival-insert",
    "archival_search": "archival-search",
    "block": "block-write",
    "blocks": "blocks-read",
    "conversation": "conversation-create",
    "error_404_agent": "message-unknown-agent",
    "error_404_model": "agent-create-unknown-model",
    "error_422_body": "message-wrong-type",
    "error_422_empty": "message-no-input",
    "error_422_id": "agent-get-bad-id",
    "message": "message",
    "message_with_tool": "message-tool",
    "run_created": "message-async",
    "run_completed": "run-of-async",
    "run_metrics": "run-metrics",
}
# Of the captured bodies these were not made by the same request: their agent has blocks and tags of its own, say.
OTHER_REQUEST = frozenset({"tags", "limit", "description", "detail"})


@pytest.fixture(scope="module")
def stub(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    with sides.stub(tmp_path_factory.mktemp("logs")) as side:
        return side.record(EVERY, "letta-slo-run-witness")


@pytest.fixture(scope="module")
def letta() -> Recording:
    return stored.load()


def named(name: str) -> Exchange:
    return next(one for one in EVERY if one.name == name)


def test_every_endpoint_of_the_stub_is_asked() -> None:
    behaviour = default_behaviour(with_model_server=False)
    app = letta_app(House(Controls(behaviour, behaviour, OPERATIONS), OwnMind(), Models()))
    served = {
        f"{method} {route.path}" for route in app.routes if isinstance(route, Route) for method in route.methods or ()
    }
    assert served - {one.endpoint for one in EVERY} == set()


def test_every_exchange_has_a_name_of_its_own() -> None:
    assert len({one.name for one in EVERY}) == len(EVERY)


def test_every_exchange_was_asked_of_a_real_letta(letta: Recording) -> None:
    assert set(letta.replies) == {one.name for one in EVERY}
    assert [name for name, reply in letta.replies.items() if not reply.status] == []


def test_the_stub_differs_from_a_real_letta_only_where_that_is_allowed(stub: Recording, letta: Recording) -> None:
    entries = allowed.load()
    judged = allowed.judge(compare(EVERY, stub, letta), entries)
    assert [one.difference for one in judged if one.allowed is None] == []
    allowed.check_used(judged, entries)


def test_a_recording_is_stored_and_read_as_it_was(stub: Recording, letta: Recording) -> None:
    assert stored.dump(letta) == stored.dump(stored.load())
    assert compare(EVERY, stub, Recording(stub.replies, stub.own_words)) == ()


@pytest.mark.parametrize(("sample", "exchange"), CAPTURED.items())
def test_the_stub_has_the_fields_and_types_of_captured_bodies(stub: Recording, sample: str, exchange: str) -> None:
    ours = stub.replies[exchange]
    captured = Recorded(ours.status, ours.headers, json.loads((SAMPLES / f"{sample}.json").read_text()))
    found = compare([named(exchange)], stub, Recording({exchange: captured}, stub.own_words))
    assert [one for one in found if not is_of_another_request(one)] == []


def is_of_another_request(found: Difference) -> bool:
    is_allowed = any(entry.covers(found) for entry in allowed.load())
    return is_allowed or found.what is What.VALUE or found.field.rpartition(".")[2] in OTHER_REQUEST


@pytest.mark.parametrize("side", ["stub", "letta"])
def test_good_replies_keep_to_the_document(request: pytest.FixtureRequest, side: str) -> None:
    recording: Recording = request.getfixturevalue(side)
    complaints = {one.name: found for one in EVERY if (found := against_document(one, recording.replies[one.name]))}
    assert complaints == {}


def test_a_planted_fault_of_a_body_is_against_the_document(letta: Recording) -> None:
    reply = letta.replies["agent-get"]
    wrong = Recorded(reply.status, reply.headers, {**reply.body, "message_ids": "none"})
    assert [one.partition(":")[0] for one in against_document(named("agent-get"), wrong)] == ["$.message_ids"]


def against_document(exchange: Exchange, reply: Recorded) -> list[str]:
    """Return what is wrong with a good reply by the document; a 422 is not as it says, in the real server either."""
    schema = schema_of(exchange, reply)
    if schema is None:
        return []
    validator = Draft202012Validator({**schema, "components": DOCUMENT["components"]})
    events = [one.data for one in reply.events or () if isinstance(one.data, dict) and not one.name]
    bodies = [reply.body] if reply.events is None else events
    return [f"{error.json_path}: {error.message}"[:200] for body in bodies for error in validator.iter_errors(body)]


def schema_of(exchange: Exchange, reply: Recorded) -> dict[str, Any] | None:
    responses = DOCUMENT["paths"].get(exchange.path, {}).get(exchange.method.lower(), {}).get("responses", {})
    if reply.status >= 400 or str(reply.status) not in responses:
        return None
    if reply.events is not None:  # the document has the events of all streams under one name
        return {"$ref": "#/components/schemas/LettaStreamingResponse"}
    found: dict[str, Any] | None = responses[str(reply.status)]["content"].get("application/json", {}).get("schema")
    return found
