"""A person takes over: the request with its packet, the promise to the customer, the inbox, what replies become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from core.access.actor import ALLOWED, Actor, Permission
from core.assistant.handoff import HandoffPacket, HandoffReason, Turn, packet
from core.db.tables import Conversation, FaqEntry, GoldenQuestion, Handoff, Message, utc_now
from core.db.unit_of_work import Rows
from core.errors import BadInput, Conflict
from core.services import faq, golden_questions
from core.services.answers_codec import citation_json
from core.services.application import Application
from core.services.conversations import message_views, own_conversation
from core.services.schedule import as_utc, duty, is_open_now, opening_hours, set_opening_hours
from core.services.views import HandoffView, MessageView
from core.text.catalogue import translate
from core.types import Language, Rung

__all__ = [
    "HandoffPromise",
    "back_to_assistant",
    "close_handoff",
    "handoff_messages",
    "is_open_now",
    "leave_contact",
    "list_handoffs",
    "opening_hours",
    "reply",
    "reply_to_faq",
    "request_person",
    "set_opening_hours",
]

OPEN = ("waiting", "answered")
# What a request may give as its reason, and what the packet makes of it.
REASONS = {
    "asked": HandoffReason.ASKED,
    "refused": HandoffReason.REFUSED,
    "wrong": HandoffReason.UNHELPFUL,
    "unhelpful": HandoffReason.UNHELPFUL,
}
# Reasons that no customer gives: mood is raised by the score of their messages.
OWN_REASONS = {"mood": HandoffReason.MOOD}
MAX_REPLY = 10_000
MAX_CONTACT = 200
PACKET_MESSAGES = 60


@dataclass(frozen=True, slots=True)
class HandoffPromise:
    """What may be promised: whether somebody is on duty, when they are next, and how many wait before this request."""

    handoff_id: int
    open: bool
    next_opening: datetime | None  # in the workspace's zone; None when open, or when no opening lies ahead
    queue_position: int  # 1 is next; 0 when a person has answered already
    has_contact: bool

    def as_detail(self) -> dict[str, Any]:
        return {**asdict(self), "next_opening": as_utc(self.next_opening)}


# --- the customer ------------------------------------------------------------------------------------------------


def request_person(
    app: Application, actor: Actor, conversation_id: int, reason: str = "asked", contact: str = ""
) -> HandoffPromise:
    """Hands the visitor's own conversation to a person. A second request while one is open returns the same one."""
    actor.require(Permission.CHAT)
    kept = _contact(contact, may_be_empty=True)
    if reason not in REASONS:
        raise BadInput("chat.handoff_reason", reason=reason, reasons=", ".join(REASONS))
    with app.database.read(actor.workspace_id) as rows:
        own_conversation(rows, actor, conversation_id)
    return hand_over(app, actor.workspace_id, conversation_id, reason=reason, contact=kept, announce=True)


def leave_contact(app: Application, actor: Actor, handoff_id: int, contact: str) -> None:
    """Stores where the visitor can be reached. Raises Conflict when the request is closed."""
    actor.require(Permission.CHAT)
    kept = _contact(contact)
    with app.database.write(actor.workspace_id) as rows:
        row = rows.get(Handoff, handoff_id)
        own_conversation(rows, actor, row.conversation_id)
        if row.state == "closed":
            raise Conflict("chat.handoff_closed")
        row.contact = kept


def back_to_assistant(app: Application, actor: Actor, conversation_id: int) -> None:
    """The visitor no longer needs a person: the open request, if any, is closed and the assistant answers again."""
    actor.require(Permission.CHAT)
    with app.database.write(actor.workspace_id) as rows:
        own_conversation(rows, actor, conversation_id)
        row = open_handoff(rows, conversation_id)
        if row is not None:
            _close(rows, row)


# --- the staff ---------------------------------------------------------------------------------------------------


def list_handoffs(app: Application, actor: Actor, state: str = "", *, limit: int = 200) -> list[HandoffView]:
    """Requests, those that wait first and the longest wait on top; ``state``: waiting, answered, closed, or all."""
    actor.require(Permission.INBOX)
    with app.database.read(actor.workspace_id) as rows:
        where = [Handoff.state == state] if state else []
        # "waiting" sorts last of the three by letter; closed ones show the latest first.
        unfinished = rows.all(
            rows.select(Handoff, Handoff.state != "closed", *where)
            .order_by(Handoff.state.desc(), Handoff.id)
            .limit(limit)
        )
        closed = rows.all(
            rows.select(Handoff, Handoff.state == "closed", *where).order_by(Handoff.id.desc()).limit(limit)
        )
        found = (unfinished + closed)[:limit]
        ids = [row.conversation_id for row in found]
        titles = {c.id: c.title for c in rows.all(rows.select(Conversation, Conversation.id.in_(ids)))}
        return [_view(row, titles.get(row.conversation_id, ""), actor.language) for row in found]


