"""Items below answers on the pages: the owner's switch, the customer's cards, the guest of a demo link."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.access.actor import Actor
from core.services import chat_offers
from core.services.application import Application
from core.services.demo import FOLDER
from core.services.links import guests, making
from core.services.links.views import LinkRequest
from core.services.recommend import catalogues, people
from core.services.recommend.demo import load_demo_catalogue
from pages.shared import guest as guest_module
from tests.app.conftest import OpenPage, texts

Work = Callable[[int], None]
ASKED = "Do students pay less for the Hotpot trio?"


@pytest.fixture
def shop(app: Application, me: Actor, handbook: int) -> int:
    number = load_demo_catalogue(app, me, FOLDER, "Larkmoss")
    assert number is not None
    return number


def test_the_owner_switches_it_on_and_a_customer_clicks(
    open_page: OpenPage, app: Application, me: Actor, handbook: int, shop: int
) -> None:
    page = open_page("knowledge", **{"knowledge.section": "settings"})
    assert page.toggle(key=f"offers-on-{handbook}").value is False
    page.toggle(key=f"offers-on-{handbook}").set_value(True).run()
    page.button(key=f"offers-save-{handbook}").click().run()
    assert not page.error

    chat = open_page("chat")
    chat.chat_input(key="chat-input").set_value(ASKED).run()
    assert not chat.exception
    assert "You asked about it" in texts(chat)
    assert "Hotpot trio" in texts(chat)
    look = next(b for b in chat.button if b.key.startswith("offer-look-"))
    look.click().run()
    assert not chat.error
    person = chat_offers.customer_of(me.workspace_id, me.visitor)
    assert [one.events for one in people.list_people(app, me, shop, search=person)] == [1]
    catalogues.set_hidden(app, me, shop, ["SC-HOTP"], True)
    chat.run()
    assert "You asked about it" not in texts(chat)

    page = open_page("knowledge", **{"knowledge.section": "settings"})
    page.toggle(key=f"offers-on-{handbook}").set_value(False).run()
    page.button(key=f"offers-save-{handbook}").click().run()
    catalogues.set_hidden(app, me, shop, ["SC-HOTP"], False)
    fresh = open_page("chat", visitor="another-visitor-of-the-app-tests")
    fresh.chat_input(key="chat-input").set_value(ASKED).run()
    assert not [b for b in fresh.button if b.key.startswith("offer-look-")]


def test_a_guest_of_a_demo_link_is_offered_items_too(
    open_page: OpenPage, app: Application, me: Actor, handbook: int, shop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat_offers.set_offers(app, me, handbook, shop)
    made = making.make_link(app, me, LinkRequest(name="Acme", pages=("chat",), knowledge_base_id=handbook))
    opened = guests.open_link(app, made.token, "browser-of-a-guest-000000000000", "192.0.2.1")
    monkeypatch.setattr(guest_module, "cookies", lambda: {guests.LINK_COOKIE: opened.cookie})
    page = open_page("demo")
    page.chat_input(key="chat-input").set_value(ASKED).run()
    assert not page.exception
    look = next(b for b in page.button if b.key.startswith("offer-look-"))
    look.click().run()
    assert not page.error
    assert people.list_people(app, me, shop, search="chat-")
    no = next(b for b in page.button if b.key.startswith("offer-no-"))
    no.click().run()
    assert "SC-HOTP" not in texts(page)


def test_without_a_catalogue_the_switch_says_where_one_is_made(open_page: OpenPage, handbook: int) -> None:
    page = open_page("knowledge", **{"knowledge.section": "settings"})
    assert "There is no catalogue yet" in texts(page)
