"""What does a server answer to every exchange? Sends them one by one, each with what earlier replies gave."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx

from testbed.conformance.exchange import Event, Exchange, Fault, Recorded, Recording

_TIMEOUT_S = 60.0  # Letta tries a failing embedding 36 times in 16 s, and busy machines are slower
_SLOW_S = 3.0  # how long the model takes over the message that another one meets
_PATIENCE_S = 15.0
_POLL_S = 0.05
_MISSING = Recorded(0, body="not sent: an earlier reply did not give what it needs")


@dataclass(frozen=True, slots=True)
class ModelDouble:
    """The double of a model server behind a Letta; `control` is a client of its control port."""

    control: httpx.Client

    def fail(self, fault: Fault | None) -> None:
        """Do this to every call from now on; None ends it."""
        faults = [] if fault is None else [fault.as_json()]
        self.control.patch("/behaviour", json={"faults": faults}).raise_for_status()

    def is_working(self) -> bool:
        """Whether a call is being answered."""
        return bool(self.control.get("/ledger/counters").raise_for_status().json()["in_flight"])


def record(
    client: httpx.Client,
    exchanges: Iterable[Exchange],
    given: Mapping[str, str],
    *,
    model_double: ModelDouble | None,
    own_words: Mapping[str, str],
) -> Recording:
    """Send the exchanges in order and return the replies; `given` are the first values of the placeholders.

    Raises httpx.HTTPError when a request gets no answer.
    """
    recorder = _Recorder(client, dict(given), model_double)
    return Recording({exchange.name: recorder.send(exchange) for exchange in exchanges}, own_words)


@dataclass(slots=True)
class _Recorder:
    client: httpx.Client
    known: dict[str, str]
    model_double: ModelDouble | None

    def send(self, exchange: Exchange) -> Recorded:
        try:
            given = {name: value.format_map(self.known) for name, value in exchange.given.items()}
            request = _request(self.client, exchange, {**self.known, **given})
        except KeyError:
            return _MISSING
        reply = self._send_as_told(exchange, request)
        for name, path in exchange.keep.items():
            found = look_up(reply.body, path)
            if isinstance(found, str):
                self.known[name] = found
        return reply

    def _send_as_told(self, exchange: Exchange, request: httpx.Request) -> Recorded:
        if exchange.until is not None:
            return self._send_until(request, *exchange.until)
        if not exchange.needs_model_double:
            return self._send(request)
        if self.model_double is None:
            raise ValueError(f"{exchange.name} needs the double of a model server")
        if exchange.overlaps:
            return self._send_while_busy(request, self.model_double)
        self.model_double.fail(exchange.fault)
        try:
            return self._send(request)
        finally:
            self.model_double.fail(None)

    def _send(self, request: httpx.Request) -> Recorded:
        return recorded(self.client.send(request))

    def _send_until(self, request: httpx.Request, path: str, value: str) -> Recorded:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            reply = self._send(request)
            if look_up(reply.body, path) == value or time.monotonic() > deadline:
                return reply
            time.sleep(_POLL_S)  # Letta tells nobody when a background task is done

    def _send_while_busy(self, request: httpx.Request, model: ModelDouble) -> Recorded:
        """Send it while the same request is being answered, and wait for both."""
        model.fail(Fault("slow", delay_s=_SLOW_S))
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(self.client.send, _copy(request))
            try:
                deadline = time.monotonic() + _PATIENCE_S
                while not model.is_working() and time.monotonic() < deadline:
                    time.sleep(_POLL_S)  # the double tells what it is doing only when asked
            finally:
                model.fail(None)
            reply = self._send(request)
            first.result()
        return reply


def _copy(request: httpx.Request) -> httpx.Request:
    return httpx.Request(
        request.method, request.url, headers=request.headers, content=request.content, extensions=request.extensions
    )


def _request(client: httpx.Client, exchange: Exchange, values: Mapping[str, str]) -> httpx.Request:
    """Return the request with every placeholder filled; raises KeyError for one that nothing gave."""
    path = exchange.path.format_map(values)
    url = f"{path}?{exchange.query.format_map(values)}" if exchange.query else path
    if exchange.raw_body is not None:
        headers = {"content-type": "application/json"}
        return client.build_request(
            exchange.method, url, content=exchange.raw_body, headers=headers, timeout=_TIMEOUT_S
        )
    if exchange.body is None:
        return client.build_request(exchange.method, url, timeout=_TIMEOUT_S)
    return client.build_request(exchange.method, url, json=_filled(exchange.body, values), timeout=_TIMEOUT_S)


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return value.format_map(values) if value.startswith("{") and value.endswith("}") else value
    if isinstance(value, dict):
        return {key: _filled(inner, values) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(inner, values) for inner in value]
    return value


def recorded(response: httpx.Response) -> Recorded:
    """Return a response in the form that is compared."""
    headers = tuple(sorted((name.lower(), value) for name, value in response.headers.multi_items()))
    if response.headers.get("content-type", "").startswith("text/event-stream"):
        return Recorded(response.status_code, headers, events=tuple(_events(response.text)))
    return Recorded(response.status_code, headers, body=_json_or_text(response.text))


def _events(text: str) -> Iterable[Event]:
    """Yield the events of a stream; lines that are neither `event:` nor `data:` become part of the name."""
    for block in text.strip().split("\n\n"):
        lines = block.split("\n")
        data = "\n".join(line.removeprefix("data: ") for line in lines if line.startswith("data: "))
        name = "; ".join(line for line in lines if not line.startswith("data: "))
        yield Event(name, _json_or_text(data))


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def look_up(body: Any, path: str) -> Any:
    """Return what stands at a path such as `messages.0.run_id`, None where nothing does."""
    for step in path.split("."):
        if isinstance(body, list) and step.isdigit() and int(step) < len(body):
            body = body[int(step)]
        elif isinstance(body, dict):
            body = body.get(step)
        else:
            return None
    return body
