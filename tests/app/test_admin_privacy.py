"""Admin's sections on privacy and the audit log, drawn on a real application."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from core.access.actor import Actor
from core.access.audit import record
from core.db.audit_tables import AuditEntry
from core.db.tables import Conversation, KnowledgeBase, Message
from core.services import quota
from core.services.application import Application
from core.services.privacy import privacy
from pages.shared.application import use_application
from tests.app.conftest import VISITOR, texts

Open = Callable[..., AppTest]


def _privacy() -> None:
    from core.access.actor import Permission
    from pages.shared import admin_privacy
    from pages.shared.guard import guard

    admin_privacy.draw(*guard(Permission.WORKSPACE))


def _audit() -> None:
    from core.access.actor import Permission
    from pages.shared import admin_audit
    from pages.shared.guard import guard

    admin_audit.draw(*guard(Permission.AUDIT))


@pytest.fixture
def open_section(app: Application) -> Iterator[Open]:
    use_application(app)

    def open_it(script: Callable[[], None], locale: str = "en-US") -> AppTest:
        test = AppTest.from_function(script, default_timeout=30)
        test.context["locale"] = locale
        test.session_state["visitor"] = VISITOR
        test.run()
        assert not test.exception
        return test

    yield open_it
    use_application(None)


@pytest.fixture
def talk(app: Application, me: Actor) -> int:
    with app.database.write(me.workspace_id) as rows:
        base = rows.add(KnowledgeBase(name="Help")).id
        one = rows.add(Conversation(knowledge_base_id=base, visitor="browser-of-anna", title="Hello")).id
        rows.add(Message(conversation_id=one, role="customer", text="I am anna@example.com, please call"))
        return one


def test_switches_are_stored_at_once(open_section: Open, app: Application, me: Actor) -> None:
    page = open_section(_privacy)
    page.toggle(key="privacy-mask_training").set_value(True).run()
    assert privacy(app, me).mask_training
    page.toggle(key="privacy-mask_endpoint").set_value(False).run()
    assert not privacy(app, me).mask_endpoint
    assert "PILOTLIGHT_ENCRYPTION_KEY" in texts(page)


def test_what_would_go_is_shown_before_it_is_saved(open_section: Open, app: Application, me: Actor, talk: int) -> None:
    from datetime import timedelta

    from core.db.tables import utc_now

    with app.database.write(me.workspace_id) as rows:
        rows.get(Conversation, talk).updated_at = utc_now() - timedelta(days=40)
    page = open_section(_privacy)
    page.number_input(key="privacy-days-conversations").set_value(30).run()
    assert "would go" in texts(page)
    assert privacy(app, me).days["conversations"] == 0
    page.button(key="privacy-days-save").click().run()
    assert privacy(app, me).days["conversations"] == 30


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_person_is_looked_for_and_erased(
    open_section: Open, app: Application, me: Actor, talk: int, locale: str
) -> None:
    page = open_section(_privacy, locale)
    page.text_input(key="privacy-words").set_value("Anna@Example.com")
    next(button for button in page.button if "FormSubmitter" in str(button.key)).click().run()
    assert [metric.value for metric in page.metric] == ["1", "1", *["0"] * 5]
    page.button(key="privacy-erase-now").click().run()
    assert not page.exception
    with app.database.read(me.workspace_id) as rows:
        assert rows.count(Conversation) == 0
        assert rows.count(AuditEntry, AuditEntry.action == "person.erased") == 1


def test_too_few_characters_are_refused(open_section: Open) -> None:
    page = open_section(_privacy)
    page.text_input(key="privacy-words").set_value("a")
    next(button for button in page.button if "FormSubmitter" in str(button.key)).click().run()
    assert page.error


def test_the_log_is_filtered_and_verified(open_section: Open, app: Application, me: Actor) -> None:
    assert "Nothing was recorded" in texts(open_section(_audit))
    with app.database.write(me.workspace_id) as rows:
        for number in range(30):
            record(rows, me, "document.deleted" if number % 3 else "thing.done", f"=a{number}.pdf", size=number)
    page = open_section(_audit)
    table = page.dataframe[0].value
    assert len(table) == 25
    assert table["action"][0] == "Document deleted"
    assert set(table["target"].str[:2]) == {"'="}  # the table's own download is read by spreadsheets too
    assert "thing.done" in set(table["action"])  # no words for it
    page.selectbox(key="audit-what").set_value("thing.done").run()
    assert len(page.dataframe[0].value) == 10
    page.text_input(key="audit-who").set_value("nobody").run()
    assert page.info
    page.button(key="audit-verify").click().run()
    assert "30" in page.success[0].value
    with app.database.write(me.workspace_id) as rows:
        rows.update(AuditEntry, AuditEntry.number == 4, target="other.pdf")
    page.button(key="audit-verify").click().run()
    assert "entry 4" in page.error[0].value


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en-US", ["Member 7 · Tokens · each month", "The whole workspace · Messages · each day", "Each key · Tokens"]),
        ("zh-CN", ["成员 7 · 词元 · 每月", "整个工作区 · 消息 · 每天", "每个密钥 · 词元"]),
    ],
)
def test_limits_are_said_in_words(
    open_section: Open, app: Application, me: Actor, locale: str, said: list[str]
) -> None:
    for subject, number, metric, period in (
        ("key", 0, "tokens", "day"), ("workspace", 0, "messages", "day"), ("account", 7, "tokens", "month"),
    ):  # fmt: skip
        quota.set_quota(app, me, subject, number, metric, period, 5)
    targets = list(open_section(_audit, locale).dataframe[0].value["target"])
    assert [one.startswith(words) for one, words in zip(targets, said, strict=True)] == [True] * 3, targets
