"""Passages of several vectors: how they are cut, and that the best one speaks for its passage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.index.faiss_index import build_faiss, choose_rule
from core.models.hub import ModelHub
from core.retrieval.build import BuildOptions, PassageList, build_version
from core.retrieval.dense import DenseIndex
from core.retrieval.pipeline import KnowledgeIndex
from core.retrieval.windows import LIMITS, encode_windows, windows

SENTENCES = st.lists(st.text("abc 。甲乙丙，", min_size=1, max_size=90).map(lambda s: s + "。"), max_size=12)


@given(SENTENCES, st.sampled_from(["en", "zh"]))
def test_windows_hold_the_whole_text_in_order_and_keep_to_the_limit(sentences: list[str], language: str) -> None:
    text = "".join(sentences)
    cut = windows(text, language)
    assert cut
    if len(text) <= LIMITS[language]:
        assert cut == [text]
        return
    assert "".join("".join(cut).split()) == "".join(text.split())
    longest = max(len(sentence) for sentence in sentences)
    assert all(len(window) <= max(LIMITS[language], longest) for window in cut)


def test_a_long_sentence_is_a_window_of_its_own() -> None:
    long = "一" * 300 + "。"
    assert windows("短句。" + long + "再来一句。", "zh") == ["短句。", long, "再来一句。"]


@pytest.fixture(scope="module", params=["exact", "hnsw"])
def many(request: pytest.FixtureRequest) -> tuple[DenseIndex, np.ndarray, np.ndarray]:
    """An index of 400 passages, a third of which have no vector and the others one to five."""
    random = np.random.default_rng(3)
    counts = np.where(np.arange(400) % 3 == 0, 0, random.integers(1, 6, 400))
    vectors = random.normal(size=(counts.sum(), 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rule = choose_rule(len(vectors), exact_limit=0 if request.param == "hnsw" else 10**6, hnsw_limit=10**6)
    index = build_faiss(rule, 16, len(vectors), [vectors], lambda n: vectors[:n])
    index.width = max(index.width, 512)
    return DenseIndex(index, np.repeat(np.arange(400), counts)), vectors, counts


def best_of_each(query: np.ndarray, vectors: np.ndarray, counts: np.ndarray) -> np.ndarray:
    owners = np.repeat(np.arange(len(counts)), counts)
    best = np.full(len(counts), -np.inf)
    np.maximum.at(best, owners, vectors.astype(np.float16).astype(np.float32) @ query)
    return best


def test_a_passage_is_as_near_as_its_nearest_window(many: tuple[DenseIndex, np.ndarray, np.ndarray]) -> None:
    dense, vectors, counts = many
    for query in vectors[:40]:
        best = best_of_each(query, vectors, counts)
        rows, cosines = dense.search(query, 10)
        assert len(set(rows.tolist())) == len(rows) == 10
        assert cosines == pytest.approx(np.sort(best)[::-1][:10], abs=1e-3)
        asked = np.array([0, 1, 399, 7, 1, 6])
        scores = dense.scores(query, asked)
        assert np.isnan(scores[[0, 2, 5]]).all()
        assert scores[[1, 3, 4]] == pytest.approx(best[[1, 7, 1]], abs=1e-3)


def test_masked_passages_are_not_found_by_any_window(many: tuple[DenseIndex, np.ndarray, np.ndarray]) -> None:
    dense, vectors, _ = many
    allowed = np.arange(400) % 2 == 0
    rows, _ = dense.search(vectors[0], 50, allowed)
    assert len(rows) == 50
    assert (rows % 2 == 0).all()


@pytest.mark.parametrize("limit", [10_000, 5], ids=["exact", "hnsw"])
def test_a_rebuild_keeps_the_windows_of_what_stays(models: ModelHub, tmp_path: Path, limit: int) -> None:
    encoder = models.encoder()
    texts = [
        f"Shelf {n} holds lamps. " + f"Lamp {n} costs {n} euros and is repaired for ten years. " * 24 for n in range(30)
    ]
    texts += ["退货须在三十天内提出。" + "运费由我们承担，" * 30 + "。" + "节假日照常发货。" * 5]
    languages = ["en"] * 30 + ["zh"]
    vectors, counts = encode_windows(encoder, texts, languages)
    assert counts.min() > 1
    options = BuildOptions(encoder.name, encoder.dimension, encoder.languages, exact_limit=limit)

    def write(name: str, chosen: range, previous: str | None = None) -> KnowledgeIndex:
        ends = np.cumsum(counts)
        own = np.concatenate([vectors[ends[i] - counts[i] : ends[i]] for i in chosen])
        ids = np.array(chosen)
        codes = np.array([int(languages[i] == "zh") for i in chosen], np.int8)
        source = PassageList(ids, ids, codes, [texts[i] for i in chosen], own, counts[list(chosen)])
        before = tmp_path / previous if previous else None
        build_version(tmp_path / name, source, options, previous=before)
        return KnowledgeIndex.open(tmp_path / name, encoder)

    write("1", range(30))
    grown, anew = write("2", range(2, 31), "1"), write("3", range(2, 31))
    for question in ("What does lamp 7 cost?", "谁付退货的运费？", "lamp 1"):
        one, other = (index.search(question, k=5).stages["dense"].ranking for index in (grown, anew))
        assert {passage for passage, _ in one[:5]} == {passage for passage, _ in other[:5]}
        assert 1 not in {passage for passage, _ in one}
    assert grown.search("谁付退货的运费？").hits[0].passage_id == 30
