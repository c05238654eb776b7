"""Search for better arguments with Optuna: each trial a training, kept with its figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.access.actor import Actor, Permission
from core.db.studio_tables import TrainingRun
from core.errors import BadInput
from core.services.application import Application
from core.services.studio import recipes
from core.services.studio.naming import one_name
from core.services.studio.runs import queue_run, ready_data_set
from core.services.studio.views import TrialView, TuningView
from core.training.tune import Choice, Range, TuneArgs

KIND = "tune"
SAMPLERS = ("tpe", "random", "grid")
MOST_TRIALS, MOST_SECONDS = 1000, 7 * 24 * 3600.0

Space = dict[str, Choice | Range]


def start_tuning(
    app: Application,
    actor: Actor,
    recipe: str,
    data_set_version_id: int,
    args: Mapping[str, Any],
    *,
    space: Mapping[str, Any] | None = None,
    sampler: str = "tpe",
    trials: int = 20,
    seconds: float = 1800.0,
    name: str = "",
) -> int:
    """Queues a search; the id of its run (recipe "tune").

    ``space``: argument -> ``{"values": [...]}`` or ``{"low": a, "high": b, "log": bool}``, the recipe's own where not
    given; ``sampler``: tpe, random or grid. Raises BadInput, NotFound, Conflict.
    """
    actor.require(Permission.STUDIO)
    _check_budget(sampler, trials, seconds)
    args = recipes.with_base(app, actor.workspace_id, recipe, data_set_version_id, args)
    checked = recipes.check_args(recipe, args)
    chosen, shown = recipes.find(recipe), recipes.get_recipe(recipe)
    recipes.check_base(app, actor, shown, checked)
    wanted = written_space(space) if space else default_space(chosen, checked)
    for argument, one in space_of(wanted).items():
        _check_range(chosen, checked, argument, one)
    with app.database.read(actor.workspace_id) as rows:
        data_set = ready_data_set(rows, data_set_version_id, recipe, shown.tasks)
    said = {
        "recipe": recipe,
        "args": checked,
        "space": wanted,
        "sampler": sampler,
        "trials": trials,
        "seconds": seconds,
    }
    return queue_run(
        app, actor, KIND, recipe=KIND, name=one_name(name or data_set.name, "studio.name"), args=said,
        data_set_version_id=data_set_version_id,
    )  # fmt: skip


def _check_budget(sampler: str, trials: int, seconds: float) -> None:
    if sampler not in SAMPLERS:
        raise BadInput("studio.tune_sampler", sampler=sampler, known=", ".join(SAMPLERS))
    if not 1 <= trials <= MOST_TRIALS or not 1 <= seconds <= MOST_SECONDS:
        raise BadInput("studio.tune_budget", trials=trials, seconds=seconds)


def _check_range(recipe: recipes.Recipe, args: Mapping[str, Any], argument: str, one: Choice | Range) -> None:
    """Every end of a range has to be a value that the recipe takes."""
    if argument not in args or argument == recipes.FOLDS:
        raise BadInput("studio.tune_space", name=argument, problem=f"{recipe.name}: {', '.join(args)}")
    ends = one.values if isinstance(one, Choice) else (one.low, one.high)
    for value in ends:
        recipes.make_args(recipe, {**args, argument: value})


def default_space(recipe: recipes.Recipe, args: Mapping[str, Any]) -> dict[str, Any]:
    """What is searched unless told otherwise: around the arguments given."""
    return {name: _around(recipe, name, args[name]) for name in recipe.tunable}


def _around(recipe: recipes.Recipe, name: str, value: Any) -> dict[str, Any]:
    low, high = {**recipes.BOUNDS, **recipe.bounds}[name]
    if name in ("learning_rate", "few_shot_rate", "weight_decay", "contrast", "scale"):
        middle = float(value) or 0.01
        return {"low": max(low, middle / 5) or middle / 5, "high": min(high, middle * 5), "log": True}
    if name in ("dropout", "word_dropout", "label_smoothing"):
        return {"low": 0.0, "high": 0.2 if name == "label_smoothing" else 0.6, "log": False}
    if name == "epochs":
        return {"low": 1, "high": max(2, int(value) * 2), "log": False}
    near = sorted({max(int(low), int(value) // 2), int(value), min(int(high), int(value) * 2)})
    return {"values": near}


def written_space(space: Mapping[str, Any]) -> dict[str, Any]:
    """A space as a form, TOML or JSON gives it, as it is kept. Raises BadInput (studio.tune_space)."""
    found: dict[str, Any] = {}
    for name, one in space.items():
        if isinstance(one, list | tuple):
            found[name] = {"values": list(one)}
        elif isinstance(one, Mapping) and ("values" in one or ("low" in one and "high" in one)):
            found[name] = dict(one)
        else:
            raise BadInput("studio.tune_space", name=name, problem='{"values": [...]} | {"low": a, "high": b}')
    return found


def space_of(written: Mapping[str, Any]) -> Space:
    """Raises BadInput for ranges that are none."""
    found: Space = {}
    for name, one in written.items():
        if "values" in one:
            found[name] = Choice(tuple(one["values"]))
        else:
            found[name] = Range(one["low"], one["high"], bool(one.get("log", False)))
    return found


def tune_args(said: Mapping[str, Any]) -> TuneArgs:
    """The search's own arguments, from those of its run."""
    return TuneArgs(
        method=said["sampler"],
        seconds=float(said["seconds"]),
        trials=int(said["trials"]),
        maximise=metric_of(said) != "loss",
        seed=int(said["args"].get("seed", 0)),
    )


def metric_of(said: Mapping[str, Any]) -> str:
    """The value that trials are compared by."""
    return str(said["args"].get("metric", "loss"))


def tuning_result(app: Application, actor: Actor, run_id: int) -> TuningView:
    """The trials so far. Raises NotFound, BadInput for a run that is no search."""
    actor.require(Permission.STUDIO_READ)
    with app.database.read(actor.workspace_id) as rows:
        run = rows.get(TrainingRun, run_id)
    if run.recipe != KIND:
        raise BadInput("studio.not_a_search", name=run.name)
    best, arguments = run.metrics.get("best"), dict(run.args["args"])
    trials = []
    for one in run.metrics.get("trials", ()):
        trials.append(TrialView(one["number"], one["state"], one["value"], one["arguments"], one["seconds"]))
        if one["number"] == best:
            arguments |= one["arguments"]
    return TuningView(
        run_id, metric_of(run.args), tuple(trials), best, arguments, run.metrics.get("importance", {})
    )  # fmt: skip
