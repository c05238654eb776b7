"""Text classifiers are trained for real, on an encoder of a few thousand weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import BadInput, Conflict, Unavailable
from core.models.classifiers.classifier import load_classifier
from core.models.manifest import NAME, read_manifest
from core.training.classification.train import train_classifier
from tests.tiny_models import tiny_bert
from tests.unit.training.classifier_helpers import SIGNS, Recorder, many_labels, rows, small_args

TRAIN, VALIDATION = rows(180, 1), rows(60, 2)
HELD_OUT = rows(60, 3)

# The tiny tokenizer breaks ties at random, so how well a model learns with it varies from run to run.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("encoder"))


def accuracy(folder: Path, data: tuple[list[str], list[str]] = HELD_OUT) -> float:
    names = load_classifier(folder, device="cpu").predict(data[0]).names
    return float(np.mean([name == gold for name, gold in zip(names, data[1], strict=True)]))


@pytest.mark.parametrize("mode", ["full", "lora"])
def test_it_learns_by_gradient(mode: str, encoder: Path, tmp_path: Path) -> None:
    watch = Recorder()
    args = small_args(encoder, mode=mode, learning_rate=3e-3 if mode == "full" else 1e-2, lora_alpha=64, export=True)
    manifest = train_classifier(*TRAIN, VALIDATION, args, tmp_path / "model", watch, data={"name": "signs"})
    assert manifest.labels == tuple(sorted(SIGNS))
    assert manifest.metrics["accuracy"] >= 0.85
    assert accuracy(tmp_path / "model") >= 0.85
    assert watch.values("loss")[-1] < 0.8 * watch.values("loss")[0]
    assert watch.steps[-1] == ("train", 48, 48)
    assert manifest.facts["mode"] == mode
    assert manifest.data == {"name": "signs"}


def test_a_head_may_start_from_a_regression(encoder: Path, tmp_path: Path) -> None:
    chance, start = Recorder(), Recorder()
    for watch, begun in ((chance, False), (start, True)):
        args = small_args(encoder, epochs=1, learning_rate=1e-4, head_start=begun)
        train_classifier(*TRAIN, VALIDATION, args, tmp_path / str(begun), watch)
    assert chance.values("loss")[0] == pytest.approx(np.log(3), abs=0.15)
    assert start.values("loss")[0] < chance.values("loss")[0] - 0.1
    assert start.values("validation_accuracy")[0] > chance.values("validation_accuracy")[0]


def test_low_rank_deltas_end_in_an_ordinary_encoder(encoder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file
    from transformers import AutoModel

    args = small_args(encoder, mode="lora", learning_rate=1e-2)
    train_classifier(*TRAIN, VALIDATION, args, tmp_path / "model", Recorder())
    weights = load_file(tmp_path / "model" / "encoder" / "model.safetensors")
    before = AutoModel.from_pretrained(encoder).state_dict()
    assert not any("lora" in name for name in weights)
    moved = {name for name, value in weights.items() if not value.equal(before[name])}
    assert "encoder.layer.0.attention.self.query.weight" in moved
    assert "embeddings.word_embeddings.weight" not in moved


def test_a_frozen_encoder_stays_as_it_came(encoder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file
    from transformers import AutoModel

    manifest = train_classifier(*TRAIN, VALIDATION, small_args(encoder, mode="frozen"), tmp_path / "m", Recorder())
    before = AutoModel.from_pretrained(encoder).state_dict()
    weights = load_file(tmp_path / "m" / "encoder" / "model.safetensors")
    assert all(value.equal(before[name]) for name, value in weights.items())
    assert manifest.metrics["accuracy"] > 0.8
    assert accuracy(tmp_path / "m") == pytest.approx(manifest.metrics["accuracy"], abs=0.2)


def test_several_labels_a_text(encoder: Path, tmp_path: Path) -> None:
    texts, labels = many_labels(320, 1)
    held, gold = many_labels(80, 2)
    args = small_args(encoder, task="multi", metric="f1_macro", epochs=6, class_weights="balanced")
    manifest = train_classifier(texts, labels, (held, gold), args, tmp_path / "model", Recorder())
    assert manifest.metrics["f1_macro"] > 0.9
    found = load_classifier(tmp_path / "model", device="cpu").predict(held)
    right = [set(names) == set(given) for names, given in zip(found.name_sets, gold, strict=True)]
    assert np.mean(right) == pytest.approx(manifest.metrics["accuracy"], abs=0.03)
    assert any(len(names) > 1 for names in found.name_sets)
    assert () in found.name_sets


def test_several_labels_on_fixed_vectors(encoder: Path, tmp_path: Path) -> None:
    texts, labels = many_labels(320, 1)
    args = small_args(encoder, task="multi", mode="frozen", metric="f1_macro")
    manifest = train_classifier(texts, labels, many_labels(80, 2), args, tmp_path / "model", Recorder())
    assert manifest.metrics["f1_macro"] > 0.7


def test_few_examples_are_learnt_by_contrast(encoder: Path, tmp_path: Path) -> None:
    few, watch = rows(24, 5), Recorder()
    args = small_args(encoder, mode="auto", few_shot_steps=30, few_shot_batch=18, few_shot_rate=2e-3)
    manifest = train_classifier(*few, ([], []), args, tmp_path / "model", watch)
    assert manifest.facts["mode"] == "few_shot"
    assert manifest.metrics == {}
    assert manifest.facts["calibration"] == {"method": "none", "scale": 1.0, "offsets": [], "rows": 0}
    assert accuracy(tmp_path / "model") > 0.8
    assert watch.values("loss")[-1] < watch.values("loss")[0] - 0.8
    assert ("contrast", 30, 30) in watch.steps


def test_many_examples_are_not_few(encoder: Path, tmp_path: Path) -> None:
    args = small_args(encoder, mode="auto", epochs=1)
    assert train_classifier(*TRAIN, VALIDATION, args, tmp_path / "model", Recorder()).facts["mode"] == "full"


def test_the_same_run_gives_the_same_metrics(encoder: Path, tmp_path: Path) -> None:
    args = small_args(encoder, epochs=2, learning_rate=1e-3)
    first, second, other = (
        train_classifier(*TRAIN, VALIDATION, one, tmp_path / str(number), Recorder()).metrics
        for number, one in enumerate((args, args, small_args(encoder, epochs=2, learning_rate=1e-3, seed=1)))
    )
    assert first == second
    assert first != other


def test_it_stops_when_nothing_gets_better(encoder: Path, tmp_path: Path) -> None:
    args = small_args(encoder, epochs=20, patience=2, learning_rate=1e-9)
    watch = Recorder()
    manifest = train_classifier(*TRAIN, VALIDATION, args, tmp_path / "model", watch)
    assert manifest.facts["stopped_early"]
    assert manifest.facts["steps"] == 3 * 12
    assert manifest.facts["best_step"] == 12
    assert len(watch.values("validation_accuracy")) == 3


def test_the_best_evaluation_is_what_is_kept(encoder: Path, tmp_path: Path) -> None:
    args = small_args(encoder, epochs=5, learning_rate=3e-2, schedule="constant", evaluations_per_epoch=3)
    watch = Recorder()
    manifest = train_classifier(*TRAIN, VALIDATION, args, tmp_path / "model", watch)
    measured = watch.values("validation_accuracy")
    assert manifest.metrics["accuracy"] == pytest.approx(max(measured))
    assert min(measured) < max(measured)


def test_temperature_makes_probabilities_believable(encoder: Path, tmp_path: Path) -> None:
    texts, labels = rows(240, 1)
    noise = np.random.default_rng(0).random(240) < 0.25  # a quarter of the labels are wrong: nobody can be sure
    noisy = [sorted(SIGNS)[int(at)] for at in np.random.default_rng(1).integers(0, 3, 240)]
    mixed = [wrong if bad else right for wrong, right, bad in zip(noisy, labels, noise, strict=True)]
    args = small_args(encoder, epochs=12, patience=12, metric="f1_macro", learning_rate=1e-2, schedule="constant")
    manifest = train_classifier(texts[:180], mixed[:180], (texts[180:], mixed[180:]), args, tmp_path / "m", Recorder())
    assert manifest.facts["calibration"]["method"] == "temperature"
    assert manifest.facts["calibration"]["scale"] < 1
    assert manifest.metrics["ece"] < manifest.metrics["ece_before"]


def test_a_finished_run_is_not_repeated(encoder: Path, tmp_path: Path) -> None:
    args, watch = small_args(encoder, epochs=1), Recorder()
    first = train_classifier(*TRAIN, VALIDATION, args, tmp_path / "model", Recorder())
    assert train_classifier(*TRAIN, VALIDATION, args, tmp_path / "model", watch) == first
    assert watch.steps == []
    with pytest.raises(Conflict, match="already holds a finished model"):
        train_classifier(*TRAIN, VALIDATION, small_args(encoder, epochs=2), tmp_path / "model", Recorder())


def test_the_folder_holds_no_pickle_and_no_leftovers(encoder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    args = small_args(encoder, epochs=1, export=True)
    manifest = train_classifier(*TRAIN, VALIDATION, args, folder, Recorder())
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {NAME, *manifest.files}
    assert {Path(name).suffix for name in files} <= {".json", ".safetensors", ".onnx", ".txt"}
    assert "head.safetensors" in files
    assert read_manifest(folder) == manifest


def test_a_text_that_the_encoder_cannot_read_is_said(encoder: Path, tmp_path: Path) -> None:
    texts = [f"☃ ☂ {text}" for text in TRAIN[0]]
    watch = Recorder()
    args = small_args(encoder, epochs=1)
    manifest = train_classifier(texts, TRAIN[1], VALIDATION, args, tmp_path / "model", watch)
    assert manifest.facts["unknown_share"] > 0.2
    assert any("cannot read" in line for line in watch.lines)


BAD: list[tuple[str, dict[str, Any]]] = [
    ("training.no_rows", {"texts": [], "labels": []}),
    ("training.no_validation", {"validation": ([], [])}),
    ("training.lengths", {"labels": TRAIN[1][:-1]}),
    ("training.one_class", {"labels": ["refund"] * 180}),
    ("training.empty_text", {"texts": ["  ", *TRAIN[0][1:]]}),
    ("training.label_empty", {"labels": [" ", *TRAIN[1][1:]]}),
    ("training.label_kind", {"labels": [["refund", "price"], *TRAIN[1][1:]]}),
    ("training.unknown_label", {"validation": (["a"], ["no such label"])}),
]


@pytest.mark.parametrize(("code", "wrong"), BAD, ids=[code for code, _ in BAD])
def test_bad_rows_are_named(code: str, wrong: dict[str, Any], encoder: Path, tmp_path: Path) -> None:
    given = {"texts": TRAIN[0], "labels": TRAIN[1], "validation": VALIDATION, **wrong}
    with pytest.raises(BadInput) as caught:
        train_classifier(**given, args=small_args(encoder), folder=tmp_path / "model", watch=Recorder())
    assert caught.value.code == code
    assert caught.value.sentence("zh") != caught.value.sentence("en")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("epochs", 0), ("learning_rate", 0.0), ("mode", "magic"), ("warm_up", 1.0), ("metric", "x"), ("accumulate", 99)],
)
def test_bad_arguments_are_named(name: str, value: Any, encoder: Path) -> None:
    with pytest.raises(BadInput, match=f"The setting {name} is {value}"):
        small_args(encoder, **{name: value})


def test_an_encoder_must_be_safetensors(encoder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    folder.mkdir()
    (folder / "config.json").write_bytes((encoder / "config.json").read_bytes())
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x02.")
    with pytest.raises(BadInput, match="safetensors"):
        train_classifier(*TRAIN, VALIDATION, small_args(folder), tmp_path / "model", Recorder())
    with pytest.raises(BadInput, match=r"config\.json"):
        train_classifier(*TRAIN, VALIDATION, small_args(tmp_path / "none"), tmp_path / "model", Recorder())
    with pytest.raises(Unavailable, match="no model named"):
        train_classifier(
            *TRAIN, VALIDATION, small_args(encoder, encoder="no-such-model"), tmp_path / "model", Recorder()
        )


def test_a_run_that_goes_astray_says_so(encoder: Path, tmp_path: Path) -> None:
    args = small_args(encoder, learning_rate=1e30, clip_norm=1e30, warm_up=0.0)
    with pytest.raises(BadInput, match="no longer a number"):
        train_classifier(*TRAIN, VALIDATION, args, tmp_path / "model", Recorder())
    assert not (tmp_path / "model" / NAME).exists()


def test_a_full_disk_is_said_and_leaves_no_version(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("core.training.classification.train.save_network", full)
    with pytest.raises(Unavailable, match="The disk is full"):
        train_classifier(*TRAIN, VALIDATION, small_args(encoder, epochs=1), tmp_path / "model", Recorder())
    assert not (tmp_path / "model" / NAME).exists()


@pytest.mark.parametrize(
    "fault", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes")]
)
def test_too_little_memory_is_said_and_leaves_no_version(
    fault: Exception, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.training.trainer import Loop

    def starved(*_: Any) -> float:
        raise fault

    monkeypatch.setattr(Loop, "_backward", starved)
    with pytest.raises(Unavailable) as caught:
        train_classifier(*TRAIN, VALIDATION, small_args(encoder, epochs=1), tmp_path / "model", Recorder())
    assert caught.value.code == "training.out_of_memory"
    for language in ("en", "zh"):
        assert "16" in caught.value.sentence(language)  # rows a step: what to make smaller
    assert not (tmp_path / "model" / NAME).exists()
