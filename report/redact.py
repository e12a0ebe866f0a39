"""Which text may not leave with a report? Credentials, wherever they turned up; one list for all outputs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

REDACTED = "[redacted]"

# Every pattern keeps to characters that neither JSON, XML, HTML nor Markdown escapes at its end, so that the same list
# can be laid over a finished document without breaking it.
_WORD = r"[A-Za-z0-9._~+/=-]"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # scheme://user:password@host, and redis://:password@host; a password with a raw @ goes to the last one
    (re.compile(r"\b([a-zA-Z][a-zA-Z0-9+.-]{1,20}://)[^\s\"'<>]*@"), rf"\1{REDACTED}@"),
    (re.compile(rf"\b(Bearer|Basic)\s+(?!\[){_WORD}{{6,}}", re.IGNORECASE), rf"\1 {REDACTED}"),
    # API keys that name themselves: OpenAI and its kin, GitHub, GitLab, Slack, AWS, Google
    (re.compile(r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{8,}"), REDACTED),
    (re.compile(r"\b(?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-)[A-Za-z0-9_-]{10,}"), REDACTED),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), REDACTED),
    (re.compile(r"\bAIza[A-Za-z0-9_-]{30,}"), REDACTED),
    # JSON Web Tokens
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"), REDACTED),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL), REDACTED),
    # password=..., "api_key": "...", ?access_token=...; "token: 3" alone may be a count, so that needs an equals sign
    (
        re.compile(
            r"(?<![A-Za-z])((?:[A-Za-z0-9]+[_-])*(?:password|passwd|pwd|secret|api[_-]?key|apikey|access[_-]?key|"
            r"auth[_-]?token|access[_-]?token|session[_-]?token|credential)\\?[\"']?\s*(?:=|:)\s*\\?[\"']?)"
            r"(?!\[redacted)[^\s\"'\\&<>,;}\])|]{3,}",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
    (re.compile(r"(?<![A-Za-z])(token=)(?!\[redacted)[A-Za-z0-9._~+/-]{6,}", re.IGNORECASE), rf"\1{REDACTED}"),
)
_SECRET_KEY = re.compile(
    r"^(?:.*[_-])?(?:password|passwd|pwd|secret|api[_-]?key|apikey|access[_-]?key|token|authorization|credentials?)$",
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Return the text with everything that looks like a credential replaced; applying it twice changes nothing more."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def clean(value: Any) -> Any:
    """Return a JSON value with all its strings redacted, and with the values of keys that name a secret left out."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {
            redact(str(key)): REDACTED if _SECRET_KEY.match(str(key)) and held else clean(held)
            for key, held in value.items()
        }
    if isinstance(value, Sequence):
        return [clean(item) for item in value]
    return value
