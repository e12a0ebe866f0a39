"""Where did the time of a request go, by the spans of its trace? From `telemetry.json` of a run folder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from loadgen.run_folder import RunFolder, RunFolderError
from loadgen.traces import trace_id

_MOST_SPANS = 40  # of one trace; one message of a real Letta has some 140
_NS = 1e6


@dataclass(frozen=True, slots=True)
class TracedSpan:
    """One span: how deep below the root, and its times in milliseconds from the request's intended start."""

    name: str
    service: str
    kind: str
    depth: int
    start_ms: float
    duration_ms: float
    is_error: bool
    error: str


@dataclass(frozen=True, slots=True)
class Trace:
    """The trace of one request; `spans` in the order of a tree, None where a run could not read any.

    Of a long one these are the longest, and `left_out` is how many shorter ones there were.
    """

    id: str
    url: str
    spans: tuple[TracedSpan, ...] | None
    left_out: int


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which telemetry did not keep to the registry, and how often."""

    finding: str
    times: int


class Traces:
    """What a run wrote down of its telemetry."""

    def __init__(self, url: str, origin_unix_ns: int | None, spans: list[dict[str, Any]] | None) -> None:
        self._url = url
        self._origin_unix_ns = origin_unix_ns
        self._by_trace: dict[str, list[dict[str, Any]]] | None = None
        if spans is not None:
            self._by_trace = defaultdict(list)
            for span in spans:
                self._by_trace[span["trace_id"]].append(span)

    @classmethod
    def of(cls, folder: RunFolder) -> Self | None:
        """Return those of a run, None of one without `--telemetry`; raises RunFolderError."""
        told = folder.telemetry
        if told is None:
            return None
        try:
            return cls(str(told["trace_url"]), told["origin_unix_ns"], told["spans"])
        except (KeyError, TypeError) as error:
            raise _unreadable(folder, error) from error

    def find(self, request_id: str, due_s: float) -> Trace:
        """Return the trace of a request that was due so many seconds after the origin of the run."""
        name = trace_id(request_id)
        url = self._url.replace("{trace_id}", name) if self._url.startswith(("https://", "http://")) else ""
        if self._by_trace is None:
            return Trace(name, url, None, 0)
        spans = self._by_trace.get(name, [])
        due_ns = self._due_ns(spans, due_s)
        tree = [_read(span, depth, due_ns) for span, depth in _walk(spans)]
        longest = set(sorted(range(len(tree)), key=lambda place: -tree[place].duration_ms)[:_MOST_SPANS])
        shown = tuple(span for place, span in enumerate(tree) if place in longest)
        return Trace(name, url, shown, len(tree) - len(shown))

    def _due_ns(self, spans: list[dict[str, Any]], due_s: float) -> int:
        """Return when the request was due, by the clock of spans; without a known origin, its first span's begin."""
        if self._origin_unix_ns is not None:
            return self._origin_unix_ns + round(due_s * 1e9)
        return min((int(span["start_unix_ns"]) for span in spans), default=0)


def live_check(folder: RunFolder) -> tuple[Finding, ...] | None:
    """Return what the live check of a run's telemetry found, None where nothing was looked at."""
    told = folder.telemetry
    if told is None or told.get("live_check") is None:
        return None
    try:
        return tuple(Finding(str(one["finding"]), int(one["times"])) for one in told["live_check"])
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(folder, error) from error


def _unreadable(folder: RunFolder, error: Exception) -> RunFolderError:
    return RunFolderError(
        f"{folder.path / 'telemetry.json'} is none that this version reads: {type(error).__name__}: {error}; "
        "without the file the report shows no traces"
    )


def _walk(spans: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield each span with its depth: those whose parent did not come first, each followed by its children, by time."""
    known = {span["span_id"] for span in spans}
    children: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for span in sorted(spans, key=lambda one: int(one["start_unix_ns"])):
        children[span["parent_id"] if span["parent_id"] in known else ""].append(span)
    waiting = [(span, 0) for span in reversed(children.pop("", []))]
    while waiting:
        span, depth = waiting.pop()
        yield span, depth
        waiting += [(child, depth + 1) for child in reversed(children.pop(span["span_id"], []))]


def _read(span: dict[str, Any], depth: int, due_ns: int) -> TracedSpan:
    start_ns = int(span["start_unix_ns"])
    return TracedSpan(
        name=str(span["name"]),
        service=str(span["service"]),
        kind=str(span["kind"]),
        depth=depth,
        start_ms=round((start_ns - due_ns) / _NS, 3),
        duration_ms=round((int(span["end_unix_ns"]) - start_ns) / _NS, 3),
        is_error=bool(span["is_error"]),
        error=str(span["error"]),
    )
