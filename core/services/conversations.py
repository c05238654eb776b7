"""Conversations of one visitor: start, list, read, rename, delete, export. Another visitor's do not exist here."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import Select, func

from core.access.actor import Actor, Permission
from core.db.searching import holding
from core.db.tables import Conversation, Feedback, KnowledgeBase, Message, utc_now
from core.db.unit_of_work import Rows
from core.errors import BadInput, NotFound
from core.services import answers_codec
from core.services.application import Application
from core.services.links.guests import check_base
from core.services.views import ConversationView, MessageView
from core.text.catalogue import translate
from core.types import Answer

TITLE_CHARS = 60
# An answer that nobody has heard of for so long was being made by a process that is no more.
ANSWERING = timedelta(seconds=60)


def start_conversation(app: Application, actor: Actor, kb_id: int) -> int:
    """A new, empty conversation of this visitor; its id. Raises NotFound for a knowledge base of another workspace."""
    actor.require(Permission.CHAT)
    with app.database.write(actor.workspace_id) as rows:
        rows.get(KnowledgeBase, kb_id)
        check_base(rows, actor, kb_id)
        conversation = Conversation(knowledge_base_id=kb_id, visitor=actor.visitor, language=actor.language)
        return rows.add(conversation).id


def list_conversations(
    app: Application, actor: Actor, *, search: str = "", limit: int = 50, offset: int = 0
) -> list[ConversationView]:
    """This visitor's conversations that hold a message, the latest first; ``search`` looks in the titles."""
    actor.require(Permission.CHAT)
    with app.database.read(actor.workspace_id) as rows:
        where = [*_mine(actor)]
        if wanted := search.strip():
            where.append(holding(rows, Conversation, wanted, Conversation.title, where=_mine(actor)))
        order = (Conversation.updated_at.desc(), Conversation.id.desc())
        begun = _counted(rows, *where).having(func.count(Message.id) > 0)
        return _views(rows, begun.order_by(*order).limit(limit).offset(offset))


def get_conversation(app: Application, actor: Actor, conversation_id: int) -> ConversationView:
    """One conversation of this visitor, also one without a message yet. Raises NotFound."""
    actor.require(Permission.CHAT)
    with app.database.read(actor.workspace_id) as rows:
        own_conversation(rows, actor, conversation_id)
        return _views(rows, _counted(rows, Conversation.id == conversation_id))[0]


def messages(
    app: Application, actor: Actor, conversation_id: int, *, limit: int = 200, before_id: int | None = None
) -> list[MessageView]:
    """The last ``limit`` messages (before ``before_id``), the oldest first. Raises NotFound for somebody else's."""
    actor.require(Permission.CHAT)
    with app.database.read(actor.workspace_id) as rows:
        own_conversation(rows, actor, conversation_id)
        return message_views(rows, conversation_id, limit=limit, before_id=before_id)


def message_state(app: Application, actor: Actor, message_id: int) -> str:
    """How a message of this visitor stands: answering, done, stopped, failed; ``gone`` when it is there no more."""
    actor.require(Permission.CHAT)
    with app.database.read(actor.workspace_id) as rows:
        row = rows.find(Message, Message.id == message_id)
        if row is None or rows.find(Conversation, Conversation.id == row.conversation_id, *_mine(actor)) is None:
            return "gone"
        return message_view(row).state


def rename_conversation(app: Application, actor: Actor, conversation_id: int, title: str) -> None:
    actor.require(Permission.CHAT)
    kept = " ".join(title.split())[:200]
    if not kept:
        raise BadInput("chat.title_empty")
    with app.database.write(actor.workspace_id) as rows:
        own_conversation(rows, actor, conversation_id).title = kept


def delete_conversation(app: Application, actor: Actor, conversation_id: int) -> None:
    """Gone for the visitor at once, with its messages and feedback. An open handoff goes with it."""
    actor.require(Permission.CHAT)
    with app.database.write(actor.workspace_id) as rows:
        own_conversation(rows, actor, conversation_id)
        rows.delete(Conversation, Conversation.id == conversation_id)


def export_conversation(
    app: Application, actor: Actor, conversation_id: int, format: Literal["markdown", "json"] = "markdown"
) -> str:
    """The whole conversation with its sources. Raises BadInput for another format, NotFound for somebody else's."""
    actor.require(Permission.CHAT)
    if format not in ("markdown", "json"):
        raise BadInput("chat.export_format", format=format)
    with app.database.read(actor.workspace_id) as rows:
        conversation = own_conversation(rows, actor, conversation_id)
        views = message_views(rows, conversation_id, limit=None)
    if format == "json":
        return _as_json(conversation, views)
    return _as_markdown(conversation, views, actor.language)


# --- shared with the other chat services ----------------------------------------------------------


def own_conversation(rows: Rows, actor: Actor, conversation_id: int) -> Conversation:
    """This visitor's conversation. Raises NotFound, which does not tell whether somebody else has one of this id."""
    found = rows.get(Conversation, conversation_id)
    if rows.find(Conversation, Conversation.id == found.id, *_mine(actor)) is None:
        raise NotFound("not_found", what="conversation", id=conversation_id)
    return found


