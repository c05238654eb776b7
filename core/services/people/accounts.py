"""Accounts: the first owner, one's own password and name, switching an account off."""

from __future__ import annotations

import logging
import os
import re
import secrets
from pathlib import Path

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.access.actor import Actor, Permission, Role
from core.access.audit import record
from core.access.passwords import check_new, hash_password, verify
from core.db.people_tables import Account, Membership, SignIn
from core.db.tables import Workspace, utc_now
from core.db.unit_of_work import Rows
from core.errors import BadInput, Conflict, NotFound
from core.services.application import Application
from core.services.people.tries import count_try, forget_tries
from core.services.people.views import AccountView, WorkspaceView
from core.text.catalogue import LANGUAGES

log = logging.getLogger(__name__)
_EMAIL = re.compile(r"[^@\s<>\"'(),;:\\]{1,64}@[^@\s<>\"'(),;:\\]+\.[^@\s<>\"'(),;:\\.]{2,}")


def checked_email(email: str) -> str:
    """Lower case, without spaces around it. Raises BadInput when it is no address."""
    found = email.strip().lower()
    if len(found) > 254 or not _EMAIL.fullmatch(found):
        raise BadInput("people.email", email=email.strip()[:100])
    return found


def has_accounts(app: Application) -> bool:
    """Whether anybody can sign in. Accounts are never removed, so a yes is kept."""
    if "people.has_accounts" not in app.caches:
        with app.database.system() as session:
            if session.scalars(select(Account.id).limit(1)).first() is None:
                return False
        app.caches["people.has_accounts"] = True
    return True


def create_first_owner(
    app: Application, workspace_id: int, email: str, password: str, *, name: str = "", trusted: bool, code: str = ""
) -> int:
    """The first account of an installation, owner of ``workspace_id``; its id.

    ``trusted``: asked for at this machine. From elsewhere the set-up code of the server's log is needed. Raises
    BadInput (code, e-mail, password), Conflict when there is an account already.
    """
    if not trusted and not secrets.compare_digest(code.strip().encode(), set_up_code(app).encode()):
        raise BadInput("people.set_up_code")
    email = checked_email(email)
    check_new(password, email)
    hashed = hash_password(password)
    with app.database.write(workspace_id) as rows:
        if rows.session.scalars(select(Account.id).limit(1)).first() is not None:
            raise Conflict("people.not_first")
        account = Account(email=email, name=name.strip()[:200], password=hashed)
        add_account(rows.session, account)
        rows.add(Membership(account_id=account.id, role=Role.OWNER.value))
        owner = Actor(workspace_id, f"account:{account.id}", Role.OWNER, name=email, account_id=account.id)
        record(rows, owner, "account.created", email, role=Role.OWNER.value)
    _code_file(app).unlink(missing_ok=True)
    return account.id


def set_up_code(app: Application) -> str:
    """What proves that who makes the first account reads the server's log. Kept in a file that only the owner reads."""
    file = _code_file(app)
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text(encoding="ascii").strip() or _wait_for(file)
    code = secrets.token_urlsafe(18)
    with os.fdopen(descriptor, "w", encoding="ascii") as out:
        out.write(code)
    return code


def _wait_for(file: Path) -> str:
    """Another process made the file and has not written it yet: its code cannot be guessed meanwhile."""
    return file.read_text(encoding="ascii").strip() or secrets.token_urlsafe(18)


def _code_file(app: Application) -> Path:
    return app.settings.data_dir / "set-up-code.txt"


def announce_set_up(app: Application) -> None:
    """Writes the set-up code into the log when people elsewhere could open the app and there is no account yet."""
    if not has_accounts(app) and not is_loopback(app.settings.host):
        log.warning(
            "No account yet. Open the app and create the owner's account with the set-up code %s", set_up_code(app)
        )


