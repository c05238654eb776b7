"""The doors of demo links: ``/d/TOKEN`` for a browser's own tab, ``/embed/TOKEN`` for a frame of an allowed site.

GET changes nothing, so that programs that preview addresses use nothing up; POST lets in, sets the guest's cookie and
goes on to the guest's page.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.api import link_pages
from core.errors import NotFound, PilotlightError
from core.services.links.guests import EMBED_COOKIE, LINK_COOKIE, find_link, may_frame, open_link
from core.services.links.views import LinkView
from core.text.catalogue import LANGUAGES

if TYPE_CHECKING:
    from core.services.application import Application

GUEST_PAGE = "/demo"
MONTH = 30 * 24 * 3600
LONGEST_FORM = 4096  # bytes
_LOCAL = {"localhost", "127.0.0.1", "[::1]", "::1"}
_PRIVATE = {"cache-control": "no-store", "referrer-policy": "no-referrer", "x-robots-tag": "noindex"}
# The visitor's and the language's cookie are set by pages/shared/visitor.py.
VISITOR_COOKIE, LANGUAGE_COOKIE = "pilotlight_visitor", "pilotlight_language"


def routes(application: Callable[[], Application]) -> list[Route]:
    """``application`` is called at the first request, not at import."""
    return [
        Route(f"/{path}/{{token}}", partial(_door, application, embedded), methods=["GET", "POST"])
        for path, embedded in (("d", False), ("embed", True))
    ]


async def _door(application: Callable[[], Application], embedded: bool, request: Request) -> Response:
    password = await _password(request) if request.method == "POST" else ""
    if password is None:
        return Response(status_code=413)
    return await run_in_threadpool(_answer, application, embedded, request, password)


async def _password(request: Request) -> str | None:
    """The password of the form; None for a body larger than any form of ours."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST_FORM:
            return None
    return parse_qs(body.decode("utf-8", "replace")).get("password", [""])[0]


def _answer(application: Callable[[], Application], embedded: bool, request: Request, password: str) -> Response:
    language = _language(request)
    token, address = request.path_params["token"], request.client.host if request.client else ""
    nonce, link = secrets.token_urlsafe(16), None
    try:
        app = application()
        link = find_link(app, token, address)
        language = link.language if link.language in LANGUAGES else language
        if request.method == "POST":
            opened = open_link(app, token, request.cookies.get(VISITOR_COOKIE, "")[:64], address, password)
            return _let_in(request, opened.cookie, embedded)
    except PilotlightError as error:
        if link is None or not error.code.startswith("links.password"):
            text = link_pages.sentence(language=language, text=error.sentence(language))
            return _html(text, 404 if isinstance(error, NotFound) else 403, nonce, link if embedded else None)
        wrong = error.sentence(language) if password else ""
        return _html(_page(link, language, nonce, wrong), 403, nonce, link if embedded else None)
    return _html(_page(link, language, nonce, ""), 200, nonce, link if embedded else None)


def _page(link: LinkView, language: str, nonce: str, wrong: str) -> str:
    return link_pages.door(
        language=language, title=link.title, colour=link.colour, password=link.has_password, wrong=wrong, nonce=nonce
    )


def _let_in(request: Request, cookie: str, embedded: bool) -> Response:
    answer = RedirectResponse(f"{GUEST_PAGE}?embed=true" if embedded else GUEST_PAGE, 303, headers=_PRIVATE)
    name = EMBED_COOKIE if embedded else LINK_COOKIE
    secure = request.url.scheme == "https"
    # A frame of another site keeps SameSite=None cookies only; from this machine browsers take them over HTTP too.
    foreign = embedded and (secure or request.url.hostname in _LOCAL)
    rest = "SameSite=None; Secure; Partitioned" if foreign else "SameSite=Lax" + ("; Secure" if secure else "")
    answer.headers.append("set-cookie", f"{name}={cookie}; Path=/; Max-Age={MONTH}; HttpOnly; {rest}")
    return answer


def _html(text: str, status: int, nonce: str, framed: LinkView | None) -> HTMLResponse:
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; form-action 'self'; "
    policy += f"base-uri 'none'; {frame_ancestors(framed.sites if framed else ())}"
    return HTMLResponse(text, status, headers={**_PRIVATE, "content-security-policy": policy})


def frame_ancestors(sites: tuple[str, ...]) -> str:
    """The directive that names who may show a page in a frame; nobody where no site is named."""
    return "frame-ancestors " + (" ".join(sites) or "'none'")


def _language(request: Request) -> str:
    known = request.cookies.get(LANGUAGE_COOKIE)
    if known in LANGUAGES:
        return str(known)
    return "zh" if request.headers.get("accept-language", "").lower().startswith("zh") else "en"


class GuestFrames:
    """Says who may show the guests' page in a frame: the sites of the embedded guest's link, else nobody."""

    def __init__(self, app: ASGIApp, application: Callable[[], Application]) -> None:
        self.app, self.application = app, application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].rstrip("/") != GUEST_PAGE:
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        sites: tuple[str, ...] = ()
        if request.query_params.get("embed") == "true":
            sites = await run_in_threadpool(self._sites, request)
        policy = frame_ancestors(sites).encode("latin-1")

        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message["headers"] if pair[0].lower() not in _REPLACED]
                own = [(b"content-security-policy", policy), (b"cache-control", b"no-store")]
                message = {**message, "headers": [*kept, *own]}
            await send(message)

        await self.app(scope, receive, send_with_policy)

    def _sites(self, request: Request) -> tuple[str, ...]:
        try:
            return may_frame(self.application(), request.cookies)
        except PilotlightError:  # a setting that does not fit: the page itself says so
            return ()


_REPLACED = (b"x-frame-options", b"content-security-policy", b"cache-control")
