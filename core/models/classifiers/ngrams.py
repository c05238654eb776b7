"""Which words and pairs of words a text holds, and what they say of its label: a linear model beside an encoder.

An encoder reads what a text means; it forgets which words exactly were written, and on some data those alone know as
much. The two are wrong on different texts, so that both together know more than either ("wide and deep", Cheng et al.
2016). N-grams are weighted by how unevenly the labels use them (NB-SVM, Wang and Manning 2012), whose log-count ratio
is taken for the label where it is largest, so that it is defined for any number of labels.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.models.networks.words import Piece, word_pieces

FILE = "ngrams.safetensors"
# Words of the longest run. On Chinese reviews, with an encoder beside them, pairs of jieba's words were better than
# runs of up to four characters, with a fifth of the features; longer runs of words were no better.
ORDER = 2
BUCKETS = 1 << 20  # n-grams are known by a hash: no vocabulary to keep, and none in the model's file to read back
_JOIN = " "
_FLOATS = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class NgramModel:
    """``buckets`` int64 [features], sorted: the hashes that count; ``scales`` float32 [features]: how unevenly labels
    use them; ``weights`` float32 [features, labels] and ``bias`` [labels] of the logistic regression over them."""

    buckets: NDArray[np.int64]
    scales: _FLOATS
    weights: _FLOATS
    bias: _FLOATS

    def logits(self, texts: Sequence[str]) -> _FLOATS:
        """Float32 [texts, labels]; of a text without a known n-gram the bias alone."""
        if not texts:
            return np.zeros((0, len(self.bias)), np.float32)
        return np.asarray(self.vectors(held(texts)) @ self.weights + self.bias, np.float32)

    def vectors(self, counted: Any) -> Any:
        """What ``held`` found, as scaled features of length 1: sparse float32 [texts, features]."""
        from scipy.sparse import csr_matrix
        from sklearn.preprocessing import normalize

        places, known = self._places(counted.indices)
        rows = np.repeat(np.arange(counted.shape[0]), np.diff(counted.indptr))[known]
        shape = counted.shape[0], len(self.buckets)
        return normalize(csr_matrix((self.scales[places], (rows, places)), shape=shape), copy=False)

    def _places(self, buckets: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The features of those ``buckets`` that count, and which of them do (scipy's own choice of columns would go
        through all of BUCKETS for every call)."""
        places = np.searchsorted(self.buckets, buckets).clip(max=len(self.buckets) - 1)
        known = self.buckets[places] == buckets
        return places[known], known

    def contributions(self, text: str) -> tuple[list[tuple[int, int]], _FLOATS]:
        """Where each n-gram of ``text`` stands, and what it adds to the logits, float32 [n-grams, labels].

        They and the bias add up to ``logits``; an n-gram that stands several times shares out what it adds.
        """
        found = list(_runs(word_pieces(text)))
        if not found:
            return [], np.zeros((0, len(self.bias)), np.float32)
        vector = self.vectors(held([text])).toarray()[0]
        buckets = _hashed([[name] for name, _, _ in found]).indices
        places, known = self._places(buckets)
        often = np.bincount(places, minlength=len(self.buckets))
        added = np.zeros((len(found), len(self.bias)), np.float32)
        added[known] = self.weights[places] * (vector[places] / often[places])[:, None]
        return [(start, end) for _, start, end in found], added

    def save(self, folder: Path) -> None:
        """Writes ``ngrams.safetensors``. Raises OSError."""
        from safetensors.numpy import save_file

        named = {"buckets": self.buckets, "scales": self.scales, "weights": self.weights, "bias": self.bias}
        save_file({name: np.ascontiguousarray(value) for name, value in named.items()}, folder / FILE)


@dataclass(frozen=True, slots=True)
class Beside:
    """The n-grams that a classifier listens to as well; ``voices``: factors of the encoder's logits and of theirs."""

    model: NgramModel
    voices: tuple[float, float]

    def joined(self, encoder: _FLOATS, texts: Sequence[str]) -> _FLOATS:
        """The logits of both together, float32 [texts, labels]."""
        return np.asarray(self.voices[0] * encoder + self.voices[1] * self.model.logits(texts), np.float32)


def load_beside(folder: Path, facts: Mapping[str, Any]) -> Beside | None:
    """What stands beside the encoder of the classifier in ``folder``; None where its manifest's ``facts`` name nothing.

    Raises OSError; the folder's checksums have been compared before."""
    from safetensors.numpy import load_file

    said = facts.get("ngrams")
    if not said:
        return None
    return Beside(NgramModel(**load_file(folder / FILE)), (float(said["voices"][0]), float(said["voices"][1])))


def held(texts: Sequence[str]) -> Any:
    """Which n-grams each text holds, whole and however long: sparse float32 [texts, BUCKETS], 1 where it does."""
    found = _hashed([[name for name, _, _ in _runs(word_pieces(text))] for text in texts])
    found.sum_duplicates()
    found.data[:] = 1
    return found


def _runs(read: Sequence[Piece]) -> Iterator[tuple[str, int, int]]:
    """Every run of 1 to ORDER words and marks, and where it starts and ends."""
    for length in range(1, ORDER + 1):
        for run in zip(*(itertools.islice(read, skipped, None) for skipped in range(length)), strict=False):
            yield _JOIN.join(piece.word for piece in run), run[0].start, run[-1].end


def _hashed(names: Sequence[Sequence[str]]) -> Any:
    from sklearn.feature_extraction import FeatureHasher

    hasher = FeatureHasher(BUCKETS, input_type="string", dtype=np.float32, alternate_sign=False)
    return hasher.transform(names)
