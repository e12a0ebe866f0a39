"""Does every panel show something, and something sane? Grafana's JSON, asked query by query at a real Prometheus.

`reading` takes what is asked out of a dashboard, `filling` puts values in the place of variables, `static` looks at the
expressions alone, `proving` asks and judges, `coverage` finds what is exposed and shown nowhere, and `preview` draws.
"""
