"""The company's own sign-in, by OpenID Connect: what its provider says of a person becomes an account here.

The provider's claims arrive checked (signature, nonce, audience) by Streamlit's ``st.login``. An account is matched by
issuer and subject (OpenID Connect Core 1.0, 5.7: nothing else is stable), at first by an address the provider vouches
for and somebody here invited, or whose domain the settings allow.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.access.actor import Role
from core.db.people_tables import Account, OneTimeLink
from core.db.tables import utc_now
from core.db.unit_of_work import Rows
from core.errors import BadInput, Conflict
from core.services.application import Application
from core.services.people.accounts import add_account, checked_email, has_accounts
from core.services.people.links import join
from core.services.people.signing_in import start_session
from core.settings import Settings

FRESH = timedelta(minutes=10)  # an older sign-in there is asked for again: its cookie outlives ours


def configured(settings: Settings) -> bool:
    return bool(settings.oidc_metadata_url)


def streamlit_secrets(settings: Settings) -> dict[str, Any] | None:
    """Our settings as Streamlit's ``[auth]`` secrets; None without a provider."""
    if not configured(settings):
        return None
    base = settings.public_url.rstrip("/") or "http://127.0.0.1:{port}"
    return {
        "auth": {
            "redirect_uri": f"{base}/oauth2callback",
            "cookie_secret": settings.cookie_secret.get_secret_value() or _kept_secret(settings),
            "client_id": settings.oidc_client_id,
            "client_secret": settings.oidc_client_secret.get_secret_value(),
            "server_metadata_url": settings.oidc_metadata_url,
            "client_kwargs": {"scope": "openid email profile", "prompt": "select_account"},
        }
    }


def _kept_secret(settings: Settings) -> str:
    """Made once and kept beside the data, so that a restart ends no sign-in. Several machines need the setting."""
    file = settings.data_dir / "cookie-secret.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(32), encoding="ascii")
    return file.read_text(encoding="ascii")


def is_fresh(claims: Mapping[str, Any]) -> bool:
    """Whether the provider said so just now (claim ``iat``)."""
    try:
        said = datetime.fromtimestamp(int(claims.get("iat", 0)), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return False
    return utc_now() - FRESH < said < utc_now() + FRESH


def sign_in_with_company(app: Application, claims: Mapping[str, Any], *, browser: str, agent: str = "") -> str:
    """The exchange code for whom the provider's claims describe.

    Raises BadInput for claims without a verified address, too old ones, and somebody not invited; Conflict for an
    address that is connected with another subject, and while there is no owner.
    """
    if not is_fresh(claims):
        raise BadInput("people.company_stale", minutes=int(FRESH.total_seconds() // 60))
    issuer, subject = str(claims.get("iss", ""))[:400], str(claims.get("sub", ""))[:255]
    if not issuer or not subject or claims.get("email_verified") is not True:
        raise BadInput("people.company_email")
    email = checked_email(str(claims.get("email", "")))
    if not has_accounts(app):
        raise Conflict("people.owner_first")
    with app.database.system(writing=True) as session:
        known = Account.issuer == issuer, Account.subject == subject
        account = session.scalars(select(Account).where(*known)).first()
        if account is None:
            account = _connected(app, session, email, str(claims.get("name", ""))[:200])
            account.issuer, account.subject = issuer, subject
        if account.disabled_at is not None:
            raise BadInput("people.disabled")
        _accept_waiting(session, account, email)
        number = account.id
    return start_session(app, number, browser=browser, agent=agent, how="company")


def _connected(app: Application, session: Session, email: str, name: str) -> Account:
    """The account of this address, a new one for who was invited or whose domain is let in."""
    account = session.scalars(select(Account).where(Account.email == email)).first()
    if account is not None:
        if account.issuer is not None:
            raise Conflict("people.company_other", email=email)
        return account
    by_domain = _is_let_in(app.settings, email)
    if not by_domain and _waiting(session, email) is None:
        raise BadInput("people.company_unknown", email=email)
    account = Account(email=email, name=name)
    add_account(session, account)
    if by_domain:
        rows = Rows(session, _first_workspace(session))
        join(rows, account.id, email, Role(app.settings.oidc_role), invited_by="company sign-in")
    return account


def _is_let_in(settings: Settings, email: str) -> bool:
    domains = {domain.strip().lower() for domain in settings.oidc_domains.split(",") if domain.strip()}
    return email.rpartition("@")[2] in domains


def _first_workspace(session: Session) -> int:
    from core.db.tables import Workspace

    return session.scalars(select(Workspace.id).order_by(Workspace.id).limit(1)).one()


def _waiting(session: Session, email: str) -> OneTimeLink | None:
    where = OneTimeLink.kind == "invite", OneTimeLink.email == email, OneTimeLink.used_at.is_(None)
    return session.scalars(select(OneTimeLink).where(*where, OneTimeLink.expires_at > utc_now())).first()


def _accept_waiting(session: Session, account: Account, email: str) -> None:
    """The provider's word for the address is worth the invitation's link."""
    while (link := _waiting(session, email)) is not None:
        session.execute(update(OneTimeLink).where(OneTimeLink.id == link.id).values(used_at=utc_now()))
        join(Rows(session, link.workspace_id), account.id, email, Role(link.role), invited_by=link.made_by)
