"""Calls to addresses that a person typed in (webhooks). They must not reach what only this machine can reach.

A name is looked up once, each address it has is judged, and the connection goes to the very address that was judged: a
name that changes its mind in between (DNS rebinding) gains nothing. Redirects are not followed.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

import httpcore

from core.errors import BadInput, Unavailable

# Reserved for a translation between the two families: what they lead to is an IPv4 address in disguise.
_DISGUISED = tuple(
    ipaddress.ip_network(block) for block in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)


def checked_address(address: str) -> str:
    """``address`` without spaces around it. Raises BadInput (outbound.address) unless it is http(s), with a host and
    without a name and password."""
    kept = address.strip()
    try:
        parts = urlsplit(kept)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, half of an IPv6 address
        good = False
    if not good or "@" in parts.netloc or any(ord(sign) <= 32 for sign in kept):
        raise BadInput("outbound.address", address=kept[:200])
    return kept


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the internet at large: not this machine, not a private network, not a cloud's
    metadata service."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if any(found in block for block in _DISGUISED):
            return False
    return found.is_global and not found.is_multicast


def post(address: str, body: bytes, *, seconds: float, private: bool = False) -> int:
    """The status of a POST of JSON to ``address``. ``private``: may it lie inside (the owner's setting).

    Raises BadInput (outbound.*) for an address that may not be called and Unavailable (outbound.failed) when nobody
    answers within ``seconds`` of each step.
    """
    kept = checked_address(address)
    host = (urlsplit(kept).hostname or "").encode("idna").decode()
    headers: dict[bytes | str, bytes | str] = {
        "Host": urlsplit(kept).netloc,
        "Content-Type": "application/json",
        "User-Agent": "Pilotlight",
    }
    limits = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
    try:
        with httpcore.ConnectionPool(network_backend=_Guarded(private), retries=0) as pool:
            answer = pool.request("POST", kept, headers=headers, content=body, extensions={"timeout": limits})
            return int(answer.status)
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
        raise Unavailable("outbound.failed", host=host, reason=type(error).__name__) from error


class _Guarded(httpcore.NetworkBackend):
    """httpcore's network backend, but a name becomes an address here, and only one that may be called."""

    def __init__(self, private: bool) -> None:
        self._private, self._plain = private, httpcore.SyncBackend()

    def connect_tcp(self, host: str, port: int, *args: Any, **options: Any) -> httpcore.NetworkStream:
        found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        if not self._private and not all(is_public(one) for one in found):
            raise BadInput("outbound.private", host=host)
        return self._plain.connect_tcp(found[0], port, *args, **options)

    def connect_unix_socket(self, path: str, *_args: Any, **_options: Any) -> httpcore.NetworkStream:
        raise BadInput("outbound.address", address=path)

    def sleep(self, seconds: float) -> None:
        self._plain.sleep(seconds)
