"""How is a Prometheus asked for raw samples? Also the query address of AOM, which speaks the same protocol."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from production.errors import PrometheusError, QueryError

TOKEN_VARIABLE = "LETTA_SLO_PROMETHEUS_TOKEN"  # noqa: S105 - the name of a variable, no password
AOM_VARIABLE = "LETTA_SLO_AOM_ACCESS_CODE"
_AOM_USER = "aom_access_code"  # https://support.huaweicloud.com/eu/usermanual-aom/aom_02_0921.html
_TIMEOUT_S = 60.0
_CHUNK_S = 6 * 3600.0
_UNITS_S = {"y": 365 * 86_400, "w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RawSeries:
    """One series as it came: labels, and times (Unix seconds) with values; a native histogram's value is an object."""

    labels: Labels
    samples: tuple[tuple[float, Any], ...]


class Prometheus:
    """A server that answers `/api/v1/query` and `/api/v1/query_range`."""

    def __init__(self, client: httpx.Client, address: str) -> None:
        self._client = client
        self.address = address

    def raw(self, selector: str, from_s: float, to_s: float) -> list[RawSeries]:
        """Return every raw sample after `from_s` and until `to_s`, a few hours at a time."""
        found: dict[Labels, list[tuple[float, Any]]] = {}
        start = from_s
        while start < to_s:
            end = min(start + _CHUNK_S, to_s)
            span_ms = round((end - start) * 1e3)
            for one in self._matrix("/api/v1/query", {"query": f"{selector}[{span_ms}ms]", "time": f"{end:.3f}"}):
                # Before 3.0 a range took its left edge in: a sample on the seam of two chunks would come twice.
                known = found.setdefault(one.labels, [])
                newest = known[-1][0] if known else from_s
                known += [sample for sample in one.samples if sample[0] > newest]
            start = end
        return [RawSeries(labels, tuple(samples)) for labels, samples in found.items() if samples]

    def stepped(self, selector: str, from_s: float, to_s: float, step_s: float) -> list[RawSeries]:
        """Return the value at every step; raw values, none computed."""
        asked = {"query": selector, "start": f"{from_s:.3f}", "end": f"{to_s:.3f}", "step": f"{step_s:g}"}
        return self._matrix("/api/v1/query_range", asked)

    def rules(self) -> dict[str, Any]:
        """Return the answer of `/api/v1/rules`."""
        answer = self._client.get("/api/v1/rules")
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not answer.is_success or not isinstance(body, dict) or "data" not in body:
            raise PrometheusError(
                f"{self.address}/api/v1/rules answered {answer.status_code}{_hint(answer.status_code)}"
            )
        return body

    def retention_s(self) -> float | None:
        """Return for how many seconds the server keeps samples; None where it does not say, or goes by size alone."""
        answer = self._client.get("/api/v1/status/runtimeinfo")
        if not answer.is_success:
            return None
        try:
            said = str(answer.json()["data"]["storageRetention"])
        except (ValueError, KeyError, TypeError):
            return None
        found = re.findall(r"(\d+)(y|w|d|h|m|s)", said.partition(" or ")[0])
        return sum(float(count) * _UNITS_S[unit] for count, unit in found) or None

    def reload(self) -> None:
        """Have the server read its configuration and rules again; raises PrometheusError with its reason."""
        answer = self._client.post("/-/reload")
        if not answer.is_success:
            why = " ".join(answer.text.split())[:500]
            raise PrometheusError(f"{self.address}/-/reload answered {answer.status_code}: {why}")

    def _matrix(self, path: str, asked: dict[str, str]) -> list[RawSeries]:
        response = self._client.post(path, data=asked)
        try:
            body = response.json()
        except ValueError as error:
            raise PrometheusError(
                f"{self.address}{path} answered {response.status_code} with what is no JSON; is a Prometheus there?"
            ) from error
        if response.status_code in (400, 422) and isinstance(body, dict):
            raise QueryError(f"{asked['query']}: {body.get('error')}")
        if not response.is_success:
            raise PrometheusError(f"{self.address}{path} answered {response.status_code}{_hint(response.status_code)}")
        try:
            return [_series(one) for one in body["data"]["result"]]
        except (KeyError, TypeError, ValueError) as error:
            raise PrometheusError(f"{self.address}{path} answered, but not like a Prometheus: {error!r}") from error


@contextmanager
def connect(url: str) -> Iterator[Prometheus]:
    """Yield the server at `url`; credentials come from the environment only. Raises PrometheusError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise QueryError("the address of the Prometheus must begin with http:// or https:// and name a host")
    if parts.username is not None or parts.query:
        raise QueryError(
            f"the address of the Prometheus holds a user, a password or a query; set {TOKEN_VARIABLE} or {AOM_VARIABLE}"
        )
    address = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    token, code = os.environ.get(TOKEN_VARIABLE), os.environ.get(AOM_VARIABLE)
    try:
        with httpx.Client(
            base_url=address,
            timeout=_TIMEOUT_S,
            trust_env=False,
            verify=ssl.create_default_context(),
            auth=(_AOM_USER, code) if code else None,
            headers={"Authorization": f"Bearer {token}"} if token and not code else {},
        ) as client:
            yield Prometheus(client, address)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise PrometheusError(f"{address}: {type(error).__name__}: {error}") from error


def _series(found: dict[str, Any]) -> RawSeries:
    samples = [(float(time), float(value)) for time, value in found.get("values", ())]
    samples += [(float(time), value) for time, value in found.get("histograms", ())]
    return RawSeries(tuple(sorted(found["metric"].items())), tuple(samples))


def _hint(status: int) -> str:
    return f"; its credentials come from {TOKEN_VARIABLE} or {AOM_VARIABLE}" if status in (401, 403) else ""
