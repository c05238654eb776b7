"""One question of a conversation: stored first, answered as a stream, and brought to an honest end whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from core.access.actor import Actor, Permission
from core.assistant.dialogue import Turn, understand
from core.db.tables import Conversation, FaqEntry, GoldenQuestion, Message, utc_now
from core.db.unit_of_work import Rows
from core.errors import BadInput, Conflict, NotFound
from core.services import handoff, quota
from core.services.answering import Making, Task
from core.services.application import Application
from core.services.conversations import answer_of, message_view, own_conversation, title_of
from core.services.ladder import answer_question
from core.services.links.guests import spend
from core.services.sentiment import customers
from core.services.views import MessageView
from core.text.language import detect_language

__all__ = ["Asked", "answer_question", "ask", "example_questions", "retry"]

MAX_QUESTION = 4000
HISTORY = 12  # messages that a follow-up may refer to


@dataclass(frozen=True, slots=True)
class Asked:
    """``stream`` yields the words as they come; closing it is Stop. ``result`` is the stored message after it.

    ``stop`` is Stop from another thread, also while ``stream`` waits for a silent model: what was said so far is stored
    at once, and the stream ends as soon as it wakes. After the end it changes nothing.
    When a person has taken the conversation over, the stream is empty and the message is the customer's own.
    """

    message_id: int
    stream: Generator[str, None, None]
    result: Callable[[], MessageView]
    stop: Callable[[], None]


def ask(app: Application, actor: Actor, conversation_id: int, question: str) -> Asked:
    """Stores the question, then answers it while ``stream`` is read (see :class:`Asked`).

    Raises BadInput for an empty or overlong question, NotFound for another's conversation, OverLimit when no messages
    are left; nothing is stored then.
    What goes wrong later is stored with the message (``failed``, with the error's code); the stream then just ends.
    """
    actor.require(Permission.CHAT)
    text = question.strip()
    if not text:
        raise BadInput("chat.question_empty")
    if len(text) > MAX_QUESTION:
        raise BadInput("chat.text_too_long", length=len(text), limit=MAX_QUESTION)
    with app.database.write(actor.workspace_id) as rows:
        spend(rows, actor)
        conversation = own_conversation(rows, actor, conversation_id)
        quota.spend_in(rows, quota.subjects_of(actor), "messages")
        history = turns(rows, conversation_id)
        asked = rows.add(Message(conversation_id=conversation_id, role="customer", text=text))
        # A greeting that came first gives way to the first question.
        if not conversation.title or understand(conversation.title, ()).kind != "question":
            conversation.title, conversation.language = title_of(text), detect_language(text)
        conversation.updated_at = utc_now()
        open_request = handoff.open_handoff(rows, conversation_id)
        answered_by_person = open_request is not None and open_request.state == "answered"
        if not answered_by_person:
            row = rows.add(Message(conversation_id=conversation_id, role="assistant", state="answering"))
    customers.note_message(app, actor.workspace_id, asked.id)
    if answered_by_person:
        # A person speaks now; the assistant must not talk over them.
        return Asked(asked.id, _silence(), lambda: _stored(app, actor.workspace_id, asked.id), lambda: None)
    waiting = open_request.id if open_request is not None else None
    return _start(app, _task(actor, conversation, row.id, text, history, waiting))


def retry(app: Application, actor: Actor, message_id: int) -> Asked:
    """Makes a failed or stopped answer again, in its place. Raises Conflict for one that is neither."""
    actor.require(Permission.CHAT)
    with app.database.write(actor.workspace_id) as rows:
        row = rows.get(Message, message_id)
        conversation = own_conversation(rows, actor, row.conversation_id)
        before = Message.conversation_id == row.conversation_id, Message.role == "customer", Message.id < row.id
        found = rows.session.scalars(rows.select(Message, *before).order_by(Message.id.desc()).limit(1)).first()
        if not message_view(row).retry or found is None:
            raise Conflict("chat.retry_not_possible")
        if row.state == "stopped":  # what failed is made again for nothing
            spend(rows, actor)
        history = turns(rows, row.conversation_id, before_id=found.id)
        row.state, row.text, row.rung, row.confidence = "answering", "", "", None
        row.detail = {"alive": utc_now().isoformat()}
        open_request = handoff.open_handoff(rows, row.conversation_id)
    waiting = open_request.id if open_request is not None else None
    return _start(app, _task(actor, conversation, message_id, found.text, history, waiting))


def example_questions(app: Application, actor: Actor, kb_id: int, *, limit: int = 4) -> list[str]:
    """Questions that this knowledge base answers, for an empty conversation; those in the visitor's language first."""
    actor.require(Permission.CHAT)
    with app.database.read(actor.workspace_id) as rows:
        entries = FaqEntry.knowledge_base_id == kb_id, FaqEntry.approved.is_(True)
        expected = GoldenQuestion.knowledge_base_id == kb_id, GoldenQuestion.answerable.is_(True)
        often: list[FaqEntry | GoldenQuestion] = [
            *rows.all(rows.select(FaqEntry, *entries).order_by(FaqEntry.hits.desc(), FaqEntry.id).limit(30)),
            *rows.all(rows.select(GoldenQuestion, *expected).order_by(GoldenQuestion.id).limit(60)),
        ]
    own = [row.question for row in often if row.language == actor.language]
    return list(dict.fromkeys([*own[:2], *reversed(own), *(row.question for row in often)]))[:limit]


def turns(rows: Rows, conversation_id: int, *, before_id: int | None = None) -> tuple[Turn, ...]:
    """The last messages that were said, the oldest first, as the dialogue needs them."""
    where: list[Any] = [Message.conversation_id == conversation_id, Message.state.in_(("done", "stopped"))]
    where += [Message.role != "system"] + ([Message.id < before_id] if before_id is not None else [])
    found = rows.all(rows.select(Message, *where).order_by(Message.id.desc()).limit(HISTORY))
    return tuple(_turn(row) for row in reversed(found))


def _turn(row: Message) -> Turn:
    if row.role == "customer":
        return Turn("customer", row.text)
    return Turn("staff" if row.role == "staff" else "assistant", row.text, answer_of(row))


def _silence() -> Generator[str, None, None]:
    yield from ()


def _task(
    actor: Actor, conversation: Conversation, message_id: int, text: str, history: Sequence[Turn], waiting: int | None
) -> Task:
    return Task(
        workspace_id=actor.workspace_id,
        visitor=actor.visitor,
        conversation_id=conversation.id,
        knowledge_base_id=conversation.knowledge_base_id,
        message_id=message_id,
        question=text,
        history=tuple(history),
        language=detect_language(text) if len(text) > 3 else "zh" if conversation.language == "zh" else "en",
        waiting=waiting,
    )


def _start(app: Application, task: Task) -> Asked:
    making = Making(app, task)
    stream = making.run()
    # A generator that never began has no finally: begun here, it ends honestly even when nobody reads it.
    next(stream)

    def result() -> MessageView:
        for _ in stream:
            pass
        return _stored(app, task.workspace_id, task.message_id)

    return Asked(task.message_id, stream, result, making.stop)


def _stored(app: Application, workspace_id: int, message_id: int) -> MessageView:
    with app.database.read(workspace_id) as rows:
        row = rows.find(Message, Message.id == message_id)
        if row is None:
            raise NotFound("not_found", what="message", id=message_id)
        return message_view(row)
