"""How is a token got from IAM, and how long does it last?

Source: Huawei Cloud, IAM API reference, "Obtaining a User Token Through Password Authentication".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from huawei.account import Account
from huawei.errors import RefusedError
from huawei.http import ask, json_of


@dataclass(frozen=True, slots=True)
class Token:
    """A token for a project, and for how many seconds it holds (None: it does not say)."""

    value: str = field(repr=False)
    lasts_s: float | None


def token(account: Account) -> Token:
    """Ask for a token with the account's password; raises UnreachableError and RefusedError."""
    user = {
        "name": account["IAM_USER"],
        "password": account["IAM_PASSWORD"],
        "domain": {"name": account["IAM_DOMAIN"]},
    }
    identity = {"methods": ["password"], "password": {"user": user}}
    body = {"auth": {"identity": identity, "scope": {"project": {"name": account["IAM_PROJECT"]}}}}
    answer = ask("POST", f"{account['IAM_ENDPOINT'].rstrip('/')}/v3/auth/tokens", json=body)
    value = answer.headers.get("x-subject-token", "")
    if not value:
        raise RefusedError(f"IAM answered {answer.status_code} without a token in the header X-Subject-Token")
    return Token(value, _lasts_s(json_of(answer)))


def _lasts_s(body: object) -> float | None:
    try:
        ends = datetime.fromisoformat(body["token"]["expires_at"])  # type: ignore[index]
    except (KeyError, TypeError, ValueError):
        return None
    return (ends.replace(tzinfo=ends.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
