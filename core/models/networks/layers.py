"""The small networks themselves, put together from torch's own layers. Types are Any: torch is imported when built.

Shapes: B rows, T pieces of the longest text, E width of an embedding, H width of the LSTM, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.models.networks.words import PADDING


@dataclass(frozen=True, slots=True)
class LstmShape:
    """``words``: size of the vocabulary. ``dropout`` acts on embeddings and on what is pooled; it has no weights."""

    words: int
    classes: int
    embedding: int
    hidden: int
    layers: int
    bidirectional: bool
    dropout: float


@dataclass(frozen=True, slots=True)
class PerceptronShape:
    """``inputs``: standardised and one-hot numbers of a row. ``levels``: size of each embedded column."""

    inputs: int
    levels: tuple[int, ...]
    classes: int
    hidden: tuple[int, ...]
    dropout: float


@dataclass(frozen=True, slots=True)
class ConvolutionShape:
    """``size``: pixels of a side; ``widths``: channels of each block, each of which halves the picture."""

    size: int
    channels: int
    classes: int
    widths: tuple[int, ...]
    dense: int
    dropout: float


def build_lstm(shape: LstmShape) -> Any:
    """Embedding, (bi)LSTM (Hochreiter and Schmidhuber 1997), dense layer over the mean and maximum of its outputs."""
    from torch import nn

    outputs = shape.hidden * (2 if shape.bidirectional else 1)
    between = shape.dropout if shape.layers > 1 else 0.0
    return nn.ModuleDict(
        {
            "embedding": nn.Embedding(shape.words, shape.embedding, padding_idx=PADDING),
            "before": nn.Dropout(shape.dropout),
            "lstm": nn.LSTM(
                shape.embedding,
                shape.hidden,
                shape.layers,
                batch_first=True,
                bidirectional=shape.bidirectional,
                dropout=between,
            ),
            "after": nn.Dropout(shape.dropout),
            "dense": nn.Linear(2 * outputs, shape.classes),
        }
    )


def lstm_logits(network: Any, ids: Any, lengths: Any) -> Any:
    """``ids`` int64 [B, T] padded with 0, ``lengths`` int64 [B] on the CPU -> logits [B, C].

    What a text gets does not depend on the padding that its batch needs.
    """
    return lstm_logits_of(network, network["before"](network["embedding"](ids)), lengths)


def lstm_logits_of(network: Any, embedded: Any, lengths: Any) -> Any:
    """The same from embedded pieces, float [B, T, E]."""
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    pieces = embedded.shape[1]
    packed = pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
    outputs, _ = pad_packed_sequence(network["lstm"](packed)[0], batch_first=True, total_length=pieces)
    inside = (torch.arange(pieces)[None] < lengths[:, None]).to(embedded.device)[..., None]
    mean = (outputs * inside).sum(1) / lengths.to(outputs)[:, None]
    most = outputs.masked_fill(~inside, float("-inf")).amax(1)
    return network["dense"](network["after"](torch.cat([mean, most], dim=1)))


def build_perceptron(shape: PerceptronShape) -> Any:
    """A multilayer perceptron with a linear path beside it (Cheng et al. 2016, "wide and deep"): where rows are few it
    is hardly more than logistic regression, where they are many the hidden layers take over."""
    from torch import nn

    widths = [embedding_width(levels) for levels in shape.levels]
    inputs = shape.inputs + sum(widths)
    deep: list[Any] = []
    width = inputs
    for hidden in shape.hidden:
        deep += [nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(shape.dropout)]
        width = hidden
    last = nn.Linear(width, shape.classes)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    tables = [nn.Embedding(levels, size) for levels, size in zip(shape.levels, widths, strict=True)]
    return nn.ModuleDict(
        {
            "tables": nn.ModuleList(tables),
            "wide": nn.Linear(inputs, shape.classes),
            "deep": nn.Sequential(*deep, last),
        }
    )


def embedding_width(levels: int) -> int:
    """Width of an embedded column: about the fourth root of its levels, times four."""
    return max(4, min(32, round(4 * math.sqrt(math.sqrt(levels)))))


def perceptron_inputs(network: Any, numbers: Any, ids: Any) -> Any:
    """``numbers`` float [B, inputs] and ``ids`` int64 [B, embedded columns] side by side as one float matrix."""
    import torch

    looked_up = [table(ids[:, place]) for place, table in enumerate(network["tables"])]
    return torch.cat([numbers, *looked_up], dim=1)


def perceptron_logits(network: Any, inputs: Any) -> Any:
    return network["wide"](inputs) + network["deep"](inputs)


def build_convolution(shape: ConvolutionShape) -> Any:
    """Blocks of two 3x3 convolutions with batch normalisation (Ioffe and Szegedy 2015), each halving the picture, then
    a dense layer. Takes float [B, channels, size, size] -> logits [B, C]."""
    from torch import nn

    layers: list[Any] = []
    width, side = shape.channels, shape.size
    for out in shape.widths:
        layers += _convolutions(nn, width, out)
        width, side = out, side // 2
    return nn.Sequential(
        *layers,
        nn.Flatten(),
        nn.Linear(width * side * side, shape.dense),
        nn.ReLU(),
        nn.Dropout(shape.dropout),
        nn.Linear(shape.dense, shape.classes),
    )


def _convolutions(nn: Any, width: int, out: int) -> list[Any]:
    found: list[Any] = []
    for inputs in (width, out):
        found += [nn.Conv2d(inputs, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
    return [*found, nn.MaxPool2d(2)]


def padded(rows: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    """Rows of ids as int64 [B, T] filled up with 0, and their lengths [B]."""
    import torch

    lengths = torch.tensor([len(row) for row in rows])
    ids = torch.full((len(rows), int(lengths.max())), PADDING, dtype=torch.int64)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.as_tensor(row)
    return ids, lengths
