"""What do the files look like that a Prometheus, or its operator on Kubernetes, reads the rules from?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from alerts.cases import of_objective, of_platform
from alerts.cases.timeline import Case
from alerts.counting import Histograms
from alerts.errors import RuleError
from alerts.generated import HEADER, as_yaml
from alerts.lengths import span
from alerts.links import Links
from alerts.names import GROUP_PREFIX
from alerts.platform import Alarm, load
from alerts.platform.alarms import by_component
from alerts.platform.rules import groups as platform_groups
from alerts.rules import groups
from slo.objective import Catalogue, Objective

_MINUTE: Final = timedelta(minutes=1)


def every_group(
    catalogue: Catalogue,
    links: Links,
    *,
    alarms: Iterable[Alarm] | None = None,
    histograms: Histograms = Histograms.CLASSIC,
) -> list[dict[str, Any]]:
    """Return every group of rules, of objectives and of the platform, as a rule file has them. Raises RuleError.

    `alarms` are the shipped ones where none are given.
    """
    return [*groups(catalogue, links, histograms), *platform_groups(load() if alarms is None else alarms, links)]


def rule_files(groups: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the text of the rule file of each group by its path: its kind, and its name."""
    return {f"{group['name'].removeprefix(GROUP_PREFIX)}.yaml": as_yaml({"groups": [group]}) for group in groups}


def files(
    catalogue: Catalogue,
    links: Links,
    *,
    alarms: Iterable[Alarm] | None = None,
    histograms: Histograms = Histograms.CLASSIC,
) -> dict[str, str]:
    """Return the text of each file by its path; the same catalogue gives the same bytes. Raises RuleError."""
    every = tuple(load() if alarms is None else alarms)
    made = every_group(catalogue, links, alarms=every, histograms=histograms)
    resource = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "letta-slo", "labels": {"app.kubernetes.io/name": "letta-slo"}},
        "spec": {"groups": made},
    }
    # promtool of Prometheus 2.42 has no words for native histograms.
    tried = catalogue.objectives if histograms is Histograms.CLASSIC else ()
    of_group = {f"prometheus/{name}": text for name, text in rule_files(made).items()}
    return {**of_group, "kubernetes/letta-slo.yaml": as_yaml(resource), **tests(tried, every)}


def tests(objectives: Iterable[Objective], alarms: Iterable[Alarm]) -> dict[str, str]:
    """Return the files of cases for `promtool test rules`, by their path beside those of the rules."""
    made = {}
    for one in objectives:
        name = f"objectives/{one.name}"
        try:
            by_minute, slower = list(of_objective.by_the_minute(one)), list(of_objective.by_the_half_hour(one))
        except RuleError as error:  # no series can be made up for its selectors; its rules are none the worse
            made[f"prometheus/tests/{name}.yaml"] = f"{HEADER}# No cases: {error}\ntests: []\n"
            continue
        made[f"prometheus/tests/{name}.yaml"] = _tests(name, _MINUTE, by_minute)
        if slower:
            made[f"prometheus/tests/{name}.ticket.yaml"] = _tests(name, of_objective.TICKET_STEP, slower)
    for component, of_it in by_component(alarms):
        name = f"platform/{component}"
        cases = [case for one in of_it for case in of_platform.cases(one)]
        made[f"prometheus/tests/{name}.yaml"] = _tests(name, _MINUTE, cases)
    return made


def _tests(name: str, step: timedelta, cases: Iterable[Case]) -> str:
    rules = [f"../../{name}.yaml"]
    written = [one.written() for one in cases]
    return as_yaml({"rule_files": rules, "evaluation_interval": span(step), "tests": written})
