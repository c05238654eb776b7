"""In and out. The page that takes the password cannot set a cookie, so it hands out a code for one minute and one use;
the browser that asked (it is known by its visitor cookie) changes it for the session cookie at ``/session``.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from core.access.actor import Actor, Permission, Role
from core.access.audit import record
from core.access.passwords import hash_password, outdated, verify
from core.access.tokens import digest, new_token
from core.db.people_tables import Account, Membership, SignIn
from core.db.tables import utc_now
from core.errors import BadInput
from core.services.application import Application
from core.services.people.accounts import own_account
from core.services.people.tries import count_try, forget_tries
from core.services.people.views import SignInView

CODE_LIFE = timedelta(minutes=1)
TOUCH = timedelta(minutes=1)  # a visit is written down at most this often


def sign_in(app: Application, email: str, password: str, *, browser: str, address: str = "", agent: str = "") -> str:
    """The exchange code. Raises BadInput (one sentence for an unknown e-mail, a wrong password and an account that was
    switched off) and Unavailable after too many tries.
    """
    email = email.strip().lower()[:254]
    count_try(app, email, address)
    with app.database.system() as session:
        account = session.scalars(select(Account).where(Account.email == email)).first()
    fits = verify(account.password if account else "", password)
    if account is None or not fits or account.disabled_at is not None:
        if account is not None:
            _tell(app, account, "account.sign_in_refused", address)
        raise BadInput("people.wrong")
    forget_tries(app, email, address)
    if outdated(account.password):
        with app.database.system(writing=True) as session:
            session.execute(update(Account).where(Account.id == account.id).values(password=hash_password(password)))
    return start_session(app, account.id, browser=browser, agent=agent, how="password")


def start_session(app: Application, account_id: int, *, browser: str, agent: str = "", how: str) -> str:
    """An exchange code for an account that has proved who it is. Raises BadInput when it belongs to no workspace."""
    code = new_token()
    now = utc_now()
    with app.database.system() as session:
        found = _first_membership(session, account_id)
    if found is None:
        raise BadInput("people.no_workspace")
    with app.database.write(found.workspace_id) as rows:
        account = rows.session.get_one(Account, account_id)
        rows.session.execute(delete(SignIn).where(SignIn.expires_at < now))
        rows.session.add(
            SignIn(
                account_id=account_id,
                workspace_id=found.workspace_id,
                token=digest(code),
                browser=digest(browser),
                code_until=now + CODE_LIFE,
                expires_at=now + CODE_LIFE,
                agent=agent[:200],
            )
        )
        record(rows, _as_actor(account, found), "account.signed_in", account.email, how=how)
    return code


def exchange(app: Application, code: str, browser: str) -> str | None:
    """The session's token for a code, once, from the browser that signed in; None for any other."""
    token, now = new_token(), utc_now()
    with app.database.system(writing=True) as session:
        changed = session.execute(
            update(SignIn)
            .where(SignIn.token == digest(code), SignIn.browser == digest(browser), SignIn.code_until > now)
            .values(token=digest(token), code_until=None, seen_at=now, expires_at=now + _life(app))
            .returning(SignIn.id)
        ).first()
    return token if changed else None


def signed_in(app: Application, token: str, language: str = "en") -> Actor | None:
    """Who a session's cookie stands for; None when it is not good (any more). A visit prolongs it."""
    if not token:
        return None
    now = utc_now()
    with app.database.system() as session:
        row = _session_row(session, token)
        if row is None:
            return None
        account = session.get_one(Account, row.account_id)
        member = _membership(session, row)
    if member is None or account.disabled_at is not None:
        return None
    if now - row.seen_at > TOUCH or row.workspace_id != member.workspace_id:
        with app.database.system(writing=True) as session:
            session.execute(
                update(SignIn)
                .where(SignIn.id == row.id)
                .values(seen_at=now, expires_at=now + _life(app), workspace_id=member.workspace_id)
            )
    return _as_actor(account, member, language)


def session_id(app: Application, token: str) -> int | None:
    """The number of the sign-in behind a cookie, if it is good."""
    with app.database.system() as session:
        row = _session_row(session, token) if token else None
        return row.id if row else None


def _session_row(session: Session, token: str) -> SignIn | None:
    now = utc_now()
    return session.scalars(
        select(SignIn).where(SignIn.token == digest(token), SignIn.code_until.is_(None), SignIn.expires_at > now)
    ).first()


def _membership(session: Session, row: SignIn) -> Membership | None:
    """In the workspace that is open; when the person was removed there, in another of theirs."""
    here = select(Membership).where(
        Membership.account_id == row.account_id, Membership.workspace_id == row.workspace_id
    )
    return session.scalars(here).first() or _first_membership(session, row.account_id)


def _first_membership(session: Session, account_id: int) -> Membership | None:
    return session.scalars(
        select(Membership).where(Membership.account_id == account_id).order_by(Membership.id).limit(1)
    ).first()


def _as_actor(account: Account, member: Membership, language: str = "en") -> Actor:
    return Actor(
        workspace_id=member.workspace_id,
        visitor=f"account:{account.id}",
        role=Role(member.role),
        language=language,
        name=account.email,
        account_id=account.id,
    )


def _life(app: Application) -> timedelta:
    return timedelta(days=app.settings.sign_in_days)


def _tell(app: Application, account: Account, action: str, address: str) -> None:
    with app.database.system() as session:
        member = _first_membership(session, account.id)
    if member is not None:
        with app.database.write(member.workspace_id) as rows:
            record(rows, _as_actor(account, member), action, account.email, address=address)


def sign_out(app: Application, actor: Actor, token: str) -> None:
    """Ends the sign-in of this cookie; one that is not good is left as it is."""
    with app.database.write(actor.workspace_id) as rows:
        ended = rows.session.execute(
            delete(SignIn)
            .where(SignIn.token == digest(token), SignIn.account_id == actor.account_id)
            .returning(SignIn.id)
        ).first()
        if ended:
            record(rows, actor, "account.signed_out", actor.name)


def sign_out_everywhere(app: Application, actor: Actor, account_id: int | None = None) -> int:
    """Ends every sign-in of one's own account, or of a member (owners); how many there were. Raises NotFound."""
    from core.services.people.accounts import member_account

    with app.database.write(actor.workspace_id) as rows:
        if account_id is None or account_id == actor.account_id:
            account = own_account(rows.session, actor)
        else:
            actor.require(Permission.MEMBERS)
            account = member_account(rows, account_id)
        ended = rows.session.scalars(delete(SignIn).where(SignIn.account_id == account.id).returning(SignIn.id)).all()
        record(rows, actor, "account.signed_out_everywhere", account.email, count=len(ended))
    return len(ended)


def list_sign_ins(app: Application, actor: Actor, token: str = "") -> list[SignInView]:
    """Where the members of this workspace are signed in, the newest visit first."""
    actor.require(Permission.MEMBERS)
    with app.database.read(actor.workspace_id) as rows:
        found = rows.session.execute(
            rows.columns(Membership, SignIn, Account.email)
            .select_from(Membership)
            .join(SignIn, SignIn.account_id == Membership.account_id)
            .join(Account, Account.id == Membership.account_id)
            .where(SignIn.code_until.is_(None), SignIn.expires_at > utc_now())
            .order_by(SignIn.seen_at.desc())
        ).all()
    return [
        SignInView(
            row.id, row.account_id, email, row.created_at, row.seen_at, row.expires_at, row.agent,
            bool(token) and row.token == digest(token),
        )
        for row, email in found
    ]  # fmt: skip
