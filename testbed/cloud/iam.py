"""A double of IAM: `POST /v3/auth/tokens` with a password gives a token for a project, in a header.

Source: Huawei Cloud, IAM API reference, "Obtaining a User Token Through Password Authentication".
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from testbed.cloud.accounts import ACCOUNT
from testbed.stub.stage import Call, Refusal, Reply, json_reply

HOLDS_S = 24 * 3600.0


class Iam:
    """Gives tokens, and knows those that hold; a setting says for how long."""

    def __init__(self) -> None:
        self._tokens: dict[str, datetime] = {}

    def give(self, call: Call) -> Reply:
        """POST /v3/auth/tokens."""
        if not _is_account(_json(call.body)):
            message = "The username or password is wrong."
            raise Refusal(json_reply({"error": {"code": 401, "message": message, "title": "Unauthorized"}}, 401))
        token = secrets.token_hex(600)  # real ones have 1,000 to 2,000 characters
        ends = datetime.now(UTC) + timedelta(seconds=call.behaviour.settings["token_s"])
        self._tokens[token] = ends
        body = {"token": {"expires_at": ends.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "methods": ["password"]}}
        return Reply(orjson.dumps(body), 201, headers=((b"x-subject-token", token.encode()),))

    def holds(self, token: str) -> bool:
        """Whether a token was given here, and has not ended."""
        ends = self._tokens.get(token)
        return ends is not None and datetime.now(UTC) < ends


def _is_account(asked: Any) -> bool:
    try:
        auth = asked["auth"]
        user = auth["identity"]["password"]["user"]
        return bool(
            user["name"] == ACCOUNT.user
            and user["password"] == ACCOUNT.password
            and user["domain"]["name"] == ACCOUNT.domain
            and auth["scope"]["project"]["name"] == ACCOUNT.project
        )
    except (KeyError, TypeError):
        return False


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
