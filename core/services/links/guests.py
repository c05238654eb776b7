"""Guests: in by a token, known again by their cookie, and within the limits of their link.

A token or a cookie belongs to somebody of whom no workspace is known yet: the look-ups by hash are the only ones here
that are not scoped, and they give back nothing but the one row they found.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import or_, select
from sqlalchemy.orm import undefer

from core.access.actor import Actor, NotAllowed, Permission, Role
from core.access.passwords import verify
from core.access.tokens import digest
from core.db.link_tables import DemoGuest, DemoLink
from core.db.tables import utc_now
from core.db.unit_of_work import Rows
from core.errors import Conflict, NotFound, PilotlightError
from core.services.application import Application
from core.services.links.making import state_of, view
from core.services.links.secret import guest_secret, guest_visitor
from core.services.links.tries import check_tries, note_try
from core.services.links.views import LinkView

LINK_COOKIE = "pilotlight_link"
EMBED_COOKIE = "pilotlight_embed"  # of a page that stands in a frame of another site
_COOKIE = re.compile(r"([1-9][0-9]{0,17})\.([A-Za-z0-9_-]{43})")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Opened:
    """A guest who was let in. ``cookie`` is what lets the same browser in again."""

    actor: Actor
    link: LinkView
    cookie: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest known by their cookie. ``link.state`` is open, spent or full here: the others see no link at all."""

    actor: Actor
    link: LinkView


def find_link(app: Application, token: str, address: str) -> LinkView:
    """The link of a token, for its first page. Raises NotFound (links.not_here) for one that is unknown or revoked,
    Conflict for one that has expired (links.expired), and after too many failed tries from ``address``."""
    return view(_by_token(app, token, address), None)


def open_link(app: Application, token: str, visitor: str, address: str, password: str = "") -> Opened:
    """Lets a browser in. ``visitor``: its random id, "" for one that keeps none. Raises as :func:`find_link`, and
    Conflict for a wrong password (links.password_wrong) and, to newcomers, for a link without a place (links.full) or
    a message left (links.spent); who has been in may come back and read."""
    link = _by_token(app, token, address)
    if link.password_hash:
        tried = f"password:{link.id}"
        check_tries(app, tried, address)
        if not verify(link.password_hash, password):
            if password:
                note_try(app, tried, address)
            raise Conflict("links.password_wrong" if password else "links.password_needed")
    secret = guest_secret(token, visitor or secrets.token_urlsafe(24))
    known = guest_visitor(link.id, secret)
    with app.database.write(link.workspace_id) as rows:
        if rows.update(DemoGuest, DemoGuest.visitor == known, last_seen=utc_now()) == 0:
            _take_place(rows, link.id)
            rows.add(DemoGuest(link_id=link.id, visitor=known))
    return Opened(_actor(link, known), view(link, None), f"{link.id}.{secret}")


def guest(app: Application, cookies: Mapping[str, str], *, embedded: bool = False) -> Guest | None:
    """Who the cookie says; None without one, and for a link that was revoked. Raises Conflict (links.expired)."""
    parts = _COOKIE.fullmatch(cookies.get(EMBED_COOKIE if embedded else LINK_COOKIE) or "")
    if parts is None:
        return None
    known = guest_visitor(int(parts[1]), parts[2])
    with app.database.system() as session:
        joined = select(DemoLink).join(DemoGuest, DemoGuest.link_id == DemoLink.id)
        link = session.scalars(joined.where(DemoGuest.visitor == known).options(undefer(DemoLink.logo))).first()
    if link is None or link.revoked_at is not None:
        return None
    if state_of(link) == "expired":
        raise Conflict("links.expired")
    return Guest(_actor(link, known), view(link, None))


def guest_of(app: Application, cookies: Mapping[str, str], *, embedded: bool = False) -> Actor | None:
    """The actor of a guest whose link can be used; else None."""
    try:
        found = guest(app, cookies, embedded=embedded)
    except PilotlightError:
        return None
    return found.actor if found else None


