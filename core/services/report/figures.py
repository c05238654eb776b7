"""Counts a pilot report from the stored conversations. Nothing in it is estimated but what its assumptions say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from statistics import median
from typing import Any

import numpy as np

from core.access.actor import Actor, Permission
from core.access.audit import record
from core.db.link_tables import DemoLink
from core.db.sentiment_tables import MessageMood
from core.db.tables import Conversation, Feedback, Handoff, Message, Workspace
from core.db.unit_of_work import Rows
from core.errors import BadInput, PilotlightError
from core.services.application import Application
from core.services.report.views import ANSWERED, Assumptions, Day, Open, PilotReport
from core.services.similarity import sentence_vectors
from core.text.language import detect_language

LONGEST_DAYS = 366
OPEN_SHOWN = 10
OPEN_COMPARED = 400  # refused questions that are compared with each other, the latest first
ALIKE = 0.8  # cosine from which two questions count as one
SETTING = "pilot_report"
_BOUNDS = {"minutes": (0.0, 240.0), "tokens": (0, 1_000_000), "price": (0.0, 10_000.0)}


@dataclass(frozen=True, slots=True)
class _Said:
    """The columns of a message that are counted."""

    id: int
    conversation_id: int
    role: str
    rung: str
    state: str
    at: datetime
    detail: dict[str, Any]


def pilot_report(
    app: Application, actor: Actor, since: date, until: date, *, link_id: int | None = None,
    assumptions: Assumptions | None = None,
) -> PilotReport:  # fmt: skip
    """The report of a period; of one demo link's guests with ``link_id``. ``assumptions`` None: those that are kept.

    Raises BadInput for a period that ends before it begins or is longer than a year, NotFound for another's link.
    """
    actor.require(Permission.REPORT)
    if until < since or (until - since).days >= LONGEST_DAYS:
        raise BadInput("pilot.period", days=LONGEST_DAYS)
    assumed = checked(assumptions) if assumptions is not None else kept_assumptions(app, actor)
    with app.database.read(actor.workspace_id) as rows:
        workspace = rows.session.get(Workspace, actor.workspace_id)
        link = rows.get(DemoLink, link_id) if link_id is not None else None
        said, whose = _said(rows, since, until, link_id)
        votes = _votes(rows, said)
        moods = _moods(rows, {one.id for one in said if one.role == "customer"})
        handed = _handed(rows, since, until, whose)
        refused = _refused(rows, said)
    answers = [one for one in said if one.role == "assistant"]
    rungs = Counter(one.rung or "failed" for one in answers if one.rung or one.state == "failed")
    good = [one for one in answers if one.rung in ANSWERED]
    times = [ms for one in good if (ms := one.detail.get("timings", {}).get("total", 0))]
    asked_in = {one.conversation_id for one in said if one.role == "customer"}
    return PilotReport(
        workspace=workspace.name if workspace else "", source=link.name if link else "", since=since, until=until,
        people=len({whose[number] for number in asked_in}), conversations=len(asked_in),
        questions=sum(one.role == "customer" for one in said), rungs=dict(rungs), handed_over=handed,
        up=sum(value > 0 for value in votes.values()), down=sum(value < 0 for value in votes.values()), moods=moods,
        days=_days(since, until, answers), unanswered=tuple(alike(app, refused)[:OPEN_SHOWN]),
        milliseconds=round(median(times)) if times else 0, assumptions=assumed,
        spared=sum(votes.get(one.id, 0) >= 0 for one in good),
        cost=_cost(app, rungs.get("model", 0), assumed),
    )  # fmt: skip


def kept_assumptions(app: Application, actor: Actor) -> Assumptions:
    """Those the owner has kept, else the first ones."""
    actor.require(Permission.REPORT)
    with app.database.read(actor.workspace_id) as rows:
        workspace = rows.session.get(Workspace, actor.workspace_id)
    stored = dict((workspace.settings if workspace else {}).get(SETTING) or {})
    return Assumptions(**{name: stored[name] for name in Assumptions.__slots__ if name in stored})


def keep_assumptions(app: Application, actor: Actor, assumptions: Assumptions) -> None:
    """For the next report. Raises BadInput (pilot.assumption)."""
    actor.require(Permission.WORKSPACE)
    kept = asdict(checked(assumptions))
    with app.database.write(actor.workspace_id) as rows:
        workspace = rows.session.get(Workspace, actor.workspace_id)
        assert workspace is not None, "an actor's workspace exists"
        workspace.settings = {**workspace.settings, SETTING: kept}
        record(rows, actor, "report.changed", **kept)


def checked(given: Assumptions) -> Assumptions:
    for name, (low, high) in _BOUNDS.items():
        if not low <= getattr(given, name) <= high:
            raise BadInput("pilot.assumption", low=low, high=high, value=getattr(given, name))
    if not given.currency.strip() or len(given.currency) > 8:
        raise BadInput("pilot.currency")
    return given


# --- what was said -------------------------------------------------------------------------------------------------


def _said(rows: Rows, since: date, until: date, link_id: int | None) -> tuple[list[_Said], dict[int, str]]:
    """Messages of the period, the oldest first, and whose each conversation is."""
    mine = [Conversation.id == Message.conversation_id, *_between(Message.created_at, since, until)]
    mine += [Message.role.in_(("customer", "assistant"))]
    if link_id is not None:
        mine.append(Conversation.visitor.startswith(f"link:{link_id}:", autoescape=True))
    columns = (
        Message.id, Message.conversation_id, Message.role, Message.rung, Message.state, Message.created_at,
        Message.detail, Conversation.visitor,
    )  # fmt: skip
    said: list[_Said] = []
    whose: dict[int, str] = {}
    for *found, visitor in rows.session.execute(rows.columns(Message, *columns, where=mine).order_by(Message.id)):
        said.append(_Said(*found))
        whose[said[-1].conversation_id] = visitor
    return said, whose


def _between(column: Any, since: date, until: date) -> list[Any]:
    return [
        column >= datetime.combine(since, time.min, UTC),
        column < datetime.combine(until + timedelta(days=1), time.min, UTC),
    ]


def _votes(rows: Rows, said: Sequence[_Said]) -> dict[int, int]:
    ids = {one.id for one in said}
    found = rows.session.execute(rows.columns(Feedback, Feedback.message_id, Feedback.value))
    return {message: value for message, value in found if message in ids}


def _moods(rows: Rows, ids: set[int]) -> dict[str, int]:
    found = rows.session.execute(rows.columns(MessageMood, MessageMood.message_id, MessageMood.label))
    return dict(Counter(label for message, label in found if message in ids))


def _handed(rows: Rows, since: date, until: date, whose: dict[int, str]) -> int:
    where = _between(Handoff.created_at, since, until)
    return sum(
        number in whose for number in rows.session.scalars(rows.columns(Handoff, Handoff.conversation_id, where=where))
    )


def _refused(rows: Rows, said: Sequence[_Said]) -> list[tuple[str, date]]:
    """Questions that were refused, the latest first."""
    question: dict[int, _Said] = {}
    found: list[_Said] = []
    for one in said:
        if one.role == "customer":
            question[one.conversation_id] = one
        elif one.rung == "refusal" and one.conversation_id in question:
            found.append(question[one.conversation_id])
    ids = [one.id for one in found[::-1]][:OPEN_COMPARED]
    texts = {row.id: row for row in rows.all(rows.select(Message, Message.id.in_(ids)))}
    return [(texts[number].text, texts[number].created_at.date()) for number in ids]


def alike(app: Application, asked: Sequence[tuple[str, date]]) -> list[Open]:
    """Questions put together when they mean the same, those asked most often first.

    Each joins the first group whose newest wording has a cosine of at least ALIKE with it; one that the encoder cannot
    read joins only the same words.
    """
    vectors = _vectors(app, [text for text, _ in asked])
    groups: list[tuple[str, date, list[int]]] = []
    for number, (text, day) in enumerate(asked):
        for words, _, members in groups:
            first, own = vectors[members[0]], vectors[number]
            near = first is not None and own is not None and float(first @ own) >= ALIKE
            if near or " ".join(words.casefold().split()) == " ".join(text.casefold().split()):
                members.append(number)
                break
        else:
            groups.append((text, day, [number]))
    groups.sort(key=lambda group: -len(group[2]))
    return [Open(text, len(members), day) for text, day, members in groups]


def _vectors(app: Application, texts: Sequence[str]) -> list[np.ndarray | None]:
    try:
        languages = app.encoder().languages
        read = [number for number, text in enumerate(texts) if detect_language(text) in languages]
        known = dict(zip(read, sentence_vectors(app)([texts[number] for number in read]), strict=True)) if read else {}
    except PilotlightError:  # no encoder on this machine: the same words are still counted together
        return [None] * len(texts)
    return [known.get(number) for number in range(len(texts))]


def _days(since: date, until: date, answers: Sequence[_Said]) -> tuple[Day, ...]:
    counted = Counter((one.at.date(), one.rung) for one in answers)
    days = [since + timedelta(days=number) for number in range((until - since).days + 1)]
    return tuple(
        Day(day, sum(counted[day, rung] for rung in ANSWERED), counted[day, "refusal"], counted[day, "person"])
        for day in days
    )


def _cost(app: Application, answers: int, assumed: Assumptions) -> float | None:
    return answers * assumed.tokens * assumed.price / 1_000_000 if app.settings.llm == "endpoint" else None
