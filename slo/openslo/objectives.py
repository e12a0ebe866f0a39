"""Which objective an SLO document with its SLI describes."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from fractions import Fraction

from slo.calendar_period import ZONES, CalendarPeriod, CalendarUnit
from slo.objective import Kind, Objective
from slo.openslo import annotations
from slo.openslo.documents import Document, Registry, child, items_at, text_at
from slo.openslo.values import SELECTOR, period
from slo.openslo.yaml_tree import Leaf, LeafType, Table, Tree, nearest, type_name

__all__ = ["build"]

_EDGE = re.compile(r"\ble\s*=\s*\"([^\"]*)\"")
_MILLISECONDS = re.compile(r"_(?:ms|milliseconds)_bucket\b")


def build(document: Document, registry: Registry) -> Objective | None:
    """Return the objective, None when something is wrong with it, which is noted."""
    before = len(document.faults.errors)
    service = text_at(document.tree, "spec", "service") or ""
    service_leaf = child(document.tree, "spec", "service") or document.tree
    registry.refer("Service", service, document, service_leaf, document.path("spec", "service"))
    meaning = annotations.read(document, service)
    window = _window(document)
    indicator = _indicator(document, registry)
    policies = _policies(document, registry)
    _only_occurrences(document)
    if meaning is None or window is None or indicator is None:
        return None
    target = _target(document, meaning.kind)
    queries = _queries(indicator, registry, meaning.kind)
    if queries is None:
        return None
    _check_edges(indicator, queries, meaning.samples.limit_s)
    if len(document.faults.errors) > before or indicator.faults.errors:
        return None
    return Objective(
        name=document.name,
        title=document.title,
        service=service,
        kind=meaning.kind,
        target=target,
        samples=meaning.samples,
        good_query=queries.part_query if meaning.kind is Kind.SHARE else None,
        bad_query=queries.part_query if meaning.kind is Kind.INVARIANT else None,
        total_query=queries.total_query,
        period=window[0],
        description=document.description,
        source=meaning.source,
        origin=document.origin,
        alert_policies=policies,
        data_source=queries.data_source,
        calendar=window[1],
        maintenance=meaning.maintenance,
        in_flight_query=meaning.in_flight,
    )


@dataclass(frozen=True, slots=True)
class _Queries:
    part: str  # "good" or "bad"
    part_query: str
    total_query: str
    data_source: str | None


def _window(document: Document) -> tuple[timedelta, CalendarPeriod | None] | None:
    path = document.path("spec", "timeWindow")
    for item in items_at(document.tree, "spec", "timeWindow"):
        if child(item, "calendar") is not None or text_at(item, "isRolling") == "false":
            calendar = _calendar(item, document, f"{path}[0]")
            return (calendar.longest, calendar) if calendar is not None else None
        length = period(child(item, "duration"), document, f"{path}[0].duration")
        return (length, None) if length is not None else None
    document.faults.add(document.tree.line, path, "no time window", "one window, such as 28d")
    return None


def _calendar(item: Tree, document: Document, path: str) -> CalendarPeriod | None:
    zone, start = text_at(item, "calendar", "timeZone"), text_at(item, "calendar", "startTime")
    if zone is None or start is None or text_at(item, "isRolling") == "true":
        document.faults.add(
            item.line, path, "half a calendar window", "isRolling: false, and a calendar with both keys"
        )
        return None
    before = len(document.faults.errors)
    length, lengths = text_at(item, "duration") or "", [unit.value for unit in CalendarUnit]
    if length not in lengths:
        document.faults.add(item.line, f"{path}.duration", length, f"one of {', '.join(lengths)} in a calendar")
    if zone not in ZONES:
        allowed = f"a zone without summer time: {', '.join(ZONES)}"
        document.faults.add(item.line, f"{path}.calendar.timeZone", repr(zone), allowed, nearest(zone, list(ZONES)))
    if len(document.faults.errors) > before:
        return None
    calendar = CalendarPeriod(CalendarUnit(length), ZONES[zone])
    if not _is_begin(start, calendar):
        allowed = "the begin of a day, week (Monday), month, quarter or year, such as 2026-01-01 00:00:00"
        document.faults.add(item.line, f"{path}.calendar.startTime", repr(start), allowed)
        return None
    return calendar


def _is_begin(start: str, calendar: CalendarPeriod) -> bool:
    try:
        begin = datetime.fromisoformat(start).replace(tzinfo=timezone(calendar.utc_offset)).timestamp()
    except ValueError:
        return False
    return calendar.begin(begin) == begin


def _only_occurrences(document: Document) -> None:
    leaf = child(document.tree, "spec", "budgetingMethod")
    if isinstance(leaf, Leaf) and leaf.text != "Occurrences":
        path = document.path("spec", "budgetingMethod")
        document.faults.add(leaf.line, path, repr(leaf.text), "Occurrences: load runs and rules count requests")


def _indicator(document: Document, registry: Registry) -> Document | None:
    inline = text_at(document.tree, "spec", "indicator", "metadata", "name")
    leaf = child(document.tree, "spec", "indicatorRef")
    name = inline if inline is not None else text_at(leaf)
    if name is None:
        return None
    found = registry.refer("SLI", name, document, leaf or document.tree, document.path("spec", "indicatorRef"))
    return found if found is not None and found.sound else None


def _policies(document: Document, registry: Registry) -> tuple[str, ...]:
    names = []
    for index, item in enumerate(items_at(document.tree, "spec", "alertPolicies")):
        path = document.path("spec", f"alertPolicies[{index}]")
        reference = text_at(item, "alertPolicyRef")
        name = reference if reference is not None else text_at(item, "metadata", "name")
        if name is not None and registry.refer("AlertPolicy", name, document, item, f"{path}.alertPolicyRef"):
            names.append(name)
    return tuple(names)


def _target(document: Document, kind: Kind) -> Fraction | None:
    """Return the share promised, exactly as written; an invariant promises no share."""
    objectives = items_at(document.tree, "spec", "objectives")
    path = document.path("spec", "objectives")
    if len(objectives) != 1:
        document.faults.add(document.tree.line, path, f"{len(objectives)} objectives", "one: it has the SLO's name")
        return None
    only = objectives[0]
    keys = set(only.entries) if isinstance(only, Table) else set()
    given = sorted(keys & {"target", "targetPercent"})
    for key in sorted(keys - {"target", "targetPercent", "displayName"}):
        document.faults.add(only.line, f"{path}[0]", repr(key), "a target alone: the limit stands in the SLI's query")
    if kind is Kind.INVARIANT:
        if given:
            document.faults.add(only.line, f"{path}[0]", repr(given[0]), "no target: an invariant allows no violation")
        return None
    if len(given) != 1:
        found = " and ".join(map(repr, given)) or "no target"
        document.faults.add(only.line, f"{path}[0]", found, "exactly one of target, targetPercent")
        return None
    return Fraction(text_at(only, given[0]) or "0") / (100 if given == ["targetPercent"] else 1)


def _queries(indicator: Document, registry: Registry, kind: Kind) -> _Queries | None:
    path = indicator.path("spec", "ratioMetric")
    ratio = child(indicator.tree, "spec", "ratioMetric")
    part = "good" if kind is Kind.SHARE else "bad"
    if child(ratio, part) is None or child(ratio, "total") is None:
        line = (ratio or indicator.tree).line
        indicator.faults.add(line, path, f"no {part} and total queries", f"{part} and total: a {kind} is counted")
        return None
    if text_at(ratio, "counter") != "true":
        found = f"counter: {text_at(ratio, 'counter')}" if child(ratio, "counter") is not None else "no key 'counter'"
        indicator.faults.add((ratio or indicator.tree).line, path, found, "counter: true, counts must be counters")
    sources = [_source(indicator, registry, child(ratio, key), f"{path}.{key}") for key in (part, "total")]
    if None in sources:
        return None
    (part_query, part_source), (total_query, total_source) = [source for source in sources if source is not None]
    if part_source != total_source:
        found = f"{part} from {part_source}, total from {total_source}"
        indicator.faults.add((ratio or indicator.tree).line, path, found, "one data source for both")
    return _Queries(part, part_query, total_query, part_source)


def _source(indicator: Document, registry: Registry, metric: Tree | None, path: str) -> tuple[str, str | None] | None:
    """Return the query of a metric and the name of its data source."""
    source = child(metric, "metricSource")
    query, reference = child(source, "spec", "query"), child(source, "metricSourceRef")
    line = (source or indicator.tree).line
    if not isinstance(query, Leaf) or query.type is not LeafType.TEXT or not SELECTOR.fullmatch(query.text.strip()):
        found = type_name(query) if query is not None else "no key 'query'"
        allowed = 'query: a selector of one counter, such as requests_total{job="api"}'
        indicator.faults.add(line, f"{path}.metricSource.spec", found, allowed)
        return None
    kind = text_at(source, "type")
    if isinstance(reference, Leaf):
        found_source = registry.refer(
            "DataSource", reference.text, indicator, reference, f"{path}.metricSource.metricSourceRef"
        )
        kind = kind or text_at(found_source.tree if found_source else None, "spec", "type")
    if kind != "Prometheus" and not (isinstance(reference, Leaf) and kind is None):
        indicator.faults.add(
            line, f"{path}.metricSource", f"a source of type {kind}", "Prometheus, or a reference to one"
        )
    return " ".join(query.text.split()), text_at(reference)


def _check_edges(indicator: Document, queries: _Queries, limit_s: Fraction | None) -> None:
    """Hold the limit against the bucket edges in the query: only at an edge does a histogram know the count."""
    if queries.part != "good":
        return
    path = indicator.path("spec", "ratioMetric", "good", "metricSource", "spec", "query")
    query = child(indicator.tree, "spec", "ratioMetric", "good", "metricSource", "spec", "query") or indicator.tree
    unit = 1000 if _MILLISECONDS.search(queries.part_query) else 1
    for edge in _EDGE.findall(queries.part_query):
        try:
            value = Fraction(edge) / unit
        except (ValueError, ZeroDivisionError):
            indicator.faults.add(query.line, path, f'le="{edge}"', "a bucket edge that is a number")
            continue
        if limit_s is None:
            indicator.faults.add(
                query.line, path, f'le="{edge}" and measure none', "a measure and a limit at that edge"
            )
        elif value != limit_s:
            wanted = f'le="{float(limit_s * unit):g}", the edge at the limit of {float(limit_s):g} s'
            indicator.faults.add(query.line, path, f'le="{edge}"', wanted)
