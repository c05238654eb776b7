"""A text classifier as ONNX: fp32, and int8 (dynamic) where it keeps what fp32 knows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.models.classifiers.classifier import OnnxRuntime
from core.models.encoder import batches_by_length
from core.models.onnx_export import Precision, quantise


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both files on the same rows: share of rows whose first label agrees, texts a processor-second of each."""

    agreement: float
    speed_fp32: float
    speed_int8: float
    logits_fp32: NDArray[np.float32]
    logits_int8: NDArray[np.float32]


def export_classifier(folder: Path, target: Path, *, normalise: bool) -> None:
    """Writes ``fp32.onnx`` and ``int8.onnx`` of the text classifier in ``folder`` into ``target``.

    Inputs ``input_ids`` and ``attention_mask`` int64 [n, tokens], output ``logits`` float32 [n, labels]. Raises what
    torch's exporter raises for an encoder that cannot be traced (RuntimeError, ValueError, TypeError).
    """
    import torch

    from core.models.classifiers.text_network import open_network

    target.mkdir(parents=True, exist_ok=True)
    network, backbone = open_network(folder, normalise=normalise, attention="eager")
    ids = torch.randint(0, int(backbone.model.config.vocab_size), (2, 9))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    with torch.no_grad():
        torch.onnx.export(
            network,
            (ids, mask),
            str(target / "fp32.onnx"),
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_axes={"input_ids": {0: "n", 1: "tokens"}, "attention_mask": {0: "n", 1: "tokens"}},
            opset_version=17,
            dynamo=False,  # as in onnx_export: the newer exporter's graph is slower in int8
        )
    quantise(target / "fp32.onnx", target / "int8.onnx")


def compare_exports(target: Path, rows: Sequence[Sequence[int]], pad: int) -> Comparison:
    """Both files of ``target`` on ``rows`` (token ids), one thread, in batches of like length."""
    fp32, speed_fp32 = _timed(OnnxRuntime(target / "fp32.onnx", pad), rows)
    int8, speed_int8 = _timed(OnnxRuntime(target / "int8.onnx", pad), rows)
    agreement = float((fp32.argmax(axis=1) == int8.argmax(axis=1)).mean())
    return Comparison(agreement, speed_fp32, speed_int8, fp32, int8)


def chosen_precision(comparison: Comparison, lost: float, limit: float) -> Precision:
    """int8 where it is the faster one here and loses at most ``limit`` (both shares of the rows)."""
    return "int8" if lost <= limit and comparison.speed_int8 > comparison.speed_fp32 else "fp32"


def _timed(runtime: Any, rows: Sequence[Sequence[int]]) -> tuple[NDArray[np.float32], float]:
    """Logits and texts a second of processor time: a busy machine slows the clock, not the count of instructions."""
    batches = batches_by_length([len(row) for row in rows])
    runtime([rows[number] for number in batches[0]])
    start = time.process_time()
    results = [runtime([rows[number] for number in batch]) for batch in batches]
    seconds = time.process_time() - start
    logits = np.zeros((len(rows), results[0].shape[1]), np.float32)
    for batch, result in zip(batches, results, strict=True):
        logits[batch] = result
    return logits, len(rows) / max(seconds, 1e-9)
