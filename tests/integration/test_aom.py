"""Alarms brought to an account: the double of AOM, SMN and LTS, which checks each signature."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.cloud.accounts import ACCOUNT
from testbed.cloud.management.double import ManagementDouble
from tests.aom_account import ROOT, SECRETS, Customer, catalogue_without, content, writes
from tests.processes import eventually

COMMAND = str(Path(sys.executable).with_name("letta-slo"))
PAGE = "letta_slo_letta_api_availability_SloErrorBudgetBurn_page"
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def one_double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagementDouble]:
    with ManagementDouble(tmp_path_factory.mktemp("management")) as made:
        yield made


@pytest.fixture
def double(one_double: ManagementDouble) -> Iterator[ManagementDouble]:
    one_double.clear()
    yield one_double


@pytest.fixture
def customer(double: ManagementDouble, tmp_path: Path) -> Customer:
    return Customer(double, tmp_path)


@pytest.fixture(scope="module")
def whole(one_double: ManagementDouble, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the account holds after an apply that nothing disturbed."""
    one_double.clear()
    return content(Customer(one_double, tmp_path_factory.mktemp("whole")).applied())


def foreign_rule(name: str, description: str = "somebody else's") -> dict[str, Any]:
    return {
        "alarm_rule_name": name,
        "alarm_rule_description": description,
        "alarm_rule_type": "event",
        "alarm_notifications": {"notification_type": "direct"},
        "event_alarm_spec": {"alarm_source": "systemEvent"},
    }


def confirm_subscriptions(double: ManagementDouble) -> None:
    for urn, row in double.held()["subscriptions"].items():
        double.put("subscriptions", urn, {**row, "status": 1})


def test_a_plan_on_an_empty_account_creates_everything_and_after_apply_a_plan_shows_nothing(customer: Customer) -> None:
    planned = customer.steps()
    assert {one["action"] for one in planned} == {"create"}
    assert writes(customer.double.held()) == []
    held = customer.applied()
    assert customer.steps() == []
    assert "nothing to do" in customer.run("plan").stdout
    made = sum(len(held[kind]) for kind in content(held))
    assert made == len(planned)
    assert held["refused"] == []


def test_a_second_apply_writes_nothing(customer: Customer) -> None:
    before = len(writes(customer.applied()))
    assert len(writes(customer.applied())) == before


def test_without_confirm_apply_and_destroy_only_show_the_plan(customer: Customer) -> None:
    done = customer.run("apply")
    assert (done.code, writes(customer.double.held())) == (0, [])
    assert f"+ create alarm rule {PAGE}" in done.stdout
    assert "--confirm does it" in done.stderr
    held = customer.applied()
    done = customer.run("destroy")
    assert f"- delete alarm rule {PAGE}" in done.stdout
    assert writes(customer.double.held()) == writes(held)


def test_things_are_made_after_what_they_need_and_removed_before_it(customer: Customer) -> None:
    # The double refuses a rule without its action rule, a topic that is in use, and so on.
    customer.applied()
    done = customer.run("destroy", "--confirm", "--with-logs")
    assert done.code == 0, done.output
    assert not any(content(customer.double.held()).values())


def test_a_rule_of_somebody_else_is_left_as_it_is(customer: Customer) -> None:
    theirs = foreign_rule("letta_slo_made_by_hand")  # the prefix alone makes nothing ours
    customer.double.put("alarm_rules", "letta_slo_made_by_hand", theirs)
    assert customer.applied()["alarm_rules"]["letta_slo_made_by_hand"] == theirs
    assert customer.run("destroy", "--confirm").code == 0
    assert customer.double.held()["alarm_rules"] == {"letta_slo_made_by_hand": theirs}


@pytest.mark.parametrize(
    ("description", "whose"),
    [
        ("mine", "it bears no mark of letta-slo"),
        ("managed by letta_slo prefix other sha 0123456789abcdef", "it is that of the prefix other"),
    ],
)
def test_a_name_that_is_taken_is_a_conflict_and_nothing_at_all_is_written(
    customer: Customer, description: str, whose: str
) -> None:
    customer.double.put("alarm_rules", PAGE, foreign_rule(PAGE, description))
    done = customer.run("apply", "--confirm")
    assert done.code == 3
    assert f"! conflict alarm rule {PAGE}" in done.stdout
    assert f"{whose}, so it is not touched" in done.stdout
    assert writes(customer.double.held()) == []
    assert customer.run("plan").code == 3


