"""Who calls: the key of a request becomes the actor of its workspace, counted and limited."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from core.access.actor import Actor
from core.api.v1.errors import speaks
from core.api.v1.limits import GUESSES, Windows, address
from core.services.application import Application
from core.services.keys import BadKey, actor_of_key

if TYPE_CHECKING:
    Wired = Callable[[], Application]

bearer = HTTPBearer(
    scheme_name="key", description="A key of the workspace: `Authorization: Bearer plk_…`", auto_error=False
)
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]


def wired(request: Request) -> Application:
    """The product that this process serves."""
    found: Application = request.app.state.application()
    return found


App = Annotated[Application, Depends(wired)]


def caller(request: Request, app: App, given: Bearer) -> Actor:
    """Raises BadKey, and TooMany for too many wrong keys from one address or too many requests with one key."""
    if given is None:
        raise BadKey("api.key_missing")
    windows: Windows = request.app.state.windows()
    who = address(request.scope)
    windows.allow(GUESSES, "rate_guesses", who)
    try:
        actor = actor_of_key(app, given.credentials, speaks(request))
    except BadKey:
        windows.hit(GUESSES, "rate_guesses", who)
        raise
    request.state.headers.update(windows.hit(windows.by_key, "rate_key", str(actor.key_id)))
    return actor


Caller = Annotated[Actor, Depends(caller)]
