"""Is a request to Huawei Cloud signed with the right secret key (SDK-HMAC-SHA256)?

Source: Huawei Cloud, API Signing Guide, "Signing Algorithm". Written from it, so that the official SDK is held against
something that is not itself.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

_ALGORITHM: Final = "SDK-HMAC-SHA256"
_FORM: Final = re.compile(rf"{_ALGORITHM} Access=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{{64}})")
_HOLDS: Final = timedelta(minutes=15)


def access_key(headers: Mapping[str, str]) -> str:
    """Return whose signature a request carries, empty without one; names of headers are in small letters."""
    found = _FORM.fullmatch(headers.get("authorization", ""))
    return found[1] if found else ""


def verify(headers: Mapping[str, str], method: str, path: str, query: str, body: bytes, *, secret: str) -> str | None:
    """Return what is wrong with the signature of a request, None when it is right.

    Names of headers are in small letters; the path may be encoded or not.
    """
    found = _FORM.fullmatch(headers.get("authorization", ""))
    if found is None:
        return f"Authorization is no {_ALGORITHM} with Access, SignedHeaders and Signature"
    signed = found[2].split(";")
    missing = [name for name in signed if name not in headers]
    if missing or "x-sdk-date" not in signed:
        return f"not signed or not sent: {', '.join(missing) or 'x-sdk-date'}"
    try:
        at = datetime.strptime(headers["x-sdk-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return "X-Sdk-Date is no time such as 20261122T101500Z"
    if abs(datetime.now(UTC) - at) > _HOLDS:
        return "X-Sdk-Date is more than 15 minutes from now"
    lines = [
        method.upper(),
        _path(path),
        _query(query),
        "".join(f"{name}:{headers[name].strip()}\n" for name in signed),
        found[2],
        hashlib.sha256(body).hexdigest(),
    ]
    request = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    text = f"{_ALGORITHM}\n{headers['x-sdk-date']}\n{request}"
    right = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return None if hmac.compare_digest(right, found[3]) else "the signature does not match"


def _path(path: str) -> str:
    encoded = "/".join(quote(unquote(part), safe="~") for part in path.split("/"))
    return encoded if encoded.endswith("/") else f"{encoded}/"


def _query(query: str) -> str:
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)
