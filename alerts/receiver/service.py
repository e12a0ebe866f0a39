"""How does the receiver run: which channels does it open, on which address, and until when?"""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import httpx
import uvicorn
from starlette.applications import Starlette

from alerts import runbook
from alerts.errors import SettingsError
from alerts.notify.settings import Heartbeat, Secret, Settings
from alerts.notify.words import WORDS
from alerts.receiver.app import receiver_app
from alerts.receiver.channels import SEND_TIMEOUT_S, Sender, SendError, sender
from alerts.receiver.metrics import Metrics
from alerts.receiver.outbox import PATIENCE_S, Outbox
from alerts.receiver.secrets import Secrets
from alerts.receiver.texts import Writer
from alerts.receiver.webhook import Alert, Notification

Say = Callable[[str], None]
_BACKLOG: Final = 512


def serve(settings: Settings, environ: Mapping[str, str], listen: str, port: int, say: Say) -> None:
    """Serve until SIGTERM or SIGINT; port 0 is any free one. Raises SettingsError before anything listens."""
    asyncio.run(_serve(settings, environ, listen, port, say))


def try_channels(settings: Settings, environ: Mapping[str, str], say: Say) -> list[str]:
    """Send one message to each channel of the receiver; return the reasons of those that did not take it."""
    return asyncio.run(_try_channels(settings, environ, say))


async def _serve(settings: Settings, environ: Mapping[str, str], listen: str, port: int, say: Say) -> None:
    secrets = Secrets(environ)
    token = secrets.read(Secret(file=settings.receiver.token_file)) if settings.receiver.token_file else ""
    if not token and not _is_loopback(listen):
        raise SettingsError(f"--listen {listen}: beyond loopback only with a token; name one in receiver.token_file")
    async with httpx.AsyncClient() as client:
        senders = _senders(settings, secrets, client)
        metrics = Metrics([one.name for one in senders])
        writer = Writer(WORDS[settings.language], runbook.load(), ZoneInfo(settings.time_zone))
        beats = {one.name for one in settings.through_receiver() if isinstance(one, Heartbeat)}
        outboxes = {
            one.name: Outbox(
                one,
                writer,
                metrics,
                remembered_s=0.0 if one.name in beats else settings.remembered_s,
                say=lambda text: say(secrets.without(text)),
            )
            for one in senders
        }
        with _socket(listen, port) as door:
            say(f"receiver at http://{listen}:{door.getsockname()[1]}/ for {', '.join(outboxes)}")
            await _until_stopped(receiver_app(outboxes, metrics, token), door)


async def _until_stopped(app: Starlette, door: socket.socket) -> None:
    grace_s = round(PATIENCE_S + SEND_TIMEOUT_S + 1)  # what waits is sent, or given back
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=grace_s)
    # uvicorn raises the signal that stopped it once more when it has ended; by then all is done.
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        await uvicorn.Server(config).serve(sockets=[door])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _try_channels(settings: Settings, environ: Mapping[str, str], say: Say) -> list[str]:
    secrets = Secrets(environ)
    writer = Writer(WORDS[settings.language], runbook.load(), ZoneInfo(settings.time_zone))
    failed = []
    async with httpx.AsyncClient() as client:
        for one in _senders(settings, secrets, client):
            message = writer.write([_trial()], one.form)
            try:
                await one.send(message)
            except SendError as error:
                failed.append(f"{one.name}: {error.reason}: {secrets.without(str(error))}")
            else:
                say(f"{one.name}: took the message")
    return failed


def _senders(settings: Settings, secrets: Secrets, client: httpx.AsyncClient) -> list[Sender]:
    faults, made = [], []
    for channel in settings.through_receiver():
        try:
            made.append(sender(channel, secrets, client))
        except SettingsError as error:
            faults.append(f"{channel.name}: {error}")
    if not faults and not made:
        faults.append("no channel needs a receiver: the settings name no robot, no SMN and no heartbeat")
    if faults:
        raise SettingsError("\n".join(faults))
    return made


def _trial() -> Notification:
    notes = {"summary": "A trial of letta-slo: nothing is wrong", "description": "Sent by letta-slo receiver --try."}
    now = datetime.now(UTC)
    alert = Alert({"alertname": "Trial"}, notes, "", now, now)
    return Notification("trial", "", (alert,), "")


def _is_loopback(listen: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(listen).is_loopback
    return listen == "localhost"


def _socket(listen: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in listen else socket.AF_INET
        return socket.create_server((listen, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise SettingsError(f"--listen {listen} --port {port}: {error.strerror or error}: choose another") from error
