"""Smaller variants of a classifier: truly smaller, truly loadable, measured beside the original, gated, resumable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import BadInput, Cancelled, Conflict, Unavailable
from core.models.classifiers.classifier import load_classifier
from core.models.classifiers.text_network import open_network
from core.models.manifest import NAME, Manifest, read_manifest, write_manifest
from core.training.classification.train import train_classifier
from core.training.compression.args import KNOWN, CompressArgs, Compression, Variant
from core.training.compression.students import keep_layers, prune_neurons
from core.training.compression.train import compress_classifier, labelled, read_compression, require_parity
from core.training.watch import Quiet
from tests.tiny_models import tiny_bert
from tests.unit.training.classifier_helpers import Recorder, many_labels, rows, small_args

TRAIN, VALIDATION, HELD_OUT = rows(180, 1), rows(60, 2), rows(90, 3)
QUIET = Quiet(1e9)
ARGS = CompressArgs(
    variants=KNOWN, epochs=6, recovery_epochs=3, batch_size=16, learning_rate=2e-3, device="cpu", precision="fp32",
    timed=30, repeats=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    encoder = tiny_bert(folder / "encoder")
    train_classifier(*TRAIN, VALIDATION, small_args(encoder, epochs=5), folder / "model", QUIET, name="signs")
    return folder / "model"


@pytest.fixture(scope="module")
def compressed(original: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Compression]:
    target = tmp_path_factory.mktemp("compressed")
    return target, compress_classifier(original, target, TRAIN, VALIDATION, HELD_OUT, ARGS, QUIET)


def test_the_table_holds_the_original_and_every_variant(compressed: tuple[Path, Compression]) -> None:
    target, found = compressed
    assert [variant.name for variant in found.variants] == ["original", *KNOWN]
    assert (found.rows, found.timed) == (90, 30)
    first = found.variants[0]
    assert first.lost == 0
    assert first.agreement == 1
    assert first.accuracy >= 0.95
    for variant in found.variants:
        assert variant.texts_per_second > 0
        assert variant.lost == pytest.approx(first.accuracy - variant.accuracy)
        assert variant.passed is (variant.lost <= 0.01)
        assert variant.accuracy >= 0.9, variant
    assert read_compression(target) == found


def test_every_variant_is_smaller(compressed: tuple[Path, Compression]) -> None:
    sizes = {variant.name: variant.size_bytes for variant in compressed[1].variants}
    assert sizes["onnx-int8"] < sizes["onnx-fp32"]
    assert sizes["dynamic-int8"] < sizes["original"]
    assert sizes["pruned"] < sizes["onnx-fp32"]
    assert sizes["distilled"] < sizes["onnx-fp32"]


def test_what_can_be_promoted_is_a_sealed_classifier(original: Path, compressed: tuple[Path, Compression]) -> None:
    target, found = compressed
    for variant in found.variants:
        if not variant.folder:
            assert variant.name in ("original", "dynamic-int8")
            continue
        folder = target / variant.folder
        manifest = read_manifest(folder)
        assert manifest.name == f"signs-{variant.name}"
        assert manifest.facts["compressed_from"] == "signs"
        said = load_classifier(folder, device="cpu").predict(HELD_OUT[0])
        right = np.mean([name == gold for name, gold in zip(said.names, HELD_OUT[1], strict=True)])
        assert right == pytest.approx(variant.accuracy)
        assert said.probabilities.sum(axis=1) == pytest.approx(1)
        assert not (folder / "checkpoints").exists()
    assert not (target / "checkpoints").exists()
    assert read_manifest(original).name == "signs", "the original is left as it was"


def test_pruned_and_distilled_networks_are_really_smaller(original: Path, compressed: tuple[Path, Compression]) -> None:
    target, _ = compressed
    whole, pruned, distilled = (
        open_network(folder, normalise=True)[0].encoder
        for folder in (original, target / "pruned", target / "distilled")
    )
    assert (whole.config.intermediate_size, whole.config.num_hidden_layers) == (64, 2)
    assert pruned.config.intermediate_size == 32
    assert pruned.encoder.layer[0].intermediate.dense.weight.shape == (32, 32)
    assert distilled.config.num_hidden_layers == len(distilled.encoder.layer) == 1


def test_pruning_takes_the_weakest_neurons(original: Path) -> None:
    network, _ = open_network(original, normalise=True)
    layer = network.encoder.encoder.layer[0]
    into, out = layer.intermediate.dense.weight.detach().clone(), layer.output.dense.weight.detach().clone()
    strength = into.norm(dim=1) * out.norm(dim=0)
    assert prune_neurons(network, 0.25) == 16
    strongest = sorted(strength.argsort(descending=True)[:16].tolist())
    assert layer.intermediate.dense.weight.equal(into[strongest])
    assert layer.output.dense.weight.equal(out[:, strongest])


def test_the_layers_kept_are_spread_and_hold_the_last(tmp_path: Path, original: Path) -> None:
    network, _ = open_network(original, normalise=True)
    last = network.encoder.encoder.layer[1]
    assert keep_layers(network, 1) == 1
    assert network.encoder.encoder.layer[0] is last
    assert keep_layers(network, 0) == 1, "one layer stays"


def test_the_gate_refuses_what_lost_too_much() -> None:
    variant = Variant("pruned", "onnx int8", 1, 1.0, 0.90, 0.021, 0.9, False, "pruned")
    with pytest.raises(Conflict, match=r"pruned lost 2\.1 points of accuracy .* at most 1\.0 are allowed") as caught:
        require_parity(variant)
    assert "不予上线" in caught.value.sentence("zh")
    require_parity(variant, allowed_loss=0.03)
    with pytest.raises(Conflict, match="made for comparison"):
        require_parity(replace(variant, folder="", lost=0.0))


def test_a_variant_that_learnt_wrongly_does_not_pass(original: Path, tmp_path: Path) -> None:
    """A student of exchanged labels, without the teacher's word: the table shows the loss, and the gate holds."""
    exchanged = {"refund": "price", "price": "greeting", "greeting": "refund"}

    def wrong(data: tuple[list[str], list[str]]) -> tuple[list[str], list[str]]:
        return data[0], [exchanged[label] for label in data[1]]

    args = replace(ARGS, variants=("distilled",), soft=0.0)
    found = compress_classifier(original, tmp_path, wrong(TRAIN), wrong(VALIDATION), HELD_OUT, args, QUIET)
    student = found.variants[1]
    assert student.accuracy < 0.2
    assert student.lost > 0.7
    assert student.agreement < 0.2
    assert not student.passed
    with pytest.raises(Conflict, match="at most 1"):
        require_parity(student)


