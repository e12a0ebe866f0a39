"""What do four tools say of one and the same stream? Each by the formula that it publishes, on recorded times.

The formulas are those of the files named in docs/explanation/streaming-measures.md, at the commits named there,
written anew on the moments of a recording. A recorded event is `tool_call` or `content` (the user sees something),
`tool_return`, `stop`, `usage` or `done`. What the OpenAI protocol sends as its last chunk, with the reason for the end
and no text, is `stop` in a Letta stream.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

RECORDING = Path(__file__).parent / "recorded_stream.json"
TOOLS = ("letta-slo", "AIPerf", "vLLM", "guidellm")
_SHOWN = ("tool_call", "content")


@dataclass(frozen=True, slots=True)
class Recording:
    """One stream: when it was due, sent and closed, each event with its kind; all in ms from when it was due."""

    what: str
    sent_ms: float
    events: tuple[tuple[float, str], ...]
    closed_ms: float
    output_tokens: int

    @classmethod
    def parse(cls, text: str) -> Recording:
        """Read the JSON that bench/record_stream.py writes; raises ValueError or KeyError on anything else."""
        found = json.loads(text)
        events = tuple((float(at_ms), str(kind)) for at_ms, kind in found["events"])
        what, tokens = str(found["what"]), int(found["output_tokens"])
        return cls(what, float(found["sent_ms"]), events, float(found["closed_ms"]), tokens)

    def at(self, *kinds: str) -> list[float]:
        """Return when events of these kinds came."""
        return [at_ms for at_ms, kind in self.events if kind in kinds]

    @property
    def chunks_ms(self) -> list[float]:
        """When something came that the user sees."""
        return self.at(*_SHOWN)


Measures = dict[str, float]


def ours(stream: Recording) -> Measures:
    """Return the measures of letta-slo's report (report/streams.py)."""
    first, last, later = stream.chunks_ms[0], stream.chunks_ms[-1], stream.output_tokens - 1
    gaps = _gaps(stream.chunks_ms)
    return {
        "first, from due": first,
        "first, from send": first - stream.sent_ms,
        "per later token, to last content": (last - first) / later,
        "per later token, to the end": (stream.closed_ms - first) / later,
        "gap, mean": sum(gaps) / len(gaps),
        "gap, longest": max(gaps),
        "whole": stream.closed_ms,
    }


def aiperf(stream: Recording) -> Measures:
    """Return AIPerf's TTFT, ITL, Full-Response ITL, ICL (of one stream: mean and longest) and Request Latency."""
    responses = stream.chunks_ms
    ttft, latency = responses[0] - stream.sent_ms, responses[-1] - stream.sent_ms
    gaps = _gaps(responses)
    return {
        "first, from send": ttft,
        "per later token, to last content": (latency - ttft) / (stream.output_tokens - 1),
        "per later token, to the end": (stream.closed_ms - stream.sent_ms - ttft) / (stream.output_tokens - 1),
        "gap, mean": sum(gaps) / len(gaps),
        "gap, longest": max(gaps),
        "whole": latency,
    }


def vllm(stream: Recording) -> Measures:
    """Return vLLM's TTFT, TPOT, ITL (of one stream: mean and longest) and E2EL: each chunk with `choices` counts."""
    chunks = stream.at(*_SHOWN, "stop")
    ttft, latency = chunks[0] - stream.sent_ms, chunks[-1] - stream.sent_ms
    itl = _gaps(chunks)
    return {
        "first, from send": ttft,
        "per later token, to last content": (latency - ttft) / (stream.output_tokens - 1),
        "gap, mean": sum(itl) / len(itl),
        "gap, longest": max(itl),
        "whole": latency,
    }


def guidellm(stream: Recording) -> Measures:
    """Return guidellm's TTFT, ITL, TPOT (which counts the first token, too) and request latency."""
    first, last = stream.chunks_ms[0], stream.chunks_ms[-1]
    return {
        "first, from send": first - stream.sent_ms,
        "per later token, to last content": (last - first) / (stream.output_tokens - 1),
        "per token, the first included": (last - stream.sent_ms) / stream.output_tokens,
        "whole": stream.closed_ms - stream.sent_ms,
    }


_BY_TOOL: tuple[Callable[[Recording], Measures], ...] = (ours, aiperf, vllm, guidellm)

# What is measured, and what each tool calls it; "" where it has no such measure.
_NAMES: dict[str, tuple[str, str, str, str, str]] = {
    "first, from due": ("first token, from when it was due", "time to first token (judged)", "", "", ""),
    "first, from send": ("first token, from the send", "time to first token, from the send", "TTFT", "TTFT", "TTFT"),
    "per later token, to last content": (
        "(last - first) / (tokens - 1)", "inter-token latency", "ITL", "TPOT", "ITL",
    ),
    "per later token, to the end": (
        "(end - first) / (tokens - 1)", "time per output token", "Full-Response ITL", "", "",
    ),
    "per token, the first included": ("(last - send) / tokens", "", "", "", "TPOT"),
    "gap, mean": ("gap between chunks, mean", "inter-chunk latency", "ICL", "ITL", ""),
    "gap, longest": ("gap between chunks, longest", "longest chunk gap", "ICL, max", "ITL, max", ""),
    "whole": ("the whole answer", "response time", "Request Latency", "E2EL", "request latency"),
}  # fmt: skip


def table(stream: Recording) -> str:
    """Return the Markdown table: a row for each measure, for each tool its name and its value in milliseconds."""
    measured = [of(stream) for of in _BY_TOOL]
    lines = [f"| measured | {' | '.join(TOOLS)} |", "|---|" + "---|" * len(TOOLS)]
    for key, (meaning, *names) in _NAMES.items():
        cells = [_cell(name, values.get(key)) for name, values in zip(names, measured, strict=True)]
        lines.append(f"| {meaning} | {' | '.join(cells)} |")
    return "\n".join(lines)


def facts(stream: Recording) -> str:
    """Return what the recording holds, as a sentence."""
    return (
        f"{stream.what}: {stream.output_tokens} output tokens in {len(stream.chunks_ms)} chunks, sent "
        f"{stream.sent_ms:.2f} ms after it was due, first content at {stream.chunks_ms[0]:.2f} ms, last at "
        f"{stream.chunks_ms[-1]:.2f} ms, closed at {stream.closed_ms:.2f} ms."
    )


def _cell(name: str, value_ms: float | None) -> str:
    if not name or value_ms is None:
        return "–"
    return f"{name}: **{value_ms:.2f}**"


def _gaps(times_ms: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(times_ms)]
