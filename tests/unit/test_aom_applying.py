"""Steps taken one by one and read back, on a stand-in for a service that does not do as it is told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from alerts.aom.account import State
from alerts.aom.applying import Account, Outcome
from alerts.aom.errors import RejectedError, UnreachableError
from alerts.aom.planning import plan
from alerts.aom.resource import Found, Kind, Mark, Resource

A, B, C = (Resource(Kind.ALARM_RULE, f"ours_{name}", {"promql": name}) for name in "abc")
WAITS_S = (1.0, 2.0)


@dataclass
class Rules:
    """A stand-in for a service: what it holds, and in which way it misbehaves."""

    kind: Kind = Kind.ALARM_RULE
    held: dict[str, Found] = field(default_factory=dict)
    alters: bool = False
    shows_after: int = 0  # reads until what was written is seen
    fails_on: str = ""
    says_exists: bool = False  # it did as it was told, and says that this was there before
    keeps: bool = False
    reads: int = 0

    def read(self, state: State, only: str = "") -> list[Found]:
        del state, only
        self.reads += 1
        return list(self.held.values()) if self.reads > self.shows_after else []

    def create(self, wanted: Resource, mark: Mark, state: State) -> None:
        del state
        if wanted.name == self.fails_on:
            raise UnreachableError("gone")
        form = {"promql": "altered"} if self.alters else wanted.form
        self.held[wanted.name] = Found(self.kind, wanted.name, form, mark)
        if self.says_exists:
            raise RejectedError("exists", "AOM.02021062")

    def update(self, wanted: Resource, mark: Mark, found: Found, state: State) -> None:
        del found
        self.create(wanted, mark, state)

    def delete(self, found: Found, state: State) -> None:
        del state
        if not self.keeps:
            del self.held[found.name]


def applied(rules: Rules, *wanted: Resource) -> tuple[Outcome, list[float]]:
    paused: list[float] = []
    account = Account([rules], "ours", pause=paused.append, waits_s=WAITS_S)
    return account.apply(plan(wanted, account.read(), "ours"), say=lambda _text: None), paused


def test_each_step_is_done_once_and_nothing_is_waited_for_when_it_shows_at_once() -> None:
    outcome, paused = applied(Rules(), A, B)
    assert [one.name for one in outcome.done] == ["ours_a", "ours_b"]
    assert (outcome.differs, outcome.failed, paused) == ([], None, [])


def test_what_shows_late_is_waited_for() -> None:
    outcome, paused = applied(Rules(shows_after=3), A)
    assert (len(outcome.done), outcome.differs, paused) == (1, [], [1.0, 2.0])


def test_what_comes_back_otherwise_is_told_and_the_rest_goes_on() -> None:
    outcome, _ = applied(Rules(alters=True), A, B)
    assert [(step.name, fields) for step, fields in outcome.differs] == [("ours_a", "promql"), ("ours_b", "promql")]


def test_what_never_shows_is_told() -> None:
    outcome, paused = applied(Rules(shows_after=99), A)
    assert [fields for _, fields in outcome.differs] == ["it is not there"]
    assert paused == [1.0, 2.0]


def test_the_first_failure_ends_it_and_says_what_is_left() -> None:
    outcome, _ = applied(Rules(fails_on="ours_b"), A, B, C)
    assert [one.name for one in outcome.done] == ["ours_a"]
    assert outcome.failed is not None
    assert (outcome.failed.name, str(outcome.error)) == ("ours_b", "gone")
    assert [one.name for one in outcome.left] == ["ours_c"]


def test_what_a_lost_answer_had_made_already_is_no_error() -> None:
    outcome, _ = applied(Rules(says_exists=True), A)
    assert (len(outcome.done), outcome.failed) == (1, None)


def test_what_is_rejected_because_somebody_else_was_faster_is_one() -> None:
    class Faster(Rules):
        def create(self, wanted: Resource, mark: Mark, state: State) -> None:
            super().create(wanted, replace(mark, prefix="theirs"), state)

    outcome, _ = applied(Faster(says_exists=True), A)
    assert isinstance(outcome.error, RejectedError)
    assert outcome.error.code == "AOM.02021062"


def test_what_is_still_there_after_it_was_removed_is_told() -> None:
    there = {A.name: Found(A.kind, A.name, A.form, Mark("ours", A.sha))}
    outcome, _ = applied(Rules(held=dict(there)))
    assert (len(outcome.done), outcome.differs) == (1, [])
    outcome, _ = applied(Rules(held=dict(there), keeps=True))
    assert [fields for _, fields in outcome.differs] == ["it is still there"]
