"""Keys of the HTTP API: shown once, kept as hashes, narrow, revocable, of one workspace."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from core.access.actor import Actor, NotAllowed, Permission, Role
from core.access.audit import first_broken
from core.db.audit_tables import AuditEntry
from core.db.tables import utc_now
from core.errors import BadInput, NotFound
from core.services import keys
from core.services.application import Application
from tests.integration.services.conftest import Shop


def test_the_key_itself_is_stored_nowhere(app: Application, shop: Shop) -> None:
    made = keys.make_key(app, shop.owner(), "Shop front", ["ask"])
    assert len(made.secret) == 47
    with app.database.engine.connect() as connection:
        for table in ("api_key", "audit_entry"):
            stored = str(connection.execute(text(f"SELECT * FROM {table}")).all())
            assert made.view.prefix in stored
            assert made.secret[4:] not in stored


def test_a_key_acts_in_its_workspace_with_its_scopes_only(app: Application, shop: Shop, rival: Shop) -> None:
    made = keys.make_key(app, shop.owner(), "Shop front", ["ask", "knowledge.read"])
    actor = keys.actor_of_key(app, made.secret, "zh")
    assert (actor.workspace_id, actor.key_id, actor.language) == (shop.workspace, made.view.id, "zh")
    assert actor.visitor == f"key:{made.view.id}"
    assert {one for one in Permission if actor.may(one)} == {Permission.CHAT, Permission.KNOWLEDGE_READ}
    (shown,) = keys.list_keys(app, shop.owner())
    assert shown.bundles == ("ask",)
    assert shown.last_used_at is not None
    assert keys.list_keys(app, rival.owner()) == []


@pytest.mark.parametrize("secret", ["", "plk_", "plk_" + "x" * 43, "sk-" + "x" * 44, "plk_" + "x" * 4000])
def test_a_key_that_nobody_made_opens_nothing(app: Application, secret: str) -> None:
    with pytest.raises(keys.BadKey) as caught:
        keys.actor_of_key(app, secret)
    assert caught.value.code == "api.key_unknown"


def test_revoked_and_expired_keys_open_nothing(
    app: Application, shop: Shop, rival: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = keys.make_key(app, shop.owner(), "Old", ["ask"])
    with pytest.raises(NotFound):
        keys.revoke_key(app, rival.owner(), made.view.id)
    keys.actor_of_key(app, made.secret)
    keys.revoke_key(app, shop.owner(), made.view.id)
    keys.revoke_key(app, shop.owner(), made.view.id)
    with pytest.raises(keys.BadKey, match="revoked"):
        keys.actor_of_key(app, made.secret)

    short = keys.make_key(app, shop.owner(), "Short", ["ask"], expires_at=utc_now() + timedelta(days=1))
    keys.actor_of_key(app, short.secret)
    later = utc_now() + timedelta(days=2)
    monkeypatch.setattr(keys, "utc_now", lambda: later)
    with pytest.raises(keys.BadKey, match="expired"):
        keys.actor_of_key(app, short.secret)


def test_what_was_done_with_keys_is_in_the_audit_log(app: Application, shop: Shop) -> None:
    made = keys.make_key(app, shop.owner(), "Shop front", ["ask"])
    keys.revoke_key(app, shop.owner(), made.view.id)
    with app.database.read(shop.workspace) as rows:
        entries = rows.all(rows.select(AuditEntry).order_by(AuditEntry.number))
    assert [(one.action, one.target) for one in entries] == [("key.made", "Shop front"), ("key.revoked", "Shop front")]
    assert first_broken(entries) is None


@pytest.mark.parametrize("role", [Role.EDITOR, Role.AGENT, Role.ANALYST, Role.GUEST])
def test_only_owners_deal_with_keys(app: Application, shop: Shop, role: Role) -> None:
    actor = Actor(shop.workspace, "somebody", role)
    for act in (
        lambda: keys.make_key(app, actor, "x", ["ask"]),
        lambda: keys.list_keys(app, actor),
        lambda: keys.revoke_key(app, actor, 1),
    ):
        with pytest.raises(NotAllowed):
            act()


def test_a_key_cannot_make_keys(app: Application, shop: Shop) -> None:
    for scopes, role in ((["keys"], Role.EDITOR), (["ask"], Role.OWNER), (["documents"], Role.ANALYST)):
        with pytest.raises(BadInput) as caught:
            keys.make_key(app, shop.owner(), "x", scopes, role=role)
        assert caught.value.code == "api.scope_role"


@pytest.mark.parametrize(
    ("name", "scopes", "code"),
    [("  ", ["ask"], "key_name"), ("x" * 201, ["ask"], "key_name"), ("x", [], "scope_none"), ("x", ["all"], "scope")],
)
def test_what_cannot_be_a_key_is_said(app: Application, shop: Shop, name: str, scopes: list[str], code: str) -> None:
    with pytest.raises(BadInput) as caught:
        keys.make_key(app, shop.owner(), name, scopes)
    assert caught.value.code == f"api.{code}"
    assert keys.list_keys(app, shop.owner()) == []
