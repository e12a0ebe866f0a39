"""Master and workers on different machines: one clock, one place for what they saw. In memory, clocks planted."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen import messages
from loadgen.clock_offset import ClockOffset, RoundTrip, error_ns, measured
from loadgen.crew import Crew, CrewError
from loadgen.keeping import Keeper, KeepingError, is_file_of
from loadgen.member import Member, Start
from loadgen.plan import REDIS_VARIABLE, Phases, RunPlan
from loadgen.run_folder import RunFolder, create
from loadgen.shipping import Shipper, ShippingError
from report.facts import run_facts
from slo.validity import ReasonCode, invalid_reasons

WAYS = st.tuples(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**9))


# One clock.


@given(st.integers(-(10**15), 10**15), st.lists(WAYS, min_size=1))
def test_the_true_offset_is_never_further_away_than_the_bound_whatever_each_way_takes(
    offset_ns: int, ways: list[tuple[int, int, int]]
) -> None:
    trips = [RoundTrip(at, at + out + offset_ns, at + out + back) for at, out, back in ways]
    found = measured(trips)
    assert abs(found.offset_ns - offset_ns) <= found.bound_ns
    assert found.bound_ns <= min(out + back for _at, out, back in ways) / 2 + 1


def test_the_quickest_round_trip_wins() -> None:
    slow, quick = RoundTrip(0, 5_000, 1_000), RoundTrip(2_000, 7_010, 2_020)
    assert measured([slow, quick, slow]) == ClockOffset(5_000, 11)


def test_clocks_that_went_apart_are_seen_and_a_slow_second_measurement_is_not_held_against_them() -> None:
    start = ClockOffset(1_000, 100)
    assert error_ns(start, None) == 100
    assert error_ns(start, ClockOffset(1_900, 800)) == 100
    assert error_ns(start, ClockOffset(6_000, 100)) == 100 + 4_800


# One folder.


def part(name: str, at: int, data: bytes) -> dict[str, Any]:
    return {"file": name, "at": at, "data": data}


def test_a_part_that_comes_twice_or_too_early_leaves_neither_a_double_nor_a_hole(tmp_path: Path) -> None:
    keeper, name = Keeper(tmp_path), "samples-1.bin"
    assert keeper.keep(1, part(name, 0, b"abc")) == {"kept": 3}
    assert keeper.keep(1, part(name, 0, b"abc")) == {"kept": 3}
    assert keeper.keep(1, part(name, 9, b"xyz")) == {"kept": 3}
    assert keeper.keep(1, part(name, 3, b"def")) == {"kept": 6}
    assert (tmp_path / name).read_bytes() == b"abcdef"


def test_the_end_marker_is_written_only_when_everything_else_is_there(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path)
    keeper.keep(0, part("samples-0.bin", 0, b"abc"))
    end = {"end": b"{}", "sizes": {"samples-0.bin": 5}}
    assert keeper.keep(0, end) == {"complete": False, "sizes": {"samples-0.bin": 3}}
    assert not (tmp_path / "end-0.json").exists()
    keeper.keep(0, part("samples-0.bin", 3, b"de"))
    assert keeper.keep(0, end)["complete"] is True
    assert (tmp_path / "end-0.json").read_bytes() == b"{}"


@pytest.mark.parametrize(
    "name",
    ["samples-1.bin", "../samples-0.bin", "manifest.json", "end-0.json", "events-master.jsonl", "a/b-0.bin", "-0.b"],
)
def test_a_worker_can_write_its_own_files_only(tmp_path: Path, name: str) -> None:
    with pytest.raises(KeepingError, match="no file of its own"):
        Keeper(tmp_path).keep(0, part(name, 0, b"abc"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["samples-0.bin", "notes-0.jsonl", "machine-0.jsonl", "chunk-times-0.bin"])
def test_every_file_that_grows_during_a_run_is_sent(name: str) -> None:
    assert is_file_of(0, name)


def losing(keeper: Keeper, shipper: Callable[[], Shipper], share: float, seed: int) -> Callable[[dict[str, Any]], None]:
    """Return a way to the master that loses a share of what goes there, and of the answers."""
    chance = random.Random(seed)

    def send(sent: dict[str, Any]) -> None:
        if chance.random() < share:
            return
        answer = {"number": sent["number"], **keeper.keep(0, sent)}
        if chance.random() >= share:
            shipper().take(answer)

    return send


def written(folder: Path, size: int) -> None:
    folder.mkdir()
    (folder / "samples-0.bin").write_bytes(random.Random(1).randbytes(size))
    (folder / "notes-0.jsonl").write_bytes(b'{"number":1}\n' * 10)
    (folder / "samples-1.bin").write_bytes(b"of another worker, who wrote here too")


def test_what_a_worker_wrote_arrives_byte_for_byte_over_a_way_that_loses_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadgen.shipping._ANSWER_S", 0.01)
    monkeypatch.setattr("loadgen.shipping._EVERY_S", 0.01)
    mine, masters = tmp_path / "mine", tmp_path / "masters"
    written(mine, 1_000_000)
    masters.mkdir()
    shipper = Shipper(mine, 0, losing(Keeper(masters), lambda: shipper, 0.3, seed=3))
    running = gevent.spawn(shipper.run)
    with gevent.Timeout(10):
        while not (masters / "samples-0.bin").exists():
            gevent.sleep(0)
    with (mine / "samples-0.bin").open("ab") as file:  # it grows while it is sent
        file.write(b"more" * 100)
    (mine / "end-0.json").write_text('{"samples": 1}')
    shipper.end()
    running.join()
    shipper.finish(within_s=30)
    names = {file.name for file in masters.iterdir()}
    assert names == {"samples-0.bin", "notes-0.jsonl", "end-0.json"}
    assert all((masters / name).read_bytes() == (mine / name).read_bytes() for name in names)


def test_a_master_that_does_not_answer_is_given_up_and_what_was_written_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadgen.shipping._ANSWER_S", 0.01)
    written(tmp_path / "mine", 10)
    shipper = Shipper(tmp_path / "mine", 0, lambda _part: None)
    with pytest.raises(ShippingError, match="counts this worker as lost"):
        shipper.finish(within_s=0.05)
    assert (tmp_path / "mine" / "samples-0.bin").stat().st_size == 10


# One start.


@dataclass
class Wire:
    """The channel of a master and one worker, in memory; messages take their time."""

    listeners: dict[str, Callable[..., None]] = field(default_factory=dict)
    deaf: set[str] = field(default_factory=set)
    sent: list[gevent.Greenlet] = field(default_factory=list)
    clients: dict[str, Any] = field(default_factory=lambda: {"w0": SimpleNamespace(id="w0", state="ready")})

    def register_message(self, msg_type: str, listener: Callable[..., None], concurrent: bool = False) -> None:
        del concurrent
        self.listeners[msg_type] = listener

    def send_message(self, msg_type: str, data: dict[str, Any] | None = None, client_id: str | None = None) -> None:
        del client_id
        if msg_type not in self.deaf:
            msg = SimpleNamespace(data=data, node_id="w0")
            self.sent.append(gevent.spawn(self.listeners[msg_type], environment=None, msg=msg))


def plan_in(folder: Path) -> RunPlan:
    return RunPlan(
        run_id="made-1", folder=str(folder), seed=1, rates={"health": 10.0}, phases=Phases(warmup_s=0, steady_s=5)
    )


def led(tmp_path: Path, clock: Callable[[], int], boot: str = "another") -> tuple[int, Start, RunFolder, Member, Crew]:
    """Let a master gather one worker whose clock is `clock`; return the origin, what it was told, the folder."""
    folder = create(tmp_path / "master", {"workers": 1, "plan": plan_in(tmp_path / "master").to_dict()})
    wire = Wire()
    crew, member = Crew(wire), Member(wire, tmp_path / "worker", clock)
    own = wire.listeners[messages.PREPARE]

    def elsewhere(msg: Any, **more: Any) -> None:
        msg.data |= {"boot_id": boot or msg.data["boot_id"]}
        if boot:  # another machine does not see the master's folder, whatever its path
            msg.data |= {"witness": "unseen"}
        own(msg=msg, **more)

    wire.listeners[messages.PREPARE] = elsewhere
    origin_ns = crew.gather(plan_in(folder.path), 1, is_planned=True)
    gevent.joinall(wire.sent, timeout=10)
    return origin_ns, member.take_start(), folder, member, crew


@pytest.mark.parametrize("planted_s", [-7200.0, 0.4, 1e6])
def test_a_planted_offset_of_the_clocks_is_measured_and_both_begin_at_one_moment(
    tmp_path: Path, planted_s: float
) -> None:
    planted_ns = int(planted_s * 1e9)
    origin_ns, start, folder, _, _ = led(tmp_path, lambda: time.monotonic_ns() + planted_ns)
    (event,) = folder.events
    bound_ns = event["clock_bound_ms"] * 1e6
    assert abs(start.origin_ns - (origin_ns + planted_ns)) <= bound_ns + 1
    assert event["clock_offset_ms"] == pytest.approx(-planted_s * 1e3, abs=bound_ns / 1e6 + 1e-3)
    assert event["clock_error_ms"] == event["clock_bound_ms"] > 0
    assert not event["has_same_clock"]


def test_processes_of_one_machine_share_its_clock_and_its_folder(tmp_path: Path) -> None:
    origin_ns, start, folder, _, _ = led(tmp_path, time.monotonic_ns, boot="")
    assert start.origin_ns == origin_ns
    assert not start.has_own_folder
    assert Path(start.plan.folder) == folder.path
    assert folder.events[0]["clock_error_ms"] == 0
    assert [file.name for file in folder.path.glob("here-*")] == []


def test_a_clock_of_the_same_boot_that_shows_another_time_is_measured_all_the_same(tmp_path: Path) -> None:
    origin_ns, start, folder, _, _ = led(tmp_path, lambda: time.monotonic_ns() + 10**12, boot="")
    assert not folder.events[0]["has_same_clock"]
    assert start.origin_ns - origin_ns == pytest.approx(10**12, abs=folder.events[0]["clock_bound_ms"] * 1e6 + 1)


def test_a_worker_elsewhere_writes_below_its_own_directory_and_the_master_has_it_before_it_is_done(
    tmp_path: Path,
) -> None:
    _, start, folder, member, crew = led(tmp_path, time.monotonic_ns)
    own = Path(start.plan.folder)
    assert start.has_own_folder and own == tmp_path / "worker" / "made-1"
    own.mkdir(parents=True)
    (own / "machine-0.jsonl").write_text('{"worker":0,"offset_s":1,"at_s":1.0}\n')
    (own / "end-0.json").write_text('{"worker": 0, "samples": 0}')
    member.begin(start)
    assert not crew.is_over()
    member.finish(start)
    with gevent.Timeout(10):
        while not crew.is_over():
            gevent.sleep(0.01)
    assert (folder.path / "machine-0.jsonl").read_bytes() == (own / "machine-0.jsonl").read_bytes()
    assert folder.ends == [{"worker": 0, "samples": 0}]
    assert [event["kind"] for event in folder.events] == ["worker joined", "worker done"]


def test_a_worker_that_goes_without_being_done_is_lost_and_named(tmp_path: Path) -> None:
    _, _, folder, _, crew = led(tmp_path, time.monotonic_ns)
    vars(crew)["_channel"].clients.clear()
    assert crew.is_over()
    crew.note_lost()
    assert folder.events[-1]["kind"] == "worker lost"
    (name,) = run_facts(folder).lost_workers
    assert name.startswith("worker 0 on ")


def test_a_worker_that_does_not_answer_lacks_the_address_of_redis_or_is_of_another_version_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadgen.crew._READY_S", 0.05)
    monkeypatch.delenv(REDIS_VARIABLE, raising=False)
    wire = Wire(deaf={messages.PREPARE})
    crew, plan = Crew(wire), plan_in(tmp_path)
    with pytest.raises(CrewError, match=r"worker 0 \(w0\) did not answer"):
        crew.gather(plan, 1, is_planned=True)
    wire.deaf.clear()
    monkeypatch.setattr("loadgen.crew._READY_S", 10)
    Member(wire, tmp_path / "worker")
    with pytest.raises(CrewError, match=f"{REDIS_VARIABLE} is not set where this worker runs"):
        crew.gather(replace(plan, redis_url_env=REDIS_VARIABLE), 1, is_planned=True)
    versions = iter(("2.0", "1.0"))  # asked by the master first
    monkeypatch.setattr("loadgen.crew.metadata.version", lambda _name: next(versions))
    with pytest.raises(CrewError, match=r"it has version 1\.0 of this suite, the master has 2\.0"):
        crew.gather(plan, 1, is_planned=True)
    monkeypatch.undo()
    with pytest.raises(CrewError, match="1 of 2 workers are connected"):
        crew.gather(plan, 2, is_planned=True)
    assert crew.is_over()


def test_a_worker_that_was_told_nothing_by_its_master_does_not_begin(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="a master that is not this suite's"):
        Member(Wire(), tmp_path).take_start()


def test_clocks_that_may_be_further_apart_than_requests_may_be_late_make_a_run_invalid(tmp_path: Path) -> None:
    _, _, folder, _, _ = led(tmp_path, time.monotonic_ns)
    facts = replace(run_facts(folder), clock_error_s=0.03, workers_finished=1, intended=0)
    assert invalid_reasons(facts, smallest_limit_s=0.5) == ()
    (reason,) = invalid_reasons(facts, smallest_limit_s=0.1)
    assert reason.code is ReasonCode.CLOCKS
    assert "may be 30.0 ms apart, at most 10.0 ms allowed" in reason.sentence
    assert invalid_reasons(replace(facts, clock_error_s=None), smallest_limit_s=0.1) == ()


def test_a_worker_whose_master_ends_the_run_waits_for_no_answer(tmp_path: Path) -> None:
    _, start, folder, member, _ = led(tmp_path, time.monotonic_ns)
    own = Path(start.plan.folder)
    own.mkdir(parents=True)
    member.begin(start)
    (own / "samples-0.bin").write_bytes(b"abc")
    (own / "end-0.json").write_text("{}")
    member.abandon()
    with gevent.Timeout(2):  # an answer alone would be waited for longer
        member.finish(start)
    assert (own / "end-0.json").exists() and folder.ends == []
