"""What every vector index does, whichever library or device is behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

IndexKind = Literal["exact", "hnsw", "ivf"]
Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


class VectorIndex(Protocol):
    """Rows of L2-normalised vectors, numbered from 0 as added, searched by inner product. Thread-safe to read."""

    kind: IndexKind

    @property
    def size(self) -> int: ...

    @property
    def dimension(self) -> int: ...

    def search(self, queries: Floats, k: int, allowed: Mask | None = None) -> tuple[Floats, Rows]:
        """The ``k`` best rows for each of the queries [q, d]: scores and rows, both [q, k], best first.

        Only rows with ``allowed[row]`` are returned, and as many of them as there are: a place that stays empty has
        row -1 and score -inf.
        """
        ...

    def scores(self, query: Floats, rows: Rows) -> Floats:
        """Inner product of ``query`` [d] with each of ``rows`` [m], shape [m]."""
        ...

    def save(self, path: Path) -> None: ...
