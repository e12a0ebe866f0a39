"""How is a file of alarms read? Strictly: every fault is told with its line, what was found and what is allowed."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from alerts import promql
from alerts.errors import RuleError
from alerts.lengths import length_of
from alerts.platform.alarms import ALWAYS, SEVERITIES, Alarm, Course
from slo.objective import Location
from slo.openslo.schema import Choice, Either, Field, ListOf, Plain, Record, Schema, Text, WordMap
from slo.openslo.yaml_tree import Faults, Leaf, Sequence, Table, Tree, read_documents

_WORD: Final = Text("a word of small letters, digits and -", 60, r"[a-z][a-z0-9-]*")
_DURATION: Final = Text("a duration such as 5m, 90s or 1h", 10, r"[1-9]\d{0,4}[smh]")
_COURSE: Final = Plain(
    "a number, `+number` a minute, `number-number` a minute, or `absent`",
    r"absent|\+?\d+(\.\d+)?([eE]\d+)?|\d+(\.\d+)?([eE]\d+)?-\d+(\.\d+)?([eE]\d+)?",
)
_TRIAL: Final[Schema] = Either(
    Choice((ALWAYS,)),
    WordMap(
        Record({"well": Field(_COURSE, True), "nearly": Field(_COURSE), "ill": Field(_COURSE, True)}),
        r"[a-zA-Z_:][^\n]*",
        'a series, such as up{job="a"}',
    ),
    f"{ALWAYS}, or a mapping of series, each with `well` and `ill`, and `nearly` where there is one",
)
_ALARM: Final = Record(
    {
        "alert": Field(Text("a name in CamelCase", 60, r"[A-Z][A-Za-z0-9]+"), True),
        "service": Field(_WORD, True),
        "severity": Field(Choice(SEVERITIES), True),
        "expr": Field(Text("PromQL"), True),
        "for": Field(_DURATION),
        "keep_firing_for": Field(_DURATION),
        "source": Field(Text()),
        "reason": Field(Text(), True),
        "summary": Field(Text(), True),
        "description": Field(Text(), True),
        "runbook": Field(_WORD, True),
        "trial": Field(_TRIAL, True),
    }
)
_FILE: Final = Record(
    {"component": Field(_WORD, True), "dashboard": Field(_WORD, True), "alarms": Field(ListOf(_ALARM, 1), True)}
)


def parse(text: str, path: str) -> tuple[Alarm, ...]:
    """Return the alarms of a file; `path` names it in messages. Raises RuleError."""
    faults = Faults(path)
    documents = read_documents(text, faults)
    if len(documents) != 1 and not faults.errors:
        faults.add(1, "", f"{len(documents)} documents", "one")
    for document in documents[:1]:
        _FILE.check(document, "", faults)
        _check_expressions(document, faults)
    if faults.errors:
        ordered = sorted(faults.errors, key=lambda fault: fault.line)
        raise RuleError("\n".join(str(fault) for fault in ordered))
    (file,) = documents
    component, dashboard = _text(file, "component"), _text(file, "dashboard")
    return tuple(_alarm(one, component, dashboard, path) for one in _items(file))


def _alarm(one: Tree, component: str, dashboard: str, path: str) -> Alarm:
    trial = _entry(one, "trial")
    return Alarm(
        name=_text(one, "alert"),
        component=component,
        dashboard=dashboard,
        service=_text(one, "service"),
        severity=_text(one, "severity"),
        expression=_text(one, "expr"),
        held=length_of(_text(one, "for")),
        kept=length_of(_text(one, "keep_firing_for")),
        summary=_text(one, "summary"),
        description=_text(one, "description"),
        runbook=_text(one, "runbook"),
        source=_text(one, "source"),
        reason=_text(one, "reason"),
        trial={name: _course(each) for name, each in trial.entries.items()} if isinstance(trial, Table) else None,
        origin=Location(path, one.line),
    )


def _course(tree: Tree) -> Course:
    well = _text(tree, "well")
    return Course(well, _text(tree, "nearly") or well, _text(tree, "ill"))


def _check_expressions(document: Tree, faults: Faults) -> None:
    for place, one in enumerate(_items(document)):
        expression = _entry(one, "expr")
        if isinstance(expression, Leaf):
            try:
                promql.parse(expression.text)
            except RuleError as error:
                faults.add(expression.line, f"alarms[{place}].expr", str(error), "PromQL")


def _items(document: Tree) -> tuple[Tree, ...]:
    found = _entry(document, "alarms")
    return found.items if isinstance(found, Sequence) else ()


def _entry(tree: Tree, key: str) -> Tree | None:
    return tree.entries.get(key) if isinstance(tree, Table) else None


def _text(tree: Tree, key: str) -> str:
    found = _entry(tree, key)
    return found.text.strip() if isinstance(found, Leaf) else ""


def value_and_growth(course: str) -> tuple[Fraction | None, Fraction]:
    """Return where a series begins (None: where it was) and by how much it grows a minute.

    Raises ValueError for `absent`, which is neither.
    """
    if course == "absent":
        raise ValueError("an absent series has no value")
    if course.startswith("+"):
        return None, Fraction(course[1:])
    start, minus, fall = course.partition("-")
    return Fraction(start), -Fraction(fall) if minus else Fraction(0)
