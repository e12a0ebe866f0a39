"""What should be in an account: names, texts and tags in AOM's alphabet, bodies that read back as they were meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from alerts.aom import aom_bodies as bodies
from alerts.aom.alarms import is_told
from alerts.aom.deployment import Deployment
from alerts.aom.desired import desired
from alerts.aom.errors import DeploymentError
from alerts.aom.reading import load as read
from alerts.aom.resource import Kind, Mark, Resource, changes, without_mark
from alerts.aom.texts import LOCALES, message_template, plain, plain_sentences, word
from alerts.links import Links
from alerts.rendering import every_group
from slo.catalog import load
from tests.aom_account import EXAMPLE, SECRETS

LINKS = Links("https://git.example/runbooks", "https://grafana.example")
GROUPS = every_group(load(), LINKS)
ALERTS = [rule for group in GROUPS for rule in group["rules"] if is_told(rule)]
DEPLOYMENT = read(EXAMPLE, SECRETS)
PAGE = "letta_slo_letta_api_availability_SloErrorBudgetBurn_page"


def wanted(deployment: Deployment = DEPLOYMENT, groups: list[dict[str, Any]] = GROUPS) -> list[Resource]:
    return desired(groups, deployment, LINKS)


def of(kind: Kind, deployment: Deployment = DEPLOYMENT) -> list[Resource]:
    return [one for one in wanted(deployment) if one.kind is kind]


def platform_alert(**labels: str) -> dict[str, Any]:
    return {
        "alert": "HostCpuHigh",
        "expr": 'max by (instance) (cpu{instance=~"a:1|b:1"}) > 0.7',
        "for": "1h30m",
        "labels": {"component": "host", "service": "letta-api", "severity": "page", **labels},
        "annotations": {
            "summary": "CPU of {{ $labels.instance }} is {{ $value | humanizePercentage }}",
            "description": "It is {{ $value }}. Look at {{ $labels.instance }}. Nothing else.",
            "runbook_url": "https://git.example/runbooks/host-cpu.md",
        },
    }


def test_every_alert_becomes_one_rule_with_its_severity_and_whom_it_reaches() -> None:
    rules = of(Kind.ALARM_RULE)
    assert len(rules) == len(ALERTS)
    pages = [one for one in rules if one.form["severity"] == "Critical"]
    assert {one.form["action_rule"] for one in pages} == {"letta_slo_page"}
    assert {one.form["action_rule"] for one in rules if one not in pages} == {"letta_slo_ticket"}
    assert len(pages) == len([one for one in ALERTS if one["labels"]["severity"] == "page"])


def test_the_dead_man_becomes_no_rule() -> None:
    left_out = {one["alert"] for group in GROUPS for one in group["rules"] if "alert" in one and not is_told(one)}
    assert left_out == {"DeadMan"}


def test_an_alert_that_is_kept_firing_clears_as_late_as_aom_can() -> None:
    kept = platform_alert() | {"keep_firing_for": "10m"}
    (rule,) = [one for one in wanted(groups=[{"name": "g", "rules": [kept]}]) if one.kind is Kind.ALARM_RULE]
    assert rule.form["recovers_after"] == 3


def test_a_rule_says_what_burns_how_fast_and_what_to_do() -> None:
    (rule,) = [one for one in of(Kind.ALARM_RULE) if one.name == PAGE]
    text = rule.form["description"]
    assert text.startswith("Letta API availability: the error budget burns faster than it may. ")
    assert "2% of the budget within 1h or 5% of the budget within 6h" in text
    assert "Runbook: https://git.example/runbooks/error-budget-burn.md" in text
    assert "{{" not in text
    assert rule.form["annotations"] == [
        "fires_when=budget_spent_2_percent_within_1h_or_5_percent_within_6h",
        "runbook=error_budget_burn",
    ]
    assert rule.form["tags"] == [
        "alert=SloErrorBudgetBurn",
        "letta_slo=letta_slo",
        "service=letta_api",
        "severity=page",
        "slo=letta_api_availability",
    ]


def test_names_tags_and_annotations_keep_to_the_alphabet_of_aom() -> None:
    for one in of(Kind.ALARM_RULE):
        assert re.fullmatch(r"[A-Za-z]\w{0,99}", one.name, re.ASCII)
        for text in (*one.form["tags"], *one.form["annotations"]):
            assert re.fullmatch(r"[A-Za-z0-9_]+=[A-Za-z0-9_]+", text)


def test_an_alarm_of_the_platform_is_named_by_its_component_and_loses_prometheus_templates() -> None:
    group = {"name": "platform", "rules": [platform_alert()]}
    (rule,) = [one for one in wanted(groups=[group]) if one.kind is Kind.ALARM_RULE]
    assert rule.name == "letta_slo_host_HostCpuHigh_page"
    assert rule.form["description"] == (
        "CPU of <instance> is. Look at <instance>. Nothing else. Runbook: https://git.example/runbooks/host-cpu.md"
    )
    assert rule.form["held_for_s"] == 5400
    assert rule.sent["promql"] == 'max by (instance) (cpu{instance=~"a:1|b:1"}) > 0.7'


def test_two_alerts_that_would_be_one_rule_are_refused() -> None:
    group = {"name": "platform", "rules": [platform_alert(), platform_alert(service="letta-bridge")]}
    with pytest.raises(DeploymentError, match="two alerts would be the one alarm rule letta_slo_host_HostCpuHigh_page"):
        wanted(groups=[group])


def test_more_labels_than_aom_has_tags_are_refused() -> None:
    group = {"name": "platform", "rules": [platform_alert(**{f"label{number}": "x" for number in range(9)})]}
    with pytest.raises(DeploymentError, match="HostCpuHigh: 14 labels, and AOM takes 10 tags"):
        wanted(groups=[group])


def test_a_severity_that_reaches_nobody_is_refused() -> None:
    nobody = replace(DEPLOYMENT, channels=(DEPLOYMENT.channels[0], ("ticket", ())))
    with pytest.raises(DeploymentError, match=r"channels\.ticket: nobody is there"):
        wanted(nobody)


def test_plain_descriptions_have_neither_links_nor_what_aom_may_refuse() -> None:
    for one in of(Kind.ALARM_RULE, replace(DEPLOYMENT, has_plain_descriptions=True)):
        assert re.fullmatch(r"[\w\-<>=,. ]+", one.form["description"])
        assert "http" not in one.form["description"] or "http_" in one.form["description"]


def test_an_instance_that_is_named_is_compared_and_the_default_one_is_not() -> None:
    assert not any("prom_instance_id" in one.form for one in of(Kind.ALARM_RULE))
    (rule, *_) = of(Kind.ALARM_RULE, replace(DEPLOYMENT, prom_instance_id="90e7c188"))
    assert rule.form["prom_instance_id"] == "90e7c188"
    body = bodies.alarm_rule_body(rule, Mark("letta_slo", rule.sha))
    assert body["prom_instance_id"] == "90e7c188"


def test_recorded_expressions_are_left_as_they_are() -> None:
    (rule,) = [one for one in of(Kind.ALARM_RULE, replace(DEPLOYMENT, is_recorded=True)) if one.name == PAGE]
    assert 'slo:burn_rate:rate1h{slo="letta-api-availability"} > 13.44' in rule.sent["promql"]


def test_maintenance_mutes_our_alarms_only_and_where_asked_those_of_a_service() -> None:
    every, bridge = of(Kind.MUTE_RULE)
    ours = {"key": "letta_slo", "operate": "EQUALS", "value": ["letta_slo"]}
    assert every.form["match"] == [[ours]]
    assert bridge.form["match"] == [[ours, {"key": "service", "operate": "EQUALS", "value": ["letta_bridge"]}]]


@pytest.mark.parametrize("locale", LOCALES)
def test_messages_say_what_burns_how_fast_and_what_to_do_on_each_channel(locale: str) -> None:
    made = message_template(locale, LINKS.runbooks, LINKS.grafana)
    assert [one["subType"] for one in made] == ["dingding", "email", "sms", "wechat"]
    for one in made:
        assert "${event_name_alias}" in one["content"]
        assert "$event.annotations.fires_when" in one["content"]
        assert "https://git.example/runbooks" in one["content"]
    (sms,) = [one["content"] for one in made if one["subType"] == "sms"]
    assert len(sms) < 490
    assert not set("[]【】") & set(sms)


def read_back(one: Resource, mark: Mark) -> Mapping[str, Any]:
    urns = {name: f"urn:smn:r:p:{name}" for name in ("letta_slo_page", "letta_slo_ticket")}
    way: dict[Kind, Callable[[], Mapping[str, Any]]] = {
        Kind.ALARM_RULE: lambda: bodies.alarm_rule_form(bodies.alarm_rule_body(one, mark)),
        Kind.ACTION_RULE: lambda: bodies.action_rule_form(bodies.action_rule_body(one, mark, "p", urns)),
        Kind.TEMPLATE: lambda: bodies.template_form(bodies.template_body(one, mark)),
        Kind.MUTE_RULE: lambda: bodies.mute_rule_form(bodies.mute_rule_body(one, mark)),
    }
    return way[one.kind]()


@pytest.mark.parametrize("kind", [Kind.ALARM_RULE, Kind.ACTION_RULE, Kind.TEMPLATE, Kind.MUTE_RULE])
def test_what_is_written_reads_back_as_it_was_meant(kind: Kind) -> None:
    found = of(kind)
    assert found
    for one in found:
        found_form = read_back(one, Mark("letta_slo", one.sha))
        assert changes(found_form, one.form) == []


def test_a_mark_is_found_in_its_text_and_can_be_taken_out_of_it() -> None:
    mark = Mark("letta_slo", "0123456789abcdef")
    text = f"Who is told of a page {mark}"
    assert Mark.of(text) == mark
    assert without_mark(text) == "Who is told of a page"
    assert Mark.of("managed by letta_slo prefix x sha 12") is None
    # An action rule's description takes letters, digits, _, * and spaces, and no _ at its ends.
    assert re.fullmatch(r"[A-Za-z0-9_* ]+", text)
    assert len(f"to={'0' * 12} {Mark('x' * 24, mark.sha)}".encode()) <= 128  # the remark of a subscription


def test_texts_of_prometheus_become_texts_without_templates() -> None:
    assert plain("the budget burns {{ $value | humanize }} times faster") == "the budget burns faster"
    assert plain("{{ $labels.instance }} is at {{ $value }} %") == "<instance> is at"
    description = 'One. {{ with query "a{x=\\"b\\"}" }}{{ . | first | value }}{{ else }}none{{ end }} is left. Two.'
    assert plain_sentences(description) == "One. Two."
    assert word("a-b.c/d é") == "a_b_c_d"


def test_a_rule_that_somebody_gave_a_strange_length_is_read_as_far_as_it_goes() -> None:
    body = {"metric_alarm_spec": {"trigger_conditions": [{"promql": "up == 0", "promql_for": "PT5M"}]}}
    assert bodies.alarm_rule_form(body)["held_for_s"] == "PT5M"
