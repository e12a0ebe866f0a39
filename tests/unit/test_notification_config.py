"""The Alertmanager's configuration, by Alertmanager's own tool: it is valid, and each alert goes where it should."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts import names, runbook
from alerts.links import Links
from alerts.notify.reading import EXAMPLE, parse
from alerts.notify.rendering import CONFIG, TEMPLATES, files
from alerts.notify.routes import BECAUSE_OF_LETTA, DEAD_MAN
from alerts.rendering import every_group
from slo.catalog import load
from tests.notification_rig import amtool, needs_alertmanager

TEXT = EXAMPLE.read_text()
APPLICATION = """
  app:
    kind: wecom_application
    corp_id: ww0123456789
    agent_id: "1000002"
    secret_file: /etc/letta-slo/wecom.secret
    to_party: "7"
"""


def config(text: str = TEXT) -> dict[str, Any]:
    made = yaml.safe_load(files(Links(), parse(text, "x.yaml"))[CONFIG])
    assert isinstance(made, dict)
    return made


def written(folder: Path, text: str = TEXT) -> str:
    for name, content in files(Links(), parse(text, "x.yaml")).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content)
    return str(folder / CONFIG)


@needs_alertmanager
@pytest.mark.parametrize("language", ["en", "zh"])
def test_amtool_takes_the_configuration_and_its_templates(tmp_path: Path, language: str) -> None:
    done = amtool("check-config", written(tmp_path, TEXT.replace("language: en", f"language: {language}")))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 templates" in done.stdout


@needs_alertmanager
def test_amtool_refuses_a_planted_fault(tmp_path: Path) -> None:
    file = Path(written(tmp_path))
    file.write_text(file.read_text().replace("receiver: ticket", "receiver: nobody", 1))
    assert amtool("check-config", str(file)).returncode != 0


@needs_alertmanager
@pytest.mark.parametrize(
    ("receiver", "labels"),
    [
        ("page", ["alertname=SloErrorBudgetBurn", "severity=page", "service=letta-bridge", "slo=bridge-success"]),
        ("page", ["alertname=LettaDown", "severity=page", "service=letta-api", "component=letta"]),
        ("ticket", ["alertname=SloErrorBudgetBurn", "severity=ticket", "service=letta-bridge"]),
        ("ticket", ["alertname=SloWithoutData", "severity=ticket", "service=letta-api"]),
        ("dead-man", ["alertname=DeadMan", "severity=none"]),
        ("other", ["alertname=Foreign", "severity=critical"]),
        ("other", ["alertname=WithoutSeverity"]),
    ],
)
def test_an_alert_goes_to_its_receiver(tmp_path: Path, receiver: str, labels: list[str]) -> None:
    flags = [f"--config.file={written(tmp_path)}", f"--verify.receivers={receiver}"]
    done = amtool("config", "routes", "test", *flags, *labels)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_channel_of_the_receiver_is_a_webhook_of_its_own() -> None:
    (page,) = [one for one in config()["receivers"] if one["name"] == "page"]
    assert [one["url"].rpartition("/")[2] for one in page["webhook_configs"]] == ["oncall-sms", "oncall-wecom"]
    assert len(page["email_configs"]) == 1


def test_an_alert_of_unknown_severity_is_told_at_any_time() -> None:
    route = config()["route"]
    assert route["receiver"] == "other" and "active_time_intervals" not in route
    (other,) = [one for one in config()["receivers"] if one["name"] == "other"]
    assert other["webhook_configs"] and other["email_configs"]


def test_tickets_wait_for_working_hours_and_pages_do_not() -> None:
    _, page, ticket = config()["route"]["routes"]
    assert "active_time_intervals" not in page
    assert ticket["active_time_intervals"] == ["working-hours"]
    (working,) = [one for one in config()["time_intervals"] if one["name"] == "working-hours"]
    (time,) = working["time_intervals"]
    assert time["weekdays"] == ["monday:friday"] and time["location"] == "Asia/Shanghai"


def test_a_maintenance_mutes_pages_and_tickets_of_its_service_alone() -> None:
    _, page, ticket = config()["route"]["routes"]
    for route in (page, ticket):
        assert "mute_time_intervals" not in route
        (below,) = route["routes"]
        assert below["matchers"] == ['service="letta-api"']
        assert below["mute_time_intervals"] == ["maintenance-database-window"]
    assert ticket["routes"][0]["active_time_intervals"] == ["working-hours"]  # which a branch does not take over


def test_a_maintenance_of_all_services_mutes_those_with_one_of_their_own_too() -> None:
    more = TEXT + '  - {name: all-of-it, date: 2026-12-24, from: "22:00", to: "24:00"}\n'
    _, page, _ = config(more)["route"]["routes"]
    assert page["mute_time_intervals"] == ["maintenance-all-of-it"]
    assert page["routes"][0]["mute_time_intervals"] == ["maintenance-database-window", "maintenance-all-of-it"]
    (day,) = config(more)["time_intervals"][-1]["time_intervals"]
    assert (day["years"], day["months"], day["days_of_month"]) == (["2026"], ["12"], ["24"])


@needs_alertmanager
@pytest.mark.parametrize("days", ["monday:sunday", "friday:monday", "saturday:sunday", "sunday:saturday", "tuesday"])
def test_days_over_the_end_of_an_alertmanagers_week_are_taken(tmp_path: Path, days: str) -> None:
    done = amtool("check-config", written(tmp_path, TEXT.replace("weekdays: sunday", f"weekdays: {days}")))
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_absence_of_data_keeps_nothing_silent() -> None:
    sources = [matcher for one in config()["inhibit_rules"] for matcher in one["source_matchers"]]
    assert 'severity="page"' in sources and not any("ticket" in one or names.ABSENT in one for one in sources)


def test_every_alert_of_ours_has_a_route_of_its_own_and_what_routes_name_is_there() -> None:
    rules = [rule for group in every_group(load(), Links()) for rule in group["rules"] if "alert" in rule]
    severities = {rule["alert"]: rule["labels"]["severity"] for rule in rules}
    assert severities.pop(DEAD_MAN) == "none"
    assert set(severities.values()) == {"page", "ticket"}
    down = [rule["labels"] for rule in rules if rule["alert"].endswith("Down") and rule["labels"]["severity"] == "page"]
    assert "letta" in {labels["component"] for labels in down}


def test_what_letta_keeps_silent_are_objectives_and_services_of_the_catalogue() -> None:
    known = {("slo", one.name) for one in load().objectives} | {("service", one.service) for one in load().objectives}
    assert set(BECAUSE_OF_LETTA) <= known
    assert ("slo", "bridge-fallback") not in BECAUSE_OF_LETTA


def test_the_secret_of_a_wecom_application_is_read_from_a_file() -> None:
    newer = TEXT.replace('"0.25"', '"0.31"').replace("\nroutes:", f"{APPLICATION}\nroutes:")
    newer = newer.replace("page: [", "page: [app, ")
    (page,) = [one for one in config(newer)["receivers"] if one["name"] == "page"]
    (application,) = page["wechat_configs"]
    assert application["api_secret_file"] == "/etc/letta-slo/wecom.secret" and "api_secret" not in application


def test_rendering_is_the_same_twice_and_says_who_made_it() -> None:
    assert files(Links()) == files(Links())
    for text in files(Links()).values():
        assert "Generated by `letta-slo render`" in text.splitlines()[0]


def test_the_templates_know_the_first_step_of_every_runbook_in_both_languages() -> None:
    text = files(Links())[TEMPLATES]
    for alert, one in runbook.load().items():
        assert f'"{alert}"' in text
        for words in (one.first, one.first_in_chinese, f"{one.title_in_chinese}："):
            assert json.dumps(words, ensure_ascii=False) in text
