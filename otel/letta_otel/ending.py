"""How does a process end without losing what it has not sent yet?"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Final

STOP_S: Final = 5.0  # a pod has 30 s to end by default, and its requests come first


def within(seconds: float, shut_down: Callable[[], None]) -> bool:
    """Call it, and wait for so many seconds at most; return whether it was done by then.

    The SDK's own flush may wait for a minute whatever limit it is given.
    """
    ending = threading.Thread(target=shut_down, name="letta_otel stop", daemon=True)
    ending.start()
    ending.join(seconds)
    return not ending.is_alive()


def on_sigterm(stop: Callable[[], object]) -> None:
    """Have it called before SIGTERM ends the process, where nobody else handles the signal; only the main thread may.

    A program that puts its own handler in this place and ours back at its end, as uvicorn does, is served, too.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return

    def end(number: int, _: FrameType | None) -> None:
        stop()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # so that whoever waits for this process sees how it ended

    signal.signal(signal.SIGTERM, end)
