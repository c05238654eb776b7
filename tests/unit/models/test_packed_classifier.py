"""A classifier stored as differences from an encoder: what comes back is what was trained, and damage is refused."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from core.errors import Unavailable
from core.evaluation.calibration import Calibration
from core.models.classifiers.classifier import load_classifier
from core.models.classifiers.ngrams import NgramModel, held
from core.models.classifiers.packed import CHANGES, is_packed, unpack, write_packed
from core.models.extended import pack_changes, unpack_changes
from core.models.manifest import Manifest
from tests.tiny_models import tiny_bert


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tiny_bert(tmp_path / "base")


def packed(base: Path, tmp_path: Path, *, ngrams: bool = False) -> tuple[Path, dict[str, np.ndarray]]:
    """A tiny encoder with a rank-2 change in one matrix and one changed bias, packed; and the changed weights."""
    rng = np.random.default_rng(0)
    trained = tmp_path / "trained"
    (trained / "encoder").mkdir(parents=True)
    weights = load_file(base / "model.safetensors")
    matrix = next(name for name in weights if name.endswith("attention.self.query.weight"))
    bias = next(name for name in weights if name.endswith("attention.self.query.bias"))
    changed = dict(weights)
    left, right = rng.normal(size=(32, 2)), rng.normal(size=(2, 32))
    changed[matrix] = (weights[matrix] + 0.1 * left @ right).astype(np.float32)
    changed[bias] = weights[bias] + np.float32(0.25)
    save_file(changed, trained / "encoder" / "model.safetensors")
    head = {"weight": rng.normal(size=(3, 32)).astype(np.float32), "bias": np.zeros(3, np.float32)}
    save_file(head, trained / "head.safetensors")
    facts = {"normalise": True, "pad": 0, "max_tokens": 64, "task": "single", "threshold": 0.5}
    facts["calibration"] = asdict(Calibration())
    if ngrams:
        some = held(["returned"]).indices.astype(np.int64)
        known = NgramModel(some, np.ones(1, np.float32), np.array([[9, 0, 0]], np.float32), np.zeros(3, np.float32))
        known.save(trained)
        facts["ngrams"] = {"voices": [1.0, 1.0], "features": 1}
    manifest = Manifest("text_classifier", "tiny", ("negative", "neutral", "positive"), base="tiny", facts=facts)
    folder = tmp_path / "packed"
    write_packed(trained, base, folder, manifest, rank=2)
    return folder, {matrix: changed[matrix], bias: changed[bias]}


def test_what_was_trained_comes_back_and_runs(base: Path, tmp_path: Path) -> None:
    folder, changed = packed(base, tmp_path)
    assert is_packed(folder)
    assert (folder / CHANGES).stat().st_size < 4000, "two factors and a bias, not a model"
    whole = tmp_path / "whole"
    whole.mkdir()
    manifest = unpack(folder, base, whole)
    weights = load_file(whole / "encoder" / "model.safetensors")
    for name, values in changed.items():
        assert np.abs(weights[name] - values).max() < 0.02 * np.abs(values).max()
    assert manifest.facts["onnx"]["precision"] in ("int8", "fp32")
    chances = load_classifier(whole, device="cpu", threads=1).predict(["Items may be returned.", "退货"]).probabilities
    assert chances.sum(axis=1) == pytest.approx([1, 1])


def test_its_n_grams_go_along(base: Path, tmp_path: Path) -> None:
    folder, _ = packed(base, tmp_path, ngrams=True)
    whole = tmp_path / "whole"
    whole.mkdir()
    unpack(folder, base, whole)
    classifier = load_classifier(whole, device="cpu", threads=1)
    texts = ["Items may be returned.", "退货"]
    added = classifier.logits(texts) - classifier.encoder_logits(texts)
    assert added == pytest.approx(np.array([[9, 0, 0], [0, 0, 0]]), abs=1e-4)


def test_a_damaged_file_is_refused(base: Path, tmp_path: Path) -> None:
    folder, _ = packed(base, tmp_path)
    with (folder / CHANGES).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x7f")
    whole = tmp_path / "whole"
    whole.mkdir()
    with pytest.raises(Unavailable) as refused:
        unpack(folder, base, whole)
    assert refused.value.code == "models.damaged"


def test_packing_keeps_a_matrix_of_the_rank_it_was_packed_at() -> None:
    rng = np.random.default_rng(1)
    change = (rng.normal(size=(40, 3)) @ rng.normal(size=(3, 24))).astype(np.float32)
    back = unpack_changes(pack_changes({"weight": change}, 3))["weight"]
    assert np.abs(back - change).max() < 0.02 * np.abs(change).max()
