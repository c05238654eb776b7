"""The encoder's cosines as the assistant wants them: a text against texts, remembered for a while."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from core.services.application import Application
from core.text.language import detect_language

Vector = NDArray[np.float32]
REMEMBERED = 4096  # sentences; 1.5 KiB each with 384 dimensions


class SentenceVectors:
    """Vectors of the sentences seen last. Passages that answer often are asked about often. Thread-safe and bounded."""

    def __init__(self, encode: Callable[[Sequence[str]], Sequence[Vector]], most: int = REMEMBERED) -> None:
        self._encode = encode
        self._most = most
        self._known: OrderedDict[str, Vector] = OrderedDict()
        self._guard = threading.Lock()

    def __call__(self, texts: Sequence[str]) -> list[Vector]:
        """One vector a text, in order; unknown ones are encoded in one batch, outside the lock."""
        with self._guard:
            found = {text: self._known[text] for text in texts if text in self._known}
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        if missing:
            fresh = dict(zip(missing, self._encode(missing), strict=True))
            found |= fresh
        with self._guard:
            for text in texts:
                self._known[text] = found[text]
                self._known.move_to_end(text)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return [found[text] for text in texts]


def sentence_vectors(app: Application) -> SentenceVectors:
    """The application's own, made at the first use."""
    known: SentenceVectors | None = app.caches.get("sentence_vectors")
    if known is None:

        def encode(texts: Sequence[str]) -> Sequence[Vector]:
            return list(app.encoder().encode(list(texts), kind="passage"))

        known = app.caches.setdefault("sentence_vectors", SentenceVectors(encode))
    return known


def sentence_similarity(app: Application, question: str) -> Callable[[str, Sequence[str]], list[float]] | None:
    """Cosines of a question with sentences, for choosing among them; None for a question that the encoder cannot read.

    A sentence in a language it cannot read gets NaN.
    """
    languages = app.encoder().languages
    if detect_language(question) not in languages:
        return None
    vectors = sentence_vectors(app)

    def similarity(question: str, sentences: Sequence[str]) -> list[float]:
        read = [i for i, sentence in enumerate(sentences) if detect_language(sentence) in languages]
        cosines = [math.nan] * len(sentences)
        if read:
            query = app.encoder().encode([question], kind="query")[0]
            for i, vector in zip(read, vectors([sentences[i] for i in read]), strict=True):
                cosines[i] = float(query @ vector)
        return cosines

    return similarity


def text_similarity(app: Application) -> Callable[[str, str], float]:
    """The cosine of two short texts, for checking claims."""
    vectors = sentence_vectors(app)

    def similarity(left: str, right: str) -> float:
        a, b = vectors([left, right])
        return float(a @ b)

    return similarity