def handoff_messages(app: Application, actor: Actor, handoff_id: int, *, limit: int = 500) -> list[MessageView]:
    """The conversation of a request, the oldest message first. Staff reach conversations in no other way."""
    actor.require(Permission.INBOX)
    with app.database.read(actor.workspace_id) as rows:
        return message_views(rows, rows.get(Handoff, handoff_id).conversation_id, limit=limit)


def reply(app: Application, actor: Actor, handoff_id: int, text: str) -> int:
    """A colleague's message in the customer's conversation; its id. From now on the assistant is silent there.

    Raises BadInput for an empty or overlong text, Conflict when the request is closed.
    """
    actor.require(Permission.INBOX)
    said = text.strip()
    if not said:
        raise BadInput("chat.reply_empty")
    if len(said) > MAX_REPLY:
        raise BadInput("chat.text_too_long", length=len(said), limit=MAX_REPLY)
    with app.database.write(actor.workspace_id) as rows:
        row = rows.get(Handoff, handoff_id)
        if row.state == "closed":
            raise Conflict("chat.handoff_closed")
        row.state, row.answered_at = "answered", row.answered_at or utc_now()
        rows.update(Conversation, Conversation.id == row.conversation_id, updated_at=utc_now())
        message = Message(conversation_id=row.conversation_id, role="staff", text=said, rung=Rung.PERSON.value)
        return rows.add(message).id


def close_handoff(app: Application, actor: Actor, handoff_id: int) -> None:
    """Ends a request; the assistant answers in this conversation again. Closing twice changes nothing."""
    actor.require(Permission.INBOX)
    with app.database.write(actor.workspace_id) as rows:
        row = rows.get(Handoff, handoff_id)
        if row.state != "closed":
            _close(rows, row)


def reply_to_faq(
    app: Application, actor: Actor, message_id: int, question: str, answer: str, *, language: Language | None = None
) -> tuple[int, int]:
    """A colleague's reply becomes an FAQ entry and a golden question: ``(faq id, golden id)``. Twice changes the first.

    Who may not write knowledge suggests: their entry waits for approval. Raises BadInput for what is no reply.
    """
    actor.require(Permission.INBOX)
    entry_values = faq.checked(question, answer, (), language, ("inbox",))
    golden_values = golden_questions.checked(question, True, "", answer, "", language)
    may_approve = Permission.KNOWLEDGE_WRITE in ALLOWED[actor.role]
    source = f"staff_reply:{message_id}"
    with app.database.write(actor.workspace_id) as rows:
        message = rows.get(Message, message_id)
        if message.role != "staff":
            raise BadInput("chat.not_a_reply", id=message_id)
        kb_id = rows.get(Conversation, message.conversation_id).knowledge_base_id
        entry = rows.find(FaqEntry, FaqEntry.source == source)
        golden = rows.find(GoldenQuestion, GoldenQuestion.source == source)
        if entry is None:
            entry = faq.add_entry(rows, kb_id, entry_values, approved=may_approve, source=source)
        elif may_approve or not entry.approved:
            _change(entry, entry_values)
        if golden is None:
            golden = rows.add(GoldenQuestion(knowledge_base_id=kb_id, source=source, **golden_values))
        else:
            _change(golden, golden_values)
        return entry.id, golden.id


# --- shared with ask ---------------------------------------------------------------------------------------------