def test_a_rule_that_was_changed_by_hand_is_shown_field_by_field_and_mended(customer: Customer) -> None:
    before = content(customer.applied())
    rule = customer.double.held()["alarm_rules"][PAGE]
    trigger = rule["metric_alarm_spec"]["trigger_conditions"][0]
    trigger |= {"promql": trigger["promql"].replace(">13.44", ">1344", 1), "thresholds": {"Info": "0"}}
    customer.double.put("alarm_rules", PAGE, {**rule, "alarm_rule_enable": False})
    (step,) = customer.steps()
    assert (step["action"], step["name"]) == ("update", PAGE)
    assert step["reason"] == "somebody changed it in the account"
    found = {one["field"]: (one["is_now"], one["should_be"]) for one in step["changes"]}
    assert found.keys() == {"enabled", "promql", "severity"}
    assert found["enabled"] == (False, True)
    assert found["severity"] == ("Info", "Critical")
    shown = customer.run("deployed")
    assert shown.code == 3
    assert '    severity: "Info" → "Critical"' in shown.stdout
    assert "> 1344 and" in shown.stdout
    assert content(customer.applied()) == before


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        ("action_rules", {"time_zone": "UTC"}, "time_zone"),
        ("mute_rules", {"timezone": "UTC"}, "time_zone"),
        ("templates", {"templates": "[]"}, "templates"),
        ("topics", {"access_policy": ""}, "publishers"),
        ("log_groups", {"ttl_in_days": 1}, "retention_days"),
        ("log_streams", {"ttl_in_days": 1}, "retention_days"),
        ("log_indexes", {"fields": []}, "fields"),
        ("log_alarms", {"keywords_alarm_level": "INFO"}, "severity"),
    ],
)
def test_what_was_changed_by_hand_is_shown_and_mended_whatever_it_is(
    customer: Customer, kind: str, change: dict[str, Any], field: str
) -> None:
    held = customer.applied()
    key, row = next(iter(held[kind].items()))
    customer.double.put(kind, key, {**row, **change})
    (step,) = customer.steps()
    assert (step["action"], [one["field"] for one in step["changes"]]) == ("update", [field])
    customer.applied()
    assert customer.steps() == []


def test_a_changed_deployment_changes_what_it_should_and_says_why(customer: Customer) -> None:
    customer.applied()
    customer.write(locale="en-us")
    steps = customer.steps()
    assert {(one["kind"], one["reason"]) for one in steps} == {
        ("action rule", "the catalogue or the deployment file says something else")
    }
    assert {change["field"] for one in steps for change in one["changes"]} == {"template"}


def test_another_secret_of_a_robot_is_another_subscription_though_it_is_never_read_back(customer: Customer) -> None:
    held = customer.applied()
    customer.environment["LETTA_SLO_DINGTALK_SECRET"] = "SEC-another"
    (step,) = customer.steps()
    assert (step["kind"], step["action"]) == ("subscription", "update")
    now = customer.applied()
    assert customer.steps() == []
    assert len(now["subscriptions"]) == len(held["subscriptions"])
    sent = [row["sent_extension"].get("sign_secret") for row in now["subscriptions"].values()]
    assert "SEC-another" in sent


@pytest.mark.parametrize("done_writes", [0, 14, 30])
@pytest.mark.parametrize("is_last_done", [False, True], ids=["not done", "done unseen"])
def test_when_the_service_goes_away_the_rest_is_named_and_a_second_apply_does_it(
    whole: dict[str, Any], customer: Customer, done_writes: int, is_last_done: bool
) -> None:
    customer.double.fail(gone_after=done_writes, is_last_done=is_last_done)
    done = customer.run("apply", "--confirm")
    assert done.code == 5, done.output
    assert "not done: create " in done.stderr
    assert "not begun: create log alarm letta_slo_log_server_traceback" in done.stderr
    assert "the same command again does the rest" in done.stderr
    customer.double.come_back()
    assert content(customer.applied()) == whole
    assert customer.steps() == []


