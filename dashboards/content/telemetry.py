"""Does telemetry arrive: from the queues of processes, through the collector, to the cloud?"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from letta_otel.conventions import attributes as a
from letta_otel.conventions import metrics as m
from letta_otel.conventions.kinds import Metric

from alerts.platform.limits import begins_at
from dashboards import exporters as e
from dashboards.content import parts
from dashboards.queries import classed, label, rate, spelled
from dashboards.spec import Kind, Panel, Query, ToRunbook, Unit

_NO_COLLECTOR: Final = "No collector exports this: is one running, and does it send its own metrics?"
_NO_PROCESS: Final = "No process exports this: is letta_otel on?"
_BY_EXPORTER: Final = "{{exporter}}"


def panels() -> tuple[Panel, ...]:
    """Return the panels on what is on its way, and on what was lost there."""
    return (*_in_processes(), *_in_collector())


def _in_processes() -> tuple[Panel, ...]:
    error = label(a.ERROR_TYPE)
    spans, logs = m.OTEL_SDK_PROCESSOR_SPAN_PROCESSED, m.OTEL_SDK_PROCESSOR_LOG_PROCESSED
    return (
        Panel(
            "Queues in processes",
            Kind.TIMESERIES,
            "How full the queues of spans and of log records are, the fullest of each job.",
            queries=(
                Query(
                    _full(m.OTEL_SDK_PROCESSOR_SPAN_QUEUE_SIZE, m.OTEL_SDK_PROCESSOR_SPAN_QUEUE_CAPACITY),
                    "{{job}} spans",
                ),
                Query(
                    _full(m.OTEL_SDK_PROCESSOR_LOG_QUEUE_SIZE, m.OTEL_SDK_PROCESSOR_LOG_QUEUE_CAPACITY), "{{job}} logs"
                ),
            ),
            why="A full queue drops what comes, and the request goes on as if nothing were.",
            do="Full: does the collector on its node answer?",
            unit=Unit.SHARE,
            no_data=_NO_PROCESS,
            steps=parts.above(begins_at("CollectorQueueFills"), Fraction(9, 10)),
            maximum=1,
            width=6,
        ),
        Panel(
            "Spans and log records",
            Kind.TIMESERIES,
            "A second, through the queues of processes. Those with a class of error were dropped there.",
            queries=(
                Query(
                    classed(rate(spans.prometheus, by=("job", a.ERROR_TYPE)), a.ERROR_TYPE),
                    f"{{{{job}}}} spans {{{{{error}}}}}",
                ),
                Query(
                    classed(rate(logs.prometheus, by=("job", a.ERROR_TYPE)), a.ERROR_TYPE),
                    f"{{{{job}}}} logs {{{{{error}}}}}",
                ),
            ),
            why="What is dropped here is missing in traces, and nobody else counts it.",
            do="queue_full: more memory for the queue, or a collector that answers faster.",
            unit=Unit.EVENTS_A_SECOND,
            no_data=_NO_PROCESS,
            width=6,
        ),
    )


def _full(size: Metric, capacity: Metric) -> str:
    return f"max by (job) ({size.prometheus} / {capacity.prometheus})"


def _in_collector() -> tuple[Panel, ...]:
    exporter, receiver = ("exporter",), ("receiver",)
    return (
        Panel(
            "Taken by the collector",
            Kind.TIMESERIES,
            "Spans, points of metrics and log records a second that receivers took.",
            queries=(Query(spelled(e.COLLECTOR_ACCEPTED, by=receiver), "{{receiver}}"),),
            why="None means that nothing arrives from any process.",
            do="None: is the collector's address right in the environment of the processes?",
            unit=Unit.EVENTS_A_SECOND,
            no_data=_NO_COLLECTOR,
            is_stacked=True,
            width=6,
        ),
        Panel(
            "Sent by the collector",
            Kind.TIMESERIES,
            "Items a second that exporters handed over to APM, AOM and the agents' gateway.",
            queries=(Query(spelled(e.COLLECTOR_SENT, by=exporter), _BY_EXPORTER),),
            why="Taken and not sent is waiting, or lost.",
            do="Less than taken: queues and failures beside. Traces are sampled, so fewer of them is meant.",
            unit=Unit.EVENTS_A_SECOND,
            no_data=_NO_COLLECTOR,
            is_stacked=True,
            width=6,
        ),
        Panel(
            "Queues of the collector",
            Kind.TIMESERIES,
            "How full each queue of an exporter is.",
            queries=(
                Query(
                    f"max by (exporter, data_type) ({e.COLLECTOR_QUEUE} / {e.COLLECTOR_QUEUE_MOST})",
                    f"{_BY_EXPORTER} {{{{data_type}}}}",
                ),
            ),
            why="It fills while a backend is down, and then the collector refuses.",
            do="It fills: does the backend answer? `letta-slo doctor` says for each.",
            unit=Unit.SHARE,
            no_data=_NO_COLLECTOR,
            steps=parts.above(begins_at("CollectorQueueFills"), Fraction(9, 10)),
            maximum=1,
            width=6,
        ),
        *_lost(exporter, receiver),
    )


def _lost(exporter: tuple[str, ...], receiver: tuple[str, ...]) -> tuple[Panel, ...]:
    def or_none(expression: str, name: str) -> str:
        # These counters appear with the first loss. None is 0 where a collector is there to say so.
        return f'{expression} or on () label_replace(0 * sum({e.COLLECTOR_QUEUE_MOST}), "{name}", "any", "", "")'

    failed = or_none(spelled(e.COLLECTOR_SEND_FAILED, by=exporter), "exporter")
    enqueue = or_none(spelled(e.COLLECTOR_ENQUEUE_FAILED, by=exporter), "exporter")
    refused = or_none(spelled(e.COLLECTOR_REFUSED, by=receiver), "receiver")
    lts = f"{spelled(e.COLLECTOR_LTS_LOST)} or 0 * sum({e.COLLECTOR_QUEUE_MOST})"
    given = (
        ("Given up by exporters", "Items a second that a backend refused for good.", failed, _BY_EXPORTER,
         "A wrong token makes a collector take everything and lose it.",
         "Any: token and address of that exporter. What was lost does not come back."),
        ("Full queues", "Items a second for which a queue had no room.", enqueue, _BY_EXPORTER,
         "The backend was down for longer than the disk holds.",
         "More disk, or a backend that comes back."),
        ("Refused by receivers", "Items a second that the collector did not take; senders keep them for a while.",
         refused, "{{receiver}}",
         "It is short of memory, or its queues are full.",
         "More memory, or more gateways."),
        ("Not sent to LTS", "A second: records too old for LTS, and requests that it refused.", lts,
         "records or requests",
         "LTS would drop what is too old without a word; our exporter counts it.",
         "Refused: the credentials; records wait until they are mended."),
    )  # fmt: skip
    return tuple(
        Panel(
            title,
            Kind.TIMESERIES,
            what,
            queries=(Query(expression, legend),),
            why=why,
            do=do,
            unit=Unit.EVENTS_A_SECOND,
            no_data=_NO_COLLECTOR,
            steps=parts.NONE_ALLOWED,
            links=(ToRunbook("collector"), parts.TO_LOGS),
            width=6,
            height=7,
        )
        for title, what, expression, legend, why, do in given
    )
