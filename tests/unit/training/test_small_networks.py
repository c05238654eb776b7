"""Small networks learn what can be learnt, the same each time, go on after a kill, and refuse what teaches nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import BadInput, Cancelled, Conflict, PilotlightError, Unavailable
from core.models.manifest import NAME, Manifest, read_manifest, write_manifest
from core.models.networks.open import ImageClassifier, LstmClassifier, TabularClassifier, load_small
from core.training.networks import loop as small_loop
from core.training.networks.image import ImageArgs, train_image
from core.training.networks.lstm import LstmArgs, train_lstm
from core.training.networks.run import Examples, fit_head
from core.training.networks.state import FOLDER, LAST, fingerprint
from core.training.networks.tabular import TabularArgs, train_tabular
from core.training.watch import Quiet
from tests.conftest import ROOT

GOOD = ["good", "fine", "lovely", "很好", "满意", "不错"]
BAD = ["bad", "poor", "awful", "很差", "失望", "糟糕"]
FILL = ["the room", "our stay", "this lamp", "房间", "服务", "快递"]
QUICK = {"epochs": 8, "batch_size": 16, "learning_rate": 0.01, "embedding": 16, "hidden": 16, "patience": 8, "seed": 3}


class Recorder(Quiet):
    """Keeps what it is told, and stops the run at step ``kill``."""

    def __init__(self, kill: int = -1) -> None:
        super().__init__()
        self.kill, self.points, self.steps, self.said = kill, [], 0, []

    def check(self) -> None:
        self.steps += 1
        if self.steps == self.kill:
            raise Cancelled("cancelled")

    def point(self, step: int, **values: float) -> None:
        self.points.append((step, values))

    def say(self, line: str) -> None:
        self.said.append(line)


def texts(count: int, seed: int = 0) -> Examples:
    generator = np.random.default_rng(seed)
    classes = generator.integers(0, 2, count).tolist()
    words = [
        f"{generator.choice(FILL)} {generator.choice((BAD, GOOD)[one])} {generator.choice(FILL)}" for one in classes
    ]
    return Examples(words, classes)


def table(count: int, seed: int = 0) -> Examples:
    """Risk is high where debt is and income is not; a code with many levels helps, the rest is noise."""
    generator = np.random.default_rng(seed)
    rows, classes = [], []
    for _ in range(count):
        debt, income = generator.lognormal(3, 1), generator.normal(50, 10)
        branch = int(generator.integers(0, 30))
        odds = 1.5 * (np.log(debt) - 3) - 0.1 * (income - 50) + (1.0 if branch < 10 else -1.0)
        classes.append(int(generator.random() < 1 / (1 + np.exp(-odds))))
        missing = generator.random() < 0.1
        rows.append(
            {
                "debt": f"{debt:.2f}",
                "income": "" if missing else f"{income:.1f}",
                "branch": f"B{branch}",
                "town": str(generator.choice(["Ulm", "Jena"])),
                "version": "7",
            }
        )
    return Examples(rows, classes)


def pictures(count: int, seed: int = 0, colour: bool = False) -> Examples:
    """A bar that lies or stands, somewhere, in noise."""
    generator = np.random.default_rng(seed)
    images = generator.integers(0, 60, (count, 12, 12), dtype=np.uint8)
    classes = generator.integers(0, 2, count).tolist()
    for image, one in zip(images, classes, strict=True):
        at = generator.integers(2, 10)
        image[(at, slice(2, 10)) if one else (slice(2, 10), at)] = 220
    return Examples(np.stack([images] * 3, axis=-1) if colour else images, classes)


def lstm(folder: Path, watch: Any = None, **args: Any) -> Manifest:
    quick = LstmArgs(**{**QUICK, **args})
    return train_lstm(folder, texts(160), texts(60, 1), ["negative", "positive"], quick, watch or Recorder())


def perceptron(folder: Path, watch: Any = None, **args: Any) -> Manifest:
    quick = TabularArgs(**{"epochs": 12, "members": 2, "hidden": (16,), "seed": 1, **args})
    return train_tabular(folder, table(600), table(200, 1), ["low", "high"], quick, watch or Recorder())


def convolution(folder: Path, watch: Any = None, **args: Any) -> Manifest:
    quick = ImageArgs(**{"epochs": 6, "batch_size": 16, "widths": (8, 8), "dense": 16, "patience": 6, **args})
    return train_image(folder, pictures(160), pictures(60, 1), ["standing", "lying"], quick, watch or Recorder())


TRAINERS = pytest.mark.parametrize("train", [lstm, perceptron, convolution], ids=["lstm", "tabular", "image"])


def test_an_lstm_learns_both_languages(tmp_path: Path) -> None:
    watch = Recorder()
    manifest = lstm(tmp_path / "m", watch)
    assert manifest.metrics["validation_accuracy"] >= 0.95
    model = load_small(tmp_path / "m")
    assert isinstance(model, LstmClassifier)
    assert model.predict(["the room lovely", "房间 很差", "服务不错", "awful"]).names == [
        "positive", "negative", "positive", "negative",
    ]  # fmt: skip
    assert model.predict(["", "🙂", "unheard"]).probabilities.sum(axis=1) == pytest.approx(1)
    names = {name for _, values in watch.points for name in values}
    assert {"loss", "learning_rate", "validation_loss", "validation_accuracy"} <= names


def test_what_a_text_gets_does_not_depend_on_its_neighbours(tmp_path: Path) -> None:
    lstm(tmp_path / "m", epochs=2, patience=2)
    model = load_small(tmp_path / "m")
    assert isinstance(model, LstmClassifier)
    short, long = "good", "the room bad " * 30
    together = model.logits([short, long, short])
    assert together[0] == pytest.approx(model.logits([short])[0], abs=1e-5)
    assert together[1] == pytest.approx(model.logits([long])[0], abs=1e-5)


def test_a_perceptron_learns_a_table(tmp_path: Path) -> None:
    manifest = perceptron(tmp_path / "m")
    assert manifest.metrics["validation_auc"] >= 0.8
    assert manifest.facts["constant_columns"] == ["version"]
    model = load_small(tmp_path / "m")
    assert isinstance(model, TabularClassifier)
    assert [column.embedded for column in model.columns] == [False, False, True, False]
    safe = {"debt": 5, "income": 70, "branch": "B20", "town": "Ulm"}
    risky = {"debt": "400", "income": None, "branch": "B3", "town": "nowhere"}
    low, high = model.predict([safe, risky]).probabilities[:, 1]
    assert low < 0.1
    assert high > 0.8


def test_probabilities_stay_true_when_a_rare_class_is_weighted(tmp_path: Path) -> None:
    training, validation = table(600), table(300, 1)
    labels = ["low", "high"]
    rare = [one if one == 0 or number % 5 == 0 else -1 for number, one in enumerate(training.classes)]
    kept = [number for number, one in enumerate(rare) if one >= 0]
    few = Examples([training.inputs[n] for n in kept], [training.classes[n] for n in kept])
    keep = [n for n, one in enumerate(validation.classes) if one == 0 or n % 5 == 0]
    check = Examples([validation.inputs[n] for n in keep], [validation.classes[n] for n in keep])
    found = {}
    for weights in ("none", "balanced"):
        args = TabularArgs(epochs=12, members=1, hidden=(16,), class_weights=weights)
        train_tabular(tmp_path / weights, few, check, labels, args, Recorder())
        found[weights] = load_small(tmp_path / weights).predict(check.inputs)  # type: ignore[arg-type]
    share = np.mean(check.classes)
    assert found["balanced"].probabilities[:, 1].mean() == pytest.approx(share, abs=0.06)
    assert found["balanced"].classes.sum() > found["none"].classes.sum()


def test_class_weights_are_taken_out_of_probabilities_and_put_into_the_decision() -> None:
    """Logits of a perfect learner of the weighted loss: the head must give back the true probabilities."""
    generator = np.random.default_rng(0)
    true = generator.dirichlet([6, 2, 1], 4000)
    gold = np.array([generator.choice(3, p=row) for row in true])
    weights = np.array([0.5, 1.5, 3.0])
    for calibration, off, alike in (("none", 1e-9, 1.0), ("temperature", 0.03, 0.95)):
        args = LstmArgs(calibration=calibration)  # type: ignore[arg-type]
        said = fit_head(args, "abc", np.log(true * weights), gold, weights).predicted(np.log(true * weights))
        assert np.abs(said.probabilities - true).max() < off
        assert np.mean(said.classes == (true * weights).argmax(axis=1)) >= alike


def test_a_convolution_learns_pictures(tmp_path: Path) -> None:
    manifest = convolution(tmp_path / "m")
    assert manifest.metrics["validation_accuracy"] >= 0.95
    model = load_small(tmp_path / "m")
    assert isinstance(model, ImageClassifier)
    fresh = pictures(40, 2)
    assert np.mean(model.predict(fresh.inputs).classes == np.array(fresh.classes)) >= 0.9


def test_colour_pictures_of_another_size_are_brought_to_the_network(tmp_path: Path) -> None:
    args = ImageArgs(epochs=2, widths=(4, 4), dense=8, patience=2, mirror=True)
    train_image(tmp_path / "m", pictures(40, colour=True), pictures(20, 1, True), ["a", "b"], args, Recorder())
    model = load_small(tmp_path / "m")
    assert isinstance(model, ImageClassifier)
    assert model.shape.channels == 3
    assert model.predict(np.zeros((2, 30, 20), np.uint8)).probabilities.shape == (2, 2)


@TRAINERS
def test_the_same_seed_gives_the_same_metric_and_another_another(
    train: Callable[..., Manifest], tmp_path: Path
) -> None:
    first = train(tmp_path / "1", epochs=2, patience=2)
    assert train(tmp_path / "2", epochs=2, patience=2).metrics == first.metrics
    assert train(tmp_path / "3", epochs=2, patience=2, seed=9).metrics != first.metrics


@TRAINERS
@pytest.mark.parametrize("kill", [2, 14, 27])
def test_a_killed_run_goes_on_as_if_it_had_never_stopped(
    train: Callable[..., Manifest], kill: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_loop, "CHECKPOINT_SECONDS", -1.0)  # after every batch
    args = {"epochs": 3, "patience": 3}
    whole = train(tmp_path / "whole", **args)
    with pytest.raises(Cancelled):
        train(tmp_path / "cut", Recorder(kill), **args)
    with pytest.raises(Unavailable, match="not a finished model"):
        load_small(tmp_path / "cut")
    watch = Recorder()
    again = train(tmp_path / "cut", watch, **args)
    assert any(line.startswith("resumed") for line in watch.said)
    assert again.metrics == whole.metrics
    assert again.files == whole.files
    assert not (tmp_path / "cut" / FOLDER).exists()


def test_a_checkpoint_of_other_data_is_not_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_loop, "CHECKPOINT_SECONDS", -1.0)
    with pytest.raises(Cancelled):
        lstm(tmp_path / "m", Recorder(5), epochs=2, patience=2)
    assert (tmp_path / "m" / FOLDER / LAST).is_file()
    watch = Recorder()
    again = lstm(tmp_path / "m", watch, epochs=2, patience=2, seed=4)
    assert not any(line.startswith("resumed") for line in watch.said)
    assert again.metrics == lstm(tmp_path / "fresh", epochs=2, patience=2, seed=4).metrics


def test_runs_are_told_apart_by_their_data() -> None:
    images = pictures(20).inputs
    other = images.copy()
    other[7, 5, 5] ^= 1
    marks = {fingerprint(images), fingerprint(other), fingerprint(list(images)), fingerprint(list(other))}
    assert len(marks) == 4
    assert fingerprint(["a"], {"b": 1, "c": 2}) == fingerprint(["a"], {"c": 2, "b": 1})
    assert fingerprint(["ab"], ["c"]) != fingerprint(["a"], ["bc"])


KILLED = """
import sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from tests.unit.training.test_small_networks import Recorder, lstm
class Slow(Recorder):
    def check(self):
        super().check()
        time.sleep(0.2 if sys.argv[2] == "slow" else 0)
