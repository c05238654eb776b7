"""Accounts, signing in and out, invitations, new passwords, members: through the services on a real database."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from core.access.actor import Actor, Role
from core.access.audit import first_broken
from core.access.passwords import check_new, hash_password, outdated, verify
from core.db.audit_tables import AuditEntry
from core.db.people_tables import Account, Membership, OneTimeLink, SignIn, SignInTry
from core.db.tables import utc_now
from core.errors import BadInput, Conflict, NotFound, Unavailable
from core.services.application import Application
from core.services.people import accounts, links, members, signing_in, tries
from core.services.people.doors import Came, actor_of, is_local
from core.services.people.views import NewLink
from tests.everything import everything

ADA, ADAS = "ada@example.org", "violet lamp by the sea"
BO, BOS = "bo@example.org", "seven quiet green boats"
BROWSER = "browser-of-ada-000000000"


def token_of(link: NewLink) -> str:
    return link.path.partition("token=")[2]


def actor_for(app: Application, email: str, password: str, browser: str = BROWSER) -> tuple[Actor, str]:
    """Signs in as the browser would; the actor and the cookie's token."""
    code = signing_in.sign_in(app, email, password, browser=browser)
    token = signing_in.exchange(app, code, browser)
    assert token is not None
    found = signing_in.signed_in(app, token)
    assert found is not None
    return found, token


@pytest.fixture
def ada(app: Application, owner: Actor) -> Actor:
    accounts.create_first_owner(app, owner.workspace_id, " Ada@Example.org ", ADAS, name="Ada", trusted=True)
    return actor_for(app, ADA, ADAS)[0]


@pytest.fixture
def bo(app: Application, ada: Actor) -> Actor:
    links.accept_invitation(app, token_of(links.invite(app, ada, BO, "agent")), BOS, name="Bo")
    return actor_for(app, BO, BOS, "browser-of-bo")[0]


def actions(app: Application, workspace_id: int = 1) -> list[str]:
    with app.database.read(workspace_id) as rows:
        entries = rows.all(rows.select(AuditEntry).order_by(AuditEntry.number))
    assert first_broken(entries) is None
    return [entry.action for entry in entries]


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "people.password_short"),
        ("1234567890", "people.password_common"),
        ("Password-1234", "people.password_common"),
        ("aaaaaaaaaaaaaa", "people.password_common"),
        ("ada@example.org", "people.password_is_email"),
        ("x" * 201, "people.password_long"),
    ],
)
def test_a_password_that_would_be_guessed_is_refused(password: str, code: str) -> None:
    with pytest.raises(BadInput) as caught:
        check_new(password, ADA)
    assert caught.value.code == code


def test_a_password_is_one_password_however_it_is_typed() -> None:
    stored = hash_password("Ｖiolet lamp ﬁfty")  # full-width V, a ligature
    assert stored.startswith("$argon2id$")
    assert verify(stored, "Violet lamp fifty")
    assert not verify(stored, "violet lamp fifty")
    assert not verify("", "nobody has this password")


def test_the_first_owner_is_made_once(app: Application, owner: Actor, ada: Actor) -> None:
    assert (ada.role, ada.name, ada.workspace_id) == (Role.OWNER, ADA, owner.workspace_id)
    with pytest.raises(Conflict):
        accounts.create_first_owner(app, owner.workspace_id, BO, BOS, trusted=True)
    assert actions(app)[:2] == ["account.created", "account.signed_in"]


def test_from_elsewhere_the_first_account_needs_the_set_up_code(app: Application, owner: Actor) -> None:
    with pytest.raises(BadInput, match="set-up code"):
        accounts.create_first_owner(app, owner.workspace_id, ADA, ADAS, trusted=False, code="")
    code = accounts.set_up_code(app)
    file = app.settings.data_dir / "set-up-code.txt"
    assert file.stat().st_mode & 0o077 == 0
    assert accounts.set_up_code(app) == code
    accounts.create_first_owner(app, owner.workspace_id, ADA, ADAS, trusted=False, code=f" {code} ")
    assert not file.exists()


