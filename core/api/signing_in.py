"""The routes that set and remove the session cookie. A page cannot: its answers travel by websocket."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from core.access.cookies import SESSION_COOKIE, VISITOR_COOKIE

if TYPE_CHECKING:
    from core.services.application import Application

LONGEST = 400 * 24 * 3600  # seconds; browsers cut longer ones. The row in the database says when a sign-in really ends.
NEXT = re.compile(r"/[a-z0-9_-]{0,40}")  # one of our own pages, so that nobody is sent elsewhere after signing in

Endpoint = Callable[[Request], Awaitable[Response]]


def session_routes(application: Callable[[], Application]) -> list[Route]:
    """``application`` is called at the first request, not at import."""
    return [
        Route("/session", partial(_begin, application), methods=["GET"]),
        Route("/session/end", partial(_end, application), methods=["GET"]),
    ]


async def _begin(application: Callable[[], Application], request: Request) -> Response:
    """Changes the one-time code for the cookie. The code is good for the browser that signed in only, so a link to here
    cannot put somebody into another person's account.
    """
    from core.services.people.signing_in import exchange

    code = request.query_params.get("code", "")
    browser = request.cookies.get(VISITOR_COOKIE, "")
    token = await run_in_threadpool(exchange, application(), code, browser) if code and browser else None
    if token is None:
        return _to("/?sign-in=again")
    answer = _to(next_path(request.query_params.get("next", "")))
    answer.set_cookie(
        SESSION_COOKIE, token, max_age=LONGEST, path="/", httponly=True, samesite="lax", secure=_is_https(request)
    )
    return answer


async def _end(application: Callable[[], Application], request: Request) -> Response:
    """Takes a cookie away that no longer leads to a sign-in. A good one stays: signing out is done by the page, and a
    link to here from elsewhere does nothing.
    """
    from core.services.people.signing_in import session_id

    answer = _to("/")
    token = request.cookies.get(SESSION_COOKIE, "")
    if token and await run_in_threadpool(session_id, application(), token) is None:
        answer.delete_cookie(SESSION_COOKIE, path="/", httponly=True, samesite="lax", secure=_is_https(request))
    return answer


def next_path(wanted: str) -> str:
    """``wanted`` if it is a page of ours, else the home page."""
    return wanted if NEXT.fullmatch(wanted) else "/"


def _to(path: str) -> RedirectResponse:
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return RedirectResponse(path, status_code=303, headers=headers)


def _is_https(request: Request) -> bool:
    return request.url.scheme == "https" or request.headers.get("x-forwarded-proto", "") == "https"
