"""How do the rules run sixty times faster? Every window, offset, hold and count of seconds in them is divided by 60."""

from __future__ import annotations

import re
from typing import Any, Final

FASTER: Final = 60
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SPAN: Final = re.compile(r"(?<=\[|\s)(\d+)([smhd])(?=\]|\)|$)")  # in a range, after offset, or alone
_FACTOR: Final = re.compile(r"(?<=\* )(\d+)\b(?!\.)")  # the seconds of a window, which rates are multiplied by


def faster(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the groups so that what takes a minute takes a second; names stay as they are."""
    return [{**group, "interval": "1s", "rules": [_rule(rule) for rule in group["rules"]]} for group in groups]


def _rule(rule: dict[str, Any]) -> dict[str, Any]:
    held = {"for": _span(rule["for"])} if "for" in rule else {}
    return {**rule, **held, "expr": _FACTOR.sub(_factor, _SPAN.sub(lambda found: _span(found[0]), rule["expr"]))}


def _span(length: str) -> str:
    seconds = int(length[:-1]) * _SECONDS[length[-1]]
    assert seconds % FASTER == 0, f"{length} is no whole number of minutes"
    return f"{seconds // FASTER}s"


def _factor(found: re.Match[str]) -> str:
    seconds = int(found[1])
    return str(seconds // FASTER) if seconds >= FASTER else found[1]
