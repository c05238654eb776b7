"""Vector indexes on FAISS: exact up to a size, HNSW above it, IVF above that; a GPU index is a view of the CPU one.

Exact and HNSW keep vectors as float16 (HNSW: Malkov and Yashunin 2018), so that one file serves both for the search and
for exact scores of single rows; IVF keeps one byte a component.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from core.index.base import Floats, IndexKind, Mask, Rows

HNSW_LINKS = 16
HNSW_BUILD_WIDTH = 80
# Widths tried, in order, until HNSW finds this share of what an exact search finds.
SEARCH_WIDTHS = (128, 256, 512)
LEAST_RECALL = 0.97
# With fewer rows than this share allowed, those near a question may all be masked: every allowed row is compared.
_SCAN_BELOW = 0.9
_GPU_MOST_RESULTS = 2048


@dataclass(frozen=True, slots=True)
class Rule:
    """Which kind of index is built for a number of vectors, and the sentence that says why."""

    kind: IndexKind
    text: str


def choose_rule(count: int, *, exact_limit: int, hnsw_limit: int) -> Rule:
    """exact up to ``exact_limit`` vectors, HNSW up to ``hnsw_limit``, IVF above."""
    if count <= exact_limit:
        return Rule("exact", f"{count} vectors <= exact_limit {exact_limit}: exact search, float16")
    if count <= hnsw_limit:
        return Rule("hnsw", f"{count} vectors <= hnsw_limit {hnsw_limit}: HNSW with {HNSW_LINKS} links, float16")
    return Rule("ivf", f"{count} vectors > hnsw_limit {hnsw_limit}: IVF with {_lists(count)} lists, 8 bit")


def _lists(count: int) -> int:
    return max(1, min(65_536, round(4 * math.sqrt(count))))


class FaissIndex:
    """A CPU index. ``width`` is how widely HNSW (efSearch) or IVF (lists probed) looks."""

    def __init__(self, index: Any, kind: IndexKind, width: int = 0) -> None:
        self._index = index
        self.kind: IndexKind = kind
        self.width = width
        self._flat = _storage(index) if kind == "hnsw" else index

    @property
    def size(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    def search(self, queries: Floats, k: int, allowed: Mask | None = None) -> tuple[Floats, Rows]:
        if allowed is not None and len(allowed) != self.size:
            raise ValueError(f"the mask has {len(allowed)} rows and the index {self.size}")
        count = self.size if allowed is None else int(np.count_nonzero(allowed))
        if count == self.size:
            allowed = None
        queries = np.ascontiguousarray(queries, np.float32)
        if count == 0 or k <= 0 or not len(queries):
            return _nothing(len(queries), max(k, 0))
        if self.kind == "exact" or count < _SCAN_BELOW * self.size:
            return self._scan(queries, k, allowed)
        scores, rows = self._approximate(queries, k, allowed)
        if (rows[:, : min(k, count)] < 0).any():
            return self._scan(queries, k, allowed)
        return scores, rows

    def _scan(self, queries: Floats, k: int, allowed: Mask | None) -> tuple[Floats, Rows]:
        """Every allowed row compared."""
        faiss = _faiss()
        if self.kind == "ivf":
            return self._run(self._index, queries, k, faiss.SearchParametersIVF(nprobe=self._index.nlist), allowed)
        return self._run(self._flat, queries, k, faiss.SearchParameters(), allowed)

    def _approximate(self, queries: Floats, k: int, allowed: Mask | None) -> tuple[Floats, Rows]:
        faiss = _faiss()
        if self.kind == "hnsw":
            width = max(self.width, k)
            return self._run(self._index, queries, k, faiss.SearchParametersHNSW(efSearch=width), allowed)
        return self._run(self._index, queries, k, faiss.SearchParametersIVF(nprobe=self.width), allowed)

    @staticmethod
    def _run(index: Any, queries: Floats, k: int, parameters: Any, allowed: Mask | None) -> tuple[Floats, Rows]:
        # OpenMP counts threads per calling thread. One question fills one processor; a team only waits for its slowest.
        _faiss().omp_set_num_threads(1)
        selector = None if allowed is None else _selector(allowed)
        if selector is not None:
            parameters.sel = selector
        scores, rows = index.search(queries, k, params=parameters)
        scores[rows < 0] = -np.inf
        return cast(Floats, scores), cast(Rows, rows)

    def scores(self, query: Floats, rows: Rows) -> Floats:
        if not len(rows):
            return np.zeros(0, np.float32)
        vectors = self._flat.reconstruct_batch(np.ascontiguousarray(rows, np.int64))
        return cast(Floats, vectors @ np.asarray(query, np.float32))

    def vectors(self, first: int, count: int) -> Floats:
        """Vectors of rows ``first`` to ``first + count``, as they are stored."""
        return cast(Floats, self._flat.reconstruct_n(first, count))

    def add(self, vectors: NDArray[Any]) -> None:
        """Appends rows, on all processors. Not while anybody searches."""
        _faiss().omp_set_num_threads(os.cpu_count() or 1)
        self._index.add(np.ascontiguousarray(vectors, np.float32))

    def save(self, path: Path) -> None:
        faiss = _faiss()
        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path, kind: IndexKind, width: int = 0, *, in_memory: bool = False) -> FaissIndex:
        """Opens what ``save`` wrote, memory-mapped and read only unless ``in_memory`` (to which rows may be added)."""
        faiss = _faiss()
        flags = 0 if in_memory else faiss.IO_FLAG_MMAP_IFC | faiss.IO_FLAG_READ_ONLY
        index = faiss.read_index(str(path), flags)
        if kind == "ivf":
            index.make_direct_map()
        return cls(index, kind, width)


def build_faiss(
    rule: Rule,
    dimension: int,
    count: int,
    blocks: Iterable[NDArray[Any]],
    sample: Callable[[int], NDArray[Any]],
) -> FaissIndex:
    """An index of ``blocks`` [n, dimension], streamed one after the other, ``count`` rows in all.

    ``sample(n)`` hands out about ``n`` rows spread over all of them, from which IVF learns its lists.
    """
    index = FaissIndex(_empty(rule.kind, dimension, count, sample), rule.kind)
    for block in blocks:
        index.add(block)
    tune(index)
    return index


def empty_index(dimension: int) -> FaissIndex:
    """An exact index without rows, to which rows are added as they come."""
    return FaissIndex(_empty("exact", dimension, 0, lambda n: np.zeros((0, dimension), np.float32)), "exact")


def tune(index: FaissIndex, queries: int = 64, k: int = 100) -> float:
    """Sets the search width to the smallest that reaches LEAST_RECALL of the exact results; returns the recall reached.

    Recall is measured on this index's own vectors as questions, at the depth that retrieval asks for.
    """
    if index.kind == "exact" or index.size == 0:
        return 1.0
    if index.kind == "ivf":
        index.width = max(1, _lists(index.size) // 32)
        widths: tuple[int, ...] = tuple(index.width * step for step in (1, 2, 4, 8))
    else:
        widths = SEARCH_WIDTHS
    k = min(k, index.size)
    rows = np.linspace(0, index.size - 1, min(queries, index.size)).astype(np.int64)
    asked = np.concatenate([index.vectors(int(row), 1) for row in rows])
    truth = index._scan(asked, k, None)[1]
    recall = 0.0
    for index.width in widths:
        found = index._approximate(asked, k, None)[1]
        recall = float(np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(found, truth, strict=True)]))
        if recall >= LEAST_RECALL:
            break
    return recall


def _empty(kind: IndexKind, dimension: int, count: int, sample: Callable[[int], NDArray[Any]]) -> Any:
    faiss = _faiss()
    inner = faiss.METRIC_INNER_PRODUCT
    if kind == "exact":
        return faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, inner)
    if kind == "hnsw":
        index = faiss.IndexHNSWSQ(dimension, faiss.ScalarQuantizer.QT_fp16, HNSW_LINKS, inner)
        index.hnsw.efConstruction = HNSW_BUILD_WIDTH
        index.train(np.zeros((1, dimension), np.float32))  # float16 learns nothing, but FAISS insists
        return index
    lists = _lists(count)
    coarse = faiss.IndexFlatIP(dimension)
    index = faiss.IndexIVFScalarQuantizer(coarse, dimension, lists, faiss.ScalarQuantizer.QT_8bit, inner)
    index.train(np.ascontiguousarray(sample(min(count, 64 * lists)), np.float32))
    index.make_direct_map()
    return index


def _faiss() -> Any:
    # As Any: the type stubs that FAISS ships do not match its Python side.
    import faiss

    return faiss


def _storage(index: Any) -> Any:
    faiss = _faiss()
    return faiss.downcast_index(index.storage)


def _selector(allowed: Mask) -> Any:
    faiss = _faiss()
    return faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))


def _nothing(queries: int, k: int) -> tuple[Floats, Rows]:
    return np.full((queries, k), -np.inf, np.float32), np.full((queries, k), -1, np.int64)


# --- GPU ----------------------------------------------------------------------------------------------------


def gpu_count() -> int:
    """GPUs this FAISS can use: 0 with faiss-cpu."""
    faiss = _faiss()
    return int(faiss.get_num_gpus()) if hasattr(faiss, "index_cpu_to_gpu") else 0


class GpuFaissIndex:
    """The rows of a CPU index on a GPU, as float16, compared exactly. Masks that are too large go to the CPU index."""

    def __init__(self, cpu: FaissIndex, device: int = 0, block: int = 65_536) -> None:
        import threading

        faiss = _faiss()
        self.kind: IndexKind = cpu.kind
        self._cpu = cpu
        self._resources = faiss.StandardGpuResources()
        config = faiss.GpuIndexFlatConfig()
        config.device = device
        config.useFloat16 = True
        self._gpu = faiss.GpuIndexFlatIP(self._resources, cpu.dimension, config)
        for first in range(0, cpu.size, block):
            self._gpu.add(cpu.vectors(first, min(block, cpu.size - first)))
        # GPU resources are one stream and one scratch memory: not for two threads at once.
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        return self._cpu.size

    @property
    def dimension(self) -> int:
        return self._cpu.dimension

    def search(self, queries: Floats, k: int, allowed: Mask | None = None) -> tuple[Floats, Rows]:
        masked = 0 if allowed is None else int(np.count_nonzero(~allowed))
        wanted = min(k + masked, self.size)
        if k <= 0 or not self.size or wanted > _GPU_MOST_RESULTS:
            return self._cpu.search(queries, k, allowed)
        with self._lock:
            scores, rows = self._gpu.search(np.ascontiguousarray(queries, np.float32), wanted)
        return keep_allowed(scores, rows, k, allowed)

    def scores(self, query: Floats, rows: Rows) -> Floats:
        return self._cpu.scores(query, rows)

    def save(self, path: Path) -> None:
        self._cpu.save(path)


def keep_allowed(scores: Floats, rows: Rows, k: int, allowed: Mask | None) -> tuple[Floats, Rows]:
    """The first ``k`` allowed results of each line of [q, n] results; places that stay empty get row -1."""
    best, kept = _nothing(len(rows), k)
    for line, (line_scores, line_rows) in enumerate(zip(scores, rows, strict=True)):
        good = line_rows >= 0
        if allowed is not None:
            good &= allowed[np.maximum(line_rows, 0)]
        found = np.flatnonzero(good)[:k]
        best[line, : len(found)] = line_scores[found]
        kept[line, : len(found)] = line_rows[found]
    return best, kept
