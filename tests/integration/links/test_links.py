"""Links on a real database: made, opened, spent, refused, revoked."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from core.access.actor import Actor, NotAllowed, Permission, Role
from core.access.audit import first_broken
from core.db.audit_tables import AuditEntry
from core.db.link_tables import DemoLink, LinkTry
from core.db.tables import Conversation, Message, Workspace, utc_now
from core.errors import BadInput, Conflict, NotFound, PilotlightError
from core.services import ask, conversations, knowledge
from core.services.application import Application
from core.services.feedback import give_feedback
from core.services.links import asked, guests, making, tries, trying
from core.services.links.views import LinkRequest
from tests.everything import everything
from tests.integration.links.conftest import MakeLink

BROWSER = "browser-of-a-guest-000000000000"
NET = "192.0.2.1"


def code(error: pytest.ExceptionInfo[PilotlightError]) -> str:
    return error.value.code


def test_a_guest_asks_and_the_owner_sees_it(app: Application, owner: Actor, handbook: int, link: MakeLink) -> None:
    made = link(knowledge_base_id=handbook, most_messages=2)
    opened = guests.open_link(app, made.token, BROWSER, NET)
    guest = opened.actor
    assert (guest.role, guest.link_id, guest.scopes) == (Role.GUEST, made.link.id, frozenset({Permission.CHAT}))
    talk = conversations.start_conversation(app, guest, handbook)
    answer = ask.ask(app, guest, talk, "How long do parcels to Norway take?").result()
    assert "8 days" in answer.text
    give_feedback(app, guest, answer.id, 1)
    ask.ask(app, guest, talk, "Who won the chess match of 1972?").result()
    with pytest.raises(Conflict) as over:
        ask.ask(app, guest, talk, "And a third one?")
    assert code(over) == "links.spent"
    said = asked.asked_by_link(app, owner, made.link.id)
    assert [(row.text, row.guest, row.rating) for row in said.rows] == [
        ("Who won the chess match of 1972?", 1, 0),
        ("How long do parcels to Norway take?", 1, 1),
    ]
    assert (said.asked, said.refused, said.up, said.down) == (2, 1, 1, 0)
    assert said.rows[0].reason
    assert said.milliseconds > 0
    seen = making.get_link(app, owner, made.link.id)
    assert (seen.state, seen.messages, seen.people, seen.messages_left) == ("spent", 2, 1, 0)
    back = guests.guest(app, {guests.LINK_COOKIE: opened.cookie})
    assert back is not None, "who has been in may come back and read"
    assert (
        next(view.text for view in conversations.messages(app, back.actor, talk))
        == "How long do parcels to Norway take?"
    )
    with pytest.raises(Conflict) as late:
        guests.open_link(app, made.token, "another-browser-000000000000000", NET)
    assert code(late) == "links.spent"


def test_twenty_at_once_spend_exactly_what_is_left(app: Application, base: int, link: MakeLink) -> None:
    made = link(most_messages=5)
    guest = guests.open_link(app, made.token, BROWSER, NET).actor
    talk = conversations.start_conversation(app, guest, base)
    ready, taken, refused = threading.Barrier(20), [], []

    def one(number: int) -> None:
        ready.wait()
        try:
            with app.database.write(guest.workspace_id) as rows:
                guests.spend(rows, guest)
                rows.add(Message(conversation_id=talk, role="customer", text=f"question {number}"))
            taken.append(number)
        except Conflict as error:
            refused.append(error.code)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(20)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert (len(taken), refused) == (5, ["links.spent"] * 15)
    with app.database.read(guest.workspace_id) as rows:
        assert rows.get(DemoLink, made.link.id).messages == rows.count(Message) == 5


def test_no_more_people_than_were_asked_in(app: Application, owner: Actor, link: MakeLink) -> None:
    made = link(most_people=3)
    ready, let_in, refused = threading.Barrier(10), [], []

    def one(number: int) -> None:
        ready.wait()
        try:
            let_in.append(guests.open_link(app, made.token, f"browser-{number}-0000000000000000", NET).cookie)
        except Conflict as error:
            refused.append(error.code)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(10)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert (len(set(let_in)), refused) == (3, ["links.full"] * 7)
    assert making.get_link(app, owner, made.link.id).state == "full"
    assert all(guests.guest_of(app, {guests.LINK_COOKIE: cookie}) for cookie in let_in)


def test_one_browser_is_one_person_however_often_it_opens(app: Application, owner: Actor, link: MakeLink) -> None:
    first, second = link(most_people=1), link()
    cookie = guests.open_link(app, first.token, BROWSER, NET).cookie
    assert guests.open_link(app, second.token, BROWSER, NET).cookie != cookie
    assert guests.open_link(app, first.token, BROWSER, NET).cookie == cookie
    assert making.get_link(app, owner, first.link.id).people == 1


def test_the_database_holds_no_token_no_password_and_no_cookie(app: Application, link: MakeLink) -> None:
    made = link(password="open sesame")
    cookie = guests.open_link(app, made.token, BROWSER, NET, "open sesame").cookie
    whole = everything(app.database.engine)
    assert str(made.link.id) in whole
    assert made.token not in whole
    assert cookie.split(".")[1] not in whole
    assert "open sesame" not in whole
    assert BROWSER not in whole


def test_unknown_and_revoked_look_the_same(app: Application, owner: Actor, link: MakeLink) -> None:
    made = link(password="open sesame", title="Secret plan")
    cookie = guests.open_link(app, made.token, BROWSER, NET, "open sesame").cookie
    talker = guests.guest_of(app, {guests.LINK_COOKIE: cookie})
    assert talker is not None
    making.revoke_link(app, owner, made.link.id)
    sentences = []
    for token in (made.token, "A" * 43, "", "x" * 5000, "../../etc/passwd", "' OR 1=1 --"):
        with pytest.raises(NotFound) as gone:
            guests.find_link(app, token, NET)
        sentences.append((gone.value.code, gone.value.values))
    assert set(map(str, sentences)) == {"('links.not_here', {})"}
    assert guests.guest(app, {guests.LINK_COOKIE: cookie}) is None
    with pytest.raises(NotFound), app.database.write(owner.workspace_id) as rows:
        guests.spend(rows, talker)
    with pytest.raises(Conflict):
        making.renew_link(app, owner, made.link.id)


def test_an_expired_link_says_so_and_is_shut_to_those_inside(app: Application, owner: Actor, link: MakeLink) -> None:
    made = link(expires_at=utc_now() + timedelta(days=1))
    opened = guests.open_link(app, made.token, BROWSER, NET)
    with app.database.write(owner.workspace_id) as rows:
        rows.update(DemoLink, expires_at=utc_now() - timedelta(seconds=1))
    for act in (
        lambda: guests.find_link(app, made.token, NET),
        lambda: guests.open_link(app, made.token, BROWSER, NET),
        lambda: guests.guest(app, {guests.LINK_COOKIE: opened.cookie}),
    ):
        with pytest.raises(Conflict) as over:
            act()
        assert code(over) == "links.expired"
    with pytest.raises(Conflict) as over, app.database.write(owner.workspace_id) as rows:
        guests.spend(rows, opened.actor)
    assert code(over) == "links.expired"
    assert guests.guest_of(app, {guests.LINK_COOKIE: opened.cookie}) is None


def test_tokens_and_passwords_cannot_be_searched(app: Application, link: MakeLink) -> None:
    made = link(password="open sesame")
    for _ in range(tries.PASSWORDS):
        with pytest.raises(Conflict) as wrong:
            guests.open_link(app, made.token, BROWSER, NET, "guess")
        assert code(wrong) == "links.password_wrong"
    with pytest.raises(Conflict) as limited:
        guests.open_link(app, made.token, BROWSER, NET, "open sesame")
    assert code(limited) == "links.too_many_tries"
    assert guests.open_link(app, made.token, BROWSER, "192.0.2.99", "open sesame"), "others still get in"
    for number in range(tries.TOKENS):
        with pytest.raises(NotFound):
            guests.find_link(app, f"{number:A<43}", "2001:db8::1")
    with pytest.raises(Conflict) as limited:
        guests.find_link(app, made.token, "2001:db8::2")
    assert code(limited) == "links.too_many_tries"
    with app.database.system(writing=True) as session:
        for tried in session.query(LinkTry):
            tried.at = utc_now() - tries.KEPT - timedelta(minutes=1)
    assert guests.find_link(app, made.token, "2001:db8::2").id == made.link.id
    tries.note_try(app, "token", NET)
    with app.database.system() as session:
        assert session.query(LinkTry).count() == 1, "old tries are forgotten"


@pytest.mark.parametrize(
    "forged", ["", "1", "1.", "0." + "A" * 43, "1." + "A" * 43, "9" * 40 + "." + "A" * 43, "é", "1.A' OR"]
)
def test_a_forged_cookie_is_nobody(app: Application, link: MakeLink, forged: str) -> None:
    guests.open_link(app, link().token, BROWSER, NET)
    assert guests.guest(app, {guests.LINK_COOKIE: forged, guests.EMBED_COOKIE: forged}) is None


def test_a_guest_reaches_nothing_but_their_own(app: Application, owner: Actor, base: int, link: MakeLink) -> None:
    other = knowledge.create_knowledge_base(app, owner, "Internal")
    guest = guests.open_link(app, link().token, BROWSER, NET).actor
    theirs = conversations.start_conversation(app, owner, base)
    with pytest.raises(NotFound):
        conversations.start_conversation(app, guest, other)
    with pytest.raises(NotFound):
        ask.ask(app, guest, theirs, "hello")
    with pytest.raises(NotAllowed):
        making.list_links(app, guest)
    with pytest.raises(NotAllowed):
        trying.try_sentiment(app, guest, "This page is not of the link")
    with pytest.raises(NotAllowed):
        knowledge.create_knowledge_base(app, guest, "mine")
    looks_only = guests.open_link(app, link(pages=("sentiment",), knowledge_base_id=None).token, BROWSER, NET).actor
    with pytest.raises(NotAllowed):
        conversations.start_conversation(app, looks_only, base)
    with app.database.read(owner.workspace_id) as rows:
        assert rows.count(Conversation, Conversation.visitor == guest.visitor) == 0


def test_what_fails_is_given_back(app: Application, owner: Actor, link: MakeLink) -> None:
    made = link(pages=("sentiment", "content"), template="dialogue", knowledge_base_id=None)
    guest = guests.open_link(app, made.token, BROWSER, NET).actor
    with pytest.raises(BadInput):
        trying.try_sentiment(app, guest, "x" * (trying.LONGEST + 1))
    with pytest.raises(BadInput):
        trying.try_sentiment(app, guest, "  ")
    with pytest.raises(BadInput) as refused:  # by the service behind, when the message is spent already
        trying.try_content(app, guest, {"second": "JULIET"}, "en")
    assert not refused.value.code.startswith("links.")
    seen = making.get_link(app, owner, made.link.id)
    assert (seen.messages, asked.asked_by_link(app, owner, made.link.id).asked) == (0, 0)


def test_a_link_is_changed_renewed_and_duplicated(app: Application, owner: Actor, base: int, link: MakeLink) -> None:
    made = link(password="open sesame", title="Acme", colour="#AA00BB", sites=["https://shop.example"])
    changed = making.change_link(
        app, owner, made.link.id, replace(making.request_of(made.link), title="New", most_people=None)
    )
    assert (changed.title, changed.most_people, changed.has_password, changed.colour) == ("New", None, True, "#aa00bb")
    again = making.renew_link(app, owner, made.link.id)
    with pytest.raises(NotFound):
        guests.find_link(app, made.token, NET)
    assert guests.find_link(app, again.token, NET).id == made.link.id
    copy = making.duplicate_link(app, owner, made.link.id, "Acme, second")
    assert copy.link.has_password
    assert (copy.link.name, copy.link.title, copy.link.sites) == ("Acme, second", "New", ("https://shop.example",))
    assert guests.open_link(app, copy.token, BROWSER, NET, "open sesame")
    making.revoke_link(app, owner, made.link.id)
    making.revoke_link(app, owner, made.link.id)
    with app.database.read(owner.workspace_id) as rows:
        entries = rows.all(rows.select(AuditEntry).order_by(AuditEntry.number))
    assert [entry.action for entry in entries] == [
        "link.made", "link.changed", "link.renewed", "link.made", "link.revoked",
    ]  # fmt: skip
    assert entries[1].details["changed"] == ["most_people", "title"]
    assert first_broken(entries) is None


def test_what_cannot_be_stores_nothing(app: Application, owner: Actor, base: int, link: MakeLink) -> None:
    bad = [
        {"name": "  "}, {"name": "x" * 201}, {"pages": ()}, {"pages": ("chat", "studio")}, {"colour": "red"},
        {"colour": "#12345"}, {"language": "fr"}, {"most_messages": 0}, {"most_people": -1}, {"password": "short"},
        {"expires_at": utc_now() - timedelta(days=1)}, {"sites": ["shop.example"]}, {"knowledge_base_id": None},
        {"pages": ("chat", "content")}, {"pages": ("recommend",)}, {"logo": b"<svg/>"},
    ]  # fmt: skip
    for values in bad:
        with pytest.raises(BadInput):
            link(**values)
    with pytest.raises(NotFound):
        link(knowledge_base_id=base + 100)
    with pytest.raises(NotFound):
        link(pages=("recommend",), catalogue_id=7)
    assert making.list_links(app, owner) == []


def test_another_workspace_sees_none_of_it(app: Application, owner: Actor, link: MakeLink) -> None:
    made = link()
    with app.database.system(writing=True) as session:
        session.add(Workspace(id=77, slug="other", name="Other"))
    stranger = replace(owner, workspace_id=77)
    assert making.list_links(app, stranger) == []
    for act in (making.get_link, making.revoke_link, making.renew_link, asked.asked_by_link):
        with pytest.raises(NotFound):
            act(app, stranger, made.link.id)
    with pytest.raises(NotFound):
        making.change_link(app, stranger, made.link.id, making.request_of(made.link))
    with pytest.raises(NotFound):
        making.make_link(app, stranger, LinkRequest(name="x", knowledge_base_id=made.link.knowledge_base_id))


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.OWNER])
def test_only_owners_keep_links(app: Application, owner: Actor, link: MakeLink, role: Role) -> None:
    made = link()
    other = replace(owner, role=role)
    for act in (making.get_link, making.revoke_link, making.renew_link, asked.asked_by_link):
        with pytest.raises(NotAllowed):
            act(app, other, made.link.id)
    with pytest.raises(NotAllowed):
        making.make_link(app, other, making.request_of(made.link))
