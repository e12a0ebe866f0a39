"""How does the Redis below the bridge do?"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from dashboards import exporters as e
from dashboards.content import parts
from dashboards.queries import rate, summed
from dashboards.spec import Colour, Kind, Panel, Query, Step, ToDashboard, ToRunbook, Unit

_NOT_EXPORTED: Final = "No redis_exporter is scraped by this Prometheus."
_BY: Final = ("instance",)


_EACH, _TOOK = rate(e.REDIS_COMMANDS, by=("cmd",)), rate(e.REDIS_COMMAND_SECONDS, by=("cmd",))
PANELS: Final = (
    Panel(
        "Redis is up",
        Kind.STATES,
        "Whether the exporter reaches its Redis.",
        queries=(Query(f"min by (instance) ({e.REDIS_UP})", "{{instance}}"),),
        why="Without Redis nothing goes through the bridge, and senders fail.",
        do="Down: is it loading its append-only file after a restart? Its log says so.",
        no_data=_NOT_EXPORTED,
        steps=(Step(None, Colour.BAD), Step(Fraction(1), Colour.GOOD)),
        values=((0, "down", Colour.BAD), (1, "up", Colour.GOOD)),
        links=(
            ToRunbook("redis"),
            parts.TO_LOGS,
        ),
        width=6,
        height=7,
    ),
    Panel(
        "Memory of Redis",
        Kind.TIMESERIES,
        "What it uses, and what it may use where that is limited.",
        queries=(
            Query(f"max by (instance) ({e.REDIS_MEMORY})", "{{instance}} used"),
            Query(f"max by (instance) ({e.REDIS_MEMORY_MOST})", "{{instance}} allowed; 0 is no limit"),
        ),
        why="A full Redis refuses writes, or throws keys away.",
        do="Near what is allowed: are lists growing? See the queue above.",
        unit=Unit.BYTES,
        no_data=_NOT_EXPORTED,
        links=(
            ToRunbook("redis"),
            ToDashboard("platform", "Platform"),
        ),
        width=6,
        height=7,
    ),
    Panel(
        "Commands of Redis",
        Kind.TIMESERIES,
        "Commands a second, by command.",
        queries=(Query(f"topk(10, {_EACH})", "{{cmd}}"),),
        why="A loop that asks without pause shows here first.",
        do="One command far above the load: who sends it? `CLIENT LIST`.",
        unit=Unit.EVENTS_A_SECOND,
        no_data=_NOT_EXPORTED,
        is_stacked=True,
        width=6,
        height=7,
    ),
    Panel(
        "Duration of a command",
        Kind.TIMESERIES,
        "Mean time inside Redis, the ten slowest commands.",
        queries=(
            Query(
                f"topk(10, {_TOOK} / ({_EACH} > 0))",
                "{{cmd}}",
            ),
        ),
        why="Redis does one thing at a time: a slow command makes all others wait.",
        do="Above a millisecond: `SLOWLOG GET`. Scripts of the bridge are `eval` and `evalsha`.",
        unit=Unit.SECONDS,
        no_data=_NOT_EXPORTED,
        width=6,
        height=7,
    ),
    Panel(
        "Clients of Redis",
        Kind.TIMESERIES,
        "Connected clients, those that wait in a blocking command, and how many there may be.",
        queries=(
            Query(f"max by (instance) ({e.REDIS_CLIENTS})", "{{instance}} connected"),
            Query(f"max by (instance) ({e.REDIS_BLOCKED})", "{{instance}} waiting"),
            Query(f"max by (instance) ({e.REDIS_CLIENTS_MOST})", "{{instance}} allowed"),
        ),
        why="Clients that are not let go end in refused connections.",
        do="A steady rise: somebody opens connections and does not close them.",
        unit=Unit.NUMBER,
        no_data=_NOT_EXPORTED,
        links=(parts.TO_LOGS,),
        width=12,
        height=7,
    ),
    Panel(
        "What Redis refuses or drops",
        Kind.TIMESERIES,
        "A second: connections refused, replies that are errors, keys thrown away for want of memory.",
        queries=(
            Query(summed(f"rate({e.REDIS_REJECTED}[$__rate_interval])", _BY), "{{instance}} refused"),
            Query(summed(f"rate({e.REDIS_ERROR_REPLIES}[$__rate_interval])", _BY), "{{instance}} errors"),
            Query(summed(f"rate({e.REDIS_EVICTED}[$__rate_interval])", _BY), "{{instance}} thrown away"),
        ),
        why="A key thrown away may be a message.",
        do="Thrown away: set maxmemory-policy to noeviction for a queue, and give it memory.",
        unit=Unit.EVENTS_A_SECOND,
        no_data=_NOT_EXPORTED,
        links=(ToRunbook("redis"),),
        width=6,
        height=7,
    ),
    Panel(
        "Append-only file",
        Kind.STAT,
        "Whether Redis writes each change to disk, and whether the last write went well.",
        queries=(
            Query(f"min by (instance) ({e.REDIS_AOF})", "{{instance}} on"),
            Query(f"min by (instance) ({e.REDIS_AOF_WRITTEN})", "{{instance}} written"),
        ),
        why="Without it a restart of Redis loses what lay in the queue.",
        do="Off: `appendonly yes`. Not written: the disk is full or broken.",
        links=(ToRunbook("redis"),),
        no_data=_NOT_EXPORTED,
        steps=(Step(None, Colour.BAD), Step(Fraction(1), Colour.GOOD)),
        values=((0, "no", Colour.BAD), (1, "yes", Colour.GOOD)),
        width=6,
        height=7,
    ),
)
