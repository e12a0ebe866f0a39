"""How is a field of a protobuf message written? Its number, how it is written, and its content.

Source: Protocol Buffers, "Encoding". For the few messages whose Python objects of protobuf
cost too much, or come with no package.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

# A field's tag is its number and how it is written: 0 varint, 1 eight bytes, 2 with its length before it, 5 four bytes.
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_UINT64: Final = 0xFFFF_FFFF_FFFF_FFFF


def field(number: int, content: bytes) -> bytes:
    """Return a field of bytes, of text in UTF-8, or of a message that is written already."""
    return _tag(number, _LENGTH) + _varint(len(content)) + content


def varint_field(number: int, value: int) -> bytes:
    """Return a field of a whole number (int64, uint64, bool, enum), from -2⁶³ to 2⁶⁴ - 1."""
    return _tag(number, _VARINT) + _varint(value & _UINT64)


def fixed64(number: int, value: int) -> bytes:
    """Return a field of a whole number in eight bytes, from 0 to 2⁶⁴ - 1."""
    return _tag(number, _FIXED64) + struct.pack("<Q", value)


def fixed32(number: int, value: int) -> bytes:
    """Return a field of a whole number in four bytes, from 0 to 2³² - 1."""
    return _tag(number, _FIXED32) + struct.pack("<I", value)


def double(number: int, value: float) -> bytes:
    """Return a field of a float in eight bytes."""
    return _tag(number, _FIXED64) + struct.pack("<d", value)


@lru_cache(maxsize=64)
def _tag(number: int, how: int) -> bytes:
    return _varint(number << 3 | how)


def _varint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
