"""Ports for programs that have to be told one."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from testbed import ports
from testbed.ports import free_port
from testbed.process import PartError


def test_the_kernel_gives_to_nobody_else_what_was_given_to_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_ephemeral", lambda: (32_768, 60_999))
    given = {free_port() for _ in range(100)}
    assert all(10_240 <= port < 32_768 or port > 60_999 for port in given)


def test_threads_that_ask_at_once_get_ports_of_their_own() -> None:
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda _: free_port(), range(200)))
    assert len(set(given)) == len(given)


def test_what_somebody_listens_on_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(ports, "_outside", lambda _: [taken.getsockname()[1]])
        with pytest.raises(PartError, match="no free port"):
            free_port()


def test_a_kernel_that_keeps_almost_every_port_leaves_all_to_choose_from() -> None:
    assert len(ports._outside((1_024, 65_535))) == 65_535 - 10_240 + 1
    assert ports._outside((32_768, 60_999))[0] == 10_240
