"""Demo links, the guests' page and the pilot report, driven without a browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.access.actor import Actor
from core.errors import NotFound
from core.services import ask, conversations
from core.services.application import Application
from core.services.links import asked, guests, making
from core.services.links.views import LinkRequest
from pages.shared import guest as guest_module
from tests.app.conftest import OpenPage, texts

HOSTILE = "Acme <script>alert(1)</script> [x](javascript:alert(1)) $a$"
OpenAsGuest = Callable[[LinkRequest], AppTest]


@pytest.fixture
def as_guest(app: Application, me: Actor, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> OpenAsGuest:
    def open_it(request: LinkRequest) -> AppTest:
        made = making.make_link(app, me, request)
        opened = guests.open_link(app, made.token, "browser-of-a-guest-000000000000", "192.0.2.1")
        monkeypatch.setattr(guest_module, "cookies", lambda: {guests.LINK_COOKIE: opened.cookie})
        return open_page("demo")

    return open_it


def test_an_owner_makes_changes_and_revokes_a_link(
    open_page: OpenPage, app: Application, me: Actor, handbook: int
) -> None:
    page = open_page("links")
    assert "No demo links yet" in texts(page)
    page.button(key="links-first").click().run()
    page.button(key="link-new-go").click().run()
    assert "has no name" in page.error[0].value
    page.text_input(key="link-new-name").set_value("Acme").run()
    page.text_input(key="link-new-title").set_value(HOSTILE).run()
    page.number_input(key="link-new-messages").set_value(7).run()
    page.button(key="link-new-go").click().run()
    assert not page.error
    (link,) = making.list_links(app, me)
    assert (link.name, link.title, link.most_messages, link.knowledge_base_id) == ("Acme", HOSTILE, 7, handbook)
    address = page.code[0].value
    token = address.rsplit("/d/", 1)[1]
    assert guests.find_link(app, token, "192.0.2.1").id == link.id
    again = open_page("links")
    assert not again.code, "an address is shown once"
    again.button(key=f"link-edit-{link.id}").click().run()
    assert again.text_input(key=f"link-{link.id}-title").value == HOSTILE
    again.number_input(key=f"link-{link.id}-people").set_value(0).run()
    again.checkbox(key=f"link-{link.id}-endless").check().run()
    again.button(key=f"link-{link.id}-go").click().run()
    changed = making.get_link(app, me, link.id)
    assert (changed.most_messages, changed.most_people, changed.expires_at) == (7, None, None)
    again.button(key=f"link-revoke-{link.id}").click().run()
    again.button(key="revoke-yes").click().run()
    assert making.get_link(app, me, link.id).state == "revoked"
    assert not [one for one in again.button if one.key == f"link-edit-{link.id}"]


def test_a_link_is_duplicated_and_gets_a_new_address(
    open_page: OpenPage, app: Application, me: Actor, handbook: int
) -> None:
    made = making.make_link(app, me, LinkRequest(name="Acme", knowledge_base_id=handbook, most_messages=3))
    page = open_page("links")
    page.button(key=f"link-duplicate-{made.link.id}").click().run()
    page.text_input(key=f"duplicate-name-{made.link.id}").set_value("Bolt").run()
    page.button(key="duplicate-yes").click().run()
    (copy,) = [link for link in making.list_links(app, me) if link.name == "Bolt"]
    assert (copy.most_messages, copy.knowledge_base_id) == (3, handbook)
    token = page.code[0].value.rsplit("/d/", 1)[1]
    assert guests.find_link(app, token, "192.0.2.1").id == copy.id
    page.button(key=f"link-renew-{made.link.id}").click().run()
    page.button(key="renew-yes").click().run()
    renewed = page.code[0].value.rsplit("/d/", 1)[1]
    assert guests.find_link(app, renewed, "192.0.2.1").id == made.link.id
    with pytest.raises(NotFound):
        guests.find_link(app, made.token, "192.0.2.1")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_guest_asks_until_nothing_is_left(
    as_guest: OpenAsGuest, app: Application, me: Actor, handbook: int, language: str
) -> None:
    page = as_guest(
        LinkRequest(
            name="Acme",
            knowledge_base_id=handbook,
            most_messages=1,
            title=HOSTILE,
            greeting="Hi there",
            language=language,
        )
    )
    said = texts(page)
    assert HOSTILE.split(" [")[0] in said
    assert "Hi there" in said
    assert ("1 message left" if language == "en" else "1 条消息") in said
    assert not [one for one in page.selectbox if one.label == "Knowledge base"], "a guest chooses no knowledge base"
    page.chat_input(key="chat-input").set_value("How long do parcels to Norway take?").run()
    assert not page.error
    (link,) = making.list_links(app, me)
    assert [row.text for row in asked.asked_by_link(app, me, link.id).rows] == ["How long do parcels to Norway take?"]
    assert page.chat_input(key="chat-input").disabled
    assert ("no messages left" if language == "en" else "已经用完") in texts(page)
    assert "8 days" in texts(page) or "Norway" in texts(page)


def test_a_link_taken_away_while_it_is_open(as_guest: OpenAsGuest, app: Application, me: Actor, handbook: int) -> None:
    page = as_guest(LinkRequest(name="Acme", knowledge_base_id=handbook, title="Secret plan"))
    making.revoke_link(app, me, making.list_links(app, me)[0].id)
    page.chat_input(key="chat-input").set_value("How long do parcels to Norway take?").run()
    assert "There is nothing at this address" in page.error[0].value
    assert "Secret" not in texts(page)
    assert not page.chat_input


def test_without_a_link_the_page_says_nothing_of_the_product(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guest_module, "cookies", dict)
    page = open_page("demo")
    assert "There is nothing at this address" in page.error[0].value
    assert not page.chat_input


def test_what_a_guest_asked_and_the_report(open_page: OpenPage, app: Application, me: Actor, handbook: int) -> None:
    made = making.make_link(app, me, LinkRequest(name="Acme", knowledge_base_id=handbook))
    guest = guests.open_link(app, made.token, "browser-of-a-guest-000000000000", "192.0.2.1").actor
    empty = open_page("report")
    assert "No questions in this period" in texts(empty)
    talk = conversations.start_conversation(app, guest, handbook)
    ask.ask(app, guest, talk, "Who painted <b>the</b> Mona Lisa?").result()
    page = open_page("links")
    page.button(key=f"link-asked-{made.link.id}").click().run()
    assert "Who painted <b>the</b> Mona Lisa?" in page.dataframe[0].value.to_string()
    report = open_page("report", locale="zh-CN")
    assert not report.error
    assert "Who painted <b>the</b> Mona Lisa?" in report.dataframe[0].value.to_string()
    report.number_input(key="report-minutes").set_value(9.0).run()
    report.button(key="report-keep").click().run()
    assert open_page("report").number_input(key="report-minutes").value == 9.0
