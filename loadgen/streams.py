"""How did the content of a stream come? A second record for streams alone, so that other requests pay nothing for it.

`streams-W.bin` is framed as the samples are. Of a stream's chunks the first (in the sample), the last, their number and
the longest gap between two are kept, not each: the gaps of 300 tokens would take twenty times what a sample takes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadgen.samples import Form

# A chunk is an event of the stream with content that the user sees. Durations in nanoseconds.
STREAM = np.dtype(
    [
        ("lasted_ns", "<i8"),
        ("longest_gap_ns", "<i8"),
        ("number", "<u4"),
        ("chunks", "<u4"),
        ("turn", "<u2"),
        ("tokens_said", "u1"),
        ("worker", "u1"),
    ]
)
STREAMS = Form(b"LSS1", STREAM)


@dataclass(frozen=True, slots=True)
class StreamShape:
    """How the content of one stream came.

    `lasted_ns` runs from its first chunk to its last, `longest_gap_ns` is the longest time between two; `tokens_said`
    tells whether the target counted the tokens, else each chunk counts as one.
    """

    chunks: int
    lasted_ns: int
    longest_gap_ns: int
    tokens_said: bool

    def row(self, number: int, turn: int, worker: int) -> tuple[int, ...]:
        """Return the record of this stream, which belongs to the sample of this number and turn."""
        return (self.lasted_ns, self.longest_gap_ns, number, self.chunks, turn, int(self.tokens_said), worker)
