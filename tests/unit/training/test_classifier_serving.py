"""A sealed classifier in use: the same answers from threads, torch and onnxruntime, and on a CPU without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import Unavailable
from core.evaluation.calibration import Calibration
from core.models.classifiers.classifier import ONNX, Decision, load_classifier
from core.models.classifiers.export import Comparison, chosen_precision, export_classifier
from core.models.manifest import NAME, read_manifest, write_manifest
from core.training.classification.train import train_classifier
from tests.conftest import ROOT
from tests.tiny_models import tiny_bert
from tests.unit.training.classifier_helpers import Recorder, rows, small_args

TEXTS = [text * (1 + number % 5) for number, text in enumerate(rows(90, 9)[0])]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier whose fp32 file was kept beside the int8 one, so that both can be asked."""
    made = tmp_path_factory.mktemp("model")
    args = small_args(tiny_bert(tmp_path_factory.mktemp("encoder")), epochs=3)
    manifest = train_classifier(*rows(150, 1), rows(60, 2), args, made, Recorder())
    export_classifier(made, made / ONNX, normalise=manifest.facts["normalise"])
    return made


@pytest.fixture
def sealed(folder: Path, tmp_path: Path) -> Any:
    """The classifier with one of its ONNX files named in the manifest."""
    import shutil

    def seal(precision: str) -> Path:
        copy = tmp_path / precision
        shutil.copytree(folder, copy)
        manifest = read_manifest(copy, verify=False)
        write_manifest(copy, replace(manifest, facts={**manifest.facts, "onnx": {"precision": precision}}))
        return copy

    return seal


def test_onnxruntime_computes_what_torch_computes(folder: Path, sealed: Any) -> None:
    torch_logits = load_classifier(folder, device="cpu").logits(TEXTS)
    fp32 = load_classifier(sealed("fp32"), device="cpu")
    assert fp32.precision == "fp32"
    np.testing.assert_allclose(fp32.logits(TEXTS), torch_logits, atol=1e-4)
    int8 = load_classifier(sealed("int8"), device="cpu")
    assert int8.precision == "int8"
    assert (int8.logits(TEXTS).argmax(1) == torch_logits.argmax(1)).mean() > 0.9
    assert np.abs(int8.logits(TEXTS) - torch_logits).max() > 0  # it really is another file


def test_sixteen_threads_hear_what_one_hears(sealed: Any) -> None:
    classifier = load_classifier(sealed("fp32"), device="cpu", threads=2)
    alone = [classifier.predict(TEXTS[start : start + 9]).probabilities for start in range(0, 90, 9)]

    def ask(number: int) -> Any:
        start = number % 10 * 9
        return number % 10, classifier.predict(TEXTS[start : start + 9]).probabilities

    with ThreadPoolExecutor(16) as pool:
        for place, found in pool.map(ask, range(160)):
            np.testing.assert_array_equal(found, alone[place])


def test_the_order_and_company_of_texts_change_nothing(folder: Path) -> None:
    classifier = load_classifier(folder, device="cpu")
    together = classifier.predict(TEXTS).probabilities
    one_by_one = np.concatenate([classifier.predict([text]).probabilities for text in TEXTS])
    np.testing.assert_allclose(together, one_by_one, atol=1e-5)
    np.testing.assert_allclose(together.sum(axis=1), 1)


def test_nothing_asked_nothing_said(folder: Path) -> None:
    found = load_classifier(folder, device="cpu").predict([])
    assert found.probabilities.shape == (0, 3)
    assert found.names == []


def test_serving_on_a_cpu_needs_no_torch(sealed: Any) -> None:
    code = (
        "import sys; from pathlib import Path; from core.models.classifiers.classifier import load_classifier;"
        "found = load_classifier(Path(sys.argv[1]), device='cpu').predict(['money returned']);"
        "print(found.names[0], [name for name in ('torch', 'transformers', 'sklearn') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(sealed("int8"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "refund []", done.stderr


def test_what_is_not_a_whole_classifier_is_refused(sealed: Any, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="not a finished model"):
        load_classifier(tmp_path)
    folder = sealed("fp32")
    manifest = json.loads((folder / NAME).read_text())
    (folder / NAME).write_text(json.dumps({**manifest, "kind": "lstm"}))
    with pytest.raises(Unavailable, match="not a text classifier but a model of the kind lstm"):
        load_classifier(folder)
    (folder / NAME).write_text(json.dumps(manifest))
    with pytest.raises(Unavailable, match="no int8 file"):
        load_classifier(folder, device="cpu", precision="int8")
    weights = bytearray((folder / "head.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "head.safetensors").write_bytes(bytes(weights))
    with pytest.raises(Unavailable, match=r"head\.safetensors"):
        load_classifier(folder)


def test_probabilities_are_those_of_the_calibration() -> None:
    logits = np.array([[2.0, 0.0, -1.0], [0.0, 0.0, 3.0]])
    single = Decision(("a", "b", "c"), "single", Calibration("temperature", 0.5)).predicted(logits)
    expected = np.exp(logits / 2) / np.exp(logits / 2).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(single.probabilities, expected)
    assert single.names == ["a", "c"]
    assert single.name_sets == [("a",), ("c",)]
    multi = Decision(("a", "b", "c"), "multi", Calibration("temperature", 2.0), 0.5).predicted(logits)
    np.testing.assert_allclose(multi.probabilities, 1 / (1 + np.exp(-2 * logits)))
    assert multi.name_sets == [("a", "b"), ("a", "b", "c")]


@pytest.mark.parametrize(
    ("lost", "speed", "kept"), [(0.0, 2.0, "int8"), (0.005, 2.0, "int8"), (0.0051, 2.0, "fp32"), (-0.1, 0.9, "fp32")]
)
def test_int8_must_keep_its_accuracy_and_be_faster(lost: float, speed: float, kept: str) -> None:
    nothing = np.zeros((0, 2), np.float32)
    assert chosen_precision(Comparison(1.0, 1.0, speed, nothing, nothing), lost, 0.005) == kept
