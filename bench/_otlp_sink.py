"""What takes telemetry at the lowest cost? A double of a collector, which answers 200 and keeps nothing."""

from __future__ import annotations

import asyncio

from testbed.process import announce

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n"


async def main() -> None:
    """Take what comes until the process is ended."""
    server = await asyncio.start_server(_take, "127.0.0.1", 0)
    announce(part="otlp-sink", url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        await server.serve_forever()


async def _take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            named = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
            await reader.readexactly(int(named[b"content-length"]))
            writer.write(_ANSWER)
    except (asyncio.IncompleteReadError, ConnectionError):  # the sender is done
        writer.close()


if __name__ == "__main__":
    asyncio.run(main())
