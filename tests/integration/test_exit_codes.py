"""Each exit code by the real command, as a pipeline would see it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from letta_slo import exit_codes
from testbed.process import Part, python_part, start
from tests.processes import alive, eventually, wait_for_generator, wait_for_workers

COMMAND = str(Path(sys.executable).with_name("letta-slo"))
ROOT = Path(__file__).parents[2]
TRIES = 3
pytestmark = pytest.mark.timeout(240)


def letta_slo(tmp_path: Path, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "200", **(env or {})},
        check=False,
    )


def undisturbed(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it, and again where it is invalid: this machine was robbed of its cores, which hides all else."""
    for _ in range(TRIES):
        done = letta_slo(tmp_path, *arguments)
        if done.returncode != exit_codes.INVALID_RUN:
            break
    return done


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[Part]:
    command = python_part("testbed.letta_stub", "--port", "0", "--control-port", "0")
    with start("letta-stub", command, log_dir=tmp_path / "logs") as part:
        yield part


@contextmanager
def started(place: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """Start the command and wait until it drives load; yields it and its generator."""
    with subprocess.Popen(
        [COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=place
    ) as process:
        yield process, wait_for_generator(psutil.Process(process.pid))


def test_a_stub_made_slow_is_missed_and_the_objective_interval_and_budget_are_named(tmp_path: Path) -> None:
    slow = json.dumps({"service_times": {"messages": {"median_ms": 2600, "sigma": 0.1}}})
    done = undisturbed(tmp_path, "verify", "--no-drill", "--duration", "20", "--warmup", "2", "--stub-behaviour", slow)
    assert done.returncode == exit_codes.MISSED, done.stdout + done.stderr
    (row,) = (line for line in done.stdout.splitlines() if "letta-message-latency" in line)
    assert "missed" in row
    assert re.search(r"\d+ of \d+", row)
    assert re.search(r"[\d.]+ % \([\d.]+ % to [\d.]+ %\)", row)  # the bad share and its interval
    assert re.search(r" 5(\.0)? %  +[\d,]{4,} %", row)  # what the budget allows, and how much of it was used


def test_a_generator_stopped_for_two_seconds_is_invalid_and_its_undisturbed_twin_is_valid(
    tmp_path: Path, stub: Part
) -> None:
    url = str(stub.announced["url"])
    arguments = ("verify", "--letta-url", url, "--duration", "25", "--warmup", "2", "--on-inconclusive", "0")
    with started(tmp_path, *arguments) as (process, generator):
        waiting = threading.Event()
        waiting.wait(10)
        generator.send_signal(signal.SIGSTOP)
        waiting.wait(2)
        generator.send_signal(signal.SIGCONT)
        output, _ = process.communicate()
    assert process.returncode == exit_codes.INVALID_RUN, output
    assert re.search(r"schedule lag p99 \d", output)
    assert re.search(r"stood still for [12]\.\d s", output)
    twin = undisturbed(tmp_path, *arguments)
    assert twin.returncode == exit_codes.MET, twin.stdout + twin.stderr


def test_a_worker_that_dies_makes_the_run_invalid_and_it_is_reported_all_the_same(tmp_path: Path, stub: Part) -> None:
    arguments = ("verify", "--letta-url", str(stub.announced["url"]), "--duration", "15", "--workers", "2")
    with started(tmp_path, *arguments) as (process, generator):
        wait_for_workers(generator, 2)
        threading.Event().wait(8)
        generator.children()[0].kill()
        output, _ = process.communicate()
    assert process.returncode == exit_codes.INVALID_RUN, output
    assert "1 of 2 workers left no end marker" in output
    assert list((tmp_path / "runs").glob("*/report.html"))


def test_a_target_that_dies_under_load_is_judged(tmp_path: Path, stub: Part) -> None:
    arguments = ("verify", "--letta-url", str(stub.announced["url"]), "--duration", "15", "--warmup", "0")
    with started(tmp_path, *arguments) as (process, _generator):
        threading.Event().wait(8)
        stub.kill()
        output, _ = process.communicate()
    assert process.returncode == exit_codes.MISSED, output
    assert "letta-slo cleanup" in output


HOG = """
import os, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    pass
"""


@pytest.mark.skipif(os.geteuid() != 0 and os.environ.get("CI") != "true", reason="only root may take a core away")
def test_a_generator_robbed_of_its_core_is_invalid(tmp_path: Path, stub: Part) -> None:
    """A generator uses few per cent of a core, which a fair scheduler gives it beside any number of others.

    So the thief is a real-time process: what the kernel leaves to all others is 50 ms of each second.
    """
    url = str(stub.announced["url"])
    arguments = ("verify", "--letta-url", url, "--duration", "20", "--warmup", "2", "--on-inconclusive", "0")
    with started(tmp_path, *arguments) as (process, generator):
        eventually(lambda: list(tmp_path.glob("runs/*/machine-0.jsonl")))  # written once a second from the first on
        core = max(os.sched_getaffinity(0))
        for thread in generator.threads():
            os.sched_setaffinity(thread.id, {core})
        thief = subprocess.run([sys.executable, "-c", HOG, str(core), "8"], capture_output=True, text=True, check=False)
        output, _ = process.communicate()
    assert thief.returncode == 0, thief.stderr
    assert process.returncode == exit_codes.INVALID_RUN, output
    assert re.search(r"schedule lag p99 \d", output)


def test_an_absent_server_is_unreachable(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    done = letta_slo(tmp_path, "verify", "--letta-url", f"http://127.0.0.1:{port}")
    assert done.returncode == exit_codes.TARGET_UNREACHABLE
    assert f"http://127.0.0.1:{port}" in done.stderr and "Traceback" not in done.stderr


def test_an_absent_redis_is_unreachable(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    done = letta_slo(tmp_path, "verify", "--redis-url", f"redis://127.0.0.1:{port}")
    assert done.returncode == exit_codes.TARGET_UNREACHABLE
    assert f"redis://127.0.0.1:{port}" in done.stderr and "Traceback" not in done.stderr


def own_catalogue(tmp_path: Path, change: Callable[[str], str]) -> Path:
    copy = tmp_path / "catalogue"
    copy.mkdir()
    for file in (ROOT / "slo" / "catalog").glob("*.yaml"):
        shutil.copy(file, copy)
    file = copy / "letta-api.yaml"
    text = file.read_text()
    assert change(text) != text
    file.write_text(change(text))
    return copy


def test_an_objective_that_no_request_matched_has_no_data(tmp_path: Path, stub: Part) -> None:
    # A rate at which an agent is created once in 8 minutes, and a run of seconds.
    catalogue = own_catalogue(
        tmp_path, lambda text: text.replace("letta-slo/operations: stream", "letta-slo/operations: agent-create")
    )
    done = undisturbed(
        tmp_path, "verify", "--letta-url", str(stub.announced["url"]), "--catalog", str(catalogue), "--only",
        "letta-stream-first-token", "--rate", "0.1", "--duration", "3", "--warmup", "0",
    )  # fmt: skip
    assert done.returncode == exit_codes.NO_DATA, done.stdout + done.stderr
    assert "no data" in done.stdout


def test_a_run_too_short_is_inconclusive_and_a_pipeline_may_choose_what_that_means(tmp_path: Path, stub: Part) -> None:
    arguments = ("verify", "--letta-url", str(stub.announced["url"]), "--duration", "3", "--warmup", "0")
    done = undisturbed(tmp_path, *arguments)
    assert done.returncode == exit_codes.INCONCLUSIVE, done.stdout + done.stderr
    assert "letta-api-availability will be inconclusive at best" in done.stderr
    assert "on a STUB, a test double" in done.stdout  # it says so itself, whoever started it
    *_, folder = sorted((tmp_path / "runs").glob("2*"))
    assert letta_slo(tmp_path, "gate", str(folder), "--on-inconclusive", "0").returncode == exit_codes.MET
    assert letta_slo(tmp_path, "gate", str(folder)).returncode == exit_codes.INCONCLUSIVE


def test_a_wrong_key_in_the_catalogue_names_file_line_key_and_the_right_spelling(tmp_path: Path) -> None:
    catalogue = own_catalogue(tmp_path, lambda text: text.replace("budgetingMethod:", "budgetingMetod:", 1))
    done = letta_slo(tmp_path, "verify", "--catalog", str(catalogue))
    assert done.returncode == exit_codes.USAGE
    line = next(
        n for n, text in enumerate((catalogue / "letta-api.yaml").read_text().splitlines(), 1) if "Metod" in text
    )
    assert re.search(rf"letta-api\.yaml:{line}: .*budgetingMetod.*did you mean 'budgetingMethod'", done.stderr)
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("verify", "--duratoin", "3"), "No such option"),
        (("verify", "--rate", "fast"), "'fast' is not a valid"),
        (("verify", "--letta-url", "http://10.0.0.5:8283", "--rate", "200"), "--i-own-this-target"),
        (("verify", "--redis-url", "redis://:hunter2@127.0.0.1:6379"), "LETTA_SLO_REDIS_URL"),
        (("verify", "--only", "bridge-sucess"), "bridge-success"),
        (("verify", "--expect-workers", "2", "--master-bind", "10.0.0.7"), "give HOST:PORT"),
        (("verify", "--master-bind", "10.0.0.7:5557"), "--expect-workers N"),
        (("verify", "--workers", "2", "--expect-workers", "2"), "give one of the two"),
        (("verify", "--max-cost", "1"), "--prices"),
        (("verify", "--stub-behaviour", "{"), "--stub-behaviour"),
        (("verify", "--stub-behaviour", '{"service_times": {"mesages": 5}}'), "service_times"),
        (("gate", "nowhere"), "is no run folder"),
        (("verify", "--rate", "nan"), "no finite number"),
        (("verify", "--duration", "inf"), "no finite number"),
        (("plan", "--seed", "-1"), "not in the range"),
        (("verify", "--letta-url", "127.0.0.1:8283"), "did you mean http://"),
        (("verify", "--letta-url", "http://hunter2@127.0.0.1:1"), "LETTA_API_KEY"),
    ],
)
def test_wrong_usage_says_what_and_how_to_mend_it(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    done = letta_slo(tmp_path, *arguments)
    assert done.returncode == exit_codes.USAGE
    assert says in done.stderr and "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("sent", "code"), [(signal.SIGINT, exit_codes.INTERRUPTED), (signal.SIGTERM, exit_codes.TERMINATED)]
)
def test_ctrl_c_and_sigterm_stop_everything_and_say_so(tmp_path: Path, sent: signal.Signals, code: int) -> None:
    with started(tmp_path, "verify", "--duration", "60") as (process, _generator):
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(sent)
        output, _ = process.communicate()
    assert process.returncode == code, output
    assert "Traceback" not in output
    assert len(children) >= 5
    assert alive(children) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_outlives_a_killed_command(tmp_path: Path, workers: int) -> None:
    with started(tmp_path, "verify", "--workers", str(workers)) as (process, generator):
        if workers > 1:
            wait_for_workers(generator, workers)
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    assert len(children) >= 4 + workers
    eventually(lambda: alive(children) == [], seconds=10)
