"""Which command makes a run like this one again? The flags that decide what is sent, and when."""

from __future__ import annotations

import shlex
from typing import Any

from loadgen.run_folder import RunFolder
from report.redact import REDACTED, redact
from slo.operations import LETTA_API, LETTA_BRIDGE, SERVICE_OF


def command(folder: RunFolder) -> str:
    """Return a command line; credentials are not in it, they come from the environment as they did before."""
    manifest, plan = folder.manifest, folder.plan
    targets: dict[str, dict[str, Any]] = manifest.get("targets", {})
    if manifest.get("live"):
        return " ".join(_quoted(["locust", "-f", "loadtests", "--host", str(plan.letta_url), "--seed", str(plan.seed)]))
    phases = plan.phases
    words = ["letta-slo", "verify", *_target(targets)]
    if manifest.get("tier"):
        words += ["--tier", str(manifest["tier"])]
    words += ["--rate", f"{_rate(plan.rates):g}", "--duration", f"{phases.steady_s:g}", "--seed", str(plan.seed)]
    words += ["--warmup", f"{phases.warmup_s:g}"]
    words += ["--no-drill"] if not phases.drill_s else []
    if manifest.get("workers", 1) != 1:
        words += ["--workers", str(manifest["workers"])]
    return " ".join(_quoted(words))


def _target(targets: dict[str, dict[str, Any]]) -> list[str]:
    kinds = {str(target.get("kind")) for target in targets.values()}
    if "own" not in kinds:
        return ["--target", "letta"] if "letta" in kinds else []
    words = []
    for service, flag in ((LETTA_API, "--letta-url"), (LETTA_BRIDGE, "--redis-url")):
        address = redact(str(targets.get(service, {}).get("address") or ""))
        if address and REDACTED not in address and "***" not in address:
            words += [flag, address]
    return words


def _rate(rates: dict[str, float]) -> float:
    """Return the rate of each service: Letta's operations together, or else the bridge's."""
    of_letta = sum(rate for operation, rate in rates.items() if SERVICE_OF[operation] == LETTA_API)
    return round(of_letta or sum(rates.values()), 6)


def _quoted(words: list[str]) -> list[str]:
    return [shlex.quote(redact(word)) for word in words]
