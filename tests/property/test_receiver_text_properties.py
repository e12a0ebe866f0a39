"""For any alerts: a message never is longer than its channel takes, and every notification is told in the end."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts import runbook
from alerts.notify.settings import Language
from alerts.notify.words import WORDS
from alerts.receiver.texts import DINGTALK, SMS, WECOM, Form, Writer
from alerts.receiver.webhook import Notification
from tests.webhooks import alert, notification

NAMES = st.sampled_from([*runbook.load(), "Foreign"])
TEXTS = st.text(max_size=600) | st.sampled_from(["错误预算" * 300, "[]【】`**`", "a" * 5000, "\n\n. . "])


@st.composite
def notifications(draw: st.DrawFn) -> Notification:
    alerts = []
    for number in range(draw(st.integers(1, 8))):
        one = alert(draw(TEXTS), over=draw(st.booleans()), alertname=draw(NAMES), fingerprint=str(number))
        one["annotations"]["description"] = draw(TEXTS)
        alerts.append(one)
    return notification(
        *alerts, group=draw(st.text(max_size=5)), severity=draw(st.sampled_from(["page", "ticket", ""]))
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(notifications(), min_size=1, max_size=5),
    st.sampled_from([DINGTALK, WECOM, SMS]),
    st.sampled_from(Language),
)
def test_no_message_is_too_long_and_all_notifications_are_told_in_the_end(
    waiting: list[Notification], form: Form, language: Language
) -> None:
    writer = Writer(WORDS[language], runbook.load())
    while waiting:
        message = writer.write(waiting, form)
        assert message.title and message.text
        assert form.size(message.text) <= form.limit
        assert form is not SMS or not set(message.text) & set("[]【】\n")
        assert 1 <= message.told <= len(waiting)
        waiting = waiting[message.told :]
