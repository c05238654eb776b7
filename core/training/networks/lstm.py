"""Trains an LSTM text classifier: embedding, (bi)LSTM, dense, with a vocabulary of its own in either language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import BadInput
from core.evaluation.classification import Floats
from core.models.device import choose_device
from core.models.manifest import Manifest
from core.models.networks.layers import LstmShape, build_lstm, lstm_logits, padded
from core.models.networks.open import lstm_outputs
from core.models.networks.words import UNKNOWN, Chinese, Vocabulary
from core.training.networks import run as small_run
from core.training.networks.loop import Fit, LoopArgs, in_range, one_of
from core.training.networks.run import Examples, Run
from core.training.networks.state import FOLDER
from core.training.watch import Watch


@dataclass(frozen=True, kw_only=True)
class LstmArgs(LoopArgs):
    """``maximum_pieces``: words (Chinese: characters) of a text that are read. ``least_count``: times a word must be
    seen to be known. ``word_dropout``: share of words hidden in training, so that unknown ones are no surprise."""

    epochs: int = 10
    patience: int = 3
    dropout: float = 0.5
    weight_decay: float = 0.01
    embedding: int = 128
    hidden: int = 128
    layers: int = 1
    bidirectional: bool = True
    chinese: Chinese = "characters"
    maximum_pieces: int = 256
    largest_vocabulary: int = 30_000
    least_count: int = 2
    word_dropout: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range("embedding", self.embedding, 4, 1024)
        in_range("hidden", self.hidden, 4, 1024)
        in_range("layers", self.layers, 1, 4)
        in_range("maximum_pieces", self.maximum_pieces, 4, 2048)
        in_range("largest_vocabulary", self.largest_vocabulary, 100, 200_000)
        in_range("least_count", self.least_count, 1, 100)
        in_range("word_dropout", self.word_dropout, 0.0, 0.9)
        one_of("chinese", self.chinese, ("characters", "words"))


class _Texts:
    """The Problem of the loop."""

    def __init__(self, network: Any, encoded: Sequence[list[list[int]]], run: Run, args: LstmArgs) -> None:
        self._device, self._classes, self._args = choose_device(args.device), len(run.labels), args
        self.network = network.to(self._device)
        self._training, self._validation = encoded
        self.rows = len(self._training)
        self.sizes: Sequence[int] | None = [len(row) for row in self._training]
        self._gold, self.validation_gold = np.asarray(run.training.classes, np.int64), run.gold

    def logits(self, rows: Sequence[int]) -> Any:
        import torch

        ids, lengths = padded([self._training[row] for row in rows])
        if self._args.word_dropout:
            hidden = (torch.rand(ids.shape) < self._args.word_dropout) & (ids > UNKNOWN)
            ids = ids.masked_fill(hidden, UNKNOWN)
        return lstm_logits(self.network, ids.to(self._device), lengths)

    def gold(self, rows: Sequence[int]) -> Any:
        import torch

        return torch.from_numpy(self._gold[rows]).to(self._device)

    def validation_logits(self) -> Floats:
        return lstm_outputs(self.network.eval(), self._validation, self._classes, self._device)


def train_lstm(
    folder: Path,
    training: Examples,
    validation: Examples,
    labels: Sequence[str],
    args: LstmArgs,
    watch: Watch,
    *,
    name: str = "",
    data: Mapping[str, Any] | None = None,
) -> Manifest:
    """Trains on ``training.inputs`` (texts) and seals ``folder``. The same call after a kill goes on where it stood.

    Raises BadInput for data or arguments nothing can be learnt from, Conflict when ``folder`` holds another model,
    Unavailable when disk or memory run out, and what ``watch`` raises.
    """
    run = Run("lstm", folder, training, validation, tuple(labels), args, name, dict(data or {}))
    if (done := small_run.begin(run)) is not None:
        return done
    if not any(text.strip() for text in training.inputs):
        raise BadInput("networks.empty_texts")
    vocabulary = Vocabulary.learn(
        training.inputs,
        chinese=args.chinese,
        maximum=args.maximum_pieces,
        least=args.least_count,
        largest=args.largest_vocabulary,
    )
    encoded = [[vocabulary.encode(text) for text in examples.inputs] for examples in (training, validation)]
    watch.say(f"{len(training)} training texts, {len(validation)} for validation, {len(vocabulary)} words known")
    shape = LstmShape(
        len(vocabulary), len(labels), args.embedding, args.hidden, args.layers, args.bidirectional, args.dropout
    )
    network = small_run.seeded(args.seed, lambda: build_lstm(shape))
    problem = _Texts(network, encoded, run, args)
    weights = small_run.class_weights(args, training.classes, labels)
    fitted = Fit(problem, args, folder / FOLDER, watch, weights=weights, mark=run.mark).run()
    known = {"words": vocabulary.words, "chinese": vocabulary.chinese, "maximum": vocabulary.maximum}
    return small_run.finish(
        run, fitted.logits, weights,
        network=network, shape=shape, setup={"vocabulary": known},
        best_epoch=fitted.best_epoch, **_facts(encoded[0], vocabulary),
    )  # fmt: skip


def _facts(encoded: list[list[int]], vocabulary: Vocabulary) -> dict[str, Any]:
    """What a model card says of the vocabulary: its size, the share of pieces outside it, texts not read to the end."""
    pieces = sum(map(len, encoded))
    unknown = sum(one == UNKNOWN for row in encoded for one in row)
    return {
        "words": len(vocabulary),
        "unknown_share": unknown / max(pieces, 1),
        "cut_texts": sum(len(row) >= vocabulary.maximum for row in encoded),
    }
