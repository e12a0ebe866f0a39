"""How does an expression look that reads no recorded series? Each is replaced by what it is recorded from.

AOM keeps one document of recording rules an instance, and writing it replaces what is there: so alarms do without.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from alerts.errors import RuleError
from alerts.names import SLO_LABEL
from alerts.promql import parse, selectors

# Strings and ranges first: a port in a label and the step of a subquery have colons, too.
_RECORDED: Final = re.compile(
    r"""(?P<other>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\[[^\]]*\])"""
    r"""|(?<![\w:])(?P<name>[a-zA-Z_]\w*(?::\w+)+)(?:\{(?P<matchers>[^}]*)\})?(?:\s*\[(?P<range>\w+)\])?"""
)
_MATCHER: Final = re.compile(rf'^\s*{SLO_LABEL}\s*=\s*"(?P<slo>[^"]*)"\s*,?\s*$')
_STEP: Final = "1m"
_DEEPEST: Final = 8  # today a burn rate is three deep; more would be a circle

Records = Mapping[tuple[str, str], str]


def records(groups: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """Return the expression of each recorded series, by its name and objective."""
    return {
        (rule["record"], rule.get("labels", {}).get(SLO_LABEL, "")): rule["expr"]
        for group in groups
        for rule in group["rules"]
        if "record" in rule
    }


def inlined(expression: str, known: Records) -> str:
    """Return an expression of one line that reads no recorded series; raises RuleError when that cannot be."""
    text = expression
    for _ in range(_DEEPEST):
        replaced = _RECORDED.sub(lambda found: _instead(found, known, expression), text)
        if replaced == text:
            break
        text = replaced
    text = " ".join(text.split())
    parse(text)
    left = sorted({one.metric for one in selectors(text) if ":" in one.metric})
    if left:
        raise RuleError(f"{expression.strip()!r} still reads the recorded {', '.join(left)} after {_DEEPEST} rounds")
    return text


def _instead(found: re.Match[str], known: Records, whole: str) -> str:
    if found["other"]:
        return found[0]
    matched = _MATCHER.match(found["matchers"] or "")
    key = (found["name"], matched["slo"] if matched else "")
    if key not in known or (found["matchers"] and not matched):
        raise RuleError(
            f"{whole.strip()!r} reads {found[0]!r}, of which no recording rule is known: "
            f'a recorded series is read as name{{{SLO_LABEL}="an-objective"}}'
        )
    # Over a range it becomes a subquery, with the step at which it would be recorded.
    return f"({known[key]})" + (f"[{found['range']}:{_STEP}]" if found["range"] else "")
