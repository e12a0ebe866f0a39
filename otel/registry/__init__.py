"""The names of all telemetry, as data in the format of OpenTelemetry's semantic conventions, and what is made of it."""