manifest = lstm(Path(sys.argv[1]), Slow(), epochs=3, patience=3)
print(manifest.metrics)
"""


def test_a_process_killed_outright_is_resumed_by_the_next(tmp_path: Path) -> None:
    def start(folder: str, pace: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", KILLED, str(tmp_path / folder), pace]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    victim = start("cut", "slow")
    deadline = time.monotonic() + 300
    while not (tmp_path / "cut" / FOLDER / LAST).exists():  # written when the first epoch ends
        assert victim.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    victim.kill()
    victim.wait()
    assert not (tmp_path / "cut" / NAME).exists()
    again, whole = start("cut", "quick"), start("whole", "quick")
    metrics = [process.communicate(timeout=300)[0].splitlines()[-1] for process in (again, whole)]
    assert metrics[0] == metrics[1]


def test_a_half_written_checkpoint_starts_the_run_anew(tmp_path: Path) -> None:
    (tmp_path / "m" / FOLDER).mkdir(parents=True)
    (tmp_path / "m" / FOLDER / LAST).write_bytes(b"\x10\x00\x00")
    assert lstm(tmp_path / "m", epochs=1, patience=1).metrics


def test_a_finished_run_is_not_trained_twice_and_another_needs_its_own_folder(tmp_path: Path) -> None:
    first = lstm(tmp_path / "m", epochs=1, patience=1)
    watch = Recorder()
    assert lstm(tmp_path / "m", watch, epochs=1, patience=1) == first
    assert watch.steps == 0
    with pytest.raises(Conflict, match="another model"):
        lstm(tmp_path / "m", epochs=1, patience=1, seed=8)


def test_training_stops_early_and_keeps_the_best_epoch(tmp_path: Path) -> None:
    manifest = lstm(tmp_path / "m", epochs=40, patience=2)
    watch = Recorder()
    assert manifest.facts["best_epoch"] < 38
    lstm(tmp_path / "n", watch, epochs=40, patience=2)
    accuracies = [values["validation_accuracy"] for _, values in watch.points if "validation_accuracy" in values]
    assert len(accuracies) == manifest.facts["best_epoch"] + 2
    assert manifest.metrics["validation_accuracy"] == max(accuracies)


def test_the_callers_random_state_is_left_alone(tmp_path: Path) -> None:
    import torch

    torch.manual_seed(1)
    before = torch.get_rng_state()
    lstm(tmp_path / "m", epochs=1, patience=1)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("training", "validation", "code"),
    [
        (([], []), (["a"], [0]), "no_rows"),
        ((["a", "b"], [0, 1]), ([], []), "no_validation"),
        ((["a", "b"], [1, 1]), (["a"], [1]), "one_class"),
        ((["a", "b"], [0, 1]), (["a"], [2]), "untrained_label"),
        ((["a", "b"], [0, 7]), (["a"], [0]), "unknown_label"),
        ((["a"], [0, 1]), (["a"], [0]), "uneven"),
        ((["", " "], [0, 1]), (["a"], [0]), "empty_texts"),
    ],
)
def test_data_that_teaches_nothing_is_refused(
    training: tuple[list[str], list[int]], validation: tuple[list[str], list[int]], code: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput) as caught:
        train_lstm(tmp_path / "m", Examples(*training), Examples(*validation), ["x", "y", "z"], LstmArgs(), Recorder())
    assert caught.value.code == f"networks.{code}"
    assert caught.value.sentence("zh")
    assert not (tmp_path / "m" / NAME).exists()


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: LstmArgs(epochs=0), "out_of_range"),
        (lambda: LstmArgs(patience=0), "out_of_range"),
        (lambda: LstmArgs(metric="rouge"), "not_a_choice"),  # type: ignore[arg-type]
        (lambda: LstmArgs(class_weights={"x": -1}), "out_of_range"),
        (lambda: TabularArgs(hidden=()), "out_of_range"),
        (lambda: TabularArgs(exclude=("a",), kinds={"a": "number"}), "excluded_kind"),
        (lambda: ImageArgs(size=4, widths=(8, 8, 8)), "out_of_range"),
        (lambda: ImageArgs(channels=2), "not_a_choice"),
    ],
)
def test_arguments_are_checked_against_each_other(make: Callable[[], Any], code: str) -> None:
    with pytest.raises(BadInput) as caught:
        make()
    assert caught.value.code == f"networks.{code}"
    assert str(caught.value) != caught.value.code


def test_arguments_survive_json() -> None:
    for args in (
        TabularArgs(hidden=(8, 4), exclude=("a",)),
        ImageArgs(widths=(4,)),
        LstmArgs(class_weights={"x": 2.0}),
    ):
        assert type(args)(**json.loads(json.dumps(asdict(args)))) == args


def test_no_rows_give_no_predictions(tmp_path: Path) -> None:
    for number, train in enumerate((lstm, perceptron, convolution)):
        train(tmp_path / str(number), epochs=1)
        model: Any = load_small(tmp_path / str(number))
        empty = np.zeros((0, 5, 5), np.uint8) if train is convolution else []
        assert model.predict(empty).names == []


def test_platt_wants_two_labels() -> None:
    with pytest.raises(BadInput, match="two labels"):
        fit_head(LstmArgs(calibration="platt"), "abc", np.zeros((3, 3)), np.array([0, 1, 2]), np.ones(3))


def test_a_learning_rate_that_diverges_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NaN is put in by hand: clipped gradients and AdamW make it hard to get there honestly within a test."""
    from core.training.networks.lstm import _Texts

    original = _Texts.logits
    monkeypatch.setattr(_Texts, "logits", lambda self, rows: original(self, rows) * float("nan"))
    with pytest.raises(BadInput, match="tenth") as caught:
        lstm(tmp_path / "m")
    assert caught.value.code == "networks.diverged"


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (OSError(28, "No space left on device"), "no_space"),
        (MemoryError(), "out_of_memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"), "out_of_memory"),
    ],
)
def test_a_full_disk_and_no_memory_become_sentences(
    failure: Exception, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise failure

    monkeypatch.setattr(small_loop, "save_last", fail)
    with pytest.raises(PilotlightError) as caught:
        lstm(tmp_path / "m", epochs=1, patience=1)
    assert caught.value.code == f"networks.{code}"
    assert not (tmp_path / "m" / NAME).exists()


def test_other_failures_are_not_dressed_up() -> None:
    with pytest.raises(RuntimeError, match="shape"), small_loop.plain_failures(8):
        raise RuntimeError("shape mismatch")


def test_a_changed_or_foreign_folder_is_not_loaded(tmp_path: Path) -> None:
    lstm(tmp_path / "m", epochs=1, patience=1)
    setup = tmp_path / "m" / "network.json"
    setup.write_text(setup.read_text(encoding="utf-8") + " ", encoding="utf-8")
    with pytest.raises(Unavailable, match="damaged"):
        load_small(tmp_path / "m")
    other = tmp_path / "other"
    other.mkdir()
    write_manifest(other, Manifest("encoder", "minilm"))
    with pytest.raises(BadInput, match="not a small network"):
        load_small(other)


def test_the_manifest_says_what_made_it(tmp_path: Path) -> None:
    lstm(tmp_path / "m", epochs=1, patience=1)
    manifest = read_manifest(tmp_path / "m")
    assert manifest.labels == ("negative", "positive")
    assert manifest.args["seed"] == 3
    assert manifest.libraries["torch"]
    assert sum(manifest.facts["training_rows"].values()) == 160
    assert set(manifest.files) == {"model.safetensors", "network.json"}
    json.dumps(manifest.facts)