def is_loopback(host: str) -> bool:
    """``localhost``, 127.0.0.0/8 or ::1, with or without a port."""
    import ipaddress

    name = host.strip()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def my_account(app: Application, actor: Actor) -> AccountView:
    """Who asks, and the workspaces they belong to. Raises NotFound for who has no account."""
    with app.database.system() as session:
        account = own_account(session, actor)
        rows = session.execute(
            select(Workspace.id, Workspace.name, Membership.role)
            .join(Membership, Membership.workspace_id == Workspace.id)
            .where(Membership.account_id == account.id)
            .order_by(Workspace.name, Workspace.id)
        )
        places = tuple(WorkspaceView(number, name, Role(role)) for number, name, role in rows)
        return AccountView(account.id, account.email, account.name, bool(account.password), places, account.language)


def own_account(session: Session, actor: Actor) -> Account:
    account = session.get(Account, actor.account_id) if actor.account_id is not None else None
    if account is None:
        raise NotFound("people.no_account")
    return account


def choose_language(app: Application, actor: Actor, language: str) -> None:
    """Keeps the language of one's own account, "" for what the browser says. Raises BadInput for an unknown one."""
    if language and language not in LANGUAGES:
        raise BadInput("people.language", chosen=language[:20], known=", ".join(LANGUAGES))
    with app.database.system(writing=True) as session:
        own_account(session, actor).language = language


def change_password(app: Application, actor: Actor, old: str, new: str, *, keep: int | None = None) -> None:
    """One's own. Ends every sign-in of the account but ``keep``. Raises BadInput, Unavailable after too many tries."""
    with app.database.system() as session:
        account = own_account(session, actor)
    if account.password:
        count_try(app, account.email, "")
        if not verify(account.password, old):
            raise BadInput("people.old_password")
        forget_tries(app, account.email, "")
    check_new(new, account.email)
    hashed = hash_password(new)
    with app.database.write(actor.workspace_id) as rows:
        set_password(rows.session, account.id, hashed, keep=keep)
        record(rows, actor, "password.changed", account.email)


def set_password(session: Session, account_id: int, hashed: str, *, keep: int | None = None) -> None:
    session.execute(update(Account).where(Account.id == account_id).values(password=hashed))
    ends = [SignIn.account_id == account_id] + ([SignIn.id != keep] if keep is not None else [])
    session.execute(delete(SignIn).where(*ends))


def disable_account(app: Application, actor: Actor, account_id: int, *, disabled: bool = True) -> None:
    """Switches a member's account off (it is signed out everywhere) or on again; the account stays.

    An account that also belongs to other workspaces is theirs too: it can be removed from here, not switched off.
    Raises Conflict for those and for oneself, NotFound.
    """
    actor.require(Permission.MEMBERS)
    with app.database.write(actor.workspace_id) as rows:
        account = member_account(rows, account_id)
        if account.id == actor.account_id:
            raise Conflict("people.not_yourself")
        places = select(Membership.id).where(Membership.account_id == account_id)
        if len(rows.session.scalars(places).all()) > 1:
            raise Conflict("people.also_elsewhere", email=account.email)
        account.disabled_at = utc_now() if disabled else None
        rows.session.execute(delete(SignIn).where(SignIn.account_id == account_id))
        record(rows, actor, "account.disabled" if disabled else "account.enabled", account.email)


def member_account(rows: Rows, account_id: int) -> Account:
    """The account of a member of this workspace. Raises NotFound for anybody else's."""
    member = rows.find(Membership, Membership.account_id == account_id)
    account = rows.session.get(Account, account_id) if member else None
    if account is None:
        raise NotFound("not_found", what="member", id=account_id)
    return account


def add_account(session: Session, account: Account) -> None:
    """Raises Conflict when the e-mail is taken, also by somebody who came at the same moment."""
    try:
        with session.begin_nested():
            session.add(account)
            session.flush()
    except IntegrityError as error:
        raise Conflict("people.email_taken", email=account.email) from error
