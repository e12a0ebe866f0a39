"""How does a native histogram go over the wire? The exposition in protobuf, of which text has no form.

Field numbers are those of io.prometheus.client (metrics.proto of prometheus/client_model); with schema 0 the bucket of
index i holds what is above 2^(i-1) and at most 2^i.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Iterable, Mapping

CONTENT_TYPE = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
_COUNTER, _HISTOGRAM = 0, 4


def counter(name: str, labels: Mapping[str, str], value: float) -> bytes:
    """Return a family with one counter."""
    return _family(name, _COUNTER, labels, 3, _double(1, value))


def histogram(name: str, labels: Mapping[str, str], values: Iterable[float]) -> bytes:
    """Return a family with one native histogram of schema 0."""
    values = list(values)
    buckets = Counter(math.ceil(math.log2(value)) for value in values)
    first, last = min(buckets, default=0), max(buckets, default=0)
    counts = [buckets[index] for index in range(first, last + 1)]
    deltas = [count - before for count, before in zip(counts, [0, *counts], strict=False)]
    body = _varint_field(1, len(values)) + _double(2, sum(values)) + _varint_field(5, 0) + _double(6, 2.0**-128)
    body += _varint_field(7, 0) + _bytes(12, _varint_field(1, _zigzag(first)) + _varint_field(2, len(counts)))
    body += b"".join(_varint_field(13, _zigzag(delta)) for delta in deltas)
    return _family(name, _HISTOGRAM, labels, 7, body)


def _family(name: str, kind: int, labels: Mapping[str, str], field: int, value: bytes) -> bytes:
    pairs = b"".join(_bytes(1, _bytes(1, key.encode()) + _bytes(2, word.encode())) for key, word in labels.items())
    family = _bytes(1, name.encode()) + _varint_field(3, kind) + _bytes(4, pairs + _bytes(field, value))
    return _varint(len(family)) + family


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _varint_field(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _zigzag(value: int) -> int:
    return value * 2 if value >= 0 else -value * 2 - 1
