"""Is a request signed as Huawei Cloud wants it, by somebody who knows the secret? Worked out anew, without the SDK.

Source: Huawei Cloud, API Request Signing Guide, "AK/SK Signing and Authentication Algorithm" (SDK-HMAC-SHA256).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, unquote

ALGORITHM: Final = "SDK-HMAC-SHA256"
_FORM: Final = re.compile(
    rf"{ALGORITHM} Access=(?P<key>\S+), SignedHeaders=(?P<headers>[a-z0-9;-]+), Signature=(?P<signature>[0-9a-f]{{64}})"
)
_NEEDED: Final = {"host", "x-sdk-date"}
_SKEW: Final = timedelta(minutes=15)
_DATE: Final = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Signed:
    """A request as it came over the wire."""

    method: str
    path: str  # still percent-encoded
    query: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes


def fault(request: Signed, secrets: Mapping[str, str], now: datetime) -> str:
    """Return what is wrong with a request's signature, "" when nothing is; `secrets` are those of the keys."""
    matched = _FORM.fullmatch(request.headers.get("authorization", ""))
    if matched is None:
        return "no signature of the form that is wanted"
    secret = secrets.get(matched["key"])
    if secret is None:
        return "the access key is not known"
    names = matched["headers"].split(";")
    if names != sorted(names) or not set(names) >= _NEEDED:
        return f"the signed headers are {names}"
    date = request.headers.get("x-sdk-date", "")
    try:
        at = datetime.strptime(date, _DATE).replace(tzinfo=UTC)
    except ValueError:
        return f"the date is {date!r}"
    if abs(now - at) > _SKEW:
        return f"the date {date} is too far from now"
    expected = _signature(_canonical(request, names), date, secret)
    return "" if hmac.compare_digest(expected, matched["signature"]) else "verify signature failed"


def _canonical(request: Signed, names: Sequence[str]) -> str:
    path = "/".join(quote(unquote(part), safe="~") for part in request.path.split("/"))
    headers = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in names)
    return "\n".join(
        (
            request.method,
            path if path.endswith("/") else f"{path}/",
            _query(request.query),
            headers,
            ";".join(names),
            hashlib.sha256(request.body).hexdigest(),
        )
    )


def _query(query: str) -> str:
    pairs = [one.partition("=") for one in query.split("&") if one]
    encoded = [(quote(unquote(name), safe="~"), quote(unquote(value), safe="~")) for name, _, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(encoded))


def _signature(canonical: str, date: str, secret: str) -> str:
    text = f"{ALGORITHM}\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