def test_nothing_that_opens_an_account_is_stored(app: Application, ada: Actor) -> None:
    link = links.invite(app, ada, BO, "editor")
    code = signing_in.sign_in(app, ADA, ADAS, browser=BROWSER)
    token = signing_in.exchange(app, code, BROWSER)
    stored = everything(app.database.engine)
    assert ADA in stored
    for secret in (ADAS, token_of(link), code, token):
        assert str(secret) not in stored


def test_wrong_password_unknown_address_and_switched_off_say_the_same(app: Application, ada: Actor, bo: Actor) -> None:
    assert bo.account_id is not None
    accounts.disable_account(app, ada, bo.account_id)
    for email, password in ((ADA, "wrong"), ("nobody@example.org", ADAS), (BO, BOS), (ADA, "")):
        with pytest.raises(BadInput) as caught:
            signing_in.sign_in(app, email, password, browser=BROWSER)
        assert caught.value.code == "people.wrong"
    assert "account.sign_in_refused" in actions(app)


@pytest.mark.parametrize("email", [ADA, "nobody@example.org"])
def test_after_repeated_failures_even_the_right_password_waits(app: Application, ada: Actor, email: str) -> None:
    for _ in range(tries.MOST_BY_EMAIL):
        with pytest.raises(BadInput):
            signing_in.sign_in(app, email, "wrong", browser=BROWSER)
    with pytest.raises(Unavailable) as caught:
        signing_in.sign_in(app, email, ADAS, browser=BROWSER)
    assert "15 min" in caught.value.sentence()
    with app.database.system(writing=True) as session:
        session.execute(update(SignInTry).values(at=utc_now() - tries.WINDOW))
    if email == ADA:
        assert signing_in.sign_in(app, ADA, ADAS, browser=BROWSER)


def test_one_address_may_not_try_many_accounts(app: Application, ada: Actor) -> None:
    for number in range(tries.MOST_BY_ADDRESS):
        with pytest.raises(BadInput):
            signing_in.sign_in(app, f"p{number}@example.org", "wrong", browser=BROWSER, address="192.0.2.7")
    with pytest.raises(Unavailable):
        signing_in.sign_in(app, ADA, ADAS, browser=BROWSER, address="192.0.2.7")
    assert signing_in.sign_in(app, ADA, ADAS, browser=BROWSER, address="192.0.2.8")


def test_a_code_is_good_once_for_a_minute_and_for_its_browser(app: Application, ada: Actor) -> None:
    code = signing_in.sign_in(app, ADA, ADAS, browser=BROWSER)
    assert signing_in.signed_in(app, code) is None
    assert signing_in.exchange(app, code, "another-browser") is None
    token = signing_in.exchange(app, code, BROWSER)
    assert token is not None
    assert signing_in.exchange(app, code, BROWSER) is None
    late = signing_in.sign_in(app, ADA, ADAS, browser=BROWSER)
    with app.database.system(writing=True) as session:
        session.execute(update(SignIn).values(code_until=utc_now() - timedelta(seconds=1)))
    assert signing_in.exchange(app, late, BROWSER) is None


def test_a_visit_prolongs_a_sign_in_and_absence_ends_it(app: Application, ada: Actor) -> None:
    _, token = actor_for(app, ADA, ADAS)
    with app.database.system(writing=True) as session:
        session.execute(
            update(SignIn).values(seen_at=utc_now() - timedelta(days=9), expires_at=utc_now() + timedelta(1))
        )
    assert signing_in.signed_in(app, token) is not None
    with app.database.system(writing=True) as session:
        row = session.get_one(SignIn, signing_in.session_id(app, token))
        assert row.expires_at > utc_now() + timedelta(days=13)
        session.execute(update(SignIn).values(expires_at=utc_now()))
    assert signing_in.signed_in(app, token) is None


def test_signing_out_here_and_everywhere(app: Application, ada: Actor, bo: Actor) -> None:
    (_, first), (_, second) = actor_for(app, ADA, ADAS), actor_for(app, ADA, ADAS, "phone")
    signing_in.sign_out(app, bo, first)  # somebody else's cookie
    assert signing_in.signed_in(app, first) is not None
    signing_in.sign_out(app, ada, first)
    assert signing_in.signed_in(app, first) is None
    assert signing_in.signed_in(app, second) is not None
    assert len(signing_in.list_sign_ins(app, ada, second)) >= 3
    assert signing_in.sign_out_everywhere(app, ada) >= 2
    assert signing_in.signed_in(app, second) is None
    assert {row.email for row in signing_in.list_sign_ins(app, ada)} == {BO}


