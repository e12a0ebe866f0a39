"""How is the text of a setting read, and which texts are allowed?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

ROUTES: Final = ("letta", "memory-python")


@dataclass(frozen=True, slots=True)
class Kind:
    """A reader that raises ValueError for a text that is not allowed, and the words for what is."""

    read: Callable[[str], Any]
    allowed: str


def seconds(low: float, high: float) -> Kind:
    """Seconds, fractions allowed, both ends included."""
    return Kind(lambda text: _within(float(text), low, high), f"seconds, {low:g} to {high:g}")


def whole_seconds(low: int, high: int) -> Kind:
    """Seconds for which Redis takes no fraction, both ends included."""
    return Kind(lambda text: int(_within(int(text), low, high)), f"whole seconds, {low} to {high}")


def whole(low: int, high: int) -> Kind:
    """A whole number, both ends included."""
    return Kind(lambda text: int(_within(int(text), low, high)), f"a whole number, {low} to {high}")


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:  # also refuses nan
        raise ValueError(value)
    return value


def _boolean(text: str) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[_one_of(text.lower(), ("true", "false", "1", "0"))]


def _one_of(text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise ValueError(text)
    return text


def _named(text: str) -> str:
    if not text.strip():
        raise ValueError(text)
    return text.strip()


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(text)
    return text.rstrip("/")


def _routing(text: str) -> dict[str, str]:
    routes = {}
    for pair in text.split(","):
        memory_type, equals, route = pair.partition("=")
        if not (memory_type.strip() and equals):
            raise ValueError(text)
        routes[memory_type.strip()] = _one_of(route.strip(), ROUTES)
    return routes


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


BOOLEAN: Final = Kind(_boolean, "true or false")
NAME: Final = Kind(_named, "a name, not empty")
TEXT: Final = Kind(str.strip, "any text")
ADDRESS: Final = Kind(_address, "an http or https address")
NAMES: Final = Kind(_names, "names separated by commas")
ROUTING: Final = Kind(_routing, f"pairs `memory_type=route` separated by commas, each route one of {', '.join(ROUTES)}")
