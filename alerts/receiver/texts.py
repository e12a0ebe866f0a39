"""What does a person read: what is wrong, since when, what to do first, and where to look?

Several notifications that waited for their turn become one message. Nothing is cut off silently: what does not fit in
full stands with its first line, what does not fit at all is left for the next message or counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from alerts.notify.words import Words
from alerts.receiver.webhook import Alert, Notification
from alerts.runbook import Runbook, plain

_BRACKETS: Final = str.maketrans("[]【】", "()()")  # SMN documents that an SMS may have none of them


@dataclass(frozen=True, slots=True)
class Form:
    """How a channel wants a text: whether it shows Markdown, and how long it may be, in bytes or in characters."""

    is_markdown: bool
    limit: int
    size: Callable[[str], int]


def in_bytes(text: str) -> int:
    """Return how many bytes a text has in UTF-8."""
    return len(text.encode())


# DingTalk and WeCom document these sizes of a robot's message, in bytes; some room is left for what is around it.
DINGTALK: Final = Form(is_markdown=True, limit=19_000, size=in_bytes)
WECOM: Final = Form(is_markdown=True, limit=4_000, size=in_bytes)
# SMN: more than 490 characters may be held back by a telephone company.
SMS: Final = Form(is_markdown=False, limit=490, size=len)


@dataclass(frozen=True, slots=True)
class Message:
    """A text with its title, and how many of the notifications it tells, counted from the first."""

    title: str
    text: str
    told: int


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes messages in one language, with the times of one zone."""

    words: Words
    runbooks: Mapping[str, Runbook]
    zone: tzinfo = UTC

    def write(self, notifications: Sequence[Notification], form: Form) -> Message:
        """Return one message for as many of the notifications as fit; at least the first."""
        if form is SMS:
            return self._sms(notifications)
        for block in (self._full, self._line):
            text, told = self._as_many(notifications, form, block)
            if told == len(notifications) or (told and block == self._line):
                return Message(self._title(notifications[:told]), text, told)
        return Message(self._title(notifications[:1]), self._shortened(notifications[0], form), 1)

    def _as_many(
        self, notifications: Sequence[Notification], form: Form, block: Callable[[Alert, Form], str]
    ) -> tuple[str, int]:
        """Return the text of as many notifications as fit, and how many these are."""
        text = ""
        for told, one in enumerate(notifications):
            longer = f"{text}\n\n{self._of(one, form, block)}" if text else self._of(one, form, block)
            if form.size(longer) > form.limit:
                return text, told
            text = longer
        return text, len(notifications)

    def _title(self, notifications: Sequence[Notification]) -> str:
        first = notifications[0]
        if len(notifications) > 1:
            return self.words.several.format(count=len(notifications))
        return f"{self._urgency(first)}: {self._summary(first.alerts[0])}"

    def _urgency(self, one: Notification) -> str:
        return self.words.resolved if one.is_over else self.words.urgency(one.severity)

    def _of(self, one: Notification, form: Form, block: Callable[[Alert, Form], str]) -> str:
        head = self._urgency(one)
        return "\n\n".join([f"### {head}" if form.is_markdown else head, *(block(alert, form) for alert in one.alerts)])

    def _full(self, alert: Alert, form: Form) -> str:
        words = self.words
        summary = self._summary(alert)
        lines = [f"**{summary}**" if form.is_markdown else summary]
        if alert.ended is None and alert.annotations.get("description"):
            lines.append(alert.annotations["description"])
        lines += self._times(alert)
        if alert.ended is None:
            lines.append(f"{words.first}: {words.first_step(alert.name, self.runbooks)}")
        for word, key in ((words.runbook, "runbook_url"), (words.dashboard, "dashboard_url")):
            if address := alert.annotations.get(key):
                lines.append(_link(word, address, form))
        return "\n\n".join(lines)  # DingTalk joins lines that have no empty line between them

    def _times(self, alert: Alert) -> list[str]:
        made = [f"{self.words.since}: {self._at(alert.started)}"]
        if alert.ended is not None:
            lasted = self.words.after.format(at=self._at(alert.ended), lasted=duration(alert.ended - alert.started))
            made.append(f"{self.words.ended}: {lasted}")
        return made

    def _at(self, time: datetime) -> str:
        return time.astimezone(self.zone).isoformat(sep=" ", timespec="seconds")

    def _summary(self, alert: Alert) -> str:
        said = alert.annotations.get("summary") or alert.name or "?"
        return self.words.headline(alert.name, said, self.runbooks)

    def _line(self, alert: Alert, form: Form) -> str:
        ended = f" ({self.words.resolved})" if alert.ended is not None else ""
        address = alert.annotations.get("runbook_url")
        leads = f": {_link(self.words.runbook, address, form)}" if address else ""
        return f"- {self._summary(alert)}{ended}{leads}"

    def _shortened(self, one: Notification, form: Form) -> str:
        lines = [self._urgency(one)]
        for at, alert in enumerate(one.alerts):
            rest = self.words.more.format(count=len(one.alerts) - at, place=one.place)
            if form.size("\n\n".join([*lines, self._line(alert, form), rest])) > form.limit:
                return _cut("\n\n".join([*lines, rest]), form)
            lines.append(self._line(alert, form))
        return "\n\n".join(lines)

    def _sms(self, notifications: Sequence[Notification]) -> Message:
        alerts = [(one, alert) for one in notifications for alert in one.alerts]
        first, alert = alerts[0]
        if len(alerts) == 1:
            title = f"{self._urgency(first)}: {self._summary(alert)}"
            return Message(title, self._one_sms(title, alert), len(notifications))
        lines: list[str] = []
        for at, (one, each) in enumerate(alerts):
            urgency = self.words.resolved if each.ended is not None else self._urgency(one)
            line = f"{urgency}: {self._summary(each)}"
            rest = self.words.more.format(count=len(alerts) - at, place=first.place)
            if lines and SMS.size("; ".join([*lines, line, rest])) > SMS.limit:
                lines.append(rest)
                break
            lines.append(line)
        title = self._title(notifications)
        return Message(title, _cut(_for_sms("; ".join(lines)), SMS), len(notifications))

    def _one_sms(self, title: str, alert: Alert) -> str:
        """Return the text on one alert. Of its description the end is kept: there stands how long the rest lasts."""
        before, after = [title, *self._times(alert)[-1:]], []
        sentences: list[str] = []
        if alert.ended is None:
            after = [f"{self.words.first}: {self.words.first_step(alert.name, self.runbooks)}"]
            after += [alert.annotations["runbook_url"]] if alert.annotations.get("runbook_url") else []
            sentences = re.split(r"(?<=[.。]) ", alert.annotations.get("description", ""))
        while True:
            parts = [*before, *(one for one in sentences if one), *after]
            text = _for_sms(self.words.stop.join(part.rstrip(".。") for part in parts))
            if SMS.size(text) <= SMS.limit or not sentences:
                return _cut(text, SMS)
            sentences.pop(0)


def duration(length: timedelta) -> str:
    """Return a length of time with its two largest units, such as 2 h 5 min."""
    seconds = max(0, round(length.total_seconds()))
    parts: list[str] = []
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= unit or (unit == 1 and not parts):
            parts.append(f"{seconds // unit} {name}")
        seconds %= unit
    return " ".join(parts[:2])


def _link(word: str, address: str, form: Form) -> str:
    """Return an address to touch; WeCom shows one as such in Markdown only. A path of a repository is told as it is."""
    if not form.is_markdown or not address.startswith(("https://", "http://")):
        return f"{word}: {address}"
    return f"[{word}]({address.replace(' ', '%20').replace('(', '%28').replace(')', '%29')})"


def _for_sms(text: str) -> str:
    return re.sub(r"\s+", " ", plain(text)).translate(_BRACKETS)


def _cut(text: str, form: Form) -> str:
    if form.size(text) <= form.limit:
        return text
    while form.size(text) > form.limit - 3:  # room for the dots
        text = text[: -max(1, (form.size(text) - form.limit) // 4)]
    return f"{text.rstrip()}…"
