"""How far is work that is counted? A bar with the time left on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_PLAIN_EVERY_S = 10.0


@contextmanager
def counting(console: Console, verb: str, total: int) -> Iterator[Callable[[int, int], None]]:
    """Yield what takes the number that is done and the total, and shows them while the block lasts."""
    bar = Progress(
        TextColumn("{task.description:<9}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
    task = bar.add_task(verb, total=total)
    begun_s = said_s = time.monotonic()
    first: int | None = None

    def show(done: int, of: int) -> None:
        nonlocal said_s, first
        first = done - 1 if first is None else first
        bar.update(task, completed=done, total=of)
        now_s = time.monotonic()
        if not console.is_terminal and now_s - said_s >= _PLAIN_EVERY_S:
            said_s = now_s
            left_s = (now_s - begun_s) / (done - first) * (of - done)
            console.print(f"  {verb:<9} {done:,} of {of:,}, about {left_s:,.0f} s left")

    with bar:
        yield show
