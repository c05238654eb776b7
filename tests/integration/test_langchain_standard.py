"""LangChain's own standard suites against our objects, with the real packaged encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import (
    EmbeddingsIntegrationTests,
    RetrieversIntegrationTests,
    VectorStoreIntegrationTests,
)

from core.errors import IndexDamaged
from core.models.encoder import Encoder
from core.models.hub import ModelHub
from core.retrieval.build import BuildOptions, PassageList, build_version
from core.retrieval.langchain import PilotlightEmbeddings, PilotlightRetriever, PilotlightVectorStore
from core.retrieval.pipeline import KnowledgeIndex

TEXTS = (
    "Items may be returned within 30 days of delivery.",
    "Refunds take five business days to reach your account.",
    "The Pro plan costs 49 dollars a month and includes single sign-on.",
    "Parcels are shipped from our warehouse in Rotterdam.",
    "商品自签收之日起三十天内可以退货。",
)


@pytest.fixture(scope="module")
def encoder(models: ModelHub) -> Encoder:
    return models.encoder()


@pytest.fixture(scope="module")
def knowledge(encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> KnowledgeIndex:
    source = PassageList(
        passage_ids=np.arange(100, 100 + len(TEXTS)),
        document_ids=np.arange(len(TEXTS)),
        languages=np.asarray([0, 0, 0, 0, 1], np.int8),
        all_texts=TEXTS,
        all_vectors=encoder.encode(TEXTS, kind="passage"),
    )
    folder = tmp_path_factory.mktemp("index") / "1" / "1"
    build_version(folder, source, BuildOptions(encoder.name, encoder.dimension, encoder.languages))
    return KnowledgeIndex.open(folder, encoder)


class TestEmbeddings(EmbeddingsIntegrationTests):
    @pytest.fixture(autouse=True)
    def _encoder(self, encoder: Encoder) -> None:
        self.encoder = encoder

    @property
    def embeddings_class(self) -> type[Embeddings]:
        return PilotlightEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"encoder": self.encoder}


class TestVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self) -> VectorStore:
        return PilotlightVectorStore(self.get_embeddings())


class TestRetriever(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def _knowledge(self, knowledge: KnowledgeIndex) -> None:
        self.knowledge = knowledge

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return PilotlightRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"index": self.knowledge, "hydrate": _documents}

    @property
    def retriever_query_example(self) -> str:
        return "How long does a refund take?"


def _documents(passage_ids: Sequence[int]) -> list[Document]:
    return [Document(page_content=TEXTS[i - 100], metadata={"page": 1}) for i in passage_ids]


def test_retriever_finds_what_was_asked_in_either_language(knowledge: KnowledgeIndex) -> None:
    retriever = PilotlightRetriever(index=knowledge, hydrate=_documents, k=1)
    assert retriever.invoke("How long does a refund take?")[0].page_content == TEXTS[1]
    assert retriever.invoke("多少天內可以退貨？")[0].page_content == TEXTS[4]


def test_vector_store_survives_a_save_and_refuses_a_damaged_one(tmp_path: Path) -> None:
    embedding = DeterministicFakeEmbedding(size=16)
    store = PilotlightVectorStore.from_texts(
        ["foo", "bar", "baz"], embedding, [{"n": 1}, {"n": 2}, {"n": 1}], ids=["1", "2", "3"]
    )
    store.delete(["3"])
    store.save(tmp_path / "store")
    opened = PilotlightVectorStore.open(tmp_path / "store", embedding)
    assert opened.similarity_search("bar", k=5)[0].id == "2"
    assert [d.id for d in opened.similarity_search("bar", k=5, filter={"n": 1})] == ["1"]
    opened.add_texts(["bar again"], ids=["2"])
    assert len(opened) == 2
    assert [d.page_content for d in opened.get_by_ids(["2"])] == ["bar again"]
    path = tmp_path / "store" / "documents.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("foo", "fob"), encoding="utf-8")
    with pytest.raises(IndexDamaged):
        PilotlightVectorStore.open(tmp_path / "store", embedding)


def test_vector_store_frees_deleted_rows_and_keeps_the_others(tmp_path: Path) -> None:
    embedding = DeterministicFakeEmbedding(size=16)
    store = PilotlightVectorStore(embedding)
    store.add_texts([f"text {i}" for i in range(50)], ids=[str(i) for i in range(50)])
    store.delete([str(i) for i in range(40)])
    assert store._index is not None
    assert store._index.size == 10
    found = store.similarity_search_with_score("text 44", k=50)
    assert len(found) == 10
    assert found[0][0].id == "44"
    assert found[0][1] == pytest.approx(1.0, abs=1e-2)


def test_results_are_copies(tmp_path: Path) -> None:
    store = PilotlightVectorStore.from_texts(["foo"], DeterministicFakeEmbedding(size=8), [{"n": 1}], ids=["1"])
    store.similarity_search("foo", k=1)[0].metadata["n"] = 2
    assert store.get_by_ids(["1"])[0].metadata == {"n": 1}
