"""The test event, before a stand-in for an AOM that sees it late, never, or tells nobody."""

from __future__ import annotations

from typing import Any

from alerts.aom.calls import Cloud
from alerts.aom.notification import try_it
from alerts.aom.reading import load
from tests.aom_account import EXAMPLE, SECRETS

DEPLOYMENT = load(EXAMPLE, SECRETS)
KEYS = {"HUAWEICLOUD_SDK_AK": "key", "HUAWEICLOUD_SDK_SK": "secret"}


class Seeing(Cloud):
    """A stand-in: what was pushed is listed from the `after`-th question on; `told` are action rules."""

    def __init__(self, *, after: int, told: tuple[str, ...] = ()) -> None:
        self.now_s = 0.0
        super().__init__(DEPLOYMENT, KEYS, pause=self._pass)
        self._after = after
        self._told = told
        self.pushed: list[tuple[str, dict[str, Any]]] = []
        self.asked = 0

    def ask(self, service: str, operation: str, **fields: Any) -> Any:
        assert service == "aom"
        if operation == "push_events":
            (event,) = fields["body"]["events"]
            self.pushed.append((fields.get("action", ""), event))
            return None
        if operation == "list_events":
            self.asked += 1
            others = {"metadata": {"event_name": "another"}, "event_sn": "0"}
            mine = {**self.pushed[0][1], "event_sn": "1"}
            return {"events": [others, mine] if self.asked >= self._after else [others]}
        assert (operation, fields) == ("list_notified_histories", {"event_sn": "1"})
        return {"notified_histories": [{"notifications": [{"action_rule": one} for one in self._told]}]}

    def _pass(self, seconds: float) -> None:
        self.now_s += seconds


def tried(cloud: Seeing) -> tuple[bool, str]:
    found = try_it(cloud, DEPLOYMENT, wait_s=10, now_s=lambda: cloud.now_s)
    return found.has_arrived, found.said


def test_an_event_that_is_seen_late_has_arrived_and_who_was_told_is_said() -> None:
    assert tried(Seeing(after=3, told=("letta_slo_page",))) == (True, "arrived; told by the action rule letta_slo_page")


def test_that_nobody_was_told_is_said_and_is_no_fault() -> None:
    has_arrived, said = tried(Seeing(after=1))
    assert has_arrived
    assert said.startswith("arrived; nobody was told of it")


def test_an_event_that_never_comes_is_given_up_after_the_wait() -> None:
    cloud = Seeing(after=99)
    assert tried(cloud) == (False, "did not arrive in time; --wait gives it longer")
    assert cloud.now_s == 10


def test_the_event_is_of_the_lowest_severity_bears_our_tag_and_is_cleared_whatever_comes() -> None:
    cloud = Seeing(after=99)
    tried(cloud)
    (action, event), (last, cleared) = cloud.pushed
    assert (action, last) == ("", "clear")
    assert event["metadata"] == cleared["metadata"]
    assert event["metadata"]["event_severity"] == "Info"
    assert event["metadata"]["letta_slo"] == "letta_slo"
    assert event["metadata"]["event_name"].startswith("letta_slo_test_")
