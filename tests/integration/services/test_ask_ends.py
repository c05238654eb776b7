"""Whatever happens to an answer while it is made, its end is honest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from core.access.actor import Actor
from core.db.tables import Conversation, Message, utc_now
from core.errors import BadInput, Conflict, NotFound
from core.services import conversations
from core.services.application import Application
from core.services.ask import Asked, ask, retry
from core.services.relay import relayed
from core.services.spoken import pieces
from core.services.views import MessageView
from core.types import Answer, AnswerSentence, Rung
from tests.integration.services.conftest import Shop


def test_the_question_is_stored_before_anything_is_made(app: Application, ann: Actor, talk: int) -> None:
    asked = ask(app, ann, talk, "  How long is the warranty?  ")
    stored = conversations.messages(app, ann, talk)
    assert [(m.role, m.state, m.text) for m in stored] == [
        ("customer", "done", "How long is the warranty?"),
        ("assistant", "answering", ""),
    ]
    assert conversations.list_conversations(app, ann)[0].title == "How long is the warranty?"
    asked.result()
    assert conversations.messages(app, ann, talk)[-1].state == "done"


@pytest.mark.parametrize("question", ["", " \n ", "x" * 4001])
def test_questions_that_cannot_be_asked_store_nothing(app: Application, ann: Actor, talk: int, question: str) -> None:
    with pytest.raises(BadInput):
        ask(app, ann, talk, question)
    assert conversations.messages(app, ann, talk) == []


def spoken_in_pieces(monkeypatch: pytest.MonkeyPatch, words: list[str], then: BaseException | None = None) -> None:
    """Makes the model side speak ``words`` and then fail with ``then``; everything around it is real."""

    def speaking(answer: Answer) -> Iterator[str]:
        yield from words
        if then is not None:
            raise then

    monkeypatch.setattr("core.services.spoken.pieces", speaking)


def test_stop_keeps_what_was_said(
    app: Application, lamps: Shop, ann: Actor, talk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken_in_pieces(monkeypatch, ["Every Lumen lamp ", "has a warranty", " of 24 months."])
    asked = ask(app, ann, talk, "How long is the warranty of a lamp?")
    assert next(asked.stream) == "Every Lumen lamp "
    asked.stream.close()
    view = asked.result()
    assert (view.state, view.text, view.retry) == ("stopped", "Every Lumen lamp ", True)
    assert view.answer is not None
    assert view.answer.sentences == ()  # none was said to its end


def test_a_stream_that_nobody_reads_is_stopped_not_left_answering(app: Application, ann: Actor, talk: int) -> None:
    asked = ask(app, ann, talk, "How long is the warranty?")
    asked.stream.close()
    assert asked.result().state == "stopped"
    second = ask(app, ann, talk, "How long is the warranty?")
    number = second.message_id
    del second
    assert {m.id: m.state for m in conversations.messages(app, ann, talk)}[number] == "stopped"


def test_a_fault_is_stored_with_its_reason_and_can_be_tried_again(
    app: Application, lamps: Shop, ann: Actor, talk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        spoken_in_pieces(broken, ["Every"], OSError("disk"))
        asked = ask(app, ann, talk, "How long is the warranty of a lamp?")
        assert list(asked.stream) == ["Every"]
        view = asked.result()
    assert (view.state, view.answer, view.retry) == ("failed", None, True)
    assert view.detail["error"] == {"code": "chat.answer_failed", "values": {"reason": "OSError"}}
    again = retry(app, ann, view.id)
    assert again.message_id == view.id
    assert again.result().rung == "document"
    assert [m.role for m in conversations.messages(app, ann, talk)] == ["customer", "assistant"]
    with pytest.raises(Conflict):
        retry(app, ann, view.id)


def test_an_answer_of_a_killed_process_can_be_made_again(app: Application, lamps: Shop, ann: Actor, talk: int) -> None:
    asked = ask(app, ann, talk, "How long is the warranty of a lamp?")
    with pytest.raises(Conflict):
        retry(app, ann, asked.message_id)
    asked.stream.close()
    with app.database.write(ann.workspace_id) as rows:
        row = rows.get(Message, asked.message_id)
        row.state, row.created_at = "answering", utc_now() - timedelta(minutes=2)
    assert retry(app, ann, asked.message_id).result().rung == "document"


# --- a model that says nothing for long ---


class Silent:
    """A model that says ``words`` and then nothing until ``go`` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
        self.words, self.waits, self.go = words, threading.Event(), threading.Event()
        monkeypatch.setattr("core.services.spoken.pieces", self._speak)

    def _speak(self, answer: Answer) -> Iterator[str]:
        yield from self.words
        self.waits.set()
        assert self.go.wait(60)
        yield "the end."


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Silent]:
    monkeypatch.setattr("core.services.answering.SIGN_SECONDS", 0.05)
    model = Silent(monkeypatch, "Every lamp ")
    yield model
    model.go.set()


def signs(app: Application, ann: Actor, message: int) -> str:
    with app.database.read(ann.workspace_id) as rows:
        return str(rows.get(Message, message).detail.get("alive", ""))


