"""Which rows go together: batches of texts of like length, the same for the same seed and epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_WINDOW = 50  # batches sorted by length among themselves: little padding, and still a shuffled epoch


def bucketed_batches(lengths: Sequence[int], size: int, seed: int, epoch: int) -> list[list[int]]:
    """Every row once: row numbers in batches of ``size`` (the last of a window may be smaller), in random order."""
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(lengths))
    known = np.asarray(lengths)
    batches: list[NDArray[np.int64]] = []
    for first in range(0, len(order), size * _WINDOW):
        window = order[first : first + size * _WINDOW]
        window = window[np.argsort(known[window], kind="stable")]
        batches += [window[start : start + size] for start in range(0, len(window), size)]
    return [batches[place].tolist() for place in generator.permutation(len(batches))]


def class_batches(classes: Sequence[int], size: int, steps: int, seed: int) -> list[list[int]]:
    """``steps`` batches for contrastive learning: about ``size`` rows, at least two of every class that is in one.

    As many classes as fit take part, each with equally many rows where it has them; all classes take turns.
    """
    generator = np.random.default_rng([seed, 77])
    members = [np.flatnonzero(np.asarray(classes) == number) for number in np.unique(np.asarray(classes))]
    a_batch = max(2, min(len(members), size // 2))
    rows_each = max(2, size // a_batch)
    batches: list[list[int]] = []
    queue: list[int] = []
    for _ in range(steps):
        chosen: list[int] = []
        while len(chosen) < a_batch:
            # A class that waits at the queue's end may also lead the next round: it takes part once.
            if all(number in chosen for number in queue):
                queue += generator.permutation(len(members)).tolist()
            place = next(place for place, number in enumerate(queue) if number not in chosen)
            chosen.append(queue.pop(place))
        batches.append(np.concatenate([_some(generator, members[n], rows_each) for n in sorted(chosen)]).tolist())
    return batches


def _some(generator: np.random.Generator, rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return generator.permutation(rows)[:count]
