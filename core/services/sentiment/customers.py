"""Customers' mood: each message gets a score, a heated conversation asks a person in, and the days are plotted.

Scoring runs beside the answer and never holds it up. A person is asked in at most once until that request is closed,
and after it only messages that came later count, of which there must be two: a handoff is never raised in a loop.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func

from core.access.actor import Actor, Permission
from core.db.sentiment_tables import MessageMood
from core.db.tables import Conversation, Handoff, Message, utc_now
from core.db.unit_of_work import Rows
from core.errors import PilotlightError
from core.sentiment.mood import Heat, heat_of, rolling
from core.sentiment.polarity import judge
from core.services import handoff
from core.services.application import Application
from core.services.sentiment import monitors
from core.services.sentiment.model import open_judge, own_settings

log = structlog.get_logger(__name__)

REASON = "mood"
FEWEST = 2  # messages since the last request, before mood asks a person in
REMEMBERED = 12  # messages that the rolling score looks back on
DAYS = 30
_STARTING = threading.Lock()


@dataclass(frozen=True, slots=True)
class MoodPoint:
    """One customer message on the curve of its conversation."""

    message_id: int
    created_at: datetime
    label: str
    negative: float
    anger: float
    urgency: float
    rolling: float
    cues: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MoodDay:
    """One day: messages by label, and conversations in which mood asked a person in."""

    day: str
    labels: Mapping[str, int]
    anger: float
    handoffs: int


def note_message(app: Application, workspace_id: int, message_id: int) -> Future[None]:
    """Scores a customer's message soon, in a thread of its own. What goes wrong is logged: the chat goes on."""
    return _pool(app).submit(_score_quietly, app, workspace_id, message_id)


def _pool(app: Application) -> ThreadPoolExecutor:
    with _STARTING:
        return app.caches.setdefault("mood", ThreadPoolExecutor(1, thread_name_prefix="mood"))  # type: ignore[no-any-return]


def settle(app: Application) -> None:
    """Waits until every message that was noted so far has its score."""
    _pool(app).submit(lambda: None).result()


def _score_quietly(app: Application, workspace_id: int, message_id: int) -> None:
    try:
        score_message(app, workspace_id, message_id)
    except PilotlightError as error:  # no model on this machine: customers are still answered
        log.info("message not scored", message=message_id, code=error.code)
    except Exception:
        log.error("message not scored", message=message_id, exc_info=True)


def score_message(app: Application, workspace_id: int, message_id: int) -> MoodPoint | None:
    """Scores one customer message and, at the owner's bound, asks a person in. None for one that is gone or scored."""
    with app.database.read(workspace_id) as rows:
        message = rows.find(Message, Message.id == message_id, Message.role == "customer")
        if message is None or rows.find(MessageMood, MessageMood.message_id == message_id) is not None:
            return None
        settings = own_settings(rows)
    judging = open_judge(app, workspace_id, f"conversation {message.conversation_id}")
    found = judge(judging.classifier, [message.text], confident=settings.confident)[0]
    heat = heat_of(message.text, found)
    with app.database.write(workspace_id) as rows:
        if rows.find(Message, Message.id == message_id) is None:  # deleted meanwhile
            return None
        before = _since_last_request(rows, message.conversation_id)
        row = rows.add(
            MessageMood(
                message_id=message_id,
                conversation_id=message.conversation_id,
                created_at=message.created_at,
                label=found.label,
                negative=found.negative,
                positive=found.positive,
                anger=heat.anger,
                urgency=heat.urgency,
                rolling=rolling([*(_level(one) for one in before), heat.level]),
                cues=list(heat.cues),
                model=judging.name[:200],
            )
        )
        waiting = handoff.open_handoff(rows, message.conversation_id) is not None
    hot = settings.handoff_at is not None and row.rolling >= settings.handoff_at
    if hot and not waiting and len(before) + 1 >= FEWEST:
        _ask_in(app, workspace_id, row)
    monitors.look(app, workspace_id, "messages")
    return _point(row)


