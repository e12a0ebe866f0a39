"""What does a Letta server tell of its database? Each statement's duration, slow ones by name, and its connections.

The text of a statement stays out: what it does and to which table is enough to find it, and a literal could be content.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from opentelemetry import metrics as otel_metrics
from opentelemetry import trace
from opentelemetry.metrics import Observation
from opentelemetry.trace import SpanKind, Status, StatusCode
from sqlalchemy import event
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from letta_otel.bounds import OTHER, Bound
from letta_otel.conventions import attributes as names
from letta_otel.conventions import metrics
from letta_otel.instruments import counter, histogram, watched
from letta_otel.letta.tracing import SCOPE

SYSTEM: Final = "postgresql"
_SLOW_S: Final = 1.0
_SHORTEST_SPAN_S: Final = 0.005  # a message has hundreds of statements, most of them shorter
_OPERATIONS: Final = {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "CREATE", "ALTER", "SET", "SHOW"}
_TABLE: Final = re.compile(r'\b(?:FROM|INTO|UPDATE)\s+"?([A-Za-z_][A-Za-z0-9_]*)', re.IGNORECASE)
_DISTANCE: Final = re.compile(r"<=>|<->|<#>|<\+>")  # pgvector's operators

_log = logging.getLogger("letta_otel.database")


def change(module: Any) -> None:
    """Watch the engine that Letta made."""
    watch(module.engine.sync_engine, "letta")


def watch(engine: Any, pool_name: str) -> None:
    """Watch an engine of SQLAlchemy: its statements, and the connections of its pool, which gets this name."""
    meter = otel_metrics.get_meter(SCOPE)
    statements = _Statements()
    event.listen(engine, "before_cursor_execute", statements.begin)
    event.listen(engine, "after_cursor_execute", statements.end)
    event.listen(engine, "handle_error", statements.fail)
    pool = _Pool(engine.pool, pool_name)
    event.listen(engine, "do_connect", pool.begin)
    event.listen(engine.pool, "connect", pool.connected)
    event.listen(engine.pool, "checkout", pool.taken)
    event.listen(engine.pool, "checkin", pool.given_back)
    if not _pools:  # a second instrument of one name would not be asked
        watched(meter, metrics.DB_CLIENT_CONNECTION_COUNT, lambda: [one for pool in _pools for one in pool.count()])
        watched(meter, metrics.DB_CLIENT_CONNECTION_MAX, lambda: [one for pool in _pools for one in pool.most()])
    _pools.append(pool)


class _Statements:
    def __init__(self) -> None:
        meter = otel_metrics.get_meter(SCOPE)
        self._tracer = trace.get_tracer(SCOPE)
        self._durations = histogram(meter, metrics.DB_CLIENT_OPERATION_DURATION)
        self._searches = histogram(meter, metrics.LETTA_DB_VECTOR_SEARCH_DURATION)
        self._tables = Bound(most=60)  # Letta has 49
        self._error_types = Bound()

    def begin(self, _connection: Any, _cursor: Any, _statement: str, _given: Any, context: Any, _many: bool) -> None:
        context._letta_otel_began = (time.monotonic(), time.time_ns())

    def end(self, _connection: Any, _cursor: Any, statement: str, _given: Any, context: Any, _many: bool) -> None:
        self._tell(statement, context, None)

    def fail(self, failure: Any) -> None:
        if failure.statement is not None and failure.execution_context is not None:
            self._tell(failure.statement, failure.execution_context, type(failure.original_exception).__name__)

    def _tell(self, statement: str, context: Any, error_type: str | None) -> None:
        began = getattr(context, "_letta_otel_began", None)
        if began is None:  # it failed before it was sent
            return
        took_s = time.monotonic() - began[0]
        table = self._table(statement)
        of_error = {} if error_type is None else {names.ERROR_TYPE: self._error_types(error_type)}
        of_table = {} if table is None else {names.DB_COLLECTION_NAME: table}
        labels = {names.DB_SYSTEM_NAME: SYSTEM, names.DB_OPERATION_NAME: _operation(statement), **of_table, **of_error}
        self._durations.record(took_s, labels)
        is_search = _DISTANCE.search(statement) is not None
        if is_search:
            self._searches.record(took_s, {**of_table, **of_error})
        if took_s >= _SHORTEST_SPAN_S or error_type is not None:
            span = self._tracer.start_span(
                f"{labels[names.DB_OPERATION_NAME]} {SYSTEM}",
                kind=SpanKind.CLIENT,
                attributes={**labels, names.LETTA_DB_IS_VECTOR_SEARCH: is_search},
                start_time=began[1],
            )
            if error_type is not None:
                span.set_status(Status(StatusCode.ERROR))
            span.end(began[1] + int(took_s * 1e9))
        if took_s >= _SLOW_S:
            _log.warning("slow statement: %s %s took %.1f s", labels[names.DB_OPERATION_NAME], table or "", took_s)

    def _table(self, statement: str) -> str | None:
        found = _TABLE.search(statement)
        return self._tables(found[1].lower()) if found else None


class _Pool:
    """The connections of one pool, counted as they come and go: a pool that keeps none says nothing of itself."""

    def __init__(self, pool: Any, name: str) -> None:
        meter = otel_metrics.get_meter(SCOPE)
        self._pool = pool
        self._name = {names.DB_CLIENT_CONNECTION_POOL_NAME: name}
        self._used = 0
        self._create_times = histogram(meter, metrics.DB_CLIENT_CONNECTION_CREATE_TIME)
        self._wait_times = histogram(meter, metrics.DB_CLIENT_CONNECTION_WAIT_TIME)
        self._use_times = histogram(meter, metrics.DB_CLIENT_CONNECTION_USE_TIME)
        self._timeouts = counter(meter, metrics.DB_CLIENT_CONNECTION_TIMEOUTS, self._name)
        pool._do_get = self._timed(pool._do_get)

    def begin(self, _dialect: Any, record: Any, _args: Any, _given: Any) -> None:
        record.info["letta_otel.connecting"] = time.monotonic()

    def connected(self, _connection: Any, record: Any) -> None:
        began = record.info.pop("letta_otel.connecting", None)
        if began is not None:
            self._create_times.record(time.monotonic() - began, self._name)

    def taken(self, _connection: Any, record: Any, _proxy: Any) -> None:
        self._used += 1
        record.info["letta_otel.taken"] = time.monotonic()

    def given_back(self, _connection: Any, record: Any) -> None:
        began = record.info.pop("letta_otel.taken", None)
        if began is not None:  # SQLAlchemy gives back, too, what was never taken
            self._used -= 1
            self._use_times.record(time.monotonic() - began, self._name)

    def count(self) -> Iterator[Observation]:
        idle = self._pool.checkedin() if hasattr(self._pool, "checkedin") else 0
        yield Observation(self._used, {**self._name, names.DB_CLIENT_CONNECTION_STATE: "used"})
        yield Observation(idle, {**self._name, names.DB_CLIENT_CONNECTION_STATE: "idle"})

    def most(self) -> Iterator[Observation]:
        overflow = getattr(self._pool, "_max_overflow", None)
        if overflow is not None and overflow >= 0:  # -1: as many as there are
            yield Observation(self._pool.size() + overflow, self._name)

    def _timed(self, get: Callable[[], Any]) -> Callable[[], Any]:
        def timed() -> Any:
            began = time.monotonic()
            try:
                return get()
            except PoolTimeoutError:
                self._timeouts.add(1, self._name)
                raise
            finally:
                self._wait_times.record(time.monotonic() - began, self._name)

        return timed


def _operation(statement: str) -> str:
    word = statement.lstrip().partition(" ")[0].upper()
    return word if word in _OPERATIONS else OTHER


_pools: Final[list[_Pool]] = []
