"""What is known of one request? The record that a run folder holds, its codes, and how segments are framed.

A sample file is a sequence of segments, one for every second in which something finished: a header (magic, the second,
the number of records, a CRC-32 of the payload), then the records. A file cut short by a crash ends in a segment whose
length or checksum does not fit; everything before it is whole.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from os import SEEK_END
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

OPERATIONS = (
    "health",
    "agent-create",
    "message",
    "stream",
    "blocks-read",
    "blocks-write",
    "archival-insert",
    "archival-search",
    "message-list",
    "conversation",
    "bridge",
    "bridge-temporary",
)
# An arrival of these brings a session, whose turns follow each other; of the others, one request.
SESSION_OPERATIONS = frozenset({"message", "stream", "conversation", "bridge", "bridge-temporary"})
BRIDGE_OPERATIONS = frozenset({"bridge", "bridge-temporary"})
SOURCES = ("", "letta", "memory-python")


class Outcome(IntEnum):
    """How a request ended; only OK can be good."""

    OK = 0
    ERROR = 1  # the target answered, and the answer says or is an error
    TIMEOUT = 2  # no (complete) answer within the limit
    CONNECTION = 3  # refused, reset or closed before a complete answer
    NO_FREE_AGENT = 4  # not sent: every agent had a message in flight
    DROPPED = 5  # not sent: the generator had too many requests in flight
    UNFINISHED = 6  # still in flight when the drain ended
    SKIPPED = 7  # not sent: a turn of a session whose turn before it did not end


UNSENT = (Outcome.NO_FREE_AGENT, Outcome.DROPPED, Outcome.SKIPPED)

# Times are nanoseconds from the origin of the run; first_ns is 0 where there was no first token.
RECORD = np.dtype(
    [
        ("intended_ns", "<i8"),
        ("start_ns", "<i8"),
        ("end_ns", "<i8"),
        ("first_ns", "<i8"),
        ("number", "<u4"),
        ("agent", "<u4"),
        ("response_bytes", "<u4"),
        ("turn", "<u2"),
        ("status", "<u2"),
        ("tokens", "<u2"),
        ("operation", "u1"),
        ("outcome", "u1"),
        ("source", "u1"),
        ("worker", "u1"),
    ]
)

# The same fields in the same order: packing one with struct takes a tenth of the time that numpy needs for it.
_RECORD_FORMAT = "<qqqqIIIHHHBBBB"
pack_record = struct.Struct(_RECORD_FORMAT).pack
if struct.calcsize(_RECORD_FORMAT) != RECORD.itemsize:
    raise AssertionError("RECORD and its struct format have come apart")


@dataclass(frozen=True, slots=True)
class Form:
    """What a file of segments holds: its magic, and the record that its segments are made of."""

    magic: bytes
    record: np.dtype[np.void]


SAMPLES = Form(b"LSR1", RECORD)
_HEADER = struct.Struct("<4sIII")


def frame(second: int, payload: bytes, form: Form = SAMPLES) -> bytes:
    """Return one segment; `payload` is whole records, one after the other."""
    return _HEADER.pack(form.magic, second, len(payload) // form.record.itemsize, zlib.crc32(payload)) + payload


def unframe(file: BinaryIO, form: Form = SAMPLES) -> Iterator[NDArray[np.void]]:
    """Yield the records of each whole segment of a file; stop at the first that is cut or damaged."""
    left = file.seek(0, SEEK_END)
    file.seek(0)
    while left >= _HEADER.size:
        magic, _second, count, checksum = _HEADER.unpack(file.read(_HEADER.size))
        size = count * form.record.itemsize
        left -= _HEADER.size + size
        if magic != form.magic or left < 0:
            return
        payload = file.read(size)
        if zlib.crc32(payload) != checksum:
            return
        yield np.frombuffer(payload, form.record)
