"""How is a bucket asked for by its edge, whichever way a Prometheus spells a whole number?

By remote write an edge of two seconds is `2`; scraped from a Python client's page it is `2.0`, and Prometheus 3 writes
every scraped edge so.
"""

from __future__ import annotations

import re
from typing import Final

_WHOLE: Final = re.compile(r'\ble\s*=\s*"(\d+)(?:\.0)?"')


def either_spelling(query: str) -> str:
    """Return a query that finds the bucket in either spelling; one without an edge stays as it is."""
    return _WHOLE.sub(lambda found: f'le=~"{found[1]}|{found[1]}[.]0"', query)
