"""How does a worker on another machine look, on this one? Locust with two answers planted.

It sees no folder but its own, and its boot is another's, so that it sends what it records and sets its start by the
measured offset of the clocks. A stand-in: the network is loopback, and the clock that it measures is its own.
"""

from __future__ import annotations

import runpy

import locust  # noqa: F401 (it patches the standard library, before anything of ours is imported)

from loadgen import member

if __name__ == "__main__":
    setattr(member, "_sees", lambda _witness: False)  # noqa: B010 (a private name, planted on purpose)
    setattr(member, "boot_id", lambda: "another-machine")  # noqa: B010 (an imported name, planted on purpose)
    runpy.run_module("locust", run_name="__main__", alter_sys=True)
