"""The cookies of a browser: who it is (a random id) and which language it last chose. Pure ASGI, before Streamlit."""

from __future__ import annotations

import re
import secrets
from urllib.parse import parse_qs

from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.access.cookies import VISITOR_COOKIE
from core.text.catalogue import LANGUAGES

LANGUAGE_COOKIE = "pilotlight_language"
__all__ = ["LANGUAGE_COOKIE", "VISITOR_COOKIE", "VisitorCookies", "new_visitor", "valid_visitor"]
YEAR = 365 * 24 * 3600
_VISITOR = re.compile(r"[A-Za-z0-9_-]{22,64}")


def new_visitor() -> str:
    """A random id that nobody can guess: knowing it is what opens a visitor's conversations."""
    return secrets.token_urlsafe(24)


def valid_visitor(value: object) -> bool:
    return isinstance(value, str) and _VISITOR.fullmatch(value) is not None


class VisitorCookies:
    """Sets both cookies on HTML responses only, so that the websocket that follows carries them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return

        async def send_with_cookies(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_html(message):
                extra = [(b"set-cookie", value.encode("latin-1")) for value in _cookies_to_set(scope)]
                # Two tabs opened at once must not be handed one cached page with one cookie.
                extra += [(b"cache-control", b"no-store")] if extra else []
                kept = [pair for pair in message["headers"] if not extra or pair[0].lower() != b"cache-control"]
                message = {**message, "headers": [*kept, *extra]}
            await send(message)

        await self.app(scope, receive, send_with_cookies)


def _is_html(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.lower().startswith(b"text/html") for name, value in message["headers"]
    )


def _cookies_to_set(scope: Scope) -> list[str]:
    have = _cookies(scope)
    wanted: dict[str, str] = {}
    if not valid_visitor(have.get(VISITOR_COOKIE)):
        wanted[VISITOR_COOKIE] = new_visitor()
    language = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("lang", [""])[0]
    if language in LANGUAGES and have.get(LANGUAGE_COOKIE) != language:
        wanted[LANGUAGE_COOKIE] = language
    secure = "; Secure" if scope.get("scheme") == "https" else ""
    return [f"{name}={value}; Path=/; Max-Age={YEAR}; HttpOnly; SameSite=Lax{secure}" for name, value in wanted.items()]


def _cookies(scope: Scope) -> dict[str, str]:
    raw = "; ".join(value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"cookie")
    return cookie_parser(raw)
