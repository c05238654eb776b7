"""Passages as a knowledge base of their own, built, opened and searched by the product's index and encoder."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.models.hub import ModelHub
from core.retrieval.build import LANGUAGE_CODES, BuildOptions, PassageList, build_version
from core.retrieval.pipeline import KnowledgeIndex
from core.retrieval.windows import encode_windows
from core.settings import Settings
from core.types import Found, PassageRecord


@cache
def hub() -> ModelHub:
    return ModelHub(Settings(_env_file=None))


class KnowledgeSearch:
    """``passages`` as one index version; their ids are kept."""

    def __init__(self, passages: Sequence[PassageRecord]) -> None:
        encoder = hub().encoder()
        self.by_id = {record.id: record for record in passages}
        texts = [record.index_text for record in passages]
        vectors, counts = encode_windows(encoder, texts, [record.language for record in passages])
        ids = np.array([record.id for record in passages], np.int64)
        languages = np.array([LANGUAGE_CODES.index(record.language) for record in passages], np.int8)
        self._folder = tempfile.TemporaryDirectory(prefix="knowledge-")
        folder = Path(self._folder.name) / "1"
        options = BuildOptions(encoder.name, encoder.dimension, encoder.languages)
        build_version(folder, PassageList(ids, ids, languages, texts, vectors.astype("<f2"), counts), options)
        self.index = KnowledgeIndex.open(folder, encoder)
        self.idf = self.index.idf

    def search(self, question: str, k: int = 10) -> list[Found]:
        """The best ``k`` passages, best first."""
        return [Found(hit, self.by_id[hit.passage_id]) for hit in self.index.search(question, k=k).hits]


@lru_cache(maxsize=100_000)
def _vector(text: str) -> NDArray[np.float32]:
    return np.asarray(hub().encoder().encode([text], kind="passage")[0])


def aid(encoder: bool) -> dict[str, Any]:
    """The arguments that give ``select``, ``rank`` and ``describe_all`` the encoder's cosines; none for words alone."""
    return {"similarity": similarity} if encoder else {}


def similarity(question: str, sentences: Sequence[str]) -> list[float]:
    """Cosines by the product's encoder."""
    if not sentences:
        return []
    query = hub().encoder().encode([question], kind="query")[0]
    return [float(query @ _vector(sentence)) for sentence in sentences]
