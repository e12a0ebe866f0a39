"""Which words stand around what the rules say, in each language?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from alerts.notify.settings import Language
from alerts.runbook import Runbook


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language; `after`, `open_runbook` and `more` are sentences with places to fill."""

    page: str
    ticket: str
    alert: str
    resolved: str
    since: str
    ended: str
    after: str
    first: str
    open_runbook: str
    runbook: str
    dashboard: str
    more: str
    several: str
    stop: str

    def urgency(self, severity: str) -> str:
        """Return what a severity is called."""
        return {"page": self.page, "ticket": self.ticket}.get(severity, self.alert)

    def headline(self, alert: str, summary: str, runbooks: Mapping[str, Runbook]) -> str:
        """Return what happened: what the rule says, in Chinese with the words of the runbook before it."""
        return f"{self.before(alert, runbooks)}{summary}"

    def before(self, alert: str, runbooks: Mapping[str, Runbook]) -> str:
        """Return what stands before a rule's own words; nothing in their language."""
        title = runbooks[alert].title_in_chinese if alert in runbooks and self is WORDS[Language.ZH] else ""
        return f"{title}：" if title else ""

    def first_step(self, alert: str, runbooks: Mapping[str, Runbook]) -> str:
        """Return what to do first about an alert."""
        one = runbooks.get(alert)
        if one is None:
            return self.open_runbook
        return (one.first_in_chinese if self is WORDS[Language.ZH] else "") or one.first or self.open_runbook


WORDS: Final[Mapping[Language, Words]] = MappingProxyType(
    {
        Language.EN: Words(
            page="PAGE",
            ticket="TICKET",
            alert="ALERT",
            resolved="RESOLVED",
            since="Since",
            ended="Ended",
            after="{at}, after {lasted}",
            first="First",
            open_runbook="Open the runbook.",
            runbook="Runbook",
            dashboard="Dashboard",
            more="and {count} more, see {place}",
            several="{count} notifications",
            stop=". ",
        ),
        Language.ZH: Words(
            page="紧急告警",
            ticket="工单",
            alert="告警",
            resolved="已恢复",
            since="开始于",
            ended="结束于",
            after="{at}，持续 {lasted}",
            first="先做",
            open_runbook="打开运行手册。",
            runbook="运行手册",
            dashboard="看板",
            more="另有 {count} 条，见 {place}",
            several="{count} 条通知",
            stop="。",
        ),
    }
)
