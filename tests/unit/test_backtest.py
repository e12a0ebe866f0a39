"""A backtest: incidents in, when the alerts would have come and ended, and what was for nothing, out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from alerts.backtest.incidents import SHIPPED, Incident, parse
from alerts.backtest.incidents import load as load_table
from alerts.backtest.looking import Firing, Spent, Stretch, firings
from alerts.backtest.outcome import Told, broken, for_nothing, told
from alerts.backtest.playing import openmetrics, stages
from alerts.errors import RuleError
from alerts.windows import Severity
from letta_slo.backtest import played
from letta_slo.main import cli
from slo.catalog import load
from tests.promtool import needs_promtool

NOTHING = Spent((), (), 1.0)


def incident(**changed: Any) -> Incident:
    usual: dict[str, Any] = {
        "name": "x",
        "bad": Fraction(1, 2),
        "lasts": timedelta(minutes=30),
        "requests_a_minute": Fraction(600),
        "page_within": None,
        "ticket_within": None,
    }
    return Incident(**{**usual, **changed})


def fired(*ranges: tuple[float, float], severity: Severity = Severity.PAGE, is_over: bool = True) -> list[Firing]:
    return [Firing(severity, begin, end, is_over) for begin, end in ranges]


def test_the_shipped_table_is_read() -> None:
    table = parse(SHIPPED.read_text(), SHIPPED.name)
    assert [(one.bad, one.lasts) for one in table][:2] == [
        (Fraction(1), timedelta(minutes=30)),
        (Fraction(1, 10), timedelta(hours=1)),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("incidents: []", "no key 'requests_a_minute'"),
        ("requests_a_minute: 6\nincidents: [{name: x, bad: 0.5, lasts: 1h}]", "allowed: a share such as 2 %"),
        ("requests_a_minute: 6\nincidents: [{name: x, bad: 5 %, lasts: soon}]", "allowed: a length of time"),
        (
            "requests_a_minute: 6\nincidents: [{name: x, bad: 5 %, lasts: 1h, page_withn: 1h}]",
            "did you mean 'page_within'?",
        ),
    ],
)
def test_a_faulty_table_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(RuleError) as refused:
        parse(text, "x.yaml")
    assert said in str(refused.value)


def test_a_table_that_cannot_be_read_is_refused_with_its_path(tmp_path: Path) -> None:
    file = tmp_path / "incidents.yaml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(RuleError, match=r"incidents\.yaml: cannot be read"):
        load_table(file)
    assert load_table() == parse(SHIPPED.read_text(), SHIPPED.name)


def test_what_is_played_holds_the_incident_and_nothing_else() -> None:
    (one,) = [one for one in load().objectives if one.name == "bridge-success"]
    (on,) = stages([incident()])
    lines = [line.split() for line in openmetrics(one, [incident()])]
    assert lines[-1] == ["#", "EOF"]
    counts: dict[str, dict[float, float]] = {}
    for name, value, at in lines[:-1]:
        counts.setdefault(name, {})[float(at)] = float(value)
    good, total = counts.values()
    bad = {at: total[at] - good[at] for at in total}
    assert {bad[at] for at in bad if at < on.from_s} == {0.0}
    assert {bad[at] for at in bad if at >= on.to_s} == {30 * 300.0}
    assert max(bad) == on.looked_to_s - 60


def test_a_missing_step_ends_an_alert_and_the_last_may_go_on() -> None:
    seen = [(0.0, 1.0), (60.0, 1.0), (240.0, 1.0), (300.0, 1.0)]
    made = firings("up > 0", Severity.PAGE, {}, lambda _expression, _stretch: seen, Stretch(0, 300, 60))
    assert [(one.from_s, one.to_s, one.is_over) for one in made] == [(0, 120, True), (240, 300, False)]


def test_who_is_told_when_counts_from_the_incident() -> None:
    seen = told(
        fired((1060, 2600)), Spent((1000, 1030, 1060), (1.0, 2.0, 4.0), 100.0), Severity.PAGE, from_s=1000, to_s=2000
    )
    assert seen == Told(60, 600, 0.06)


def test_an_alert_that_never_comes_or_never_ends_is_said_as_such() -> None:
    assert told([], NOTHING, Severity.PAGE, from_s=0, to_s=10) == Told(None, None, None)
    still = told(fired((5, 99), is_over=False), NOTHING, Severity.PAGE, from_s=0, to_s=10)
    assert still.cleared_after_s is None


def test_an_alert_outside_of_any_incident_is_for_nothing() -> None:
    seen = fired((10, 20), (1000, 1100), (2000 + 1799, 9000), (2000 + 1801, 9000))
    assert [one.from_s for one in for_nothing(seen, [(1000, 2000)])] == [10, 3801]


@pytest.mark.parametrize(
    ("after_s", "expected", "said"),
    [
        (60, timedelta(minutes=2), []),
        (180, timedelta(minutes=2), ["came after 3 min"]),
        (None, timedelta(minutes=2), ["none came"]),
        (None, timedelta(0), []),
        (60, timedelta(0), ["no page was expected"]),
        (None, None, []),
    ],
)
def test_an_expectation_that_is_not_kept_is_said(
    after_s: float | None, expected: timedelta | None, said: list[str]
) -> None:
    found = broken("page", Told(after_s, None, None), expected)
    assert len(found) == len(said)
    assert all(part in text for part, text in zip(said, found, strict=True))


@needs_promtool
@pytest.mark.timeout(300)
def test_an_outage_is_played_through_a_real_prometheus(tmp_path: Path) -> None:
    table = tmp_path / "incidents.yaml"
    table.write_text(
        "requests_a_minute: 6000\n"
        "incidents:\n"
        "  - {name: outage, bad: 100 %, lasts: 30m, page_within: 2m, ticket_within: never}\n"
    )
    done = CliRunner().invoke(
        cli,
        ["backtest", "--only", "bridge-success", "--incidents", str(table), "--step", "300", "--format", "json"],
        standalone_mode=False,
    )
    assert done.return_value == 3, done.output + done.stderr  # the ticket comes, and was not expected
    made = json.loads(done.stdout)
    (outcome,) = made["outcomes"]
    assert outcome["page"]["after_s"] == 0
    assert 1500 <= outcome["page"]["cleared_after_s"] <= 2100  # the short window of half an hour
    assert outcome["ticket"]["after_s"] <= 600
    assert outcome["spent"] == pytest.approx(0.75, rel=0.1)  # 30 of 40,320 minutes, at 0.1 %
    assert made["for_nothing"] == {"bridge-success": 0}
    assert outcome["broken"][0].startswith("no ticket was expected")


@needs_promtool
@pytest.mark.timeout(300)
def test_a_history_is_looked_at_in_a_prometheus_that_is_there() -> None:
    (one,) = [one for one in load().objectives if one.name == "bridge-success"]
    (on,) = stages([incident(bad=Fraction(1))])
    begin, end = (datetime.fromtimestamp(at, UTC).isoformat() for at in (on.from_s - 7200, on.looked_to_s))
    with played(one, [incident(bad=Fraction(1))]) as server:
        span = ["--from", begin, "--to", end, "--step", "600"]
        asked = ["backtest", "--prometheus", server.address, *span, "--only"]
        done = CliRunner().invoke(cli, [*asked, "bridge-success", "--format", "json"], standalone_mode=False)
        without = CliRunner().invoke(cli, [*asked, "letta-api-availability"], standalone_mode=False)
    assert done.return_value == 0, done.output
    page, ticket = json.loads(done.stdout)
    assert (page["severity"], ticket["severity"]) == ("page", "ticket")
    assert on.from_s <= page["from_s"] <= on.from_s + 1200
    assert page["spent"] > 0.5
    assert (without.return_value, "no data" in without.stdout) == (6, True)
