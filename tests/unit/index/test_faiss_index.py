"""One contract for every kind of vector index, on the CPU and, where there is one, the GPU, against brute force."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.index.base import VectorIndex
from core.index.faiss_index import (
    FaissIndex,
    GpuFaissIndex,
    build_faiss,
    choose_rule,
    empty_index,
    gpu_count,
    keep_allowed,
    tune,
)

COUNT, DIMENSION = 3000, 32
KINDS = {"exact": (COUNT, COUNT), "hnsw": (0, COUNT), "ivf": (0, 0)}


def clustered(count: int, seed: int = 1) -> np.ndarray[Any, np.dtype[np.float32]]:
    random = np.random.default_rng(seed)
    centres = random.normal(size=(40, DIMENSION))
    vectors = centres[random.integers(0, 40, count)] + 0.6 * random.normal(size=(count, DIMENSION))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


VECTORS = clustered(COUNT)
QUESTIONS = clustered(20, seed=2)


def build(kind: str) -> FaissIndex:
    exact, hnsw = KINDS[kind]
    rule = choose_rule(COUNT, exact_limit=exact, hnsw_limit=hnsw)
    assert rule.kind == kind
    blocks = (VECTORS[first : first + 700] for first in range(0, COUNT, 700))
    return build_faiss(rule, DIMENSION, COUNT, blocks, lambda n: VECTORS[:: max(1, COUNT // n)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faiss")


def needs_gpu() -> None:
    if not gpu_count():
        pytest.skip("this FAISS sees no GPU (requirements-gpu.txt has the package that can)")


@pytest.fixture(scope="module", params=["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def view(request: pytest.FixtureRequest) -> Callable[[FaissIndex], VectorIndex]:
    if request.param == "cpu":
        return lambda index: index
    needs_gpu()
    return lambda index: GpuFaissIndex(index)


@pytest.fixture(scope="module", params=sorted(KINDS))
def index(request: pytest.FixtureRequest, folder: Path, view: Callable[[FaissIndex], VectorIndex]) -> VectorIndex:
    """Built, saved and opened again, so that the contract holds for what is really served."""
    built = build(request.param)
    path = folder / f"{request.param}.faiss"
    built.save(path)
    return view(FaissIndex.load(path, built.kind, built.width))


def truth(question: Any, k: int, allowed: Any = None) -> Any:
    scores = VECTORS @ question
    if allowed is not None:
        scores = np.where(allowed, scores, -np.inf)
    return np.argsort(-scores, kind="stable")[:k]


def agreement(found: Any, expected: Any) -> float:
    return float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, expected, strict=True)]))


def test_finds_what_brute_force_finds(index: VectorIndex) -> None:
    scores, rows = index.search(QUESTIONS, 50)
    assert agreement(rows, [truth(q, 50) for q in QUESTIONS]) > {"exact": 0.99, "hnsw": 0.93, "ivf": 0.9}[index.kind]
    assert (np.diff(scores, axis=1) <= 1e-6).all()
    exact = np.take_along_axis(QUESTIONS @ VECTORS.T, rows, axis=1)
    assert np.abs(scores - exact).max() < 0.01


def test_a_mask_hides_rows_even_when_all_the_nearest_are_hidden(index: VectorIndex) -> None:
    for question in QUESTIONS[:5]:
        allowed = np.ones(COUNT, bool)
        allowed[truth(question, 1500)] = False
        _, rows = index.search(question[None], 20, allowed)
        assert allowed[rows[0]].all()
        assert agreement(rows, [truth(question, 20, allowed)]) > (0.99 if index.kind != "ivf" else 0.7)


def test_few_allowed_rows_are_all_found_and_the_rest_stays_empty(index: VectorIndex) -> None:
    allowed = np.zeros(COUNT, bool)
    allowed[[5, 1700, 2999]] = True
    scores, rows = index.search(QUESTIONS[:1], 10, allowed)
    assert sorted(rows[0][:3]) == [5, 1700, 2999]
    assert (rows[0][3:] == -1).all()
    assert np.isneginf(scores[0][3:]).all()


def test_nothing_allowed_nothing_found(index: VectorIndex) -> None:
    _, rows = index.search(QUESTIONS[:2], 4, np.zeros(COUNT, bool))
    assert (rows == -1).all()
    assert rows.shape == (2, 4)


def test_exact_scores_of_any_row(index: VectorIndex) -> None:
    rows = np.asarray([2999, 0, 17, 17])
    expected = VECTORS[rows] @ QUESTIONS[0]
    assert index.scores(QUESTIONS[0], rows) == pytest.approx(expected, abs=0.01)
    assert index.scores(QUESTIONS[0], np.zeros(0, np.int64)).shape == (0,)


def test_a_mask_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="mask"):
        build("exact").search(QUESTIONS[:1], 3, np.ones(3, bool))


def test_the_rule_says_why() -> None:
    rules = [choose_rule(n, exact_limit=10, hnsw_limit=20) for n in (10, 11, 20, 21)]
    assert [rule.kind for rule in rules] == ["exact", "hnsw", "hnsw", "ivf"]
    assert "exact_limit 10" in rules[0].text


def test_tuning_widens_until_recall_holds() -> None:
    index = build("hnsw")
    index.width = 1
    assert tune(index) > 0.95
    assert index.width > 1


def test_rows_can_be_added_to_a_reopened_graph(folder: Path) -> None:
    build("hnsw").save(folder / "grow.faiss")
    index = FaissIndex.load(folder / "grow.faiss", "hnsw", 128, in_memory=True)
    new = clustered(50, seed=3)
    index.add(new)
    _, rows = index.search(new, 1)
    assert agreement(rows, np.arange(COUNT, COUNT + 50)[:, None]) > 0.95


@settings(max_examples=40, deadline=None)
@given(st.lists(st.booleans(), min_size=60, max_size=60), st.integers(1, 70))
def test_exact_search_equals_brute_force_under_any_mask(mask: list[bool], k: int) -> None:
    allowed = np.asarray(mask)
    index = empty_index(DIMENSION)
    index.add(VECTORS[:60])
    scores, rows = index.search(QUESTIONS[:1], k, allowed)
    found = rows[0][rows[0] >= 0]
    assert len(found) == min(k, allowed.sum())
    assert allowed[found].all()
    left_out = np.setdiff1d(np.flatnonzero(allowed), found)
    if len(found) and len(left_out):
        assert (VECTORS[left_out] @ QUESTIONS[0]).max() <= scores[0][len(found) - 1] + 1e-3


def test_oversampled_results_keep_only_allowed_rows_in_order() -> None:
    scores = np.asarray([[0.9, 0.8, 0.7, -np.inf]], np.float32)
    rows = np.asarray([[3, 1, 0, -1]])
    kept_scores, kept = keep_allowed(scores, rows, 2, np.asarray([True, True, True, False]))
    assert kept.tolist() == [[1, 0]]
    assert kept_scores[0].tolist() == pytest.approx([0.8, 0.7])
    assert keep_allowed(scores, rows, 4, None)[1].tolist() == [[3, 1, 0, -1]]
