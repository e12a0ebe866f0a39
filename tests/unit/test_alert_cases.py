"""The rendered cases by Prometheus' own test tool: each alert fires when it must, and is silent when it must be."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts import names
from alerts.cases.sampling import sample
from alerts.cases.timeline import course
from alerts.errors import RuleError
from alerts.links import Links
from alerts.platform import load as load_alarms
from alerts.platform import parse
from alerts.rendering import every_group, files
from slo.catalog import load
from tests.promtool import needs_promtool, promtool

pytestmark = [needs_promtool, pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[2]
RENDERED = ROOT / "alerts" / "rendered"
CASES = sorted(str(file.relative_to(RENDERED)) for file in (RENDERED / "prometheus" / "tests").rglob("*.yaml"))


@pytest.mark.parametrize("name", CASES)
def test_the_rendered_cases_hold(name: str) -> None:
    done = promtool("test", "rules", str(RENDERED / name))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_in_which_it_fires_and_one_moment_in_which_it_does_not() -> None:
    asked: dict[str, set[bool]] = {}
    for name in CASES:
        for case in yaml.safe_load((RENDERED / name).read_text())["tests"]:
            for one in case["promql_expr_test"]:
                found = re.search(r'alertname="(\w+)",severity="(\w+)"', one["expr"])
                assert found
                asked.setdefault(f"{found[1]}/{found[2]}", set()).add(bool(one["exp_samples"]))
    there = {
        f"{rule['alert']}/{rule['labels'][names.SEVERITY_LABEL]}"
        for group in every_group(load(), Links())
        for rule in group["rules"]
        if "alert" in rule
    }
    assert set(asked) == there
    assert {name for name, both in asked.items() if both != {True, False}} == {"DeadMan/none"}


@pytest.mark.parametrize(
    ("group", "before", "after"),
    [
        ("platform/host", "> 0.7", "> 0.99"),  # fires too late
        ("platform/redis", "redis_up == 0", "redis_up < 2"),  # fires always
        ("platform/bridge", "for: 5m", "for: 1h"),  # waits too long
        ("platform/stores", "[10m]", "[2h]"),  # does not end in time
    ],
)
def test_a_changed_rule_fails_its_cases(tmp_path: Path, group: str, before: str, after: str) -> None:
    rules, cases = (RENDERED / "prometheus" / kind / f"{group}.yaml" for kind in (".", "tests"))
    text = rules.read_text()
    assert before in text
    changed = tmp_path / "rules.yaml"
    changed.write_text(text.replace(before, after))
    asked = yaml.safe_load(cases.read_text())
    file = tmp_path / "cases.yaml"
    file.write_text(yaml.safe_dump({**asked, "rule_files": [changed.name]}))
    assert promtool("test", "rules", str(file)).returncode != 0


@pytest.mark.parametrize(
    ("stretches", "written"),
    [
        ([("5", 3)], "5+0x2"),
        ([("+60", 3)], "0+60x2"),
        ([("+60", 2), ("+1", 2), ("0", 1)], "0+60x1 61+1x1 0+0x0"),
        ([("100-10", 3)], "100-10x2"),
        ([("absent", 2), ("+1", 2)], "_x2 1+1x1"),
        ([("1", 1), ("absent", 3), ("1", 1)], "1+0x0 stale _x2 1+0x0"),
    ],
)
def test_a_course_has_as_many_values_as_minutes(stretches: list[tuple[str, int]], written: str) -> None:
    assert course(stretches) == written


@pytest.mark.parametrize(
    "pattern",
    [
        "/v1/(agents|blocks)/[a-z]+",
        "/v1/agents/[^/]+/messages",
        "/v1/(agents|groups)/.*",
        r"\\d{3}-\\w+",
        "5..",
        "a?b*c+",
        "(?i)ok",
    ],
)
def test_a_text_is_made_up_for_a_regular_expression(pattern: str) -> None:
    made = sample(pattern.replace("\\\\", "\\"))
    assert made is not None and re.fullmatch(pattern.replace("\\\\", "\\"), made)


def test_for_a_set_that_leaves_nothing_over_no_text_is_made_up() -> None:
    assert sample(r"[^\w/ -]") is None


def test_two_files_of_one_component_lose_no_alarm(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(alarm(alert="One"))
    (tmp_path / "b.yaml").write_text(alarm(alert="Two").replace("component: bridge", "component: aaa"))
    (tmp_path / "c.yaml").write_text(alarm(alert="Three"))
    made = files(load(), Links(), alarms=load_alarms(tmp_path))
    text = made["prometheus/platform/bridge.yaml"]
    assert "alert: One" in text and "alert: Three" in text


def test_an_objective_with_an_ordinary_pattern_has_cases_and_one_without_any_value_has_rules_all_the_same() -> None:
    whole = load()
    one = whole.objective("letta-message-latency")
    for label, has_cases in (('route=~"/v1/agents/[^/]+/messages"', True), ('route="a",route!="a"', False)):
        good, total = f'd_seconds_bucket{{{label},le="2"}}', f"d_seconds_count{{{label}}}"
        asked = replace(one, good_query=good, total_query=total)
        made = files(replace(whole, objectives=(asked,)), Links())
        assert label in made["prometheus/objectives/letta-message-latency.yaml"]
        cases = made["prometheus/tests/objectives/letta-message-latency.yaml"]
        assert ("tests: []" in cases) is not has_cases


def alarm(**changed: Any) -> str:
    one = {
        "alert": "QueueOld",
        "service": "letta-bridge",
        "severity": "page",
        "expr": "queue_age_seconds > 2",
        "reason": "Because.",
        "summary": "Old.",
        "description": "Very old.",
        "runbook": "bridge-queue",
        "trial": {"queue_age_seconds": {"well": 0, "ill": 3}},
    }
    kept = {name: value for name, value in {**one, **changed}.items() if value is not None}
    return yaml.safe_dump({"component": "bridge", "dashboard": "bridge", "alarms": [kept]}, sort_keys=False)


def test_an_alarm_that_is_right_is_read() -> None:
    (read,) = parse(alarm(), "x.yaml")
    assert (read.name, read.component, str(read.origin)) == ("QueueOld", "bridge", "x.yaml:4")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"severity": "critical"}, "alarms[0].severity: found 'critical', allowed: none, page, ticket"),
        (
            {"expr": "sum(rate(x[5m])"},
            "alarms[0].expr: found 'sum(rate(x[5m])' is no PromQL: unclosed left parenthesis",
        ),
        ({"reason": None}, "found no key 'reason', allowed: 'reason' is required"),
        ({"for": "soon"}, "alarms[0].for: found 'soon', allowed: a duration such as 5m, 90s or 1h"),
        ({"trial": {"x": {"well": "fine", "ill": 1}}}, "alarms[0].trial"),
        ({"sumary": "x"}, "did you mean 'summary'?"),
        ({"alert": "queue old"}, "allowed: a name in CamelCase"),
    ],
)
def test_a_faulty_alarm_is_refused_with_its_place(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(RuleError) as refused:
        parse(alarm(**changed), "x.yaml")
    assert said in str(refused.value)
    assert str(refused.value).startswith("x.yaml:")


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(alarm())
    with pytest.raises(RuleError, match="there is an alarm 'QueueOld' already"):
        load_alarms(tmp_path)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="there is no file"):
        load_alarms(tmp_path)


def test_the_same_catalogue_gives_the_same_cases() -> None:
    assert files(load(), Links()) == files(load(), Links())
