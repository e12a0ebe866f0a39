"""One trial: telemetry is sent while something goes wrong, and then the ledgers are held against each other."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from testbed.pipeline.faults import Fault
from testbed.pipeline.ledger import Account, settle
from testbed.pipeline.rig import GATEWAY, UNSAMPLED, Pipeline
from testbed.pipeline.sender import Sender

_LATEST_S: Final = 90.0  # a retry waits for up to 15 s, and what waits behind it has to be sent, too


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a trial; `refusals` are the requests that the collector did not acknowledge."""

    accounts: tuple[Account, ...]
    refusals: int


def trial(
    place: Path,
    fault: Fault,
    *,
    seconds: float,
    per_s: float,
    is_persistent: bool = True,
    window_s: float | None = None,
    latest_s: float = _LATEST_S,
) -> Outcome:
    """Send so many spans, records and samples a second for `seconds`, play the fault, and wait for the rest.

    With `window_s` the gateway samples, and decides about a trace so long after its first span; the spans are errors
    then, of which it keeps all. What is lost is waited for, up to `latest_s`. A fault with a disk of its own needs
    root, as the disk is mounted.
    """
    configs = UNSAMPLED if window_s is None else GATEWAY
    environ = {} if window_s is None else {"DECISION_WAIT": f"{window_s:g}s"}
    place.mkdir(parents=True, exist_ok=True)
    with (
        _disk(place / "disk", fault.disk_mib if is_persistent else None) as storage,
        Pipeline(place, configs=configs, is_persistent=is_persistent, storage=storage, environ=environ) as pipeline,
    ):
        sender = Sender(pipeline.collector.http_endpoint, are_errors=window_s is not None)
        with ThreadPoolExecutor(1) as beside:
            sending = beside.submit(sender.send_for, seconds, per_s=per_s)
            fault.play(pipeline, seconds)
            sending.result()
        return Outcome(tuple(settle(pipeline, sender, within_s=latest_s)), sender.refusals)


@contextmanager
def _disk(place: Path, mib: int | None) -> Iterator[Path]:
    place.mkdir()
    if mib is None:
        yield place
        return
    subprocess.run(["/usr/bin/mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["/usr/bin/umount", str(place)], check=True)
