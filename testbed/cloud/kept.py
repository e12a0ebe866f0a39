"""What did a double acknowledge? Each thing once for each time that it was taken, so that duplicates can be counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Kept:
    """Spans as their ids (trace and span, in hexadecimal digits), lines of logs, and numbers of samples."""

    spans: list[str] = field(default_factory=list)
    span_texts: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    dropped_lines: int = 0
    samples: int = 0
    traces: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # by id, where a setting asks for them

    def as_json(self) -> dict[str, Any]:
        """Return it for the control port."""
        return {
            "spans": self.spans,
            "span_texts": self.span_texts,
            "lines": self.lines,
            "dropped_lines": self.dropped_lines,
            "samples": self.samples,
        }

    def clear(self) -> None:
        """Forget everything."""
        self.spans.clear()
        self.span_texts.clear()
        self.lines.clear()
        self.traces.clear()
        self.dropped_lines = self.samples = 0
