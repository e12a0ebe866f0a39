"""Complete accounting of bridge requests: matched, late, lost, duplicate, unknown, somebody else's."""

from __future__ import annotations

import tracemalloc

import pytest

from loadgen.answered import Answered
from loadgen.ledger import Ledger, TaskIds

IDS = TaskIds("20261121-run", worker=1)


def sent(ledger: Ledger, *numbers: int) -> list[str]:
    ids = [IDS.make(number, 0) for number in numbers]
    for task_id in ids:
        ledger.expect(task_id)
    return ids


def test_a_reply_is_booked_to_the_request_with_its_task_id() -> None:
    ledger = Ledger(IDS)
    (task_id,) = sent(ledger, 7)
    ledger.take({"task_id": task_id}, 123)
    assert ledger.summary() == {
        "answered": 1, "sent": 1, "late": 0, "duplicates": 0, "unknown": 0, "foreign": 0, "lost": 0
    }  # fmt: skip


def test_planted_duplicate_unknown_and_missing_replies_are_each_counted() -> None:
    ledger = Ledger(IDS)
    first, second, _never_answered = sent(ledger, 1, 2, 3)
    for task_id in (first, second, second, IDS.make(4, 0)):
        ledger.take({"task_id": task_id}, 0)
    assert (ledger.duplicates, ledger.unknown, ledger.lost) == (1, 1, 1)


def test_a_late_reply_is_late_and_not_lost() -> None:
    ledger = Ledger(IDS)
    (task_id,) = sent(ledger, 1)
    ledger.overdue(task_id)
    assert ledger.lost == 1
    ledger.take({"task_id": task_id}, 0)
    assert (ledger.lost, ledger.late, ledger.duplicates) == (0, 1, 0)


def test_a_second_late_reply_is_a_duplicate() -> None:
    ledger = Ledger(IDS)
    (task_id,) = sent(ledger, 1)
    ledger.overdue(task_id)
    ledger.take({"task_id": task_id}, 0)
    ledger.take({"task_id": task_id}, 0)
    assert (ledger.late, ledger.duplicates) == (1, 1)


@pytest.mark.parametrize("task_id", ["3b241101-e2bb-4255-8caf-4136c566a962", "not a uuid", "None"])
def test_replies_to_other_clients_on_the_same_channel_are_nobody_s_fault(task_id: str) -> None:
    ledger = Ledger(IDS)
    ledger.take({"task_id": task_id}, 0)
    assert (ledger.foreign, ledger.unknown) == (1, 0)


def test_replies_to_another_worker_of_the_run_are_left_to_it() -> None:
    ledger = Ledger(IDS)
    ledger.take({"task_id": TaskIds("20261121-run", worker=2).make(5, 0)}, 0)
    assert (ledger.foreign, ledger.unknown) == (0, 0)


def test_task_ids_are_uuids_and_all_different() -> None:
    ids = {TaskIds("r", worker).make(number, turn) for worker in (0, 1) for number in range(50) for turn in range(3)}
    assert len(ids) == 300
    assert all(len(task_id) == 36 and task_id[14] == "8" and task_id[19] in "89ab" for task_id in ids)


def test_what_was_answered_is_remembered_for_every_number_and_turn_by_itself() -> None:
    ledger = Ledger(IDS)
    ids = [IDS.make(number, turn) for number in (0, 7, 8, 7_200_000) for turn in (0, 2)]
    for task_id in ids:
        ledger.expect(task_id)
        ledger.take({"task_id": task_id}, 0)
    for task_id in (*ids, IDS.make(7, 1), IDS.make(9, 0)):
        ledger.take({"task_id": task_id}, 0)
    assert (ledger.summary()["answered"], ledger.duplicates, ledger.unknown) == (8, 8, 2)


def test_an_id_that_only_looks_like_one_that_was_answered_is_unknown() -> None:
    ledger = Ledger(IDS)
    (task_id,) = sent(ledger, 10)
    ledger.take({"task_id": task_id}, 0)
    for odd in (task_id.replace("-", ""), task_id + "0", task_id.upper(), task_id[:26] + "zz"):
        ledger.take({"task_id": odd}, 0)
    assert ledger.duplicates == 0 and ledger.unknown + ledger.foreign == 4


def test_a_hundred_thousand_answers_are_remembered_in_a_few_kilobytes() -> None:
    answered = Answered()
    tracemalloc.start()
    for number in range(100_000):
        answered.add((number, 0))
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(answered) == 100_000 and (99_999, 0) in answered and (100_000, 0) not in answered
    assert taken < 30_000
