"""Search for better arguments with Optuna: grid, random or TPE, with pruning, within a budget of seconds.

Everything that is known about a trial lies in ``trials.journal`` (Optuna's journal: lines of JSON), so a search goes on
after a kill, and the page draws its picture from plain records. TPE: Bergstra et al., "Algorithms for hyper-parameter
optimization", 2011. Pruning: the median rule (Golovin et al., "Google Vizier", 2017) or successive halving (Li et al.,
"Massively parallel hyperparameter tuning", 2018).
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core.errors import BadInput, Cancelled, PilotlightError
from core.training.watch import Watch

Method = Literal["grid", "random", "tpe"]
Pruner = Literal["none", "median", "halving"]
State = Literal["complete", "pruned", "failed", "running"]
Value = str | int | float | bool

JOURNAL = "trials.journal"
MOST_GRID = 10_000
_STUDY = "tune"
_ATTEMPTS = 2
_SAME_FAILURE = 3  # trials that fail for one reason before the search gives up
_POINTS = 4  # of a range, on a grid
_IMPORTANT = 8  # finished trials from which on it can be told which arguments mattered


@dataclass(frozen=True, slots=True)
class Choice:
    """One of ``values``."""

    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        if not self.values or len(set(self.values)) < len(self.values):
            raise BadInput("data.option", name="values", value=list(self.values), expected="[a, b, ...]")

    def grid(self) -> tuple[Value, ...]:
        return self.values


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from ``low`` to ``high``; whole ones when both are; ``log``: every power of ten is as likely."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise BadInput("data.option", name="low, high", value=f"{self.low}, {self.high}", expected="low < high")
        if self.log and self.low <= 0:
            raise BadInput("data.option", name="low", value=self.low, expected="> 0 (log)")

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    def grid(self) -> tuple[Value, ...]:
        """``_POINTS`` numbers from end to end, evenly or by equal factors."""
        if self.whole and self.high - self.low < _POINTS:
            return tuple(range(int(self.low), int(self.high) + 1))
        steps = [place / (_POINTS - 1) for place in range(_POINTS)]
        if self.log:
            found = [self.low * (self.high / self.low) ** step for step in steps]
        else:
            found = [self.low + (self.high - self.low) * step for step in steps]
        return tuple(dict.fromkeys(round(value) if self.whole else float(f"{value:.6g}") for value in found))


Space = Mapping[str, Choice | Range]


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneArgs:
    """``seconds``: all trials together, over resumed searches too; ``trials``: at most so many.

    ``maximise``: whether a greater value is better. A trial that has begun is stopped when the seconds are over, unless
    it is the first that could be finished.
    """

    method: Method = "tpe"
    pruner: Pruner = "median"
    seconds: float = 1800.0
    trials: int = 50
    maximise: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (("method", ("grid", "random", "tpe")), ("pruner", ("none", "median", "halving"))):
            if getattr(self, name) not in known:
                raise BadInput("data.option", name=name, value=getattr(self, name), expected=" | ".join(known))
        if self.seconds <= 0 or self.trials < 1:
            value = f"{self.seconds}, {self.trials}"
            raise BadInput("data.option", name="seconds, trials", value=value, expected="> 0, >= 1")


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """``value`` is what the objective gave, None when it did not; ``steps`` what it reported on the way.

    ``reason``: of a pruned trial "pruner" or "time", of a failed one the error's code, or "stopped" with the search.
    """

    number: int
    state: State
    params: dict[str, Value]
    value: float | None = None
    steps: tuple[tuple[int, float], ...] = ()
    seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TuneResult:
    """``importance``: share of the differences in value that each argument explains, empty before enough trials."""

    trials: tuple[TrialRecord, ...]
    best: TrialRecord | None
    maximise: bool
    seconds: float
    importance: dict[str, float] = field(default_factory=dict)


class Pruned(Exception):
    """Raised by ``Trial.report``: this trial is not worth going on with. The objective lets it through."""


# Trains once with the arguments and gives the value; reports on the way by ``trial.report(step, value)``.
Objective = Callable[[Mapping[str, Value], "Trial"], float]


class Trial:
    """What an objective sees of the search."""

    def __init__(self, trial: Any, watch: Watch, ends: float | None) -> None:
        self._trial, self._watch, self._ends = trial, watch, ends
        self.number = int(trial.number)

    def report(self, step: int, value: float) -> None:
        """Tells the value reached at ``step``. Raises Pruned, and what the watch raises."""
        self._watch.check()
        if not math.isnan(value):
            self._trial.report(value, step)
        if self._ends is not None and time.monotonic() > self._ends:
            self._trial.set_user_attr("reason", "time")
            raise Pruned
        if self._trial.should_prune():
            self._trial.set_user_attr("reason", "pruner")
            raise Pruned


def tune(objective: Objective, space: Space, args: TuneArgs, folder: Path, watch: Watch) -> TuneResult:
    """Tries arguments from ``space`` until the trials, the grid or the seconds are used up; the same call goes on.

    A trial that was cut off by a kill is tried again. The same seed gives the same arguments in the same order, as long
    as the search was not interrupted and its values are the same. Raises BadInput: data.tune_space, data.tune_grid,
    data.tune_changed; the trials' own error when three in a row fail with it; Cancelled and whatever the watch raises.
    """
    study = _study(folder, space, args, create=True)
    _retry(study)
    waiting = _grid(space, args) if args.method == "grid" else None
    total = min(args.trials, len(waiting)) if waiting is not None else args.trials
    failures: list[PilotlightError] = []
    while True:
        records = _records(study)
        done = [record for record in records if record.state != "running" and record.reason != "stopped"]
        spent = sum(record.seconds for record in records)
        watch.check()
        watch.step("tune", len(done), total)
        if len(done) >= total or spent >= args.seconds:
            return _result(study, args)
        if waiting is not None and not _queued(study):
            tried = [record.params for record in done]
            study.enqueue_trial(next(point for point in waiting if point not in tried))
        first = not any(record.state == "complete" for record in records)
        error = _run(study, objective, space, watch, None if first else time.monotonic() + args.seconds - spent)
        failures = [*failures, error] if error is not None else []
        if len(failures) >= _SAME_FAILURE and len({one.code for one in failures[-_SAME_FAILURE:]}) == 1:
            raise failures[-1]


def read_trials(folder: Path, args: TuneArgs) -> TuneResult:
    """The trials of a search so far, while it runs or afterwards. Raises BadInput (data.tune_space) without any."""
    return _result(_study(folder, None, args, create=False), args)


def _run(study: Any, objective: Objective, space: Space, watch: Watch, ends: float | None) -> PilotlightError | None:
    """One trial, told to the study. Returns the error that it failed with."""
    from optuna.trial import TrialState

    asked = study.ask({name: _distribution(one) for name, one in space.items()})
    start = time.monotonic()

    def tell(value: float | None, state: Any, reason: str = "") -> None:
        asked.set_user_attr("seconds", time.monotonic() - start)
        if reason:
            asked.set_user_attr("reason", reason)
        study.tell(asked, value, state=state)
        watch.point(asked.number, **({"value": value} if value is not None else {}), seconds=time.monotonic() - start)

    try:
        value = float(objective(dict(asked.params), Trial(asked, watch, ends)))
    except Pruned:
        tell(None, TrialState.PRUNED)
    except Cancelled:
        tell(None, TrialState.FAIL, "stopped")
        raise
    except PilotlightError as error:
        tell(None, TrialState.FAIL, error.code)
        return error
    else:
        if not math.isfinite(value):
            tell(None, TrialState.FAIL, "data.tune_value")
            return BadInput("data.tune_value", params=json.dumps(asked.params, ensure_ascii=False))
        tell(value, TrialState.COMPLETE)
    return None


# --- Optuna -------------------------------------------------------------------------------------------------


def _study(folder: Path, space: Space | None, args: TuneArgs, *, create: bool) -> Any:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    path = folder / JOURNAL
    if space is not None and not space:
        raise BadInput("data.tune_space")
    if not create and not path.exists():
        raise BadInput("data.tune_space")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    if create:
        _repair(path)
    storage = JournalStorage(JournalFileBackend(str(path)))
    known = optuna.get_all_study_names(storage)
    if not known and space is None:
        raise BadInput("data.tune_space")
    if not known:
        direction = optuna.study.StudyDirection.MAXIMIZE if args.maximise else optuna.study.StudyDirection.MINIMIZE
        optuna.create_study(storage=storage, study_name=_STUDY, direction=direction)
    study = optuna.load_study(study_name=_STUDY, storage=storage, pruner=_pruner(args.pruner))
    # The generator's state is not kept; what was tried already decides how it goes on.
    study.sampler = _sampler(args.method, args.seed + len(study.trials))
    if space is not None:
        setup = json.loads(json.dumps([args.maximise, {name: asdict(one) for name, one in space.items()}]))
        if known and study.user_attrs.get("setup", setup) != setup:
            raise BadInput("data.tune_changed")
        study.set_user_attr("setup", setup)
    return study


def _repair(path: Path) -> None:
    """Takes away what a kill left: half a line at the end of the journal, and the lock of a writer that is gone."""
    for lock in path.parent.glob(f"{path.name}.lock*"):
        lock.unlink(missing_ok=True)
    if path.exists():
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with path.open("r+b") as file:
                file.truncate(whole)


def _sampler(method: Method, seed: int) -> Any:
    import optuna

    if method == "tpe":
        return optuna.samplers.TPESampler(seed=seed, n_startup_trials=8)
    return optuna.samplers.RandomSampler(seed=seed)  # a grid's points are queued, nothing is left to sample


def _pruner(name: Pruner) -> Any:
    import optuna

    if name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=0)
    if name == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3)
    return optuna.pruners.NopPruner()


def _distribution(one: Choice | Range) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(one, Choice):
        return CategoricalDistribution(one.values)
    if one.whole:
        return IntDistribution(int(one.low), int(one.high), log=one.log)
    return FloatDistribution(one.low, one.high, log=one.log)


def _grid(space: Space, args: TuneArgs) -> list[dict[str, Value]]:
    """Every point of the grid, in an order drawn by the seed, so that a search that ends early has been everywhere and
    not in one corner. Raises BadInput (data.tune_grid) when there are too many."""
    axes = [one.grid() for one in space.values()]
    count = math.prod(map(len, axes))
    if count > MOST_GRID:
        raise BadInput("data.tune_grid", found=count, limit=MOST_GRID)
    points = [dict(zip(space, point, strict=True)) for point in product(*axes)]
    return [points[number] for number in np.random.default_rng(args.seed).permutation(count)]


def _queued(study: Any) -> bool:
    from optuna.trial import TrialState

    return bool(study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))


def _retry(study: Any) -> None:
    """Trials that a kill or a stop cut off fail, and are queued again."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False)
    retried = {trial.user_attrs.get("retry_of") for trial in trials}
    for trial in trials:
        running = trial.state == TrialState.RUNNING
        stopped = trial.state == TrialState.FAIL and trial.user_attrs.get("reason") == "stopped"
        if running:
            study.tell(trial.number, state=TrialState.FAIL)
        attempt = int(trial.user_attrs.get("attempt", 1))
        # One that was cut off twice may be what kills the process: it is left alone.
        if (running or stopped) and trial.params and trial.number not in retried and attempt < _ATTEMPTS:
            study.enqueue_trial(trial.params, user_attrs={"retry_of": trial.number, "attempt": attempt + 1})


