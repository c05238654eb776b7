"""Sequential models in the wizard: both in the table, true progress, cancelled in the midst; and who pays for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from core.access.actor import Actor
from core.bootstrap import runner
from core.db.recommend_tables import RecommendComparison
from core.db.tables import Job
from core.errors import OverLimit
from core.services import jobs, quota
from core.services.application import Application
from core.services.recommend import wizard
from tests.integration.services.test_recommend_wizard import fill, two_tastes

SEQUENTIAL = ("sasrec", "bert4rec")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_sequential_training_says_how_far_it_is_and_both_models_are_in_the_table(
    app: Application, owner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def noted(self: object, **result: object) -> None:
        told.append(dict(result.get("now") or {}))  # type: ignore[call-overload]
        finish(self, **result)  # type: ignore[arg-type]

    from core.jobs.context import JobContext

    finish = JobContext.finish
    monkeypatch.setattr(JobContext, "finish", noted)
    number = fill(app, owner, two_tastes(60))
    comparison = wizard.start_comparison(app, owner, number, models=SEQUENTIAL)
    runner(app).run(wizard.get_comparison(app, owner, comparison).job_id or 0)
    view = wizard.get_comparison(app, owner, comparison)
    assert view.state == "done"
    assert view.now == {}
    for cell in view.result["splits"].values():
        assert set(cell["results"]) == {"popular", *SEQUENTIAL}
    assert set(view.models) == {"popular", *SEQUENTIAL}
    assert view.result["verdict"]["code"] == "beats"
    for name in SEQUENTIAL:
        steps = [one for one in told if one.get("model") == name and one.get("epoch")]
        assert {one["split"] for one in steps} == {view.result["main"], "random", ""}
        assert next(one["epoch"] for one in steps if one["split"] == "random") == 1
        assert all(one["done"] <= one["total"] for one in steps)
        assert any(one.get("validation_ndcg") is not None for one in steps)
        assert any((one["seconds_left"] or 0) > 0 for one in steps)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_sequential_training_is_cancelled_in_its_midst(app: Application, owner: Actor) -> None:
    number = fill(app, owner, two_tastes(1_500))
    comparison = wizard.start_comparison(app, owner, number, models=SEQUENTIAL)
    job_id = wizard.get_comparison(app, owner, comparison).job_id or 0
    working = threading.Thread(target=lambda: runner(app).run(job_id))
    working.start()
    try:
        deadline = time.monotonic() + 120
        now: Mapping[str, Any] = {}
        while now.get("model") != "sasrec" or not now.get("done"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
            now = wizard.get_comparison(app, owner, comparison).now
        assert now["epoch"] >= 1
        assert now["total"] > now["done"] > 0
        jobs.cancel_job(app, owner, job_id)
    finally:
        jobs.cancel_job(app, owner, job_id)
        working.join(60)
    assert not working.is_alive()
    view = wizard.get_comparison(app, owner, comparison)
    assert (view.state, view.now) == ("cancelled", {})
    assert "sasrec" not in view.result["splits"][view.result["main"]]["results"]
    (line,) = [one for one in quota.usage(app, owner) if one.metric == "training_seconds"]
    assert line.all >= 1


def test_training_time_is_counted_and_a_limit_stops_the_next(app: Application, owner: Actor) -> None:
    number = fill(app, owner, two_tastes(20))
    key = replace(owner, key_id=5)
    quota.set_quota(app, owner, "key", 5, "training_seconds", "month", 60)
    comparison = wizard.start_comparison(app, key, number, models=("neighbours",))
    with app.database.write(owner.workspace_id) as rows:
        job = rows.get(Job, rows.get(RecommendComparison, comparison).job_id or 0)
        assert ["key", 5] in job.arguments["subjects"]
        quota.note(rows, quota.subjects_of(key), "training_seconds", 60)
    runner(app).run(job.id)
    view = wizard.get_comparison(app, owner, comparison)
    assert view.state == "failed", "what was queued while time was left does not begin when none is"
    assert jobs.get_job(app, owner, job.id).error["code"].startswith("quota.")
    with pytest.raises(OverLimit, match="1 minute of training"):
        wizard.start_comparison(app, key, number, models=("neighbours",))
    again = wizard.start_comparison(app, owner, number, models=("neighbours",))
    runner(app).run(wizard.get_comparison(app, owner, again).job_id or 0)
    assert wizard.get_comparison(app, owner, again).state == "done"
