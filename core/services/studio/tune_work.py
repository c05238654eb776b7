"""A search in its process: each trial a training of the recipe, pruned when it lags, its figures kept as it ends."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.db.studio_tables import TrainingRun
from core.jobs.context import JobContext
from core.models.manifest import Manifest
from core.services.application import Application
from core.services.studio import recipes
from core.services.studio.learners.base import Learner
from core.services.studio.material import open_material
from core.services.studio.places import run_folder
from core.services.studio.probing import require_room
from core.services.studio.tuning import metric_of, space_of, tune_args
from core.services.studio.watching import RunWatch
from core.training.tune import Trial, TrialRecord, read_trials
from core.training.tune import tune as search

TRIALS = "trials"


def tune(app: Application, context: JobContext, run: TrainingRun, watch: RunWatch) -> None:
    """Searches until the budget is used up. Called again after a kill it goes on with the trial that was cut off."""
    folder = run_folder(app.settings, context.workspace_id, run.id) / TRIALS
    said = run.args
    recipe = recipes.find(str(said["recipe"]))
    learner: Learner = recipes.loaded(recipe.learner)()
    metric, args = metric_of(said), tune_args(said)

    def objective(chosen: Mapping[str, Any], trial: Trial) -> float:
        place = folder / _digest(chosen)
        whole = {**said["args"], **chosen, **({"export": False} if "export" in said["args"] else {})}
        heard = _TrialWatch(watch, trial, metric)
        material = open_material(app, context.workspace_id, run, heard, folder=place, args=whole)
        require_room(material, recipe)
        watch.say(f"trial {trial.number}: {json.dumps(dict(chosen), ensure_ascii=False)}")
        value = _value(learner.train(material), metric, heard.best)
        shutil.rmtree(place, ignore_errors=True)  # only its figures are kept
        return value

    told = _SearchWatch(watch, lambda: _keep(app, context, run, folder))
    search(objective, space_of(said["space"]), args, folder, told)
    _keep(app, context, run, folder)
    for left in folder.iterdir():
        if left.is_dir():  # of pruned trials
            shutil.rmtree(left, ignore_errors=True)


def _digest(chosen: Mapping[str, Any]) -> str:
    """A trial that is tried again after a kill finds its checkpoints."""
    return hashlib.sha256(json.dumps(dict(chosen), sort_keys=True).encode()).hexdigest()[:16]


def _value(manifest: Manifest, metric: str, best: float | None) -> float:
    """The metric on validation rows: the trainer's own figure, else the best one it told."""
    names = (
        ("validation_log_loss", "log_loss", "validation_loss") if metric == "loss" else (f"validation_{metric}", metric)
    )
    for name in names:
        if name in manifest.metrics:
            return float(manifest.metrics[name])
    return float("nan") if best is None else best


def _keep(app: Application, context: JobContext, run: TrainingRun, folder: Path) -> None:
    """Writes the trials so far to the run, where pages read them."""
    found = read_trials(folder, tune_args(run.args))
    metrics = {
        "trials": [_line(record) for record in found.trials],
        "best": found.best.number if found.best else None,
        "best_value": found.best.value if found.best else None,
        "importance": found.importance,
    }
    with app.database.write(context.workspace_id) as rows:
        rows.update(TrainingRun, TrainingRun.id == run.id, metrics=metrics)


def _line(record: TrialRecord) -> dict[str, Any]:
    last = record.steps[-1][1] if record.steps else None
    value = record.value if record.value is not None else last
    return {
        "number": record.number,
        "state": record.state,
        "value": value,
        "arguments": dict(record.params),
        "seconds": record.seconds,
        "reason": record.reason,
    }


class _TrialWatch:
    """What a trial's trainer tells: its validation figures go to the search, its steps nowhere."""

    def __init__(self, watch: RunWatch, trial: Trial, metric: str) -> None:
        self._watch, self._trial, self._metric = watch, trial, metric
        self._step = -1
        self.best: float | None = None

    def check(self) -> None:
        self._watch.check()

    def step(self, stage: str, done: int, total: int) -> None:
        self._watch.check()

    def point(self, step: int, **values: float) -> None:
        value = values.get(f"validation_{self._metric}")
        if value is None:
            return
        better = min if self._metric == "loss" else max
        self.best = value if self.best is None else better(self.best, value)
        if step > self._step:  # a resumed training tells some steps twice
            self._step = step
            self._trial.report(step, value)

    def sample(self, step: int, text: str) -> None:
        self._watch.check()

    def say(self, line: str) -> None:
        self._watch.check()


class _SearchWatch:
    """The search's own watch: each finished trial is a point of the curves and is kept."""

    def __init__(self, watch: RunWatch, keep: Any) -> None:
        self._watch, self._keep = watch, keep

    def check(self) -> None:
        self._watch.check()

    def step(self, stage: str, done: int, total: int) -> None:
        self._watch.step(stage, done, total)
        self._keep()

    def point(self, step: int, **values: float) -> None:
        self._watch.point(step, **values)
        self._keep()

    def sample(self, step: int, text: str) -> None:
        self._watch.sample(step, text)

    def say(self, line: str) -> None:
        self._watch.say(line)
