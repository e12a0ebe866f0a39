"""A link carries bytes whole, in the clear and through TLS, however large and however they are cut."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import gevent
import pytest
import trustme

from loadgen.deadlines import Deadlines, TimeLimitError
from loadgen.http_client import LettaClient
from loadgen.samples import Outcome
from loadgen.wire import Connections

LARGE = b"x" * 3_000_000  # more than any socket's buffer


def echo_once(listener: socket.socket, tls: ssl.SSLContext | None) -> None:
    """Answer requests on one connection with the body that they brought; a test double of a server."""
    connection, _ = listener.accept()
    with tls.wrap_socket(connection, server_side=True) if tls else connection as peer:
        stream = peer.makefile("rwb")
        while line := stream.readline():
            length = 0
            while line.strip():
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
                line = stream.readline()
            stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + stream.read(length))
            stream.flush()


@pytest.fixture
def echo() -> Iterator[Callable[[ssl.SSLContext | None], int]]:
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def serve(tls: ssl.SSLContext | None) -> int:
        threads.append(threading.Thread(target=echo_once, args=(listener, tls)))
        threads[0].start()
        return int(listener.getsockname()[1])

    yield serve
    for thread in threads:
        thread.join()
    listener.close()


@pytest.fixture
def server_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Return the context of a server whose authority SSL_CERT_FILE names."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


def post(body: bytes) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body


@pytest.mark.parametrize("body", [b"{}", LARGE], ids=["small", "large"])
def test_what_is_sent_comes_back_whole(echo: Callable[[ssl.SSLContext | None], int], body: bytes) -> None:
    with closing(Connections(f"http://127.0.0.1:{echo(None)}", timeout_s=20)) as connections:
        assert [connections.exchange(post(body)).body for _ in range(2)] == [body, body]


@pytest.mark.parametrize("body", [b"{}", LARGE], ids=["small", "large"])
def test_tls_carries_the_same(
    echo: Callable[[ssl.SSLContext | None], int], server_tls: ssl.SSLContext, body: bytes
) -> None:
    with closing(Connections(f"https://localhost:{echo(server_tls)}", timeout_s=20)) as connections:
        assert [connections.exchange(post(body)).body for _ in range(2)] == [body, body]


def test_a_certificate_of_nobody_known_is_a_failed_connection() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)

    def refuse() -> None:
        connection, _ = listener.accept()
        with connection, pytest.raises(OSError):
            context.wrap_socket(connection, server_side=True)

    thread = threading.Thread(target=refuse)
    thread.start()
    with closing(LettaClient(f"https://localhost:{listener.getsockname()[1]}", timeout_s=10)) as client:
        reply = client.json("GET", "/v1/health/", "id")
    thread.join()
    listener.close()
    assert reply.outcome == Outcome.CONNECTION
    assert "CERTIFICATE_VERIFY_FAILED" in reply.detail["error"]


def test_each_of_many_that_wait_is_told_at_its_own_time() -> None:
    """One timer serves them all: the first to begin is the first whose time is over, and who ended is left alone."""
    deadlines, told = Deadlines(0.2), []

    def wait(number: int, for_s: float) -> None:
        deadlines.begin()
        try:
            gevent.sleep(for_s)
        except TimeLimitError:
            told.append(number)
        finally:
            deadlines.end()

    waiting = []
    for number in range(6):
        waiting.append(gevent.spawn(wait, number, 0.01 if number % 2 else 30.0))
        gevent.sleep(0.02)
    gevent.joinall(waiting, timeout=20)
    deadlines.close()
    assert told == [0, 2, 4]
