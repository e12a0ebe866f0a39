"""Which messages do master and workers of a run exchange? Names on Locust's own channel, one direction each.

In the order of a run: the master gives each worker its place (PREPARE); the worker asks for the master's clock
(ASK_CLOCK, TELL_CLOCK) and says that it is ready or why not (READY); the master names the origin (GO). During the run,
a worker with a folder of its own sends what it wrote (PART) and hears how much is kept (KEPT), and a worker without a
pipe tells how far it is (PROGRESS). A live run ends with STOP; a worker that has ended, and has sent all, says DONE.
"""

from __future__ import annotations

PREPARE = "letta_slo_prepare"
ASK_CLOCK = "letta_slo_ask_clock"
TELL_CLOCK = "letta_slo_tell_clock"
READY = "letta_slo_ready"
GO = "letta_slo_go"
PART = "letta_slo_part"
KEPT = "letta_slo_kept"
PROGRESS = "letta_slo_progress"
STOP = "letta_slo_stop"
DONE = "letta_slo_done"