def test_an_apply_that_is_killed_is_finished_by_the_next(whole: dict[str, Any], customer: Customer) -> None:
    command = [COMMAND, "apply", "aom", "--deployment", str(customer.file), "--confirm"]
    process = subprocess.Popen(command, env={**os.environ, **customer.environment}, stdout=subprocess.DEVNULL)
    try:
        eventually(lambda: len(customer.double.held()["alarm_rules"]) >= 5, 90)
    finally:
        process.kill()
        process.wait()
    assert len(customer.double.held()["alarm_rules"]) < len(whole["alarm_rules"])
    assert content(customer.applied()) == whole
    assert customer.steps() == []


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("HUAWEICLOUD_SDK_SK", "a-wrong-secret", "answered 401 APIGW.0301"),
        ("HUAWEICLOUD_SDK_AK", "UNKNOWNKEY", "answered 401 APIGW.0301"),
        ("HUAWEICLOUD_SDK_SK", "", "set HUAWEICLOUD_SDK_SK in the environment"),
    ],
)
def test_with_a_wrong_key_nothing_is_written_and_the_exit_code_is_2(
    customer: Customer, variable: str, value: str, said: str
) -> None:
    done = customer.run("apply", "--confirm", **{variable: value})
    assert done.code == 2
    assert said in done.stderr
    assert "a-wrong-secret" not in done.output
    held = customer.double.held()
    assert writes(held) == []
    assert not any(content(held).values())


def test_a_project_of_another_account_is_refused(customer: Customer) -> None:
    customer.write(project_id="f" * 32)
    done = customer.run("plan")
    assert (done.code, "answered 403" in done.stderr) == (2, True)


