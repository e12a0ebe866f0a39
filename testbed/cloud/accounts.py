"""Which account do the doubles know? One, with one user, one project, one stream of logs and one token of each kind."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """All of it made up: nothing here opens anything but the doubles."""

    domain: str = "letta-slo-double"
    user: str = "writer"
    password: str = "made-up-password"  # noqa: S105  # of the double
    project: str = "cn-north-4"
    project_id: str = "0123456789abcdef0123456789abcdef"
    log_group_id: str = "11111111-2222-3333-4444-555555555555"
    log_stream_id: str = "66666666-7777-8888-9999-000000000000"
    apm_token: str = "made-up-apm-token"  # noqa: S105
    apm_business_id: str = "4711"
    aom_access_code: str = "made-up-access-code"
    access_key: str = "MADEUPACCESSKEY00000"
    secret_key: str = "made-up-secret-key"  # noqa: S105
    domain_id: str = "fedcba9876543210fedcba9876543210"


ACCOUNT = Account()
