"""The encoder's cosines as the assistant wants them: a text against texts, remembered for a while."""

from __future__ import annotations

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
    """Cosines of a question with sentences, for choosing among them; None for a question that is ranked by words.

    Only English has rankers fitted with cosines. For Chinese they were tried and sorted the sentences better, but the
    probabilities did not fit the other language's: see docs/decisions/refusal.md.
    """
    language = detect_language(question)
    if language != "en" or language not in app.encoder().languages:
        return None
    vectors = sentence_vectors(app)

    def similarity(question: str, sentences: Sequence[str]) -> list[float]:
        if not sentences:
            return []
        query = app.encoder().encode([question], kind="query")[0]
        return [float(query @ vector) for vector in vectors(sentences)]

    return similarity


def text_similarity(app: Application) -> Callable[[str, str], float]:
    """The cosine of two short texts, for checking claims."""
    vectors = sentence_vectors(app)

    def similarity(left: str, right: str) -> float:
        a, b = vectors([left, right])
        return float(a @ b)

    return similarity
