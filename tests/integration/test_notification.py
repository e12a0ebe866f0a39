"""A real Alertmanager with our configuration, our receiver, and stand-ins of what reaches people."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from letta_slo import exit_codes
from testbed.alertmanager_server import AlertmanagerServer
from testbed.notification.accounts import ACCOUNT
from testbed.notification.stand_ins import StandIns
from testbed.ports import free_port
from tests.notification_rig import (
    ALWAYS,
    COMMAND,
    KEYS,
    Rig,
    amtool,
    kept,
    needs_alertmanager,
    receiving,
    rendered,
    rig,
    settings,
)
from tests.processes import eventually

pytestmark = [needs_alertmanager, pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(180)]
FIRST = "Look at slo:burn_rate:rate5m"
SECRETS = (
    ACCOUNT.dingtalk_token,
    ACCOUNT.dingtalk_secret,
    ACCOUNT.wecom_key,
    ACCOUNT.secret_key,
    ACCOUNT.smtp_password,
    ACCOUNT.watchdog_token,
    "made-up-receiver-token",
)


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIns]:
    with StandIns(tmp_path_factory.mktemp("stand-ins")) as made:
        yield made


@pytest.fixture
def unasked(tmp_path: Path) -> Iterator[StandIns]:
    """Stand-ins that nobody has written to yet: what they took before counts for their limits."""
    with StandIns(tmp_path / "unasked") as made:
        yield made


@pytest.fixture(scope="module")
def running(stand_ins: StandIns, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("rig")
    with rig(settings(stand_ins, folder, free_port()), folder) as made:
        yield made


@pytest.fixture(autouse=True)
def clean(stand_ins: StandIns) -> Iterator[None]:
    stand_ins.heal()
    stand_ins.clear()
    yield
    stand_ins.heal()


def alert(slo: str, severity: str = "page", name: str = "SloErrorBudgetBurn", **labels: str) -> dict[str, Any]:
    """An alert as the rules make it."""
    return {
        "labels": {"alertname": name, "severity": severity, "service": "letta-bridge", "slo": slo} | labels,
        "annotations": {
            "summary": f"{slo}: the error budget burns 27.8 times faster than it may",
            "description": f"Requests to {slo}. At the rate of the last hour what is left lasts for 1d 2h.",
            "runbook_url": "https://runbooks.example/error-budget-burn.md",
            "dashboard_url": f"https://grafana.example/d/letta-slo-objective?var-slo={slo}",
        },
    }


def told(stand_ins: StandIns, slo: str, channel: str = "", word: str = "") -> list[dict[str, Any]]:
    """What a channel took about an objective; with a word, only what has it."""
    found = [one for one in stand_ins.messages(channel) if slo in one["text"] + one.get("title", "")]
    return [one for one in found if word in one["text"] + one.get("title", "")]


CHANNELS = ("dingtalk", "wecom", "smn", "email")


def test_a_page_reaches_four_channels_with_what_a_person_needs_and_so_does_its_end(
    running: Rig, stand_ins: StandIns
) -> None:
    burning = alert("four-channels")
    running.alertmanager.fire(burning)
    eventually(lambda: all(told(stand_ins, "four-channels", one) for one in CHANNELS))
    for channel in CHANNELS:
        (message,) = told(stand_ins, "four-channels", channel)
        assert "PAGE" in message["text"] + message.get("title", "")
        for needed in ("burns 27.8 times", "lasts for 1d 2h", FIRST, "https://runbooks.example/error-budget-burn.md"):
            assert needed in message["text"], (channel, needed)
    running.alertmanager.resolve(burning)
    eventually(lambda: all(told(stand_ins, "four-channels", one, "RESOLVED") for one in CHANNELS))
    assert [len(told(stand_ins, "four-channels", one)) for one in CHANNELS] == [2, 2, 2, 2]
    (mail,) = told(stand_ins, "four-channels", "email", "RESOLVED")
    assert "<h3>four-channels: the error budget burns" in mail["html"]


def test_a_channel_that_was_down_gets_it_later_and_the_others_get_it_once(running: Rig, stand_ins: StandIns) -> None:
    stand_ins.fail("dingtalk")
    stand_ins.take_mail_down()
    running.alertmanager.fire(alert("down-for-a-while"))
    eventually(lambda: told(stand_ins, "down-for-a-while", "wecom") and told(stand_ins, "down-for-a-while", "smn"))
    eventually(lambda: running.counted("letta_slo_receiver_failures_total", channel="ding", reason="http") >= 2)
    assert not told(stand_ins, "down-for-a-while", "dingtalk")
    stand_ins.heal()
    eventually(lambda: all(told(stand_ins, "down-for-a-while", one) for one in CHANNELS))
    running.alertmanager.resolve(alert("down-for-a-while"))
    eventually(lambda: all(told(stand_ins, "down-for-a-while", one, "RESOLVED") for one in CHANNELS))
    assert [len(told(stand_ins, "down-for-a-while", one)) for one in CHANNELS] == [2, 2, 2, 2]


def test_a_page_keeps_the_ticket_of_the_same_objective_silent_and_no_other(running: Rig, stand_ins: StandIns) -> None:
    running.alertmanager.fire(alert("inhibited"))
    eventually(lambda: told(stand_ins, "inhibited", "dingtalk", "PAGE"))
    running.alertmanager.fire(
        alert("inhibited", "ticket"), alert("another", "ticket"), alert("inhibited", "ticket", "SloWithoutData")
    )
    eventually(lambda: told(stand_ins, "another", "dingtalk", "TICKET"))
    eventually(lambda: told(stand_ins, "inhibited", "dingtalk", "TICKET"))
    (ticket,) = told(stand_ins, "inhibited", "dingtalk", "TICKET")
    assert "Is the process up" in ticket["text"]  # of SloWithoutData: that data is missing is not explained by a page
    (state,) = [
        one["status"]["state"]
        for one in running.alertmanager.alerts()
        if one["labels"]["slo"] == "inhibited"
        and one["labels"]["severity"] == "ticket"
        and one["labels"]["alertname"] == "SloErrorBudgetBurn"
    ]
    assert state == "suppressed"


def test_letta_down_keeps_silent_what_burns_because_of_it_and_the_fallback_is_still_told(
    running: Rig, stand_ins: StandIns
) -> None:
    down = alert("", name="LettaDown", component="letta")
    down["annotations"]["summary"] = "Letta does not answer"
    running.alertmanager.fire(down)
    eventually(lambda: told(stand_ins, "Letta does not answer", "smn"))
    running.alertmanager.fire(
        alert("bridge-answered-by-letta"), alert("letta-message-latency", service="letta-api"), alert("bridge-fallback")
    )
    eventually(lambda: told(stand_ins, "bridge-fallback", "smn"))
    states = {one["labels"].get("slo"): one["status"]["state"] for one in running.alertmanager.alerts()}
    assert states["bridge-answered-by-letta"] == states["letta-message-latency"] == "suppressed"
    assert states["bridge-fallback"] == "active"
    assert not told(stand_ins, "bridge-answered-by-letta") and not told(stand_ins, "letta-message-latency")
    running.alertmanager.resolve(down)


def test_a_part_that_is_down_keeps_silent_its_own_other_alarms_alone(running: Rig, stand_ins: StandIns) -> None:
    def alarm(name: str, instance: str, severity: str = "ticket") -> dict[str, Any]:
        return alert(f"{name} at {instance}", severity, name, component="redis", instance=instance)

    down = alarm("RedisDown", "a", "page")
    running.alertmanager.fire(down)
    eventually(lambda: told(stand_ins, "RedisDown at a", "smn"))
    running.alertmanager.fire(alarm("RedisMemoryHigh", "a"), alarm("RedisMemoryHigh", "b"))
    eventually(lambda: told(stand_ins, "RedisMemoryHigh at b", "dingtalk"))
    assert not told(stand_ins, "RedisMemoryHigh at a")
    running.alertmanager.resolve(down)


def test_a_silence_by_amtool_holds_back_what_it_names(running: Rig, stand_ins: StandIns) -> None:
    flags = ["--alertmanager.url", running.alertmanager.url, "--author=me", "--comment=planned", "--duration=1h"]
    made = amtool("silence", "add", *flags, "slo=silenced")
    assert made.returncode == 0, made.stderr
    running.alertmanager.fire(alert("silenced"), alert("not-silenced"))
    eventually(lambda: told(stand_ins, "not-silenced", "email"))
    assert not told(stand_ins, ": silenced:") and not [
        one for one in stand_ins.messages() if re.search(r"(?<!not-)silenced:", one["text"])
    ]


def test_the_dead_man_calls_the_watchdog_again_and_again(running: Rig, stand_ins: StandIns) -> None:
    beat = {"labels": {"alertname": "DeadMan", "severity": "none", "service": "monitoring"}, "annotations": {}}
    running.alertmanager.fire(beat)
    eventually(lambda: len(stand_ins.messages("watchdog")) >= 3)
    assert not told(stand_ins, "DeadMan", "dingtalk")
    running.alertmanager.resolve(beat)


def test_a_robot_with_a_limit_gets_forty_alerts_in_few_messages_and_none_is_lost(
    unasked: StandIns, tmp_path: Path
) -> None:
    unasked.limit(3, 60.0)
    given = settings(unasked, tmp_path, free_port())
    given["channels"]["ding"]["a_minute"] = 3
    given["routes"] = {"page": ["ding"], "ticket": ["ding"]}
    names = [f"burst-{number:02}" for number in range(40)]
    with rig(given, tmp_path) as made:
        made.alertmanager.fire(alert(names[0]))
        eventually(lambda: told(unasked, names[0], "dingtalk"))  # so that the next message has to wait
        made.alertmanager.fire(*(alert(name) for name in names[1:]))
        eventually(lambda: all(told(unasked, name, "dingtalk") for name in names), 90)
        assert {len(told(unasked, name, "dingtalk")) for name in names} == {1}
        assert len(unasked.messages("dingtalk")) <= 3
        assert unasked.refused("dingtalk") == 0
        assert made.counted("letta_slo_receiver_notifications_total", channel="ding", outcome="later") >= 1


def test_a_robot_that_says_too_fast_is_asked_again_later_and_none_is_lost(unasked: StandIns, tmp_path: Path) -> None:
    unasked.limit(1, 4.0)  # somebody else uses the robot too, say: it allows less than we were told
    given = settings(unasked, tmp_path, free_port())
    given["channels"]["wecom"]["a_minute"] = 60
    given["routes"] = {"page": ["wecom"], "ticket": ["wecom"]}
    names = [f"refused-{number:02}" for number in range(12)]
    with rig(given, tmp_path) as made:
        made.alertmanager.fire(alert(names[0]))
        eventually(lambda: told(unasked, names[0], "wecom"))
        made.alertmanager.fire(*(alert(name) for name in names[1:]))
        eventually(lambda: all(told(unasked, name, "wecom") for name in names), 90)
        assert {len(told(unasked, name, "wecom")) for name in names} == {1}
        assert unasked.refused("wecom") >= 1
        assert made.counted("letta_slo_receiver_failures_total", channel="wecom", reason="too_fast") >= 1


def test_a_wrong_secret_shows_in_metrics_and_log_and_no_secret_does(stand_ins: StandIns, tmp_path: Path) -> None:
    given = settings(stand_ins, tmp_path, free_port())
    kept(tmp_path, "dingtalk.secret", "SECnot-the-right-one")
    with rig(given, tmp_path) as made:
        made.alertmanager.fire(alert("wrong-secret"))
        eventually(lambda: made.counted("letta_slo_receiver_failures_total", channel="ding", reason="refused") >= 1)
        eventually(lambda: told(stand_ins, "wrong-secret", "email"))
        log = made.receiver_log.read_text()
        assert "ding: not delivered, refused: errcode 310000: sign not match" in log
        kept(tmp_path, "dingtalk.secret", ACCOUNT.dingtalk_secret)
        assert [secret for secret in (*SECRETS, "SECnot-the-right-one") if secret in log] == []
        assert 'integration="webhook"' in made.alertmanager.metrics()


def test_a_maintenance_mutes_its_service_alone_and_tickets_alone_wait_for_working_hours(
    stand_ins: StandIns, tmp_path: Path
) -> None:
    window = {"name": "now", **ALWAYS, "services": ["letta-bridge"]}
    given = settings(stand_ins, tmp_path, free_port(), maintenance=[window])
    another_day = (datetime.now(UTC) + timedelta(days=3)).strftime("%A").lower()
    given["working_hours"] = {**ALWAYS, "weekdays": another_day}
    with rig(given, tmp_path) as made:
        made.alertmanager.fire(
            alert("muted"),
            alert("heard", service="letta-api"),
            alert("waits", "ticket", service="letta-api"),
            alert("foreign", "critical", service="letta-api"),
        )
        eventually(lambda: told(stand_ins, "heard", "email"))
        eventually(lambda: told(stand_ins, "foreign", "dingtalk"))
        log = (tmp_path / "logs" / "alertmanager.log").read_text
        eventually(lambda: "Notifications not sent, route is within mute time" in log())
        eventually(lambda: "Notifications not sent, route is not within active time" in log())
        assert not told(stand_ins, "muted") and not told(stand_ins, "waits")


def test_a_wecom_application_is_told_by_the_alertmanager_itself(stand_ins: StandIns, tmp_path: Path) -> None:
    given = settings(stand_ins, tmp_path, free_port(), alertmanager="0.31", language="zh")
    given["channels"]["app"] = {
        "kind": "wecom_application",
        "corp_id": ACCOUNT.corp_id,
        "agent_id": ACCOUNT.agent_id,
        "secret_file": kept(tmp_path, "wecom.secret", ACCOUNT.corp_secret),
        "to_party": "7",
        "api_url": f"{stand_ins.url}/cgi-bin/",
    }
    given["routes"] = {"page": ["app", "mail"], "ticket": ["mail"]}
    file = rendered(given, tmp_path)
    # Debian's Alertmanager is older than the option for a file, so here the made-up secret stands in its place.
    inline = file.read_text().replace(f"api_secret_file: {tmp_path}/wecom.secret", f"api_secret: {ACCOUNT.corp_secret}")
    assert inline != file.read_text()
    file.write_text(inline)
    with AlertmanagerServer(tmp_path / "logs", file) as alertmanager:
        alertmanager.fire(alert("application"))
        eventually(lambda: told(stand_ins, "application", "wecom_application"))
        (message,) = told(stand_ins, "application", "wecom_application")
        assert message["to"] == "7"
        for needed in ("紧急告警", "错误预算消耗过快：application", "lasts for 1d 2h", "先做: 先看从何时开始"):
            assert needed in message["text"]
        eventually(lambda: told(stand_ins, "application", "email", "紧急告警"))
        alertmanager.resolve(alert("application"))
        eventually(lambda: told(stand_ins, "application", "wecom_application", "已恢复"))


def test_try_tells_of_each_channel_whether_it_took_a_message(stand_ins: StandIns, tmp_path: Path) -> None:
    given = settings(stand_ins, tmp_path, free_port())
    (tmp_path / "notification.yaml").write_text(yaml.safe_dump(given))
    command = [COMMAND, "receiver", "--settings", str(tmp_path / "notification.yaml"), "--try"]
    environ = {**os.environ, **KEYS}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert (done.returncode, done.stderr) == (exit_codes.MET, "")
    assert done.stdout.splitlines() == [f"{name}: took the message" for name in ("ding", "sms", "watchdog", "wecom")]
    assert "nothing is wrong" in stand_ins.messages("smn")[-1]["text"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**environ, "HUAWEICLOUD_SDK_SK": "wrong-secret-key"}
    )
    assert done.returncode == exit_codes.MISSED
    assert "sms: refused: HTTP 401 APIGW.0301" in done.stderr and "wrong-secret-key" not in done.stderr


def test_a_stopped_receiver_has_ended_well_and_what_it_did_not_take_comes_when_it_is_back(
    stand_ins: StandIns, tmp_path: Path
) -> None:
    given = settings(stand_ins, tmp_path, free_port())
    given["routes"] = {"page": ["ding"], "ticket": ["ding"]}
    with AlertmanagerServer(tmp_path / "logs", rendered(given, tmp_path)) as alertmanager:
        alertmanager.fire(alert("nobody-listens"))
        log = (tmp_path / "logs" / "alertmanager.log").read_text
        eventually(lambda: "connection refused" in log())
        with receiving(given, tmp_path):
            eventually(lambda: told(stand_ins, "nobody-listens", "dingtalk"))
    assert len(told(stand_ins, "nobody-listens", "dingtalk")) == 1