def _ask_in(app: Application, workspace_id: int, row: MessageMood) -> None:
    """Opens the request, with a note that both sides see."""
    cues = list(dict.fromkeys(cue for cue in row.cues))[:5]
    why = {"score": round(row.rolling, 3), "cues": cues, "message_id": row.message_id}
    handoff.hand_over(app, workspace_id, row.conversation_id, reason=REASON, announce=True, why=why)
    log.info("person asked in", conversation=row.conversation_id, score=round(row.rolling, 3))


def _level(row: MessageMood) -> float:
    return Heat(row.anger, row.urgency, ()).level


def _since_last_request(rows: Rows, conversation_id: int) -> list[MessageMood]:
    """Scores that count: of messages after the last closed request, the oldest first."""
    closed = rows.session.scalar(
        rows.columns(Handoff, func.max(Handoff.closed_at), where=[Handoff.conversation_id == conversation_id])
    )
    where = [MessageMood.conversation_id == conversation_id]
    where += [MessageMood.created_at > closed] if closed is not None else []
    found = rows.all(rows.select(MessageMood, *where).order_by(MessageMood.id.desc()).limit(REMEMBERED))
    return list(reversed(found))


def curve(app: Application, actor: Actor, conversation_id: int, *, limit: int = 200) -> list[MoodPoint]:
    """The mood of a conversation, message by message, the oldest first. For staff."""
    actor.require(Permission.INBOX)
    with app.database.read(actor.workspace_id) as rows:
        mine = rows.select(MessageMood, MessageMood.conversation_id == conversation_id)
        found = rows.all(mine.order_by(MessageMood.message_id.desc()).limit(limit))
    return [_point(row) for row in reversed(found)]


def _point(row: MessageMood) -> MoodPoint:
    return MoodPoint(
        row.message_id, row.created_at, row.label, row.negative, row.anger, row.urgency, row.rolling, tuple(row.cues)
    )


def trend(app: Application, actor: Actor, *, days: int = DAYS) -> list[MoodDay]:
    """The last days, the oldest first, those without a message left out."""
    actor.require(Permission.SENTIMENT_READ)
    since = utc_now() - timedelta(days=days)
    day = func.date(MessageMood.created_at)
    with app.database.read(actor.workspace_id) as rows:
        counted = rows.session.execute(
            rows.columns(MessageMood, day, MessageMood.label, func.count(), func.sum(MessageMood.anger))
            .where(MessageMood.created_at >= since)
            .group_by(day, MessageMood.label)
        ).all()
        raised = rows.session.execute(
            rows.columns(Handoff, func.date(Handoff.created_at), func.count())
            .where(Handoff.created_at >= since, Handoff.reason == REASON)
            .group_by(func.date(Handoff.created_at))
        ).all()
    return _days(counted, {str(one): int(count) for one, count in raised})


def _days(counted: Sequence[tuple[object, str, int, float]], raised: Mapping[str, int]) -> list[MoodDay]:
    labels: dict[str, Counter[str]] = {}
    anger: dict[str, float] = {}
    for day, label, count, total in counted:
        labels.setdefault(str(day), Counter())[label] += int(count)
        anger[str(day)] = anger.get(str(day), 0.0) + total
    return [
        MoodDay(day, dict(found), anger[day] / found.total(), raised.get(day, 0))
        for day, found in sorted(labels.items())
    ]


def heated(app: Application, actor: Actor, *, limit: int = 10) -> list[tuple[int, str, float, datetime]]:
    """Conversations of the last week by the rolling score of their newest message: (id, title, score, when)."""
    actor.require(Permission.INBOX)
    with app.database.read(actor.workspace_id) as rows:
        newest = rows.columns(MessageMood, func.max(MessageMood.id)).group_by(MessageMood.conversation_id)
        since = MessageMood.created_at >= utc_now() - timedelta(days=7)
        mine = rows.select(MessageMood, MessageMood.id.in_(newest), since).order_by(MessageMood.rolling.desc())
        found = rows.all(mine.limit(limit))
        ids = [row.conversation_id for row in found]
        titles = {one.id: one.title for one in rows.all(rows.select(Conversation, Conversation.id.in_(ids)))}
    return [(row.conversation_id, titles.get(row.conversation_id, ""), row.rolling, row.created_at) for row in found]
