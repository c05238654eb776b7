"""Searches for arguments: their trials are kept, go on after a kill, and end within their budget."""

from __future__ import annotations

from typing import Any

import pytest

from core.db.studio_tables import TrainingRun
from core.errors import BadInput, Cancelled
from core.services.studio import recipes, registry, runs, tune_work, tuning
from core.services.studio.places import run_folder
from core.training.tune import TrialRecord
from tests.integration.studio.conftest import Studio

ARGS: dict[str, Any] = {"epochs": 2, "patience": 2, "embedding": 8, "hidden": 8}
SPACE = {"learning_rate": [1e-6, 0.02], "hidden": {"low": 6, "high": 8}}


def test_a_search_finds_the_better_arguments_and_keeps_no_weights(studio: Studio) -> None:
    version = studio.data_set()
    run_id = tuning.start_tuning(
        studio.app, studio.owner, "lstm", version.id, {**ARGS, "epochs": 6, "patience": 6},
        space={"learning_rate": [1e-6, 0.02]}, sampler="grid", trials=5, seconds=600,
    )  # fmt: skip
    run = studio.here(run_id)
    assert run.state == "done", run.error
    found = tuning.tuning_result(studio.app, studio.owner, run_id)
    assert [(trial.arguments["learning_rate"], trial.state) for trial in found.trials] == [
        (1e-6, "complete"),
        (0.02, "complete"),
    ]
    assert found.best == 1
    assert found.arguments["learning_rate"] == 0.02
    assert found.arguments["hidden"] == 8
    assert recipes.check_args("lstm", found.arguments)["learning_rate"] == 0.02
    assert registry.list_versions(studio.app, studio.owner) == []
    folder = run_folder(studio.app.settings, studio.shop.workspace, run_id) / tune_work.TRIALS
    assert [path.name for path in folder.iterdir() if path.is_dir()] == []


def test_a_search_that_was_cut_off_goes_on(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    version = studio.data_set()
    run_id = tuning.start_tuning(
        studio.app, studio.owner, "lstm", version.id, ARGS, space=SPACE, sampler="grid", trials=4, seconds=600
    )
    whole = tune_work._line
    kept: list[TrialRecord] = []

    def cut(record: TrialRecord) -> dict[str, Any]:
        kept.append(record)
        if record.number == 1 and record.state == "complete":
            raise Cancelled("cancelled")
        return whole(record)

    monkeypatch.setattr(tune_work, "_line", cut)
    assert studio.here(run_id).state == "cancelled"
    monkeypatch.undo()
    runs.retry_run(studio.app, studio.owner, run_id)
    assert studio.here(run_id).state == "done"
    found = tuning.tuning_result(studio.app, studio.owner, run_id)
    done = [trial for trial in found.trials if trial.state in ("complete", "pruned")]
    assert len({tuple(sorted(trial.arguments.items())) for trial in done}) == 4
    assert len(done) == 4, "what was done is not done again"


def test_what_cannot_be_searched_is_refused(studio: Studio) -> None:
    version = studio.data_set()
    wrong: list[dict[str, Any]] = [
        {"sampler": "magic"},
        {"trials": 0},
        {"seconds": 0.0},
        {"space": {"colour": [1, 2]}},
        {"space": {"learning_rate": 3}},
        {"space": {"learning_rate": {"low": 1.0, "high": 0.1}}},
        {"space": {"learning_rate": [0.1, 7.0]}},
        {"space": {"folds": [2, 3]}},
    ]
    for values in wrong:
        with pytest.raises(BadInput):
            tuning.start_tuning(studio.app, studio.owner, "lstm", version.id, ARGS, **values)
    assert runs.list_runs(studio.app, studio.owner) == []
    with pytest.raises(BadInput):
        tuning.tuning_result(studio.app, studio.owner, studio.start(version, "lstm"))


@pytest.mark.parametrize("recipe", [recipe.name for recipe in recipes.RECIPES])
def test_the_own_ranges_of_a_recipe_are_values_it_takes(recipe: str) -> None:
    chosen, args = recipes.find(recipe), recipes.check_args(recipe, {})
    for name, one in tuning.space_of(tuning.default_space(chosen, args)).items():
        for value in one.grid():
            recipes.make_args(chosen, {**args, name: value})


def test_a_run_that_searches_is_a_run_like_any_other(studio: Studio) -> None:
    version = studio.data_set()
    run_id = tuning.start_tuning(studio.app, studio.owner, "lstm", version.id, ARGS, name="the search")
    [view] = runs.list_runs(studio.app, studio.owner, recipes=["tune"])
    assert (view.id, view.name, view.state, view.args["recipe"]) == (run_id, "the search", "queued", "lstm")
    runs.cancel_run(studio.app, studio.owner, run_id)
    runs.delete_run(studio.app, studio.owner, run_id)
    with studio.app.database.read(studio.shop.workspace) as rows:
        assert rows.count(TrainingRun) == 0
