"""Makes ``starters/sentiment``: negative, neutral, positive in English and Chinese, on the bilingual encoder.

Low-rank deltas are trained on the encoder and stored as int8 factors; the figures in the card are those of the stored
weights as the product runs them (onnxruntime), on rows that training never saw.

    python -m tools.starter_sentiment [--scale SHARE] --data DIR --work DIR --target DIR
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from core.evaluation.calibration import expected_calibration_error, fit_calibration, reliability
from core.evaluation.classification import classification_scores
from core.models.classifiers.classifier import TextClassifier, load_classifier
from core.models.classifiers.packed import CHANGES, whole, write_packed
from core.models.manifest import Manifest, write_manifest
from core.settings import Settings
from core.training.classification.args import ClassifierArgs
from core.training.classification.train import train_classifier
from core.training.encoders import encoder_folder
from core.training.watch import Quiet, Watch
from tools.starter_sentiment_data import (
    LABELS,
    Row,
    chnsenticorp,
    held,
    product_reviews,
    pros_cons,
    sst2,
    training_rows,
)
from tools.starter_sentiment_data import everyday as tatoeba
from tools.starter_sentiment_data import waimai as take_away

NAME = "pilotlight-sentiment"
ENCODER = "pilotlight-minilm-bilingual"
ARGS = ClassifierArgs(
    encoder=ENCODER,
    mode="lora",
    metric="f1_macro",
    epochs=2,
    batch_size=32,
    learning_rate=1e-3,
    lora_rank=16,
    lora_alpha=32,
    label_smoothing=0.05,
    max_tokens=64,
    evaluations_per_epoch=3,
    patience=0,
    export=False,
    seed=20261122,
)
READS = 256  # tokens of a text that the product reads; training is on shorter ones for its time
SCALE = 0.6  # of the rows at hand
SOURCES = (
    ("Pros and Cons, Product Reviews (Bing Liu; NLTK)", "CC BY 4.0"),
    ("SST-2 train", "unclear: research"),
    ("ChnSentiCorp train", "unclear: research"),
    ("waimai_10k, nine tenths", "unclear: research"),
    ("Tatoeba cmn-eng, nine tenths, labelled by lexicons", "CC BY 2.0 FR"),
    ("BANKING77 train", "CC BY 4.0"),
    ("help centres in core/training/data", "written for this project"),
    ("VADER lexicon", "MIT"),
    ("Opinion Lexicon (Hu and Liu)", "CC BY 4.0"),
)
PROBES = (
    "今天天气很好，我们去公园玩吧。",
    "This is a great product.",
    "太差了，再也不会买了。",
    "My parcel never arrived and nobody answers!",
    "怎么修改收货地址？",
    "The shop opens at nine.",
)
# Rows that training never saw.
TESTS: Mapping[str, Callable[[Path], Iterable[Row]]] = {
    "sst2": lambda data: sst2(data, "test.tsv"),
    "chnsenticorp": lambda data: chnsenticorp(data, "test"),
    "waimai": lambda data: held(take_away, data),
    "pros_cons": lambda data: held(pros_cons, data),
    "product_reviews": lambda data: product_reviews(data, held=True),
    "everyday_en": lambda data: [row for row in held(tatoeba, data) if row.language == "en"],
    "everyday_zh": lambda data: [row for row in held(tatoeba, data) if row.language == "zh"],
}


def make(data: Path, work: Path, target: Path, watch: Watch | None = None, scale: float = SCALE) -> Manifest:
    """Trains on ``scale`` of the rows in ``data`` and seals the packed classifier in ``target`` with its card.

    A run that was stopped goes on from ``work``.
    """
    settings = Settings(data_dir=work / "var", _env_file=None)
    training, validation = training_rows(data, scale=scale)
    trained = train_classifier(
        [row.text for row in training],
        [row.label for row in training],
        ([row.text for row in validation], [row.label for row in validation]),
        ARGS,
        work / "model",
        watch or Quiet(),
        name=NAME,
        data=dict(SOURCES),
        settings=settings,
    )
    return seal(trained, work, target, validation, data, settings)


def seal(
    trained: Manifest, work: Path, target: Path, validation: Sequence[Row], data: Path, settings: Settings
) -> Manifest:
    """Packs the classifier in ``work``, calibrates and judges what the product makes of it, and writes the card."""
    shutil.rmtree(target, ignore_errors=True)
    facts = {**trained.facts, "max_tokens": READS, "languages": ["en", "zh"], "licence": "research"}
    manifest = replace(trained, name=NAME, base=ENCODER, facts=facts)
    base = encoder_folder(ENCODER, settings)
    manifest = write_packed(work / "model", base, target, manifest, rank=ARGS.lora_rank)
    judged = load_classifier(whole(target, settings), device="cpu", threads=1)
    logits = judged.logits([row.text for row in validation])
    gold = np.array([manifest.labels.index(row.label) for row in validation])
    fitted = fit_calibration(logits, gold, "temperature")
    manifest = replace(manifest, facts={**facts, "calibration": {**asdict(fitted), "rows": len(gold)}}, files={})
    manifest = write_manifest(target, manifest)
    judged = load_classifier(whole(target, settings), device="cpu", threads=1)
    metrics = scores(judged, data)
    manifest = replace(manifest, metrics={**trained.metrics, **metrics}, files={})
    (target / "README.md").write_text(card(manifest, judged), encoding="utf-8")
    return write_manifest(target, manifest)


def scores(classifier: TextClassifier, data: Path) -> dict[str, float]:
    """Accuracy and macro F1 of each test set as ``<set>_accuracy``. Sets of two classes are judged with the likelier of
    negative and positive, as others report them; ``<set>_ece`` is of all three."""
    found: dict[str, float] = {}
    for name, source in TESTS.items():
        rows = list(source(data))
        predicted = classifier.predict([row.text for row in rows])
        chances = predicted.probabilities
        gold = np.array([predicted.labels.index(row.label) for row in rows])
        kept = np.array([predicted.labels.index(label) for label in LABELS if label in {row.label for row in rows}])
        given = kept[chances[:, kept].argmax(axis=1)]
        judged = classification_scores(gold, given, predicted.labels)
        right = chances.argmax(axis=1) == gold
        found[f"{name}_rows"] = len(rows)
        found[f"{name}_accuracy"] = judged.accuracy
        found[f"{name}_ece"] = expected_calibration_error(reliability(right, chances.max(axis=1)))
    return found


def card(manifest: Manifest, classifier: TextClassifier) -> str:
    """What it is, what it was made of, what it can and cannot do, figures and samples as they came."""
    sources = "\n".join(f"| {name} | {licence} |" for name, licence in SOURCES)
    figures = "\n".join(
        f"| {name} | {manifest.metrics[f'{name}_rows']:.0f} | {manifest.metrics[f'{name}_accuracy']:.4f} "
        f"| {manifest.metrics[f'{name}_ece']:.4f} |"
        for name in TESTS
    )
    chances = classifier.predict(PROBES).probabilities
    samples = "\n".join(
        f"| {text} | " + " | ".join(f"{value:.2f}" for value in row) + " |"
        for text, row in zip(PROBES, chances, strict=True)
    )
    rows = sum(manifest.facts["training_rows"].values())
    return (
        f"# {NAME}\n\nSentiment of a text in English or Chinese: {', '.join(manifest.labels)}. Research data: retrain "
        "before commercial use (SST-2, ChnSentiCorp and waimai_10k have no clear licence).\n\n"
        f"`{CHANGES}` holds low-rank differences (rank {ARGS.lora_rank}, int8) from the encoder `{ENCODER}`; the whole "
        "classifier is made of both, and exported to ONNX, at the first use, in the data folder.\n\n"
        f"## Trained on\n{rows:,} rows, {ARGS.epochs} epochs, texts cut at {ARGS.max_tokens} tokens "
        f"(in use: {READS}).\n\n| data | licence |\n|---|---|\n{sources}\n\n"
        "Everyday sentences carry the label on which two English opinion lexicons agree; their Chinese side takes the "
        "same. Questions and help pages are neutral.\n\n"
        "## Figures of the stored weights on rows that were held out\nSets of two classes: the likelier of negative "
        "and positive. Calibration error (ECE) over all three classes.\n\n| set | rows | accuracy | ECE |\n"
        f"|---|---|---|---|\n{figures}\n\n"
        f"## As it came\n| text | {' | '.join(manifest.labels)} |\n|---|{'---|' * len(manifest.labels)}\n{samples}\n\n"
        "## Limits\nIrony, mixed texts and praise of a rival are often misread. Neutral was learnt from questions, "
        "help pages and everyday statements, not from lukewarm reviews. Labels of take-away reviews are noisy. "
        "Traditional characters are read, Cantonese and dialect were not trained on.\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = os.environ.get("PILOTLIGHT_SHARED_DATA", str(Path(__file__).resolve().parents[2] / "shared" / "data"))
    parser.add_argument("--scale", type=float, default=SCALE, help="share of the rows to learn from")
    parser.add_argument("--data", type=Path, default=Path(shared))
    parser.add_argument("--work", type=Path, required=True, help="where a run that was stopped goes on")
    parser.add_argument("--target", type=Path, required=True)
    options = parser.parse_args()
    manifest = make(options.data, options.work, options.target, scale=options.scale)
    print(json.dumps({**manifest.metrics, "bytes": (options.target / CHANGES).stat().st_size}, indent=1))


if __name__ == "__main__":
    main()
