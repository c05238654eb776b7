"""Keys of the HTTP API: made (and shown once), listed, revoked, and recognised when a program brings one."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update

from core.access.actor import ALLOWED, Actor, Permission, Role
from core.access.audit import record
from core.db.api_tables import ApiKey
from core.db.tables import utc_now
from core.errors import BadInput, PilotlightError
from core.services.application import Application

MARK = "plk_"
SHOWN = 12  # characters of a key by which people tell it from others
LONGEST_NAME = 200
_KEY = re.compile(r"plk_[A-Za-z0-9_-]{43}")
_NOTED = timedelta(minutes=1)  # how exact "last used" is; finer would be a write for every request

# What a program may be given, in words that people choose from; each is a set of permissions.
BUNDLES: dict[str, frozenset[Permission]] = {
    "ask": frozenset({Permission.CHAT}),
    "documents": frozenset({Permission.KNOWLEDGE_READ, Permission.KNOWLEDGE_WRITE}),
    "sentiment": frozenset({Permission.SENTIMENT_READ, Permission.SENTIMENT}),
    "write": frozenset({Permission.CONTENT_READ, Permission.CONTENT}),
    "recommend": frozenset({Permission.RECOMMEND_READ, Permission.RECOMMEND}),
    "studio": frozenset({Permission.STUDIO_READ, Permission.STUDIO}),
}


class BadKey(PilotlightError):
    """No key came with a request, or one that opens nothing (any more)."""


@dataclass(frozen=True, slots=True)
class KeyView:
    """``state``: active, expired, revoked. ``prefix``: the key's first characters."""

    id: int
    name: str
    prefix: str
    scopes: tuple[str, ...]
    role: str
    state: str
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None

    @property
    def bundles(self) -> tuple[str, ...]:
        """The bundles that it holds whole."""
        mine = set(self.scopes)
        return tuple(name for name, wanted in BUNDLES.items() if {one.value for one in wanted} <= mine)


@dataclass(frozen=True, slots=True)
class NewKey:
    """``secret`` is the key itself: it is nowhere else and cannot be shown again."""

    view: KeyView
    secret: str


def permissions_of(names: Collection[str]) -> frozenset[Permission]:
    """The permissions of bundles and single permissions, by name. Raises BadInput naming what there is."""
    found: set[Permission] = set()
    for name in names:
        if name in BUNDLES:
            found |= BUNDLES[name]
        elif name in set(Permission):
            found.add(Permission(name))
        else:
            raise BadInput("api.scope", name=str(name)[:80], known=", ".join(BUNDLES))
    return frozenset(found)


def make_key(
    app: Application,
    actor: Actor,
    name: str,
    scopes: Collection[str],
    *,
    role: Role = Role.EDITOR,
    expires_at: datetime | None = None,
) -> NewKey:
    """A key of this workspace with ``scopes`` (names of bundles or permissions), none of them beyond ``role``.

    Raises BadInput for a name, a scope or an expiry that cannot be. An owner's key would be an account without a
    password, so there is none.
    """
    actor.require(Permission.KEYS)
    kept = " ".join(name.split())
    if not 1 <= len(kept) <= LONGEST_NAME:
        raise BadInput("api.key_name", length=len(kept), limit=LONGEST_NAME)
    wanted = permissions_of(scopes)
    if not wanted:
        raise BadInput("api.scope_none", known=", ".join(BUNDLES))
    beyond = sorted(wanted - ALLOWED[role])
    if role is Role.OWNER or beyond:
        raise BadInput("api.scope_role", role=role.value, scopes=", ".join(beyond))
    if expires_at is not None and expires_at <= utc_now():
        raise BadInput("api.key_expiry", at=f"{expires_at:%Y-%m-%d %H:%M}")
    secret = MARK + secrets.token_urlsafe(32)
    with app.database.write(actor.workspace_id) as rows:
        row = rows.add(
            ApiKey(
                name=kept, prefix=secret[:SHOWN], sha256=_hash(secret), scopes=sorted(wanted), role=role.value,
                created_by=actor.name[:200], expires_at=expires_at,
            )
        )  # fmt: skip
        record(rows, actor, "key.made", kept, prefix=row.prefix, scopes=row.scopes, role=row.role)
        return NewKey(_view(row), secret)


def list_keys(app: Application, actor: Actor) -> list[KeyView]:
    """All keys of the workspace, the newest first; those that were revoked too."""
    actor.require(Permission.KEYS)
    with app.database.read(actor.workspace_id) as rows:
        return [_view(row) for row in rows.all(rows.select(ApiKey).order_by(ApiKey.id.desc()))]


def revoke_key(app: Application, actor: Actor, key_id: int) -> None:
    """From now on it opens nothing. One that was revoked before stays as it is. Raises NotFound."""
    actor.require(Permission.KEYS)
    with app.database.write(actor.workspace_id) as rows:
        row = rows.get(ApiKey, key_id)
        if row.revoked_at is None:
            row.revoked_at = utc_now()
            record(rows, actor, "key.revoked", row.name, prefix=row.prefix)


def actor_of_key(app: Application, secret: str, language: str = "en") -> Actor:
    """Who acts with this key. Raises BadKey (api.key_unknown, api.key_revoked, api.key_expired)."""
    if _KEY.fullmatch(secret) is None:
        raise BadKey("api.key_unknown")
    with app.database.system() as session:
        row = session.scalars(select(ApiKey).where(ApiKey.sha256 == _hash(secret))).first()
    if row is None:
        raise BadKey("api.key_unknown")
    now = utc_now()
    if (state := _state(row)) != "active":
        raise BadKey(f"api.key_{state}", name=row.name)
    if row.last_used_at is None or now - row.last_used_at > _NOTED:
        with app.database.system(writing=True) as session:
            stale = or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < now - _NOTED)
            session.execute(update(ApiKey).where(ApiKey.id == row.id, stale).values(last_used_at=now))
    return Actor(
        workspace_id=row.workspace_id, visitor=f"key:{row.id}", role=Role(row.role), language=language,
        name=f"{row.name} ({row.prefix}…)", key_id=row.id,
        scopes=frozenset(Permission(one) for one in row.scopes if one in set(Permission)),
    )  # fmt: skip


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _state(row: ApiKey) -> str:
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.expires_at is not None and row.expires_at <= utc_now() else "active"


def _view(row: ApiKey) -> KeyView:
    return KeyView(
        id=row.id, name=row.name, prefix=row.prefix, scopes=tuple(row.scopes), role=row.role, state=_state(row),
        created_by=row.created_by, created_at=row.created_at, last_used_at=row.last_used_at,
        expires_at=row.expires_at, revoked_at=row.revoked_at,
    )  # fmt: skip
