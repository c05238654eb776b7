"""Links that work once: into a workspace (an invitation), and to a new password. An owner makes them and sends them by
a way of their own; the app sends no mail.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.access.actor import Actor, Permission, Role
from core.access.audit import record
from core.access.passwords import check_new, hash_password, verify
from core.access.tokens import digest, new_token
from core.db.people_tables import Account, Membership, OneTimeLink
from core.db.tables import Workspace, utc_now
from core.db.unit_of_work import Rows
from core.errors import BadInput, Conflict, NotFound
from core.services.application import Application
from core.services.people.accounts import add_account, checked_email, has_accounts, member_account, set_password
from core.services.people.members import checked_role
from core.services.people.tries import count_try, forget_tries
from core.services.people.views import LinkView, NewLink, OpenedLink

INVITATION_LIFE = timedelta(days=7)
RESET_LIFE = timedelta(hours=24)


def invite(app: Application, actor: Actor, email: str, role: str) -> NewLink:
    """An invitation; a waiting one to the same address is replaced. Raises BadInput, Conflict for a member."""
    actor.require(Permission.MEMBERS)
    if not has_accounts(app):
        raise Conflict("people.owner_first")  # somebody else's would be the only account, and nobody the owner
    email, wanted = checked_email(email), checked_role(role)
    with app.database.write(actor.workspace_id) as rows:
        is_member = rows.columns(Membership, Membership.id).join(Account, Account.id == Membership.account_id)
        if rows.session.scalars(is_member.where(Account.email == email)).first() is not None:
            raise Conflict("people.already_member", email=email)
        link = _make(rows, actor, "invite", email, INVITATION_LIFE, role=wanted.value)
        record(rows, actor, "member.invited", email, role=wanted.value)
    return link


def make_reset_link(app: Application, actor: Actor, account_id: int, *, anywhere: bool = False) -> NewLink:
    """A link by which a member chooses a new password. An account of other workspaces too is not for one owner to
    open: Conflict, unless ``anywhere`` says that whoever runs the server asks. Raises NotFound.
    """
    actor.require(Permission.MEMBERS)
    with app.database.write(actor.workspace_id) as rows:
        account = member_account(rows, account_id)
        places = rows.session.scalars(select(Membership.id).where(Membership.account_id == account_id)).all()
        if len(places) > 1 and account_id != actor.account_id and not anywhere:
            raise Conflict("people.reset_elsewhere", email=account.email)
        link = _make(rows, actor, "reset", account.email, RESET_LIFE, account_id=account_id)
        record(rows, actor, "password.reset_link_made", account.email)
    return link


def _make(
    rows: Rows, actor: Actor, kind: str, email: str, life: timedelta, *, role: str = "", account_id: int | None = None
) -> NewLink:
    token, until = new_token(), utc_now() + life
    rows.delete(OneTimeLink, OneTimeLink.kind == kind, OneTimeLink.email == email, OneTimeLink.used_at.is_(None))
    rows.add(
        OneTimeLink(
            kind=kind, token=digest(token), email=email, role=role, account_id=account_id,
            made_by=actor.name or actor.visitor, expires_at=until,
        )
    )  # fmt: skip
    return NewLink(email, f"/{'join' if kind == 'invite' else 'reset'}?token={token}", until)


def list_links(app: Application, actor: Actor) -> list[LinkView]:
    """Links that still wait to be used, the newest first."""
    actor.require(Permission.MEMBERS)
    with app.database.read(actor.workspace_id) as rows:
        waiting = OneTimeLink.used_at.is_(None), OneTimeLink.expires_at > utc_now()
        found = rows.all(rows.select(OneTimeLink, *waiting).order_by(OneTimeLink.id.desc()))
    return [
        LinkView(row.id, row.kind, row.email, row.role, row.made_by, row.created_at, row.expires_at) for row in found
    ]


def withdraw_link(app: Application, actor: Actor, link_id: int) -> None:
    """Raises NotFound when there is none that waits."""
    actor.require(Permission.MEMBERS)
    with app.database.write(actor.workspace_id) as rows:
        link = rows.get(OneTimeLink, link_id)
        if link.used_at is not None:
            raise NotFound("not_found", what="link", id=link_id)
        rows.delete(OneTimeLink, OneTimeLink.id == link_id)
        record(rows, actor, "one_time_link.withdrawn", link.email, kind=link.kind)


def open_link(app: Application, token: str, kind: str, *, address: str = "") -> OpenedLink:
    """What a link is for; it stays unused. Raises NotFound for one that is used, expired, withdrawn or made up."""
    with app.database.system() as session:
        link = _waiting(session, token, kind)
        if link is not None:
            workspace = session.get_one(Workspace, link.workspace_id)
            account = session.scalars(select(Account.id).where(Account.email == link.email)).first()
            return OpenedLink(kind, link.email, link.role, workspace.name, link.made_by, account is not None)
    count_try(app, "", address)
    raise NotFound("people.link_gone")


def _waiting(session: Session, token: str, kind: str) -> OneTimeLink | None:
    where = OneTimeLink.token == digest(token), OneTimeLink.kind == kind, OneTimeLink.used_at.is_(None)
    return session.scalars(select(OneTimeLink).where(*where, OneTimeLink.expires_at > utc_now())).first()


def _use(session: Session, token: str, kind: str) -> OneTimeLink:
    """Marks it used, for one caller only. Raises NotFound."""
    link = _waiting(session, token, kind)
    if link is not None:
        once = update(OneTimeLink).where(OneTimeLink.id == link.id, OneTimeLink.used_at.is_(None))
        if session.scalars(once.values(used_at=utc_now()).returning(OneTimeLink.id)).first() is not None:
            return link
    raise NotFound("people.link_gone")


def accept_invitation(app: Application, token: str, password: str, *, name: str = "", address: str = "") -> int:
    """Joins the workspace: with a new account and this password, or, where the address has an account, with that
    account's own password; the account's id.

    Raises NotFound for a link that is gone, BadInput for the password (the link stays good), Unavailable.
    """
    opened = open_link(app, token, "invite", address=address)
    account_id = _proved(app, opened.email, password, address) if opened.has_account else None
    hashed = ""
    if account_id is None:
        check_new(password, opened.email)
        hashed = hash_password(password)
    with app.database.system(writing=True) as session:
        link = _use(session, token, "invite")
        if account_id is None:
            account = Account(email=link.email, name=name.strip()[:200], password=hashed)
            add_account(session, account)
            account_id = account.id
        join(Rows(session, link.workspace_id), account_id, link.email, Role(link.role), invited_by=link.made_by)
    return account_id


def _proved(app: Application, email: str, password: str, address: str) -> int:
    count_try(app, email, address)
    with app.database.system() as session:
        account = session.scalars(select(Account).where(Account.email == email)).one()
    if not verify(account.password, password) or account.disabled_at is not None:
        raise BadInput("people.wrong_for", email=email)
    forget_tries(app, email, address)
    return account.id


def join(rows: Rows, account_id: int, email: str, role: Role, *, invited_by: str) -> None:
    """Makes the account a member; who is one already keeps their role."""
    if rows.find(Membership, Membership.account_id == account_id) is not None:
        return
    rows.add(Membership(account_id=account_id, role=role.value))
    who = Actor(rows.workspace_id, f"account:{account_id}", role, name=email, account_id=account_id)
    record(rows, who, "member.joined", email, role=role.value, invited_by=invited_by)


def reset_password(app: Application, token: str, password: str, *, address: str = "") -> int:
    """Sets the new password and ends every sign-in of the account; its id. Raises NotFound, BadInput."""
    opened = open_link(app, token, "reset", address=address)
    check_new(password, opened.email)
    hashed = hash_password(password)
    with app.database.system(writing=True) as session:
        link = _use(session, token, "reset")
        assert link.account_id is not None, "a reset link is made for an account"
        set_password(session, link.account_id, hashed)
        rows = Rows(session, link.workspace_id)
        member = rows.find(Membership, Membership.account_id == link.account_id)
        role = Role(member.role) if member else Role.GUEST
        who = Actor(rows.workspace_id, f"account:{link.account_id}", role, name=link.email, account_id=link.account_id)
        record(rows, who, "password.reset", link.email)
    forget_tries(app, link.email, "")
    return link.account_id
