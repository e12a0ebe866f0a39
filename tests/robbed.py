"""Did a test fail while the hypervisor gave this machine to others? Then its failure says nothing: it is asked again.

What the suite promises (replies within 2 s, a request sent on time) no program can keep without a processor. A session
of which every failed test was robbed ends with `ROBBED`, and `tests/run` runs those tests again. One failure on a
machine that was left alone, and the session has failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bench.machine import Stolen

ROBBED = 75  # EX_TEMPFAIL of sysexits.h: try again later
MOST_STOLEN_PERCENT = 1.0  # of all CPU time while the test ran; quiet machines show 0.00 to 0.25


class Robbed:
    """A plugin of pytest that sets the exit status to `ROBBED` where each failed test was robbed."""

    def __init__(self, stolen: Callable[[], Stolen] = Stolen) -> None:
        self._new_stolen = stolen
        self._stolen_percent: dict[str, float] = {}
        self._failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        with self._new_stolen() as stolen:
            done = yield
        self._stolen_percent[item.nodeid] = stolen.percent
        return done

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.add(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if exitstatus == pytest.ExitCode.TESTS_FAILED and self._failed and all(map(self._was_robbed, self._failed)):
            session.exitstatus = ROBBED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for name in sorted(self._failed):
            percent = self._stolen_percent[name]
            terminalreporter.write_line(f"the hypervisor took {percent:.1f} % of this machine while {name} failed")

    def _was_robbed(self, name: str) -> bool:
        return self._stolen_percent[name] > MOST_STOLEN_PERCENT
