"""The FastAPI application: routes, one error shape, the gate before them, its specification and a page of it."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse
from starlette.routing import Mount

from core.api.v1 import catalogues, chat, errors, generate, knowledge, models, recommend, runs, sentiment
from core.api.v1.docs import page
from core.api.v1.limits import Gate, Windows
from core.text.catalogue import LANGUAGES

if TYPE_CHECKING:
    from core.services.application import Application

VERSION = "1"
PREFIX = "/v1"
ABOUT = """
Everything a program may do with a Pilotlight workspace. Send a key with every request:
`Authorization: Bearer plk_…`; owners make keys under Admin › Keys.

Chat, embeddings and models have the shape of OpenAI's API, so its clients work with this base URL. Errors are always
`{"error": {"message", "type", "code", "param"}}`; `code` is stable. `Accept-Language: zh` answers errors in Chinese.
Every response has `X-Request-Id`; `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds) tell how many requests are
left; a 429 says in `Retry-After` when to try again.
""".strip()
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": errors.ErrorBody, "description": said}
    for status, said in {
        400: "What was sent cannot be used; `code` and `message` say why.",
        401: "No key, or one that opens nothing (any more).",
        403: "The key's scopes do not reach here.",
        404: "There is no such thing in this workspace.",
        409: "The thing changed meanwhile, or a rule stands in the way.",
        413: "The body is too large.",
        422: "A value has the wrong type or is out of its range; `param` says which.",
        429: "Too many requests, or a quota is used up.",
        503: "Something that is needed cannot be had at the moment.",
    }.items()
}


def mounted(application: Callable[[], Application]) -> Mount:
    """The API at its prefix and all below it: Starlette's own pattern ends at a line break in an address, and Streamlit
    would answer such a request in plain text."""
    mount = Mount(PREFIX, api(application))
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return mount


def api(application: Callable[[], Application]) -> FastAPI:
    """``application`` is called at the first request, not at import."""
    app = FastAPI(
        title="Pilotlight", version=VERSION, description=ABOUT, docs_url=None, redoc_url=None, openapi_url=None,
        servers=[{"url": PREFIX}], separate_input_output_schemas=False,
    )  # fmt: skip
    lock = threading.Lock()
    made: list[Windows] = []

    def windows() -> Windows:
        with lock:
            if not made:
                made.append(Windows(application().settings))
            return made[0]

    app.state.application, app.state.windows = application, windows
    errors.register(app)
    app.add_middleware(Gate, application=application, windows=windows)
    for part in (models, chat, knowledge, sentiment, generate, recommend, catalogues, runs):
        app.include_router(part.router, responses=PROBLEMS)
    _specification(app)
    return app


def _specification(app: FastAPI) -> None:
    @cache
    def specification() -> dict[str, Any]:
        return get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes, servers=app.servers
        )  # fmt: skip

    @app.get("/openapi.json", include_in_schema=False)
    def openapi() -> dict[str, Any]:
        return specification()

    @app.get("/docs", include_in_schema=False)
    def docs(request: Request) -> HTMLResponse:
        """In the language of ``?lang=``, else of ``Accept-Language``."""
        base = str(request.url.replace(query="", fragment="")).removesuffix("/docs")
        asked = request.query_params.get("lang", "")
        language = asked if asked in LANGUAGES else errors.language_of(request.headers.get("accept-language", ""))
        said = {"Content-Security-Policy": STILL, "Content-Language": language, "Vary": "Accept-Language"}
        return HTMLResponse(page(specification(), base, language), headers=said)

    app.openapi = specification  # type: ignore[method-assign]


# The page runs nothing and loads nothing.
STILL = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
