"""Links as their owner keeps them: make, change, give a new address, duplicate, revoke, list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.orm import undefer

from core.access.actor import Actor, Permission
from core.access.audit import record
from core.access.tokens import digest, new_token
from core.db.link_tables import DemoGuest, DemoLink
from core.db.tables import utc_now
from core.db.unit_of_work import Rows
from core.errors import Conflict
from core.services.application import Application
from core.services.content.templates import get_template
from core.services.links.rules import checked
from core.services.links.views import LinkRequest, LinkView, Made, State

_SECRET = ("password_hash", "logo", "greeting")  # told in the audit log only as changed


def make_link(app: Application, actor: Actor, request: LinkRequest) -> Made:
    """A new link; its address is known only now. Raises BadInput (links.*), NotFound for another workspace's things."""
    actor.require(Permission.LINKS)
    _check_template(app, actor, request)
    token = new_token()
    with app.database.write(actor.workspace_id) as rows:
        values = checked(rows, request)
        made = DemoLink(**values, token_sha256=digest(token), created_by=(actor.name or actor.visitor)[:200])
        rows.add(made)
        record(rows, actor, "link.made", made.name, link=made.id, **_facts(values))
        return Made(view(made, None), token)


def change_link(app: Application, actor: Actor, link_id: int, request: LinkRequest) -> LinkView:
    """The same address, other terms. Raises Conflict for one that was revoked."""
    actor.require(Permission.LINKS)
    _check_template(app, actor, request)
    with app.database.write(actor.workspace_id) as rows:
        stored = _standing(rows, link_id)
        before = {
            name: getattr(stored, name) for name in (*LinkRequest.__slots__, "password_hash") if name != "password"
        }
        values = checked(rows, request, stored)
        for name, value in values.items():
            setattr(stored, name, value)
        changed = sorted(name for name, value in values.items() if before[name] != value)
        record(rows, actor, "link.changed", stored.name, link=link_id, changed=changed)
        return view(stored, _last_seen(rows).get(link_id))


def renew_link(app: Application, actor: Actor, link_id: int) -> Made:
    """A new address; the old one stops at once, and guests who came by it stay in. Raises Conflict when revoked."""
    actor.require(Permission.LINKS)
    token = new_token()
    with app.database.write(actor.workspace_id) as rows:
        stored = _standing(rows, link_id)
        stored.token_sha256 = digest(token)
        record(rows, actor, "link.renewed", stored.name, link=link_id)
        return Made(view(stored, _last_seen(rows).get(link_id)), token)


def duplicate_link(app: Application, actor: Actor, link_id: int, name: str) -> Made:
    """The same terms, password and looks under another name and address, nothing spent; an expiry that has passed is
    left out."""
    actor.require(Permission.LINKS)
    token = new_token()
    with app.database.write(actor.workspace_id) as rows:
        stored = _whole(rows, link_id)
        request = replace(request_of(view(stored, None)), name=name)
        if request.expires_at is not None and request.expires_at <= utc_now():
            request = replace(request, expires_at=None)
        values = checked(rows, request) | {"logo": stored.logo, "password_hash": stored.password_hash}
        made = DemoLink(**values, token_sha256=digest(token), created_by=(actor.name or actor.visitor)[:200])
        rows.add(made)
        record(rows, actor, "link.made", made.name, link=made.id, like=stored.name, **_facts(values))
        return Made(view(made, None), token)


def revoke_link(app: Application, actor: Actor, link_id: int) -> None:
    """Nobody can open or use it from now on, and it cannot come back. What guests asked stays to be read."""
    actor.require(Permission.LINKS)
    with app.database.write(actor.workspace_id) as rows:
        stored = rows.get(DemoLink, link_id)
        if stored.revoked_at is None:
            stored.revoked_at = utc_now()
            record(rows, actor, "link.revoked", stored.name, link=link_id)


def list_links(app: Application, actor: Actor) -> list[LinkView]:
    """With what was spent; the latest first."""
    actor.require(Permission.LINKS)
    with app.database.read(actor.workspace_id) as rows:
        seen = _last_seen(rows)
        found = rows.all(rows.select(DemoLink).options(undefer(DemoLink.logo)).order_by(DemoLink.id.desc()))
        return [view(row, seen.get(row.id)) for row in found]


def get_link(app: Application, actor: Actor, link_id: int) -> LinkView:
    """Raises NotFound."""
    actor.require(Permission.LINKS)
    with app.database.read(actor.workspace_id) as rows:
        return view(_whole(rows, link_id), _last_seen(rows).get(link_id))


def request_of(link: LinkView) -> LinkRequest:
    """The terms of a link as a form begins with them; password and logo stay as they are."""
    kept = {name: getattr(link, name) for name in LinkRequest.__slots__ if name not in ("password", "logo")}
    return LinkRequest(**kept)


def view(row: DemoLink, last_seen: datetime | None) -> LinkView:
    """``row`` must have its logo loaded."""
    return LinkView(
        id=row.id, name=row.name, state=state_of(row), pages=tuple(row.pages),
        knowledge_base_id=row.knowledge_base_id, template=row.template, catalogue_id=row.catalogue_id,
        expires_at=row.expires_at, most_messages=row.most_messages, most_people=row.most_people,
        has_password=bool(row.password_hash), title=row.title, logo=row.logo, colour=row.colour,
        greeting=row.greeting, language=row.language, sites=tuple(row.sites), created_by=row.created_by,
        created_at=row.created_at, revoked_at=row.revoked_at, messages=row.messages, people=row.people,
        last_seen=last_seen,
    )  # fmt: skip


def state_of(row: DemoLink) -> State:
    """The gravest first: what was revoked is nothing else. ``full`` lets those in who are in."""
    if row.revoked_at is not None:
        return "revoked"
    if row.expires_at is not None and row.expires_at <= utc_now():
        return "expired"
    if row.most_messages is not None and row.messages >= row.most_messages:
        return "spent"
    return "full" if row.most_people is not None and row.people >= row.most_people else "open"


def _whole(rows: Rows, link_id: int) -> DemoLink:
    stored = rows.get(DemoLink, link_id)
    rows.session.refresh(stored, ["logo"])
    return stored


def _standing(rows: Rows, link_id: int) -> DemoLink:
    stored = _whole(rows, link_id)
    if stored.revoked_at is not None:
        raise Conflict("links.revoked_already", name=stored.name)
    return stored


def _last_seen(rows: Rows) -> dict[int, datetime]:
    statement = rows.columns(DemoGuest, DemoGuest.link_id, func.max(DemoGuest.last_seen)).group_by(DemoGuest.link_id)
    return {row[0]: row[1] for row in rows.session.execute(statement)}


def _facts(values: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in values.items() if name not in (*_SECRET, "name", "title", "expires_at")}
    expires = values["expires_at"]
    return plain | {
        "expires_at": expires.isoformat() if expires else None,
        "password": bool(values.get("password_hash")),
    }


def _check_template(app: Application, actor: Actor, request: LinkRequest) -> None:
    if "content" in request.pages and request.template:
        get_template(app, actor, request.template, "zh" if actor.language == "zh" else "en")
