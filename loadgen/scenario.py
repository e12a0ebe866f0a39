"""What does a scenario add to the engine? The request it makes; when, and how it is recorded, is the engine's.

A scenario is a Locust user class, so Locust's own class picker, `--list` and class names on the command line choose
among scenarios. Its users send nothing: each live user stands for one request a second of arrival rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from gevent.event import Event
from locust import User, task

from loadgen.agents import Agent
from loadgen.bridge_client import BridgeClient
from loadgen.http_client import LettaClient
from loadgen.payload import Payload
from loadgen.reply import Reply
from loadgen.traces import traceparent


@dataclass(frozen=True, slots=True)
class Clients:
    """The connections of one worker; the bridge's is None when no Redis was named."""

    letta: LettaClient
    bridge: BridgeClient | None


@dataclass(slots=True)
class Call:
    """One request to make: its identity, its agent or user, the words to say."""

    request_id: str
    number: int
    turn: int
    agent: Agent
    clients: Clients
    payload: Payload
    session: dict[str, Any]
    tag: str
    model: str
    embedding: str
    traced: bool = False

    @property
    def meta(self) -> dict[str, str]:
        """What a message through the bridge says of its trace: the id of before, and a `traceparent` where asked."""
        traced = {"traceparent": traceparent(self.request_id)} if self.traced else {}
        return {"trace_id": self.request_id, **traced}


class Scenario(User):
    """Base of all scenarios; `needs` says what a request holds while it runs.

    "agent": an agent of its own for the whole session, so that it never has two messages in flight; "any agent": one
    that others may be using; "user": a user id of the bridge, its own for the session; "nothing".
    """

    abstract = True
    operation: ClassVar[str]
    needs: ClassVar[str] = "any agent"

    def request(self, call: Call) -> Reply:
        """Make one request and return what came back; never raises for what a target does."""
        raise NotImplementedError  # no abstract method: Locust's own metaclass leaves no room for ABCMeta

    @task
    def stand_for_one_request_a_second(self) -> None:
        """Wait until Locust takes this user away: the engine counts the users that are there."""
        Event().wait()
