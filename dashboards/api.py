"""How is a Grafana spoken to? Folders, dashboards and queries over its HTTP API, with a token from the environment."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import httpx

from dashboards.errors import GrafanaRefusedError, GrafanaUnreachableError

Json = dict[str, Any]

TOKEN_VARIABLE: Final = "GRAFANA_TOKEN"  # noqa: S105 - the name of a variable, no password
_TIMEOUT_S: Final = 30.0
_SAID: Final = 300  # characters of what a Grafana says that are passed on
_HINTS: Final = {
    401: f"; the token of a service account comes from {TOKEN_VARIABLE}",
    403: "; the service account needs the role Editor, and must be allowed to read data sources",
    412: "; somebody changed it since it was read, or another dashboard of the folder has its title: run it again",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """A dashboard as a Grafana keeps it. `is_provisioned`: it came from a file, and the API may not change it."""

    board: Json
    version: int
    folder: str
    is_provisioned: bool


class Grafana:
    """One Grafana; every method raises GrafanaRefusedError or GrafanaUnreachableError."""

    def __init__(self, client: httpx.Client, address: str) -> None:
        self._client = client
        self.address = address

    def dashboard(self, uid: str) -> Kept | None:
        """Return a dashboard, None where there is none."""
        found = self._ask("GET", f"/api/dashboards/uid/{uid}", none_at=404)
        if found is None:
            return None
        board, meta = _part(found, "dashboard"), _part(found, "meta")
        return Kept(
            board, int(board.get("version") or 0), str(meta.get("folderUid") or ""), bool(meta.get("provisioned"))
        )

    def save(self, board: Json, folder: str, message: str) -> None:
        """Write a dashboard into a folder; its `version` must be that which the Grafana keeps, 0 for a new one."""
        # overwrite would have a Grafana put ours in the place of whatever has its uid or title by then.
        asked = {"dashboard": board, "folderUid": folder, "message": message, "overwrite": False}
        self._ask("POST", "/api/dashboards/db", asked)

    def remove(self, uid: str) -> None:
        """Remove a dashboard."""
        self._ask("DELETE", f"/api/dashboards/uid/{uid}")

    def has_folder(self, uid: str) -> bool:
        """Say whether there is a folder."""
        return self._ask("GET", f"/api/folders/{uid}", none_at=404) is not None

    def make_folder(self, uid: str, title: str) -> None:
        """Make a folder."""
        self._ask("POST", "/api/folders", {"uid": uid, "title": title})

    def uids_in(self, folder: str) -> list[str]:
        """Return the uids of all that stands in a folder, folders in it as well."""
        found = _listed(self._ask("GET", "/api/search", {"folderUIDs": folder, "limit": "5000"}))
        return [str(one.get("uid")) for one in found]

    def remove_folder(self, uid: str) -> None:
        """Remove a folder with all in it."""
        self._ask("DELETE", f"/api/folders/{uid}")

    def sources(self) -> list[Json]:
        """Return the data sources of the kind Prometheus."""
        return [one for one in _listed(self._ask("GET", "/api/datasources")) if one.get("type") == "prometheus"]

    def query(self, queries: list[Json], from_ms: int, to_ms: int) -> Json:
        """Return the results by `refId`: frames, or an error of the query."""
        asked = {"queries": queries, "from": str(from_ms), "to": str(to_ms)}
        # A query that fails makes the whole answer a 400, with the reason in its own result.
        found = self._ask("POST", "/api/ds/query", asked, also=(400,))
        return _part(found, "results")

    def _ask(self, method: str, path: str, asked: Json | None = None, *, none_at: int = 0, also: Any = ()) -> Any:
        is_read = method == "GET"
        response = self._client.request(
            method, path, params=asked if is_read else None, json=None if is_read else asked
        )
        status = response.status_code
        if status == none_at:
            return None
        place = f"{self.address}{path}"
        if 300 <= status < 400:
            where = response.headers.get("location", "elsewhere").split("?")[0]
            raise GrafanaUnreachableError(f"{place} leads to {where}: give the address that it leads to")
        try:
            found = response.json()
        except ValueError as error:
            raise GrafanaUnreachableError(
                f"{place} answered {status} with what is no JSON: no Grafana there?"
            ) from error
        if response.is_success or status in also:
            return found
        said = str(found.get("message") or found.get("status") or "")[:_SAID] if isinstance(found, dict) else ""
        if status >= 500:
            raise GrafanaUnreachableError(f"{place} answered {status} {said}")
        raise GrafanaRefusedError(f"{place} answered {status} {said}{_HINTS.get(status, '')}")


@contextmanager
def connect(url: str) -> Iterator[Grafana]:
    """Yield the Grafana at `url`. Raises GrafanaRefusedError without a token, GrafanaUnreachableError unanswered."""
    address = _address(url)
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token:
        raise GrafanaRefusedError(f"{TOKEN_VARIABLE} is not set: it holds the token of a service account of {address}")
    if not token.isascii() or not token.isprintable():
        raise GrafanaRefusedError(f"{TOKEN_VARIABLE} holds letters that no token has; copy it again")
    try:
        with httpx.Client(
            base_url=address,
            timeout=_TIMEOUT_S,
            trust_env=False,
            verify=ssl.create_default_context(),
            headers={"Authorization": f"Bearer {token}"},
        ) as client:
            yield Grafana(client, address)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise GrafanaUnreachableError(f"{address}: {type(error).__name__}: {error}") from error


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_well = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_well = False
    if not is_well:
        raise GrafanaRefusedError("the address of the Grafana must begin with http:// or https:// and name a host")
    if parts.username is not None or parts.query:
        raise GrafanaRefusedError(
            f"the address of the Grafana holds a user, a password or a query; set {TOKEN_VARIABLE} instead"
        )
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def _part(found: Any, key: str) -> Json:
    part = found.get(key) if isinstance(found, dict) else None
    if not isinstance(part, dict):
        raise GrafanaUnreachableError(f"it answered, but not like a Grafana: there is no {key!r} in the answer")
    return part


def _listed(found: Any) -> list[Json]:
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise GrafanaUnreachableError("it answered, but not like a Grafana: the answer is no list of objects")
    return found
