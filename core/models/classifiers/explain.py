"""Why a classifier said what it said: integrated gradients for each word of a text or each column of a row.

Sundararajan et al. 2017, through Captum. What is explained is the log-odds of one class. The weights add up to the
log-odds less those of an empty input (words: padding; rows: the average training row), which is checked each time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.evaluation.calibration import Calibration
from core.evaluation.classification import Floats
from core.models.networks.layers import lstm_logits_of, perceptron_inputs, perceptron_logits
from core.models.networks.open import LstmClassifier, TabularClassifier
from core.models.networks.tabular import Row, encode
from core.models.networks.words import Piece, word_pieces

STEPS = (32, 64, 128, 256)  # points on the path; more are taken until the sum is close enough
CLOSE = 0.02  # of the whole difference, plus as much again in log-odds
_AT_ONCE = 16  # points a forward pass


@dataclass(frozen=True, slots=True)
class Attributed:
    """``output`` and ``empty``: log-odds of the class for the input and for the empty one. ``error``: how far the
    weights' sum is from their difference, in log-odds; ``close``: whether that is near enough to be shown."""

    label: str
    number: int
    probability: float
    output: float
    empty: float
    error: float
    steps: int

    @property
    def close(self) -> bool:
        return abs(self.error) <= CLOSE * (abs(self.output - self.empty) + 1)


@dataclass(frozen=True, slots=True)
class WordWeight:
    """``text[start:end]`` and what it adds to the log-odds; ``read`` is False beyond what the model can read."""

    word: str
    start: int
    end: int
    weight: float
    read: bool


@dataclass(frozen=True, slots=True)
class ColumnWeight:
    column: str
    value: str
    weight: float


@dataclass(frozen=True, slots=True)
class TextExplanation:
    said: Attributed
    words: tuple[WordWeight, ...]


@dataclass(frozen=True, slots=True)
class RowExplanation:
    """``columns`` in the order of the model's, most of them small; sort by the size of ``weight`` to show."""

    said: Attributed
    columns: tuple[ColumnWeight, ...]


@dataclass(frozen=True, slots=True)
class Added:
    """What a text's n-grams add to the logits: where each stands, what it adds (float32 [n-grams, labels]), and what is
    added to every text (``rest``, float32 [labels])."""

    spans: list[tuple[int, int]]
    logits: NDArray[np.float32]
    rest: NDArray[np.float32]

    @classmethod
    def nothing(cls, labels: int) -> Added:
        return cls([], np.zeros((0, labels), np.float32), np.zeros(labels, np.float32))


class TransformerExplainer:
    """Explains any AutoModelForSequenceClassification (loaded, in evaluation mode) with its fast tokenizer.

    ``multi_label``: each label is a yes or no of its own. ``beside``: what n-grams add to the model's logits; each of
    them is an input too. One text at a time: fast tokenizers must not be shared.
    """

    def __init__(
        self, model: Any, tokenizer: Any, labels: Sequence[str], *, multi_label: bool = False, max_tokens: int = 256,
        beside: Callable[[str], Added] | None = None,
    ) -> None:  # fmt: skip
        self._beside = beside
        self._model, self._tokenizer, self._labels = model.eval(), tokenizer, tuple(labels)
        self._multi_label, self._max_tokens = multi_label, max_tokens
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: Path, labels: Sequence[str], device: str = "cpu", *, max_tokens: int = 256) -> Any:
        """From a folder of safetensors weights with its tokenizer."""
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        model = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        several = model.config.problem_type == "multi_label_classification"
        return cls(model.to(device), tokenizer, labels, multi_label=several, max_tokens=max_tokens)

    def explain(self, text: str, number: int | None = None) -> TextExplanation:
        """Why ``text`` is of class ``number`` (None: the likeliest). Subwords are added up to words, Chinese characters
        to jieba's words. Raises BadInput for a text without words and for an unknown class."""
        import torch

        words = _words(text)
        with self._lock:
            encoded = self._tokenizer(
                text, truncation=True, max_length=self._max_tokens, return_tensors="pt",
                return_offsets_mapping=True, return_special_tokens_mask=True,
            )  # fmt: skip
        device = next(self._model.parameters()).device
        offsets = encoded.pop("offset_mapping")[0].tolist()
        special = encoded.pop("special_tokens_mask")[0].bool()
        others = {name: value.to(device) for name, value in encoded.items() if name != "input_ids"}
        table = self._model.get_input_embeddings()
        ids = encoded["input_ids"].to(device)
        empty = torch.where(special.to(device), ids, self._tokenizer.pad_token_id or 0)

        added = self._beside(text) if self._beside else Added.nothing(len(self._labels))
        runs, rest = (torch.from_numpy(values).to(device) for values in (added.logits, added.rest))
        with torch.no_grad():
            inputs, baseline = table(ids), table(empty)
        shape, tokens = inputs.shape[1:], inputs[0].numel()

        def logits(joined: Any) -> Any:
            """Of word vectors, flat, and a switch (0 to 1) for each n-gram."""
            repeated = {name: value.expand(len(joined), -1) for name, value in others.items()}
            deep = self._model(inputs_embeds=joined[:, :tokens].unflatten(1, shape), **repeated).logits
            return deep + joined[:, tokens:] @ runs + rest

        switches = torch.ones((1, len(runs)), device=device)
        said, weights = _explained(
            logits, torch.cat([inputs.flatten(1), switches], dim=1),
            torch.cat([baseline.flatten(1), 0 * switches], dim=1), self._labels, number, several=self._multi_label,
        )  # fmt: skip
        of_tokens = weights[:tokens].reshape(shape).sum(axis=1)
        together = np.concatenate([of_tokens, weights[tokens:]])
        return TextExplanation(said, _merged(text, words, [*offsets, *added.spans], together))


