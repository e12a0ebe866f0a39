"""Counted work shows how far it is, also where there is no terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from letta_slo import counting


def test_without_a_terminal_a_line_says_how_much_is_done_and_how_long_the_rest_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = iter([100.0, 101.0, 110.0, 112.0, 120.0])
    monkeypatch.setattr("letta_slo.counting.time.monotonic", lambda: next(seconds))
    text = io.StringIO()
    with counting.counting(Console(file=text, width=200), "agents", 1000) as show:
        for done in (601, 650, 660, 700):  # 600 were there when it began
            show(done, 1000)
    assert text.getvalue().splitlines() == [
        "  agents    650 of 1,000, about 70 s left",  # 50 in 10 s
        "  agents    700 of 1,000, about 60 s left",  # 100 in 20 s
    ]


def test_on_a_terminal_a_bar_says_it() -> None:
    text = io.StringIO()
    console = Console(file=text, width=100, force_terminal=True, no_color=True)
    with counting.counting(console, "agents", 1000) as show:
        show(400, 1000)
    assert "400/1000" in text.getvalue()
    assert "left" in text.getvalue()


def test_a_quiet_console_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "_PLAIN_EVERY_S", 0.0)
    text = io.StringIO()
    with counting.counting(Console(file=text, quiet=True), "agents", 2) as show:
        show(1, 2)
    assert text.getvalue() == ""
