"""One opened index version: a question in, passage ids with the scores of every stage out."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import IndexDamaged
from core.index.base import Floats, Mask, Rows
from core.index.faiss_index import FaissIndex
from core.index.store import damaged, open_array, open_version
from core.models.encoder import Encoder
from core.retrieval.build import DENSE_FILE, NO_PASSAGE
from core.retrieval.dense import DenseIndex
from core.retrieval.fuse import FusionCase, FusionWeights, fuse
from core.retrieval.lexical import LexicalIndex, best_rows
from core.retrieval.rerank import Rerank
from core.retrieval.windows import recipe
from core.text.language import detect_language
from core.text.words import index_words, search_words
from core.types import Hit, Language

log = logging.getLogger(__name__)

RERANKED = 20  # passages a cross-encoder reads


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage found, best first, and how long it took."""

    ranking: tuple[tuple[int, float], ...]  # passage id and score
    milliseconds: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """``stages`` holds those that ran, in order: lexical, dense, fused, rerank. ``weight`` is the dense half's."""

    hits: tuple[Hit, ...]
    stages: Mapping[str, Stage]
    query_words: tuple[str, ...]
    language: Language
    weight: float


@dataclass(frozen=True, slots=True)
class _Candidates:
    """The union of what either half proposed, each row with both exact scores. Arrays [m]."""

    rows: Rows
    lexical: Floats
    dense: Floats  # NaN: no vector, or the dense half did not run


