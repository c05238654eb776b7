from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

from core.access.actor import Actor, Role
from core.errors import BadInput
from core.services.application import Application
from core.text.catalogue import catalogue
from pages.shared import guard as guard_module
from pages.shared import navigation
from pages.shared.language import LANGUAGES
from tests.app.conftest import OpenPage, texts
from tests.conftest import ROOT

PAGES = ("home", "chat", "knowledge", "quality", "inbox", "admin")
HAN = re.compile("[一-鿿]")


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_in_both_languages(open_page: OpenPage, handbook: int, name: str) -> None:
    english, chinese = texts(open_page(name)), texts(open_page(name, locale="zh-CN"))
    assert not HAN.search(english)
    assert HAN.search(chinese)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_opens_before_anything_is_there(open_page: OpenPage, name: str) -> None:
    assert not open_page(name).error


def test_the_language_switch_resets_nothing(open_page: OpenPage, handbook: int) -> None:
    page = open_page("knowledge")
    page.segmented_control(key="knowledge.section").set_value("faq").run()
    page.text_input(key="faq-search").set_value("refund").run()
    page.segmented_control(key="language").set_value("zh").run()
    assert page.title[0].value == "知识库"
    assert page.segmented_control(key="knowledge.section").value == "faq"
    assert page.text_input(key="faq-search").value == "refund"


@pytest.mark.parametrize("name", PAGES)
def test_guard_is_the_first_statement_of_a_page(name: str) -> None:
    body = ast.parse((ROOT / "pages" / f"{name}.py").read_text(encoding="utf-8")).body
    first = next(node for node in body[1:] if not isinstance(node, ast.Import | ast.ImportFrom))
    assert isinstance(first, ast.Assign)
    assert isinstance(first.value, ast.Call)
    assert ast.unparse(first.value.func) == "guard"
    above = [ast.unparse(node) for node in body if node.lineno < first.lineno]
    assert not [line for line in above if "services" in line], "what can fail stands above guard()"


@pytest.fixture
def as_a_customer(monkeypatch: pytest.MonkeyPatch) -> None:
    real = guard_module.local_actor

    def customer(app: Application, visitor: str) -> Actor:
        return replace(real(app, visitor), role=Role.GUEST)

    monkeypatch.setattr(guard_module, "local_actor", customer)


STAFF_PAGES = ["knowledge", "quality", "inbox", "admin"]


@pytest.mark.parametrize("name", STAFF_PAGES)
@pytest.mark.usefixtures("as_a_customer")
def test_the_frame_has_no_staff_page_for_a_customer(open_page: OpenPage, name: str) -> None:
    with pytest.raises(ValueError, match="Could not find a navigation page"):
        open_page(name)


@pytest.mark.parametrize("name", STAFF_PAGES)
@pytest.mark.usefixtures("as_a_customer")
def test_a_staff_page_refuses_a_customer_by_itself(
    open_page: OpenPage, handbook: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(navigation, "opens", lambda _actor, _name: True)
    page = open_page(name)
    assert "Your role (guest) may not do this" in page.error[0].value
    assert not page.title


def test_a_setting_that_does_not_fit_is_said_on_the_page(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Application:
        raise BadInput("settings_unknown", keys="PILOTLIGHT_NOPE")

    monkeypatch.setattr(guard_module, "application", broken)
    assert "PILOTLIGHT_NOPE" in open_page("home").error[0].value


def test_an_unexpected_fault_becomes_a_plain_sentence_with_a_number(
    open_page: OpenPage, handbook: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from core.services import knowledge

    def explode(*_args: object, **_values: object) -> int:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(knowledge, "create_knowledge_base", explode)
    page = open_page("knowledge")
    page.text_input(key="new-base-name").set_value("Second")
    page.button(key="new-base-create").click().run()
    [shown] = [error.value for error in page.error]
    assert re.search(r"this number: [0-9a-f]{12}", shown)
    assert "secret detail" not in shown
    assert page.text_input(key="new-base-name").value == "Second"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_that_pages_name_exists(language: str) -> None:
    named: set[str] = set()
    for path in Path(ROOT / "pages").rglob("*.py"):
        named |= set(re.findall(r'\btr\(\s*"([\w.]+)"', path.read_text(encoding="utf-8")))
    assert len(named) > 150
    assert sorted(named - catalogue(language).keys()) == []


def test_files_stay_readable() -> None:
    long = [
        str(path)
        for path in Path(ROOT / "pages").rglob("*.py")
        if len(path.read_text(encoding="utf-8").splitlines()) > 300
    ]
    assert long == []
