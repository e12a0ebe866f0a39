"""With which variables does a real Letta send telemetry? Its own for the address, and one that loads the add-on."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from testbed.process import PartError


def with_addon(endpoint: str) -> dict[str, str]:
    """Return the settings for a server that sends by OTLP over gRPC to `endpoint`, an address with its scheme."""
    return {"LETTA_OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "PYTHONPATH": str(autoload())}


def autoload() -> Path:
    """Return the folder that loads the add-on when it is on `PYTHONPATH`."""
    found = find_spec("letta_otel")
    if found is None or found.origin is None:
        raise PartError("no add-on for Letta: letta-otel is not installed beside the suite; `make install` does it")
    return Path(found.origin).parent / "letta" / "autoload"
