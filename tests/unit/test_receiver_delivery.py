"""The receiver's core: told once, none lost, and no faster than a channel allows."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import httpx
import pytest

from alerts import runbook
from alerts.notify.settings import Language
from alerts.notify.words import WORDS
from alerts.receiver.allowance import Allowance
from alerts.receiver.app import receiver_app
from alerts.receiver.channels import SendError, TooFastError
from alerts.receiver.metrics import Metrics
from alerts.receiver.outbox import Outbox, Outcome, Result
from alerts.receiver.texts import WECOM, Message, Writer
from tests.webhooks import alert, notification, webhook

Given = TypeVar("Given")


class Channel:
    """A double of a channel: keeps messages, fails as told, and can be held."""

    def __init__(self, a_minute: int | None = None) -> None:
        self.name = "robot"
        self.form = WECOM
        self.a_minute = a_minute
        self.taken: list[Message] = []
        self.tried = 0
        self.errors: list[Exception] = []
        self.may_go = asyncio.Event()
        self.may_go.set()

    async def send(self, message: Message) -> None:
        self.tried += 1
        await self.may_go.wait()
        if self.errors:
            raise self.errors.pop(0)
        self.taken.append(message)


class Rig:
    """An outbox before a double; `said` is its log."""

    def __init__(self, a_minute: int | None = None, patience_s: float = 30.0, remembered_s: float = 600.0) -> None:
        self.channel = Channel(a_minute)
        self.metrics = Metrics(["robot"])
        self.said: list[str] = []
        self.now_s = 0.0
        writer = Writer(WORDS[Language.EN], runbook.load())
        self.outbox = Outbox(
            self.channel,
            writer,
            self.metrics,
            remembered_s=remembered_s,
            say=self.said.append,
            patience_s=patience_s,
            now_s=lambda: self.now_s,
        )

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, {"channel": "robot", **labels}) or 0.0


def run(test: Coroutine[Any, Any, Given], outbox: Outbox) -> Given:
    async def beside() -> Given:
        worker = asyncio.create_task(outbox.run())
        try:
            async with asyncio.timeout(20):
                return await test
        finally:
            worker.cancel()

    return asyncio.run(beside())


def test_what_was_delivered_is_acknowledged_and_counted() -> None:
    rig = Rig()
    result = run(rig.outbox.deliver(notification()), rig.outbox)
    assert result == Result(Outcome.DELIVERED)
    assert len(rig.channel.taken) == 1
    assert rig.count("letta_slo_receiver_notifications_total", outcome="delivered") == 1
    assert rig.count("letta_slo_receiver_messages_total") == 1


def test_the_same_notification_again_is_acknowledged_and_not_sent() -> None:
    rig = Rig()

    async def twice() -> list[Result]:
        return [await rig.outbox.deliver(notification()) for _ in range(2)]

    assert [one.outcome for one in run(twice(), rig.outbox)] == [Outcome.DELIVERED, Outcome.REPEATED]
    assert len(rig.channel.taken) == 1


def test_a_repetition_that_is_meant_is_sent_again() -> None:
    rig = Rig(remembered_s=600)

    async def later() -> list[Result]:
        first = await rig.outbox.deliver(notification())
        rig.now_s = 601.0
        return [first, await rig.outbox.deliver(notification())]

    assert [one.outcome for one in run(later(), rig.outbox)] == [Outcome.DELIVERED, Outcome.DELIVERED]


def test_two_alertmanagers_that_tell_the_same_at_once_cause_one_message() -> None:
    rig = Rig()

    async def both() -> list[Result]:
        return await asyncio.gather(*(rig.outbox.deliver(notification()) for _ in range(2)))

    assert [one.outcome for one in run(both(), rig.outbox)] == [Outcome.DELIVERED] * 2
    assert len(rig.channel.taken) == 1


def test_what_failed_is_said_and_counted_and_not_remembered_as_delivered() -> None:
    rig = Rig()
    rig.channel.errors = [SendError("refused", "errcode 310000: sign not match")]

    async def twice() -> list[Result]:
        return [await rig.outbox.deliver(notification()) for _ in range(2)]

    assert [one.outcome for one in run(twice(), rig.outbox)] == [Outcome.FAILED, Outcome.DELIVERED]
    assert rig.said == ["robot: not delivered, refused: errcode 310000: sign not match"]
    assert rig.count("letta_slo_receiver_failures_total", reason="refused") == 1


def test_a_fault_of_ours_fails_one_message_and_not_the_way_to_the_channel() -> None:
    rig = Rig()
    rig.channel.errors = [RuntimeError("with a secret in it")]

    async def twice() -> list[Result]:
        return [await rig.outbox.deliver(notification(group=str(group))) for group in range(2)]

    assert [one.outcome for one in run(twice(), rig.outbox)] == [Outcome.FAILED, Outcome.DELIVERED]
    assert rig.said == ["robot: not delivered, unexpected: RuntimeError"]


def test_what_waits_for_its_turn_goes_out_as_one_message() -> None:
    rig = Rig()
    rig.channel.may_go.clear()

    async def burst() -> list[Result]:
        first = asyncio.create_task(rig.outbox.deliver(notification(group="first")))
        while not rig.channel.tried:
            await asyncio.sleep(0)
        rest = [asyncio.create_task(rig.outbox.deliver(notification(group=str(number)))) for number in range(12)]
        while rig.count("letta_slo_receiver_waiting") < 13:
            await asyncio.sleep(0)
        rig.channel.may_go.set()
        return await asyncio.gather(first, *rest)

    assert {one.outcome for one in run(burst(), rig.outbox)} == {Outcome.DELIVERED}
    assert [message.title.partition(":")[0] for message in rig.channel.taken] == ["PAGE", "12 notifications"]
    assert rig.count("letta_slo_receiver_waiting") == 0


def test_what_gets_no_turn_is_given_back_and_not_sent_afterwards() -> None:
    rig = Rig(a_minute=1, patience_s=0.01)

    async def two() -> list[Result]:
        return [await rig.outbox.deliver(notification(group=group)) for group in ("a", "b")]

    assert [one.outcome for one in run(two(), rig.outbox)] == [Outcome.DELIVERED, Outcome.LATER]
    assert len(rig.channel.taken) == 1
    assert rig.count("letta_slo_receiver_notifications_total", outcome="later") == 1


def test_a_caller_that_went_away_leaves_a_delivery_that_its_next_call_finds() -> None:
    rig = Rig()
    rig.channel.may_go.clear()

    async def impatient() -> Result:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(rig.outbox.deliver(notification()), 0.01)
        rig.channel.may_go.set()
        return await rig.outbox.deliver(notification())

    assert run(impatient(), rig.outbox).outcome in {Outcome.DELIVERED, Outcome.REPEATED}
    assert len(rig.channel.taken) == 1


def test_after_too_fast_the_channel_gets_a_rest() -> None:
    rig = Rig(a_minute=60, patience_s=0.01)
    rig.channel.errors = [TooFastError("errcode 45009")]

    async def two() -> list[Result]:
        return [await rig.outbox.deliver(notification(group=group)) for group in ("a", "b")]

    assert [one.outcome for one in run(two(), rig.outbox)] == [Outcome.FAILED, Outcome.LATER]
    assert rig.channel.tried == 1
    assert rig.count("letta_slo_receiver_failures_total", reason="too_fast") == 1


@pytest.mark.parametrize("a_minute", [1, 2, 3, 20, 600])
def test_no_sixty_seconds_see_more_messages_than_allowed(a_minute: int) -> None:
    allowance, sent, now_s = Allowance(a_minute, 0.0), [0.0] * 0, 0.0
    while now_s < 300.0:
        wait_s = allowance.wait_s(now_s)
        if wait_s > 0:
            now_s += wait_s + 1e-9
            continue
        allowance.spend(now_s)
        sent.append(now_s)
    most = max(sum(at <= one < at + 60.0 for one in sent) for at in sent)
    assert most <= a_minute
    assert len(sent) >= 300 / 60 * max(1, a_minute // 2) - 1


def test_each_refusal_in_a_row_rests_twice_as_long_up_to_a_minute() -> None:
    allowance, rests = Allowance(20, 0.0), []
    for _ in range(6):
        allowance.refused(0.0)
        rests.append(round(allowance.wait_s(0.0), 6))
    assert rests == [6.0, 12.0, 24.0, 48.0, 60.0, 60.0]
    allowance.taken()
    allowance.refused(0.0)
    assert allowance.wait_s(0.0) == pytest.approx(6.0)


def asked(rig: Rig, method: str, path: str, body: bytes = b"", *, token: str = "", show: str = "") -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(receiver_app({"robot": rig.outbox}, rig.metrics, token))
        async with httpx.AsyncClient(transport=transport, base_url="http://receiver") as client:
            headers = {"Authorization": f"Bearer {show}"} if show else {}
            return await client.request(method, path, content=body, headers=headers)

    return run(ask(), rig.outbox)


def test_the_statuses_are_those_that_an_alertmanager_understands() -> None:
    rig = Rig(a_minute=1, patience_s=0.01)
    assert asked(rig, "POST", "/v1/notify/robot", webhook()).status_code == 200
    later = asked(rig, "POST", "/v1/notify/robot", webhook(group="b"))
    assert (later.status_code, later.headers["Retry-After"]) == (503, "5")
    failing = Rig()
    failing.channel.errors = [SendError("timeout", "no answer within 5 s")]
    assert asked(failing, "POST", "/v1/notify/robot", webhook()).status_code == 502


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/v1/notify/nobody", webhook(), 404, "no channel 'nobody'; there are robot"),
        ("/v1/notify/robot", b"{}", 400, "version None; webhooks of version '4'"),
        ("/v1/notify/robot", b" " * (4 * 1024 * 1024 + 1), 413, "more than 4194304 bytes"),
    ],
)
def test_what_cannot_be_understood_is_refused(path: str, body: bytes, status: int, text: str) -> None:
    answer = asked(Rig(), "POST", path, body)
    assert (answer.status_code, text in answer.text) == (status, True)


def test_with_a_token_only_who_shows_it_may_notify() -> None:
    rig = Rig()
    for show in ("", "wrong"):
        assert asked(rig, "POST", "/v1/notify/robot", webhook(), token="right", show=show).status_code == 401
    assert not rig.channel.taken
    assert asked(rig, "POST", "/v1/notify/robot", webhook(), token="right", show="right").status_code == 200


def test_metrics_are_there_from_the_start_and_health_answers() -> None:
    text = asked(Rig(), "GET", "/metrics").text
    assert 'letta_slo_receiver_failures_total{channel="robot",reason="too_fast"} 0.0' in text
    assert asked(Rig(), "GET", "/healthz").text == "ok\n"


def test_an_alert_more_in_a_group_is_told() -> None:
    rig = Rig()

    async def both() -> list[Result]:
        one = await rig.outbox.deliver(notification())
        return [one, await rig.outbox.deliver(notification(alert(), alert("another", fingerprint="b")))]

    assert [one.outcome for one in run(both(), rig.outbox)] == [Outcome.DELIVERED] * 2
