"""OpenTelemetry for the Redis bridge of a Letta agent server.

`letta_otel.telemetry`, `logs` and `of_process` need the SDK; the rest needs `opentelemetry-api`, and is silent without
an SDK.
"""
