"""What of that which was acknowledged has arrived, and how often?"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import Final

from testbed.pipeline import otlp
from testbed.pipeline.rig import Pipeline
from testbed.pipeline.sender import Sender

_PAUSE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Account:
    """Of one kind: how many were acknowledged, how many of these never came, and how many came more than once.

    `duplicates` is None where they cannot be seen: a Prometheus keeps a sample that comes twice once.
    """

    kind: str
    acknowledged: int
    lost: int
    duplicates: int | None


def settle(pipeline: Pipeline, sender: Sender, *, within_s: float) -> list[Account]:
    """Wait until all that was acknowledged has come, or the time is over, and return the account of each kind."""
    end = time.monotonic() + within_s
    while True:
        accounts = _accounts(pipeline, sender)
        if not any(account.lost for account in accounts) or time.monotonic() > end:
            return accounts
        time.sleep(_PAUSE_S)


def _accounts(pipeline: Pipeline, sender: Sender) -> list[Account]:
    kept = pipeline.kept()
    spans = Counter(kept["spans"])
    lines = Counter(json.loads(line)["body"] for line in kept["lines"])
    values = {round(value) for _, value in pipeline.samples(otlp.COUNTER_IN_PROMETHEUS)}
    return [
        _account("spans", {otlp.span_name(number) for number in sender.spans}, spans),
        _account("lines", {otlp.line_body(number) for number in sender.lines}, lines),
        Account("samples", len(sender.samples), len(sender.samples - values), None),
    ]


def _account(kind: str, acknowledged: set[str], came: Counter[str]) -> Account:
    return Account(kind, len(acknowledged), len(acknowledged - set(came)), came.total() - len(came))