def test_a_cancelled_compression_goes_on(original: Path, tmp_path: Path) -> None:
    args = replace(ARGS, variants=("onnx-int8", "distilled"))
    with pytest.raises(Cancelled):
        compress_classifier(original, tmp_path, TRAIN, VALIDATION, HELD_OUT, args, Recorder(stop_check=30))
    assert (tmp_path / "onnx-int8" / NAME).is_file()
    assert not (tmp_path / "distilled" / NAME).exists(), "what is half-made is no model"
    assert list((tmp_path / "distilled" / "checkpoints").glob("step-*"))
    with pytest.raises(Unavailable, match="no finished compression"):
        read_compression(tmp_path)
    made = (tmp_path / "onnx-int8" / NAME).stat().st_mtime_ns
    watch = Recorder()
    found = compress_classifier(original, tmp_path, TRAIN, VALIDATION, HELD_OUT, args, watch)
    assert (tmp_path / "onnx-int8" / NAME).stat().st_mtime_ns == made, "a variant that is sealed is kept"
    assert any("resumed" in line for line in watch.lines)
    whole = compress_classifier(original, tmp_path / "again", TRAIN, VALIDATION, HELD_OUT, args, QUIET)
    assert [v.accuracy for v in whole.variants] == [v.accuracy for v in found.variants]
    texts = HELD_OUT[0][:20]
    one, two = (
        load_classifier(folder / "distilled", device="cpu").logits(texts) for folder in (tmp_path, tmp_path / "again")
    )
    assert np.array_equal(one, two), "cut off and gone on with gives the same student"


def test_other_settings_make_the_variant_anew(original: Path, tmp_path: Path) -> None:
    args = replace(ARGS, variants=("pruned",), recovery_epochs=1)
    compress_classifier(original, tmp_path, TRAIN, VALIDATION, HELD_OUT, args, QUIET)
    before = read_manifest(tmp_path / "pruned").facts
    compress_classifier(original, tmp_path, TRAIN, VALIDATION, HELD_OUT, replace(args, neurons=0.25), QUIET)
    after = read_manifest(tmp_path / "pruned").facts
    assert (before["left"], after["left"]) == (32, 16)
    assert before["fingerprint"] != after["fingerprint"]


def test_several_labels(tmp_path: Path) -> None:
    training, validation, held_out = many_labels(160, 1), many_labels(48, 2), many_labels(48, 3)
    encoder = tiny_bert(tmp_path / "encoder")
    train_classifier(*training, validation, small_args(encoder, task="multi", epochs=6), tmp_path / "model", QUIET)
    args = replace(ARGS, variants=("onnx-int8", "distilled"), epochs=4)
    found = compress_classifier(tmp_path / "model", tmp_path / "small", training, validation, held_out, args, QUIET)
    assert found.variants[0].accuracy > 0.8
    assert abs(found.variants[1].lost) < 0.05


def test_bad_input_ends_in_a_sentence(original: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="label strange is none of those of signs"):
        labelled((["x"], ["strange"]), read_manifest(original))
    with pytest.raises(BadInput, match="no rows of test"):
        compress_classifier(original, tmp_path, TRAIN, VALIDATION, ([], []), ARGS, QUIET)
    with pytest.raises(BadInput, match="no rows of validation"):
        compress_classifier(original, tmp_path, TRAIN, ([], []), HELD_OUT, replace(ARGS, variants=("pruned",)), QUIET)
    for options in ({"variants": ("zip",)}, {"variants": ()}, {"neurons": 2.0}, {"temperature": 0.0}):
        with pytest.raises(BadInput, match="cannot be"):
            CompressArgs(**options)  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        compress_classifier(tmp_path / "nothing", tmp_path, TRAIN, VALIDATION, HELD_OUT, ARGS, QUIET)
    (tmp_path / "other").mkdir()
    write_manifest(tmp_path / "other", Manifest(kind="tabular", name="risk"))
    with pytest.raises(Unavailable, match="risk"):
        compress_classifier(tmp_path / "other", tmp_path, TRAIN, VALIDATION, HELD_OUT, ARGS, QUIET)


def test_a_shape_that_cannot_be_pruned_is_refused(original: Path) -> None:
    network: Any = open_network(original, normalise=True)[0]
    network.encoder.config.intermediate_size = 999
    with pytest.raises(BadInput, match="Choose onnx-int8"):
        prune_neurons(network, 0.5)
    network.encoder.config.num_hidden_layers = 77
    with pytest.raises(BadInput, match="cannot be made smaller here"):
        keep_layers(network, 1)
