"""How does the engine stand beside k6 (and wrk, hey, vegeta) on the same requests, and what does each cost?

Message requests at 50, 500 and 2,000 a second to the ledger target, a test double that costs little and takes arrival
times from the kernel; its service times are lognormal, request for request the same for every tool. Alternating pairs,
the order swapped from pair to pair; a pair from which the hypervisor stole is set aside and run again. Then a target
that stands still for 2 s, seen by the engine and by k6.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import engine_run, k6_run, machine, other_tools, rival_tables
from bench.cpu import CpuTrace
from bench.figures import percentiles, undisturbed_ms
from bench.grid import users_needed
from bench.ledger_client import LedgerTarget, ledger_target
from bench.rival_figures import MOST_STOLEN_PERCENT, Figures
from bench.runs import Run, Stall
from bench.service_times import ServiceTimes
from bench.target import SERVICE_MS, Load

RATES = (50.0, 500.0, 2000.0)
SECONDS, PAIRS = 60.0, 5
# p50 20, p95 46, p99 64 ms: a tail that a tool can get wrong.
_SERVICE = "lognormal:20:0.5:1"
_SLACK_S = 0.1  # beyond the longest service time, for a machine that is shared
_STALL, _STALL_LOAD, _STALL_SLACK_S = Stall(at_s=9.0, for_s=2.0), Load("health", 500.0, 20.0), 0.5
_FEW_USERS = 50
_TRIES = 10  # of a pair that is disturbed
_LONGEST_WAIT_S = 300.0  # for a quiet machine, before each try
_OURS, _K6 = "ours", "k6"

Tool = Callable[[LedgerTarget, Load, Path], Run]


def run(
    folder: Path,
    *,
    seconds: float = SECONDS,
    pairs: int = PAIRS,
    rates: tuple[float, ...] = RATES,
    k6_reads: k6_run.Reads = "answers",
) -> None:
    """Measure and print; without k6 the engine alone."""
    k6 = k6_run.find()
    print(f"k6: {k6_run.version(k6) if k6 else 'not installed (not on the PATH, not named by K6): the engine alone'}")
    for line in other_tools.describe():
        print(line)
    print(f"repetitions: {pairs} alternating pairs, each run {seconds:g} s; median (min to max) of them")
    print(
        f"a pair is set aside when the hypervisor stole more than {MOST_STOLEN_PERCENT:g} % of the machine from a run"
    )
    tools: dict[str, Tool] = {_OURS: engine_run.run}
    if k6:
        tools[_K6] = partial(k6_run.run, k6, reads=k6_reads)
        print(f"k6 reads of each answer: {'all, as the engine does' if k6_reads == 'answers' else 'the status alone'}")
    seen = _measure(tools, [Load("message", rate, seconds) for rate in rates], pairs, folder)
    rival_tables.print_all(seen)
    rival_tables.print_bars(seen, _OURS, _K6)
    if k6:
        _stall(k6, min(pairs, 3), folder)


def _measure(
    tools: dict[str, Tool], loads: list[Load], pairs: int, folder: Path
) -> dict[tuple[float, str], list[Figures]]:
    """Return the figures of each rate and tool, a run of the engine beside one of k6."""
    seen: dict[tuple[float, str], list[Figures]] = {(load.rate, name): [] for load in loads for name in tools}
    worst_s = ServiceTimes.parse(_SERVICE).longest_s + _SLACK_S
    users = {load: users_needed(load.rate, worst_s) for load in loads}
    print(f"users of k6, and agents: {', '.join(f'{count} at {load.rate:g}/s' for load, count in users.items())}")
    with ledger_target(folder, _SERVICE) as target:
        for pair in range(pairs):
            print(f"pair {pair + 1}: load {machine.load()}", flush=True)
            for load in loads:
                with_agents = target.with_agents(users[load])
                order = sorted(tools, reverse=pair % 2 == 0)
                for name, figures in _pair(tools, order, with_agents, load, folder / f"{load.rate:g}-{pair}").items():
                    seen[load.rate, name].append(figures)
                if pair == 0:
                    seen |= _others(with_agents, load, folder)
    for load in loads:
        if (kept := len(seen[load.rate, _OURS])) < pairs:
            print(f"only {kept} of {pairs} pairs at {load.rate:g}/s were undisturbed, after {_TRIES} tries of each")
    return dict(sorted(seen.items(), key=lambda entry: entry[0][0]))


def _pair(
    tools: dict[str, Tool], order: list[str], target: LedgerTarget, load: Load, folder: Path
) -> dict[str, Figures]:
    """Return the figures of one run of each tool; none when the hypervisor stole from every try."""
    for attempt in range(_TRIES):
        machine.wait_until_quiet(MOST_STOLEN_PERCENT, at_most_s=_LONGEST_WAIT_S)
        found: dict[str, Figures] = {}
        for name in order:
            found[name] = _one(tools[name], target, load, folder.with_name(f"{folder.name}-{attempt}-{name}"))
            if found[name].stolen_percent > MOST_STOLEN_PERCENT:
                print(
                    f"{load.rate:g}/s: set aside, the hypervisor stole {found[name].stolen_percent:.2f} % from {name}",
                    flush=True,
                )
                break
        else:
            return found
    return {}


def _others(target: LedgerTarget, load: Load, folder: Path) -> dict[tuple[float, str], list[Figures]]:
    """Return what was seen of the tools that are run once, for orientation: the comparison does not depend on them."""
    seen = {}
    for name, tool in other_tools.found().items():
        try:
            seen[load.rate, name] = [_one(tool, target, load, folder / f"{load.rate:g}-{name}")]
        except other_tools.OtherToolError as error:
            print(error)
    return seen


def _one(tool: Tool, target: LedgerTarget, load: Load, folder: Path) -> Figures:
    with CpuTrace(target.pid) as trace, machine.Stolen() as stolen:
        done = tool(target, load, folder)
    counters = target.counters()
    for odd in ("refused", "cut_off", "unstamped"):
        if counters[odd]:
            print(f"{folder.name}: {counters[odd]} {odd.replace('_', ' ')} by the target")
    return Figures.of(done, load, trace, request_bytes=counters["request_bytes"], stolen_percent=stolen.percent)


def _stall(k6: str, repetitions: int, folder: Path) -> None:
    load, stall = _STALL_LOAD, _STALL
    ideal = undisturbed_ms(
        load.rate, load.duration_s, stall_at_s=stall.at_s, stall_s=stall.for_s, service_ms=SERVICE_MS
    )
    users = users_needed(load.rate, stall.for_s + _STALL_SLACK_S)
    tools: dict[str, Tool] = {
        _OURS: engine_run.run,
        f"{_K6}, {users:,} users": partial(k6_run.run, k6),
        f"{_K6}, {_FEW_USERS} users at first": partial(k6_run.run, k6, users_at_first=_FEW_USERS),
    }
    runs: dict[str, list[Run]] = {name: [] for name in tools}
    with ledger_target(folder, f"constant:{SERVICE_MS}") as target:
        for repetition in range(repetitions):
            for place, name in sorted(enumerate(tools), reverse=repetition % 2 == 1):
                target.plan_stall(stall.at_s, stall.for_s)
                where = folder / f"stall-{repetition}-{place}"
                runs[name].append(tools[name](target.with_agents(users), load, where))
    rival_tables.print_stall(runs, load, percentiles(ideal))