def _records(study: Any) -> list[TrialRecord]:
    from optuna.trial import TrialState

    states: dict[Any, State] = {
        TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed",
        TrialState.RUNNING: "running",
    }  # fmt: skip
    return [
        TrialRecord(
            trial.number,
            states[trial.state],
            dict(trial.params),
            trial.value if trial.state == TrialState.COMPLETE else None,
            tuple(sorted((int(step), float(value)) for step, value in trial.intermediate_values.items())),
            float(trial.user_attrs.get("seconds", 0.0)),
            str(trial.user_attrs.get("reason", "stopped" if trial.state == TrialState.FAIL else "")),
        )
        for trial in study.get_trials(deepcopy=False)
        if trial.state in states
    ]


def _result(study: Any, args: TuneArgs) -> TuneResult:
    records = tuple(_records(study))
    complete = [record for record in records if record.value is not None]
    best = (max if args.maximise else min)(complete, key=lambda record: record.value or 0.0, default=None)
    seconds = sum(record.seconds for record in records)
    return TuneResult(records, best, args.maximise, seconds, _importance(study, complete))


def _importance(study: Any, complete: list[TrialRecord]) -> dict[str, float]:
    """PED-ANOVA (Watanabe et al. 2023): which arguments set the best trials apart."""
    if len(complete) < _IMPORTANT or len({record.value for record in complete}) < _IMPORTANT // 2:
        return {}
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    found = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    return {name: float(share) for name, share in found.items()}
