"""Another encoder: the knowledge base is embedded anew by itself, and answers meanwhile by words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.bootstrap import build, runner
from core.db.tables import GoldenResult, IndexVersion, Job, KnowledgeBase, Passage
from core.models.catalogue import STARTERS
from core.models.hub import ModelHub
from core.retrieval.windows import recipe
from core.services import golden, knowledge
from core.services.application import Application
from core.services.embed import follow_encoder
from core.services.ladder import answer_question
from core.settings import Settings
from tests.integration.services.conftest import RETURNS, Shop, publish_texts

ENGLISH, BILINGUAL = "all-MiniLM-L6-v2", "pilotlight-minilm-bilingual"


def made_by(app: Application, shop: Shop) -> tuple[str, set[str], int]:
    """The live index's encoder, the passages' encoders, and how many Chinese passages have a vector."""
    with app.database.read(shop.workspace) as rows:
        live = rows.get(KnowledgeBase, shop.kb).live_version
        assert live is not None
        passages = rows.all(rows.select(Passage))
        chinese = sum(p.vector is not None for p in passages if p.language == "zh")
        return rows.get(IndexVersion, live).encoder, {p.encoder for p in passages}, chinese


@pytest.fixture
def again(app: Application, lamps: Shop, settings: Settings, model_folder: Path) -> Iterator[Application]:
    """The same data, opened with an encoder that did not make its index."""
    before, _, _ = made_by(app, lamps)
    assert (STARTERS / "encoder" / "pilotlight.json").is_file()
    assert follow_encoder(app, "build") == []
    other = BILINGUAL if before == recipe(ENGLISH) else ENGLISH
    hub = ModelHub(Settings(encoder=other, data_dir=model_folder, _env_file=None))
    opened = build(settings.model_copy(update={"encoder": other}), models=hub)
    yield opened
    opened.queue.close()
    opened.database.engine.dispose()


def rebuilt(app: Application, shop: Shop) -> int:
    """Runs the build that the start of the worker queues; the job's id."""
    (job_id,) = follow_encoder(app, "build")
    assert follow_encoder(app, "build") == [job_id]  # queued once
    runner(app).run(job_id)
    with app.database.read(shop.workspace) as rows:
        assert rows.get(Job, job_id).state == "done"
    return job_id


def test_a_change_of_encoder_embeds_everything_anew(again: Application, lamps: Shop) -> None:
    other = again.settings.encoder
    question = "How long is the warranty of a lamp?"
    assert "24 months" in (answer_question(again, lamps.workspace, lamps.kb, question).text or "")
    rebuilt(again, lamps)
    live, passages, chinese = made_by(again, lamps)
    assert (live, passages) == (recipe(other), {recipe(other)})
    assert (chinese > 0) == (other == BILINGUAL)
    assert follow_encoder(again, "build") == []
    assert "24 months" in (answer_question(again, lamps.workspace, lamps.kb, question).text or "")


def save_questions(app: Application, shop: Shop, **answers: str) -> None:
    for question, answer in answers.items():
        text = question.replace("_", " ") + "?"
        golden.save_golden(app, shop.owner(), shop.kb, question=text, answer=answer, document="returns.md")


def test_a_question_that_only_the_old_encoder_passed_does_not_hold_the_new_version_back(
    app: Application, lamps: Shop, again: Application
) -> None:
    save_questions(app, lamps, How_long_is_the_warranty_of_a_lamp="24 months", Which_colours_are_there="olive")
    run = golden.run_golden(app, lamps.owner(), lamps.kb)
    assert [line.passed for line in run.lines] == [True, False]
    with app.database.write(lamps.workspace) as rows:  # as the models of that time had it
        rows.update(GoldenResult, GoldenResult.run_id == run.id, passed=True)
    rebuilt(again, lamps)
    view = knowledge.list_knowledge_bases(again, lamps.owner())[0]
    assert (view.draft_version, view.blocked_by) == (None, ())
    assert made_by(again, lamps)[0] == recipe(again.settings.encoder)
    stored = golden.latest_run(again, lamps.owner(), lamps.kb)
    assert stored is not None
    assert [line.change for line in stored.lines] == ["same", "broken"]  # and the page still says so


def test_a_version_that_answers_less_than_words_do_waits_for_the_owner(
    app: Application, lamps: Shop, again: Application
) -> None:
    save_questions(app, lamps, How_long_is_the_warranty_of_a_lamp="24 months")
    golden.run_golden(app, lamps.owner(), lamps.kb)
    publish_texts(again, lamps, returns=RETURNS.replace("24 months", "unknown length"))
    view = knowledge.list_knowledge_bases(again, lamps.owner())[0]
    assert [line["question"] for line in view.blocked_by] == ["How long is the warranty of a lamp?"]