def test_the_command_itself_ends_with_the_code_and_one_line(customer: Customer) -> None:
    command = [COMMAND, "plan", "aom", "--deployment", str(customer.file)]
    env = {**os.environ, **customer.environment, "HUAWEICLOUD_SDK_SK": "a-wrong-secret"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("letta-slo: lts list_log_groups: answered 401 APIGW.0301")
    assert done.stderr.count("\n") == 1


def test_an_address_where_nobody_is_ends_with_5(customer: Customer) -> None:
    done = customer.run("plan", LETTA_SLO_SMN_ENDPOINT="http://127.0.0.1:9")
    assert done.code == 5
    assert "smn list_topics: http://127.0.0.1:9" in done.stderr


def test_no_secret_stands_in_any_output_and_none_in_what_can_be_read_back(customer: Customer) -> None:
    customer.double.fail(gone_after=9)
    printed = customer.run("apply", "--confirm").output
    customer.double.come_back()
    printed += customer.run("plan").output + customer.run("plan", "--format", "json").output
    printed += customer.run("apply", "--confirm").output + customer.run("deployed").output
    printed += customer.run("destroy", "--confirm").output
    secrets = [*SECRETS.values(), ACCOUNT.secret_key]
    assert [one for one in secrets if one in printed or one[-16:] in printed] == []
    assert "(${LETTA_SLO_WECOM_ROBOT})" in printed


@pytest.mark.parametrize("fault", [{"throttled": 3}, {"broken": 2}])
def test_calls_that_are_put_off_or_fail_for_a_moment_are_made_again(customer: Customer, fault: dict[str, int]) -> None:
    customer.double.fail(**fault)
    customer.applied()
    assert customer.steps() == []


def test_our_rules_are_found_among_hundreds_of_others(customer: Customer) -> None:
    for number in range(257):
        name = f"letta_rule_{number:03}"  # in the order of names all before ours
        customer.double.put("alarm_rules", name, foreign_rule(name))
    held = customer.applied()
    assert len(held["alarm_rules"]) > 257
    assert customer.steps() == []
    assert customer.run("destroy", "--confirm").code == 0
    assert len(customer.double.held()["alarm_rules"]) == 257


def test_without_an_objective_its_alarms_go_and_all_else_stays(customer: Customer, tmp_path: Path) -> None:
    before = customer.applied()
    catalogue = catalogue_without(tmp_path / "catalogue", "bridge-success")
    steps = customer.steps("--catalog", str(catalogue))
    gone = {f"letta_slo_bridge_success_{one}" for one in ("SloErrorBudgetBurn_page", "SloErrorBudgetBurn_ticket")}
    gone |= {f"letta_slo_bridge_success_{one}_ticket" for one in ("SloCountsImpossible", "SloWithoutData")}
    assert {(one["action"], one["name"]) for one in steps} == {("delete", name) for name in gone}
    after = customer.applied("--catalog", str(catalogue))
    assert before["alarm_rules"].keys() - after["alarm_rules"].keys() == gone
    assert {**content(before), "alarm_rules": 0} == {**content(after), "alarm_rules": 0}


def test_two_deployments_with_prefixes_that_begin_alike_leave_each_other_alone(
    customer: Customer, tmp_path: Path
) -> None:
    first = content(customer.applied())
    (tmp_path / "second").mkdir()
    second = Customer(customer.double, tmp_path / "second")
    second.write(prefix="letta_slo_b")
    second.applied()
    assert (customer.steps(), second.steps()) == ([], [])
    assert customer.run("destroy", "--confirm", "--with-logs").code == 0
    assert second.steps() == []
    assert second.run("destroy", "--confirm", "--with-logs").code == 0
    assert content(customer.applied()) == first


def test_destroy_keeps_logs_until_they_are_named_and_what_others_need(customer: Customer) -> None:
    held = customer.applied()
    (urn,) = [one for one in held["topics"] if one.endswith(":letta_slo_page")]
    theirs = {"topic_urn": urn, "subscription_urn": "theirs", "protocol": "email", "endpoint": "a@b.c", "status": 1}
    customer.double.put("subscriptions", "theirs", theirs)
    done = customer.run("destroy", "--confirm")
    assert done.code == 0, done.output
    assert "= keep topic letta_slo_page" in done.stdout
    assert "needs it, and not ours: remove that by hand first" in done.stdout
    left = customer.double.held()
    assert list(left["subscriptions"]) == ["theirs"]
    assert list(left["topics"]) == [urn]
    assert left["log_groups"] == held["log_groups"]
    assert left["log_streams"] == held["log_streams"]
    assert customer.run("destroy", "--confirm", "--with-logs").code == 0
    assert customer.double.held()["log_groups"] == {}


def test_streams_that_are_no_longer_wanted_are_kept_with_their_logs(customer: Customer) -> None:
    held = customer.applied()
    customer.write(logs=None, log_alarms=None)
    assert {one["action"] for one in customer.steps()} == {"keep", "delete"}
    assert customer.applied()["log_streams"] == held["log_streams"]


def test_deployed_says_who_has_not_confirmed_and_is_content_when_all_have(customer: Customer) -> None:
    customer.applied()
    done = customer.run("deployed")
    assert done.code == 3
    assert done.stdout.count("has not confirmed it, and is told nothing") == 2  # the SMS and the e-mail
    confirm_subscriptions(customer.double)
    assert customer.run("deployed").code == 0


def test_the_test_event_arrives_and_is_cleared(customer: Customer) -> None:
    customer.applied()
    confirm_subscriptions(customer.double)
    done = customer.run("deployed", "--notify")
    assert done.code == 0, done.output
    assert "arrived; told by the action rule letta_slo_page" in done.stderr
    (event,) = customer.double.held()["events"]
    assert event["is_cleared"]
    assert event["metadata"]["event_severity"] == "Info"


def test_alarms_of_a_platform_of_ones_own_take_the_place_of_the_shipped_ones(
    customer: Customer, tmp_path: Path
) -> None:
    held = customer.applied()
    folder = tmp_path / "alarms"
    folder.mkdir()
    shipped = ROOT / "alerts" / "platform" / "redis.yaml"
    (folder / "redis.yaml").write_text(shipped.read_text())
    steps = customer.steps("--alarms", str(folder))
    gone = {one["name"] for one in steps if one["action"] == "delete"}
    assert len(steps) == len(gone)
    assert "letta_slo_host_HostCpuHigh_ticket" in gone
    assert not [one for one in gone if "_redis_" in one]
    assert gone < held["alarm_rules"].keys()
