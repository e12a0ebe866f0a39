"""Steps from what is there to what should be: pure, on made-up things."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.aom.account import State
from alerts.aom.planning import Action, Step, conflicts, is_as_it_should_be, plan, removal
from alerts.aom.resource import Found, Kind, Mark, Resource, sha_of

RULE = Resource(Kind.ALARM_RULE, "ours_a", {"promql": "up > 1", "enabled": True, "further_conditions": 0})


def found(resource: Resource, *, prefix: str = "ours", sha: str = "", **changed: Any) -> Found:
    form = {**resource.form, **changed}
    return Found(resource.kind, resource.name, form, Mark(prefix, sha or resource.sha), resource.name)


def state(*there: Found) -> State:
    made = State()
    for kind in Kind:
        made.put(kind, [one for one in there if one.kind is kind])
    return made


def only(steps: list[Step]) -> Step:
    (step,) = steps
    return step


def test_what_is_not_there_is_created_and_what_is_as_it_should_be_is_left() -> None:
    assert only(plan([RULE], state(), "ours")).action is Action.CREATE
    step = only(plan([RULE], state(found(RULE)), "ours"))
    assert (step.action, step.does_something) == (Action.NOTHING, False)


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        (found(RULE, enabled=False), "somebody changed it in the account"),
        (
            found(RULE, sha=sha_of({**RULE.form, "enabled": False}), enabled=False),
            "the catalogue or the deployment file says something else",
        ),
        (found(RULE, sha="0" * 16, enabled=False), "somebody changed it in the account, and the catalogue"),
    ],
)
def test_an_update_says_whether_the_account_or_the_catalogue_changed(there: Found, reason: str) -> None:
    step = only(plan([RULE], state(there), "ours"))
    assert step.action is Action.UPDATE
    assert step.reason.startswith(reason)
    assert [(one.field, one.is_now, one.should_be) for one in step.changes] == [("enabled", False, True)]


def test_what_a_service_does_not_give_back_is_judged_by_the_mark() -> None:
    wanted = Resource(Kind.SUBSCRIPTION, "ours_t/sms/1", {"topic": "ours_t", "extension": "b"})
    unread = Found(wanted.kind, wanted.name, {"topic": "ours_t"}, Mark("ours", wanted.sha))
    assert only(plan([wanted], state(unread), "ours")).action is Action.NOTHING
    other = Found(wanted.kind, wanted.name, {"topic": "ours_t"}, Mark("ours", "0" * 16))
    step = only(plan([wanted], state(other), "ours"))
    assert [one.field for one in step.changes] == ["what cannot be read back"]


def test_a_further_condition_that_somebody_added_is_a_change() -> None:
    step = only(plan([RULE], state(found(RULE, further_conditions=1)), "ours"))
    assert [one.field for one in step.changes] == ["further_conditions"]


@pytest.mark.parametrize(
    "there",
    [
        Found(RULE.kind, RULE.name, RULE.form, None),
        found(RULE, prefix="other"),
    ],
)
def test_what_bears_no_mark_of_ours_is_in_the_way_however_alike_it_is(there: Found) -> None:
    steps = plan([RULE], state(there), "ours")
    assert conflicts(steps) == steps
    assert not is_as_it_should_be(steps)
    assert "choose another prefix" in only(steps).reason


def test_what_is_no_longer_wanted_goes_when_it_is_ours_by_mark_and_by_name() -> None:
    mine = found(Resource(Kind.ALARM_RULE, "ours_old", {}))
    copied = found(Resource(Kind.ALARM_RULE, "copy_of_ours_old", {}))  # somebody took the description over
    theirs = Found(Kind.ALARM_RULE, "ours_by_hand", {}, None)
    longer = found(Resource(Kind.ALARM_RULE, "ours_b_x", {}), prefix="ours_b")
    steps = plan([], state(mine, copied, theirs, longer), "ours")
    assert [(one.action, one.name) for one in steps] == [(Action.DELETE, "ours_old")]


def test_removal_goes_backwards_and_keeps_what_others_need() -> None:
    topic = found(Resource(Kind.TOPIC, "ours_t", {}))
    rule = found(Resource(Kind.ACTION_RULE, "ours_r", {"topics": ["ours_t"], "template": "ours_m"}))
    template = found(Resource(Kind.TEMPLATE, "ours_m", {}))
    theirs = Found(Kind.ALARM_RULE, "theirs", {"action_rule": "ours_r"}, None)
    steps = removal(state(topic, template, rule, theirs), "ours", with_logs=False)
    assert [(one.action, one.name) for one in steps] == [
        (Action.KEEP, "ours_r"),
        (Action.DELETE, "ours_m"),
        (Action.DELETE, "ours_t"),
    ]
    assert "alarm rule theirs needs it" in steps[0].reason


def test_logs_go_only_when_they_are_named() -> None:
    group = found(Resource(Kind.LOG_GROUP, "ours_g", {}))
    stream = found(Resource(Kind.LOG_STREAM, "ours_g/ours_s", {"group": "ours_g"}))
    there = state(group, stream)
    assert {one.action for one in removal(there, "ours", with_logs=False)} == {Action.KEEP}
    assert [one.name for one in removal(there, "ours", with_logs=True)] == ["ours_g/ours_s", "ours_g"]
    theirs = Found(Kind.LOG_STREAM, "ours_g/theirs", {"group": "ours_g"}, None)
    kept = [one for one in removal(state(group, stream, theirs), "ours", with_logs=True) if one.action is Action.KEEP]
    assert [one.name for one in kept] == ["ours_g"]


def test_a_note_is_shown_and_nothing_is_well_with_it() -> None:
    there = Found(RULE.kind, RULE.name, RULE.form, Mark("ours", RULE.sha), "", "not confirmed")
    steps = plan([RULE], state(there), "ours")
    assert (only(steps).action, only(steps).reason, is_as_it_should_be(steps)) == (
        Action.NOTHING,
        "not confirmed",
        False,
    )


def test_what_a_service_adds_of_its_own_is_no_change() -> None:
    assert is_as_it_should_be(plan([RULE], state(found(RULE, query_match="[]")), "ours"))


def test_the_order_of_keys_makes_no_other_hash() -> None:
    assert sha_of({"a": 1, "b": 2}) == sha_of({"b": 2, "a": 1})
    assert sha_of({"a": 1}) != sha_of({"a": "1"})
