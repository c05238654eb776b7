"""What a provider of OpenID Connect says of a person, and what becomes of it here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.access.actor import Actor, Role
from core.db.tables import utc_now
from core.errors import BadInput, Conflict, PilotlightError
from core.services.application import Application
from core.services.people import accounts, company, links, signing_in
from core.settings import Settings

BROWSER = "browser-of-bo"


def claims(**changed: Any) -> dict[str, Any]:
    now = int(utc_now().timestamp())
    said = {"iss": "https://id.example", "sub": "bo", "email": "Bo@example.org", "email_verified": True, "iat": now}
    return {**said, **changed}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"oidc_domains": "corp.example, Other.example"})


@pytest.fixture
def ada(app: Application, owner: Actor) -> Actor:
    number = accounts.create_first_owner(app, 1, "ada@example.org", "violet lamp by the sea", trusted=True)
    return Actor(1, f"account:{number}", account_id=number, name="ada@example.org")


def come(app: Application, said: dict[str, Any]) -> Actor:
    token = signing_in.exchange(app, company.sign_in_with_company(app, said, browser=BROWSER), BROWSER)
    found = signing_in.signed_in(app, token or "")
    assert found is not None
    return found


def test_an_invitation_is_accepted_and_the_subject_stays_the_person(app: Application, ada: Actor) -> None:
    links.invite(app, ada, "bo@example.org", "agent")
    first = come(app, claims())
    assert (first.role, first.name) == (Role.AGENT, "bo@example.org")
    assert links.list_links(app, ada) == []
    again = come(app, claims(email="bo.moved@example.org"))  # the address may change, the subject does not
    assert again.account_id == first.account_id
    with pytest.raises(Conflict):
        company.sign_in_with_company(app, claims(sub="another"), browser=BROWSER)
    with pytest.raises(BadInput):  # no password, so none fits
        signing_in.sign_in(app, "bo@example.org", "", browser=BROWSER)


def test_a_local_account_is_connected_by_its_verified_address(app: Application, ada: Actor) -> None:
    assert come(app, claims(email="ada@example.org", sub="ada")).account_id == ada.account_id


def test_a_domain_is_let_in_with_the_role_of_the_settings(app: Application, ada: Actor) -> None:
    assert come(app, claims(email="x@other.example", sub="x")).role is Role.ANALYST
    with pytest.raises(BadInput, match="not been invited"):
        company.sign_in_with_company(app, claims(email="x@corp.example.org", sub="y"), browser=BROWSER)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"email_verified": False}, "company_email"),
        ({"email_verified": "true"}, "company_email"),
        ({"email_verified": None}, "company_email"),
        ({"sub": ""}, "company_email"),
        ({"email": "nobody"}, "email"),
        ({"iat": int((utc_now() - timedelta(minutes=11)).timestamp())}, "company_stale"),
        ({"iat": "soon"}, "company_stale"),
        ({"iat": 10**30}, "company_stale"),
        ({}, "company_unknown"),
    ],
)
def test_what_is_not_vouched_for_opens_nothing(
    app: Application, ada: Actor, changed: dict[str, Any], code: str
) -> None:
    with pytest.raises(PilotlightError) as caught:
        company.sign_in_with_company(app, claims(**changed), browser=BROWSER)
    assert caught.value.code == f"people.{code}"


def test_who_was_switched_off_stays_out(app: Application, ada: Actor) -> None:
    links.invite(app, ada, "bo@example.org", "agent")
    bo = come(app, claims())
    assert bo.account_id is not None
    accounts.disable_account(app, ada, bo.account_id)
    with pytest.raises(BadInput, match="switched off"):
        company.sign_in_with_company(app, claims(), browser=BROWSER)


def test_nobody_comes_before_the_owner(app: Application) -> None:
    with pytest.raises(Conflict):
        company.sign_in_with_company(app, claims(email="x@corp.example"), browser=BROWSER)


def test_the_settings_become_streamlits_secrets(settings: Settings) -> None:
    assert company.streamlit_secrets(settings) is None
    there = settings.model_copy(
        update={"oidc_metadata_url": "https://id.example/x", "public_url": "https://pilot.example/"}
    )
    first, again = company.streamlit_secrets(there), company.streamlit_secrets(there)
    assert first is not None
    assert first == again
    assert first["auth"]["redirect_uri"] == "https://pilot.example/oauth2callback"
    assert len(first["auth"]["cookie_secret"]) > 40
