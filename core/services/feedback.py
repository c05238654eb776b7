"""What a visitor thinks of an answer. A correction becomes a suggested FAQ entry that somebody has to approve."""

from __future__ import annotations

from typing import Literal

from core.access.actor import Actor, Permission
from core.db.tables import Conversation, FaqEntry, Feedback, Message
from core.db.unit_of_work import Rows
from core.errors import BadInput, NotFound
from core.services.application import Application
from core.services.conversations import own_conversation
from core.text.language import detect_language

REASONS = ("", "wrong", "incomplete", "outdated", "unclear", "not_asked", "source", "other")
MAX_CORRECTION = 4000


def give_feedback(
    app: Application,
    actor: Actor,
    message_id: int,
    value: Literal[1, 0, -1],
    reason: str = "",
    correction: str = "",
) -> None:
    """Stores 1 (up) or -1 (down) for an answer of the visitor's own conversation; 0 takes it back.

    A second vote replaces the first. ``reason`` is one of :data:`REASONS`. A ``correction`` becomes one unapproved FAQ
    entry of the conversation's knowledge base; a later one for the same message replaces it until it is approved.
    Raises BadInput for another value or reason, NotFound for a message that is not an answer to this visitor.
    """
    actor.require(Permission.CHAT)
    wanted = correction.strip()
    if value not in (1, 0, -1) or reason not in REASONS:
        raise BadInput("chat.feedback_value", value=value, reason=reason, reasons=", ".join(filter(None, REASONS)))
    if len(wanted) > MAX_CORRECTION:
        raise BadInput("chat.text_too_long", length=len(wanted), limit=MAX_CORRECTION)
    with app.database.write(actor.workspace_id) as rows:
        message = rows.find(Message, Message.id == message_id, Message.role.in_(("assistant", "staff")))
        if message is None or message.state == "answering":
            raise NotFound("not_found", what="message", id=message_id)
        conversation = own_conversation(rows, actor, message.conversation_id)
        if value == 0:
            rows.delete(Feedback, Feedback.message_id == message_id)
            return
        vote = rows.find(Feedback, Feedback.message_id == message_id)
        if vote is None:
            vote = rows.add(Feedback(message_id=message_id, value=value))
        vote.value, vote.reason, vote.correction = value, reason, wanted
        if wanted:
            _suggest(rows, conversation, message, wanted)


def _suggest(rows: Rows, conversation: Conversation, message: Message, correction: str) -> None:
    asked = Message.conversation_id == conversation.id, Message.role == "customer", Message.id < message.id
    question = rows.session.scalars(rows.select(Message, *asked).order_by(Message.id.desc()).limit(1)).first()
    if question is None:
        return
    source = f"correction:{message.id}"
    entry = rows.find(FaqEntry, FaqEntry.source == source, FaqEntry.approved.is_(False))
    if entry is None:
        entry = FaqEntry(knowledge_base_id=conversation.knowledge_base_id, source=source, approved=False)
        entry.question = entry.answer = entry.language = ""
        rows.session.add(entry)
        entry.workspace_id = rows.workspace_id
    entry.question = str(message.detail.get("query") or question.text)
    entry.answer, entry.language = correction, detect_language(question.text)
