"""What is one thing that we keep in an account: its kind, its name, its canonical form, and the mark of whose it is?

The canonical form holds only what we decide, in one notation, so that what a service adds or writes differently is no
difference. The mark travels in whatever text field a service has (`docs/adr/0013-aom-ownership.md`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import orjson

Form = Mapping[str, Any]

OWNER: Final = "letta-slo"
_SHA_LENGTH: Final = 16
# Letters, digits, `_` and spaces: the description of an action rule takes nothing else.
_MARK: Final = re.compile(rf"managed by letta_slo prefix (?P<prefix>\w+) sha (?P<sha>[0-9a-f]{{{_SHA_LENGTH}}})")


class Kind(StrEnum):
    """What there can be, in the order in which it is made: each may need what stands before it."""

    LOG_GROUP = "log group"
    LOG_STREAM = "log stream"
    LOG_INDEX = "log index"
    TOPIC = "topic"
    SUBSCRIPTION = "subscription"
    TEMPLATE = "message template"
    ACTION_RULE = "action rule"
    ALARM_RULE = "alarm rule"
    MUTE_RULE = "mute rule"
    LOG_ALARM = "log alarm"


ORDER: Final = {kind: place for place, kind in enumerate(Kind)}
# Without their group or stream there are no logs any more: these are removed only when that is asked for.
HOLDS_LOGS: Final = frozenset({Kind.LOG_GROUP, Kind.LOG_STREAM, Kind.LOG_INDEX})


@dataclass(frozen=True, slots=True)
class Mark:
    """Whose something is, and the hash of the canonical form with which it was last written."""

    prefix: str
    sha: str

    def __str__(self) -> str:
        return f"managed by letta_slo prefix {self.prefix} sha {self.sha}"

    @classmethod
    def of(cls, text: str) -> Mark | None:
        """Return the mark that stands in a text, None where there is none."""
        found = _MARK.search(text)
        return None if found is None else cls(found["prefix"], found["sha"])


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that should be there. `sent` goes along when it is written, and is never compared or shown."""

    kind: Kind
    name: str
    form: Form
    sent: Form = field(default_factory=dict, repr=False)

    @property
    def sha(self) -> str:
        """Hash of the canonical form."""
        return sha_of(self.form)


@dataclass(frozen=True, slots=True)
class Found:
    """Something that is there.

    `key` is what the service wants to be told to change it: an id, a URN, or the name. `note` says what is amiss with
    it that no step of ours can mend.
    """

    kind: Kind
    name: str
    form: Form
    mark: Mark | None
    key: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One field that is not as it should be; None stands for a field that is not there."""

    field: str
    is_now: Any
    should_be: Any


def sha_of(form: Form) -> str:
    """Return the hash of a canonical form; the order of keys does not count."""
    return hashlib.sha256(orjson.dumps(form, option=orjson.OPT_SORT_KEYS)).hexdigest()[:_SHA_LENGTH]


def changes(is_now: Form, should_be: Form) -> list[Change]:
    """Return the fields of what should be that are otherwise now, by name; what we do not decide is no difference."""
    return [
        Change(field, is_now.get(field), value)
        for field, value in sorted(should_be.items())
        if field not in is_now or is_now[field] != value
    ]


def readable(wanted: Form, found: Form) -> Form:
    """Return the fields of what should be that a service gives back; of the others the mark alone can tell."""
    return {field: value for field, value in wanted.items() if field in found}


def without_mark(text: str) -> str:
    """Return a text as it was before a mark was put at its end."""
    return _MARK.sub("", text).strip()
