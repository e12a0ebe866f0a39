"""Which text does a regular expression match? Any one, made up from the expression itself, for a label of a series."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

# The only reader of regular expressions that Python has; what it does not give is tried in another way, or left out.
from re import _parser as reader  # type: ignore[attr-defined]
from typing import Any, Final

_REST: Final = "abcdefghijklmnopqrstuvwxyz0123456789-_/ "


def sample(expression: str) -> str | None:
    """Return a text that wholly matches, None when none was found."""
    try:
        made = _all(reader.parse(expression))
        return made if re.fullmatch(expression, made) else None
    except (re.error, LookupError, TypeError):
        return None


def _of(what: Any, value: Any) -> str:
    made: str = _MADE[str(what)](value)
    return made


def _all(parts: Any) -> str:
    return "".join(_of(*each) for each in parts)


def _in(choices: Any) -> str:
    """Return a character of a set, tried one by one."""
    is_not = str(choices[0][0]) == "NEGATE"
    ranges = [one for one in choices if str(one[0]) != "NEGATE"]
    found = next((one for one in _candidates(ranges) if _is_in(one, ranges) != is_not), None)
    if found is None:
        raise LookupError
    return found


def _candidates(ranges: Any) -> str:
    own = "".join(
        chr(value if str(what) == "LITERAL" else value[0]) for what, value in ranges if str(what) != "CATEGORY"
    )
    return own + _REST


def _is_in(character: str, ranges: Any) -> bool:
    for what, value in ranges:
        name, code = str(what), ord(character)
        if name == "LITERAL" and code == value:
            return True
        if name == "RANGE" and value[0] <= code <= value[1]:
            return True
        if name == "CATEGORY" and re.fullmatch(_CATEGORIES[str(value)], character):
            return True
    return False


_CATEGORIES: Final = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}

_MADE: Final[Mapping[str, Callable[[Any], str]]] = {
    "LITERAL": chr,
    "NOT_LITERAL": lambda code: next(one for one in _REST if ord(one) != code),
    "ANY": lambda _: "a",
    "AT": lambda _: "",
    "IN": _in,
    "MAX_REPEAT": lambda value: _all(value[2]) * int(value[0]),
    "MIN_REPEAT": lambda value: _all(value[2]) * int(value[0]),
    "SUBPATTERN": lambda value: _all(value[-1]),
    "BRANCH": lambda value: _all(value[1][0]),
}
