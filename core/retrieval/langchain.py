"""Our encoder, vector index and retrieval as LangChain objects that pass the langchain-tests standard suites."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import VectorStore
from langchain_core.vectorstores.utils import maximal_marginal_relevance

from core.errors import IndexDamaged
from core.index.base import Floats, Mask
from core.index.faiss_index import FaissIndex, empty_index
from core.index.store import damaged, new_version, open_version
from core.models.encoder import Encoder
from core.retrieval.fuse import FusionWeights
from core.retrieval.pipeline import KnowledgeIndex

_INDEX = "dense.faiss"
_DOCUMENTS = "documents.jsonl"

Filter = Mapping[str, Any] | Callable[[Document], bool]


class PilotlightEmbeddings(Embeddings):
    """The sentence encoder as LangChain embeddings: vectors of length 1, as lists of floats."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return cast(list[list[float]], self.encoder.encode(texts, kind="passage").tolist())

    def embed_query(self, text: str) -> list[float]:
        return cast(list[float], self.encoder.encode([text], kind="query")[0].tolist())


class PilotlightVectorStore(VectorStore):
    """Documents by id with their vectors in an exact FAISS index, in memory; saved to and opened from a folder.

    Scores are cosines: vectors are brought to length 1. A document that is replaced or deleted is masked, and its row
    freed when more rows are masked than not. Thread-safe.
    """

    def __init__(self, embedding: Embeddings) -> None:
        self._embedding = embedding
        self._lock = threading.RLock()
        self._index: FaissIndex | None = None  # made with the first vector, whose length it takes
        self._rows: list[Document | None] = []  # None: the row is masked
        self._row_of: dict[str, int] = {}

    @property
    def embeddings(self) -> Embeddings:
        return self._embedding

    def __len__(self) -> int:
        return len(self._row_of)

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[Any, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Adds texts, replacing those whose ids are there already; an id that is missing or None is made up."""
        contents = list(texts)
        metas: Sequence[dict[Any, Any]] = metadatas if metadatas is not None else [{} for _ in contents]
        given: Sequence[str | None] = ids if ids is not None else [None] * len(contents)
        if not len(contents) == len(metas) == len(given):
            raise ValueError(
                f"{len(contents)} texts, {len(metas)} metadatas and {len(given)} ids; give as many of each"
            )
        documents = [
            Document(id=name or str(uuid.uuid4()), page_content=text, metadata=meta)
            for name, text, meta in zip(given, contents, metas, strict=True)
        ]
        self._put(documents, self._embedding.embed_documents(contents) if contents else [])
        return [str(document.id) for document in documents]

    def _put(self, documents: Sequence[Document], vectors: Sequence[Sequence[float]]) -> None:
        # Of an id that comes twice in one call, the last counts.
        last = {str(document.id): place for place, document in enumerate(documents)}
        if not last:
            return
        rows = _unit(np.asarray([vectors[place] for place in last.values()], np.float32))
        with self._lock:
            if self._index is None:
                self._index = empty_index(rows.shape[1])
            for name, place in last.items():
                self._mask(name)
                self._row_of[name] = len(self._rows)
                self._rows.append(documents[place])
            self._index.add(rows)
            self._compact()

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool:
        """Removes the documents with these ids, or all of them without ids. Unknown ids are no error."""
        with self._lock:
            for name in list(self._row_of) if ids is None else ids:
                self._mask(name)
            self._compact()
        return True

    def _mask(self, name: str) -> None:
        row = self._row_of.pop(name, None)
        if row is not None:
            self._rows[row] = None

    def _compact(self) -> None:
        if self._index is None or 2 * len(self._row_of) >= len(self._rows):
            return
        kept = np.asarray([row for row, document in enumerate(self._rows) if document is not None], np.int64)
        smaller = empty_index(self._index.dimension)
        if len(kept):
            smaller.add(self._index.vectors(0, self._index.size)[kept])
        self._index = smaller
        self._rows = [self._rows[row] for row in kept]
        self._row_of = {str(document.id): row for row, document in enumerate(self._rows) if document is not None}

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """The documents with these ids, in this order; unknown ids are left out."""
        with self._lock:
            found = [self._rows[self._row_of[name]] for name in ids if name in self._row_of]
        return [_copy(document) for document in found if document is not None]

    def similarity_search(
        self, query: str, k: int = 4, *, filter: Filter | None = None, **kwargs: Any
    ) -> list[Document]:
        return [document for document, _ in self.similarity_search_with_score(query, k, filter=filter)]

    def similarity_search_with_score(
        self, query: str, k: int = 4, *, filter: Filter | None = None, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """The ``k`` nearest documents with their cosines, best first.

        ``filter`` is metadata that must match, or a function of the document.
        """
        return self._nearest(self._embedding.embed_query(query), k, filter)

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, *, filter: Filter | None = None, **kwargs: Any
    ) -> list[Document]:
        return [document for document, _ in self._nearest(embedding, k, filter)]

    def max_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        *,
        filter: Filter | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        """``k`` of the ``fetch_k`` nearest documents, chosen to be near the query and unlike each other."""
        vector = _unit(np.asarray([self._embedding.embed_query(query)], np.float32))
        with self._lock:
            found = self._search(vector, fetch_k, filter)
            if self._index is None or not found:
                return []
            vectors = [self._index.vectors(row, 1)[0] for row, _ in found]
            documents = [self._rows[row] for row, _ in found]
        chosen = maximal_marginal_relevance(vector[0], vectors, lambda_mult, k)
        return [_copy(document) for place in chosen if (document := documents[place]) is not None]

    def _nearest(self, vector: Sequence[float], k: int, filter: Filter | None) -> list[tuple[Document, float]]:
        query = _unit(np.asarray([vector], np.float32))
        with self._lock:
            found = [(self._rows[row], score) for row, score in self._search(query, k, filter)]
        return [(_copy(document), score) for document, score in found if document is not None]

    def _search(self, query: Floats, k: int, filter: Filter | None) -> list[tuple[int, float]]:
        if self._index is None:
            return []
        scores, rows = self._index.search(query, k, self._allowed(filter))
        return [(int(row), float(score)) for row, score in zip(rows[0], scores[0], strict=True) if row >= 0]

    def _allowed(self, filter: Filter | None) -> Mask:
        def fits(document: Document) -> bool:
            if filter is None:
                return True
            if callable(filter):
                return filter(document)
            return all(document.metadata.get(key) == value for key, value in filter.items())

        return np.asarray([document is not None and fits(document) for document in self._rows], np.bool_)

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return lambda cosine: (1.0 + cosine) / 2.0

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[Any, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> Self:
        store = cls(embedding)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    def save(self, folder: Path) -> None:
        """Writes everything into ``folder``, replacing what it held; metadata has to be JSON."""
        with self._lock, new_version(folder, {}) as building:
            with (building / _DOCUMENTS).open("w", encoding="utf-8") as file:
                for document in self._rows:
                    line = document and {"id": document.id, "text": document.page_content, "meta": document.metadata}
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
            if self._index is not None:
                self._index.save(building / _INDEX)

    @classmethod
    def open(cls, folder: Path, embedding: Embeddings) -> Self:
        """Opens what ``save`` wrote. Raises IndexDamaged when it is not what was saved."""
        manifest = open_version(folder)
        store = cls(embedding)
        with (folder / _DOCUMENTS).open(encoding="utf-8") as file:
            for line in file:
                entry = json.loads(line)
                store._rows.append(
                    entry and Document(id=entry["id"], page_content=entry["text"], metadata=entry["meta"])
                )
        store._row_of = {str(document.id): row for row, document in enumerate(store._rows) if document is not None}
        if _INDEX in manifest.files:
            store._index = FaissIndex.load(folder / _INDEX, "exact", in_memory=True)
        if (store._index.size if store._index else 0) != len(store._rows):
            raise damaged(folder, _DOCUMENTS, "format")
        return store


class PilotlightRetriever(BaseRetriever):
    """Retrieval (lexical, dense, fused) as a LangChain retriever; ``k`` documents a question, or as many as asked."""

    index: Any  # KnowledgeIndex
    hydrate: Callable[[Sequence[int]], Sequence[Document]]  # passage ids -> documents, in their order
    k: int = 10
    weights: FusionWeights | None = None

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, k: int | None = None
    ) -> list[Document]:
        wanted = self.k if k is None else k
        result = cast(KnowledgeIndex, self.index).search(query, k=wanted, weights=self.weights)
        documents = self.hydrate([hit.passage_id for hit in result.hits])
        return [
            Document(
                id=document.id,
                page_content=document.page_content,
                metadata={**document.metadata, "passage_id": hit.passage_id, "score": hit.score},
            )
            for hit, document in zip(result.hits, documents, strict=True)
        ]


def _unit(vectors: Floats) -> Floats:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return cast(Floats, vectors / np.maximum(lengths, 1e-12))


def _copy(document: Document) -> Document:
    """So that what a caller does to a result's metadata does not change what is stored."""
    return Document(id=document.id, page_content=document.page_content, metadata=dict(document.metadata))


__all__ = ["IndexDamaged", "PilotlightEmbeddings", "PilotlightRetriever", "PilotlightVectorStore"]
