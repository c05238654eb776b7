"""Small networks in use: an LSTM for texts, a perceptron for tables, a convolutional network for pictures.

``load_small`` opens a folder that training sealed. All of them are thread-safe: nothing is changed after loading.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from core.errors import BadInput, Unavailable
from core.evaluation.calibration import Calibration
from core.evaluation.classification import Floats, Ints, decide
from core.models.manifest import Manifest, read_manifest
from core.models.networks.images import Pixels, decode_image, fit_pixels
from core.models.networks.layers import (
    ConvolutionShape,
    LstmShape,
    PerceptronShape,
    build_convolution,
    build_lstm,
    build_perceptron,
    lstm_logits,
    padded,
    perceptron_inputs,
    perceptron_logits,
)
from core.models.networks.tabular import Column, Row, Table, encode
from core.models.networks.words import Vocabulary

WEIGHTS = "model.safetensors"
SETUP = "network.json"
_BATCH = 256


@dataclass(frozen=True, slots=True)
class Head:
    """From logits to what is said: ``decision`` weights a miss of each class (what class weights were trained for)."""

    labels: tuple[str, ...]
    calibration: Calibration = field(default_factory=Calibration)
    decision: tuple[float, ...] = ()

    def predicted(self, logits: ArrayLike) -> Predicted:
        chances = self.calibration.probabilities(logits)
        return Predicted(self.labels, chances, decide(chances, self.decision or None))


@dataclass(frozen=True, slots=True)
class Predicted:
    """``probabilities`` float64 [rows, classes], ``classes`` int64 [rows]: numbers of ``labels``."""

    labels: tuple[str, ...]
    probabilities: Floats
    classes: Ints

    @property
    def names(self) -> list[str]:
        return [self.labels[number] for number in self.classes]


@dataclass(frozen=True, slots=True)
class AverageRow:
    """Of training rows: the mean of each input number, and how often each level of each embedded column occurs."""

    numbers: Sequence[float]
    levels: Sequence[Sequence[float]]


class LstmClassifier:
    """Texts -> classes."""

    def __init__(self, network: Any, head: Head, vocabulary: Vocabulary, device: str) -> None:
        self.network, self.head, self.vocabulary, self.device = network.to(device).eval(), head, vocabulary, device
        self.labels = head.labels

    def predict(self, texts: Sequence[str]) -> Predicted:
        return self.head.predicted(self.logits(texts))

    def logits(self, texts: Sequence[str]) -> Floats:
        """Float64 [texts, classes]."""
        rows = [self.vocabulary.encode(text) for text in texts]
        return lstm_outputs(self.network, rows, len(self.labels), self.device)


class TabularClassifier:
    """Rows (name -> value) -> classes. ``networks`` are the members whose logits are averaged; ``average`` is the
    training rows' mean, beside which a row is explained."""

    def __init__(
        self, networks: Sequence[Any], head: Head, columns: Sequence[Column], average: AverageRow, device: str
    ) -> None:
        self.networks = [network.to(device).eval() for network in networks]
        self.head, self.columns, self.average, self.device = head, tuple(columns), average, device
        self.labels = head.labels

    def predict(self, rows: Sequence[Row]) -> Predicted:
        return self.head.predicted(self.logits(rows))

    def logits(self, rows: Sequence[Row]) -> Floats:
        """Float64 [rows, classes]. Raises BadInput as ``encode`` does."""
        table = encode(self.columns, rows)
        outputs = [tabular_outputs(one, table, len(self.labels), self.device) for one in self.networks]
        return np.asarray(np.mean(outputs, axis=0), np.float64)


class ImageClassifier:
    """Pictures -> classes. ``mean`` and ``deviation`` are those of the training pixels, a channel each, in 0..1."""

    def __init__(
        self, network: Any, head: Head, shape: ConvolutionShape, mean: Sequence[float], deviation: Sequence[float],
        device: str,
    ) -> None:  # fmt: skip
        self.network, self.head, self.shape, self.device = network.to(device).eval(), head, shape, device
        self.mean, self.deviation = tuple(mean), tuple(deviation)
        self.labels = head.labels

    def predict(self, images: ArrayLike) -> Predicted:
        """Of arrays of 0..255 [rows, height, width(, 1 or 3)], brought to the network's size. Raises BadInput."""
        pixels = fit_pixels(images, self.shape.size, self.shape.channels)
        outputs = image_outputs(self.network, pixels, self.mean, self.deviation, len(self.labels), self.device)
        return self.head.predicted(outputs)

    def predict_files(self, files: Sequence[tuple[str, bytes]]) -> Predicted:
        """Of files ``(name, content)``. Raises BadInput that names the file."""
        decoded = [decode_image(content, name, self.shape.size, self.shape.channels) for name, content in files]
        return self.predict(np.stack(decoded) if decoded else np.zeros((0, self.shape.size, self.shape.size), np.uint8))


