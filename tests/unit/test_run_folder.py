"""The run folder: exact samples, closed every second, whole or known to be cut."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.plan import Phases, RunPlan
from loadgen.recorder import Recorder, Sample
from loadgen.run_folder import RunFolder, RunFolderError, append_line, create, note_event
from loadgen.samples import OPERATIONS, RECORD, SESSION_OPERATIONS, Outcome, frame, unframe
from slo.operations import OPERATIONS as SLO_OPERATIONS


def a_sample(number: int, outcome: Outcome = Outcome.OK, response_ms: int = 10, **more: object) -> Sample:
    start = number * 1_000_000
    return Sample("bridge", number, 0, start, start, start + response_ms * 1_000_000, outcome, **more)  # type: ignore[arg-type]  # test data


def a_folder(path: Path) -> RunFolder:
    plan = RunPlan("r", str(path), 1, {"bridge": 1.0}, Phases(0, 10))
    return create(path, {"plan": plan.to_dict(), "workers": 1, "targets": {}})


def test_samples_come_back_exactly_as_they_were_recorded(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "run")
    recorder = Recorder(folder.path, worker=0)
    for number in range(5):
        recorder.add(a_sample(number, status=200, source="letta", tokens=7, agent=3, response_bytes=99))
        recorder.close_second(number)
    recorder.finish(6)
    assert folder.samples["number"].tolist() == [0, 1, 2, 3, 4]
    assert folder.samples[2]["end_ns"] == 12_000_000
    assert folder.samples[2].tolist()[6:11] == (99, 0, 200, 7, OPERATIONS.index("bridge"))
    assert folder.ends[0]["samples"] == 5 and folder.ends[0]["counts"] == {"bridge": {"ok": 5}}


def test_a_worker_that_died_leaves_whole_segments_and_no_end_marker(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "run")
    recorder = Recorder(folder.path, worker=0)
    recorder.add(a_sample(1))
    recorder.close_second(1)
    recorder.add(a_sample(2))  # the second in which it died
    assert folder.samples["number"].tolist() == [1]
    assert folder.ends == []


@given(st.integers(0, 400), st.binary(max_size=3))
def test_a_file_cut_anywhere_gives_the_segments_before_the_cut(cut: int, noise: bytes) -> None:
    records = np.zeros(2, RECORD)
    whole = b"".join(frame(second, records.tobytes()) for second in (1, 2, 3))
    segment = len(whole) // 3
    assert len(list(unframe(BytesIO(whole[:cut] + noise)))) == min(cut // segment, 3)


def test_a_flipped_bit_ends_the_reading() -> None:
    records = np.zeros(2, RECORD)
    data = bytearray(frame(1, records.tobytes()) + frame(2, records.tobytes()))
    data[-1] ^= 1
    assert len(list(unframe(BytesIO(data)))) == 1


def test_bad_and_slowest_requests_are_noted_with_what_is_known_of_them(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "run")
    recorder = Recorder(folder.path, worker=0)
    for number in range(20):
        recorder.add(a_sample(number, response_ms=number))
    recorder.add(a_sample(99, Outcome.ERROR, detail={"error": "HTTP 503", "task_id": "t-99"}))
    recorder.finish(1)
    assert [note["number"] for note in folder.notes] == [99, 19, 18, 17]
    assert folder.notes[0]["task_id"] == "t-99" and folder.notes[0]["error"] == "HTTP 503"


def test_notes_are_bounded_and_say_how_many_were_left_out(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "run")
    recorder = Recorder(folder.path, worker=0)
    for number in range(80):
        recorder.add(a_sample(number, Outcome.TIMEOUT))
    recorder.finish(1)
    assert len(folder.notes) == 50 and folder.ends[0]["notes_left_out"] == 30


def test_a_line_that_a_crash_cut_is_not_read(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "run")
    note_event(folder.path, "verify", "fault", 3.0, name="letta-down")
    with (folder.path / "events-verify.jsonl").open("ab") as file:
        file.write(b'{"kind":"fau')
    assert [event["name"] for event in folder.events] == ["letta-down"]


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "run")
    (folder.path / "notes-0.jsonl").write_bytes(b'{"number": 1}\nnull\n')
    with pytest.raises(RunFolderError, match=r"notes-0\.jsonl:2: this line holds no JSON object"):
        _ = folder.notes


def test_events_of_all_writers_come_in_the_order_of_time(tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "run")
    note_event(folder.path, "a", "late", 9.0)
    note_event(folder.path, "b", "early", 1.0)
    assert [event["kind"] for event in folder.events] == ["early", "late"]


def test_an_existing_run_is_never_written_over(tmp_path: Path) -> None:
    a_folder(tmp_path / "run")
    with pytest.raises(FileExistsError):
        a_folder(tmp_path / "run")


def test_a_folder_without_a_manifest_and_one_of_another_format_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="is no run folder"):
        _ = RunFolder(tmp_path).manifest
    (tmp_path / "manifest.json").write_text('{"format": "letta-slo-run/99"}')
    with pytest.raises(RunFolderError, match=r"letta-slo-run/99.*letta-slo-run/1"):
        _ = RunFolder(tmp_path).manifest


def test_every_operation_of_a_load_run_can_stand_in_a_catalogue() -> None:
    assert set(OPERATIONS) == SLO_OPERATIONS
    assert set(OPERATIONS) > SESSION_OPERATIONS


def test_lines_are_appended(tmp_path: Path) -> None:
    append_line(tmp_path / "x.jsonl", {"a": 1})
    append_line(tmp_path / "x.jsonl", {"a": 2})
    assert (tmp_path / "x.jsonl").read_text() == '{"a":1}\n{"a":2}\n'


def test_a_header_that_promises_more_than_the_file_holds_ends_the_reading() -> None:
    data = bytearray(frame(1, np.zeros(2, RECORD).tobytes()) + frame(2, np.zeros(2, RECORD).tobytes()))
    data[len(data) // 2 + 8 : len(data) // 2 + 12] = b"\xff\xff\xff\xff"  # the number of records of the second
    assert len(list(unframe(BytesIO(data)))) == 1
