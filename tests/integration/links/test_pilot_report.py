"""The report counts what was stored, groups what was refused, and escapes what customers wrote."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from core.access.actor import Actor, NotAllowed, Role
from core.db.audit_tables import AuditEntry
from core.db.sentiment_tables import MessageMood
from core.db.tables import Conversation, Feedback, Handoff, Message, Workspace
from core.errors import BadInput, NotFound
from core.services.application import Application
from core.services.links import guests
from core.services.report.exporting import export_report
from core.services.report.figures import keep_assumptions, kept_assumptions, pilot_report
from core.services.report.views import Assumptions
from tests.integration.links.conftest import MakeLink

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 10)
HOSTILE = "<script>alert(1)</script> & </svg> 怎么退货 😀"


@pytest.fixture
def talks(app: Application, owner: Actor, base: int, link: MakeLink) -> int:
    """Two visitors and a guest; the id of the guest's link."""
    made = link()
    guest = guests.open_link(app, made.token, "browser-of-a-guest-000000000000", "192.0.2.1").actor
    said = [
        ("ann", 1, "How long do refunds take?", "faq", 1),
        ("ann", 2, "What do students pay?", "document", -1),
        ("bob", 2, "Can I pay with Bitcoin?", "refusal", 0),
        (guest.visitor, 3, "Is it possible to pay with Bitcoin?", "refusal", 0),
        (guest.visitor, 3, "Where is the moon lamp made?", "refusal", -1),
        (guest.visitor, 10, "A person please", "person", 0),
        ("ann", 11, "The day after the period", "faq", 0),
        ("ann", 0, HOSTILE, "refusal", 0),
    ]
    with app.database.write(owner.workspace_id) as rows:
        talks = {
            visitor: rows.add(Conversation(knowledge_base_id=base, visitor=visitor))
            for visitor in ("ann", "bob", guest.visitor)
        }
        for visitor, day, text, rung, vote in said:
            at = datetime(2026, 2, 28, 12, tzinfo=UTC) + timedelta(days=day)
            asked = rows.add(Message(conversation_id=talks[visitor].id, role="customer", text=text, created_at=at))
            detail = {"timings": {"total": 1000.0 * day}}
            answer = rows.add(
                Message(
                    conversation_id=talks[visitor].id,
                    role="assistant",
                    text="x",
                    rung=rung,
                    created_at=at,
                    detail=detail,
                )
            )
            if vote:
                rows.add(Feedback(message_id=answer.id, value=vote))
            if rung == "person":
                rows.add(Handoff(conversation_id=talks[visitor].id, reason="asked", created_at=at))
            if visitor == "bob":
                rows.add(_mood(asked))
    return made.link.id


def _mood(asked: Message) -> MessageMood:
    return MessageMood(
        message_id=asked.id, conversation_id=asked.conversation_id, created_at=asked.created_at, label="negative",
        negative=0.9, positive=0.05, anger=0.1, urgency=0.1, rolling=0.5, cues=[], model="m",
    )  # fmt: skip


def test_it_counts_what_was_said(app: Application, owner: Actor, talks: int) -> None:
    report = pilot_report(app, owner, FIRST, LAST)
    assert (report.people, report.conversations, report.questions) == (3, 3, 6)
    assert report.rungs == {"faq": 1, "document": 1, "refusal": 3, "person": 1}
    assert (report.answered, report.handed_over, report.up, report.down) == (2, 1, 1, 2)
    assert report.moods == {"negative": 1}
    assert [(one.answered, one.refused, one.person) for one in report.days[:3]] == [(1, 0, 0), (1, 1, 0), (0, 2, 0)]
    assert len(report.days) == 10
    assert (report.spared, report.minutes_saved, report.milliseconds) == (1, 4.0, 1500), "one was rated down"
    assert report.cost is None
    open_questions = {one.text: one.times for one in report.unanswered}
    assert open_questions == {"Is it possible to pay with Bitcoin?": 2, "Where is the moon lamp made?": 1}
    assert report.unanswered[0].last == date(2026, 3, 3)


def test_one_links_guests_alone(app: Application, owner: Actor, talks: int) -> None:
    report = pilot_report(app, owner, FIRST, LAST, link_id=talks)
    assert (report.people, report.questions, report.source, report.handed_over) == (1, 3, "Acme", 1)
    with pytest.raises(NotFound):
        pilot_report(app, owner, FIRST, LAST, link_id=talks + 100)


def test_assumptions_are_kept_and_priced(app: Application, owner: Actor, talks: int) -> None:
    keep_assumptions(app, owner, Assumptions(minutes=10, tokens=2000, price=3, currency="CNY"))
    assert kept_assumptions(app, owner).minutes == 10
    priced = replace(app, settings=app.settings.model_copy(update={"llm": "endpoint"}))
    with app.database.write(owner.workspace_id) as rows:
        rows.update(Message, Message.rung == "document", rung="model")
    report = pilot_report(priced, owner, FIRST, LAST)
    assert (report.minutes_saved, report.cost) == (10, pytest.approx(1 * 2000 * 3 / 1e6))
    for bad in (Assumptions(minutes=-1), Assumptions(price=1e9), Assumptions(currency=" ")):
        with pytest.raises(BadInput):
            keep_assumptions(app, owner, bad)
    for period in ((LAST, FIRST), (date(2020, 1, 1), LAST)):
        with pytest.raises(BadInput):
            pilot_report(app, owner, *period)


def test_who_may_read_it_and_that_it_stays_in_its_workspace(app: Application, owner: Actor, talks: int) -> None:
    with app.database.system(writing=True) as session:
        session.add(Workspace(id=77, slug="other", name="Other"))
    assert pilot_report(app, replace(owner, workspace_id=77), FIRST, LAST).questions == 0
    assert pilot_report(app, replace(owner, role=Role.ANALYST), FIRST, LAST).questions == 6
    for role in (Role.GUEST, Role.AGENT):
        with pytest.raises(NotAllowed):
            pilot_report(app, replace(owner, role=role), FIRST, LAST)
    with pytest.raises(NotAllowed):
        keep_assumptions(app, replace(owner, role=Role.ANALYST), Assumptions())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_files_say_the_same_and_hold_no_markup(app: Application, owner: Actor, talks: int, language: str) -> None:
    from pypdf import PdfReader

    with app.database.write(owner.workspace_id) as rows:
        rows.session.get(Workspace, owner.workspace_id).name = HOSTILE
    report = pilot_report(app, owner, date(2026, 2, 28), LAST)
    page = export_report(app, owner, report, "html", language).decode()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "moon lamp" in page
    assert "://" not in page, "nothing is fetched from elsewhere"
    pdf = PdfReader(io.BytesIO(export_report(app, owner, report, "pdf", language)))
    text = "".join(one.extract_text() for one in pdf.pages)
    assert len(pdf.pages) == 1
    assert "moon lamp" in text
    assert "怎么退货" in text
    assert ("试点报告" if language == "zh" else "Pilot report") in text
    with app.database.read(owner.workspace_id) as rows:
        assert rows.count(AuditEntry, AuditEntry.action == "report.exported") == 2


def test_a_period_without_a_question_can_be_exported(app: Application, owner: Actor) -> None:
    report = pilot_report(app, owner, FIRST, LAST)
    assert report.questions == 0
    assert export_report(app, owner, report, "pdf", "en").startswith(b"%PDF")
    assert b"\xe2\x80\x93" in export_report(app, owner, report, "html", "en")
