"""Which attributes pass the collector? Those of the registry: what is not in it may hold anything."""

from __future__ import annotations

from typing import Final

import yaml
from letta_otel.conventions import attributes as names

from registry.reading import Registry

_CONTENT: Final = {names.EXCEPTION_MESSAGE}  # it may quote what a user wrote
_HEADER: Final = """\
# Rendered from `otel/registry/` by `make render`, do not edit. A configuration of its own, beside that of the gateway:
# what is not listed here is removed from spans, their events, logs, metrics and resources. To let more pass, give a
# third --config with a longer list.
"""


def listing(registry: Registry) -> str:
    """Return the configuration of the processor `redaction/listed`."""
    allowed = [one.name for one in registry.attributes if one.name not in _CONTENT]
    body = {"processors": {"redaction/listed": {"allow_all_keys": False, "allowed_keys": allowed, "summary": "silent"}}}
    return _HEADER + yaml.safe_dump(body, sort_keys=False, allow_unicode=True)
