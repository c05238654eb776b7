"""Texts that say nearly the same, among many: MinHash and locality-sensitive hashing, every candidate then verified.

Similarity is Jaccard's over the sets of character triples of ``cleaning.text_key`` (letters and digits, lower case), in
English and Chinese alike. Signatures: Broder, "On the resemblance and containment of documents", 1997; banding: Indyk
and Motwani 1998, as in Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", chapter 3. With 32 bands of 5, a pair
at 0.85 is missed with probability (1 - 0.85^5)^32 = 7e-9; what is found is always truly that near.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.training.datasets.cleaning import text_key
from core.training.watch import Watch

THRESHOLD = 0.85
BANDS, ROWS = 32, 5
_SIZE = 3  # characters of a shingle
_CHUNK = 200_000  # shingles hashed at once
_CACHED = 50_000  # texts whose shingles are kept at hand
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))

Words = NDArray[np.uint64]


class NearTexts:
    """Signatures of texts in the order in which they were added; 128 bytes a text."""

    def __init__(self, texts: Iterable[str], watch: Watch, *, seed: int = 0) -> None:
        generator = np.random.default_rng(seed)
        self._factors = generator.integers(1, 1 << 63, BANDS * ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        self._offsets = generator.integers(0, 1 << 63, BANDS * ROWS, dtype=np.uint64)
        self._bands = np.concatenate([np.zeros((BANDS, 0), np.uint32), *self._signed(texts, watch)], axis=1)

    def __len__(self) -> int:
        return int(self._bands.shape[1])

    def clusters(
        self, text_of: Callable[[int], str], watch: Watch, *, threshold: float = THRESHOLD
    ) -> NDArray[np.int64]:
        """A number for each text [texts], the lowest of those it hangs together with, directly or by way of others."""
        parent = np.arange(len(self), dtype=np.int64)
        similar = _Similar(text_of, threshold)

        def root(row: int) -> int:
            while parent[row] != row:
                parent[row] = parent[parent[row]]
                row = int(parent[row])
            return row

        for members in self._groups(watch):
            together: dict[int, list[int]] = {}
            for row in members:
                for other, rows in list(together.items()):
                    if root(row) != root(other) and any(similar(row, known) for known in rows):
                        low, high = sorted((root(row), root(other)))
                        parent[high] = low
                # Roots may have moved: those that became one are gathered again.
                merged: dict[int, list[int]] = {}
                for rows in (*together.values(), [row]):
                    merged.setdefault(root(rows[0]), []).extend(rows)
                together = merged
        return np.array([root(row) for row in range(len(self))], np.int64)

    def matches(
        self, left: NDArray[np.bool_], right: NDArray[np.bool_], text_of: Callable[[int], str], watch: Watch,
        *, threshold: float = THRESHOLD,
    ) -> dict[int, int]:  # fmt: skip
        """For each text of ``left`` (mask [texts]) that is near one of ``right``: that one."""
        similar = _Similar(text_of, threshold)
        found: dict[int, int] = {}
        for members in self._groups(watch):
            others = [row for row in members if right[row]]
            for row in members:
                if left[row] and row not in found and others:
                    near = next((other for other in others if other != row and similar(row, other)), None)
                    if near is not None:
                        found[row] = near
        return found

    def _groups(self, watch: Watch) -> Iterator[list[int]]:
        """Texts that agree in a whole band, two or more at a time."""
        for number, band in enumerate(self._bands):
            watch.check()
            watch.step("near_duplicates", number, BANDS)
            order = np.argsort(band, kind="stable")
            edges = np.flatnonzero(np.diff(band[order])) + 1
            starts, ends = np.r_[0, edges], np.r_[edges, len(order)]
            for index in np.flatnonzero(ends - starts > 1):
                yield [int(row) for row in order[starts[index] : ends[index]]]

    def _signed(self, texts: Iterable[str], watch: Watch) -> Iterator[NDArray[np.uint32]]:
        held: list[Words] = []
        size = 0
        for text in texts:
            shingles = _hashes(text_key(text))
            held.append(shingles)
            size += len(shingles)
            if size >= _CHUNK:
                watch.check()
                yield self._sign(held)
                held, size = [], 0
        if held:
            yield self._sign(held)

    def _sign(self, texts: Sequence[Words]) -> NDArray[np.uint32]:
        """Band hashes uint32 [BANDS, texts] of shingle hashes."""
        values = np.concatenate(texts)
        starts = np.r_[0, np.cumsum([len(text) for text in texts])[:-1]]
        bands = np.empty((BANDS, len(texts)), np.uint32)
        for band in range(BANDS):
            mixed = np.zeros(len(texts), np.uint64)
            for place in range(band * ROWS, (band + 1) * ROWS):
                hashed = values * self._factors[place] + self._offsets[place]
                hashed >>= np.uint64(32)
                mixed = _mix(mixed ^ np.minimum.reduceat(hashed, starts))
            bands[band] = mixed >> np.uint64(32)
        return bands


class _Similar:
    """Is the Jaccard similarity of two texts at least the threshold? Shingles of recent texts are kept."""

    def __init__(self, text_of: Callable[[int], str], threshold: float) -> None:
        self._threshold = threshold
        self._shingles = lru_cache(_CACHED)(lambda row: shingles(text_of(row)))

    def __call__(self, row: int, other: int) -> bool:
        one, two = self._shingles(row), self._shingles(other)
        if min(len(one), len(two)) < self._threshold * max(len(one), len(two)):
            return False
        common = len(one & two)
        return common >= self._threshold * (len(one) + len(two) - common)


def shingles(text: str) -> frozenset[str]:
    """Triples of characters of the text's key; the whole of a shorter one."""
    key = text_key(text)
    return frozenset(key[place : place + _SIZE] for place in range(max(1, len(key) - _SIZE + 1)))


def similarity(one: str, other: str) -> float:
    """Jaccard similarity of two texts' shingles, 0..1."""
    left, right = shingles(one), shingles(other)
    return len(left & right) / len(left | right)


def _hashes(key: str) -> Words:
    """Hashes of the key's shingles, in order, repeated as they repeat."""
    codes = np.frombuffer(key.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    if len(codes) < _SIZE:
        codes = np.r_[codes, np.zeros(_SIZE - len(codes), np.uint64)]
    window = (codes[:-2] << np.uint64(42)) ^ (codes[1:-1] << np.uint64(21)) ^ codes[2:]
    return _mix(window)


def _mix(values: Words) -> Words:
    """Every bit of the result hangs on every bit of the value (splitmix64's finaliser, Steele et al. 2014)."""
    values = values + _MIX[0]
    values = (values ^ (values >> np.uint64(30))) * _MIX[1]
    values = (values ^ (values >> np.uint64(27))) * _MIX[2]
    return values ^ (values >> np.uint64(31))