def test_another_password_ends_the_other_sign_ins(app: Application, ada: Actor) -> None:
    (_, here), (_, there) = actor_for(app, ADA, ADAS), actor_for(app, ADA, ADAS, "phone")
    with pytest.raises(BadInput, match="present password"):
        accounts.change_password(app, ada, "wrong", "a wholly new sentence")
    accounts.change_password(app, ada, ADAS, "a wholly new sentence", keep=signing_in.session_id(app, here))
    assert signing_in.signed_in(app, here) is not None
    assert signing_in.signed_in(app, there) is None
    with pytest.raises(BadInput):
        signing_in.sign_in(app, ADA, ADAS, browser=BROWSER)


def test_a_hash_with_old_parameters_is_made_anew_at_the_next_sign_in(app: Application, ada: Actor) -> None:
    from argon2 import PasswordHasher

    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(ADAS)
    assert outdated(old)
    with app.database.system(writing=True) as session:
        session.execute(update(Account).values(password=old))
    actor_for(app, ADA, ADAS)
    with app.database.system() as session:
        assert not outdated(session.scalars(select(Account.password)).one())


def test_an_invitation_works_once(app: Application, ada: Actor) -> None:
    first = links.invite(app, ada, BO, "agent")
    link = links.invite(app, ada, BO.upper(), "analyst")  # takes the first one's place
    with pytest.raises(NotFound):
        links.open_link(app, token_of(first), "invite")
    opened = links.open_link(app, token_of(link), "invite")
    assert (opened.email, opened.role, opened.made_by, opened.has_account) == (BO, "analyst", ADA, False)
    with pytest.raises(BadInput):
        links.accept_invitation(app, token_of(link), "short")
    links.accept_invitation(app, token_of(link), BOS)
    assert actor_for(app, BO, BOS)[0].role is Role.ANALYST
    with pytest.raises(NotFound):
        links.accept_invitation(app, token_of(link), BOS)
    with pytest.raises(Conflict):
        links.invite(app, ada, BO, "editor")
    with pytest.raises(BadInput):
        links.invite(app, ada, "eve@example.org", "guest")
    assert {"member.invited", "member.joined"} <= set(actions(app))


def test_links_that_are_withdrawn_expired_or_of_another_kind_are_gone(app: Application, ada: Actor) -> None:
    link = links.invite(app, ada, BO, "agent")
    with pytest.raises(NotFound):
        links.reset_password(app, token_of(link), BOS)
    links.withdraw_link(app, ada, links.list_links(app, ada)[0].id)
    late = links.invite(app, ada, "eve@example.org", "agent")
    with app.database.system(writing=True) as session:
        session.execute(update(OneTimeLink).values(expires_at=utc_now()))
    for gone in (link, late):
        with pytest.raises(NotFound, match="no longer good"):
            links.accept_invitation(app, token_of(gone), BOS)


def test_without_an_owner_nobody_is_invited(app: Application, owner: Actor) -> None:
    with pytest.raises(Conflict, match="your own account first"):
        links.invite(app, owner, BO, "editor")


def test_a_new_password_by_an_owners_link(app: Application, ada: Actor, bo: Actor) -> None:
    assert bo.account_id is not None
    _, token = actor_for(app, BO, BOS)
    link = links.make_reset_link(app, ada, bo.account_id)
    links.reset_password(app, token_of(link), "another long sentence")
    assert signing_in.signed_in(app, token) is None
    assert actor_for(app, BO, "another long sentence")[0].account_id == bo.account_id
    with pytest.raises(NotFound):
        links.reset_password(app, token_of(link), "yet another sentence")


