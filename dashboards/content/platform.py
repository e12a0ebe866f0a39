"""Do the machines, the processes and the telemetry itself do well?"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from letta_otel.conventions import metrics as m

from alerts import names
from alerts.platform.limits import begins_at
from dashboards import exporters as e
from dashboards.content import parts, telemetry
from dashboards.queries import CHOSEN, rate, series
from dashboards.spec import Colour, Dashboard, Kind, Panel, Query, Row, Step, ToDashboard, ToRunbook, Unit
from slo.objective import Catalogue

_NO_EXPORTER: Final = "No node_exporter is scraped by this Prometheus."
_DISKS: Final = 'fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|udf|erofs"'
_NETWORK: Final = 'device!~"lo|veth.*|docker.*|cali.*|cni.*"'
_EACH: Final = "{{instance}}"
_DAY_S: Final = 86400
# HostDiskFillsUp looks three days ahead.
_FULL_IN: Final = (
    Step(None, Colour.BAD),
    Step(Fraction(_DAY_S), Colour.WARN),
    Step(Fraction(3 * _DAY_S), Colour.GOOD),
)

_TOLD = f'{names.SEVERITY_LABEL}!="none"'
_FIRING = series(e.ALERTS, 'alertstate="firing"', f'{names.SLO_LABEL}=""', _TOLD)
_ALWAYS = series(e.ALERTS, 'alertstate="firing"', f'{names.SEVERITY_LABEL}="none"')
_TARGETS: Final = (
    Panel(
        "Alarms of the platform",
        Kind.STATES,
        "Alerts that belong to no objective, and how many of each fire.",
        queries=(
            Query(
                f"count by (alertname, {names.SEVERITY_LABEL}) ({_FIRING}) or on () {parts.NO_ALERT}",
                f"{{{{alertname}}}} ({{{{{names.SEVERITY_LABEL}}}}})",
            ),
        ),
        why="A full disk is no objective, and breaks all of them.",
        do="Each alarm links to its runbook.",
        unit=Unit.NUMBER,
        no_data="This Prometheus does not answer.",
        steps=parts.NONE_ALLOWED,
        links=(ToDashboard("fleet", "Objectives"),),
        width=7,
        every=parts.EVERY_RECORD,
    ),
    Panel(
        "Dead man",
        Kind.STAT,
        "The alert that always fires, so that its absence is noticed where it is expected.",
        queries=(Query(f"count({_ALWAYS}) or vector(0)", "fires"),),
        why="Where it does not fire no rule is evaluated, and no alert can come.",
        do="Not firing: are the rules of the platform loaded into this Prometheus?",
        no_data="This Prometheus does not answer.",
        steps=(Step(None, Colour.BAD), Step(Fraction(1), Colour.GOOD)),
        values=((0, "does not fire", Colour.BAD), (1, "fires", Colour.GOOD)),
        links=(ToRunbook("dead-man"),),
        width=4,
        every=parts.EVERY_RECORD,
    ),
    Panel(
        "Targets that answer",
        Kind.STATES,
        "Whether each target of this Prometheus could be scraped. What comes by a collector is not among them.",
        queries=(Query(series(e.UP, *CHOSEN), "{{job}} {{instance}}"),),
        why="What is not scraped shows no data, which is easily taken for no trouble.",
        do="Down: is the process there, and does it listen where this Prometheus looks?",
        no_data="This Prometheus scrapes nothing: see below what arrives by a collector.",
        steps=(Step(None, Colour.BAD), Step(Fraction(1), Colour.GOOD)),
        values=((0, "down", Colour.BAD), (1, "up", Colour.GOOD)),
        links=(ToRunbook("target-down"),),
        width=7,
    ),
    Panel(
        "Duration of scrapes",
        Kind.TIMESERIES,
        "The longest scrape of each job.",
        queries=(Query(f"max by (job) ({series(e.SCRAPE_DURATION, *CHOSEN)})", "{{job}}"),),
        why="A scrape that reaches its timeout is lost as a whole.",
        do="Near the timeout: fewer series, or a longer interval.",
        unit=Unit.SECONDS,
        no_data="This Prometheus scrapes nothing.",
        width=6,
    ),
)

_BY = ("instance",)
_IDLE = series(e.NODE_CPU, 'mode="idle"')
_BUSY = f"1 - avg by (instance) (rate({_IDLE}[$__rate_interval]))"
_MEMORY = f"1 - {e.NODE_MEMORY_AVAILABLE} / {e.NODE_MEMORY_TOTAL}"
_FREE, _SIZE = (series(name, _DISKS) for name in (e.NODE_FILESYSTEM_FREE, e.NODE_FILESYSTEM_SIZE))
_FALLING = f"clamp_min(-deriv({series(e.NODE_FILESYSTEM_FREE, _DISKS)}[6h]), 1)"
_CORES = f"count by (instance) ({_IDLE})"
_LOST = f"{rate(e.NODE_TCP_RETRANSMITTED, by=_BY)} / ({rate(e.NODE_TCP_SENT, by=_BY)} > 0)"
_GIVEN: tuple[tuple[str, str, tuple[tuple[str, str], ...], str, str, Unit, tuple[Step, ...]], ...] = (
    ("CPU", "Share of all cores that is busy.", ((_BUSY, _EACH),),
     "Above seven tenths waiting begins, and durations grow faster than load.",
     "Which process? See below. More machines, or less work.", Unit.SHARE, parts.CPU_BUSY),
    ("Load of a core", "Processes that run or wait to run, for each core.",
     ((f"max by (instance) ({e.NODE_LOAD}) / {_CORES}", _EACH),),
     "Above 1 somebody waits, though CPU cannot go above 100 %.",
     "Above 1 for minutes: as for CPU; with idle CPU it is the disk.", Unit.NUMBER,
     parts.above(Fraction(1), Fraction(2))),
    ("Memory", "Share that is not available to a process that asks for some.", ((_MEMORY, _EACH),),
     "At the end of it the kernel ends a process, mostly the largest.",
     "Which process? See below.", Unit.SHARE, parts.from_alarm("HostMemoryHigh")),
    ("Disk in use", "Share of each file system that is in use.",
     ((f"1 - {_FREE} / {_SIZE}", "{{instance}} {{mountpoint}}"),),
     "A full disk stops databases, queues and logs at once.",
     "Above seven tenths: what grows? Logs, the queue of the collector, the database.", Unit.SHARE,
     parts.above(1 - begins_at("HostDiskFillsUp"), 1 - begins_at("HostDiskFull"))),
    ("Disk full in", "When each file system is full if it fills as in the last six hours.",
     ((f"{_FREE} / {_FALLING}", "{{instance}} {{mountpoint}}"),),
     "It tells a disk that is full from one that will be tonight.",
     "Less than a day: act now.", Unit.SECONDS, _FULL_IN),
    ("Disk busy", "Share of time in which a disk worked on something.",
     ((f"max by (instance, device) (rate({e.NODE_DISK_BUSY}[$__rate_interval]))", "{{instance}} {{device}}"),),
     "A busy disk makes every commit wait.",
     "Near 100 %: who writes? Checkpoints of PostgreSQL, the append-only file of Redis.", Unit.SHARE,
     parts.from_alarm("HostDiskBusy")),
    ("Network", "Bytes a second, in and out.",
     ((rate(e.NODE_NETWORK_IN, _NETWORK, by=_BY), f"{_EACH} in"),
      (rate(e.NODE_NETWORK_OUT, _NETWORK, by=_BY), f"{_EACH} out")),
     "Clouds limit it by the kind of machine, without saying so.",
     "A flat top: the limit of the machine.", Unit.BYTES_A_SECOND, ()),
    ("Segments sent again", "Share of TCP segments that were sent again.", ((_LOST, _EACH),),
     "A network that loses packets looks like slow services everywhere.",
     "Above a hundredth: the network, or a machine that is full.", Unit.SHARE,
     parts.above(Fraction(1, 100))),
)  # fmt: skip
_HOSTS: Final = tuple(
    Panel(
        title,
        Kind.TIMESERIES,
        what,
        queries=tuple(Query(expression, legend) for expression, legend in queries),
        why=why,
        do=do,
        unit=unit,
        no_data=_NO_EXPORTER,
        steps=steps,
        links=(ToRunbook("storage" if title.startswith("Disk") else "host"),),
        width=6,
        height=7,
    )
    for title, what, queries, why, do, unit, steps in _GIVEN
)

# By OTLP a process is not among the targets, so the variables, which list these, must not narrow it.
_RESIDENT, _CPU = m.PROCESS_MEMORY_USAGE.prometheus, m.PROCESS_CPU_TIME.prometheus
_FILES = f"{series(e.PROCESS_OPEN_FDS, *CHOSEN)} / {series(e.PROCESS_MAX_FDS, *CHOSEN)}"
_PROCESSES: Final = (
    Panel(
        "Memory of our processes",
        Kind.TIMESERIES,
        "Physical memory of each process that exports it, bridges and Letta servers.",
        queries=(Query(f"max by (job, instance) ({_RESIDENT})", "{{job}} {{instance}}"),),
        why="Steady growth without steady load is a leak.",
        do="A leak: a restart buys time; the trace of its start is the mark across the panels.",
        unit=Unit.BYTES,
        no_data="No process exports it: is letta_otel on?",
        links=(parts.TO_LOGS,),
    ),
    Panel(
        "CPU of our processes",
        Kind.TIMESERIES,
        "Cores that each process uses. A Python process uses one, whatever the machine has.",
        queries=(Query(rate(_CPU, by=("job", "instance")), "{{job}} {{instance}}"),),
        why="At 1 a Python process is at its end while the machine is idle.",
        do="At 1: more processes, not a larger machine.",
        unit=Unit.NUMBER,
        no_data="No process exports it: is letta_otel on?",
    ),
    Panel(
        "Open files",
        Kind.TIMESERIES,
        "Open files and connections of each scraped process, as a share of what it may open.",
        queries=(Query(_FILES, "{{job}} {{instance}}"),),
        why="At the limit it takes no connection any more.",
        do="A steady rise: connections that nobody closes.",
        unit=Unit.SHARE,
        no_data="No scraped process exports it.",
        steps=parts.above(Fraction(7, 10), Fraction(9, 10)),
    ),
)


def dashboard(catalogue: Catalogue) -> Dashboard:
    """Return the dashboard of hosts, processes and telemetry."""
    del catalogue
    return Dashboard(
        "platform",
        "Platform and telemetry",
        "Hosts and processes below the services, and whether what all dashboards show still arrives.",
        (
            Row("Alerts and targets", _TARGETS),
            Row("Hosts", _HOSTS),
            Row("Processes", _PROCESSES),
            Row("Telemetry on its way", telemetry.panels()),
        ),
        (parts.SOURCE, *parts.job_and_instance(e.UP), parts.TRACES, parts.LOGS),
        parts.happenings(),
    )
