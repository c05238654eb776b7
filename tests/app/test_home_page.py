from __future__ import annotations

from core.access.actor import Actor
from core.services.application import Application
from tests.app.conftest import OpenPage, texts


def test_a_new_owner_sees_what_to_do_first(open_page: OpenPage) -> None:
    page = open_page("home")
    said = texts(page)
    assert "Add documents" in said
    assert "No questions yet" in said
    assert "None yet. Create one" in said
    for tool in ("What customers feel", "Texts from templates", "Lists for each person", "Train BERT"):
        assert tool in said


def test_the_stopped_worker_is_said(open_page: OpenPage) -> None:
    assert any("python -m core worker" in warning.value for warning in open_page("home").warning)


def test_numbers_are_those_of_the_workspace(open_page: OpenPage, handbook: int, app: Application, me: Actor) -> None:
    from core.services import ask, conversations

    number = conversations.start_conversation(app, me, handbook)
    ask.ask(app, me, number, "When are refunds paid?").result()
    page = open_page("home")
    metrics = {metric.label: metric.value for metric in page.metric}
    assert metrics["Questions"] == "1"
    assert "1 document so far" in texts(page)
