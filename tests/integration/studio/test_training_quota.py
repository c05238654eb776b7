"""Training time counts against whoever asked for it, and none is begun when none is left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.db.studio_tables import TrainingRun
from core.errors import OverLimit
from core.services import quota
from core.services.studio import runs
from tests.integration.studio.conftest import Studio


def test_a_training_is_counted_and_a_limit_stops_the_next(studio: Studio) -> None:
    app, owner = studio.app, studio.owner
    run = studio.through_the_runner(studio.start(studio.data_set(), epochs=1))
    assert run.state == "done", run.error
    (line,) = [one for one in quota.usage(app, owner) if one.metric == "training_seconds"]
    assert run.started_at is not None
    assert run.finished_at is not None
    assert 1 <= line.all <= (run.finished_at - run.started_at).total_seconds() + 2

    version = run.data_set_version_id
    assert version is not None
    key = replace(owner, key_id=5)
    quota.set_quota(app, owner, "key", 5, "training_seconds", "month", 60)
    first = runs.start_run(app, key, run.recipe, version, {}, name="first")
    runs.cancel_run(app, key, first)
    with app.database.write(owner.workspace_id) as rows:
        quota.note(rows, quota.subjects_of(key), "training_seconds", 60)
        before = rows.count(TrainingRun)
    with pytest.raises(OverLimit, match="1 minute of training"):
        runs.start_run(app, key, run.recipe, version, {}, name="second")
    runs.cancel_run(app, owner, runs.start_run(app, owner, run.recipe, version, {}, name="another's"))
    with app.database.read(owner.workspace_id) as rows:
        assert rows.count(TrainingRun) == before + 1
