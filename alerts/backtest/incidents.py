"""Which incidents are played, and what is expected of the alerts in each?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Final

from alerts.errors import RuleError
from alerts.lengths import length_of
from slo.openslo.schema import Field, ListOf, Number, Plain, Record, Schema, Text
from slo.openslo.yaml_tree import Faults, Leaf, Sequence, Table, Tree, read_documents

SHIPPED: Final = Path(__file__).with_name("incidents.yaml")
NEVER: Final = "never"
_LENGTH: Final[Schema] = Plain("a length of time such as 30m, 4h or 2d", r"[1-9]\d{0,5}[mhd]")
_WITHIN: Final[Schema] = Plain("a length of time such as 10m, or `never`", r"[1-9]\d{0,5}[mhd]|never")
_INCIDENT: Final = Record(
    {
        "name": Field(Text(), True),
        "bad": Field(Plain("a share such as 2 %, at most 100 %", r"(\d{1,2}(\.\d{1,6})?|100) ?%"), True),
        "lasts": Field(_LENGTH, True),
        "requests_a_minute": Field(Number("a number above 0", above=Fraction(0))),
        "page_within": Field(_WITHIN),
        "ticket_within": Field(_WITHIN),
    }
)
_FILE: Final = Record(
    {
        "requests_a_minute": Field(Number("a number above 0", above=Fraction(0)), True),
        "incidents": Field(ListOf(_INCIDENT, 1, 100), True),
    }
)


@dataclass(frozen=True, slots=True)
class Incident:
    """So long a share of requests is bad. `page_within` and `ticket_within` are what is expected, None for nothing;
    a length of zero: that it never comes.
    """

    name: str
    bad: Fraction
    lasts: timedelta
    requests_a_minute: Fraction
    page_within: timedelta | None
    ticket_within: timedelta | None


def load(file: Path | None = None) -> tuple[Incident, ...]:
    """Read a table of incidents, the shipped one when none is named; raises RuleError."""
    try:
        text = (file or SHIPPED).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"{file}: cannot be read: {error}") from error
    return parse(text, str(file or SHIPPED.name))


def parse(text: str, path: str) -> tuple[Incident, ...]:
    """Read a table of incidents; raises RuleError with every fault and its line."""
    faults = Faults(path)
    documents = read_documents(text, faults)
    if len(documents) != 1 and not faults.errors:
        faults.add(1, "", f"{len(documents)} documents", "one")
    for document in documents[:1]:
        _FILE.check(document, "", faults)
    if faults.errors:
        raise RuleError("\n".join(str(fault) for fault in faults.errors))
    (file,) = documents
    usual = Fraction(_text(file, "requests_a_minute"))
    incidents = file.entries["incidents"] if isinstance(file, Table) else None
    items = incidents.items if isinstance(incidents, Sequence) else ()
    return tuple(_incident(one, usual) for one in items)


def _incident(one: Tree, usual: Fraction) -> Incident:
    own = _text(one, "requests_a_minute")
    return Incident(
        name=_text(one, "name"),
        bad=Fraction(_text(one, "bad").rstrip("% ")) / 100,
        lasts=length_of(_text(one, "lasts")),
        requests_a_minute=Fraction(own) if own else usual,
        page_within=_within(_text(one, "page_within")),
        ticket_within=_within(_text(one, "ticket_within")),
    )


def _text(tree: Tree, key: str) -> str:
    found = tree.entries.get(key) if isinstance(tree, Table) else None
    return found.text.strip() if isinstance(found, Leaf) else ""


def _within(text: str) -> timedelta | None:
    if not text:
        return None
    return timedelta(0) if text == NEVER else length_of(text)
