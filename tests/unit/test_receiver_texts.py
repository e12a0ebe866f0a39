"""What a person reads: complete where there is room, and never longer than a channel takes."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import orjson
import pytest

from alerts import runbook
from alerts.notify.settings import Language
from alerts.notify.words import WORDS
from alerts.receiver.texts import DINGTALK, SMS, WECOM, Form, Writer, duration, in_bytes
from alerts.receiver.webhook import PayloadError, parse
from tests.webhooks import alert, notification, webhook

ENGLISH = Writer(WORDS[Language.EN], runbook.load())
CHINESE = Writer(WORDS[Language.ZH], runbook.load(), ZoneInfo("Asia/Shanghai"))
FORMS = (DINGTALK, WECOM, SMS)


@pytest.mark.parametrize("form", FORMS)
def test_a_page_says_what_since_when_how_long_what_is_left_lasts_and_what_to_do_first(form: Form) -> None:
    text = ENGLISH.write([notification()], form).text
    for needed in (
        "PAGE",
        "Bridge success: the error budget burns",
        "Since: 2026-11-22 10:00:00+00:00",
        "lasts for 1d 2h",
        "First: Since when? Look at",
        "https://runbooks.example/error-budget-burn.md",
    ):
        assert needed in text
    assert ("https://grafana.example/d/letta-slo-objective" in text) == (form is not SMS)


def test_an_address_is_a_link_in_markdown_and_a_path_is_told_as_it_is() -> None:
    one = alert()
    one["annotations"] |= {
        "runbook_url": "alerts/runbooks/redis.md",
        "dashboard_url": "https://grafana.example/d/(a b)",
    }
    text = ENGLISH.write([notification(one)], WECOM).text
    assert "Runbook: alerts/runbooks/redis.md" in text
    assert "[Dashboard](https://grafana.example/d/%28a%20b%29)" in text


def test_what_has_ended_says_how_long_it_lasted_and_no_first_step() -> None:
    for form in FORMS:
        text = ENGLISH.write([notification(alert(over=True))], form).text
        assert "RESOLVED" in text and "after 42 min 10 s" in text and "First:" not in text
        assert "lasts for" not in text  # it was so when it began


def test_a_chinese_message_has_chinese_words_and_local_times() -> None:
    text = CHINESE.write([notification()], WECOM).text
    for needed in ("紧急告警", "错误预算消耗过快", "开始于: 2026-11-22 18:00:00+08:00", "先做: 先看从何时开始"):
        assert needed in text
    assert "持续 42 min 10 s" in CHINESE.write([notification(alert(over=True))], WECOM).text


def test_an_sms_has_no_brackets_no_lines_and_at_most_490_characters() -> None:
    long = alert("[x] 【y】\n`z` " + "very " * 60)
    for writer in (ENGLISH, CHINESE):
        text = writer.write([notification(long)], SMS).text
        assert len(text) <= 490 and not set(text) & set("[]【】`\n")


def test_of_a_long_description_an_sms_keeps_the_end() -> None:
    one = alert()
    one["annotations"]["description"] = "Long. " * 60 + "What is left lasts for 1d 2h."
    text = ENGLISH.write([notification(one)], SMS).text
    assert "What is left lasts for 1d 2h" in text and len(text) <= 490
    assert "https://runbooks.example/error-budget-burn.md" in text


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("count", [2, 5, 40, 400])
def test_many_alerts_fit_and_each_is_told_or_counted(form: Form, count: int) -> None:
    alerts = [alert(f"objective {number}: 错误", fingerprint=str(number)) for number in range(count)]
    message = ENGLISH.write([notification(*alerts)], form)
    assert form.size(message.text) <= form.limit
    told = sum(f"objective {number}: " in message.text for number in range(count))
    assert told == count or f"and {count - told} more, see http://alertmanager.example" in message.text


@pytest.mark.parametrize("form", [DINGTALK, WECOM])
def test_notifications_that_do_not_fit_into_one_message_are_left_for_the_next(form: Form) -> None:
    waiting = [notification(alert(f"group {number}: burns"), group=str(number)) for number in range(300)]
    told = []
    while waiting:
        message = ENGLISH.write(waiting, form)
        assert form.size(message.text) <= form.limit
        told.append(message.text)
        waiting = waiting[message.told :]
    assert all(f"group {number}: burns" in "\n".join(told) for number in range(300))
    assert len(told) < 20


def test_several_notifications_are_one_message_with_a_title_that_says_so() -> None:
    message = ENGLISH.write([notification(), notification(alert(over=True), group="b")], WECOM)
    assert (message.title, message.told) == ("2 notifications", 2)
    assert "### PAGE" in message.text and "### RESOLVED" in message.text


def test_of_a_group_in_which_one_alert_has_ended_an_sms_says_which() -> None:
    both = notification(alert("one burns"), alert("another burned", over=True, fingerprint="b"))
    assert ENGLISH.write([both], SMS).text == "PAGE: one burns; RESOLVED: another burned"


def test_an_alert_without_annotations_is_told_by_its_name() -> None:
    bare = {**alert(), "annotations": {}}
    text = ENGLISH.write([notification({**bare, "labels": {"alertname": "Foreign"}}, severity="")], SMS).text
    assert text.startswith("ALERT: Foreign. Since: ") and "Open the runbook" in text


def test_sizes_are_bytes_where_a_robot_counts_bytes() -> None:
    assert in_bytes("预算") == 6


@pytest.mark.parametrize(
    ("length", "text"),
    [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3600, "1 h"), (90061, "1 d 1 h"), (-5, "0 s")],
)
def test_a_duration_has_its_two_largest_units(length: int, text: str) -> None:
    assert duration(timedelta(seconds=length)) == text


def test_the_same_thing_told_again_has_the_same_key_and_a_change_another() -> None:
    same = [notification().key, notification().key]
    assert len({*same, notification(alert(over=True)).key, notification(group="b").key}) == 3
    more = notification(alert(), alert(fingerprint="b"))
    assert more.key == notification(alert(fingerprint="b"), alert()).key != same[0]


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"{", "the body is no JSON"),
        (b"[]", "version 'list'"),
        (webhook().replace(b'"version":"4"', b'"version":"3"'), "version '3'; webhooks of version '4'"),
        (orjson.dumps({"version": "4", "alerts": []}), "alerts: a list with at least one alert"),
        (webhook({**alert(), "status": "on"}), r"alerts\[0\]\.status: firing or resolved"),
        (webhook({**alert(), "startsAt": "now"}), r"alerts\[0\]\.startsAt: 'now' is no time"),
        (webhook({**alert(), "labels": {"a": 1}}), r"alerts\[0\]\.labels: texts by their names"),
    ],
)
def test_what_is_no_webhook_is_refused_with_the_reason(body: bytes, complaint: str) -> None:
    with pytest.raises(PayloadError, match=complaint):
        parse(body)
