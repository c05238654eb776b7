"""What is known of one person: found by what they wrote of themselves or by an id, counted, exported, erased."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from core.access.actor import Actor, Permission
from core.access.audit import record
from core.access.privacy import fold
from core.db.link_tables import DemoGuest, DemoUse
from core.db.recommend_tables import Interaction, RecommendFeedback, RecommendShown
from core.db.sentiment_tables import MessageMood, SentimentAnswer, SentimentTask
from core.db.tables import Conversation, Feedback, Handoff, Message, utc_now
from core.db.unit_of_work import Rows
from core.db.unsent_tables import UnsentText
from core.errors import BadInput, NotFound
from core.services.application import Application
from core.services.chat_offers import customer_of

SHORTEST = 4  # characters; less would find half the workspace
DIGITS = 7  # from so many on a number is compared without spaces and signs
BATCH = 500
_BOUGHT: tuple[Any, ...] = (Interaction, RecommendFeedback, RecommendShown)


@dataclass(frozen=True, slots=True)
class PersonalRows:
    """Counts of what belongs to the person. ``conversations`` are those in which the words occur, as a whole."""

    conversations: int = 0
    messages: int = 0
    handoffs: int = 0
    sentiment: int = 0  # texts that wait for a label, labels that the person gave
    demo_uses: int = 0  # what a guest tried through a demo link
    recommendations: int = 0  # interactions, what they said of lists, lists shown
    unsent: int = 0  # what somebody typed and has not sent: by this person, or naming them

    @property
    def total(self) -> int:
        return sum(asdict(self).values())


@dataclass(frozen=True, slots=True)
class _Found:
    conversations: tuple[int, ...]
    tasks: tuple[int, ...]
    uses: tuple[int, ...]
    unsent: tuple[int, ...]
    counts: PersonalRows


def find_person(app: Application, actor: Actor, words: str) -> PersonalRows:
    """Counts for an e-mail address, a telephone or order number, or an id (of a browser, an account, a buyer).

    An id must be given whole; other words are looked for in messages, titles and contacts, whatever their case; numbers
    of seven digits and more also where they are written with spaces or signs. Raises BadInput for fewer than four
    characters. Files (documents, data sets, judged files) are not searched: they are the owner's.
    """
    actor.require(Permission.WORKSPACE)
    with app.database.read(actor.workspace_id) as rows:
        return _find(rows, _wanted(words)).counts


def export_person(app: Application, actor: Actor, words: str) -> bytes:
    """A ZIP with everything :func:`find_person` counts, as JSON. Audited. Raises NotFound when there is nothing."""
    actor.require(Permission.WORKSPACE)
    wanted = _wanted(words)
    with app.database.write(actor.workspace_id) as rows:
        found = _required(_find(rows, wanted), words)
        record(rows, actor, "person.exported", **asdict(found.counts))
        parts = {
            "conversations.json": [_conversation(rows, one) for one in found.conversations],
            "sentiment.json": [
                row.text for row in rows.all(rows.select(SentimentTask, SentimentTask.id.in_(found.tasks)))
            ],
            "demo_links.json": [
                {"page": row.page, "text": row.text, "outcome": row.outcome, "at": str(row.created_at)}
                for row in rows.all(rows.select(DemoUse, DemoUse.id.in_(found.uses)))
            ],
            "recommendations.json": [
                {
                    "catalogue": row.catalogue_id,
                    "item": row.item,
                    "kind": row.kind,
                    "value": row.value,
                    "at": str(row.at),
                }
                for row in rows.all(rows.select(Interaction, Interaction.person.in_(_called(rows, wanted))))
            ],
            "unsent.json": [
                {"place": row.place, "text": row.text, "at": str(row.changed_at)}
                for row in rows.all(rows.select(UnsentText, UnsentText.id.in_(found.unsent)))
            ],
            "about.json": {"made_at": utc_now().isoformat(), "counts": asdict(found.counts)},
        }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, json.dumps(content, ensure_ascii=False, indent=1))
    return packed.getvalue()


def erase_person(app: Application, actor: Actor, words: str, *, expected: int) -> PersonalRows:
    """Removes it all for good, in one transaction; what went. Audited with the counts only.

    ``expected`` is the total that the person who confirms has seen: when it is another one meanwhile, raises BadInput
    (privacy.changed) and nothing goes. Raises NotFound when there is nothing. Models that were trained on the rows and
    backups are not changed by it.
    """
    actor.require(Permission.WORKSPACE)
    wanted = _wanted(words)
    with app.database.write(actor.workspace_id) as rows:
        found = _required(_find(rows, wanted), words)
        if found.counts.total != expected:
            raise BadInput("privacy.changed", seen=expected, now=found.counts.total)
        for ids in _chunks(found.conversations):
            rows.delete(Conversation, Conversation.id.in_(ids))  # messages, moods, ratings, hand-overs go with it
        for ids in _chunks(found.tasks):
            rows.delete(SentimentTask, SentimentTask.id.in_(ids))
        for ids in _chunks(found.uses):
            rows.delete(DemoUse, DemoUse.id.in_(ids))
        for ids in _chunks(found.unsent):
            rows.delete(UnsentText, UnsentText.id.in_(ids))
        rows.delete(SentimentAnswer, SentimentAnswer.person == wanted)
        for table in _BOUGHT:
            rows.delete(table, table.person.in_(_called(rows, wanted)))
        record(rows, actor, "person.erased", **asdict(found.counts))
    return found.counts


def _wanted(words: str) -> str:
    kept = words.strip()
    if len(kept) < SHORTEST:
        raise BadInput("privacy.words_short", least=SHORTEST)
    return kept


def _called(rows: Rows, wanted: str) -> tuple[str, str]:
    """What a person is called in recommendations: by their id, and by its hash for clicks below answers."""
    return wanted, customer_of(rows.workspace_id, wanted)


def _required(found: _Found, words: str) -> _Found:
    if not found.counts.total:
        raise NotFound("privacy.nobody", words=words.strip()[:80])
    return found


def _find(rows: Rows, wanted: str) -> _Found:
    """Texts are read one by one: encrypted ones cannot be searched by the database."""
    holds = _Matcher(wanted)
    mine = set(
        rows.session.scalars(rows.columns(Conversation, Conversation.id, where=[Conversation.visitor == wanted]))
    )
    for table, owner, text in (
        (Conversation, Conversation.id, Conversation.title),
        (Message, Message.conversation_id, Message.text),
        (Handoff, Handoff.conversation_id, Handoff.contact),
    ):
        found = rows.session.execute(
            rows.columns(table, owner, text, where=[Message.role == "customer"] if table is Message else []),
            execution_options={"yield_per": BATCH},
        )
        mine |= {one for one, said in found if one not in mine and holds(said)}
    conversations = tuple(sorted(mine))
    texts = rows.session.execute(rows.columns(SentimentTask, SentimentTask.id, SentimentTask.text))
    tasks = tuple(one for one, said in texts if holds(said))
    guests = rows.columns(DemoGuest, DemoGuest.id, where=[DemoGuest.visitor == wanted])
    theirs = set(rows.session.scalars(guests))
    tried = rows.session.execute(rows.columns(DemoUse, DemoUse.id, DemoUse.guest_id, DemoUse.text))
    uses = tuple(one for one, guest, said in tried if guest in theirs or holds(said))
    typed = rows.session.execute(rows.columns(UnsentText, UnsentText.id, UnsentText.person, UnsentText.text))
    unsent = tuple(one for one, person, said in typed if person == wanted or holds(said))
    counts = PersonalRows(
        conversations=len(conversations),
        messages=sum(rows.count(Message, Message.conversation_id.in_(ids)) for ids in _chunks(conversations)),
        handoffs=sum(rows.count(Handoff, Handoff.conversation_id.in_(ids)) for ids in _chunks(conversations)),
        sentiment=len(tasks) + rows.count(SentimentAnswer, SentimentAnswer.person == wanted),
        demo_uses=len(uses),
        recommendations=sum(rows.count(table, table.person.in_(_called(rows, wanted))) for table in _BOUGHT),
        unsent=len(unsent),
    )
    return _Found(conversations, tasks, uses, unsent, counts)


class _Matcher:
    """Whether a text holds the words, whatever their case, width and, for long numbers, the signs between digits."""

    def __init__(self, wanted: str) -> None:
        self.words = fold(wanted).casefold()
        digits = re.sub(r"\D", "", self.words)
        numeric = len(digits) >= DIGITS and not re.search(r"[^\W\d_]", self.words)
        number = r"[\s().-]*".join(digits)
        self.number = re.compile(rf"(?<!\d){number}(?!\d)|(?<!\d)(?:00)?86[\s().-]*{number}(?!\d)") if numeric else None
        edge = r"[\w.+%-]" if "@" in self.words else r"\w"
        self.whole = re.compile(rf"(?<!{edge}){re.escape(self.words)}(?!\w)")

    def __call__(self, text: str) -> bool:
        plain = fold(text).casefold()
        if self.number is not None:
            return self.number.search(plain) is not None
        return self.whole.search(plain) is not None if self.words.isascii() else self.words in plain


def _chunks(ids: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    return (ids[first : first + BATCH] for first in range(0, len(ids), BATCH))


def _conversation(rows: Rows, conversation_id: int) -> dict[str, Any]:
    row = rows.get(Conversation, conversation_id)
    said = rows.all(rows.select(Message, Message.conversation_id == conversation_id).order_by(Message.id))
    ids = [message.id for message in said]
    moods = {one.message_id: one.label for one in rows.all(rows.select(MessageMood, MessageMood.message_id.in_(ids)))}
    rated = {one.message_id: one for one in rows.all(rows.select(Feedback, Feedback.message_id.in_(ids)))}
    handed = rows.all(rows.select(Handoff, Handoff.conversation_id == conversation_id))
    return {
        "title": row.title,
        "visitor": row.visitor,
        "begun": row.created_at.isoformat(),
        "messages": [
            {
                "role": one.role,
                "at": one.created_at.isoformat(),
                "text": one.text,
                "mood": moods.get(one.id, ""),
                "rating": rated[one.id].value if one.id in rated else 0,
                "correction": rated[one.id].correction if one.id in rated else "",
            }
            for one in said
        ],
        "contacts": [one.contact for one in handed if one.contact],
    }
