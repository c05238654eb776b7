"""The search: every point of a grid once, the optimum found, budgets kept, and nothing lost by a kill."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from core.errors import BadInput, Cancelled, Unavailable
from core.training.tune import JOURNAL, Choice, Range, Trial, TuneArgs, read_trials, tune
from core.training.watch import Quiet

QUIET = Quiet(1e9)
ROOT = Path(__file__).resolve().parents[3]
SPACE = {"rate": Range(1e-5, 1e-1, log=True), "width": Range(8, 64), "kind": Choice(("a", "b"))}


def bowl(params: Mapping[str, Any], trial: Trial) -> float:
    """Best, at 0, for rate 1e-3, width 40, kind a."""
    from math import log10

    miss = abs(log10(params["rate"]) + 3) + abs(params["width"] - 40) / 20 + (params["kind"] != "a")
    return -float(miss)


def test_a_grid_tries_every_point_once(tmp_path: Path) -> None:
    space = {"x": Choice((1, 3)), "y": Range(1, 2), "z": Range(0.1, 10.0, log=True)}
    seen: list[tuple[Any, ...]] = []

    def objective(params: Mapping[str, Any], trial: Trial) -> float:
        seen.append(tuple(params.values()))
        return float(params["x"] * params["y"])

    result = tune(objective, space, TuneArgs(method="grid", trials=1000), tmp_path, QUIET)
    assert len(seen) == len(set(seen)) == 2 * 2 * 4
    assert {point[2] for point in seen} == {0.1, 0.464159, 2.15443, 10.0}
    assert result.best is not None
    assert result.best.value == 6
    assert (result.best.params["x"], result.best.params["y"]) == (3, 2)


def test_a_grid_cut_short_has_been_everywhere(tmp_path: Path) -> None:
    space = {"x": Range(1, 4), "y": Range(1, 4), "z": Choice(("a", "b"))}
    seen: list[Mapping[str, Any]] = []

    def objective(params: Mapping[str, Any], trial: Trial) -> float:
        seen.append(dict(params))
        return 0.0

    tune(objective, space, TuneArgs(method="grid", trials=8, seed=1), tmp_path, QUIET)
    assert len(seen) == 8
    assert all(len({point[axis] for point in seen}) >= 2 for axis in "xyz"), "not the first corner alone"


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_the_same_seed_gives_the_same_trials(tmp_path: Path, method: Any) -> None:
    args = TuneArgs(method=method, trials=12, pruner="none", seed=4)
    one, two = (tune(bowl, SPACE, args, tmp_path / name, QUIET) for name in "ab")
    assert [(t.params, t.value) for t in one.trials] == [(t.params, t.value) for t in two.trials]
    other = tune(bowl, SPACE, TuneArgs(method=method, trials=12, pruner="none", seed=5), tmp_path / "c", QUIET)
    assert [t.params for t in other.trials] != [t.params for t in one.trials]
    assert all(8 <= t.params["width"] <= 64 and isinstance(t.params["width"], int) for t in one.trials)


def test_tpe_comes_nearer_than_its_first_guesses(tmp_path: Path) -> None:
    result = tune(bowl, SPACE, TuneArgs(trials=40, pruner="none"), tmp_path, QUIET)
    values = [trial.value for trial in result.trials if trial.value is not None]
    assert len(values) == 40
    assert sum(values[30:]) / 10 > sum(values[:8]) / 8 + 0.5
    assert result.best is not None
    assert result.best.value == max(values) > -0.5
    assert set(result.importance) == set(SPACE)


def test_less_may_be_better(tmp_path: Path) -> None:
    result = tune(lambda p, t: -bowl(p, t), SPACE, TuneArgs(trials=15, maximise=False, pruner="none"), tmp_path, QUIET)
    assert result.best is not None
    assert result.best.value == min(trial.value or 9 for trial in result.trials)


@pytest.mark.parametrize("pruner", ["median", "halving"])
def test_hopeless_trials_are_cut_short(tmp_path: Path, pruner: Any) -> None:
    steps: list[int] = []

    def objective(params: Mapping[str, Any], trial: Trial) -> float:
        for step in range(1, 10):
            steps.append(trial.number)
            trial.report(step, params["x"] * step)
        return float(params["x"] * 10)

    result = tune(
        objective, {"x": Range(0.0, 1.0)}, TuneArgs(trials=20, method="random", pruner=pruner), tmp_path, QUIET
    )
    pruned = [trial for trial in result.trials if trial.state == "pruned"]
    assert len(pruned) >= 4
    assert {trial.reason for trial in pruned} == {"pruner"}
    assert all(trial.value is None and 1 <= len(trial.steps) <= 9 for trial in pruned)
    assert len(steps) < 20 * 9
    assert result.best is not None
    assert result.best.params["x"] == max(trial.params["x"] for trial in result.trials if trial.state == "complete")


def test_the_seconds_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of its own: every report takes one second."""
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])

    def objective(params: Mapping[str, Any], trial: Trial) -> float:
        for step in range(4):
            clock[0] += 1
            trial.report(step, 1.0)
        return 1.0

    args = TuneArgs(trials=100, seconds=10.5, pruner="none", method="random")
    result = tune(objective, {"x": Range(0.0, 1.0)}, args, tmp_path, QUIET)
    assert [trial.state for trial in result.trials] == ["complete", "complete", "pruned"]
    assert result.trials[2].reason == "time"
    assert result.seconds == 11
    again = tune(objective, {"x": Range(0.0, 1.0)}, args, tmp_path, QUIET)
    assert len(again.trials) == 3, "a search that is resumed has no new seconds"


