from __future__ import annotations

from collections.abc import Callable

import pytest

from core.access.actor import Actor
from core.services import golden, jobs
from core.services.application import Application
from tests.app.conftest import OpenPage, texts

Work = Callable[[int], None]


@pytest.fixture
def questions(app: Application, me: Actor, handbook: int) -> int:
    golden.save_golden(
        app, me, handbook, question="When are refunds paid?", document="handbook.md", answer="5 working days"
    )
    golden.save_golden(app, me, handbook, question="What do students pay?", document="handbook.md", answer="99 EUR")
    golden.save_golden(app, me, handbook, question="Which planet has the most moons?", answerable=False)
    return handbook


def test_a_golden_question_is_added_and_checked(
    open_page: OpenPage, handbook: int, app: Application, me: Actor
) -> None:
    page = open_page("quality", **{"quality.section": "questions"})
    assert "No golden questions yet" in texts(page)
    page.button(key="golden-add").click().run()
    page.text_input(key="golden-q-0").set_value("When are refunds paid?")
    page.button(key="golden-save-0").click().run()
    assert page.error, "a question without an expectation cannot be judged"
    page.text_area(key="golden-a-0").set_value("5 working days")
    page.button(key="golden-save-0").click().run()
    assert golden.list_golden(app, me, handbook).total == 1


def test_a_run_shows_what_passed_and_what_failed(
    open_page: OpenPage, questions: int, app: Application, me: Actor, work: Work
) -> None:
    page = open_page("quality")
    assert "Not run yet" in texts(page)
    page.button(key="golden-run").click().run()
    assert not page.error
    [job] = [job for job in jobs.list_jobs(app, me, questions) if job.kind == "golden"]
    work(job.id)
    page.run()
    run = golden.latest_run(app, me, questions)
    assert run is not None
    metrics = {metric.label: metric.value for metric in page.metric}
    assert metrics["Passed"] == str(run.passed)
    assert metrics["Failed"] == str(run.failed)
    assert run.failed >= 1, "no document says 99 EUR"
    page.segmented_control(key="run-filter").set_value("failed").run()
    said = texts(page)
    assert "What do students pay?" in said
    assert "When are refunds paid?" not in said


def test_without_questions_the_page_says_how_to_begin(open_page: OpenPage, handbook: int) -> None:
    assert "Thirty are a good start" in texts(open_page("quality"))


def test_a_blocked_draft_names_what_broke_and_is_published_only_by_override(
    open_page: OpenPage, questions: int, app: Application, me: Actor
) -> None:
    from core.db.tables import IndexVersion, KnowledgeBase
    from core.services import knowledge

    with app.database.write(me.workspace_id) as rows:
        base = rows.get(KnowledgeBase, questions)
        live = rows.get(IndexVersion, base.live_version or 0)
        why = [{"id": 1, "question": "When are refunds paid?", "why": "wrong_document"}]
        draft = rows.add(
            IndexVersion(
                knowledge_base_id=questions, state="ready", members=live.members, blocked_by=why, rule=live.rule
            )
        )
        base.draft_version = draft.id
    page = open_page("knowledge")
    said = texts(page)
    assert "This draft is not published: 1 golden question" in said
    assert "The answer does not come from the expected document." in said
    page.button(key="override").click().run()
    assert "Publish all the same?" in texts(page)
    [view] = knowledge.list_knowledge_bases(app, me)
    assert view.draft_version == draft.id, "asking is not publishing"
    page.button(key="discard").click().run()
    [view] = knowledge.list_knowledge_bases(app, me)
    assert view.draft_version is None
