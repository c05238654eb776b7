"""N-grams beside an encoder: what they count, that they add up, how much say they get, and that they go along."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.errors import Unavailable
from core.evaluation.classification import Ints
from core.models.classifiers.classifier import load_classifier
from core.models.classifiers.explain_text import load_classifier_explainer
from core.models.classifiers.ngrams import FILE, NgramModel, held, load_beside
from core.models.manifest import read_manifest
from core.training.classification.ngrams import fit_ngrams, fit_voices, unevenness
from core.training.classification.rows import LabelledTexts, checked_rows
from core.training.classification.train import train_classifier
from core.training.compression.args import CompressArgs
from core.training.compression.train import compress_classifier
from core.training.watch import Quiet
from tests.tiny_models import tiny_bert
from tests.unit.training.classifier_helpers import Recorder, many_labels, rows, small_args

TRAIN, VALIDATION, HELD_OUT = rows(180, 1), rows(60, 2), rows(90, 3)
REVIEWS = [
    ("the room was not good", "negative"),
    ("not good at all", "negative"),
    ("房间不好，再也不来", "negative"),
    ("早餐不好", "negative"),
    ("the room was good", "positive"),
    ("good breakfast , good view", "positive"),
    ("房间很好", "positive"),
    ("早餐很好，还会再来", "positive"),
]


def labelled(pairs: list[tuple[str, str]]) -> LabelledTexts:
    texts, labels = [list(side) for side in zip(*pairs, strict=True)]
    return checked_rows(texts, labels, (texts, labels), small_args(Path("unused")))[0]


@pytest.fixture(scope="module")
def reviews() -> NgramModel:
    model = fit_ngrams(labelled(REVIEWS), small_args(Path("unused")))
    assert model is not None
    return model


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("encoder"))


@pytest.fixture(scope="module")
def trained(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random encoder, left as it is, that knows little, and n-grams that know all."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    args = small_args(encoder, mode="frozen", ngrams=True, export=True)
    train_classifier(*TRAIN, VALIDATION, args, folder, Quiet(1e9), name="signs")
    return folder


def in_order(count: int, seed: int) -> tuple[list[str], list[str]]:
    """Texts of the same words, which alone say nothing: their order does."""
    generator = np.random.default_rng(seed)
    texts, labels = [], []
    for number in range(count):
        words = list(generator.choice(["the", "and", "only", "from", "days", "may", "be", "within"], 6))
        place = int(generator.integers(0, 6))
        words[place:place] = ["money", "returned"] if number % 2 else ["returned", "money"]
        texts.append(" ".join(words))
        labels.append("forwards" if number % 2 else "backwards")
    return texts, labels


def right(folder: Path, data: Any = HELD_OUT) -> float:
    names = load_classifier(folder, device="cpu").predict(data[0]).names
    return float(np.mean([name == gold for name, gold in zip(names, data[1], strict=True)]))


def test_a_run_of_words_says_what_its_words_do_not(reviews: NgramModel) -> None:
    texts = ["good", "not good", "很好", "不好", "GOOD", "ｎｏｔ　ｇｏｏｄ"]
    names = [("negative", "positive")[best] for best in reviews.logits(texts).argmax(axis=1)]
    assert names == ["positive", "negative", "positive", "negative", "positive", "negative"]


def test_nothing_known_leaves_the_bias(reviews: NgramModel) -> None:
    found = reviews.logits(["zebra", "  ", ""])
    assert found == pytest.approx(np.tile(reviews.bias, (3, 1)))
    assert reviews.logits([]).shape == (0, 2)
    spans, added = reviews.contributions("zebra")
    assert spans == [(0, 5)]
    assert added == pytest.approx(np.zeros((1, 2)))
    assert reviews.contributions(" ")[0] == []


WORDS = ("good", "not", "房", "间", "不", "好", ",", "早", "breakfast", "Good", "zebra", "")


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
@example("not good not good")
@settings(max_examples=60, deadline=None)
def test_contributions_add_up_to_the_logits(reviews: NgramModel, text: str) -> None:
    spans, added = reviews.contributions(text)
    assert reviews.bias + added.sum(axis=0) == pytest.approx(reviews.logits([text])[0], abs=1e-5)
    assert all(text[start:end].strip() == text[start:end] != "" for start, end in spans)


def test_a_text_is_the_same_alone_and_among_others(reviews: NgramModel) -> None:
    texts = [text for text, _ in REVIEWS]
    alone = np.concatenate([reviews.logits([text]) for text in texts])
    assert reviews.logits(texts) == pytest.approx(alone, abs=1e-6)


def test_what_one_text_holds_is_not_learnt() -> None:
    pairs = [("apple pie", "a"), ("apple cake", "a"), ("pear soup", "b"), ("pear stew", "b")]
    model = fit_ngrams(labelled(pairs), small_args(Path("unused")))
    assert model is not None
    assert len(model.buckets) == 2, "apple and pear"
    assert fit_ngrams(labelled([("one", "a"), ("two", "b")]), small_args(Path("unused"))) is None


def test_even_n_grams_count_less() -> None:
    some = labelled([("x y", "a"), ("x y", "a"), ("x z", "b"), ("x z", "b")])
    counted = held(some.texts)
    buckets = np.flatnonzero(np.asarray(counted.sum(axis=0)).ravel())
    scales = dict(zip(buckets.tolist(), unevenness(counted[:, buckets], some).tolist(), strict=True))
    (x,), (y,) = (held([word]).indices.tolist() for word in "xy")
    assert scales[x] == pytest.approx(0)
    assert scales[y] == pytest.approx(np.log(3), abs=0.01)


@pytest.mark.parametrize("task", ["single", "multi"])
def test_who_knows_gets_the_say(task: Any) -> None:
    generator = np.random.default_rng(0)
    gold: Ints = np.arange(300) % 3
    one_hot = np.eye(3)[gold]
    knows = 3 * one_hot - 1 + generator.normal(0, 1, (300, 3))
    noise = generator.normal(0, 1, (300, 3))
    some = LabelledTexts(("x",) * 300, one_hot.astype(np.int64) if task == "multi" else gold, tuple("abc"), task)
    first, second = fit_voices(knows, noise, some)
    assert first > 0.5
    assert second < 0.1 * first
    assert fit_voices(noise, knows, some) == pytest.approx((second, first), abs=1e-2)
    assert fit_voices(-knows, -knows, some) == (0, 0), "neither is listened to the wrong way round"
    nothing = replace(some, texts=(), targets=some.targets[:0])
    assert fit_voices(knows[:0], noise[:0], nothing) == (1, 0)


def test_they_stand_beside_the_encoder_in_use(trained: Path, encoder: Path, tmp_path: Path) -> None:
    manifest = read_manifest(trained)
    beside = load_beside(trained, manifest.facts)
    assert beside is not None
    assert beside.voices[1] > 0
    assert manifest.facts["ngrams"]["features"] == len(beside.model.buckets) > 9
    classifier = load_classifier(trained, device="cpu")
    deep, texts = classifier.encoder_logits(HELD_OUT[0]), HELD_OUT[0]
    assert classifier.logits(texts) == pytest.approx(beside.joined(deep, texts), abs=1e-5)
    assert right(trained) >= 0.97
    assert manifest.metrics["accuracy"] == pytest.approx(right(trained, VALIDATION), abs=0.02)


def test_they_know_what_a_poor_encoder_does_not(encoder: Path, tmp_path: Path) -> None:
    parts = [in_order(count, seed) for count, seed in ((300, 1), (100, 2), (200, 3))]
    for ngrams in (False, True):
        args = small_args(encoder, mode="frozen", ngrams=ngrams)
        train_classifier(*parts[0], parts[1], args, tmp_path / str(ngrams), Quiet(1e9))
    assert not (tmp_path / "False" / FILE).exists()
    assert right(tmp_path / "False", parts[2]) < 0.9 < 0.97 < right(tmp_path / "True", parts[2])


def test_no_torch_is_loaded_for_them(trained: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from core.models.classifiers.classifier import load_classifier;"
        "print(load_classifier(Path(sys.argv[1]), device='cpu').predict(['money returned']).names);"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(trained)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["['refund']", "False"]


def test_a_damaged_file_is_refused(trained: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(trained, tmp_path / "copy")
    path = tmp_path / "copy" / FILE
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(Unavailable, match=FILE):
        load_classifier(tmp_path / "copy", device="cpu")


def test_the_explanation_is_of_both(trained: Path) -> None:
    text = "the delivery sign and more"
    found = load_classifier_explainer(trained, device="cpu").explain(text)
    classifier = load_classifier(trained, device="cpu", precision="fp32")
    logits = classifier.logits([text])[0] * classifier.decision.calibration.scale
    best = int(logits.argmax())
    odds = logits[best] - np.log(np.exp(np.delete(logits, best)).sum())
    assert found.said.label == classifier.labels[best] == "greeting"
    assert found.said.output == pytest.approx(odds, abs=1e-3)
    assert found.said.close
    total = sum(word.weight for word in found.words)
    assert total == pytest.approx(found.said.output - found.said.empty, abs=0.03 * (abs(total) + 1))
    heaviest = sorted(found.words, key=lambda word: -word.weight)[:2]
    assert {word.word for word in heaviest} == {"delivery", "sign"}


def test_smaller_variants_keep_them(trained: Path, tmp_path: Path) -> None:
    args = CompressArgs(
        variants=("onnx-int8", "dynamic-int8", "distilled"), epochs=1, batch_size=16, learning_rate=2e-3, device="cpu",
        precision="fp32", timed=10, repeats=1,
    )  # fmt: skip
    found = compress_classifier(trained, tmp_path, TRAIN, VALIDATION, HELD_OUT, args, Quiet(1e9))
    for variant in found.variants:
        assert variant.accuracy >= 0.95, variant
        if variant.folder:
            facts = read_manifest(tmp_path / variant.folder).facts
            assert load_beside(tmp_path / variant.folder, facts) is not None
            assert right(tmp_path / variant.folder) == pytest.approx(variant.accuracy)


def test_several_labels_a_text(encoder: Path, tmp_path: Path) -> None:
    args = small_args(encoder, mode="frozen", task="multi", ngrams=True)
    train_classifier(*many_labels(200, 1), many_labels(80, 2), args, tmp_path / "model", Quiet(1e9))
    texts, gold = many_labels(80, 3)
    found = load_classifier(tmp_path / "model", device="cpu").predict(texts).name_sets
    assert np.mean([set(one) == set(other) for one, other in zip(found, gold, strict=True)]) >= 0.95


def test_without_validation_rows_the_encoder_speaks_alone(encoder: Path, tmp_path: Path) -> None:
    watch = Recorder()
    args = small_args(encoder, mode="few_shot", few_shot_steps=1, few_shot_batch=8, ngrams=True)
    manifest = train_classifier(*rows(12, 1), ([], []), args, tmp_path / "model", watch)
    assert "ngrams" not in manifest.facts
    assert not (tmp_path / "model" / FILE).exists()
    assert any("no validation rows" in line for line in watch.lines)
