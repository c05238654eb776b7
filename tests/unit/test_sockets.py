"""Answers in two pieces must not wait for each other."""

from __future__ import annotations

import os
import socket

from core.api.sockets import send_at_once


def test_accepted_connections_inherit_it_and_nothing_else_is_touched() -> None:
    other = socket.socket()
    before = len(os.listdir("/proc/self/fd"))
    with other, socket.create_server(("127.0.0.1", 0)) as listening:
        assert send_at_once() >= 1
        client = socket.create_connection(listening.getsockname())
        accepted, _ = listening.accept()
        with client, accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
        assert other.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0
    assert len(os.listdir("/proc/self/fd")) <= before
