"""What happened to a target while a verification run, or a probe, was on?"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from letta_otel.conventions import attributes as a
from letta_otel.conventions import metrics as m

from dashboards import exporters as e
from dashboards.content import parts
from dashboards.queries import (
    NOT_A_COLLECTOR,
    count_of,
    error_share,
    good_share,
    label,
    quantile,
    rate,
    series,
    share,
    shares,
)
from dashboards.spec import Choice, Dashboard, Kind, Panel, Query, Row, ToDashboard, Unit, Variable
from slo.objective import Catalogue, Objective

_NO_PROBE: Final = "No `letta-slo probe` is scraped by this Prometheus."
_USE: Final = """\
**A verification run leaves a run folder, and no series in a Prometheus.** Its verdict comes from that folder alone
(`letta-slo gate`), and its report has every request. Here is what the *target* said of itself meanwhile.

1. Set the range of time to that of the run: its report names begin and end.
2. Type the rate that the run asked for into *Asked rate*. What arrived should be that; if it is less, the generator or
   the network was the limit.
3. Drills show as marks: a circuit that opens is one.
4. A target shows what it knows: time that a request waited before it arrived is in the report, and not here.
"""


_REQUESTS, _REPLIES = m.HTTP_SERVER_REQUEST_DURATION, m.LETTA_BRIDGE_RESPONSE_DURATION
_IDLE = series(e.NODE_CPU, 'mode="idle"')
_TARGET: Final = (
    Panel(
        "95th percentile",
        Kind.TIMESERIES,
        "Of all requests to Letta, and of all replies of bridges.",
        queries=(
            Query(quantile("0.95", _REQUESTS, NOT_A_COLLECTOR), "Letta", has_exemplars=True),
            Query(quantile("0.95", _REPLIES), "bridge", has_exemplars=True),
        ),
        why="In a steady state it is flat. A slope is a target that falls behind.",
        do="A slope: the run was too short to see its end; lower the rate or run for longer.",
        unit=Unit.SECONDS,
        no_data="No request in this range.",
        links=(ToDashboard("letta", "Letta"), ToDashboard("bridge", "Bridge")),
    ),
    Panel(
        "Waiting in the queue",
        Kind.TIMESERIES,
        "Age of the oldest request in the queue.",
        queries=(Query(f"max({m.LETTA_BRIDGE_QUEUE_AGE.prometheus})", "age of the oldest"),),
        why="A queue that ages is saturation, whatever the percentiles say.",
        do="It ages from some rate on: that is the bridge's capacity.",
        unit=Unit.SECONDS,
        no_data="Not known: no bridge exports it.",
        links=(ToDashboard("bridge", "Bridge"),),
    ),
    Panel(
        "CPU of the target",
        Kind.TIMESERIES,
        "Share of all cores that is busy, on each host that is scraped.",
        queries=(Query(f"1 - avg by (instance) (rate({_IDLE}[$__rate_interval]))", "{{instance}}"),),
        why="It says what the limit was.",
        do="Idle and slow: it waits for something; see pools, model and disk.",
        unit=Unit.SHARE,
        no_data="No node_exporter is scraped by this Prometheus.",
        steps=parts.CPU_BUSY,
        links=(ToDashboard("platform", "Platform"),),
    ),
)

_EVERY, _GOOD = (rate(name, by=("objective",)) for name in (e.PROBE_EVENTS, e.PROBE_GOOD))
_TOOK = rate(f"{e.PROBE_DURATION}_bucket", by=("le", "operation"))
_PROBE: Final = (
    Panel(
        "Good probes by objective",
        Kind.TIMESERIES,
        "Share of good probes, by the same rule as in a run.",
        queries=(Query(share(_GOOD, _EVERY), "{{objective}}"),),
        why="A probe asks when no user does.",
        do="Below 100 %: what the probe printed says why.",
        unit=Unit.SHARE,
        no_data=_NO_PROBE,
    ),
    Panel(
        "Response time of probes",
        Kind.TIMESERIES,
        "95th percentile by operation, from when a probe was due.",
        queries=(Query(f"histogram_quantile(0.95, {_TOOK}) >= 0", "{{operation}}"),),
        why="It is what a lonely user would have met.",
        do="Longer than the target's own: the way between.",
        unit=Unit.SECONDS,
        no_data=_NO_PROBE,
        links=(parts.TO_TRACES,),
    ),
    Panel(
        "Since the last good probe",
        Kind.STAT,
        "How long ago the last probe without an error was answered.",
        queries=(Query(f"time() - max by (operation) ({e.PROBE_LAST_GOOD} > 0)", "{{operation}}"),),
        why="A probe that stopped counts nothing, neither good nor bad.",
        do="Longer than a few intervals: is the probe running?",
        unit=Unit.SECONDS,
        no_data=_NO_PROBE,
        steps=parts.above(Fraction(120), Fraction(600)),
    ),
)


def dashboard(catalogue: Catalogue) -> Dashboard:
    """Return the dashboard of a verification run."""
    objectives = shares(catalogue.objectives)
    return Dashboard(
        "run",
        "Verification run",
        "The target's own series in the range of a run: what arrived, what became of it, and what it cost the target.",
        (
            Row("How to use it", (Panel("How to use it", Kind.TEXT, "", text=_USE, width=24, height=6),)),
            Row("What arrived, and what became of it", _arrived(objectives)),
            Row("What it did to the target", _TARGET),
            Row("Probe", _PROBE),
        ),
        (
            parts.SOURCE,
            Variable(
                "rate", "Asked rate", Choice.TYPED, "0", "Requests a second that the run asked for, as its report says."
            ),
            parts.TRACES,
            parts.LOGS,
        ),
        parts.happenings(),
        span="now-1h",
    )


def _arrived(objectives: list[Objective]) -> tuple[Panel, ...]:
    letta, bridge = m.HTTP_SERVER_REQUEST_DURATION, m.LETTA_BRIDGE_REQUESTS
    status = label(a.HTTP_RESPONSE_STATUS_CODE)
    failed = error_share(count_of(letta), NOT_A_COLLECTOR, failed=f'{status}=~"5.."')
    of_bridge = rate(count_of(m.LETTA_BRIDGE_RESPONSE_DURATION), f'{label(a.LETTA_BRIDGE_OUTCOME)}="error"')
    return (
        Panel(
            "Arrived",
            Kind.TIMESERIES,
            "Requests a second that Letta answered and that bridges took, beside what the run asked for.",
            queries=(
                Query(rate(count_of(letta), NOT_A_COLLECTOR), "Letta"),
                Query(rate(bridge.prometheus), "bridge"),
                Query("vector($rate)", "asked"),
            ),
            why="Fewer than asked is a run that says nothing about the target.",
            do="Fewer: does the report call the run invalid? If not, who else answers?",
            unit=Unit.REQUESTS_A_SECOND,
            no_data="Neither Letta nor a bridge is known to this Prometheus.",
        ),
        *_good(objectives),
        Panel(
            "Errors",
            Kind.TIMESERIES,
            "Share of answers with a 5xx status, and of replies that are an error.",
            queries=(
                Query(failed, "Letta"),
                Query(share(of_bridge, rate(count_of(m.LETTA_BRIDGE_RESPONSE_DURATION))), "bridge"),
            ),
            why="Errors are often the first sign of saturation.",
            do="From which rate on? `letta-slo capacity` finds it.",
            unit=Unit.SHARE,
            no_data="No request in this range.",
            links=(parts.TO_LOGS, parts.TO_TRACES),
        ),
    )


def _good(objectives: list[Objective]) -> tuple[Panel, ...]:
    if not objectives:
        return ()
    panel = Panel(
        "Good requests by objective",
        Kind.TIMESERIES,
        "Share of good requests as the target counts them; the run's own verdict counts from when each was due.",
        queries=tuple(Query(good_share(one), one.name) for one in objectives),
        why="It shows when in the run an objective was lost.",
        do="Better here than in the report: requests waited before they arrived.",
        unit=Unit.SHARE,
        no_data="No request in this range.",
        links=(ToDashboard("fleet", "Objectives"),),
    )
    return (panel,)
