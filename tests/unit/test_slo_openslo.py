"""What an OpenSLO v1 file may say, how it is read, and what is said about one that is wrong."""

from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from slo.catalog import load
from slo.errors import CatalogueError
from slo.objective import Catalogue, Kind, Measure, Phase
from slo.openslo import parse, parse_all
from slo.operations import OPERATIONS, SERVICE_OF

GOLDEN = Path(__file__).parents[1] / "golden"
BAD = sorted((GOLDEN / "bad").glob("*.yaml"))
REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "catalogue.md"

SERVICES = """\
apiVersion: openslo/v1
kind: Service
metadata:
  name: letta-api
spec: {}
---
apiVersion: openslo/v1
kind: DataSource
metadata:
  name: prometheus
spec:
  type: Prometheus
"""
LATENCY = """\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: latency
  displayName: Message latency
  labels:
    team: [agents, platform]
  annotations:
    example.com/owner: somebody
    letta-slo/operations: message, stream
    letta-slo/phases: steady, recovery
    letta-slo/measure: response_time
    letta-slo/limit: 500ms
    letta-slo/source: R4-24
    letta-slo/reason: no percentile there
spec:
  service: letta-api
  indicatorRef: fast
  timeWindow:
    - duration: 4w
      isRolling: true
  budgetingMethod: Occurrences
  objectives:
    - displayName: fast enough
      targetPercent: 99.95
  alertPolicies:
    - kind: AlertPolicy
      metadata:
        name: page
      spec:
        alertWhenBreaching: true
        conditions:
          - kind: AlertCondition
            metadata:
              name: burns-fast
            spec:
              severity: page
              condition:
                kind: burnrate
                threshold: 14.4
                lookbackWindow: 1h
                alertAfter: 5m
        notificationTargets:
          - targetRef: on-call
---
apiVersion: openslo/v1
kind: SLI
metadata:
  name: fast
spec:
  ratioMetric:
    counter: true
    good:
      metricSource:
        type: Prometheus
        spec:
          query: requests_seconds_bucket{route="/v1/agents/{agent_id}/messages",le="0.5"}
    total:
      metricSource:
        type: Prometheus
        spec:
          query: requests_seconds_count
---
apiVersion: openslo/v1
kind: AlertNotificationTarget
metadata:
  name: on-call
spec:
  target: wecom
"""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return parse_all([("services.yaml", SERVICES), ("latency.yaml", LATENCY)])


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return load()


def test_an_objective_is_read_exactly_and_knows_where_it_stands(catalogue: Catalogue) -> None:
    (objective,) = catalogue.objectives
    assert objective.target == Fraction(9995, 10000)
    assert objective.samples.limit_s == Fraction(1, 2)
    assert objective.samples.operations == {"message", "stream"}
    assert objective.samples.phases == {Phase.STEADY, Phase.RECOVERY}
    assert objective.period == timedelta(days=28)
    assert objective.source == "R4-24; no percentile there"
    assert str(objective.origin) == "latency.yaml:1"
    assert objective.title == "Message latency"


def test_an_objective_may_refer_to_documents_of_other_files(catalogue: Catalogue) -> None:
    assert catalogue.objectives[0].service == catalogue.services[0].name
    assert catalogue.objectives[0].total_query == "requests_seconds_count"


def test_an_object_written_in_the_place_of_a_reference_is_part_of_the_catalogue(catalogue: Catalogue) -> None:
    (policy,) = catalogue.alert_policies
    (condition,) = catalogue.alert_conditions
    assert catalogue.objectives[0].alert_policies == ("page",)
    assert (policy.condition, policy.notification_targets) == ("burns-fast", ("on-call",))
    assert (policy.when_breaching, policy.when_resolved, policy.when_no_data) == (True, False, False)
    assert condition.threshold == Fraction(144, 10)
    assert (condition.lookback_window, condition.alert_after) == (timedelta(hours=1), timedelta(minutes=5))
    assert catalogue.notification_targets[0].target == "wecom"


def test_an_empty_text_is_a_catalogue_without_objectives() -> None:
    assert parse("", "empty.yaml") == Catalogue(())
    assert parse("---\n---\n", "empty.yaml") == Catalogue(())


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_wrong_file_is_answered_with_every_fault_where_it_is_and_what_is_allowed(path: Path) -> None:
    with pytest.raises(CatalogueError) as caught:
        parse(path.read_text(encoding="utf-8"), path.name)
    assert str(caught.value) + "\n" == path.with_suffix(".txt").read_text(encoding="utf-8")