def hand_over(
    app: Application,
    workspace_id: int,
    conversation_id: int,
    *,
    reason: str,
    contact: str = "",
    announce: bool = False,
    why: Mapping[str, Any] | None = None,
) -> HandoffPromise:
    """Opens a request for a conversation, or finds the open one. ``announce`` leaves a note in the conversation.
    ``why``: what the reason rests on, kept with the packet and the note.

    The packet is made from a snapshot before the write lock is taken, and only when there is no request yet.
    """
    now = utc_now()
    with app.database.read(workspace_id) as rows:
        packed = {} if open_handoff(rows, conversation_id) else _packed(rows, conversation_id, reason, contact)
        packed |= {"why": dict(why)} if why else {}
        is_open, opening = duty(rows, now)
    with app.database.write(workspace_id) as rows:
        row, fresh = open_handoff(rows, conversation_id), False
        if row is None:
            values = {"reason": reason, "packet": packed, "contact": contact, "created_at": now}
            row, fresh = rows.add(Handoff(conversation_id=conversation_id, **values)), True
        elif contact:
            row.contact = contact
        before = rows.count(Handoff, Handoff.state == "waiting", Handoff.id < row.id)
        promise = HandoffPromise(
            handoff_id=row.id,
            open=is_open,
            next_opening=opening,
            queue_position=before + 1 if row.state == "waiting" else 0,
            has_contact=bool(row.contact),
        )
        if announce and fresh:
            detail = {"handoff": promise.as_detail(), "reason": reason}
            rows.add(Message(conversation_id=conversation_id, role="system", detail=detail))
        rows.update(Conversation, Conversation.id == conversation_id, updated_at=now)
    return promise


def promise_text(promise: HandoffPromise, language: Language, *, again: bool = False) -> str:
    """What the assistant says when it hands over; ``again``: the request was open already."""
    moment = promise.next_opening
    if again:
        return translate(language, "conversation.person_waiting")
    if promise.open:
        return translate(language, "conversation.person_open", position=max(1, promise.queue_position))
    if moment is None:
        return translate(language, "conversation.person_closed")
    when = f"{moment:%Y-%m-%d %H:%M}"
    return translate(language, "conversation.person_closed_until", when=when, zone=str(moment.tzinfo))


def open_handoff(rows: Rows, conversation_id: int) -> Handoff | None:
    """The request of a conversation that is not closed; there is never more than one."""
    return rows.find(Handoff, Handoff.conversation_id == conversation_id, Handoff.state.in_(OPEN))


def _close(rows: Rows, row: Handoff) -> None:
    row.state, row.closed_at = "closed", utc_now()
    rows.add(Message(conversation_id=row.conversation_id, role="system", detail={"event": "closed"}))
    rows.update(Conversation, Conversation.id == row.conversation_id, updated_at=utc_now())


def _contact(contact: str, *, may_be_empty: bool = False) -> str:
    kept = " ".join(contact.split())
    if not kept and not may_be_empty:
        raise BadInput("chat.contact_empty")
    if len(kept) > MAX_CONTACT:
        raise BadInput("chat.text_too_long", length=len(kept), limit=MAX_CONTACT)
    return kept


def _change(row: FaqEntry | GoldenQuestion, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def _packed(rows: Rows, conversation_id: int, reason: str, contact: str) -> dict[str, Any]:
    """The packet as JSON; its summary in every language, since nobody knows yet who will read it."""
    said = [turn for view in message_views(rows, conversation_id, limit=PACKET_MESSAGES) if (turn := _turn(view))]
    made = {code: packet(said, {**REASONS, **OWN_REASONS}[reason], code, contact=contact) for code in ("en", "zh")}
    return {
        "summaries": {code: found.summary for code, found in made.items()},
        "tried": _tried(made["en"]),
        "language": rows.get(Conversation, conversation_id).language,
    }


def _tried(made: HandoffPacket) -> list[dict[str, Any]]:
    return [
        {
            "question": one.question,
            "answer": one.answer,
            "rung": one.rung.value if one.rung else "",
            "failed": one.failed,
            "why": one.why,
            "citations": [citation_json(citation) for citation in one.citations[:3]],
        }
        for one in made.tried
    ]


def _turn(view: MessageView) -> Turn | None:
    """A message as the packet reads it. An answer that is not finished, or failed, was not said."""
    if view.role == "customer":
        return Turn("customer", view.text)
    if view.role == "staff":
        return Turn("staff", view.text)
    if view.role != "assistant" or view.state not in {"done", "stopped"}:
        return None
    return Turn("assistant", view.text, view.answer, None if view.feedback == 0 else view.feedback > 0)


def _view(row: Handoff, title: str, language: str) -> HandoffView:
    until = row.answered_at or row.closed_at or utc_now()
    summaries = row.packet.get("summaries", {})
    return HandoffView(
        id=row.id,
        conversation_id=row.conversation_id,
        state=row.state,
        reason=row.reason,
        packet={**row.packet, "summary": summaries.get(language, summaries.get("en", ""))},
        contact=row.contact,
        created_at=row.created_at,
        waiting_seconds=max(0.0, (until - row.created_at).total_seconds()),
        title=title,
    )
