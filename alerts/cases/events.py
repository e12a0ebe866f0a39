"""Which series make events of an objective, good ones and bad ones? Made up from the selectors that its rules read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from alerts import promql
from alerts.cases.sampling import sample
from alerts.cases.timeline import course
from alerts.errors import RuleError
from alerts.promql import Matcher, Selector
from slo.objective import Objective

# Tried in this order where a label must match, or must not: an answer of a server, an outcome, a word.
_CANDIDATES: Final = ("", "200", "500", "503", "404", "success", "error", "some", "other")


@dataclass(frozen=True, slots=True)
class Stretch:
    """So many minutes with so many events a minute, of which a share is bad; None: the series are not there."""

    minutes: int
    events: Fraction | None
    bad: Fraction = Fraction(0)


def series(one: Objective, stretches: Iterable[Stretch]) -> dict[str, str]:
    """Return series, in promtool's notation, that hold these events of an objective; raises RuleError."""
    return {name: course(doing) for name, doing in courses(one, stretches).items()}


def courses(one: Objective, stretches: Iterable[Stretch]) -> dict[str, list[tuple[str, int]]]:
    """Return what each series does for how many minutes so that they hold these events; raises RuleError."""
    every = list(stretches)
    good, total = (promql.selectors(query or "")[0] for query in (one.good_query, one.total_query))
    well = _counting(every, good=True, bad=False)
    if good.metric != total.metric:
        all_of_them = _counting(every, good=True, bad=True)
        return {_written(good, _labels(good)): well, _written(total, _labels(total)): all_of_them}
    ill = _counting(every, good=False, bad=True)
    return {_written(good, _labels(good)): well, _written(total, _bad_labels(good, total)): ill}


def count_of(query: str, stretches: Iterable[tuple[str, int]]) -> dict[str, str]:
    """Return the one series that a selector reads, with a course of its own."""
    (selector,) = promql.selectors(query)
    return {_written(selector, _labels(selector)): course(stretches)}


def _counting(stretches: list[Stretch], *, good: bool, bad: bool) -> list[tuple[str, int]]:
    counted = []
    for one in stretches:
        if one.events is None:
            counted.append(("absent", one.minutes))
            continue
        share = (1 - one.bad if good else Fraction(0)) + (one.bad if bad else Fraction(0))
        counted.append((f"+{float(one.events * share):.12g}", one.minutes))
    return counted


def _labels(selector: Selector) -> dict[str, str]:
    """Return labels that a selector takes; those that may be empty are left away."""
    wanted = {name: _value(selector, name) for name in sorted({one.label for one in selector.matchers})}
    return {name: value for name, value in wanted.items() if value}


def _bad_labels(good: Selector, total: Selector) -> dict[str, str]:
    """Return labels that the total takes and the good does not; they differ in a label that only the good asks for."""
    for one in good.matchers:
        if one in total.matchers:
            continue
        for value in _values(one.label, [*total.matchers, *good.matchers]):
            if not _takes(one, value) and all(
                _takes(each, value) for each in total.matchers if each.label == one.label
            ):
                return {**_labels(total), **({one.label: value} if value else {})}
    raise RuleError(f"no event can be in {total.metric} and not be good: both queries take the same series")


def _value(selector: Selector, label: str) -> str:
    asked = [one for one in selector.matchers if one.label == label]
    for value in _values(label, asked):
        if all(_takes(one, value) for one in asked):
            return value
    raise RuleError(f"{selector.metric}: no value of the label {label!r} was found that its query takes")


def _values(label: str, asked: Iterable[Matcher]) -> list[str]:
    own = [one for one in asked if one.label == label]
    literal = [part for one in own for part in (one.value, *one.value.split("|"))]
    made = [text for one in own if one.op in {"=~", "!~"} and (text := sample(one.value)) is not None]
    return [*_CANDIDATES, *literal, *made]


def _takes(matcher: Matcher, value: str) -> bool:
    if matcher.op in {"=", "!="}:
        return (matcher.value == value) == (matcher.op == "=")
    return (re.fullmatch(matcher.value, value) is not None) == (matcher.op == "=~")


def _written(selector: Selector, labels: dict[str, str]) -> str:
    inside = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"{selector.metric}{{{inside}}}" if inside else selector.metric