def explain_lstm(classifier: LstmClassifier, text: str, number: int | None = None) -> TextExplanation:
    """As ``TransformerExplainer.explain``, for an LSTM; None explains the class that it decides for."""
    import torch

    words = _words(text)
    target = int(classifier.predict([text]).classes[0]) if number is None else number
    read = classifier.vocabulary.pieces(text)
    ids = torch.tensor([classifier.vocabulary.encode(text)], device=classifier.device)
    lengths = torch.tensor([len(read)])
    with torch.no_grad():
        inputs = classifier.network["embedding"](ids)

    def logits(embedded: Any) -> Any:
        # cuDNN has no gradients through an LSTM in evaluation mode.
        with torch.backends.cudnn.flags(enabled=False):
            return lstm_logits_of(classifier.network, embedded, lengths.expand(len(embedded)))

    said, weights = _explained(
        logits, inputs, torch.zeros_like(inputs), classifier.labels, target, classifier.head.calibration
    )
    offsets = [(piece.start, piece.end) for piece in read]
    return TextExplanation(said, _merged(text, words, offsets, weights.sum(axis=1)))


def explain_row(classifier: TabularClassifier, row: Row, number: int | None = None) -> RowExplanation:
    """What each column adds, compared with the average training row, to class ``number`` (None: the class that is
    decided for). Raises BadInput as predicting does."""
    import torch

    table = encode(classifier.columns, [row])
    target = int(classifier.predict([row]).classes[0]) if number is None else number
    numbers = torch.from_numpy(table.numbers).to(classifier.device)
    ids = torch.from_numpy(table.ids).to(classifier.device)
    width = numbers.shape[1]
    with torch.no_grad():
        looked_up = [perceptron_inputs(network, numbers[:, :0], ids) for network in classifier.networks]
        usual = [_usual(network, classifier) for network in classifier.networks]
    inputs = torch.cat([numbers, *looked_up], dim=1)
    baseline = torch.cat([torch.tensor([classifier.average.numbers], device=classifier.device), *usual], dim=1)
    span = looked_up[0].shape[1]  # of one member's embedded columns

    def logits(joined: Any) -> Any:
        parts = [
            torch.cat([joined[:, :width], joined[:, width + at * span : width + (at + 1) * span]], dim=1)
            for at in range(len(classifier.networks))
        ]
        pairs = zip(classifier.networks, parts, strict=True)
        return torch.stack([perceptron_logits(network, part) for network, part in pairs]).mean(dim=0)

    said, weights = _explained(
        logits, inputs, baseline.to(inputs), classifier.labels, target, classifier.head.calibration
    )
    return RowExplanation(said, _columns(classifier, row, weights, span))


def column_importance(classifier: TabularClassifier, rows: Sequence[Row], number: int) -> dict[str, float]:
    """Mean size of each column's weight for class ``number`` over ``rows``, the greatest first. Raises BadInput."""
    if not rows:
        raise BadInput("networks.no_rows")
    explained = [explain_row(classifier, row, number).columns for row in rows]
    sizes = np.abs([[column.weight for column in columns] for columns in explained]).mean(axis=0)
    named = zip((column.name for column in classifier.columns), sizes.tolist(), strict=True)
    return dict(sorted(named, key=lambda pair: -pair[1]))


