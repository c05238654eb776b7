"""Golden questions asked of published and draft versions: stored, compared, blocking, and teaching the threshold."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.access.actor import NotAllowed
from core.bootstrap import runner
from core.db.tables import GoldenRun, Job, KnowledgeBase
from core.errors import BadInput, NotFound
from core.services import calibration, faq, golden, knowledge, publish
from core.services.application import Application
from core.services.calibration import Case
from tests.integration.services.conftest import RETURNS, Shop, publish_texts


@pytest.fixture
def asked(app: Application, lamps: Shop) -> Shop:
    owner = lamps.owner()
    for question, answer, document in (
        ("How long is the warranty of a lamp?", "24 months", "returns.md"),
        ("How long are batteries covered?", "12 months", "returns.md"),
        ("台灯保修多久？", "二十四个月", "退货.md"),
    ):
        golden.save_golden(app, owner, lamps.kb, question=question, answer=answer, document=document)
    golden.save_golden(app, owner, lamps.kb, question="Who won the football match?", answerable=False)
    return lamps


def test_a_run_is_stored_and_tells_right_from_wrong(app: Application, asked: Shop) -> None:
    steps: list[tuple[int, int]] = []
    golden.save_golden(
        app, asked.owner(), asked.kb, question="How long is the warranty of each Lumen lamp?", answer="5 years"
    )
    run = golden.run_golden(app, asked.owner(), asked.kb, progress=lambda done, total: steps.append((done, total)))
    assert (run.passed, run.failed) == (4, 1)
    assert steps == [(n, 5) for n in range(1, 6)]
    wrong = run.lines[-1]
    assert (wrong.passed, wrong.why, wrong.change, wrong.before) == (False, "wrong_answer", "new", None)
    assert run.lines[0].document == "returns.md"
    assert golden.latest_run(app, asked.owner(), asked.kb) == run
    second = golden.run_golden(app, asked.owner(), asked.kb)
    assert [line.change for line in second.lines] == ["same"] * 5
    assert [r.id for r in golden.list_runs(app, asked.owner(), asked.kb)] == [second.id, run.id]


def test_what_breaks_is_shown_and_blocks_the_draft(app: Application, asked: Shop) -> None:
    owner = asked.owner()
    golden.run_golden(app, owner, asked.kb)
    worse = RETURNS.replace("24 months", "unknown length").replace("12 months", "unknown length")
    publish_texts(app, asked, returns=worse)
    view = knowledge.list_knowledge_bases(app, owner)[0]
    assert view.draft_version is not None
    assert [line["question"] for line in view.blocked_by] == [
        "How long is the warranty of a lamp?",
        "How long are batteries covered?",
    ]
    run = golden.latest_run(app, owner, asked.kb)
    assert run is not None
    assert run.index_version == view.draft_version
    assert [line.change for line in run.lines] == ["broken", "broken", "same", "same"]
    assert publish.publish(app, owner, asked.kb).published is False
    assert publish.publish(app, owner, asked.kb, override=True).published is True
    after = golden.run_golden(app, owner, asked.kb)
    assert [line.change for line in after.lines] == ["same"] * 4
    publish_texts(app, asked, returns=RETURNS)
    fixed = golden.latest_run(app, owner, asked.kb)
    assert fixed is not None
    assert [line.change for line in fixed.lines] == ["fixed", "fixed", "same", "same"]


def test_a_question_that_was_never_run_is_asked_of_the_live_version(app: Application, asked: Shop) -> None:
    publish_texts(app, asked, returns=RETURNS.replace("24 months", "unknown length"))
    view = knowledge.list_knowledge_bases(app, asked.owner())[0]
    assert [line["question"] for line in view.blocked_by] == ["How long is the warranty of a lamp?"]


def test_a_question_that_always_failed_blocks_nothing(app: Application, asked: Shop) -> None:
    golden.save_golden(app, asked.owner(), asked.kb, question="How long is the warranty?", answer="5 years")
    publish_texts(app, asked, returns=RETURNS + "\nWe also repair lamps.\n")
    view = knowledge.list_knowledge_bases(app, asked.owner())[0]
    assert (view.draft_version, view.blocked_by) == (None, ())


def test_the_job_runs_the_questions_and_reports(app: Application, asked: Shop) -> None:
    job_id = golden.start_golden_run(app, asked.owner(), asked.kb)
    runner(app).run(job_id)
    with app.database.read(asked.workspace) as rows:
        job = rows.get(Job, job_id)
        assert (job.state, job.result["passed"], job.result["failed"]) == ("done", 4, 0)


def test_nothing_to_run_and_nobody_elses(app: Application, asked: Shop, rival: Shop) -> None:
    with pytest.raises(BadInput):
        golden.run_golden(app, rival.owner(), rival.kb)
    with pytest.raises(BadInput):
        golden.start_golden_run(app, rival.owner(), rival.kb)
    run = golden.run_golden(app, asked.workspace, asked.kb)
    for act in (
        lambda: golden.run_golden(app, rival.owner(), asked.kb),
        lambda: golden.run_golden(app, asked.owner(), asked.kb, version_id=99),
        lambda: golden.recalibrate(app, rival.owner(), rival.kb, run),
    ):
        with pytest.raises(NotFound):
            act()
    assert golden.list_runs(app, rival.owner(), asked.kb) == []
    with pytest.raises(NotAllowed):
        golden.run_golden(app, asked.agent(), asked.kb)


def test_an_entry_passes_and_the_documents_behind_it_still_teach(app: Application, asked: Shop) -> None:
    faq.save_faq(app, asked.owner(), asked.kb, question="How long is the warranty of a lamp?", answer="24 months.")
    run = golden.run_golden(app, asked.owner(), asked.kb)
    assert (run.lines[0].rung, run.lines[0].passed) == ("faq", True)
    assert run.calibration["questions"] == 4
    faq.save_faq(app, asked.owner(), asked.kb, question="Where are you?", answer="Berlin.")
    golden.save_golden(app, asked.owner(), asked.kb, question="Where are you?", answer="Berlin")
    again = golden.run_golden(app, asked.owner(), asked.kb)
    assert (again.passed, again.calibration["questions"]) == (5, 4)


def test_too_few_questions_teach_nothing(app: Application, asked: Shop) -> None:
    run = golden.run_golden(app, asked.owner(), asked.kb, calibrate=True)
    assert run.calibration["calibrated"] is False
    with pytest.raises(BadInput) as refused:
        golden.recalibrate(app, asked.owner(), asked.kb, run)
    assert refused.value.values == {"found": 4, "needed": calibration.MINIMUM}


def test_the_first_publish_with_enough_questions_learns_a_threshold(app: Application, shop: Shop) -> None:
    lines = [f"# Lamp model {n:03d}\n\nLamp model {n:03d} weighs {n + 100} grams.\n" for n in range(30)]
    for n in range(25):
        golden.save_golden(
            app, shop.owner(), shop.kb, question=f"How heavy is lamp model {n:03d}?", answer=f"{n + 100}"
        )
    publish_texts(app, shop, models="\n".join(lines))
    settings = knowledge.list_knowledge_bases(app, shop.owner())[0].settings
    assert settings["calibration"]["questions"] == 25
    run = golden.latest_run(app, shop.owner(), shop.kb)
    assert run is not None
    assert run.calibration["threshold"] == settings.get("threshold", run.calibration["threshold"])
    assert run.calibration["wrong"] <= 0.05
    assert run.passed > 0


def test_the_threshold_follows_the_promise_at_once(app: Application, asked: Shop) -> None:
    owner = asked.owner()
    run = golden.run_golden(app, owner, asked.kb)
    # 60 questions as a large knowledge base might answer them: sure and right, then doubtful and half wrong.
    cases = [[1 - n / 100, True, True] for n in range(40)] + [[0.5 - n / 100, n % 2 == 0, True] for n in range(20)]
    with app.database.write(asked.workspace) as rows:
        stored = rows.get(GoldenRun, run.id)
        stored.report = {**stored.report, "cases": cases}
    strict = golden.recalibrate(app, owner, asked.kb, run)

    def in_force() -> float:
        with app.database.read(asked.workspace) as rows:
            return calibration.threshold_of(app, rows.get(KnowledgeBase, asked.kb))

    assert in_force() == strict
    knowledge.update_settings(app, owner, asked.kb, max_wrong_percent=15)
    assert in_force() < strict
    knowledge.update_settings(app, owner, asked.kb, max_wrong_percent=5)
    assert in_force() == strict


scores = st.lists(
    st.builds(Case, st.floats(0, 1).map(lambda x: round(x, 2)), st.booleans(), st.just(True)), min_size=1, max_size=80
)


@given(scores, st.sampled_from([1, 2, 5, 10, 20, 50]))
def test_the_kept_steps_keep_every_promise(cases: list[Case], percent: int) -> None:
    """The threshold of a step is the one that calibration gives, and its answers hold the promise."""
    from core.assistant.confidence import calibrate

    learnt: dict[str, Any] = calibration.learn(cases)
    expected = calibrate([c.confidence for c in cases], [c.right for c in cases], percent / 100).value
    fitting = [threshold for promise, threshold in learnt["steps"] if promise <= percent / 100 + 1e-9]
    if math.isinf(expected):
        assert fitting == []
        return
    assert fitting[-1] == expected
    given_ = [case for case in cases if case.confidence >= fitting[-1]]
    assert sum(not case.right for case in given_) <= percent / 100 * len(given_)