def test_the_first_trial_is_let_finish(tmp_path: Path) -> None:
    def slow(params: Mapping[str, Any], trial: Trial) -> float:
        time.sleep(0.05)
        trial.report(1, 0.5)
        return 0.5

    result = tune(slow, {"x": Range(0.0, 1.0)}, TuneArgs(seconds=0.01), tmp_path, QUIET)
    assert [trial.state for trial in result.trials] == ["complete"]


KILLED = """
import os, sys, time
from pathlib import Path
from core.training.tune import Range, TuneArgs, tune
from core.training.watch import Quiet
def objective(params, trial):
    trial.report(1, params["x"])
    if trial.number == 3:
        os._exit(9)
    return params["x"]
tune(objective, {"x": Range(0.0, 1.0)}, TuneArgs(trials=6, pruner="none"), Path(sys.argv[1]), Quiet(1e9))
"""


def test_a_killed_search_goes_on(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, check=False)
    assert done.returncode == 9
    with (tmp_path / JOURNAL).open("ab") as file:
        file.write(b'{"op_code": 5, "half a li')
    before = read_trials(tmp_path, TuneArgs())
    assert [trial.state for trial in before.trials] == ["complete"] * 3 + ["running"]

    seen: list[float] = []

    def objective(params: Mapping[str, Any], trial: Trial) -> float:
        seen.append(params["x"])
        return float(params["x"])

    result = tune(objective, {"x": Range(0.0, 1.0)}, TuneArgs(trials=6, pruner="none"), tmp_path, QUIET)
    assert [trial.state for trial in result.trials] == ["complete"] * 3 + ["failed"] + ["complete"] * 3
    assert seen[0] == before.trials[3].params["x"], "the trial that was cut off is tried again, first"
    assert result.trials[3].reason == "stopped"
    assert result.trials[:3] == before.trials[:3]


def test_a_stopped_search_goes_on_too(tmp_path: Path) -> None:
    class Stopping(Quiet):
        checks = 0

        def check(self) -> None:
            self.checks += 1
            if self.checks == 4:
                raise Cancelled("cancelled")

    def objective(params: Mapping[str, Any], trial: Trial) -> float:
        trial.report(1, params["x"])
        return float(params["x"])

    args = TuneArgs(trials=5, pruner="none")
    with pytest.raises(Cancelled):
        tune(objective, {"x": Range(0.0, 1.0)}, args, tmp_path, Stopping(1e9))
    stopped = read_trials(tmp_path, args).trials
    assert [trial.state for trial in stopped] == ["complete", "failed"]
    result = tune(objective, {"x": Range(0.0, 1.0)}, args, tmp_path, QUIET)
    assert [trial.state for trial in result.trials] == ["complete", "failed", *["complete"] * 4]
    assert result.trials[2].params == stopped[1].params


def test_one_failing_trial_does_not_end_the_search(tmp_path: Path) -> None:
    def objective(params: Mapping[str, Any], trial: Trial) -> float:
        if trial.number == 1:
            raise Unavailable("data.disk_full", folder="x", free_mb=1)
        return float("nan") if trial.number == 2 else 1.0

    result = tune(objective, {"x": Range(0.0, 1.0)}, TuneArgs(trials=5), tmp_path, QUIET)
    assert [(trial.state, trial.reason) for trial in result.trials] == [
        ("complete", ""), ("failed", "data.disk_full"), ("failed", "data.tune_value"), ("complete", ""),
        ("complete", ""),
    ]  # fmt: skip


def test_three_equal_failures_do(tmp_path: Path) -> None:
    def objective(params: Mapping[str, Any], trial: Trial) -> float:
        return float("inf")

    with pytest.raises(BadInput, match="gave no usable figure") as caught:
        tune(objective, {"x": Range(0.0, 1.0)}, TuneArgs(trials=50), tmp_path, QUIET)
    assert "试验没有得到有效数值" in caught.value.sentence("zh")
    assert len(read_trials(tmp_path, TuneArgs()).trials) == 3


def test_a_defect_in_the_objective_is_not_hidden(tmp_path: Path) -> None:
    def objective(params: Mapping[str, Any], trial: Trial) -> float:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        tune(objective, {"x": Range(0.0, 1.0)}, TuneArgs(trials=5), tmp_path, QUIET)


def test_nothing_but_json_is_written(tmp_path: Path) -> None:
    tune(bowl, SPACE, TuneArgs(trials=3), tmp_path, QUIET)
    assert [path.name for path in tmp_path.iterdir()] == [JOURNAL]
    for line in (tmp_path / JOURNAL).read_text(encoding="utf-8").splitlines():
        assert isinstance(json.loads(line), dict)


def test_what_cannot_be_searched_ends_in_a_sentence(tmp_path: Path) -> None:
    for make in (
        lambda: Range(2.0, 1.0),
        lambda: Range(0.0, 1.0, log=True),
        lambda: Range(0.0, float("nan")),
        lambda: Choice(()),
        lambda: TuneArgs(seconds=0),
        lambda: TuneArgs(method="best"),  # type: ignore[arg-type]
    ):
        with pytest.raises(BadInput, match="cannot be"):
            make()
    with pytest.raises(BadInput, match="nothing to search"):
        tune(bowl, {}, TuneArgs(), tmp_path, QUIET)
    with pytest.raises(BadInput, match="nothing to search"):
        read_trials(tmp_path / "none", TuneArgs())
    wide = {str(number): Choice(tuple(range(10))) for number in range(5)}
    with pytest.raises(BadInput, match="100000 points"):
        tune(bowl, wide, TuneArgs(method="grid"), tmp_path, QUIET)
    tune(bowl, SPACE, TuneArgs(trials=1), tmp_path / "s", QUIET)
    with pytest.raises(BadInput, match="other ranges"):
        tune(bowl, {**SPACE, "width": Range(8, 65)}, TuneArgs(trials=2), tmp_path / "s", QUIET)
