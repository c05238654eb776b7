"""What a training process is told: the key of data at rest, which it needs, and no other secret."""

from __future__ import annotations

from pathlib import Path

from core.access.encryption import new_key
from core.bootstrap import build
from core.models.hub import ModelHub
from core.services.studio import runs
from core.services.studio.run_job import environment
from core.settings import Settings
from tests.conftest import NewPlace
from tests.integration.services.conftest import open_shop
from tests.integration.studio.conftest import Studio


def test_no_secret_but_the_key_of_data_at_rest(settings: Settings) -> None:
    secret = Settings(**{**settings.model_dump(), "encryption_key": "k1", "llm_api_key": "s3cret"}, _env_file=None)
    told = environment(secret)
    assert told["PILOTLIGHT_ENCRYPTION_KEY"] == "k1"
    assert "s3cret" not in " ".join(told.values())


def test_rows_encrypted_by_a_key_of_the_environment_can_be_learnt_from(
    tmp_path: Path, models: ModelHub, bert: Path, new_place: NewPlace
) -> None:
    with new_place(tmp_path) as settings:
        locked = Settings(**{**settings.model_dump(), "encryption_key": new_key()}, _env_file=None)
        app = build(locked, models=models)
        try:
            studio = Studio(app, open_shop(app, "lumen"), bert)
            version = studio.data_set()
            estimate = runs.estimate(app, studio.owner, "text_classifier", version.id, studio.tiny("text_classifier"))
            assert estimate.seconds > 0
        finally:
            app.queue.close()
            app.database.engine.dispose()
