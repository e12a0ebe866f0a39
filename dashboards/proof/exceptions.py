"""Which queries may give nothing, and why? A list of five at most that may only shrink."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from dashboards.errors import DashboardError

FILE: Final = Path(__file__).with_name("exceptions.yaml")
MOST: Final = 5
_KEYS: Final = ("dashboard", "panel", "query", "reason")


@dataclass(frozen=True, slots=True)
class Exemption:
    """One query that may be empty: the dashboard's key, the panel's title, the letter of the query, and why."""

    dashboard: str
    panel: str
    query: str
    reason: str

    @property
    def place(self) -> tuple[str, str, str]:
        """What it is for."""
        return self.dashboard, self.panel, self.query


def read_exceptions(file: Path = FILE) -> tuple[Exemption, ...]:
    """Return the list of a file. Raises DashboardError."""
    try:
        found = yaml.safe_load(file.read_text()) or []
    except (OSError, yaml.YAMLError) as error:
        raise DashboardError(f"{file}: cannot be read: {error}") from error
    if not isinstance(found, list) or len(found) > MOST:
        what = f"{len(found)} entries" if isinstance(found, list) else type(found).__name__
        raise DashboardError(f"{file}: found {what}; allowed is a list of {MOST} at most: mend a panel first")
    return tuple(_exemption(one, f"{file}: entry {number}") for number, one in enumerate(found, 1))


def _exemption(found: Any, where: str) -> Exemption:
    if not isinstance(found, dict) or set(found) != set(_KEYS) or not all(str(found[key]).strip() for key in _KEYS):
        raise DashboardError(f"{where}: found {found!r}; allowed is an object with {', '.join(_KEYS)}, none empty")
    return Exemption(*(str(found[key]) for key in _KEYS))
