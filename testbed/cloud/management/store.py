"""What does the double hold, and what does a request to it say?"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from testbed.cloud.accounts import ACCOUNT

Row = dict[str, Any]


class AnswerError(Exception):
    """The service's answer is an error, in Huawei's form."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        # SMN has other words for it than the others.
        self.body = (
            {"code": code, "message": message} if code.startswith("SMN") else {"error_code": code, "error_msg": message}
        )


@dataclass(slots=True)
class Store:
    """Everything of one project, each kind by what identifies it."""

    alarm_rules: dict[str, Row] = field(default_factory=dict)
    action_rules: dict[str, Row] = field(default_factory=dict)
    templates: dict[str, Row] = field(default_factory=dict)
    mute_rules: dict[str, Row] = field(default_factory=dict)
    events: list[Row] = field(default_factory=list)
    topics: dict[str, Row] = field(default_factory=dict)  # by URN
    subscriptions: dict[str, Row] = field(default_factory=dict)  # by URN
    log_groups: dict[str, Row] = field(default_factory=dict)  # by id
    log_streams: dict[str, Row] = field(default_factory=dict)  # by id
    log_indexes: dict[str, Row] = field(default_factory=dict)  # by the stream's id
    log_alarms: dict[str, Row] = field(default_factory=dict)  # by id
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    KINDS = (
        "alarm_rules action_rules templates mute_rules topics subscriptions "
        "log_groups log_streams log_indexes log_alarms"
    ).split()

    def number(self) -> int:
        """Return a number that nothing has yet."""
        return next(self._numbers)

    def id(self) -> str:
        """Return an id that nothing has yet, in the form of a UUID."""
        return f"00000000-0000-4000-8000-{self.number():012x}"

    def urn(self, *names: str) -> str:
        """Return a URN of SMN."""
        return ":".join(("urn:smn", ACCOUNT.project, ACCOUNT.project_id, *names))

    def as_json(self) -> dict[str, Any]:
        """Return everything for the control port."""
        return {**{kind: getattr(self, kind) for kind in self.KINDS}, "events": self.events}

    def clear(self) -> None:
        """Forget everything."""
        for kind in (*self.KINDS, "events"):
            getattr(self, kind).clear()

    def put(self, kind: str, key: str, row: Row) -> None:
        """Put something there past the API, as somebody with the console would."""
        getattr(self, kind)[key] = row


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to a service."""

    params: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's JSON; raises AnswerError."""
        try:
            return orjson.loads(self.body or b"{}")
        except orjson.JSONDecodeError as error:
            raise AnswerError(400, "APIGW.0400", "the body is no JSON") from error

    def whole(self, name: str, default: int) -> int:
        """Return a whole number of the query; raises AnswerError."""
        text = self.query.get(name, str(default))
        if not text.isdigit():
            raise AnswerError(400, "APIGW.0400", f"{name} is {text!r}")
        return int(text)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer; a body of None is none at all, as with 204."""

    body: Any = None
    status: int = 200


def only(body: Any, known: set[str], where: str) -> Row:
    """Return a body that is a mapping with known fields only; what is misspelt would be lost unseen. Ours."""
    if not isinstance(body, dict):
        raise AnswerError(400, "APIGW.0400", f"{where} is no object")
    if unknown := sorted(set(body) - known):
        raise AnswerError(400, "APIGW.0400", f"{where}: unknown {', '.join(unknown)}")
    return body
