"""How is a sample written to AOM, and read again? Remote write and the query API of Prometheus, with an access code.

Source: Huawei Cloud, AOM user guide (mon_01_0078, aom_02_0921); Prometheus, "Remote-Write specification 1.0".
"""

from __future__ import annotations

from collections.abc import Sequence

import cramjam
from letta_otel.fields import double, field, varint_field

from huawei.account import Account
from huawei.errors import CloudError
from huawei.http import ask, json_of

METRIC = "letta_slo_doctor"
_USER = "aom_access_code"
_HEADERS = {
    "content-type": "application/x-protobuf",
    "content-encoding": "snappy",
    "x-prometheus-remote-write-version": "0.1.0",
}
Sample = tuple[int, float]  # time in ms since 1970, value


def send_sample(account: Account, examination: str, sample: Sample, *, code: str | None = None) -> None:
    """Write one sample of a series of its own, with the account's access code or another; raises as `http.ask` does."""
    labels = {"__name__": METRIC, "examination": examination}
    written = b"".join(field(1, field(1, key.encode()) + field(2, labels[key].encode())) for key in sorted(labels))
    at_ms, value = sample
    series = written + field(2, double(1, value) + varint_field(2, at_ms))
    body = bytes(cramjam.snappy.compress_raw(field(1, series)))
    auth = (_USER, account["AOM_ACCESS_CODE"] if code is None else code)
    ask("POST", account["AOM_REMOTE_WRITE_URL"], content=body, headers=_HEADERS, auth=auth)


def samples(account: Account, examination: str) -> Sequence[Sample]:
    """Return what AOM has of that series in the last hour; raises as `http.ask` does, and CloudError."""
    query = {"query": f'{METRIC}{{examination="{examination}"}}[1h]'}
    auth = {"authorization": f"Bearer {account['AOM_ACCESS_CODE']}"}
    answer = ask("GET", f"{account['AOM_QUERY_URL'].rstrip('/')}/api/v1/query", params=query, headers=auth)
    try:
        series = json_of(answer)["data"]["result"]
        return [(round(float(at) * 1000), float(value)) for one in series for at, value in one["values"]]
    except (KeyError, TypeError, ValueError) as error:
        raise CloudError(f"{answer.request.url.copy_with(query=None)}: no answer of a Prometheus to a query") from error