def may_frame(app: Application, cookies: Mapping[str, str]) -> tuple[str, ...]:
    """The sites that may show the page of the embedded guest in a frame; none for anybody else."""
    try:
        found = guest(app, cookies, embedded=True)
    except PilotlightError:
        return ()
    return found.link.sites if found else ()


def spend(rows: Rows, actor: Actor) -> None:
    """Takes one message of a guest's link in the unit of work that stores the message; nothing for anybody else.

    One UPDATE looks and counts, so that two guests at once cannot take the last message twice. Raises Conflict
    (links.spent, links.expired) or NotFound (links.not_here).
    """
    if actor.link_id is None:
        return
    usable = (
        DemoLink.id == actor.link_id,
        DemoLink.revoked_at.is_(None),
        or_(DemoLink.expires_at.is_(None), DemoLink.expires_at > utc_now()),
        or_(DemoLink.most_messages.is_(None), DemoLink.messages < DemoLink.most_messages),
    )
    if rows.update(DemoLink, *usable, messages=DemoLink.messages + 1) == 0:
        raise _why(rows.find(DemoLink, DemoLink.id == actor.link_id))
    mine = DemoGuest.link_id == actor.link_id, DemoGuest.visitor == actor.visitor
    if rows.update(DemoGuest, *mine, messages=DemoGuest.messages + 1, last_seen=utc_now()) == 0:
        raise NotFound("links.not_here")


def check_base(rows: Rows, actor: Actor, knowledge_base_id: int) -> None:
    """A guest asks the knowledge base of their link and no other. Raises NotFound."""
    if actor.link_id is None:
        return
    link = rows.find(DemoLink, DemoLink.id == actor.link_id)
    if link is None or link.knowledge_base_id != knowledge_base_id or "chat" not in link.pages:
        raise NotFound("not_found", what="knowledge base", id=knowledge_base_id)


def require_page(rows: Rows, actor: Actor, page: str) -> DemoLink:
    """The link of a guest who may use ``page``. Raises NotAllowed for anybody else."""
    link = rows.find(DemoLink, DemoLink.id == actor.link_id) if actor.link_id is not None else None
    if link is None or page not in link.pages:
        raise NotAllowed("links.page_closed")
    return link


def _take_place(rows: Rows, link_id: int) -> None:
    room = (
        DemoLink.id == link_id,
        DemoLink.revoked_at.is_(None),
        or_(DemoLink.most_people.is_(None), DemoLink.people < DemoLink.most_people),
        or_(DemoLink.most_messages.is_(None), DemoLink.messages < DemoLink.most_messages),
    )
    if rows.update(DemoLink, *room, people=DemoLink.people + 1) == 0:
        found = rows.find(DemoLink, DemoLink.id == link_id)
        raise Conflict("links.full") if found is not None and state_of(found) == "full" else _why(found)


def _why(link: DemoLink | None) -> PilotlightError:
    if link is None or link.revoked_at is not None:
        return NotFound("links.not_here")
    return Conflict("links.expired" if state_of(link) == "expired" else "links.spent")


def _by_token(app: Application, token: str, address: str) -> DemoLink:
    check_tries(app, "token", address)
    with app.database.system() as session:
        here = select(DemoLink).where(DemoLink.token_sha256 == digest(token)).options(undefer(DemoLink.logo))
        link = session.scalars(here).first() if _TOKEN.fullmatch(token) else None
    if link is None or link.revoked_at is not None:
        note_try(app, "token", address)
        raise NotFound("links.not_here")
    if state_of(link) == "expired":
        raise Conflict("links.expired")
    return link


def _actor(link: DemoLink, visitor: str) -> Actor:
    return Actor(
        workspace_id=link.workspace_id, visitor=visitor, role=Role.GUEST,
        language="zh" if link.language == "zh" else "en", name=f"link {link.id}", link_id=link.id,
        scopes=frozenset({Permission.CHAT}) if "chat" in link.pages else frozenset(),
    )  # fmt: skip
