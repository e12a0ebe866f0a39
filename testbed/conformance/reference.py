"""Which requests are compared, and which differences are allowed? A page for the reference."""

from __future__ import annotations

from itertools import groupby

from testbed.conformance.allowed import load
from testbed.conformance.exchange import Exchange
from testbed.conformance.exchanges import EVERY


def reference() -> str:
    """Return the page as Markdown, made from the list of exchanges and the list of allowed differences."""
    by_endpoint = groupby(sorted(EVERY, key=_place), _place)
    requests = "\n".join(
        f"| `{method} {path}` | {', '.join(map(_name, these))} |" for (path, method), these in by_endpoint
    )
    allowed = "\n".join(
        f"| {', '.join(f'`{endpoint}`' for endpoint in one.endpoints)} | {one.what} | `{one.field}` | {one.reason} |"
        for one in load()
    )
    return (
        "# Conformance\n\n"
        "What `letta-slo conformance` compares between the stub of Letta and a real one, and what may differ.\n"
        "How to run it: [check conformance](../how-to/check-conformance.md).\n\n"
        "## Allowed differences\n\n"
        f"| endpoint | what | field | because |\n|---|---|---|---|\n{allowed}\n\n"
        "## Requests\n\n"
        f"{len(EVERY)} requests. Those with * need a model server that does as told, those with † a Redis behind\n"
        "Letta.\n\n"
        f"| endpoint | requests |\n|---|---|\n{requests}\n"
    )


def _place(exchange: Exchange) -> tuple[str, str]:
    return exchange.path, exchange.method


def _name(exchange: Exchange) -> str:
    return exchange.name + "*" * exchange.needs_model_double + "†" * exchange.needs_redis
