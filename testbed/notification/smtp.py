"""A stand-in of a mail server: takes mail of one user who knows the password, on a port that can close and open.

As much of RFC 5321 and 4954 as a client needs that sends a mail: EHLO, AUTH (PLAIN, LOGIN), MAIL, RCPT, DATA.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
from email import message_from_bytes, policy
from email.message import EmailMessage

from testbed.notification.accounts import ACCOUNT
from testbed.notification.kept import Kept

_HOST = "127.0.0.1"


class MailServer:
    """Keeps each mail with its subject, and the text and the HTML that it has."""

    def __init__(self, kept: Kept, port: int = 0) -> None:
        self._kept = kept
        self._server: asyncio.Server | None = None
        self.port = port

    async def open(self) -> None:
        """Listen; does nothing when open already."""
        if self._server is None:
            self._server = await asyncio.start_server(self._talk, _HOST, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Take no more mail."""
        if self._server is not None:
            server, self._server = self._server, None
            server.close()
            await server.wait_closed()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await _Session(reader, writer, self._kept).run()
        writer.close()


class _Session:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: Kept) -> None:
        self._reader = reader
        self._writer = writer
        self._kept = kept
        self._is_known = False
        self._to: list[str] = []

    async def run(self) -> None:
        await self._say("220 stand-in of a mail server")
        while line := (await self._reader.readline()).decode("latin-1").rstrip("\r\n"):
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO" | "HELO":
                    await self._say("250-stand-in", "250-8BITMIME", "250 AUTH PLAIN LOGIN")
                case "AUTH":
                    await self._let_in(rest)
                case "MAIL" | "RCPT" if not self._is_known:
                    self._kept.refuse("email")
                    await self._say("530 5.7.0 Authentication required")
                case "MAIL":
                    self._to = []
                    await self._say("250 2.1.0 Ok")
                case "RCPT":
                    self._to.append(rest.partition(":")[2].strip("<> "))
                    await self._say("250 2.1.5 Ok")
                case "DATA":
                    await self._take()
                case "QUIT":
                    await self._say("221 2.0.0 Bye")
                    return
                case "NOOP" | "RSET":
                    await self._say("250 2.0.0 Ok")
                case _:
                    await self._say("502 5.5.2 Error: command not recognized")

    async def _let_in(self, asked: str) -> None:
        kind, _, first = asked.partition(" ")
        if kind.upper() == "PLAIN":
            _, user, password = (_decoded(first or await self._ask("")) + "\0\0").split("\0")[:3]
        else:
            user = _decoded(first or await self._ask("VXNlcm5hbWU6"))
            password = _decoded(await self._ask("UGFzc3dvcmQ6"))
        self._is_known = (user, password) == (ACCOUNT.smtp_user, ACCOUNT.smtp_password)
        if not self._is_known:
            self._kept.refuse("email")
        await self._say("235 2.7.0 Ok" if self._is_known else "535 5.7.8 Error: authentication failed")

    async def _take(self) -> None:
        await self._say("354 End data with <CR><LF>.<CR><LF>")
        raw = await self._reader.readuntil(b"\r\n.\r\n")
        mail = message_from_bytes(raw.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n."), policy=policy.default)
        self._kept.take(
            "email", _body(mail, "plain"), title=str(mail["Subject"]), html=_body(mail, "html"), to=",".join(self._to)
        )
        await self._say("250 2.0.0 Ok: kept")

    async def _ask(self, challenge: str) -> str:
        await self._say(f"334 {challenge}")
        return (await self._reader.readline()).decode("latin-1").strip()

    async def _say(self, *lines: str) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())
        await self._writer.drain()


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return part.get_content() if part is not None else ""
