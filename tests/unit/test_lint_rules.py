"""Each check of the lint finds what was planted, and nothing in what is shipped."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from alerts.errors import RuleError
from alerts.lint.checks import EVERY, Context, lint
from alerts.lint.inference import Knowledge, objectives_of
from alerts.lint.rule import parse
from alerts.lint.vocabulary import metrics_read, recorded, seen, shipped
from letta_slo.main import cli

ROOT = Path(__file__).parents[2]
RENDERED = ROOT / "alerts" / "rendered" / "prometheus"
GOOD: dict[str, Any] = {
    "alert": "QueueOld",
    "expr": "max by (messaging_destination_name) (letta_bridge_queue_age_seconds) > 2",
    "labels": {"severity": "page"},
    "annotations": {
        "summary": "Old in {{ $labels.messaging_destination_name }}",
        "description": "Older than it may be.",
        "runbook_url": "alerts/runbooks/bridge-queue.md",
    },
}


def found(*rules: dict[str, Any], runbooks: Path | None = None) -> list[tuple[str, str]]:
    every = tuple(parse(yaml.safe_dump({"groups": [{"name": "g", "rules": list(rules)}]}), "x.yaml"))
    known = Knowledge({**shipped(), **recorded(every)}, objectives_of(every))
    context = Context(known, every, timedelta(seconds=15), runbooks)
    return [(one.check, one.said) for one in lint(context)]


def alert(expression: str, **changed: Any) -> dict[str, Any]:
    return {**GOOD, "annotations": {**GOOD["annotations"], "summary": "Old"}, "expr": expression, **changed}


def record(expression: str, name: str = "letta:burn:ratio5m") -> dict[str, Any]:
    return {"record": name, "expr": expression}


def notes(**changed: str | None) -> dict[str, str]:
    return {key: text for key, text in {**GOOD["annotations"], **changed}.items() if text is not None}


def test_nothing_is_found_in_a_good_rule() -> None:
    assert found(GOOD) == []


PLANTED: list[tuple[str, dict[str, Any], str]] = [
    ("syntax", alert("sum(rate(x[5m])"), "unclosed left parenthesis"),
    ("series", alert("letta_bridge_queue_agee_seconds > 2"), "did you mean letta_bridge_queue_age_seconds?"),
    ("series", alert("slo:burn_rate:rate7m > 2"), "no known series is called slo:burn_rate:rate7m"),
    ("series", alert('{__name__=~"otelcol_exporter_lost_.*"} > 2'), "no known series has a name like"),
    ("label", alert('rate(letta_bridge_requests_total{route="letta"}[5m]) > 2'), "has no label route"),
    ("template", {**GOOD, "expr": "max(letta_bridge_queue_age_seconds) > 2"}, "messaging_destination_name"),
    ("template", {**GOOD, "expr": "max by (instance) (letta_bridge_queue_age_seconds) > 2"}, "it has instance"),
    ("template", {**GOOD, "expr": "absent(letta_bridge_queue_age_seconds)"}, "it has none"),
    ("annotations", {**GOOD, "annotations": notes(runbook_url=None)}, "no annotation runbook_url"),
    ("annotations", {**GOOD, "annotations": notes(description=" ")}, "no annotation description"),
    ("severity", {**GOOD, "labels": {"severity": "critical"}}, "severity is critical"),
    ("severity", {**GOOD, "labels": {}}, "severity is not there"),
    ("threshold", alert("up > 1"), "can never fire"),
    ("threshold", alert("1 - avg(up) > 1"), "can never fire"),
    ("threshold", alert("sum(rate(letta_bridge_requests_total[5m])) < 0"), "can never fire"),
    ("threshold", alert("clamp_max(sum(letta_bridge_queue_depth), 5) > 5"), "can never fire"),
    ("threshold", alert("absent(up) == 0"), "can never fire"),
    ("threshold", alert("up > 1 and letta_bridge_in_flight > 3"), "can never fire"),
    ("threshold", alert("sum(rate(letta_bridge_requests_total[5m])) >= 0"), "fires whenever"),
    ("threshold", alert("letta_bridge_in_flight"), "fires whenever"),
    ("threshold", alert("letta_bridge_in_flight > bool 3"), "fires whenever"),
    ("window", alert("rate(letta_bridge_requests_total[30s]) > 3"), "shorter than four scrapes (1m)"),
    ("counter", alert("sum(letta_bridge_requests_total) > 3"), "read as it stands"),
    ("counter", alert("sum(letta_bridge_requests_total) > 3 unless on () (up == 0)"), "read as it stands"),
    ("counter", alert("rate(letta_bridge_queue_depth[5m]) > 3"), "is no counter"),
    ("counter", alert("deriv(letta_bridge_requests_total[5m]) > 3"), "take its restarts for falls"),
    (
        "division",
        record("sum(rate(letta_bridge_retries_total[5m])) / sum(rate(letta_bridge_requests_total[5m]))"),
        "divides by what may be 0",
    ),
    ("join", alert("sum by (job) (up) / letta_bridge_in_flight > 2"), "aggregated and the other is not"),
    ("join", alert("sum by (job) (up) / sum by (instance) (up) > 2"), "different labels"),
    ("join", alert("sum by (job) (up) / on (instance) sum by (instance) (up) > 2"), "matches on instance"),
    ("join", alert("redis_up * on (instance) redis_connected_clients > 2"), "fails when two series"),
    ("name", {**GOOD, "alert": "queue_old"}, "CamelCase"),
    ("name", record("sum(rate(letta_bridge_requests_total[5m]))", "requests_rate"), "level:metric:operation"),
]


@pytest.mark.parametrize(
    ("check", "rule", "said"), PLANTED, ids=[f"{one[0]}-{place}" for place, one in enumerate(PLANTED)]
)
def test_what_is_planted_is_found_and_nothing_else(check: str, rule: dict[str, Any], said: str) -> None:
    seen_now = found(rule)
    assert {one for one, _ in seen_now} == {check}, seen_now
    assert any(said in text for _, text in seen_now), seen_now


def test_a_rule_that_stands_twice_is_found() -> None:
    assert [check for check, _ in found(GOOD, GOOD)] == ["duplicate"]


def test_a_runbook_that_is_not_there_or_does_not_name_its_alert_is_found() -> None:
    runbooks = ROOT / "alerts" / "runbooks"
    (check, said), *_ = found({**GOOD, "annotations": notes(runbook_url="https://x/nothing.md")}, runbooks=runbooks)
    assert check == "runbook" and "there is no runbook" in said
    assert [check for check, said in found(GOOD, runbooks=runbooks) if "does not name QueueOld" in said] == ["runbook"]


def test_every_check_has_a_planted_fault() -> None:
    assert {check for check, _, _ in PLANTED} | {"duplicate", "runbook"} == set(EVERY)


def test_a_page_that_an_objective_can_never_reach_is_found() -> None:
    burns = {"record": "slo:burn_rate:rate1h", "expr": "vector(0)", "labels": {"slo": "x"}}
    promised = {"record": "slo:objective:ratio", "expr": "vector(0.9)", "labels": {"slo": "x"}}
    wanted = alert('slo:burn_rate:rate1h{slo="x"} > 14.4')
    assert [check for check, _ in found(burns, promised, wanted)] == ["threshold"]
    assert found(burns, {**promised, "expr": "vector(0.99)"}, wanted) == []


@pytest.mark.parametrize(
    "expression",
    [
        "count by (job) (up == 0)",
        "sum(up == 0)",
        "max(letta_bridge_in_flight > 5)",
        "round(letta_bridge_in_flight > 5)",
        "min_over_time((up == 0)[5m:1m])",
        "count(letta_bridge_in_flight) > 3",
    ],
)
def test_an_alert_that_depends_on_what_it_aggregates_is_let_through(expression: str) -> None:
    assert found(alert(expression)) == []


def test_a_faulty_objective_is_a_finding_and_no_end(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    broken = {"record": "slo:objective:ratio", "expr": "vector(0.9", "labels": {"slo": "x"}}
    file.write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": [broken]}]}))
    done = run(str(file), "--format", "json")
    assert (done.return_value, [one["check"] for one in json.loads(done.stdout)]) == (3, ["syntax"])
    file.write_bytes(b"\xff\xfe")
    assert isinstance(run(str(file)).exception, RuleError)


def test_a_guarded_division_is_let_through() -> None:
    below = "clamp_min(sum(rate(letta_bridge_requests_total[5m])), 0.001)"
    assert found(record(f"sum(rate(letta_bridge_retries_total[5m])) / {below}")) == []


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["lint", *arguments], standalone_mode=False)


def test_nothing_is_found_in_the_shipped_rules() -> None:
    done = run(str(RENDERED), str(RENDERED.parent / "kubernetes"), "--runbooks", str(ROOT / "alerts" / "runbooks"))
    assert (done.return_value, done.stdout) == (0, "")


def test_a_finding_has_an_exit_code_and_can_be_left_out(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": [{**GOOD, "alert": "queue_old"}]}]}))
    done = run(str(file), "--format", "json")
    assert done.return_value == 3
    assert [one["check"] for one in json.loads(done.stdout)] == ["name"]
    assert run(str(file), "--allow", "name").return_value == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("groups: [", "no YAML"),
        ("{}", "neither a rule file"),
        ("groups: [{name: g, rules: [{expr: up}]}]", "needs `expr`"),
    ],
)
def test_a_file_that_has_no_rules_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(text)
    with pytest.raises(RuleError, match=said):
        raise run(str(file)).exception


def test_a_prometheus_says_which_series_there_are() -> None:
    def ask(selector: str) -> Iterator[dict[str, str]]:
        if "queue_age" in selector:
            yield {"__name__": "letta_bridge_queue_age_seconds", "messaging_destination_name": "x", "pod": "a"}

    both = [GOOD, alert("redis_up == 0", alert="RedisDown")]
    rules = tuple(parse(yaml.safe_dump({"groups": [{"name": "g", "rules": both}]}), "x.yaml"))
    there = seen(metrics_read(rules), ask)
    context = Context(Knowledge(there, {}), rules, timedelta(seconds=15), None)
    assert there["letta_bridge_queue_age_seconds"].labels == frozenset({"messaging_destination_name", "pod"})
    assert [one.said for one in lint(context)] == ["no known series is called redis_up"]
