"""Where does a run leave what it saw? A folder with a versioned format, read by everything that comes later.

manifest.json        what was run, on what, seeds, versions, the machine (written before the first request)
samples-W.bin        exact samples of worker W, one checked segment a second (loadgen/samples.py)
streams-W.bin        how the content of each stream of worker W came (loadgen/streams.py)
notes-W.jsonl        identifiers and details of bad and slow requests of worker W
machine-W.jsonl      once a second: CPU of the generator and of the machine, steal, load
events-WHO.jsonl     what happened: phases, faults, lost workers
telemetry.json       with --telemetry: the spans of the requests that were noted, and what the live check found
end-W.json           the end marker: counts of worker W; a missing one is a lost worker
"""

from __future__ import annotations

import json
import math
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadgen.plan import RunPlan
from loadgen.samples import SAMPLES, Form, unframe
from loadgen.streams import STREAMS

FORMAT = "letta-slo-run/1"
_TELEMETRY = "telemetry.json"


class RunFolderError(Exception):
    """The folder is not one that this version can read; the message says what, where and how to fix it."""


@dataclass(frozen=True)
class RunFolder:
    """A run on disk; properties are read once, on first use."""

    path: Path

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """What was run; raises RunFolderError when the folder holds no manifest of this format."""
        file = self.path / "manifest.json"
        if not file.is_file():
            raise RunFolderError(f"{self.path} is no run folder: it has no manifest.json; name a folder below runs/")
        manifest = _read_object(file)
        if manifest.get("format") != FORMAT:
            raise RunFolderError(f"{file}: format is {manifest.get('format')!r}, this version reads {FORMAT!r} only")
        return manifest

    @cached_property
    def plan(self) -> RunPlan:
        """The plan that the workers followed; a live run had no end planned, it ended with its last arrival.

        Raises RunFolderError when the manifest holds none that can be read.
        """
        plan = _plan_in(self.manifest, self.path / "manifest.json")
        if not self.manifest.get("live") or not len(self.samples):
            return plan
        last_s = float(self.samples["intended_ns"].max()) / 1e9
        return replace(plan, phases=replace(plan.phases, steady_s=math.floor(last_s) + 1.0))

    @cached_property
    def samples(self) -> NDArray[np.void]:
        """All samples of all workers, in the order of their intended start."""
        # Read twice, first only when each was due: a record is then copied once, to its place, and a long run is read
        # at little more than its own size.
        files = sorted(self.path.glob("samples-*.bin"))
        due_ns = [[part["intended_ns"].copy() for part in _segments(file, SAMPLES)] for file in files]
        order = np.argsort(np.concatenate([np.empty(0, np.int64), *chain(*due_ns)]), kind="stable")
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        samples, at = np.empty(len(order), SAMPLES.record), 0
        for file, seen in zip(files, due_ns, strict=True):
            for part, _ in zip(_segments(file, SAMPLES), seen, strict=False):  # a run that goes on has written more
                samples[place[at : at + len(part)]] = part
                at += len(part)
        return samples

    @cached_property
    def streams(self) -> NDArray[np.void]:
        """How the content of streams came, in no order; none of a run that an older version left."""
        parts = [part for file in sorted(self.path.glob("streams-*.bin")) for part in _segments(file, STREAMS)]
        return np.concatenate([np.empty(0, STREAMS.record), *parts])

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        """Everything that was noted, in order of time."""
        return sorted(self._lines("events-*.jsonl"), key=lambda event: float(event["offset_s"]))

    @cached_property
    def notes(self) -> list[dict[str, Any]]:
        """Details of bad and slow requests."""
        return list(self._lines("notes-*.jsonl"))

    @cached_property
    def machine(self) -> list[dict[str, Any]]:
        """Load of the machine and of the generator, a row a second and worker."""
        return sorted(self._lines("machine-*.jsonl"), key=lambda row: float(row["offset_s"]))

    @cached_property
    def telemetry(self) -> dict[str, Any] | None:
        """What `write_telemetry` wrote, None of a run without it; raises RunFolderError."""
        file = self.path / _TELEMETRY
        return _read_object(file) if file.is_file() else None

    @cached_property
    def ends(self) -> list[dict[str, Any]]:
        """The end markers found, one a worker."""
        return [_read_object(file) for file in sorted(self.path.glob("end-*.json"))]

    def _lines(self, pattern: str) -> Iterator[dict[str, Any]]:
        for file in sorted(self.path.glob(pattern)):
            for number, line in enumerate(file.read_bytes().splitlines(keepends=True), 1):
                if line.endswith(b"\n"):  # a line without its end was cut by a crash
                    yield _row(line, f"{file}:{number}")


def create(path: Path, manifest: dict[str, Any]) -> RunFolder:
    """Make a new run folder (logs may be in it already); an existing run is never written over."""
    path.mkdir(parents=True, exist_ok=True)
    with (path / "manifest.json").open("x") as file:
        file.write(json.dumps({"format": FORMAT, **manifest}, indent=1) + "\n")
    return RunFolder(path)


def append_line(file: Path, row: dict[str, Any]) -> None:
    """Append one JSON line in one write, so that a crash cuts a line at most."""
    with file.open("ab", buffering=0) as stream:
        stream.write(json.dumps(row, separators=(",", ":")).encode() + b"\n")


def write_whole(file: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, whenever somebody looks."""
    part = file.with_name(file.name + ".part")
    part.write_bytes(content)
    part.rename(file)


def write_telemetry(folder: Path, told: dict[str, Any]) -> None:
    """Write what became of the traces of a run (docs/reference/run-folder.md)."""
    write_whole(folder / _TELEMETRY, json.dumps(told, indent=1).encode() + b"\n")


def note_event(folder: Path, who: str, kind: str, offset_s: float, **facts: Any) -> None:
    """Note that something happened `offset_s` after the origin of the run."""
    append_line(folder / f"events-{who}.jsonl", {"kind": kind, "offset_s": round(offset_s, 6), **facts})


def new_run_id() -> str:
    """Return an id that sorts by time and fits into a tag."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def now_text() -> str:
    """Return the time of day in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _segments(file: Path, form: Form) -> Iterator[NDArray[np.void]]:
    with file.open("rb") as stream:
        yield from unframe(stream, form)


def _read_object(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{file} cannot be read: {error}; copy the run folder again, or run again") from error
    if not isinstance(found, dict):
        raise RunFolderError(f"{file} holds no JSON object; copy the run folder again, or run again")
    return found


def _row(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise RunFolderError(f"{where}: this line is no JSON: {error}; copy the run folder again") from error
    if not isinstance(row, dict):
        raise RunFolderError(f"{where}: this line holds no JSON object; copy the run folder again")
    return row


def _plan_in(manifest: dict[str, Any], file: Path) -> RunPlan:
    try:
        plan = RunPlan.from_dict(manifest["plan"])
    except KeyError as error:
        raise RunFolderError(f"{file} lacks {error}; without the plan of its run nothing can be judged") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise RunFolderError(f"{file}: plan is none that this version reads: {error}") from error
    if not isinstance(plan.rates, dict):
        raise RunFolderError(f"{file}: plan.rates gives requests a second for each operation, found {plan.rates!r}")
    return plan
