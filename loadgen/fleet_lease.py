"""May this run use a fleet, or does another one? A note on the server, since two runs may come from two machines.

Whoever wants a fleet leaves a block with its run and an end, and then looks for such blocks of others. Of two that
come at the same moment at least one sees the other's, so that never both go on; it may be that neither does. The note
carries the tag of its run: with what the run made it is taken away, also by `letta-slo cleanup --run`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from loadgen.fleet import Fleet, FleetError
from loadgen.letta_control import BLOCKS, all_tagged, gone, ids_of
from loadgen.prepare import LEASE_PREFIX, TAG_PREFIX
from loadgen.target import control, ok

_LABEL = "letta-slo-lease"


@dataclass(frozen=True, slots=True)
class Lease:
    """A run's word that it uses a fleet until then, by the clock of the machine that it runs on."""

    block_id: str
    run_id: str
    until_unix_s: float

    @property
    def sentence(self) -> str:
        """Who uses the fleet, and until when at most."""
        until = datetime.fromtimestamp(self.until_unix_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
        return f"in use by the run {self.run_id} until {until} at the latest"


def take(fleet: Fleet, run_id: str, longest_s: float) -> None:
    """Take a fleet for a run of at most this length; raises FleetError when another run has it, and TargetError."""
    until = time.time() + longest_s
    with control(fleet.url) as client:
        body = {
            "label": _LABEL,
            "value": json.dumps({"run": run_id, "until_unix_s": until}),
            "tags": [TAG_PREFIX + run_id, LEASE_PREFIX + fleet.tier],
        }
        (own,) = ids_of([ok(client.post(BLOCKS, json=body))], BLOCKS)
        other = next((one for one in _leases(client, fleet.tier) if one.block_id != own), None)
        if other is None:
            return
        gone(client.delete(f"{BLOCKS}{own}"))
    raise FleetError(
        f"{fleet.tag} is {other.sentence}; if that run is dead, letta-slo cleanup --run {other.run_id} --yes frees it"
    )


def holders(url: str, tier: str) -> tuple[Lease, ...]:
    """Return the leases of a fleet that have not lapsed; raises TargetError."""
    with control(url) as client:
        return tuple(_leases(client, tier))


def _leases(client: httpx.Client, tier: str) -> Iterator[Lease]:
    for block in all_tagged(client, BLOCKS, LEASE_PREFIX + tier):
        lease = _lease(block)
        if lease.until_unix_s > time.time():
            yield lease


def _lease(block: dict[str, Any]) -> Lease:
    """Read a lease; one that cannot be read is somebody's all the same, and never lapses."""
    try:
        said = json.loads(block["value"])
        return Lease(block["id"], str(said["run"]), float(said["until_unix_s"]))
    except (KeyError, TypeError, ValueError):
        return Lease(block["id"], "(unknown)", time.time() + 3600)
