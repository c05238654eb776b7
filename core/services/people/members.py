"""Members of a workspace and what they may do there; the workspaces of one account."""

from __future__ import annotations

import re
import secrets

from sqlalchemy import func, select, update

from core.access.actor import ALLOWED, Actor, Permission, Role
from core.access.audit import record
from core.access.tokens import digest
from core.db.people_tables import Account, Membership, SignIn
from core.db.tables import Workspace, utc_now
from core.db.unit_of_work import Rows
from core.errors import BadInput, Conflict, NotFound
from core.services.application import Application
from core.services.people.accounts import member_account, own_account
from core.services.people.views import MemberView
from core.services.unsent import drop_person

GIVEN = (Role.OWNER, Role.EDITOR, Role.AGENT, Role.ANALYST)  # guests come by demo links and have no account


def list_members(app: Application, actor: Actor) -> list[MemberView]:
    """Owners first, then by e-mail."""
    actor.require(Permission.MEMBERS)
    seen = func.max(SignIn.seen_at)
    with app.database.read(actor.workspace_id) as rows:
        found = rows.session.execute(
            rows.columns(Membership, Membership, Account, seen)
            .select_from(Membership)
            .join(Account, Account.id == Membership.account_id)
            .outerjoin(SignIn, (SignIn.account_id == Account.id) & (SignIn.expires_at > utc_now()))
            .group_by(Membership.id, Account.id)
        ).all()
    views = [
        MemberView(
            account.id, account.email, account.name, Role(member.role), member.created_at, last,
            account.disabled_at is not None, account.issuer is not None,
        )
        for member, account, last in found
    ]  # fmt: skip
    return sorted(views, key=lambda view: (view.role is not Role.OWNER, view.email))


def what_roles_may() -> dict[Role, frozenset[Permission]]:
    """The table of roles, as services enforce it."""
    return dict(ALLOWED)


def checked_role(role: str) -> Role:
    """A role an account may have. Raises BadInput."""
    if role not in GIVEN:
        raise BadInput("people.role", role=role, known=", ".join(GIVEN))
    return Role(role)


def change_role(app: Application, actor: Actor, account_id: int, role: str) -> None:
    """Raises Conflict when the workspace would be left without an owner, NotFound."""
    actor.require(Permission.MEMBERS)
    wanted = checked_role(role)
    with app.database.write(actor.workspace_id) as rows:
        account = member_account(rows, account_id)
        member = _member(rows, account_id)
        if member.role == wanted:
            return
        _an_owner_stays(rows, member)
        before, member.role = member.role, wanted.value
        record(rows, actor, "member.role_changed", account.email, before=before, after=wanted.value)


def remove_member(app: Application, actor: Actor, account_id: int) -> None:
    """Takes the person out of this workspace at once; their account and other workspaces stay.

    Raises Conflict for the last owner, NotFound.
    """
    actor.require(Permission.MEMBERS)
    with app.database.write(actor.workspace_id) as rows:
        account = member_account(rows, account_id)
        _an_owner_stays(rows, _member(rows, account_id))
        rows.delete(Membership, Membership.account_id == account_id)
        drop_person(rows, f"account:{account_id}")
        record(rows, actor, "member.removed", account.email)


def _member(rows: Rows, account_id: int) -> Membership:
    member = rows.find(Membership, Membership.account_id == account_id)
    assert member is not None, "member_account() found it"
    return member


def _an_owner_stays(rows: Rows, member: Membership) -> None:
    """Other owners must be able to come: those switched off do not count."""
    if member.role != Role.OWNER:
        return
    # PostgreSQL: two owners who remove each other at once must not both succeed.
    rows.session.execute(select(Workspace.id).where(Workspace.id == rows.workspace_id).with_for_update())
    others = (
        rows.columns(Membership, func.count())
        .select_from(Membership)
        .join(Account, Account.id == Membership.account_id)
        .where(Membership.role == Role.OWNER.value, Membership.id != member.id, Account.disabled_at.is_(None))
    )
    if not rows.session.scalar(others):
        raise Conflict("people.last_owner")


def open_workspace(app: Application, actor: Actor, workspace_id: int, token: str) -> None:
    """Makes another workspace of the account the one that is open in this browser. Raises NotFound."""
    with app.database.system(writing=True) as session:
        account = own_account(session, actor)
        where = Membership.account_id == account.id, Membership.workspace_id == workspace_id
        if session.scalars(select(Membership.id).where(*where)).first() is None:
            raise NotFound("not_found", what="workspace", id=workspace_id)
        session.execute(
            update(SignIn)
            .where(SignIn.token == digest(token), SignIn.account_id == account.id)
            .values(workspace_id=workspace_id)
        )


def create_workspace(app: Application, actor: Actor, name: str) -> int:
    """A workspace of one's own, empty, whose owner one is; its id. Raises BadInput for the name."""
    actor.require(Permission.MEMBERS)
    name = " ".join(name.split())
    if not 1 <= len(name) <= 200:
        raise BadInput("people.workspace_name", length=len(name))
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    with app.database.system(writing=True) as session:
        account = own_account(session, actor)
        workspace = Workspace(slug=f"{slug or 'workspace'}-{secrets.token_hex(4)}", name=name, settings={})
        session.add(workspace)
        session.flush()
        rows = Rows(session, workspace.id)
        rows.add(Membership(account_id=account.id, role=Role.OWNER.value))
        record(rows, actor, "workspace.made", name)
        return workspace.id
