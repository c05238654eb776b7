"""A trained text classifier in use: texts to calibrated probabilities, from a sealed folder.

On a CPU it runs on onnxruntime without torch; on a GPU, or where the folder holds no ONNX file, on torch.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import Unavailable
from core.evaluation.calibration import Calibration
from core.evaluation.classification import Bools, Floats, Ints
from core.models.classifiers.ngrams import Beside, load_beside
from core.models.classifiers.text_network import ENCODER
from core.models.device import choose_device
from core.models.encoder import batches_by_length
from core.models.manifest import Manifest, read_manifest

ONNX = "onnx"
Task = Literal["single", "multi"]
Precision = Literal["auto", "int8", "fp32"]
_CHUNK = 512  # texts tokenised at a time


@dataclass(frozen=True, slots=True)
class Predicted:
    """``probabilities`` float64 [texts, labels]: of one label among all (single) or of each by itself (multi).

    ``classes`` int64 [texts]: number of the likeliest label. ``chosen`` bool [texts, labels]: the labels given, which
    may be none or several for multi.
    """

    labels: tuple[str, ...]
    probabilities: Floats
    classes: Ints
    chosen: Bools

    @property
    def names(self) -> list[str]:
        """The likeliest label of each text."""
        return [self.labels[number] for number in self.classes]

    @property
    def name_sets(self) -> list[tuple[str, ...]]:
        """The labels given to each text."""
        return [tuple(self.labels[number] for number in np.flatnonzero(row)) for row in self.chosen]


@dataclass(frozen=True, slots=True)
class Decision:
    """From logits to what is said: temperature first, then softmax (single) or sigmoid (multi)."""

    labels: tuple[str, ...]
    task: Task
    calibration: Calibration
    threshold: float = 0.5

    def predicted(self, logits: ArrayLike) -> Predicted:
        values = np.asarray(logits, np.float64).reshape(-1, len(self.labels))
        if self.task == "single":
            chances = self.calibration.probabilities(values) if len(values) else values
        else:
            chances = 1 / (1 + np.exp(-np.clip(values * self.calibration.scale, -500, 500)))
        best = np.asarray(chances.argmax(axis=1), np.int64)
        single = np.asarray(np.arange(len(self.labels)) == best[:, None], bool)
        chosen = single if self.task == "single" else np.asarray(chances >= self.threshold, bool)
        return Predicted(self.labels, np.asarray(chances, np.float64), best, chosen)


class Runtime(Protocol):
    """What computes logits float32 [rows, labels] of one batch of token ids. Thread-safe."""

    def __call__(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]: ...


class OnnxRuntime:
    """One graph on the CPU, one thread a batch: several batches at once beat several threads a batch."""

    def __init__(self, graph: Path, pad: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # patterns are kept for every batch shape ever seen
        options.enable_cpu_mem_arena = False  # the arena never gives back what the longest batch took
        self._session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        self._pad = pad

    def __call__(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        width = max(len(row) for row in rows)
        ids = np.full((len(rows), width), self._pad, np.int64)
        mask = np.zeros((len(rows), width), np.int64)
        for number, row in enumerate(rows):
            ids[number, : len(row)] = row
            mask[number, : len(row)] = 1
        return np.asarray(self._session.run(None, {"input_ids": ids, "attention_mask": mask})[0], np.float32)


class TorchRuntime:
    """The same in torch, on any device, one batch at a time."""

    def __init__(self, network: Any, pad: int, device: str) -> None:
        self._network, self._pad, self._device = network.to(device).eval(), pad, device
        self._lock = threading.Lock()

    def __call__(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        from core.models.classifiers.text_network import run_network

        with self._lock:
            return run_network(self._network, rows, self._pad, self._device)


class TextClassifier:
    """``predict`` may be called by many threads. ``precision`` is int8 or fp32, whichever runs."""

    def __init__(
        self, name: str, folder: Path, decision: Decision, runtime: Runtime,
        *, max_tokens: int, precision: str, threads: int = 1, beside: Beside | None = None,
    ) -> None:  # fmt: skip
        from tokenizers import Tokenizer

        self.name, self.labels, self.decision, self.precision = name, decision.labels, decision, precision
        # Set here and never again: changing it while another thread encodes is what "Already borrowed" means.
        self._tokenizer = Tokenizer.from_file(str(folder / ENCODER / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)
        self._runtime, self._beside = runtime, beside
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="classifier") if threads > 1 else None

    def predict(self, texts: Sequence[str]) -> Predicted:
        """Labels and calibrated probabilities of ``texts``, in their order; longer texts are cut."""
        return self.decision.predicted(self.logits(texts))

    def logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Before calibration, float32 [texts, labels]."""
        found = self.encoder_logits(texts)
        return found if self._beside is None else self._beside.joined(found, texts)

    def encoder_logits(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """What the encoder says by itself, float32 [texts, labels]."""
        found = np.zeros((len(texts), len(self.labels)), np.float32)
        for first in range(0, len(texts), _CHUNK):
            chunk = list(texts[first : first + _CHUNK])
            ids = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(chunk)]
            self._run(ids, found[first : first + len(chunk)])
        return found

    def _run(self, ids: list[list[int]], into: NDArray[np.float32]) -> None:
        batches = batches_by_length([len(row) for row in ids])
        results = (self._pool.map if self._pool and len(batches) > 1 else map)(
            lambda batch: self._runtime([ids[number] for number in batch]), batches
        )
        for batch, logits in zip(batches, results, strict=True):
            into[batch] = logits


def load_classifier(
    folder: Path, *, device: str = "auto", precision: Precision = "auto", threads: int = 0
) -> TextClassifier:
    """The classifier in ``folder``. ``threads``: batches computed at once on a CPU, 0 for all cores.

    Raises Unavailable when the folder is no sealed text classifier, is damaged, or lacks the precision asked for.
    """
    manifest = read_manifest(folder)
    if manifest.kind != "text_classifier":
        raise Unavailable("training.not_a_classifier", name=folder.name, kind=manifest.kind)
    chosen = choose_device(device)
    facts, kept = manifest.facts, str(manifest.facts.get("onnx", {}).get("precision", ""))
    runtime: Runtime
    if chosen == "cpu" and kept and precision in ("auto", kept):
        runtime, runs = OnnxRuntime(folder / ONNX / f"{kept}.onnx", int(facts["pad"])), kept
    elif precision == "int8":
        raise Unavailable("training.no_int8", name=folder.name)
    else:
        runtime, runs = _torch_runtime(folder, facts, chosen), "fp32"
    return TextClassifier(
        manifest.name,
        folder,
        decision_of(manifest),
        runtime,
        max_tokens=int(facts["max_tokens"]),
        precision=runs,
        threads=(threads or os.cpu_count() or 1) if isinstance(runtime, OnnxRuntime) else 1,
        beside=load_beside(folder, facts),
    )


def decision_of(manifest: Manifest) -> Decision:
    """What a text classifier's manifest says of how its logits are read."""
    said = manifest.facts["calibration"]
    calibration = Calibration(said["method"], float(said["scale"]), tuple(said["offsets"]))
    return Decision(manifest.labels, manifest.facts["task"], calibration, float(manifest.facts["threshold"]))


def _torch_runtime(folder: Path, facts: Mapping[str, Any], device: str) -> TorchRuntime:
    from core.models.classifiers.text_network import open_network

    network, backbone = open_network(folder, normalise=bool(facts["normalise"]))
    return TorchRuntime(network, backbone.pad, device)
