"""The parts of the fine-tuning loop that can be checked by counting, by brute force, or by a second way to compute."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.training.checkpoint import fingerprint
from core.training.classification.batching import bucketed_batches, class_batches
from core.training.classification.rows import checked_rows
from core.training.classification.train import train_classifier
from core.training.loop_args import LoopArgs
from core.training.trainer import rate_factor
from tests.conftest import ROOT
from tests.tiny_models import tiny_bert
from tests.unit.training.classifier_helpers import Recorder, many_labels, rows, small_args

TRAIN, VALIDATION = rows(72, 1), rows(24, 2)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=400), st.integers(1, 16), st.integers(0, 3), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_an_epoch_holds_every_row_once(lengths: list[int], size: int, seed: int, epoch: int) -> None:
    batches = bucketed_batches(lengths, size, seed, epoch)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    assert max(map(len, batches)) <= size
    assert len(batches) == len(bucketed_batches(lengths, size, seed, epoch + 1))
    assert batches == bucketed_batches(lengths, size, seed, epoch)


def test_batches_are_of_like_length_and_shuffled() -> None:
    lengths = np.random.default_rng(0).integers(5, 60, 1600).tolist()
    batches = bucketed_batches(lengths, 16, 0, 0)
    spread = np.mean([np.ptp([lengths[row] for row in batch]) for batch in batches])
    assert spread < 4
    assert batches != bucketed_batches(lengths, 16, 0, 1)
    means = [np.mean([lengths[row] for row in batch]) for batch in batches]
    assert abs(np.corrcoef(means[:-1], means[1:])[0, 1]) < 0.3  # no run of ever longer batches


@given(st.lists(st.integers(2, 9), min_size=2, max_size=30), st.integers(4, 40), st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_contrast_batches_hold_partners(sizes: list[int], size: int, seed: int) -> None:
    classes = [number for number, count in enumerate(sizes) for _ in range(count)]
    for batch in class_batches(classes, size, 6, seed):
        held = [classes[row] for row in batch]
        assert len(set(batch)) == len(batch) <= max(4, size)
        assert len(set(held)) >= 2
        assert all(held.count(number) >= 2 for number in held)


def test_all_classes_take_turns() -> None:
    classes = [number for number in range(40) for _ in range(3)]
    batches = class_batches(classes, 16, 10, 0)
    assert {classes[row] for batch in batches for row in batch} == set(range(40))


def test_contrast_is_its_formula() -> None:
    import torch

    from core.training.classification.few_shot import contrast

    torch.manual_seed(0)
    vectors = torch.nn.functional.normalize(torch.randn(7, 5), dim=1)
    classes, temperature, expected = [0, 0, 1, 1, 1, 2, 0], 0.2, 0.0
    for row in range(7):
        others = [other for other in range(7) if other != row]
        partners = [other for other in others if classes[other] == classes[row]]
        total = sum(np.exp(float(vectors[row] @ vectors[other]) / temperature) for other in others)
        for partner in partners:
            chance = np.exp(float(vectors[row] @ vectors[partner]) / temperature) / total
            expected -= np.log(chance) / len(partners)
    assert float(contrast(vectors, torch.tensor(classes), temperature)) == pytest.approx(expected, rel=1e-5)


@given(st.integers(1, 500), st.floats(0, 0.9), st.sampled_from(["linear", "cosine", "constant"]))
@settings(max_examples=60, deadline=None)
def test_the_learning_rate_goes_up_and_then_down(total: int, warm_up: float, schedule: Any) -> None:
    args = LoopArgs(warm_up=warm_up, schedule=schedule)
    rates = [rate_factor(args, step, total) for step in range(total)]
    warm = max(1, round(total * warm_up))
    assert all(0 <= rate <= 1 + 1e-9 for rate in rates)
    assert max(rates) == pytest.approx(1)
    assert rates[:warm] == sorted(rates[:warm])
    assert rates[warm:] == sorted(rates[warm:], reverse=True)


def test_balanced_weights_make_classes_equal() -> None:
    args = small_args(Path("any"), class_weights="balanced")
    training, _ = checked_rows(["a"] * 10, ["x"] * 8 + ["y"] * 2, (["a"], ["x"]), args)
    weights = training.class_weights("balanced")
    np.testing.assert_allclose(weights * [8, 2], [5, 5])
    np.testing.assert_allclose(training.class_weights("none"), [1, 1])
    several, _ = checked_rows(*many_labels(64), (["a"], [["refund"]]), small_args(Path("any"), task="multi"))
    np.testing.assert_allclose(several.class_weights("balanced"), 1)


def test_a_fingerprint_changes_with_every_part(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"one")
    first = fingerprint({"a": 1}, ["x", "y"], tmp_path / "weights")
    assert first == fingerprint({"a": 1}, ("x", "y"), tmp_path / "weights")
    assert first != fingerprint({"a": 2}, ["x", "y"], tmp_path / "weights")
    assert first != fingerprint({"a": 1}, ["y", "x"], tmp_path / "weights")
    (tmp_path / "weights").write_bytes(b"two")
    assert first != fingerprint({"a": 1}, ["x", "y"], tmp_path / "weights")


def losses(encoder: Path, folder: Path, **values: Any) -> list[float]:
    watch = Recorder()
    args = small_args(encoder, epochs=2, dropout=0.0, class_weights="balanced", **values)
    train_classifier(
        TRAIN[0], ["refund" if label == "price" else label for label in TRAIN[1]], _merged(), args, folder, watch
    )
    return watch.values("loss")


def _merged() -> tuple[list[str], list[str]]:
    return VALIDATION[0], ["refund" if label == "price" else label for label in VALIDATION[1]]


@pytest.fixture(scope="module")
def sober(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder without dropout, so that how rows are split over parts and processes changes nothing."""
    folder = tiny_bert(tmp_path_factory.mktemp("sober"))
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def test_a_batch_in_parts_is_the_same_batch(sober: Path, tmp_path: Path) -> None:
    whole = losses(sober, tmp_path / "whole")
    parts = losses(sober, tmp_path / "parts", accumulate=3)
    assert len(whole) == 10
    np.testing.assert_allclose(parts, whole, rtol=2e-4)
    assert whole[-1] < whole[0]


TWO = """
import json, sys
from pathlib import Path
from tests.unit.training.test_classifier_loop import losses
found = losses(Path(sys.argv[1]), Path(sys.argv[2]))
if found:
    Path(sys.argv[3]).write_text(json.dumps(found))
"""


@pytest.mark.slow
def test_two_processes_train_like_one(sober: Path, tmp_path: Path) -> None:
    one = losses(sober, tmp_path / "one")
    script = tmp_path / "two.py"
    script.write_text(TWO)
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0", "--standalone",
        str(script), str(sober), str(tmp_path / "two"), str(tmp_path / "losses.json"),
    ]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    two = json.loads((tmp_path / "losses.json").read_text())
    np.testing.assert_allclose(two, one, rtol=1e-3)
    assert (tmp_path / "two" / "pilotlight.json").is_file()
