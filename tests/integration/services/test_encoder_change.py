"""Another encoder: the knowledge base is embedded anew by itself, and answers meanwhile by words."""

from __future__ import annotations

from core.bootstrap import runner
from core.db.tables import IndexVersion, Job, KnowledgeBase, Passage
from core.models.catalogue import STARTERS
from core.models.hub import ModelHub
from core.retrieval.windows import recipe
from core.services.application import Application
from core.services.embed import follow_encoder
from core.services.ladder import answer_question
from core.settings import Settings
from tests.integration.services.conftest import Shop


def made_by(app: Application, shop: Shop) -> tuple[str, set[str], int]:
    """The live index's encoder, the passages' encoders, and how many Chinese passages have a vector."""
    with app.database.read(shop.workspace) as rows:
        live = rows.get(KnowledgeBase, shop.kb).live_version
        assert live is not None
        passages = rows.all(rows.select(Passage))
        chinese = sum(p.vector is not None for p in passages if p.language == "zh")
        return rows.get(IndexVersion, live).encoder, {p.encoder for p in passages}, chinese


def test_a_change_of_encoder_embeds_everything_anew(
    app: Application, lamps: Shop, settings: Settings, model_folder: object
) -> None:
    before, _, _ = made_by(app, lamps)
    other = "pilotlight-minilm-bilingual" if before == recipe("all-MiniLM-L6-v2") else "all-MiniLM-L6-v2"
    assert (STARTERS / "encoder" / "pilotlight.json").is_file()
    assert follow_encoder(app, "build") == []
    changed = settings.model_copy(update={"encoder": other})
    hub = ModelHub(Settings(encoder=other, data_dir=model_folder, _env_file=None))  # type: ignore[arg-type]
    from core.bootstrap import build

    again = build(changed, models=hub)
    try:
        question = "How long is the warranty of a lamp?"
        assert "24 months" in (answer_question(again, lamps.workspace, lamps.kb, question).text or "")
        (job_id,) = follow_encoder(again, "build")
        assert follow_encoder(again, "build") == [job_id]  # queued once
        runner(again).run(job_id)
        with again.database.read(lamps.workspace) as rows:
            assert rows.get(Job, job_id).state == "done"
        live, passages, chinese = made_by(again, lamps)
        assert (live, passages) == (recipe(other), {recipe(other)})
        assert (chinese > 0) == (other == "pilotlight-minilm-bilingual")
        assert follow_encoder(again, "build") == []
        assert "24 months" in (answer_question(again, lamps.workspace, lamps.kb, question).text or "")
    finally:
        again.queue.close()
        again.database.engine.dispose()