class KnowledgeIndex:
    """Immutable and thread-safe. Rows are this version's own numbers; callers speak of passage and document ids."""

    def __init__(
        self,
        facts: Mapping[str, Any],
        passage_ids: Rows,
        document_ids: Rows,
        lexical: LexicalIndex,
        dense: DenseIndex | None,
        encoder: Encoder,
    ) -> None:
        self.facts = facts
        self.passage_ids = passage_ids
        self.document_ids = document_ids
        self._lexical = lexical
        self._dense = dense
        self._encoder = encoder
        alive = np.asarray(passage_ids != NO_PASSAGE)
        self._alive: Mask | None = None if alive.all() else alive

    @classmethod
    def open(cls, folder: Path, encoder: Encoder, *, verify: bool = True) -> KnowledgeIndex:
        """Opens a version, memory-mapped. Raises IndexDamaged.

        A version whose vectors another encoder made is searched by words alone until it is rebuilt.
        """
        facts = open_version(folder, verify=verify).facts
        try:
            passage_ids, document_ids = open_array(folder, "passage_ids"), open_array(folder, "document_ids")
            lexical = LexicalIndex.open(folder, len(passage_ids))
            dense = _open_dense(folder, facts, encoder)
        except IndexDamaged:
            raise
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise damaged(folder, str(error)[:80], "format") from error
        return cls(facts, passage_ids, document_ids, lexical, dense, encoder)

    @property
    def size(self) -> int:
        """Passages in this version."""
        return int(self.facts["passages"])

    @property
    def rule(self) -> str:
        """Why the vector index is the kind it is."""
        return str(self.facts["rule"])

    def idf(self, word: str) -> float:
        """Rarity of a search word in this version (BM25's inverse document frequency); an unknown one is the rarest."""
        seen = self._lexical.frequency(word)
        return math.log(1 + (self.size - seen + 0.5) / (seen + 0.5))

    def mask(self, *, documents: Collection[int] | None = None, removed: Collection[int] = ()) -> Mask | None:
        """Which rows a search may return: of ``documents`` only (None: of all), and of none that is ``removed``.

        None where nothing is masked. Worth keeping while neither changes.
        """
        mask = None if self._alive is None else self._alive.copy()
        if documents is not None:
            chosen = np.isin(self.document_ids, np.fromiter(documents, np.int64, len(documents)))
            mask = chosen if mask is None else mask & chosen
        if removed:
            left = ~np.isin(self.document_ids, np.fromiter(removed, np.int64, len(removed)))
            mask = left if mask is None else mask & left
        return mask

    def search(
        self,
        question: str,
        *,
        k: int = 10,
        candidates: int = 100,
        allowed: Mask | None = None,
        weights: FusionWeights | None = None,
        rerank: Rerank | None = None,
    ) -> SearchResult:
        """The ``k`` best passages for ``question``, of ``candidates`` that each half proposes.

        ``allowed`` is a mask of :meth:`mask`; ``weights`` are the knowledge base's, else the defaults.
        """
        language = detect_language(question)
        weight = self._weight(language, weights or FusionWeights())
        words = index_words(question)
        stages: dict[str, Stage] = {}
        found = self._candidates(question, words, weight, max(candidates, k), self._masked(allowed), stages)
        start = time.perf_counter()
        fused = fuse(found.lexical, found.dense, weight, self._encoder.floor)
        order = np.lexsort((found.rows, -fused))
        stages["fused"] = self._stage(found.rows[order], fused[order], start)
        hits = [self._hit(found, int(i), float(fused[i])) for i in order[: max(k, RERANKED)]]
        if rerank is not None and hits:
            hits = _reranked(question, hits, rerank, stages)
        return SearchResult(tuple(hits[:k]), stages, tuple(search_words(question)), language, weight)

    def fusion_case(
        self,
        question: str,
        right: Collection[int],
        *,
        candidates: int = 100,
        allowed: Mask | None = None,
    ) -> FusionCase | None:
        """The candidates of a golden question whose right documents are ``right``, to learn a weight from.

        None where the weight decides nothing: the encoder does not know the language, or there is no candidate.
        """
        language = detect_language(question)
        if not self._weight(language, FusionWeights(1.0, 1.0)):
            return None
        found = self._candidates(question, index_words(question), 1.0, candidates, self._masked(allowed), {})
        if not len(found.rows):
            return None
        good = np.isin(self.document_ids[found.rows], np.fromiter(right, np.int64, len(right)))
        return FusionCase(language, found.lexical, found.dense, good)

    def _weight(self, language: Language, weights: FusionWeights) -> float:
        return weights.weight(language, self._encoder.languages) if self._dense is not None else 0.0

    def _masked(self, allowed: Mask | None) -> Mask | None:
        if allowed is None or self._alive is None:
            return self._alive if allowed is None else allowed
        return allowed & self._alive

    def _candidates(
        self,
        question: str,
        words: list[str],
        weight: float,
        count: int,
        allowed: Mask | None,
        stages: dict[str, Stage],
    ) -> _Candidates:
        start = time.perf_counter()
        all_lexical = self._lexical.scores(words)
        rows = best_rows(all_lexical, count, allowed)
        stages["lexical"] = self._stage(rows, all_lexical[rows], start)
        if self._dense is None or weight == 0.0:
            return _Candidates(rows, all_lexical[rows], np.full(len(rows), np.nan, np.float32))
        start = time.perf_counter()
        query = self._encoder.encode([question], kind="query")[0]
        dense_rows, cosines = self._dense.search(query, count, allowed)
        stages["dense"] = self._stage(dense_rows, cosines, start)
        rows = np.union1d(rows, dense_rows)
        return _Candidates(rows, all_lexical[rows], self._dense.scores(query, rows))

    def _stage(self, rows: Rows, scores: Floats, start: float) -> Stage:
        milliseconds = 1000 * (time.perf_counter() - start)
        return Stage(tuple(zip(self.passage_ids[rows].tolist(), scores.tolist(), strict=True)), milliseconds)

    def _hit(self, found: _Candidates, i: int, fused: float) -> Hit:
        dense = float(found.dense[i])
        return Hit(
            passage_id=int(self.passage_ids[found.rows[i]]),
            score=fused,
            lexical=float(found.lexical[i]),
            dense=None if np.isnan(dense) else dense,
            fused=fused,
        )


def _open_dense(folder: Path, facts: Mapping[str, Any], encoder: Encoder) -> DenseIndex | None:
    if not facts["dense_rows"]:
        return None
    if facts["encoder"] != recipe(encoder.name) or facts["dimension"] != encoder.dimension:
        log.warning(
            "index version %s was made with %s and the encoder is now %s: searched by words until it is rebuilt",
            folder.name,
            facts["encoder"],
            recipe(encoder.name),
        )
        return None
    index = FaissIndex.load(folder / DENSE_FILE, facts["kind"], facts["width"])
    return DenseIndex(index, np.asarray(open_array(folder, "dense_rows")))


def _reranked(question: str, hits: list[Hit], rerank: Rerank, stages: dict[str, Stage]) -> list[Hit]:
    """The hits in the cross-encoder's order; as they were when it does not know the language."""
    start = time.perf_counter()
    scores = rerank(question, [hit.passage_id for hit in hits])
    if scores is None:
        return hits
    scored = [
        Hit(hit.passage_id, float(score), hit.lexical, hit.dense, hit.fused, float(score))
        for hit, score in zip(hits, scores, strict=True)
    ]
    scored.sort(key=lambda hit: -hit.score)
    ranking = tuple((hit.passage_id, hit.score) for hit in scored)
    stages["rerank"] = Stage(ranking, 1000 * (time.perf_counter() - start))
    return scored