def test_the_last_owner_stays(app: Application, ada: Actor, bo: Actor) -> None:
    assert ada.account_id is not None
    assert bo.account_id is not None
    for act in (lambda: members.change_role(app, ada, ada.account_id or 0, "editor"),
                lambda: members.remove_member(app, ada, ada.account_id or 0)):  # fmt: skip
        with pytest.raises(Conflict, match="last owner"):
            act()
    members.change_role(app, ada, bo.account_id, "owner")
    accounts.disable_account(app, ada, bo.account_id)
    with pytest.raises(Conflict):  # an owner who cannot come is none
        members.change_role(app, ada, ada.account_id, "editor")
    accounts.disable_account(app, ada, bo.account_id, disabled=False)
    members.change_role(app, ada, ada.account_id, "editor")
    assert [view.email for view in members.list_members(app, replace(bo, role=Role.OWNER))] == [BO, ADA]


def test_who_is_removed_is_out_at_once(app: Application, ada: Actor, bo: Actor) -> None:
    _, token = actor_for(app, BO, BOS)
    assert bo.account_id is not None
    members.remove_member(app, ada, bo.account_id)
    assert signing_in.signed_in(app, token) is None
    with pytest.raises(BadInput, match="no workspace"):
        signing_in.sign_in(app, BO, BOS, browser=BROWSER)


def test_several_workspaces_of_one_account(app: Application, ada: Actor, bo: Actor) -> None:
    _, token = actor_for(app, ADA, ADAS)
    second = members.create_workspace(app, ada, "  Second   place ")
    members.open_workspace(app, ada, second, token)
    there = signing_in.signed_in(app, token)
    assert there is not None
    assert (there.workspace_id, there.role) == (second, Role.OWNER)
    assert [place.name for place in accounts.my_account(app, there).workspaces] == ["Pilotlight", "Second place"]
    assert [view.email for view in members.list_members(app, there)] == [ADA]
    with pytest.raises(NotFound):  # Bo is no member there, and cannot open it
        members.open_workspace(app, bo, second, token)
    assert bo.account_id is not None
    for act in (accounts.disable_account, links.make_reset_link, members.remove_member):
        with pytest.raises(NotFound):
            act(app, there, bo.account_id)
    link = links.invite(app, there, BO, "editor")
    with pytest.raises(BadInput, match="not the password"):
        links.accept_invitation(app, token_of(link), "a stranger's password")
    links.accept_invitation(app, token_of(link), BOS)
    with pytest.raises(Conflict):  # their account is not one owner's to open
        links.make_reset_link(app, there, bo.account_id)
    assert actions(app, second)[0] == "workspace.made"


def test_who_is_at_the_door(app: Application, owner: Actor) -> None:
    at_home = Came(visitor="browser-0000000000000000", host="localhost:8501")
    assert actor_of(app, at_home, owner) is not None
    for elsewhere in (replace(at_home, forwarded=True), replace(at_home, host="pilot.example.org")):
        assert not is_local(app, elsewhere)
        assert actor_of(app, elsewhere, owner) is None
    guest = replace(owner, role=Role.GUEST, link_id=1)
    assert actor_of(app, replace(at_home, forwarded=True), owner, by_link=lambda *_: guest) == guest
    accounts.create_first_owner(app, owner.workspace_id, ADA, ADAS, trusted=True)
    assert actor_of(app, at_home, owner) is None
    assert actor_of(app, replace(at_home, session="made-up"), owner) is None
    _, token = actor_for(app, ADA, ADAS)
    found = actor_of(app, replace(at_home, session=token, language="zh"), owner)
    assert found is not None
    assert (found.name, found.language) == (ADA, "zh")


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1:8501", True), ("localhost", True), ("[::1]:8501", True), ("::1", True), ("127.9.9.9", True),
        ("0.0.0.0", False), ("localhost.example.org", False), ("127.0.0.1.example.org:80", False), ("", False),
    ],
)  # fmt: skip
def test_what_counts_as_this_machine(host: str, local: bool) -> None:
    assert accounts.is_loopback(host) is local


@pytest.mark.parametrize("email", ["", "ada", "ada@", "@example.org", "a b@example.org", "ada@example", "<a>@b.org"])
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(BadInput, match=re.escape("name@example.org")):
        accounts.checked_email(email)


def test_two_cannot_take_one_address(app: Application, ada: Actor) -> None:
    with app.database.system(writing=True) as session, pytest.raises(Conflict):
        accounts.add_account(session, Account(email=ADA))
    with app.database.system() as session:
        assert len(session.scalars(select(Membership)).all()) == 1
