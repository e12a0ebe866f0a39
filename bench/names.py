"""Which names do a benchmark and its Locust child share?"""

from __future__ import annotations

RESULT_VARIABLE = "BENCH_RESULT"
AGENTS_VARIABLE = "BENCH_AGENTS"
PER_USER = 5.0  # requests a second that one user of the closed model is asked to keep
