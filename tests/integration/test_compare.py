"""Two run folders, or two servers driven in turns, compared by the real command, as a pipeline would see it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from letta_slo import exit_codes
from loadgen.plan import Phases
from loadgen.run_folder import RunFolder
from testbed.process import Part, python_part, start
from tests.made_runs import HEALTHY, INVALID, Story, make
from tests.processes import alive, eventually, generators_of

COMMAND = str(Path(sys.executable).with_name("letta-slo"))
MESSAGE = "letta-message-latency"
FAST = {"service_times": {"messages": {"median_ms": 100, "sigma": 0.2}}}
SLOW = {"service_times": {"messages": {"median_ms": 150, "sigma": 0.2}}}
SHORT = ("--pairs", "10", "--slice", "1", "--gap", "0.5", "--warmup", "1", "--only", MESSAGE)
pytestmark = pytest.mark.timeout(240)


def letta_slo(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments],
        capture_output=True,
        text=True,
        cwd=place,
        env={**os.environ, "COLUMNS": "200"},
        check=False,
    )


@contextmanager
def stubs(place: Path, *behaviours: dict[str, Any]) -> Iterator[list[str]]:
    """Start a stub of Letta for each behaviour; yields their addresses."""
    with ExitStack() as stack:
        urls = []
        for number, behaviour in enumerate(behaviours):
            command = python_part("testbed.letta_stub", "--port", "0", "--control-port", "0")
            command += ["--behaviour", json.dumps(behaviour)]
            part: Part = stack.enter_context(start(f"letta-stub-{number}", command, log_dir=place / "logs"))
            urls.append(str(part.announced["url"]))
        yield urls


def stored(place: Path, *stories: Story, rate_factor: float = 0.3) -> list[str]:
    names = [replace(story, name=f"{story.name}-{side}") for side, story in zip("ab", stories, strict=True)]
    return [str(make(place, story, rate_factor=rate_factor).path) for story in names]


def test_a_candidate_that_is_slower_is_found_when_both_are_driven_in_turns(tmp_path: Path) -> None:
    with stubs(tmp_path, FAST, SLOW) as (base, candidate):
        asked = ("--base-url", base, "--candidate-url", candidate, *SHORT, "--format", "json")
        done = letta_slo(tmp_path, "compare", *asked)
    assert done.returncode == exit_codes.MISSED, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["in_turns"] is True
    (p50,) = (one for one in said["figures"] if one["figure"] == "p50")
    assert p50["finding"] == "worse"
    assert p50["lower"] > 1
    folders = [RunFolder(path) for path in sorted((tmp_path / "runs").iterdir())]
    assert [folder.path.name.rsplit("-", 1)[1] for folder in folders] == ["base", "candidate"]
    assert_turns_were_kept(*folders)
    again = letta_slo(tmp_path, "compare", *(str(folder.path) for folder in folders), "--only", MESSAGE)
    assert again.returncode == exit_codes.MISSED, again.stdout + again.stderr
    assert "worse" in again.stdout


def assert_turns_were_kept(base: RunFolder, candidate: RunFolder) -> None:
    """Every request of a side was due in a window of its own, and both sides were sent the same requests."""
    for folder in (base, candidate):
        due_s = folder.samples["intended_ns"] / 1e9
        inside = np.zeros(len(due_s), bool)
        for begin, end in folder.plan.windows_s:
            inside |= (due_s >= begin) & (due_s < end)
        assert inside.all()
    assert (base.samples["operation"] == candidate.samples["operation"]).all()
    assert base.plan.origin_unix_ns == candidate.plan.origin_unix_ns


def test_an_interrupted_comparison_leaves_no_process_and_no_agent(tmp_path: Path) -> None:
    with stubs(tmp_path, FAST, FAST) as (base, candidate):
        asked = [COMMAND, "compare", "--base-url", base, "--candidate-url", candidate, "--tier", "tiny"]
        with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path) as run:
            process = psutil.Process(run.pid)
            eventually(lambda: len(generators_of(process)) == 2)
            threading.Event().wait(15)
            children = process.children(recursive=True)
            run.send_signal(signal.SIGINT)
            output, _ = run.communicate(timeout=60)
        assert run.returncode == exit_codes.INTERRUPTED, output
        assert output.count("removing what the run made") == 2
        eventually(lambda: not alive(children))
        for url in (base, candidate):
            assert "nothing of the suite" in letta_slo(tmp_path, "cleanup", "--letta-url", url).stdout


def test_a_server_that_is_not_there_has_its_own_exit_code(tmp_path: Path) -> None:
    with stubs(tmp_path, FAST) as (base,):
        done = letta_slo(tmp_path, "compare", "--base-url", base, "--candidate-url", "http://127.0.0.1:1")
    assert done.returncode == exit_codes.TARGET_UNREACHABLE, done.stdout + done.stderr


def test_runs_of_the_same_story_are_not_said_to_differ(tmp_path: Path) -> None:
    folders = stored(tmp_path, HEALTHY, HEALTHY)
    done = letta_slo(tmp_path, "compare", *folders, "--on-inconclusive", "0")
    assert done.returncode == exit_codes.MET, done.stdout + done.stderr
    assert "apart from each other" in done.stdout
    assert "STUB" in done.stdout


def test_a_candidate_that_fails_is_missed(tmp_path: Path) -> None:
    worse = replace(HEALTHY, errors_s=(5.0, 65.0), error_share=0.3)
    done = letta_slo(tmp_path, "compare", *stored(tmp_path, HEALTHY, worse), "--format", "markdown")
    assert done.returncode == exit_codes.MISSED, done.stdout + done.stderr
    assert done.stdout.startswith("## ❌ The candidate is worse")


def test_an_invalid_run_is_compared_with_nothing(tmp_path: Path) -> None:
    done = letta_slo(tmp_path, "compare", *stored(tmp_path, HEALTHY, INVALID))
    assert done.returncode == exit_codes.INVALID_RUN, done.stdout + done.stderr
    assert "invalid candidate" in done.stdout


def test_an_objective_that_neither_run_was_about_is_no_data(tmp_path: Path) -> None:
    done = letta_slo(tmp_path, "compare", *stored(tmp_path, HEALTHY, HEALTHY), "--only", "bridge-fallback")
    assert done.returncode == exit_codes.NO_DATA, done.stdout + done.stderr


def test_too_few_requests_are_inconclusive(tmp_path: Path) -> None:
    short = replace(HEALTHY, phases=Phases(warmup_s=1, steady_s=10))
    done = letta_slo(tmp_path, "compare", *stored(tmp_path, short, short), "--only", MESSAGE)
    assert done.returncode == exit_codes.INCONCLUSIVE, done.stdout + done.stderr


def test_runs_under_another_load_are_refused(tmp_path: Path) -> None:
    (first, _), (second, _) = (
        stored(tmp_path / str(factor), HEALTHY, HEALTHY, rate_factor=factor) for factor in (0.1, 0.2)
    )
    done = letta_slo(tmp_path, "compare", first, second)
    assert done.returncode == exit_codes.USAGE
    assert "not under the same load: requests a second" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("one",),
        ("one", "two", "--base-url", "http://127.0.0.1:1"),
        ("--base-url", "http://127.0.0.1:1"),
        ("gone", "gone"),
        ("--base-url", "http://127.0.0.1:1", "--candidate-url", "http://user:secret@127.0.0.1:1"),
        ("--base-url", "http://127.0.0.1:1", "--candidate-url", "http://127.0.0.1:2", "--tolerance", "0"),
        ("--base-url", "http://127.0.0.1:1", "--candidate-url", "http://letta.example:1", "--rate", "60"),
        ("--base-url", "http://127.0.0.1:1", "--candidate-url", "http://127.0.0.1:2", "--runs-dir", "/proc/none"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_sent(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = letta_slo(tmp_path, "compare", *arguments)
    assert done.returncode == exit_codes.USAGE, done.stdout + done.stderr
    assert "secret" not in done.stdout + done.stderr
