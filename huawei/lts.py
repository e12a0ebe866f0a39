"""How is a line written to LTS, and found again?

Source: Huawei Cloud, LTS user guide, "Reporting High-Precision Logs" (lts_04_0217), and the API `ListLogs` of its SDK.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from huawei.account import Account
from huawei.errors import CloudError, RefusedError
from huawei.http import ask, json_of

_OK = "SVCSTG.ALS.200.200"
_DAY_MS = 24 * 3600 * 1000


def send_line(account: Account, iam_token: str, at_ns: int, line: str) -> None:
    """Write one line with the time that it is of; raises as `http.ask` does, also when a 200 says that it failed."""
    path = (
        f"v2/{account['HUAWEI_PROJECT_ID']}/lts/groups/{account['LTS_GROUP_ID']}"
        f"/streams/{account['LTS_STREAM_ID']}/tenant/contents/high-accuracy"
    )
    body = {"contents": [{"log_time_ns": at_ns, "log": line}], "labels": {"source": "letta-slo-doctor"}}
    headers = {"x-auth-token": iam_token, "content-type": "application/json;charset=UTF-8"}
    url = f"{account['LTS_ENDPOINT'].rstrip('/')}/{path}"
    said = json_of(ask("POST", url, content=orjson.dumps(body), headers=headers))
    code = said.get("errorCode") if isinstance(said, dict) else None
    if code != _OK:
        raise RefusedError(f"{url}: answered 200 and the code {code}")


def lines(account: Account, iam_token: str, word: str, now_ns: int) -> Sequence[str]:
    """Return the lines of the last five days with a word in them; raises as `http.ask` does, and CloudError."""
    path = f"v2/{account['HUAWEI_PROJECT_ID']}/groups/{account['LTS_GROUP_ID']}/streams/{account['LTS_STREAM_ID']}"
    now_ms = now_ns // 1_000_000
    body = {
        "start_time": str(now_ms - 5 * _DAY_MS),
        "end_time": str(now_ms + 60_000),
        "keywords": word,
        "limit": 100,
        "is_count": True,
    }
    url = f"{account['LTS_QUERY_ENDPOINT'].rstrip('/')}/{path}/content/query"
    found = json_of(ask("POST", url, json=body, headers={"x-auth-token": iam_token}))
    try:
        return [str(one["content"]) for one in found.get("logs") or []]
    except (KeyError, TypeError, AttributeError) as error:
        raise CloudError(f"{url}: no answer of LTS to a search") from error
