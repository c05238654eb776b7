"""Rows whose label is likely wrong: those a simple model, trained without them, is sure to be of another class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from core.evaluation.classification import Floats, Ints
from core.text.language import has_han
from core.training.classification.folds import fold_rows, plain, same_text
from core.training.watch import Watch

_TRUSTED = 0.5  # skill (0 guesses, 1 is always right) below which the simple model has no say about a label
_FEATURES = 100_000  # n-grams kept of each kind, the most frequent


@dataclass(frozen=True, slots=True)
class Suspect:
    """Row ``row`` says ``given``; out of fold ``suggested`` has the greater probability.

    ``reason``: "conflict" when the same text also stands there with another label (``suggested`` is the commonest one
    of them), "model" otherwise. ``sureness`` = probability of the suggested less that of the given label.
    """

    row: int
    given: int
    suggested: int
    sureness: float
    reason: Literal["model", "conflict"]


def find_label_errors(
    texts: Sequence[str], classes: Sequence[int], labels: Sequence[str], watch: Watch, *, folds: int = 5, seed: int = 0
) -> tuple[Suspect, ...]:
    """Likely label errors of single-label texts, surest first.

    Confident learning (Northcutt et al. 2021): a row counts as of class k when its out-of-fold probability of k
    reaches the mean one of the rows labelled k; rows that count as another class than their label's are suspects. The
    Where that model itself hardly knows the classes, only conflicts are suspects. The
    probabilities are logistic regression's on words, pairs of words and characters 1-3 (English: 2-5, within words).
    Raises BadInput (networks.few_rows).
    """
    chances = out_of_fold(texts, classes, len(labels), watch, folds=folds, seed=seed)
    gold = np.asarray(classes, np.int64)
    conflicts = _conflicts(texts, classes)
    doubted = _confident(chances, gold) if skill(chances, gold) >= _TRUSTED else []
    found = [
        Suspect(row, int(gold[row]), best, float(chances[row, best] - chances[row, gold[row]]), "model")
        for row, best in doubted
        if row not in conflicts
    ]
    found += [
        Suspect(row, int(gold[row]), best, float(chances[row, best] - chances[row, gold[row]]), "conflict")
        for row, best in conflicts.items()
    ]
    return tuple(sorted(found, key=lambda suspect: (-suspect.sureness, suspect.row)))


def out_of_fold(
    texts: Sequence[str], classes: Sequence[int], count: int, watch: Watch, *, folds: int = 5, seed: int = 0
) -> Floats:
    """Probabilities [rows, classes] of each row from models that saw neither it nor a copy of it."""
    chances = np.zeros((len(texts), count))
    gold = np.asarray(classes, np.int64)
    splits = fold_rows(classes, folds, seed=seed, groups=same_text(texts))
    for done, (training, held_out) in enumerate(splits):
        watch.check()
        watch.step("label_errors", done, folds)
        model = ngram_model([texts[row] for row in training], gold[training])
        chances[held_out[:, None], model[-1].classes_[None]] = model.predict_proba([texts[row] for row in held_out])
    watch.step("label_errors", folds, folds)
    return chances


def skill(chances: Floats, gold: Ints) -> float:
    """How far right predictions go beyond luck: (accuracy - a) / (1 - a), a the accuracy of drawing labels at their
    frequencies (Heidke's skill score)."""
    shares = np.bincount(gold, minlength=chances.shape[1]) / len(gold)
    lucky = float((shares**2).sum())
    right = float((chances.argmax(axis=1) == gold).mean())
    return (right - lucky) / (1 - lucky) if lucky < 1 else 0.0


def ngram_model(texts: Sequence[str], classes: Sequence[int] | Ints) -> Any:
    """Logistic regression on tf-idf of n-grams, fitted: the simple model that anything larger stands beside.

    scikit-learn's pipeline with ``predict_proba``; columns follow ``model[-1].classes_``. One class only gives a model
    that always says so.
    """
    from sklearn.dummy import DummyClassifier
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    chinese = sum(has_han(text) for text in texts) * 2 > len(texts)
    shared = {"sublinear_tf": True, "max_features": _FEATURES, "dtype": np.float32}
    characters = (
        TfidfVectorizer(analyzer="char", ngram_range=(1, 3), **shared)
        if chinese
        else TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), **shared)
    )
    # Numbers, marks and single letters are words too: a text may hold nothing else.
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\w+|[^\w\s]", **shared)
    one = len(set(map(int, classes))) == 1
    last = DummyClassifier() if one else LogisticRegression(C=5.0, max_iter=300)
    model = make_pipeline(characters if chinese else make_union(words, characters), last)
    return model.fit(list(texts), np.asarray(classes))


def _confident(chances: Floats, gold: Ints) -> list[tuple[int, int]]:
    """Rows ``(row, class)`` that count as a class other than their label's."""
    present = np.bincount(gold, minlength=chances.shape[1]) > 0
    own = [float(chances[gold == number, number].mean()) if here else np.inf for number, here in enumerate(present)]
    reached = chances >= np.asarray(own)
    best = np.where(reached, chances, -1.0).argmax(axis=1)
    rows = np.flatnonzero(reached.any(axis=1) & (best != gold) & ~_prefers(chances, gold, best))
    return [(int(row), int(best[row])) for row in rows]


def _prefers(chances: Floats, gold: Ints, best: Any) -> Any:
    """Rows whose own label is still the likelier one, for all that the other passes its threshold."""
    rows = np.arange(len(gold))
    return chances[rows, gold] >= chances[rows, best]


def _conflicts(texts: Sequence[str], classes: Sequence[int]) -> dict[int, int]:
    """Rows in the minority among copies of their text, with the label that most copies have; ties name no row."""
    copies: defaultdict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(texts):
        copies[plain(text)].append(row)
    found: dict[int, int] = {}
    for rows in copies.values():
        counts = np.bincount([classes[row] for row in rows])
        most = np.flatnonzero(counts == counts.max())
        if len(most) == 1:
            found |= {row: int(most[0]) for row in rows if classes[row] != most[0]}
    return found
