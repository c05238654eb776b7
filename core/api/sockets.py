"""How the web process's sockets send."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

_OPEN = Path("/proc/self/fd"), Path("/dev/fd")


def send_at_once() -> int:
    """Sets TCP_NODELAY on the sockets that this process listens on, which those they accept inherit; their number.

    The server's socket is made without naming its protocol, so that asyncio does not set it. An answer is written in
    two pieces, head and body, and without it the second waits for the first to be acknowledged: 40 ms on every request
    but the first of a connection (measured: 46 ms instead of 6 for ``/v1/models``).
    """
    changed = 0
    folder = next((one for one in _OPEN if one.is_dir()), None)
    for name in os.listdir(folder) if folder else []:
        try:
            if not stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                continue
            copied = os.dup(int(name))
        except OSError:  # closed meanwhile
            continue
        with socket.socket(fileno=copied) as same:
            if _listens(same):
                same.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                changed += 1
    return changed


def _listens(one: socket.socket) -> bool:
    tcp = one.family in (socket.AF_INET, socket.AF_INET6) and one.type == socket.SOCK_STREAM
    return tcp and one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
