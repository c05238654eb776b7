"""Admin › Keys and Usage, drawn on the real application."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.access.actor import Actor
from core.services import ask, conversations, keys, quota
from core.services.application import Application
from pages.shared.application import use_application
from tests.app.conftest import VISITOR, OpenPage, texts


def _section() -> None:
    import importlib

    import streamlit as st

    from core.access.actor import Permission
    from pages.shared.guard import guard
    from pages.shared.parts import show_notices

    app, actor = guard(Permission.KEYS)
    show_notices()
    importlib.import_module(f"pages.shared.admin_{st.session_state['section']}").draw(app, actor)


@pytest.fixture
def section(app: Application) -> Iterator[object]:
    use_application(app)

    def open_it(name: str, locale: str = "en-US") -> AppTest:
        test = AppTest.from_function(_section, default_timeout=30)
        test.context["locale"] = locale
        test.session_state["visitor"] = VISITOR
        test.session_state["section"] = name
        test.run()
        assert not test.exception
        return test

    yield open_it
    use_application(None)


def test_a_key_is_shown_once_then_listed_and_revoked(section, app: Application, me: Actor) -> None:  # type: ignore[no-untyped-def]
    page = section("keys")
    assert "no keys yet" in texts(page)
    page.button(key="api-make").click().run()
    assert "name of 1 to 200" in page.error[0].value
    page.text_input(key="api-name").set_value("Shop *front*")
    page.button(key="api-make").click().run()
    secret = page.code[0].value
    (made,) = keys.list_keys(app, me)
    assert keys.actor_of_key(app, secret).key_id == made.id
    assert made.bundles == ("ask",)
    page.button(key="api-copied").click().run()
    assert not page.code
    assert made.prefix in texts(page)
    page.button(key=f"key-yes-{made.id}").click().run()
    assert keys.list_keys(app, me)[0].state == "revoked"
    assert not [one for one in page.button if one.key == f"key-yes-{made.id}"]


def test_usage_and_limits(section, app: Application, me: Actor) -> None:  # type: ignore[no-untyped-def]
    assert "尚未设置限额" in texts(section("usage", "zh-CN"))
    made = keys.make_key(app, me, "Shop front", ["ask"])
    quota.spend(app, keys.actor_of_key(app, made.secret), "messages", 4)
    page = section("usage")
    page.selectbox(key="quota-who").select_index(4)
    page.number_input(key="quota-most").set_value(5)
    page.button(key="quota-set").click().run()
    said = texts(page)
    assert "Key Shop front: at most **5 messages** a month" in said
    assert "4 used" in said
    (stands,) = quota.list_quotas(app, me)
    page.button(key=f"quota-delete-{stands.id}").click().run()
    assert quota.list_quotas(app, me) == ()


def test_the_chat_says_what_is_left_and_when_nothing_is(
    open_page: OpenPage, app: Application, me: Actor, handbook: int
) -> None:
    quota.set_quota(app, me, "workspace", 0, "messages", "day", 1)
    assert "left in the limit" not in texts(open_page("chat"))
    ask.ask(app, me, conversations.start_conversation(app, me, handbook), "When are refunds paid?").result()
    page = open_page("chat")
    assert "is used up (0 messages left)" in texts(page)
    page.chat_input(key="chat-input").set_value("And prices?").run()
    assert "The limit of this workspace is reached: 1 message" in page.error[0].value
