"""How is a service asked over HTTP, and what do its refusals become?"""

from __future__ import annotations

from typing import Any

import httpx

from huawei.errors import CloudError, RefusedError, UnreachableError

_TIMEOUT_S = 10.0
_SAID_AT_MOST = 200


def ask(method: str, url: str, **more: Any) -> httpx.Response:
    """Return a successful answer; raises UnreachableError and RefusedError."""
    try:
        answer = httpx.request(method, url, timeout=_TIMEOUT_S, **more)
    except httpx.UnsupportedProtocol as error:
        raise UnreachableError(f"{url}: the address must begin with https:// or http://") from error
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise UnreachableError(f"{url}: {type(error).__name__}: {error}") from error
    if not answer.is_success:
        said = " ".join(answer.text.split())[:_SAID_AT_MOST]
        raise RefusedError(f"{url}: answered {answer.status_code}: {said or 'without a word'}")
    return answer


def json_of(answer: httpx.Response) -> Any:
    """Return the answer's JSON; raises CloudError when it is none."""
    try:
        return answer.json()
    except ValueError as error:
        raise CloudError(f"{answer.request.url}: the answer is no JSON") from error
