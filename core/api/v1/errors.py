"""Every error in one shape, that of OpenAI, with a stable code: ``{"error": {"message", "type", "code", "param"}}``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from core.access.actor import NotAllowed
from core.errors import BadInput, Conflict, IndexDamaged, NotFound, OverLimit, PilotlightError, Unavailable
from core.services.keys import BadKey
from core.text.catalogue import translate

# By class, the narrowest first: status and OpenAI's name for the kind.
_KINDS: tuple[tuple[type[PilotlightError], int, str], ...] = (
    (BadKey, 401, "authentication_error"),
    (NotAllowed, 403, "permission_error"),
    (NotFound, 404, "not_found_error"),
    (Conflict, 409, "conflict_error"),
    (OverLimit, 429, "rate_limit_error"),
    (BadInput, 400, "invalid_request_error"),
    (Unavailable, 503, "unavailable_error"),
    (IndexDamaged, 503, "unavailable_error"),
)
_OF_STATUS = {404: "no_route", 405: "no_method", 413: "too_large"}


class ErrorDetail(BaseModel):
    message: str = Field(description="A sentence for people, in the language of Accept-Language (en or zh).")
    type: str = Field(description="The kind: invalid_request_error, authentication_error, permission_error ...")
    code: str = Field(description="Stable; what a program decides by.")
    param: str | None = Field(description="Where in the request, as far as it is one place.")


class ErrorBody(BaseModel):
    error: ErrorDetail


class TooMany(PilotlightError):
    """More requests than are taken in a while; ``seconds`` until the next."""


def response(
    status: int, kind: str, code: str, message: str, param: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    body = {"error": {"message": message, "type": kind, "code": code, "param": param}}
    # Escaped to ASCII: what came in may hold halves of characters, which UTF-8 cannot carry back.
    return Response(json.dumps(body).encode("ascii"), status, headers, "application/json")


def status_of(error: PilotlightError) -> tuple[int, str]:
    """HTTP status and kind of one of our errors."""
    if isinstance(error, TooMany):
        return 429, "rate_limit_error"
    return next(((status, kind) for cls, status, kind in _KINDS if isinstance(error, cls)), (500, "server_error"))


def for_error(error: PilotlightError, language: str) -> Response:
    """The response to one of our errors."""
    status, kind = status_of(error)
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if (wait := _wait(error)) is not None:
        headers["Retry-After"] = str(wait)
    return response(status, kind, error.code, error.sentence(language), headers=headers)


def _wait(error: PilotlightError) -> int | None:
    """Seconds until it is worth trying again."""
    if isinstance(error, TooMany):
        return int(error.values.get("seconds", 1))
    if isinstance(error, OverLimit) and error.values.get("opens"):
        opens = datetime.strptime(str(error.values["opens"]), "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
        return max(1, round((opens - datetime.now(UTC)).total_seconds()))
    return 2 if isinstance(error, Unavailable | IndexDamaged) else None


def language_of(header: str) -> str:
    """The language of ours that ``Accept-Language`` likes best; English when it names neither."""
    best, language = 0.0, "en"
    for part in header[:200].split(","):
        tag, _, rest = part.strip().partition(";")
        code = tag.strip().lower().partition("-")[0]
        weight = rest.strip().removeprefix("q=") if rest else "1"
        quality = float(weight) if weight.replace(".", "", 1).isdecimal() else 0.0
        if code in ("en", "zh") and quality > best:
            best, language = quality, code
    return language


def speaks(request: Request) -> str:
    return language_of(request.headers.get("accept-language", ""))


def register(app: FastAPI) -> None:
    """Makes ``app`` answer every error in this shape."""

    @app.exception_handler(PilotlightError)
    async def ours(request: Request, error: PilotlightError) -> Response:
        return for_error(error, speaks(request))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"] if part not in ("body", "path", "query", "header")]
        where = ".".join(place) or str(first["loc"][0])
        message = translate(speaks(request), "errors.api.invalid", problem=f"{where}: {first['msg']}")
        return response(422, "invalid_request_error", "api.invalid", message, where)

    @app.exception_handler(HTTPException)
    async def theirs(request: Request, error: HTTPException) -> Response:
        code = _OF_STATUS.get(error.status_code, "bad_request")
        values: dict[str, Any] = {"method": request.method, "limit": error.detail}
        message = translate(speaks(request), f"errors.api.{code}", **values)
        kind = "not_found_error" if error.status_code == 404 else "invalid_request_error"
        return response(error.status_code, kind, f"api.{code}", message, headers=error.headers)
