"""What the words of a checked tree mean: exact shares, periods, times."""

import re
from datetime import timedelta
from fractions import Fraction

from slo.openslo.documents import Document
from slo.openslo.yaml_tree import Leaf, Tree

__all__ = ["SELECTOR", "limit_s", "period"]

# A plain selector: whoever asks adds rate() and sum(), and a counter read raw needs its bare samples.
SELECTOR = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{[^{}"]*("([^"\\]|\\.)*"[^{}"]*)*\})?')

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LIMIT = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s)")
_LONGEST = timedelta(days=3660)


def period(tree: Tree | None, document: Document, key_path: str) -> timedelta | None:
    """Return a duration such as 28d; one without a fixed length (M, Q, Y) or above ten years is noted."""
    if not isinstance(tree, Leaf):
        return None
    count, unit = int(tree.text[:-1]), tree.text[-1]
    allowed = "a fixed length in m, h, d or w of at most ten years, such as 28d"
    if unit not in _UNITS or count > _LONGEST / timedelta(**{_UNITS[unit]: 1}):
        document.faults.add(tree.line, key_path, tree.text, allowed)
        return None
    return timedelta(**{_UNITS[unit]: count})


def limit_s(text: str) -> Fraction | None:
    """Return the seconds of a limit such as 2s or 500ms; None when it is written otherwise, or zero."""
    matched = _LIMIT.fullmatch(text)
    if matched is None:
        return None
    value = Fraction(matched[1]) / (1000 if matched[2] == "ms" else 1)
    return value if value > 0 else None
