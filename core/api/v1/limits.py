"""What stands before every request: its id, the size of its body, how many there may be; and what nobody caught."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import HTTPException
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.api.v1.errors import TooMany, for_error, language_of, response
from core.errors import PilotlightError
from core.logs import request_context
from core.services.keys import BadKey, actor_of_key
from core.text.catalogue import translate

if TYPE_CHECKING:
    from core.services.application import Application
    from core.settings import Settings

log = structlog.get_logger(__name__)

MIB = 1 << 20
SMALL_BODY = 2 * MIB
UPLOADS = "/documents"
GUESS = 20  # a request with a wrong key weighs as many
OPEN = ("/docs", "/openapi.json")  # the only addresses that need no key


class Windows:
    """Counts requests in sliding minutes: in this process, or in the Redis of several."""

    def __init__(self, settings: Settings) -> None:
        shared = settings.queue_url.startswith(("redis://", "rediss://"))
        self._limiter = SlidingWindowCounterRateLimiter(
            storage_from_string(settings.queue_url if shared else "memory://")
        )
        self.by_key = RateLimitItemPerMinute(settings.api_per_minute)
        self.by_address = RateLimitItemPerMinute(settings.api_per_minute_address)
        self.guesses = RateLimitItemPerMinute(max(1, settings.api_per_minute_address // GUESS))

    def hit(self, item: RateLimitItem, code: str, who: str) -> dict[str, str]:
        """Counts one request; what the headers say. Raises TooMany."""
        taken = self._limiter.hit(item, code, who)
        reset, remaining = self._limiter.get_window_stats(item, code, who)
        seconds = max(1, round(reset - time.time()))
        if not taken:
            raise TooMany(f"api.{code}", limit=item.amount, seconds=seconds)
        return {
            "X-RateLimit-Limit": str(item.amount),
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Reset": str(seconds),
        }

    def allow(self, item: RateLimitItem, code: str, who: str) -> None:
        """Raises TooMany where a further one would be too many; counts nothing."""
        if not self._limiter.test(item, code, who):
            reset = self._limiter.get_window_stats(item, code, who).reset_time
            raise TooMany(f"api.{code}", limit=item.amount, seconds=max(1, round(reset - time.time())))


class Gate:
    """Pure ASGI, around everything: no key, no route. What goes wrong inside comes out as an error of our shape."""

    def __init__(self, app: ASGIApp, application: Callable[[], Application], windows: Callable[[], Windows]) -> None:
        self.app, self._application, self._windows = app, application, windows
        self._running = 0
        self._by_key: Counter[int | None] = Counter()
        self._settings: Settings | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with request_context(path=scope["path"]) as request_id:
            extra: dict[str, str] = {"X-Request-Id": request_id, "X-Content-Type-Options": "nosniff"}
            scope.setdefault("state", {})["headers"] = extra
            answering = _Answering(send, extra)
            await self._answer(scope, receive, answering, request_id)

    async def _answer(self, scope: Scope, receive: Receive, answering: _Answering, request_id: str) -> None:
        language = language_of(Headers(scope=scope).get("accept-language", ""))
        begun = time.perf_counter()
        try:
            # Whoever comes first may have to wait for it to be built; the pages must not wait with them.
            settings = self._settings or (await run_in_threadpool(self._application)).settings
        except PilotlightError as error:
            said = error.sentence(language)
            await response(503, "unavailable_error", error.code, said)(scope, receive, answering)
            return
        self._settings = settings
        if self._running >= settings.api_at_once:
            busy = for_error(TooMany("api.busy", limit=settings.api_at_once, seconds=1), language)
            await busy(scope, receive, answering)
            return
        self._running += 1
        try:
            who = address(scope)
            await run_in_threadpool(self._let_in, scope, who, language)
            with self._place(scope, settings):
                await self.app(scope, _measured(receive, scope, settings), answering)
        except (TooMany, BadKey) as error:
            await for_error(error, language)(scope, receive, answering)
        except Exception:
            log.error("api request failed", exc_info=True)
            if answering.begun:
                raise
            said = translate(language, "errors.api.failed", request_id=request_id)
            await response(500, "server_error", "api.failed", said)(scope, receive, answering)
        finally:
            self._running -= 1
            spent = round((time.perf_counter() - begun) * 1000)
            log.info("api", method=scope["method"], status=answering.status, milliseconds=spent)

    @contextmanager
    def _place(self, scope: Scope, settings: Settings) -> Iterator[None]:
        """One of the places that one key may have: never all of them, so that others get in. Raises TooMany."""
        actor = scope["state"].get("actor")
        if actor is None:
            yield
            return
        most = max(1, settings.api_at_once - settings.api_at_once // 4)
        if self._by_key[actor.key_id] >= most:
            raise TooMany("api.busy_key", limit=most, seconds=1)
        self._by_key[actor.key_id] += 1
        try:
            yield
        finally:
            self._by_key[actor.key_id] -= 1
            if not self._by_key[actor.key_id]:
                del self._by_key[actor.key_id]

    def _let_in(self, scope: Scope, who: str, language: str) -> None:
        """Puts the key's actor into the request's state before a byte of the body is read.

        Raises BadKey, and TooMany for too many requests from an address or with a key, or too many wrong keys.
        """
        windows = self._windows()
        windows.hit(windows.by_address, "rate_address", who)
        if scope["path"].removeprefix(scope.get("root_path", "")) in OPEN:
            return
        windows.allow(windows.guesses, "rate_guesses", who)
        kind, _, secret = Headers(scope=scope).get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not secret.strip():
            raise BadKey("api.key_missing")
        try:
            actor = actor_of_key(self._application(), secret.strip(), language)
        except BadKey:
            windows.hit(windows.guesses, "rate_guesses", who)
            raise
        scope["state"]["actor"] = actor
        scope["state"]["headers"].update(windows.hit(windows.by_key, "rate_key", str(actor.key_id)))


class _Answering:
    """``send`` that adds our headers and remembers whether an answer has begun."""

    def __init__(self, send: Send, extra: dict[str, str]) -> None:
        self._send, self._extra = send, extra
        self.begun, self.status = False, 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun, self.status = True, message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in self._extra.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        await self._send(message)


def address(scope: Scope) -> str:
    """Where a request comes from. Behind a proxy, uvicorn puts the address it forwards here (--forwarded-allow-ips)."""
    return str(scope["client"][0]) if scope.get("client") else "unknown"


def _measured(receive: Receive, scope: Scope, settings: Settings) -> Receive:
    """``receive`` that stops at the limit, whatever Content-Length says."""
    upload = scope["method"] == "POST" and scope["path"].endswith(UPLOADS)
    limit = settings.max_file_mb * MIB + MIB if upload else SMALL_BODY
    told = Headers(scope=scope).get("content-length", "")
    too_large = HTTPException(413, str(round(limit / MIB)))
    read = int(told) if told.isdecimal() and int(told) > limit else 0

    async def counted() -> Any:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise too_large
        return message

    return counted
