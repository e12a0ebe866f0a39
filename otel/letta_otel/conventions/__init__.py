"""The names of all telemetry of a Letta deployment with its bridge; `otel/registry/` is where they are decided."""
