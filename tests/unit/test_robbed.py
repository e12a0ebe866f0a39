"""A failure while the hypervisor had the machine is asked again; any other is a failure."""

from __future__ import annotations

import pytest

from bench.machine import Stolen
from tests.robbed import ROBBED, Robbed

pytest_plugins = ["pytester"]

GOOD = "def test_good(): pass\n"
BAD = "def test_bad(): assert False\n"
BAD_SETUP = """
import pytest
@pytest.fixture
def broken(): raise OSError
def test_of_it(broken): pass
"""


def stolen_percent(*percents: float) -> type[Stolen]:
    """A test double of the measurement: the share stolen during each test, in their order."""
    left = iter(percents)

    class Told(Stolen):
        def __exit__(self, *_: object) -> None:
            self.percent = next(left)

    return Told


@pytest.mark.parametrize(
    ("tests", "percents", "status"),
    [
        (GOOD, [50.0], 0),
        (BAD, [0.2], 1),
        (BAD, [50.0], ROBBED),
        (BAD_SETUP, [50.0], ROBBED),
        (GOOD + BAD, [50.0, 0.2], 1),
        (BAD + BAD.replace("bad", "bad_too"), [50.0, 0.2], 1),
        (BAD + BAD.replace("bad", "bad_too"), [50.0, 2.0], ROBBED),
    ],
)
def test_only_where_every_failed_test_was_robbed_is_it_asked_again(
    pytester: pytest.Pytester, tests: str, percents: list[float], status: int
) -> None:
    pytester.makepyfile(tests)
    assert pytester.inline_run(plugins=[Robbed(stolen_percent(*percents))]).ret == status


def test_what_was_taken_is_said(pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    pytester.makepyfile(BAD)
    pytester.inline_run(plugins=[Robbed(stolen_percent(34.0))])
    assert "the hypervisor took 34.0 % of this machine while test_what_was_taken_is_said.py::test_bad failed" in (
        capsys.readouterr().out
    )


def test_a_file_that_cannot_be_read_is_no_matter_of_the_machine(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import nothing_of_this_name")
    assert pytester.inline_run(plugins=[Robbed(stolen_percent())]).ret == pytest.ExitCode.INTERRUPTED
