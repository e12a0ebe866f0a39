"""How is a message brought to a robot of DingTalk or WeCom, or a heartbeat to an address? Over HTTP, as each wants it.

Sources: DingTalk open platform, "Custom robot access" (signature, errcode); WeCom developer centre, document 91770
(group robots, errcode, 4,096 bytes). Both answer 200 with an errcode of their own when they refuse. Neither was ever
tried here: `letta-slo receiver --try` sends a message to the real ones.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.parse import urlencode, urlsplit, urlunsplit

import httpx

from alerts.notify.settings import ByReceiver, Heartbeat, Robot, RobotKind
from alerts.receiver.secrets import Secrets
from alerts.receiver.texts import DINGTALK, SMS, WECOM, Form, Message

SEND_TIMEOUT_S: Final = 5.0
_TOO_FAST: Final = {RobotKind.DINGTALK: frozenset({130101, 130103}), RobotKind.WECOM: frozenset({45009, 45033})}
_STATUS_TOO_FAST: Final = 429


class SendError(Exception):
    """A channel did not take a message. `reason` is a word for metrics; nothing in the text is secret."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class TooFastError(SendError):
    """The channel takes no more messages for now."""

    def __init__(self, text: str) -> None:
        super().__init__("too_fast", text)


class Sender(Protocol):
    """One channel; `a_minute` messages at most are sent to it in a minute, None: as many as there are."""

    name: str
    form: Form
    a_minute: int | None

    async def send(self, message: Message) -> None:
        """Bring a message there; raises SendError."""


def sender(channel: ByReceiver, secrets: Secrets, client: httpx.AsyncClient) -> Sender:
    """Return the sender of a channel; raises SettingsError when a secret of it cannot be read."""
    if isinstance(channel, Robot):
        url = secrets.read(channel.url)
        sign = secrets.read(channel.secret) if channel.secret else ""
        return RobotSender(channel.name, channel.kind, channel.a_minute, Door(url, client, secrets), sign)
    if isinstance(channel, Heartbeat):
        return HeartbeatSender(channel.name, Door(secrets.read(channel.url), client, secrets))
    from alerts.receiver.smn import SmnSender  # noqa: PLC0415  # the SDK takes most of a second to import

    return SmnSender(channel, secrets)


@dataclass(frozen=True, slots=True)
class Door:
    """A secret address."""

    url: str
    client: httpx.AsyncClient
    secrets: Secrets

    async def ask(self, method: str, body: Any = None, **query: str) -> httpx.Response:
        """Return an answer of success; raises SendError."""
        parts = urlsplit(self.url)
        whole = urlunsplit(parts._replace(query="&".join(one for one in (parts.query, urlencode(query)) if one)))
        try:
            answer = await self.client.request(method, whole, json=body, timeout=SEND_TIMEOUT_S)
        except httpx.TimeoutException as error:
            raise SendError("timeout", f"no answer within {SEND_TIMEOUT_S:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            said = self.secrets.without(f"{type(error).__name__}: {error}")
            raise SendError("unreachable", said) from None  # the cause holds the address, which is a secret
        if answer.status_code == _STATUS_TOO_FAST:
            raise TooFastError("HTTP 429")
        if not answer.is_success:
            raise SendError("http", f"HTTP {answer.status_code}")
        return answer


class RobotSender:
    """A robot in a group of DingTalk or WeCom."""

    def __init__(
        self,
        name: str,
        kind: RobotKind,
        a_minute: int,
        door: Door,
        sign_secret: str = "",
        *,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.form = DINGTALK if kind is RobotKind.DINGTALK else WECOM
        self.a_minute: int | None = a_minute
        self._kind = kind
        self._door = door
        self._secret = sign_secret
        self._now_s = now_s

    async def send(self, message: Message) -> None:
        """Bring a message there; raises SendError."""
        if self._kind is RobotKind.DINGTALK:
            markdown = {"title": message.title, "text": message.text}
        else:
            markdown = {"content": message.text}
        query = signature(self._secret, round(self._now_s() * 1000)) if self._secret else {}
        answer = await self._door.ask("POST", {"msgtype": "markdown", "markdown": markdown}, **query)
        try:
            found = answer.json()
            code, said = int(found["errcode"]), str(found.get("errmsg", ""))
        except (ValueError, KeyError, TypeError) as error:
            raise SendError("answer", "its answer is no JSON with an errcode") from error
        if code == 0:
            return
        text = self._door.secrets.without(f"errcode {code}: {said}")
        raise TooFastError(text) if code in _TOO_FAST[self._kind] else SendError("refused", text)


class HeartbeatSender:
    """An address that raises the alarm when it is not called; what it is told does not matter to it."""

    def __init__(self, name: str, door: Door) -> None:
        self.name = name
        self.form = SMS
        self.a_minute: int | None = None
        self._door = door

    async def send(self, message: Message) -> None:
        """Call it; raises SendError."""
        del message
        await self._door.ask("GET")  # which every watchdog takes, and some nothing else


def signature(secret: str, timestamp_ms: int) -> dict[str, str]:
    """Return what DingTalk wants to see in the query of a robot that signs."""
    signed = hmac.new(secret.encode(), f"{timestamp_ms}\n{secret}".encode(), hashlib.sha256).digest()
    return {"timestamp": str(timestamp_ms), "sign": base64.b64encode(signed).decode()}
