"""What does `letta-slo probe` record in ten minutes with a fault in the middle, and what does it cost?

The testbed, two probes (straight and through the bridge) every five seconds; Letta is down from 300 s to 330 s.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path

import psutil

from testbed.embedded import EmbeddedTestbed

_LENGTH_S = 600.0
_EVERY_S = 5
_FAULT_AT_S, _FAULT_S = 300.0, 30.0


def run(folder: Path) -> None:
    """Measure once and print."""
    print(f"repetitions: 1, of {_LENGTH_S:g} s")
    waiting = threading.Event()
    with EmbeddedTestbed(folder / "parts", agent_tag="letta-slo-run-bench") as bed:
        verb = [str(Path(sys.executable).with_name("letta-slo")), "probe", "--every", str(_EVERY_S), "--port", "0"]
        command = [*verb, "--letta-url", bed.letta_url, "--redis-url", bed.redis.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            waiting.wait(_FAULT_AT_S)
            bed.take_letta_down(_FAULT_S)
            waiting.wait(_LENGTH_S - _FAULT_AT_S)
            seen = psutil.Process(process.pid)
            cpu_s, rss_mib = sum(seen.cpu_times()[:2]), seen.memory_info().rss / 2**20
            process.terminate()  # not SIGINT, which a shell makes its background jobs ignore
            output, _ = process.communicate(timeout=60)
    print(re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", output).rstrip())
    print(f"cost: {cpu_s:.2f} s of CPU ({cpu_s / _LENGTH_S:.2%} of a core), {rss_mib:.0f} MiB")
