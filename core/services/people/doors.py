"""Who is at the door: an account by its session cookie, a guest by a demo link, or the owner at this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from core.access.actor import Actor
from core.services.application import Application
from core.services.people.accounts import has_accounts, is_loopback
from core.services.people.signing_in import signed_in


@dataclass(frozen=True, slots=True)
class Came:
    """What a request says about who makes it. ``host``: its Host header; ``forwarded``: it came through a proxy."""

    session: str = ""
    visitor: str = ""
    language: str = "en"
    host: str = ""
    forwarded: bool = False


ByLink = Callable[[Application, Came], Actor | None]


def is_local(app: Application, came: Came) -> bool:
    """Whether it comes from this machine: the app listens here only, was asked for by a name of this machine (another
    name that leads here is a page elsewhere, by DNS rebinding), and no proxy stands between.
    """
    named = not came.host or is_loopback(came.host)
    return is_loopback(app.settings.host) and named and not came.forwarded


def actor_of(app: Application, came: Came, local: Actor, by_link: ByLink | None = None) -> Actor | None:
    """The person of this request; None when they have to sign in. ``local`` acts while there is no account and the
    request comes from this machine; ``by_link`` knows guests of demo links.
    """
    found = signed_in(app, came.session, came.language)
    if found is None and by_link is not None:
        found = by_link(app, came)
    if found is None and not has_accounts(app) and is_local(app, came):
        found = replace(local, visitor=came.visitor, language=came.language)
    return found
