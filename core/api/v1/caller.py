"""Who calls: the gate made an actor of the request's key before any route was looked for; routes take it from there."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from core.access.actor import Actor
from core.services.application import Application
from core.services.keys import BadKey

# For the specification; the gate has read the header long before.
bearer = HTTPBearer(
    scheme_name="key", description="A key of the workspace: `Authorization: Bearer plk_…`", auto_error=False
)


def wired(request: Request) -> Application:
    """The product that this process serves."""
    found: Application = request.app.state.application()
    return found


def caller(request: Request, _given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> Actor:
    """The actor of the request's key."""
    found: Actor | None = getattr(request.state, "actor", None)
    if found is None:
        raise BadKey("api.key_missing")
    return found


App = Annotated[Application, Depends(wired)]
Caller = Annotated[Actor, Depends(caller)]
