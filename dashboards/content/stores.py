"""How do the stores of data do: statements and vectors as Letta sees them, its pools, and PostgreSQL itself?"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from letta_otel.conventions import attributes as a
from letta_otel.conventions import metrics as m

from alerts.platform.limits import begins_at
from dashboards import exporters as e
from dashboards.content import parts
from dashboards.queries import CHOSEN, count_of, error_share, label, quantile, rate, series
from dashboards.spec import Colour, Dashboard, Kind, Panel, Query, Row, Step, ToDashboard, ToRunbook, Unit
from slo.objective import Catalogue

_NO_ADDON: Final = "No statement in this range. They come from the add-on (letta-otel) in a Letta server."
_NO_POOL: Final = "No pool is exported: Letta's default keeps no connections, and says nothing of itself."
_NO_EXPORTER: Final = "No postgres_exporter is scraped by this Prometheus."
_POOL: Final = a.DB_CLIENT_CONNECTION_POOL_NAME
_BY_POOL: Final = f"{{{{{label(_POOL)}}}}}"
_OF_DATABASE: Final = 'datname!~"|template.*"'


_TOOK, _VECTORS = m.DB_CLIENT_OPERATION_DURATION, m.LETTA_DB_VECTOR_SEARCH_DURATION
_OPERATION, _TABLE, _ERROR = a.DB_OPERATION_NAME, a.DB_COLLECTION_NAME, label(a.ERROR_TYPE)
_BY_OPERATION = f"{{{{{label(_OPERATION)}}}}}"
_STATEMENTS: Final = (
    Panel(
        "Statements by command",
        Kind.TIMESERIES,
        "Statements a second.",
        queries=(Query(rate(count_of(_TOOK), *CHOSEN, by=(_OPERATION,)), _BY_OPERATION),),
        why="More statements for the same messages is a change of Letta, or of how agents use memory.",
        do="Beside the messages on Letta's dashboard.",
        unit=Unit.EVENTS_A_SECOND,
        no_data=_NO_ADDON,
        is_stacked=True,
        links=(ToDashboard("letta", "Letta"),),
        width=6,
    ),
    Panel(
        "Duration by command",
        Kind.TIMESERIES,
        "95th percentile of a statement, waiting for a connection not included.",
        queries=(Query(quantile("0.95", _TOOK, *CHOSEN, by=(_OPERATION,)), _BY_OPERATION, has_exemplars=True),),
        why="It tells a slow database from a slow model.",
        do="All rise: the machine of the database. One: its slowest table, beside.",
        unit=Unit.SECONDS,
        no_data=_NO_ADDON,
        steps=parts.from_alarm("DatabaseStatementsSlow"),
        links=(
            ToRunbook("database"),
            parts.TO_TRACES,
        ),
        width=6,
    ),
    Panel(
        "Slowest tables",
        Kind.TIMESERIES,
        "The ten tables with the longest 95th percentile.",
        queries=(Query(f"topk(10, {quantile('0.95', _TOOK, *CHOSEN, by=(_TABLE,))})", f"{{{{{label(_TABLE)}}}}}"),),
        why="One table without an index makes everything that reads it slow.",
        do="`EXPLAIN ANALYZE` of its statements, from a trace.",
        unit=Unit.SECONDS,
        no_data=_NO_ADDON,
        links=(parts.TO_TRACES,),
        width=6,
    ),
    Panel(
        "Failed statements",
        Kind.TIMESERIES,
        "Share of statements that failed, by command.",
        queries=(
            Query(error_share(count_of(_TOOK), *CHOSEN, failed=f'{_ERROR}!=""', by=(_OPERATION,)), _BY_OPERATION),
        ),
        why="Letta tries some of them again, so its own errors show fewer.",
        do="The log of Letta at that time has the class of error; PostgreSQL's has the reason.",
        unit=Unit.SHARE,
        no_data=_NO_ADDON,
        links=(
            ToRunbook("database"),
            parts.TO_LOGS,
        ),
        width=6,
    ),
    Panel(
        "Search among vectors",
        Kind.TIMESERIES,
        "Statements that order by the distance between vectors: median, 95th and 99th percentile.",
        queries=tuple(
            Query(quantile(q, _VECTORS, *CHOSEN), name, has_exemplars=q == "0.95")
            for q, name in (("0.5", "p50"), ("0.95", "p95"), ("0.99", "p99"))
        ),
        why="It grows with what agents remember, long before anything else does.",
        do="A rise over weeks: an index (HNSW) on the column of vectors, or fewer passages an agent.",
        unit=Unit.SECONDS,
        no_data="No search among vectors in this range.",
        steps=parts.from_alarm("VectorSearchSlow"),
        links=(
            ToRunbook("vector-search"),
            parts.TO_TRACES,
        ),
        width=12,
    ),
    Panel(
        "Searches among vectors by table",
        Kind.TIMESERIES,
        "Searches a second.",
        queries=(Query(rate(count_of(_VECTORS), *CHOSEN, by=(_TABLE,)), f"{{{{{label(_TABLE)}}}}}"),),
        why="Each message may search several times.",
        do="More of them for each message: a tool that searches in a loop.",
        unit=Unit.EVENTS_A_SECOND,
        no_data="No search among vectors in this range.",
        is_stacked=True,
        width=12,
    ),
)

_COUNT, _MOST = m.DB_CLIENT_CONNECTION_COUNT.prometheus, m.DB_CLIENT_CONNECTION_MAX.prometheus
_STATE = a.DB_CLIENT_CONNECTION_STATE
_WAITS, _USES = m.DB_CLIENT_CONNECTION_WAIT_TIME, m.DB_CLIENT_CONNECTION_USE_TIME
_IN_ALL = f"sum by ({label(_POOL)})"
_IN_USE = series(_COUNT, *CHOSEN, f'{label(_STATE)}="used"')
_USED = f"{_IN_ALL} ({_IN_USE})"
_POOLS: Final = (
    Panel(
        "Connections by state",
        Kind.TIMESERIES,
        "Connections of each pool, over all processes, and how many there may be where that is limited.",
        queries=(
            Query(
                f"sum by ({label(_POOL)}, {label(_STATE)}) ({series(_COUNT, *CHOSEN)})",
                f"{_BY_POOL} {{{{{label(_STATE)}}}}}",
            ),
            Query(f"{_IN_ALL} ({series(_MOST, *CHOSEN)})", f"{_BY_POOL} allowed"),
        ),
        why="A pool at its limit makes requests wait, and looks like a slow database.",
        do="At the limit: larger, or shorter use of each connection; see beside.",
        unit=Unit.NUMBER,
        no_data=_NO_POOL,
        width=5,
    ),
    Panel(
        "Use of the pool",
        Kind.TIMESERIES,
        "Connections in use as a share of what is allowed.",
        queries=(Query(f"{_USED} / ({_IN_ALL} ({series(_MOST, *CHOSEN)}) > 0)", _BY_POOL),),
        why="Waiting begins before the last connection is given away.",
        do="Above four fifths for minutes: find who holds connections longest.",
        unit=Unit.SHARE,
        links=(ToRunbook("database"),),
        no_data="No pool with a limit is exported.",
        steps=parts.above(begins_at("PoolNearItsCeiling"), Fraction(1)),
        maximum=1,
        width=5,
    ),
    Panel(
        "Waiting for a connection",
        Kind.TIMESERIES,
        "95th percentile, with the making of a new one in it, and of that making alone.",
        queries=(
            Query(quantile("0.95", _WAITS, *CHOSEN, by=(_POOL,)), f"{_BY_POOL} wait"),
            Query(quantile("0.95", m.DB_CLIENT_CONNECTION_CREATE_TIME, *CHOSEN, by=(_POOL,)), f"{_BY_POOL} make"),
        ),
        why="It is in the duration of a request, and in that of no statement.",
        do="Waiting without making: the pool is too small. Making: keep connections open.",
        unit=Unit.SECONDS,
        no_data=_NO_POOL,
        width=5,
    ),
    Panel(
        "Holding a connection",
        Kind.TIMESERIES,
        "95th percentile of how long somebody had a connection.",
        queries=(Query(quantile("0.95", _USES, *CHOSEN, by=(_POOL,)), _BY_POOL),),
        why="A connection held during a call to a model is missing for seconds.",
        do="Seconds: a transaction that stays open over a call; see idle in transaction, below.",
        unit=Unit.SECONDS,
        no_data=_NO_POOL,
        links=(parts.TO_TRACES,),
        width=5,
    ),
    Panel(
        "Gave up waiting",
        Kind.TIMESERIES,
        "How often a second nobody gave a connection back in time.",
        queries=(Query(rate(m.DB_CLIENT_CONNECTION_TIMEOUTS.prometheus, *CHOSEN, by=(_POOL,)), _BY_POOL),),
        why="Each is a request that failed without a statement.",
        do="Any: the pool is too small for this load, or somebody keeps connections.",
        unit=Unit.EVENTS_A_SECOND,
        no_data=_NO_POOL,
        steps=parts.NONE_ALLOWED,
        width=4,
    ),
)

_BY = ("datname",)
_HIT, _READ = (rate(name, _OF_DATABASE, by=_BY) for name in (e.PG_BLOCKS_HIT, e.PG_BLOCKS_READ))
_EVERY = f"sum by (state) ({series(e.PG_ACTIVITY)})"
_GIVEN: tuple[tuple[str, str, tuple[tuple[str, str], ...], str, str, Unit], ...] = (
    ("Connections to PostgreSQL", "Connections by state, and how many it takes.",
     ((_EVERY, "{{state}}"), (f"max({e.PG_CONNECTIONS_MOST})", "allowed")),
     "One too many, and every new process of Letta fails.",
     "Near what it takes: a pooler before it, or smaller pools.", Unit.NUMBER),
    ("Longest transaction", "How long the oldest transaction has been open, by state.",
     ((f"max by (state) ({e.PG_LONGEST})", "{{state}}"),),
     "It holds locks, and keeps old rows from being removed.",
     "Idle in transaction: a client that forgot it; `pg_terminate_backend`.", Unit.SECONDS),
    ("Transactions", "Ended a second: committed, rolled back, and ended as a deadlock.",
     ((rate(e.PG_COMMITS, _OF_DATABASE), "committed"), (rate(e.PG_ROLLBACKS, _OF_DATABASE), "rolled back"),
      (rate(e.PG_DEADLOCKS, _OF_DATABASE), "deadlocks")),
     "A roll-back is an error that somebody may have hidden.",
     "Rolled back above a hundredth, or any deadlock: the log of PostgreSQL has the statements.",
     Unit.EVENTS_A_SECOND),
    ("Reads answered from memory", "Share of blocks that were found in shared buffers, by database.",
     ((f"{_HIT} / ({_HIT} + {_READ} > 0)", "{{datname}}"),),
     "Below 99 % the disk decides how long a statement takes.",
     "A fall: data has outgrown shared_buffers, or a statement reads whole tables.", Unit.SHARE),
    ("Locks", "Locks held, by mode.",
     ((f"sum by (mode) ({e.PG_LOCKS})", "{{mode}}"),),
     "AccessExclusive makes every other statement on that table wait.",
     "One that stays: a migration, or a transaction that nobody ends.", Unit.NUMBER),
    ("Sorting on disk", "Bytes a second of sorting and hashing that did not fit into memory, by database.",
     ((rate(e.PG_TEMP_BYTES, _OF_DATABASE, by=_BY), "{{datname}}"),),
     "A slow statement that no index helps.",
     "Steadily above zero: raise work_mem, or find the statement that reads whole tables.",
     Unit.BYTES_A_SECOND),
    ("Size of databases", "Bytes on disk, by database.",
     ((f"max by (datname) ({series(e.PG_SIZE, _OF_DATABASE)})", "{{datname}}"),),
     "Disks fill slowly and then all at once.",
     "See the disk on the platform's dashboard, and how long it lasts.", Unit.BYTES),
)  # fmt: skip
_POSTGRES: Final = (
    Panel(
        "PostgreSQL is up",
        Kind.STATES,
        "Whether the exporter reaches its PostgreSQL.",
        queries=(Query(f"min by (instance) ({e.PG_UP})", "{{instance}}"),),
        why="Without it Letta answers nothing.",
        do="Down: its log; is the disk full, or all connections taken?",
        no_data=_NO_EXPORTER,
        steps=(Step(None, Colour.BAD), Step(Fraction(1), Colour.GOOD)),
        values=((0, "down", Colour.BAD), (1, "up", Colour.GOOD)),
        links=(
            ToRunbook("database"),
            ToDashboard("platform", "Platform"),
        ),
        width=6,
        height=7,
    ),
    *(
        Panel(
            title,
            Kind.TIMESERIES,
            what,
            queries=tuple(Query(expression, legend) for expression, legend in queries),
            why=why,
            do=do,
            unit=unit,
            no_data=_NO_EXPORTER,
            width=6,
            height=7,
        )
        for title, what, queries, why, do, unit in _GIVEN
    ),
)


def dashboard(catalogue: Catalogue) -> Dashboard:
    """Return the dashboard of the stores of data."""
    del catalogue  # no objective of the catalogue limits a statement by itself
    return Dashboard(
        "stores",
        "Data stores",
        "PostgreSQL with its vectors, from Letta's side and from its own, and the pools of connections between them.",
        (
            Row("Statements, as Letta sees them", _STATEMENTS),
            Row("Pools of connections", _POOLS),
            Row("PostgreSQL", _POSTGRES),
        ),
        (
            parts.SOURCE,
            *parts.job_and_instance(count_of(m.DB_CLIENT_OPERATION_DURATION)),
            parts.TRACES,
            parts.LOGS,
        ),
        parts.happenings(*CHOSEN),
    )
