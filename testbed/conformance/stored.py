"""What did a real Letta 0.16.4 answer when it was last asked? Kept beside this file, for tests that start none.

`python -m testbed.conformance.stored` asks a real one again and writes the file anew.
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from testbed.conformance import sides
from testbed.conformance.exchange import Event, Recorded, Recording
from testbed.conformance.exchanges import EVERY
from testbed.conformance.shape import FREE_TEXTS

FILE = Path(__file__).with_name("recorded-0.16.4.json.gz")

_TAG = "letta-slo-run-recorded"
_NUMBERS_KEPT = 3  # of an embedding, which has 4,096
_LONGEST_TEXT = 80  # of what people and models wrote, which is not compared


def load() -> Recording:
    """Return the recording that is stored."""
    found = json.loads(gzip.decompress(FILE.read_bytes()))
    return Recording({name: _reply(reply) for name, reply in found["replies"].items()}, found["own_words"])


def dump(recording: Recording) -> bytes:
    """Return a recording as it is stored, the same bytes for the same recording."""
    replies = {name: _short(asdict(reply)) for name, reply in recording.replies.items()}
    text = json.dumps({"own_words": dict(recording.own_words), "replies": replies}, indent=1, ensure_ascii=False)
    return gzip.compress(text.encode(), mtime=0)


def _reply(found: dict[str, Any]) -> Recorded:
    events = found["events"]
    return Recorded(
        found["status"],
        tuple((name, value) for name, value in found["headers"]),
        found["body"],
        None if events is None else tuple(Event(one["name"], one["data"]) for one in events),
    )


def _short(value: Any, key: str = "") -> Any:
    """Return a value without what comparing does not need: long vectors, and long texts that are free."""
    if isinstance(value, str) and key in FREE_TEXTS and len(value) > _LONGEST_TEXT:
        return f"({len(value)} characters)"
    if isinstance(value, dict):
        return {name: _short(inner, name) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        is_vector = bool(value) and all(isinstance(inner, float) for inner in value)
        return [_short(inner) for inner in (value[:_NUMBERS_KEPT] if is_vector else value)]
    return value


def main() -> None:
    """Start a real Letta, ask it everything, and write the file."""
    with (
        tempfile.TemporaryDirectory(prefix="letta-slo-") as logs,
        sides.real(Path(logs), _say) as letta,
    ):
        FILE.write_bytes(dump(letta.record(EVERY, _TAG)))


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