def wait_for(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.01)


def test_a_silent_model_is_alive_as_long_as_its_thread_is(
    app: Application, lamps: Shop, ann: Actor, talk: int, silent: Silent
) -> None:
    asked = ask(app, ann, talk, "How long is the warranty of a lamp?")
    reader = threading.Thread(target=asked.result)
    reader.start()
    assert silent.waits.wait(60)
    with app.database.write(ann.workspace_id) as rows:  # as if it had begun, and last been heard of, long ago
        row = rows.get(Message, asked.message_id)
        row.created_at, row.detail = utc_now() - timedelta(minutes=5), {}
    wait_for(lambda: signs(app, ann, asked.message_id), "a sign of life")
    [_, seen] = conversations.messages(app, ann, talk)
    assert (seen.state, seen.text) == ("answering", "Every lamp ")
    with pytest.raises(Conflict):
        retry(app, ann, asked.message_id)
    silent.go.set()
    reader.join(60)
    assert conversations.messages(app, ann, talk)[-1].state == "done"


def test_no_sign_of_life_follows_the_end(app: Application, lamps: Shop, ann: Actor, talk: int, silent: Silent) -> None:
    asked = ask(app, ann, talk, "How long is the warranty of a lamp?")
    wait_for(lambda: signs(app, ann, asked.message_id), "a sign of life")
    asked.stream.close()
    name = f"answer-{asked.message_id}"
    wait_for(lambda: name not in {thread.name for thread in threading.enumerate()}, "the end of the signs")
    assert conversations.messages(app, ann, talk)[-1].state == "stopped"
    assert signs(app, ann, asked.message_id) == ""


def test_stop_does_not_wait_for_a_silent_model(
    app: Application, lamps: Shop, ann: Actor, talk: int, silent: Silent
) -> None:
    asked = ask(app, ann, talk, "How long is the warranty of a lamp?")
    said = relayed(asked, every=0.02)
    assert next(piece for piece in said if piece) == "Every lamp "
    assert silent.waits.wait(60)
    assert next(said) is None
    said.close()
    assert not silent.go.is_set()
    stopped = conversations.messages(app, ann, talk)[-1]
    assert (stopped.state, stopped.text, stopped.retry) == ("stopped", "Every lamp ", True)
    silent.go.set()
    assert asked_to_its_end(asked).text == "Every lamp ", "what the model says later is not added"
    assert conversations.messages(app, ann, talk)[-1].state == "stopped"


def asked_to_its_end(asked: Asked) -> MessageView:
    name = f"relay-{asked.message_id}"
    wait_for(lambda: name not in {thread.name for thread in threading.enumerate()}, "the end of the reading thread")
    return asked.result()


def test_a_second_answer_is_not_spoilt_by_the_first_that_was_stopped(
    app: Application, lamps: Shop, ann: Actor, talk: int, silent: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = ask(app, ann, talk, "How long is the warranty of a lamp?")
    said = relayed(first, every=0.02)
    assert next(piece for piece in said if piece)
    assert silent.waits.wait(60)
    said.close()
    spoken_in_pieces(monkeypatch, ["24 months."])
    again = retry(app, ann, first.message_id).result()
    silent.go.set()
    asked_to_its_end(first)
    assert (again.state, conversations.messages(app, ann, talk)[-1].text) == ("done", again.text)


def test_stop_before_a_word_was_said_claims_no_source(
    app: Application, lamps: Shop, ann: Actor, talk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = Silent(monkeypatch)
    asked = ask(app, ann, talk, "How long is the warranty of a lamp?")
    said = relayed(asked, every=0.02)
    assert next(said) is None
    assert silent.waits.wait(60)
    said.close()
    silent.go.set()
    stopped = asked_to_its_end(asked)
    assert (stopped.state, stopped.text, stopped.answer) == ("stopped", "", None)


def test_deleting_the_conversation_meanwhile_is_no_fault(app: Application, ann: Actor, talk: int) -> None:
    asked = ask(app, ann, talk, "How long is the warranty?")
    conversations.delete_conversation(app, ann, talk)
    assert list(asked.stream) == []
    with pytest.raises(NotFound):
        asked.result()


def test_no_transaction_is_open_while_a_model_speaks(
    app: Application, lamps: Shop, ann: Actor, talk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken_in_pieces(monkeypatch, ["One. ", "Two."])
    asked = ask(app, ann, talk, "How long is the warranty of a lamp?")
    next(asked.stream)
    assert app.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    with app.database.write(ann.workspace_id) as rows:
        rows.add(Conversation(knowledge_base_id=lamps.kb, visitor="other"))
    asked.result()


def test_pieces_add_up_to_the_answer() -> None:
    sentences = ("First.", "Second,", "First.", "Not in it")
    answer = Answer("First. Second,\nFirst.", Rung.DOCUMENT, 1.0, (), tuple(AnswerSentence(s, ()) for s in sentences))
    assert list(pieces(answer)) == ["First. ", "Second,\n", "First."]
    assert list(pieces(replace(answer, text=None))) == []