SmallClassifier = LstmClassifier | TabularClassifier | ImageClassifier


def lstm_outputs(network: Any, rows: Sequence[Sequence[int]], classes: int, device: str) -> Floats:
    """Logits float64 [rows, classes] of rows of ids; texts of like length share a batch."""
    import torch

    found = np.zeros((len(rows), classes))
    order = sorted(range(len(rows)), key=lambda number: len(rows[number]))
    with torch.inference_mode():
        for batch in _batches(order):
            ids, lengths = padded([rows[number] for number in batch])
            found[batch] = lstm_logits(network, ids.to(device), lengths).double().cpu().numpy()
    return found


def tabular_outputs(network: Any, table: Table, classes: int, device: str) -> Floats:
    """Logits float64 [rows, classes] of encoded rows."""
    import torch

    found = np.zeros((len(table), classes))
    with torch.inference_mode():
        for batch in _batches(range(len(table))):
            numbers = torch.from_numpy(table.numbers[batch]).to(device)
            ids = torch.from_numpy(table.ids[batch]).to(device)
            outputs = perceptron_logits(network, perceptron_inputs(network, numbers, ids))
            found[batch] = outputs.double().cpu().numpy()
    return found


def image_outputs(
    network: Any, pixels: Pixels, mean: Sequence[float], deviation: Sequence[float], classes: int, device: str
) -> Floats:
    """Logits float64 [rows, classes] of uint8 pictures [rows, size, size, channels]."""
    import torch

    found = np.zeros((len(pixels), classes))
    with torch.inference_mode():
        for batch in _batches(range(len(pixels))):
            found[batch] = network(standardised(pixels[batch], mean, deviation, device)).double().cpu().numpy()
    return found


def standardised(pixels: Pixels, mean: Sequence[float], deviation: Sequence[float], device: str) -> Any:
    """uint8 [B, size, size, channels] -> float [B, channels, size, size]."""
    import torch

    values = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(0, 3, 1, 2).float() / 255
    return (values - _channels(mean, device)) / _channels(deviation, device)


def _channels(values: Sequence[float], device: str) -> Any:
    import torch

    return torch.tensor(values, device=device).view(1, -1, 1, 1)


def _batches(order: Sequence[int]) -> Iterator[list[int]]:
    return (list(order[first : first + _BATCH]) for first in range(0, len(order), _BATCH))


def load_small(folder: Path, device: str = "cpu") -> SmallClassifier:
    """The classifier in ``folder``. Raises Unavailable when it was not sealed or is damaged, BadInput for a model of
    another kind."""
    manifest = read_manifest(folder)
    if manifest.kind not in ("lstm", "tabular", "image"):
        raise BadInput("networks.wrong_kind", name=manifest.name or folder.name, kind=manifest.kind)
    try:
        setup = json.loads((folder / SETUP).read_text(encoding="utf-8"))
        return _assembled(folder, manifest, setup, device)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise Unavailable("models.damaged", name=manifest.name or folder.name, file=SETUP) from error


def _assembled(folder: Path, manifest: Manifest, setup: dict[str, Any], device: str) -> SmallClassifier:
    calibration = Calibration(**{**setup["calibration"], "offsets": tuple(setup["calibration"]["offsets"])})
    head = Head(manifest.labels, calibration, tuple(setup["decision"]))
    if manifest.kind == "lstm":
        lstm = build_lstm(LstmShape(**setup["shape"]))
        _read_weights(folder, lstm)
        return LstmClassifier(lstm, head, Vocabulary(**setup["vocabulary"]), device)
    if manifest.kind == "tabular":
        columns = [Column(**{**column, "levels": tuple(column["levels"])}) for column in setup["columns"]]
        shape = {**setup["shape"], "levels": tuple(setup["shape"]["levels"])}
        members = [build_perceptron(PerceptronShape(**shape)) for _ in range(setup["members"])]
        _read_weights(folder, members_module(members))
        return TabularClassifier(members, head, columns, AverageRow(**setup["average"]), device)
    picture = ConvolutionShape(**{**setup["shape"], "widths": tuple(setup["shape"]["widths"])})
    network = build_convolution(picture)
    _read_weights(folder, network)
    return ImageClassifier(network, head, picture, setup["mean"], setup["deviation"], device)


def members_module(members: Sequence[Any]) -> Any:
    """The members as one module, whose weights go into one file."""
    from torch import nn

    return nn.ModuleList(members)


def _read_weights(folder: Path, network: Any) -> None:
    from safetensors.torch import load_file

    network.load_state_dict(load_file(folder / WEIGHTS))


def setup_of(head: Head, shape: Any, **more: Any) -> dict[str, Any]:
    """What ``network.json`` holds; training writes it, ``load_small`` reads it."""
    return {
        "calibration": asdict(head.calibration),
        "decision": list(head.decision),
        "shape": asdict(shape),
        **more,
    }
