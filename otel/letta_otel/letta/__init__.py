"""An add-on for the Letta server 0.16.4: mends its telemetry from outside, without a change to its code.

It is loaded by one variable, `PYTHONPATH=<where letta_otel is>/letta_otel/letta/autoload`, and does nothing unless
Letta's own `LETTA_OTEL_EXPORTER_OTLP_ENDPOINT` is set. It runs in Letta's environment, with Letta's pins
(opentelemetry-api 1.30), and needs nothing that is not there: wrapt comes with Letta's instrumentation, SQLAlchemy is
Letta's own.
"""
