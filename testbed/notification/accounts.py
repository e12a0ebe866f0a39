"""Which robots, keys and mailboxes do the stand-ins know?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """All of it made up: nothing here opens anything but the stand-ins."""

    dingtalk_token: str = "made-up-dingtalk-token"  # noqa: S105  # of the stand-in
    dingtalk_secret: str = "SECmade-up-dingtalk-secret"  # noqa: S105
    wecom_key: str = "made-up-wecom-key"
    corp_id: str = "made-up-corp"
    agent_id: str = "1000002"
    corp_secret: str = "made-up-corp-secret"  # noqa: S105
    access_key: str = "MADEUPACCESSKEY"
    secret_key: str = "made-up-secret-key"  # noqa: S105
    project_id: str = "0123456789abcdef0123456789abcdef"
    topic_urn: str = "urn:smn:cn-north-4:0123456789abcdef0123456789abcdef:letta-oncall"
    smtp_user: str = "letta-slo"
    smtp_password: str = "made-up-smtp-password"  # noqa: S105
    watchdog_token: str = "made-up-watchdog-token"  # noqa: S105


ACCOUNT = Account()
