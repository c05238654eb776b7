"""Lexical retrieval: BM25 over search words, scored when the index is built (bm25s: Lù 2024)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from core.index.base import Floats, Mask, Rows
from core.index.store import damaged, open_array, save_array
from core.text.words import index_words

# Level with the best on NFCorpus dev, and the best for short Chinese paragraphs; see docs/decisions/fusion.md.
METHOD = "lucene"
K1 = 0.9
B = 0.4

_VOCABULARY = "vocabulary.txt"
_BLOCK = 50_000


@dataclass(frozen=True, slots=True)
class TokenTable:
    """Search words of passages as numbers: row i holds ``ids[offsets[i]:offsets[i + 1]]``, in order."""

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]  # [n + 1]

    @property
    def size(self) -> int:
        return len(self.offsets) - 1

    def keep(self, kept: Mask, *, empty: bool = False) -> TokenTable:
        """Only the rows ``kept``; with ``empty`` the others stay as rows without words."""
        lengths = np.diff(self.offsets)
        ids = self.ids[np.repeat(kept, lengths)]
        return _table(ids, np.where(kept, lengths, 0) if empty else lengths[kept])

    def join(self, other: TokenTable) -> TokenTable:
        """The rows of both, these first."""
        lengths = np.concatenate([np.diff(self.offsets), np.diff(other.offsets)])
        return _table(np.concatenate([self.ids, other.ids]), lengths)

    def save(self, folder: Path) -> None:
        save_array(folder, "tokens", self.ids)
        save_array(folder, "token_offsets", self.offsets)

    @classmethod
    def open(cls, folder: Path) -> TokenTable:
        return cls(open_array(folder, "tokens"), open_array(folder, "token_offsets"))


def _table(ids: NDArray[np.int32], lengths: NDArray[np.int64]) -> TokenTable:
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return TokenTable(np.ascontiguousarray(ids, np.int32), offsets)


def tokenise(texts: Iterable[str], vocabulary: dict[str, int]) -> TokenTable:
    """The index words of ``texts`` as numbers; words that are new get the next number in ``vocabulary``."""
    rows: list[NDArray[np.int32]] = []
    for text in texts:
        numbers = [vocabulary.setdefault(word, len(vocabulary)) for word in index_words(text)]
        rows.append(np.asarray(numbers, np.int32))
    ids = np.concatenate(rows) if rows else np.zeros(0, np.int32)
    return _table(ids, np.asarray([len(row) for row in rows], np.int64))


class LexicalIndex:
    """BM25 scores of every word in every row, by word. Read only and thread-safe."""

    def __init__(self, vocabulary: dict[str, int], scores: dict[str, Any]) -> None:
        import bm25s

        self.vocabulary = vocabulary
        self.size = int(scores["num_docs"])
        self._bm25 = bm25s.BM25(k1=K1, b=B, method=METHOD, backend="numpy")
        self._bm25.scores = scores
        self._bm25.nonoccurrence_array = None

    @classmethod
    def build(cls, vocabulary: dict[str, int], tokens: TokenTable, alive: Mask | None = None) -> LexicalIndex:
        """An index of ``tokens``. Rows that are not ``alive`` [n] have no words and count for no statistic."""
        return cls(vocabulary, _eager_scores(tokens, len(vocabulary), alive))

    def scores(self, words: Sequence[str]) -> Floats:
        """BM25 of every row for a question of ``words``, float32 [n]; words nobody uses count nothing."""
        numbers = [self.vocabulary[word] for word in words if word in self.vocabulary]
        if not numbers:
            return np.zeros(self.size, np.float32)
        return cast(Floats, self._bm25.get_scores_from_ids(numbers))

    def frequency(self, word: str) -> int:
        """In how many rows a search word stands; 0 for one that nobody uses."""
        number = self.vocabulary.get(word)
        if number is None:
            return 0
        starts = self._bm25.scores["indptr"]
        return int(starts[number + 1] - starts[number])

    def save(self, folder: Path) -> None:
        words = sorted(self.vocabulary, key=self.vocabulary.__getitem__)
        (folder / _VOCABULARY).write_text("\n".join(words), encoding="utf-8", newline="\n")
        for name in ("data", "indices", "indptr"):
            save_array(folder, f"bm25_{name}", self._bm25.scores[name])

    @classmethod
    def open(cls, folder: Path, size: int) -> LexicalIndex:
        """Opens a saved index of ``size`` rows; its arrays are memory-mapped. Raises IndexDamaged."""
        scores: dict[str, Any] = {name: open_array(folder, f"bm25_{name}") for name in ("data", "indices")}
        scores |= {"indptr": open_array(folder, "bm25_indptr", mapped=False), "num_docs": size}
        vocabulary = read_vocabulary(folder)
        if len(scores["indptr"]) != len(vocabulary) + 1:
            raise damaged(folder, _VOCABULARY, "format")
        return cls(vocabulary, scores)


def read_vocabulary(folder: Path) -> dict[str, int]:
    """Word to number, as saved."""
    text = (folder / _VOCABULARY).read_text(encoding="utf-8")
    return {word: number for number, word in enumerate(text.split("\n"))} if text else {}


def best_rows(scores: Floats, k: int, allowed: Mask | None = None) -> Rows:
    """The up to ``k`` allowed rows with the highest scores above zero, best first, equal ones by row."""
    found = np.flatnonzero(scores > 0 if allowed is None else (scores > 0) & allowed)
    if len(found) > k:
        values = scores[found]
        least = np.partition(values, len(values) - k)[len(values) - k]
        found = found[values >= least]
    order = np.lexsort((found, -scores[found]))
    return cast(Rows, found[order][:k].astype(np.int64))


def _eager_scores(tokens: TokenTable, words: int, alive: Mask | None) -> dict[str, Any]:
    """BM25 of each word in each row as a matrix by columns: bm25s' layout and formulas, a block of rows at a time.

    bm25s itself builds from Python lists row by row, which for 10 million words takes minutes and gigabytes.
    """
    from bm25s.scoring import _select_idf_scorer, _select_tfc_scorer

    lengths = np.diff(tokens.offsets).astype(np.float32)
    counts = _count_words(tokens, words)
    rows = tokens.size if alive is None else int(np.count_nonzero(alive))
    mean = float(lengths.sum() / rows) if rows else 0.0
    frequency = np.diff(counts.indptr)  # rows with the word
    inverse = _select_idf_scorer(METHOD)
    idf = np.asarray([inverse(int(df), N=rows) if df else 0.0 for df in frequency], np.float32)
    data = counts.data
    if len(data):
        data = _select_tfc_scorer(METHOD)(data, lengths[counts.indices], mean, K1, B, 0.0).astype(np.float32)
        data *= np.repeat(idf, frequency)
    return {"data": data, "indices": counts.indices, "indptr": counts.indptr.astype(np.int64), "num_docs": tokens.size}


def _count_words(tokens: TokenTable, words: int) -> Any:
    """How often each word stands in each row: scipy CSC matrix [n, words], float32."""
    from scipy import sparse

    blocks = []
    for first in range(0, tokens.size, _BLOCK):
        offsets = tokens.offsets[first : first + _BLOCK + 1]
        ids = tokens.ids[offsets[0] : offsets[-1]]
        block = sparse.csr_matrix(
            (np.ones(len(ids), np.float32), ids, offsets - offsets[0]), shape=(len(offsets) - 1, words)
        )
        block.sum_duplicates()
        blocks.append(block)
    if not blocks:
        return sparse.csc_matrix((0, words), dtype=np.float32)
    return sparse.vstack(blocks, format="csr").tocsc()
