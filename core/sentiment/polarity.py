"""Labels of a classifier read as negative, neutral and positive, and a judgement that may be "uncertain"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from core.errors import Unavailable
from core.text.language import detect_language
from core.types import Language

Polarity = Literal["negative", "neutral", "positive"]
Label = Literal["negative", "neutral", "positive", "uncertain"]
POLARITIES: tuple[Polarity, ...] = ("negative", "neutral", "positive")
UNCERTAIN: Label = "uncertain"
CONFIDENT = 0.6  # the likeliest class must have this probability, unless the owner sets another bound

_NAMES: dict[Polarity, frozenset[str]] = {
    "negative": frozenset("negative neg bad 0 -1 消极 负面 负向 差评 贬义 否定".split()),
    "neutral": frozenset("neutral neu none 中性 中立 客观".split()),
    "positive": frozenset("positive pos good 1 积极 正面 正向 好评 褒义 肯定".split()),
}


class Predicted(Protocol):
    """What a classifier says: labels, and probabilities float64 [texts, labels] in their order."""

    @property
    def labels(self) -> Sequence[str]: ...

    @property
    def probabilities(self) -> NDArray[np.float64]: ...


class Classifier(Protocol):
    def predict(self, texts: Sequence[str]) -> Predicted: ...


@dataclass(frozen=True, slots=True)
class Judgement:
    """``probabilities`` in the order of ``POLARITIES``; they add up to 1. ``label`` is the likeliest polarity, or
    "uncertain" where its probability (``confidence``) is below the bound."""

    label: Label
    likeliest: Polarity
    confidence: float
    probabilities: tuple[float, float, float]
    language: Language

    @property
    def negative(self) -> float:
        return self.probabilities[0]

    @property
    def positive(self) -> float:
        return self.probabilities[2]


def polarity_of(name: str) -> Polarity | None:
    """The polarity that a label's name stands for; None where it is none that we know."""
    plain = name.strip().lower()
    return next((polarity for polarity, names in _NAMES.items() if plain in names), None)


def columns_of(labels: Sequence[str]) -> tuple[int | None, int | None, int | None]:
    """Column of each polarity among ``labels``; None for one that the classifier does not know.

    Raises Unavailable (sentiment.labels) unless every label stands for one polarity, and negative and positive are
    among them.
    """
    found = [polarity_of(label) for label in labels]
    if None in found or len(set(found)) != len(found) or not {"negative", "positive"} <= set(found):
        raise Unavailable("sentiment.labels", labels=", ".join(labels))
    return tuple(found.index(polarity) if polarity in found else None for polarity in POLARITIES)  # type: ignore[return-value]


def judge(classifier: Classifier, texts: Sequence[str], *, confident: float = CONFIDENT) -> list[Judgement]:
    """One judgement a text, in order. Raises Unavailable as ``columns_of`` does."""
    if not texts:
        return []
    predicted = classifier.predict(texts)
    chances = ordered(predicted.probabilities, columns_of(predicted.labels))
    return [judged(row, text, confident) for row, text in zip(chances, texts, strict=True)]


def ordered(
    probabilities: NDArray[np.float64], columns: tuple[int | None, int | None, int | None]
) -> NDArray[np.float64]:
    """Float64 [texts, 3] in the order of ``POLARITIES``; a polarity without a column has probability 0."""
    found = np.zeros((len(probabilities), len(POLARITIES)))
    for place, column in enumerate(columns):
        if column is not None:
            found[:, place] = probabilities[:, column]
    return np.asarray(found / np.maximum(found.sum(axis=1, keepdims=True), 1e-12), np.float64)


def judged(row: NDArray[np.float64], text: str, confident: float) -> Judgement:
    """The judgement that probabilities float64 [3] make of ``text``."""
    best = int(row.argmax())
    confidence = float(row[best])
    likeliest = POLARITIES[best]
    label: Label = likeliest if confidence >= confident else UNCERTAIN
    return Judgement(label, likeliest, confidence, (float(row[0]), float(row[1]), float(row[2])), detect_language(text))
