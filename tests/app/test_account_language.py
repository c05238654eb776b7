"""The language of a person goes with their account: chosen here, it is theirs on another device."""

from __future__ import annotations

import pytest

from core.access.actor import Actor
from core.errors import BadInput
from core.services.application import Application
from core.services.people import accounts, signing_in
from pages.shared import guard as guard_module
from tests.app.conftest import OpenPage, texts

EMAIL, PASSWORD = "ada@example.org", "violet lamp by the sea"


@pytest.fixture
def ada(app: Application, owner: Actor, monkeypatch: pytest.MonkeyPatch) -> Actor:
    """Signed in, in whichever browser."""
    accounts.create_first_owner(app, owner.workspace_id, EMAIL, PASSWORD, trusted=True)
    code = signing_in.sign_in(app, EMAIL, PASSWORD, browser="one")
    token = signing_in.exchange(app, code, "one") or ""
    monkeypatch.setattr(guard_module, "session_token", lambda: token)
    found = signing_in.signed_in(app, token)
    assert found is not None
    return found


def test_a_choice_is_theirs_on_another_device(open_page: OpenPage, app: Application, ada: Actor) -> None:
    page = open_page("home", locale="en-US")
    assert page.session_state["language"] == "en"
    page.button_group(key="language").set_value("zh").run()
    assert accounts.my_account(app, ada).language == "zh"
    elsewhere = open_page("home", locale="en-US", visitor="another-browser-of-hers-0000")
    assert elsewhere.session_state["language"] == "zh"
    assert "四个工具，" in texts(elsewhere)


def test_who_chose_nothing_has_the_browsers(open_page: OpenPage, app: Application, ada: Actor) -> None:
    assert open_page("home", locale="zh-CN").session_state["language"] == "zh"
    assert accounts.my_account(app, ada).language == ""


def test_an_unknown_language_is_refused(app: Application, ada: Actor) -> None:
    with pytest.raises(BadInput, match="no language"):
        accounts.choose_language(app, ada, "tlh")
    accounts.choose_language(app, ada, "en")
    accounts.choose_language(app, ada, "")
    assert accounts.my_account(app, ada).language == ""