def message_views(
    rows: Rows, conversation_id: int, *, limit: int | None = 200, before_id: int | None = None
) -> list[MessageView]:
    """Messages of a conversation that the caller has shown to be theirs to see."""
    statement = rows.select(Message, Message.conversation_id == conversation_id)
    if before_id is not None:
        statement = statement.where(Message.id < before_id)
    found = rows.all(statement.order_by(Message.id.desc()).limit(limit))[::-1]
    if not found:
        return []
    of_conversation = Feedback.message_id.in_(
        rows.columns(Message, Message.id, where=[Message.conversation_id == conversation_id])
    )
    votes = {row.message_id: row.value for row in rows.all(rows.select(Feedback, of_conversation))}
    return [message_view(row, votes.get(row.id, 0)) for row in found]


def message_view(row: Message, feedback: int = 0) -> MessageView:
    state, error = row.state, row.detail.get("error")
    if state == "answering" and utc_now() - last_sign(row) > ANSWERING:
        state, error = "failed", {"code": "chat.interrupted", "values": {}}
    detail: dict[str, Any] = {
        key: row.detail[key] for key in ("handoff", "reason", "event", "trouble", "offers") if key in row.detail
    }
    if error:
        detail["error"] = error
    return MessageView(
        id=row.id,
        role=row.role,
        state=state,
        text=row.text,
        rung=row.rung,
        created_at=row.created_at,
        answer=answer_of(row) if state != "failed" else None,
        feedback=feedback,
        milliseconds=round(row.detail.get("timings", {}).get("total", 0)),
        detail=detail,
    )


def last_sign(row: Message) -> Any:
    """When the maker of an answer was last known to live: at the start, or at its last sign since."""
    since = row.detail.get("alive")
    return type(row.created_at).fromisoformat(since) if since else row.created_at


def answer_of(row: Message) -> Answer | None:
    """The stored answer of an assistant message; None while there is none."""
    if row.role != "assistant" or not row.rung:
        return None
    return answers_codec.from_message(row.text, row.rung, row.confidence, row.detail)


def title_of(question: str) -> str:
    """A title from the first question, cut at a word (at a character in Chinese, which has no spaces)."""
    flat = " ".join(question.split())
    if len(flat) <= TITLE_CHARS:
        return flat
    head = flat[:TITLE_CHARS]
    space = head.rfind(" ")
    whole_word = flat[TITLE_CHARS] == " "
    kept = head if whole_word or space < TITLE_CHARS // 2 else head[:space]
    return kept.rstrip(" ,.;:，。；：、") + "…"


def _counted(rows: Rows, *where: Any) -> Select[Any]:
    """Conversations, each with the number of its messages."""
    joined = rows.select(Conversation, *where).outerjoin(Message, Message.conversation_id == Conversation.id)
    return joined.group_by(Conversation.id).add_columns(func.count(Message.id))


def _views(rows: Rows, counted: Select[Any]) -> list[ConversationView]:
    return [
        ConversationView(
            id=c.id,
            title=c.title,
            language=c.language,
            knowledge_base_id=c.knowledge_base_id,
            updated_at=c.updated_at,
            messages=number,
        )
        for c, number in rows.session.execute(counted)
    ]


def _mine(actor: Actor) -> tuple[Any, ...]:
    return (Conversation.visitor == actor.visitor, Conversation.deleted_at.is_(None))


# --- export ---------------------------------------------------------------------------------------


def _as_json(conversation: Conversation, views: Sequence[MessageView]) -> str:
    return json.dumps(
        {
            "title": conversation.title,
            "language": conversation.language,
            "created_at": conversation.created_at.isoformat(),
            "messages": [
                {
                    "role": view.role,
                    "state": view.state,
                    "text": view.text,
                    "rung": view.rung,
                    "created_at": view.created_at.isoformat(),
                    "feedback": view.feedback,
                    "answer": answers_codec.to_json(view.answer) if view.answer else None,
                }
                for view in views
            ],
        },
        ensure_ascii=False,
        indent=2,
    )


def _as_markdown(conversation: Conversation, views: Sequence[MessageView], language: str) -> str:
    def say(key: str, **values: Any) -> str:
        return translate(language, f"conversation.{key}", **values)

    lines = [f"# {_plain_line(conversation.title or say('untitled'))}", ""]
    for view in views:
        when = f"{view.created_at:%Y-%m-%d %H:%M} UTC"
        lines += [f"**{say('role_' + view.role)}** · {when}", "", _body(view, language), ""]
        cited = view.answer.citations if view.answer is not None and view.answer.refusal is None else ()
        for number, c in enumerate(cited, start=1):
            place = say("source", document=_plain_line(c.document), page=c.page)
            lines += [f"> [{number}] {place}: “{_plain_line(c.quote)}”", ""]
    return "\n".join(lines).rstrip() + "\n"


def _body(view: MessageView, language: str) -> str:
    if view.text:
        return _harmless(view.text)
    if view.answer is not None and view.answer.refusal is not None:
        return translate(language, f"conversation.refusal_{view.answer.refusal.reason.value}")
    return translate(language, f"conversation.state_{view.state}")


def _plain_line(text: str) -> str:
    return _harmless(" ".join(text.split()))


def _harmless(text: str) -> str:
    """Markdown that shows what a person typed: no HTML, no links and pictures that a viewer would follow."""
    return html.escape(text, quote=False).replace("[", "\\[")