def test_an_error_carries_its_parts_for_programs() -> None:
    with pytest.raises(CatalogueError) as caught:
        parse(LATENCY.replace("Occurrences", "Ocurrences"), "latency.yaml")
    fault = next(fault for fault in caught.value.faults if fault.key_path == "spec.budgetingMethod")
    assert (fault.path, fault.line, fault.found) == ("latency.yaml", 22, "'Ocurrences'")
    assert fault.suggestion == "Occurrences"


def test_the_faults_of_all_files_are_reported_together() -> None:
    with pytest.raises(CatalogueError) as caught:
        parse_all([("a.yaml", SERVICES.replace("letta-api", "LETTA")), ("b.yaml", LATENCY.replace("4w", "4y"))])
    assert {fault.path for fault in caught.value.faults} == {"a.yaml", "b.yaml"}


def test_values_nested_without_end_are_an_error_and_no_crash() -> None:
    with pytest.raises(CatalogueError, match="nested hundreds of levels deep"):
        parse("[" * 800 + "]" * 800, "deep.yaml")


def test_a_character_that_yaml_does_not_allow_is_an_error_with_its_line() -> None:
    with pytest.raises(CatalogueError, match=r"odd\.yaml:2: found the character U\+0000"):
        parse("a: b\nc: \x00\n", "odd.yaml")


def test_a_directory_without_catalogue_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no such directory"):
        load(tmp_path / "missing")
    with pytest.raises(CatalogueError, match=r"no \*\.yaml file"):
        load(tmp_path)


def test_a_file_that_is_not_utf8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(CatalogueError, match="UTF-8"):
        load(tmp_path)


def test_a_directory_of_ones_own_replaces_the_shipped_catalogue(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SERVICES, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(LATENCY, encoding="utf-8")
    assert [objective.name for objective in load(tmp_path).objectives] == ["latency"]


def test_the_shipped_catalogue_promises_what_the_documents_and_we_decided(shipped: Catalogue) -> None:
    promised = {o.name: (o.target, o.samples.limit_s, sorted(o.samples.phases)) for o in shipped.objectives}
    assert promised == {
        "letta-api-availability": (Fraction(999, 1000), None, ["steady"]),
        "letta-message-latency": (Fraction(19, 20), 2, ["steady"]),
        "letta-stream-first-token": (Fraction(19, 20), 1, ["steady"]),
        "bridge-response-time": (Fraction(99, 100), 2, ["steady"]),
        "bridge-success": (Fraction(999, 1000), None, ["steady"]),
        "bridge-answered-by-letta": (Fraction(99, 100), None, ["steady"]),
        "bridge-fallback": (Fraction(99, 100), 2, ["drill"]),
        "bridge-no-message-lost": (None, None, ["drill", "recovery", "steady"]),
    }


def test_every_shipped_objective_says_where_its_number_comes_from(shipped: Catalogue) -> None:
    assert all(len(objective.source) > 20 and objective.description for objective in shipped.objectives)


def test_every_shipped_objective_counts_good_or_bad_and_total_in_production(shipped: Catalogue) -> None:
    for objective in shipped.objectives:
        assert (objective.good_query is None) == (objective.kind is Kind.INVARIANT)
        assert (objective.bad_query is None) == (objective.kind is Kind.SHARE)
        assert objective.total_query
        assert objective.period == timedelta(days=28)


def test_availability_of_the_api_counts_every_operation_that_it_answers(shipped: Catalogue) -> None:
    answered = {operation for operation in OPERATIONS if SERVICE_OF[operation] == "letta-api"}
    assert shipped.objective("letta-api-availability").samples.operations == answered


def test_the_first_token_is_measured_by_its_own_time(shipped: Catalogue) -> None:
    assert shipped.objective("letta-stream-first-token").samples.measure is Measure.TIME_TO_FIRST_TOKEN


def test_the_reference_documents_every_annotation_operation_and_objective(shipped: Catalogue) -> None:
    from slo.openslo.annotations import ANNOTATIONS, PREFIX

    text = REFERENCE.read_text(encoding="utf-8")
    words = [PREFIX + name for name in ANNOTATIONS] + sorted(OPERATIONS) + [o.name for o in shipped.objectives]
    assert [word for word in words if f"`{word}`" not in text] == []


def test_the_error_examples_in_the_reference_are_what_is_really_said() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    shown = [line for line in text.splitlines() if ".yaml:" in line and ": found " in line]
    said = {line for path in BAD for line in path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()}
    assert shown
    assert [line for line in shown if line not in said] == []
