"""The table of a compression: size, speed and accuracy of the original and its variants, on the same texts at once."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.evaluation.classification import classification_scores
from core.models.classifiers.classifier import (
    ONNX,
    Predicted,
    TextClassifier,
    TorchRuntime,
    decision_of,
    load_classifier,
)
from core.models.classifiers.ngrams import FILE as NGRAMS
from core.models.classifiers.text_network import ENCODER, HEAD, Backbone, open_network
from core.training.classification.rows import LabelledTexts
from core.training.compression.args import ORIGINAL, Compression, Job, Kind, Variant


@dataclass(slots=True)
class _Side:
    name: str
    runs: str
    size: int
    model: TextClassifier
    folder: str = ""
    seconds: float = float("inf")


def measured(job: Job, gold: LabelledTexts) -> Compression:
    """All sides on the same texts. Timings take turns, so that a busy moment does not fall on one side alone."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        sides = [_original(job), *(side for variant in job.args.variants for side in _opened(job, variant))]
        timed = list(gold.texts[: job.args.timed])
        for side in sides:
            side.model.predict(timed[:8])
        for turn in range(job.args.repeats):
            for side in sides:
                job.watch.check()
                start = time.process_time()
                side.model.predict(timed)
                side.seconds = min(side.seconds, time.process_time() - start)
            job.watch.step("measure", turn + 1, job.args.repeats)
        said = [side.model.predict(gold.texts) for side in sides]
    finally:
        torch.set_num_threads(threads)
    scores = [_score(found, gold) for found in said]
    variants = tuple(
        Variant(
            side.name, side.runs, side.size, len(timed) / max(side.seconds, 1e-9), score, scores[0] - score,
            float((found.chosen == said[0].chosen).all(axis=1).mean()),
            scores[0] - score <= job.args.allowed_loss, side.folder,
        )
        for side, found, score in zip(sides, said, scores, strict=True)
    )  # fmt: skip
    return Compression(variants, job.args.allowed_loss, len(gold), len(timed))


def _original(job: Job) -> _Side:
    """The original in fp32 in torch, whatever else its folder holds."""
    network, backbone = open_network(job.folder, normalise=job.normalise)
    model = _in_torch(job, network, backbone, "fp32")
    files = [*(job.folder / ENCODER).glob("*.safetensors"), job.folder / HEAD, job.folder / ENCODER / "tokenizer.json"]
    return _Side(ORIGINAL, "torch fp32", _size(*files, job.folder / NGRAMS), model)


def _opened(job: Job, variant: Kind) -> list[_Side]:
    if variant == "dynamic-int8":
        network, backbone = open_network(job.folder, normalise=job.normalise)
        quantised, size = _dynamic_int8(network)
        size += _size(job.folder / ENCODER / "tokenizer.json", job.folder / NGRAMS)
        return [_Side(variant, "torch int8", size, _in_torch(job, quantised, backbone, "int8"))]
    folder = job.target / variant
    model = load_classifier(folder, device="cpu", threads=1)
    size = _size(folder / ONNX / f"{model.precision}.onnx", folder / ENCODER / "tokenizer.json", folder / NGRAMS)
    return [_Side(variant, f"onnx {model.precision}", size, model, variant)]


def _size(*files: Path) -> int:
    """Bytes of those of ``files`` that are there: not every classifier has n-grams."""
    return sum(path.stat().st_size for path in files if path.is_file())


def _in_torch(job: Job, network: Any, backbone: Backbone, precision: str) -> TextClassifier:
    return TextClassifier(
        job.manifest.name, job.folder, decision_of(job.manifest), TorchRuntime(network, backbone.pad, "cpu"),
        max_tokens=job.max_tokens, precision=precision, beside=job.beside,
    )  # fmt: skip


def _dynamic_int8(network: Any) -> tuple[Any, int]:
    """The network with 8-bit linear layers, activations quantised as they come; and its bytes."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch announces a successor (torchao) at every call
        quantised = torch.ao.quantization.quantize_dynamic(network.eval(), {torch.nn.Linear}, dtype=torch.qint8)
    size = sum(parameter.numel() * 4 for parameter in quantised.parameters())
    for module in quantised.modules():
        if isinstance(module, torch.ao.nn.quantized.dynamic.Linear):
            bias = module.bias()
            size += module.weight().numel() + (0 if bias is None else 4 * bias.numel()) + 8
    return quantised, size


def _score(found: Predicted, gold: LabelledTexts) -> float:
    """Accuracy; micro F1 of several labels."""
    if gold.task == "single":
        return float((found.classes == gold.targets).mean())
    scores = classification_scores(gold.targets, found.chosen.astype(np.int64), gold.labels, found.probabilities)
    return float(scores.f1_micro)