def _usual(network: Any, classifier: TabularClassifier) -> Any:
    """The mean embedding of each embedded column over training rows, [1, span]."""
    import torch

    shares = [torch.tensor([levels], device=classifier.device) for levels in classifier.average.levels]
    parts = [share.to(table.weight) @ table.weight for share, table in zip(shares, network["tables"], strict=True)]
    return torch.cat(parts, dim=1) if parts else torch.zeros((1, 0), device=classifier.device)


def _columns(classifier: TabularClassifier, row: Row, weights: Floats, span: int) -> tuple[ColumnWeight, ...]:
    """Adds up the places of each column: its numbers once, its embedding once a member."""
    widths = [table.embedding_dim for table in classifier.networks[0]["tables"]]
    numbers = sum(column.width for column in classifier.columns)
    place, embedded, at = 0, 0, 0
    found = []
    for column in classifier.columns:
        weight = float(weights[place : place + column.width].sum())
        place += column.width
        if column.embedded:
            starts = [numbers + member * span + embedded for member in range(len(classifier.networks))]
            weight = float(sum(weights[start : start + widths[at]].sum() for start in starts))
            embedded, at = embedded + widths[at], at + 1
        value = row.get(column.name)
        found.append(ColumnWeight(column.name, "" if value is None else str(value), weight))
    return tuple(found)


def _words(text: str) -> list[Piece]:
    words = word_pieces(text)
    if not words:
        raise BadInput("networks.no_text_to_explain")
    return words


def _explained(
    logits: Callable[[Any], Any],
    inputs: Any,
    baseline: Any,
    labels: Sequence[str],
    number: int | None,
    calibration: Calibration | None = None,
    *,
    several: bool = False,
) -> tuple[Attributed, Floats]:
    """Integrated gradients of one input [1, ...]: what was said, and weights float64 of the input's shape."""
    import torch

    fitted = calibration or Calibration()

    def calibrated(points: Any) -> Any:
        outputs = logits(points).double() * fitted.scale
        return outputs + torch.tensor(fitted.offsets, device=outputs.device) if fitted.offsets else outputs

    with torch.no_grad():
        outputs = calibrated(inputs)[0]
    if number is not None and not 0 <= number < len(labels):
        raise BadInput("networks.unknown_target", number=number, count=len(labels))
    target = int(outputs.argmax()) if number is None else number

    def odds(points: Any) -> Any:
        return _log_odds(calibrated(points), target, several=several)

    with torch.no_grad():
        ends = [float(odds(one)[0]) for one in (inputs, baseline)]
    weights, steps = _integrated(odds, inputs, baseline, ends[0] - ends[1])
    chance = torch.sigmoid(outputs) if several else torch.softmax(outputs, dim=0)
    error = float(weights.sum()) - (ends[0] - ends[1])
    return Attributed(labels[target], target, float(chance[target]), ends[0], ends[1], error, steps), weights


def _log_odds(outputs: Any, target: int, *, several: bool) -> Any:
    import torch

    if several:
        return outputs[:, target]
    rest = [place for place in range(outputs.shape[1]) if place != target]
    return outputs[:, target] - torch.logsumexp(outputs[:, rest], dim=1)


def _integrated(odds: Callable[[Any], Any], inputs: Any, baseline: Any, difference: float) -> tuple[Floats, int]:
    """Doubles the points on the path until the weights' sum is close to ``difference``, or there are enough."""
    from captum.attr import IntegratedGradients

    method = IntegratedGradients(odds, multiply_by_inputs=True)
    weights, taken = np.zeros(0), 0
    for taken in STEPS:
        found = method.attribute(inputs, baselines=baseline, n_steps=taken, internal_batch_size=_AT_ONCE)
        weights = found.detach().double().cpu().numpy()[0]
        if abs(float(weights.sum()) - difference) <= CLOSE * (abs(difference) + 1) / 2:
            break
    return weights, taken


def _merged(
    text: str, words: Sequence[Piece], offsets: Sequence[Sequence[int]], weights: Floats
) -> tuple[WordWeight, ...]:
    """Shares each token's weight out to the words it overlaps, by characters; a word no token reaches was not read."""
    owner = np.full(len(text), -1)
    for number, word in enumerate(words):
        owner[word.start : word.end] = number
    totals, reached = np.zeros(len(words)), np.zeros(len(words), bool)
    for (start, end), weight in zip(offsets, weights, strict=True):
        owners = owner[start:end]
        owners = owners[owners >= 0]
        if len(owners):
            np.add.at(totals, owners, weight / len(owners))
            reached[owners] = True
    return tuple(
        WordWeight(text[word.start : word.end], word.start, word.end, float(totals[place]), bool(reached[place]))
        for place, word in enumerate(words)
    )
