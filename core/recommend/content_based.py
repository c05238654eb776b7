"""What an item says about itself: serves items nobody touched yet and people nobody has seen yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any
from zlib import crc32

import numpy as np

from core.index.base import Mask, VectorIndex
from core.recommend.base import Model, Run, Share, Tensors, shares
from core.recommend.data import Floats, History, Interactions, Ints, Items

Encode = Callable[[Sequence[str]], Floats]  # texts -> float32 [texts, d]
BuildIndex = Callable[[Floats], VectorIndex]  # L2-normalised vectors [items, d] -> an index of them
_PIECES = re.compile(r"[一-鿿]+|[^\W_]+")
_HASHED = 512


class ContentBased(Model):
    """Cosine of an item's vector and the mean of a history's, each event weighing ``1 - fade`` of the next newer one.

    ``encode`` is asked for the vectors of ``Item.words``; without it ``hashed_words``, which knows words, not meaning.
    The mean vector of the catalogue is taken out: what all items share tells nothing apart (Mu and Viswanath 2018).
    ``index``: builds the index that ``nearest`` asks; without it every item is compared.
    """

    name = "content"

    def __init__(
        self,
        fade: float = 0.1,
        encode: Encode | None = None,
        index: BuildIndex | None = None,
    ) -> None:
        super().__init__()
        self._fade = fade
        self.encode = encode
        self.build = index
        self._index: VectorIndex | None = None
        self._vectors: Floats = np.zeros((0, 0), np.float32)
        self._centre: Floats = np.zeros(0, np.float32)

    def _learn(self, data: Interactions, items: Items, run: Run) -> None:
        parts = []
        for first in range(0, len(items), 256):
            run.watch.check()
            parts.append(self._encoded([row.words for row in items.rows[first : first + 256]]))
            run.watch.step("content", min(first + 256, len(items)), len(items))
        raw = np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)
        # One item alone is its own mean; taking that out would leave nothing.
        self._centre = raw.mean(axis=0) if len(raw) > 2 else np.zeros(raw.shape[1], np.float32)
        self._vectors = _unit(raw - self._centre)
        self._index = None
        self._facts |= {"dimension": int(self._vectors.shape[1])}

    def _encoded(self, texts: Sequence[str]) -> Floats:
        return np.asarray((self.encode or hashed_words)(texts), np.float32)

    def _score(self, histories: Sequence[History]) -> Floats | None:
        people = np.stack([self._person(history) for history in histories])
        return np.asarray(people @ self._vectors.T, np.float32)

    def _person(self, history: History) -> Floats:
        weights = (1.0 - self._fade) ** np.arange(len(history))[::-1]
        found: Floats = _unit((weights @ self._vectors[history.items])[None].astype(np.float32))[0]
        return found

    @property
    def vectors(self) -> Floats:
        """Float32 [items, d], normalised, in the order of ``item_ids``."""
        return self._vectors

    def covering(self, items: Items) -> ContentBased:
        """The same for another catalogue: what is known is taken over, only new items are encoded."""
        number = {one: place for place, one in enumerate(self._item_ids)}
        places = [number.get(one, -1) for one in items.ids]
        if places == list(range(len(self._item_ids))):
            return self
        new = [row.words for row, place in zip(items.rows, places, strict=True) if place < 0]
        whole = np.concatenate([self._vectors, self._asked(new) if new else self._vectors[:0]])
        fresh = iter(range(len(self._vectors), len(whole)))
        rows = [place if place >= 0 else next(fresh) for place in places]
        found = ContentBased(self._fade, self.encode, self.build)
        found._item_ids, found._facts, found._centre = items.ids, self._facts, self._centre
        found._vectors = whole[rows]
        found._popularity = np.array([self._popularity[p] if p >= 0 else 0.0 for p in places], np.float32)
        return found

    def scores_of_words(self, texts: Sequence[str]) -> Floats:
        """Float32 [texts, items] for words that somebody typed."""
        return np.asarray(self._asked(texts) @ self._vectors.T, np.float32)

    def nearest(self, text: str, k: int, allowed: Mask | None = None) -> tuple[Floats, Ints]:
        """Scores and numbers of the ``k`` items nearest to ``text``, best first; fewer where fewer are allowed."""
        if self._index is None and self.build is not None and len(self._vectors):
            self._index = self.build(self._vectors)
        query = self._asked([text])
        if self._index is not None:
            scores, rows = self._index.search(query, k, allowed)
            kept = rows[0] >= 0
            return scores[0, kept], rows[0, kept]
        found = (query @ self._vectors.T)[0]
        if allowed is not None:
            found[~allowed] = -np.inf
        best = np.argsort(-found, kind="stable")[:k]
        best = best[found[best] > -np.inf]
        return found[best], best

    def _asked(self, texts: Sequence[str]) -> Floats:
        return _unit(self._encoded(texts) - self._centre)

    def reasons_for(self, history: History, items: Sequence[int]) -> list[tuple[Share, ...]]:
        return [self._reasons(history, item) for item in items]

    def _reasons(self, history: History, item: int) -> tuple[Share, ...]:
        """Exact: the score is a weighted sum over the history."""
        liked = self._known(history)
        if not len(liked) or not 0 <= item < len(self._vectors):
            return ()
        weights = (1.0 - self._fade) ** np.arange(len(liked))[::-1]
        parts: dict[int, float] = {}
        for one, part in zip(
            liked.items.tolist(), weights * (self._vectors[liked.items] @ self._vectors[item]), strict=True
        ):
            parts[one] = parts.get(one, 0.0) + float(part)
        return shares(parts)

    def _settings(self) -> dict[str, Any]:
        return {"fade": self._fade}

    def _tensors(self) -> Tensors:
        return {"vectors": self._vectors, "centre": self._centre}

    def _restore(self, tensors: Tensors) -> None:
        self._vectors, self._centre = tensors["vectors"], tensors["centre"]


def hashed_words(texts: Sequence[str]) -> Floats:
    """Float32 [texts, 512]: words, and pairs of Chinese characters, hashed with a sign (Weinberger et al. 2009)."""
    found = np.zeros((len(texts), _HASHED), np.float32)
    for row, text in enumerate(texts):
        for word in _words(text):
            code = crc32(word.encode())
            found[row, code % _HASHED] += 1.0 if code >> 31 else -1.0
    return found


def _words(text: str) -> list[str]:
    words = []
    for piece in _PIECES.findall(text.lower()):
        if "一" <= piece[0] <= "鿿":
            words += [piece[i : i + 2] for i in range(max(1, len(piece) - 1))]
        else:
            words.append(piece)
    return words


def _unit(vectors: Floats) -> Floats:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    found: Floats = (vectors / np.maximum(norms, 1e-12)).astype(np.float32)
    return found
