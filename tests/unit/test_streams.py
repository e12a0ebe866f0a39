"""Streams: what is kept of each, what is computed from it, and what counts as content at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadgen.plan import Phases, RunPlan
from loadgen.recorder import Recorder, Sample
from loadgen.reply import Reply
from loadgen.run_folder import RunFolder, create
from loadgen.samples import Outcome
from loadgen.sse import EventReader
from loadgen.streams import StreamShape
from report.document import document
from report.goodput import EVERY, Goodput, goodput
from report.judge import judge
from report.page import page
from report.streams import Streams, streams
from slo.catalog import load
from tests.made_runs import remembered

CAPTURED = Path(__file__).parent / "data_letta_samples"
OLD_RUN = Path(__file__).parents[2] / "docs" / "runs" / "20261121-051239-f726"
MS = 1_000_000
S = 1_000 * MS

PING = {"message_type": "ping"}
REASONING = {"message_type": "reasoning_message", "reasoning": "hm"}
STOP = {"message_type": "stop_reason", "stop_reason": "end_turn"}


def text(words: str) -> dict[str, str]:
    return {"message_type": "assistant_message", "content": words}


def usage(tokens: int) -> dict[str, object]:
    return {"message_type": "usage_statistics", "completion_tokens": tokens}


def event(sent: object, named: bytes = b"") -> bytes:
    return named + b"data: " + json.dumps(sent).encode() + b"\n\n"


def read_at(monkeypatch: pytest.MonkeyPatch, *timed: tuple[int, bytes]) -> Reply:
    """Let pieces arrive at these milliseconds, and the stream then end in order."""
    reader = EventReader()
    for at_ms, piece in timed:
        monkeypatch.setattr("loadgen.sse.time.monotonic_ns", lambda at_ms=at_ms: at_ms * MS)
        reader.feed(piece)
    return reader.end()


DONE = b"data: [DONE]\n\n"


def test_the_first_token_is_content_and_no_ping_no_reasoning_and_nothing_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ((10, event(PING)), (20, event(REASONING)), (30, event(text(""))))
    content = ((100, event(text("a"))), (130, event(PING)), (150, event(text("b"))), (220, event(text("c"))))
    reply = read_at(monkeypatch, *before, *content, (300, event(STOP) + event(usage(9)) + DONE))
    assert reply.outcome == Outcome.OK
    assert reply.first_ns == 100 * MS
    assert reply.stream == StreamShape(chunks=3, lasted_ns=120 * MS, longest_gap_ns=70 * MS, tokens_said=True)
    assert reply.tokens == 9


def test_chunks_count_as_tokens_where_the_target_does_not_count_them(monkeypatch: pytest.MonkeyPatch) -> None:
    reply = read_at(monkeypatch, (1, event(text("a")) + event(text("b"))), (5, event(STOP) + DONE))
    assert reply.tokens == 2
    assert reply.stream == StreamShape(2, 0, 0, tokens_said=False)


@pytest.mark.parametrize(
    ("name", "chunks", "tokens"), [("stream_tokens", 7, 12), ("stream_steps", 1, 12), ("stream_conversation", 1, 12)]
)
def test_what_a_real_letta_streamed_is_read(name: str, chunks: int, tokens: int) -> None:
    reader = EventReader()
    reader.feed((CAPTURED / f"{name}.sse").read_bytes())
    reply = reader.end()
    assert reply.outcome == Outcome.OK and reply.tokens == tokens
    assert reply.stream is not None and reply.stream.chunks == chunks


def test_an_error_of_a_real_letta_inside_a_stream_is_bad_and_has_no_content() -> None:
    reader = EventReader()
    reader.feed((CAPTURED / "stream_llm_400.sse").read_bytes())
    reply = reader.end()
    assert reply.outcome == Outcome.ERROR and reply.status == 200
    assert reply.first_ns == 0 and reply.stream is None


@pytest.mark.parametrize("sent", [{"detail": "broken"}, {"message_type": "error_message"}, text("fine")])
def test_an_event_that_is_named_an_error_is_bad_whatever_stands_in_it(sent: dict[str, str]) -> None:
    reader = EventReader()
    reader.feed(event(text("a")) + event(sent, b"event: error\n") + event(STOP) + DONE)
    reply = reader.end()
    assert reply.outcome == Outcome.ERROR and reply.detail["error"] == "in the stream: error"
    assert reply.stream is not None and reply.stream.chunks == 1


def test_the_name_of_an_event_is_no_longer_than_the_event() -> None:
    reader = EventReader()
    reader.feed(b"event: error\n\n" + event(text("a")) + event(STOP) + DONE)
    assert reader.end().outcome == Outcome.OK


def a_stream(number: int, outcome: Outcome = Outcome.OK, **more: Any) -> Sample:
    """Due at `number` seconds, sent 10 ms later, first token 200 ms after it was due, whole after a second."""
    due_ns = number * S
    facts: dict[str, Any] = {
        "first_ns": due_ns + 200 * MS,
        "status": 200,
        "tokens": 11,
        "stream": StreamShape(chunks=6, lasted_ns=500 * MS, longest_gap_ns=300 * MS, tokens_said=True),
    }
    return Sample("stream", number, 0, due_ns, due_ns + 10 * MS, due_ns + S, outcome, **{**facts, **more})


def a_run(path: Path, *samples: Sample) -> RunFolder:
    plan = RunPlan("r", str(path), 1, {"stream": 1.0}, Phases(warmup_s=2, steady_s=10))
    folder = create(path, {"plan": plan.to_dict(), "workers": 1, "targets": {}})
    recorder = Recorder(path, worker=0)
    for sample in samples:
        recorder.add(sample)
        recorder.close_second(sample.end_ns // S)
    recorder.finish(99)
    return folder


def only(folder: RunFolder) -> Streams:
    (found,) = streams(folder)
    return found


def medians_ms(found: Streams) -> dict[str, float]:
    return {one.name: one.percentiles[50].value * 1e3 for one in found.measures if one.percentiles}


def test_every_measure_of_a_stream_is_computed_by_its_definition(tmp_path: Path) -> None:
    found = only(a_run(tmp_path / "run", *(a_stream(number) for number in range(2, 8))))
    assert medians_ms(found) == pytest.approx(
        {
            "first_token_from_intended": 200,
            "first_token_from_send": 190,
            "time_per_output_token": 80,  # (1,000 - 200) / 10
            "inter_token_latency": 50,  # 500 / 10
            "inter_chunk_latency": 100,  # 500 / 5
            "longest_chunk_gap": 300,
        }
    )
    assert (found.sent, found.ended_well, found.output_tokens) == (6, 6, 66)
    assert found.output_tokens_per_s == pytest.approx(6.6)  # over the ten seconds of the steady state


def test_streams_of_the_warm_up_are_left_out(tmp_path: Path) -> None:
    assert only(a_run(tmp_path / "run", a_stream(0), a_stream(1), a_stream(2))).sent == 1


def test_an_answer_in_one_piece_has_no_time_between_pieces(tmp_path: Path) -> None:
    whole = StreamShape(1, 0, 0, tokens_said=True)
    found = only(a_run(tmp_path / "run", a_stream(2, stream=whole), a_stream(3, tokens=1)))
    counts = {one.name: one.count for one in found.measures}
    assert counts == {"first_token_from_intended": 2, "first_token_from_send": 2, "time_per_output_token": 0,
                      "inter_token_latency": 0, "inter_chunk_latency": 1, "longest_chunk_gap": 1}  # fmt: skip


def test_a_stream_that_failed_is_counted_and_measured_no_further(tmp_path: Path) -> None:
    slow = a_stream(2, Outcome.ERROR, first_ns=9 * S)
    folder = a_run(tmp_path / "run", slow, a_stream(3), a_stream(4, Outcome.TIMEOUT, status=0, first_ns=0, stream=None))
    found = only(folder)
    assert (found.sent, found.ended_well, found.failed_after_200) == (3, 1, 1)
    assert {one.count for one in found.measures} == {1}


def test_each_stream_gets_its_own_record_whatever_the_order_in_which_they_ended(tmp_path: Path) -> None:
    shapes = {n: StreamShape(2, n * MS, n * MS, tokens_said=n % 2 == 0) for n in range(3, 9)}
    samples = [a_stream(number, stream=shape) for number, shape in shapes.items()]
    found = only(a_run(tmp_path / "run", a_stream(2, stream=None), *reversed(samples)))
    (longest,) = (one for one in found.measures if one.name == "longest_chunk_gap")
    assert longest.count == 6 and longest.percentiles[99].value == pytest.approx(0.008)
    assert (found.ended_well, found.shaped, found.tokens_said) == (7, 6, 3)


def test_the_end_marker_counts_the_streams(tmp_path: Path) -> None:
    folder = a_run(tmp_path / "run", a_stream(2), a_stream(3, stream=None))
    assert folder.ends[0]["streams"] == len(folder.streams) == 1


def test_a_run_of_an_older_version_has_first_tokens_and_nothing_between_chunks() -> None:
    found = streams(RunFolder(OLD_RUN))
    assert [one.operation for one in found] == ["stream", "conversation"]
    for each in found:
        counts = {one.name: one.count for one in each.measures}
        assert counts["first_token_from_send"] == each.ended_well > 0
        assert each.shaped == counts["inter_chunk_latency"] == counts["inter_token_latency"] == 0


def test_the_judged_first_token_is_the_one_of_the_objective() -> None:
    run = judge(remembered("healthy"), load())
    (objective,) = (one for one in run.objectives if one.objective.name == "letta-stream-first-token")
    (first, *_) = only(run.folder).measures
    assert first.percentiles == objective.percentiles


def test_goodput_counts_what_met_all_its_limits_of_all_that_was_intended(tmp_path: Path) -> None:
    late = a_stream(3, first_ns=3 * S + 5 * S)
    unsent = a_stream(4, Outcome.NO_FREE_AGENT, first_ns=0, stream=None)
    failed = a_stream(5, Outcome.ERROR)
    folder = a_run(tmp_path / "run", a_stream(0), a_stream(2), late, unsent, failed, a_stream(6))
    assert goodput(folder, load().objectives) == (
        Goodput("stream", ("letta-api-availability", "letta-stream-first-token"), 5, 2, 0.2),
    )
    assert goodput(folder, load().objectives)[0].of_intended == 0.4


def test_goodput_of_all_operations_is_the_sum_of_each() -> None:
    *each, every = goodput(remembered("misses"), load().objectives)
    assert every.operation == EVERY
    assert every.met_all == sum(one.met_all for one in each) < every.intended == sum(one.intended for one in each)


def test_the_report_holds_streams_and_goodput_and_stays_whole_without_any(tmp_path: Path) -> None:
    said = document(judge(remembered("healthy"), load()))
    assert [one["operation"] for one in said["streams"]] == ["stream"]
    assert said["goodput"][-1]["operation"] == EVERY
    nothing = document(judge(a_run(tmp_path / "run"), load()))
    assert nothing["streams"] == nothing["goodput"] == []


def test_the_page_tells_of_streams_and_goodput_in_words() -> None:
    run = judge(remembered("healthy"), load())
    html = page(run, document(run))
    for words in ("Time to first token, from the send", "Time per output token", "Inter-chunk latency", "Goodput"):
        assert html.count(words) >= 1


def test_a_long_run_is_read_into_the_order_in_which_requests_were_due(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    due = random.permutation(500).tolist()
    path = tmp_path / "run"
    folder = create(path, {"plan": RunPlan("r", str(path), 1, {}, Phases(0, 1)).to_dict(), "workers": 2, "targets": {}})
    for worker, share in enumerate((due[:200], due[200:])):
        recorder = Recorder(path, worker)
        for second, part in enumerate(share[at : at + 7] for at in range(0, len(share), 7)):
            for number in part:
                recorder.add(Sample("health", number, 0, number * MS, number * MS, number * MS + 1, Outcome.OK))
            recorder.close_second(second)
    assert folder.samples["intended_ns"].tolist() == [n * MS for n in range(500)]
    assert folder.samples["number"].tolist() == list(range(500))
