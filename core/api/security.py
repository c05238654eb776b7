"""What every answer of the web process carries, and which host names it answers to. Pure ASGI, before all else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.text.catalogue import LANGUAGES, translate

PROBES = frozenset({"/healthz", "/readyz"})  # a cluster's probes name the container's own address

# Streamlit's client writes styles into the page and Vega compiles its expressions, hence the two "unsafe" words;
# scripts of other sites, plugins, foreign forms and frames have no reason to be there.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob: https: http:",  # pictures of a shop's items come from the shop
        "font-src 'self' data:",
        "media-src 'self' data: blob:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "frame-src 'self' blob: data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)
FRAMES = "frame-ancestors 'self'"
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
)


class SecurityHeaders:
    """Adds :data:`HEADERS` and the content security policy to every HTTP answer. An answer that has a header of these
    keeps its own; one that names other ``frame-ancestors`` (an embedded demo) keeps them beside the policy."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": _completed(list(message["headers"]))}
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _completed(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    name = b"content-security-policy"
    own = b"; ".join(value for key, value in headers if key.lower() == name).decode("latin-1")
    parts = [part for part in (own, "" if "default-src" in own else POLICY) if part]
    if "frame-ancestors" not in own:
        parts.append(FRAMES)
    kept = [(key, value) for key, value in headers if key.lower() != name]
    there = {key.lower() for key, _ in kept}
    return [*kept, (name, "; ".join(parts).encode("latin-1")), *((k, v) for k, v in HEADERS if k not in there)]


class AllowedHosts:
    """Refuses requests and websockets whose Host is none of ``hosts()`` with 400 and what to do: another site
    whose name leads to this machine (DNS rebinding) must not be able to speak to it. ``*.example.com`` allows all names
    below example.com, ``*`` any. ``hosts`` is called at the first request, not at import.
    """

    def __init__(self, app: ASGIApp, hosts: Callable[[], Sequence[str]]) -> None:
        self.app, self._hosts = app, hosts
        self._allowed: tuple[str, ...] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or scope["path"] in PROBES:
            await self.app(scope, receive, send)
            return
        if self._allowed is None:
            self._allowed = tuple(name.lower().rstrip(".") for name in self._hosts())
        host = host_of(Headers(scope=scope).get("host", ""))
        if any(_fits(host, pattern) for pattern in self._allowed):
            await self.app(scope, receive, send)
            return
        said = "\n".join(translate(language, "common.host_refused", host=host or "–") for language in LANGUAGES)
        await PlainTextResponse(said, status_code=400)(scope, receive, send)


def host_of(header: str) -> str:
    """The name in a Host header, lower case, without port and brackets; empty when it is not one."""
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port  # not a number, or out of range
    except ValueError:
        return ""
    return (parts.hostname or "").rstrip(".") if parts.netloc == header and "@" not in header else ""


def _fits(host: str, pattern: str) -> bool:
    if not host:
        return False
    return pattern in ("*", host) or (pattern.startswith("*.") and host.endswith(pattern[1:]))
