"""What are the series called that others export: host, Redis, PostgreSQL, the collector, Prometheus itself?

As node_exporter 1.5, redis_exporter 1.45, postgres_exporter 0.11.1 and our collector (of the upstream 0.155) were seen
to export them. Names of ours stand in `letta_otel.conventions` and `alerts.names`.
"""

from __future__ import annotations

from typing import Final

# Prometheus itself, of each target and of each process that has a start.
UP: Final = "up"
SCRAPE_DURATION: Final = "scrape_duration_seconds"
ALERTS: Final = "ALERTS"
TARGET_INFO: Final = "target_info"
PROCESS_START: Final = "process_start_time_seconds"
PROCESS_OPEN_FDS: Final = "process_open_fds"
PROCESS_MAX_FDS: Final = "process_max_fds"

# node_exporter
NODE_CPU: Final = "node_cpu_seconds_total"
NODE_LOAD: Final = "node_load1"
NODE_MEMORY_AVAILABLE: Final = "node_memory_MemAvailable_bytes"
NODE_MEMORY_TOTAL: Final = "node_memory_MemTotal_bytes"
NODE_DISK_BUSY: Final = "node_disk_io_time_seconds_total"
NODE_FILESYSTEM_FREE: Final = "node_filesystem_avail_bytes"
NODE_FILESYSTEM_SIZE: Final = "node_filesystem_size_bytes"
NODE_NETWORK_IN: Final = "node_network_receive_bytes_total"
NODE_NETWORK_OUT: Final = "node_network_transmit_bytes_total"
NODE_TCP_RETRANSMITTED: Final = "node_netstat_Tcp_RetransSegs"
NODE_TCP_SENT: Final = "node_netstat_Tcp_OutSegs"

# redis_exporter
REDIS_UP: Final = "redis_up"
REDIS_CLIENTS: Final = "redis_connected_clients"
REDIS_CLIENTS_MOST: Final = "redis_config_maxclients"
REDIS_BLOCKED: Final = "redis_blocked_clients"
REDIS_MEMORY: Final = "redis_memory_used_bytes"
REDIS_MEMORY_MOST: Final = "redis_memory_max_bytes"
REDIS_COMMANDS: Final = "redis_commands_total"
REDIS_COMMAND_SECONDS: Final = "redis_commands_duration_seconds_total"
REDIS_EVICTED: Final = "redis_evicted_keys_total"
REDIS_REJECTED: Final = "redis_rejected_connections_total"
REDIS_ERROR_REPLIES: Final = "redis_total_error_replies"
REDIS_AOF: Final = "redis_aof_enabled"
REDIS_AOF_WRITTEN: Final = "redis_aof_last_write_status"

# postgres_exporter; those of pg_stat_database are counters without a name that says so.
PG_UP: Final = "pg_up"
PG_ACTIVITY: Final = "pg_stat_activity_count"
PG_LONGEST: Final = "pg_stat_activity_max_tx_duration"
PG_CONNECTIONS_MOST: Final = "pg_settings_max_connections"
PG_COMMITS: Final = "pg_stat_database_xact_commit"
PG_ROLLBACKS: Final = "pg_stat_database_xact_rollback"
PG_BLOCKS_HIT: Final = "pg_stat_database_blks_hit"
PG_BLOCKS_READ: Final = "pg_stat_database_blks_read"
PG_DEADLOCKS: Final = "pg_stat_database_deadlocks"
PG_TEMP_BYTES: Final = "pg_stat_database_temp_bytes"
PG_SIZE: Final = "pg_database_size_bytes"
PG_LOCKS: Final = "pg_locks_count"

# The collector. Its counters end in `_total` when they come by remote write, and do not on its own page.
COLLECTOR_ACCEPTED: Final = (
    "otelcol_receiver_accepted_spans",
    "otelcol_receiver_accepted_metric_points",
    "otelcol_receiver_accepted_log_records",
)
COLLECTOR_REFUSED: Final = (
    "otelcol_receiver_refused_spans",
    "otelcol_receiver_refused_metric_points",
    "otelcol_receiver_refused_log_records",
)
COLLECTOR_SENT: Final = (
    "otelcol_exporter_sent_spans",
    "otelcol_exporter_sent_metric_points",
    "otelcol_exporter_sent_log_records",
)
COLLECTOR_SEND_FAILED: Final = (
    "otelcol_exporter_send_failed_spans",
    "otelcol_exporter_send_failed_metric_points",
    "otelcol_exporter_send_failed_log_records",
)
COLLECTOR_ENQUEUE_FAILED: Final = (
    "otelcol_exporter_enqueue_failed_spans",
    "otelcol_exporter_enqueue_failed_metric_points",
    "otelcol_exporter_enqueue_failed_log_records",
)
COLLECTOR_LTS_LOST: Final = ("otelcol_lts_records_not_sent", "otelcol_lts_requests_refused")
COLLECTOR_QUEUE: Final = "otelcol_exporter_queue_size"
COLLECTOR_QUEUE_MOST: Final = "otelcol_exporter_queue_capacity"

# `letta-slo probe`, whose room dashboards do not import; a test holds the names together.
PROBE_EVENTS: Final = "letta_slo_probe_events_total"
PROBE_GOOD: Final = "letta_slo_probe_good_total"
PROBE_DURATION: Final = "letta_slo_probe_response_duration_seconds"
PROBE_LAST_GOOD: Final = "letta_slo_probe_last_success_timestamp_seconds"
