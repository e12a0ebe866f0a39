"""Where on Grafana's grid does each panel stand, and which number does it keep when others come and go?"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from dashboards.errors import DashboardError
from dashboards.spec import COLUMNS, Dashboard, Panel, Row

_IDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """A panel, or the heading of a row, with its number and its place: columns and rows of the grid from top left."""

    what: Panel | Row
    id: int
    x: int
    y: int
    width: int
    height: int


def places(dashboard: Dashboard) -> list[Place]:
    """Return headings and panels from the top down; a panel that does not fit beside the last begins a new line.

    A number comes from the titles of row and panel, so that links to one panel stay right. Raises DashboardError when
    two panels of a row have one title.
    """
    found = list(_placed(dashboard))
    seen: dict[int, str] = {}
    for one in found:
        if one.id in seen:
            raise DashboardError(f"{dashboard.key}: {one.what.title!r} and {seen[one.id]!r} get one number: rename one")
        seen[one.id] = one.what.title
    return found


def _placed(dashboard: Dashboard) -> Iterator[Place]:
    top = 0
    for row in dashboard.rows:
        yield Place(row, _number(dashboard.key, row.title), 0, top, COLUMNS, 1)
        left, line, top = 0, 0, top + 1
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                left, line, top = 0, 0, top + line
            yield Place(panel, _number(dashboard.key, row.title, panel.title), left, top, panel.width, panel.height)
            left, line = left + panel.width, max(line, panel.height)
        top += line


def _number(*titles: str) -> int:
    return zlib.crc32("/".join(titles).encode()) % _IDS + 1
