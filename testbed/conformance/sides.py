"""Who is compared? A server with what is needed to ask it everything: the stub, a real Letta, or the user's own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from testbed.conformance.exchange import Exchange, Recording
from testbed.conformance.record import ModelDouble, record
from testbed.conformance.words import own_words
from testbed.embedded_redis import EmbeddedRedis
from testbed.process import Part, python_part, start
from testbed.real_letta.server import RealLetta

EMBEDDING = "openai/text-embedding-3-small"

_MODEL = "openai-proxy/gpt-4o-mini"  # as a Letta names its models that has another OPENAI_BASE_URL
_TIMEOUT_S = 10.0
# Neither the stub nor the model takes its time: what they answer is compared, not when.
_STUB_AT_ONCE = {"service_times": {"*": 0, "stream_token": 0, "tool": 0}, "settings": {"llm_retries": 0}}
_MODEL_AT_ONCE = {"service_times": {"*": 0, "first_token": 0, "stream_token": 0}}


@dataclass(frozen=True, slots=True)
class Side:
    """A server, its models, and the double behind it; `client` has its address and key."""

    client: httpx.Client
    model: str
    embedding: str
    model_double: ModelDouble | None
    has_redis: bool = False

    def record(self, exchanges: Sequence[Exchange], tag: str) -> Recording:
        """Send the exchanges and return the replies; everything that is made carries `tag`.

        Raises httpx.HTTPError when a request gets no answer.
        """
        return record(
            self.client,
            exchanges,
            {"tag": tag, "model": self.model, "embedding": self.embedding},
            model_double=self.model_double,
            own_words=own_words(str(self.client.base_url), self.model, self.embedding, tag),
        )


@contextmanager
def stub(log_dir: Path, command: Sequence[str] = ()) -> Iterator[Side]:
    """Start the stub before a double of a model server; `command` starts another program in the stub's place."""
    with _model(log_dir, "stub") as (llm, double):
        options = [
            "--redis-configured",
            "--llm",
            f"{llm.announced['url']}/v1",
            "--behaviour",
            json.dumps(_STUB_AT_ONCE),
        ]
        program = command or python_part("testbed.letta_stub")
        with (
            start("letta-stub", [*program, *options], log_dir=log_dir) as part,
            _client(part.announced["url"]) as client,
        ):
            yield Side(client, _MODEL, EMBEDDING, double, has_redis=True)


@contextmanager
def real(log_dir: Path, say: Callable[[str], None]) -> Iterator[Side]:
    """Start a real Letta with its PostgreSQL and a Redis, before a double of a model server. Raises PartError."""
    with (
        _model(log_dir, "letta") as (llm, double),
        EmbeddedRedis(log_dir) as redis,
        RealLetta(
            str(llm.announced["url"]), log_dir=log_dir, progress=say, redis_address=(redis.host, redis.port)
        ) as letta,
        _client(letta.url) as client,
    ):
        model = _MODEL if _MODEL in letta.models else letta.models[0]
        yield Side(client, model, EMBEDDING, double, has_redis=True)


@contextmanager
def _model(log_dir: Path, whose: str) -> Iterator[tuple[Part, ModelDouble]]:
    """Start a double of a model server for one side alone: a fault on this side must not reach the other."""
    command = python_part("testbed.llm_stub", "--behaviour", json.dumps(_MODEL_AT_ONCE))
    with (
        start(f"llm-stub-of-{whose}", command, log_dir=log_dir) as part,
        _client(part.announced["control"]) as control,
    ):
        yield part, ModelDouble(control)


def _client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, timeout=_TIMEOUT_S, trust_env=False)
