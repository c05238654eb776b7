"""What guests asked by a link, with what came of it. Pages and routes of guests never reach this."""

from __future__ import annotations

from statistics import median

from core.access.actor import Actor, Permission
from core.db.link_tables import DemoGuest, DemoLink, DemoUse
from core.db.tables import Conversation, Feedback, Message
from core.db.unit_of_work import Rows
from core.services.application import Application
from core.services.conversations import message_view
from core.services.links.views import AskedRow, AskedSummary
from core.types import Rung

MOST = 2000  # messages looked at, the latest first


def asked_by_link(app: Application, actor: Actor, link_id: int) -> AskedSummary:
    """Questions of the chat and what was tried elsewhere, the latest first. What a guest deleted is not among it."""
    actor.require(Permission.LINKS)
    with app.database.read(actor.workspace_id) as rows:
        rows.get(DemoLink, link_id)
        guests = rows.all(rows.select(DemoGuest, DemoGuest.link_id == link_id).order_by(DemoGuest.id))
        numbers = {guest.id: number for number, guest in enumerate(guests, 1)}
        by_visitor = {guest.visitor: numbers[guest.id] for guest in guests}
        found = _questions(rows, by_visitor) + _uses(rows, link_id, numbers)
    found.sort(key=lambda row: row.at, reverse=True)
    times = [row.milliseconds for row in found if row.milliseconds]
    return AskedSummary(
        rows=tuple(found), asked=len(found), refused=sum(row.outcome == Rung.REFUSAL for row in found),
        up=sum(row.rating > 0 for row in found), down=sum(row.rating < 0 for row in found),
        milliseconds=round(median(times)) if times else 0,
    )  # fmt: skip


def _questions(rows: Rows, guests: dict[str, int]) -> list[AskedRow]:
    mine = rows.select(Conversation, Conversation.visitor.in_(guests), Conversation.deleted_at.is_(None))
    whose = {row.id: guests[row.visitor] for row in rows.all(mine)}
    said = Message.conversation_id.in_(whose), Message.role.in_(("customer", "assistant"))
    messages = rows.all(rows.select(Message, *said).order_by(Message.id.desc()).limit(MOST))[::-1]
    votes = {
        vote.message_id: vote.value
        for vote in rows.all(rows.select(Feedback, Feedback.message_id.in_([row.id for row in messages])))
    }
    found: list[AskedRow] = []
    for number, message in enumerate(messages):
        if message.role == "customer":
            answer = _answer_to(messages, number)
            found.append(_row(message, answer, whose[message.conversation_id], votes))
    return found


def _answer_to(messages: list[Message], number: int) -> Message | None:
    """The next message of the same conversation, when the assistant said it."""
    here = messages[number].conversation_id
    after = next((one for one in messages[number + 1 :] if one.conversation_id == here), None)
    return after if after is not None and after.role == "assistant" else None


def _row(asked: Message, answer: Message | None, guest: int, votes: dict[int, int]) -> AskedRow:
    if answer is None:
        return AskedRow(asked.created_at, guest, "chat", asked.text, "", "", 0, 0)
    shown = message_view(answer)
    refusal = shown.answer.refusal if shown.answer is not None else None
    return AskedRow(
        asked.created_at, guest, "chat", asked.text, answer.rung or shown.state,
        refusal.reason.value if refusal else "", votes.get(answer.id, 0), shown.milliseconds,
    )  # fmt: skip


def _uses(rows: Rows, link_id: int, numbers: dict[int, int]) -> list[AskedRow]:
    found = rows.all(rows.select(DemoUse, DemoUse.link_id == link_id).order_by(DemoUse.id.desc()).limit(MOST))
    return [
        AskedRow(use.created_at, numbers.get(use.guest_id, 0), use.page, use.text, use.outcome, "", 0, 0)
        for use in found
    ]
