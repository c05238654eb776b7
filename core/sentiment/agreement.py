"""How far two people agree beyond what chance would give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def cohens_kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """Cohen's kappa (1960) of two people's labels of the same texts, in order; 1 is perfect, 0 is chance.

    None without texts, or where chance alone would agree always (both gave one and the same label throughout).
    """
    if len(first) != len(second):
        raise ValueError("both lists must label the same texts")
    count = len(first)
    if not count:
        return None
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / count
    ours, theirs = Counter(first), Counter(second)
    expected = sum(ours[label] * theirs[label] for label in ours) / count**2
    return None if expected >= 1 else (observed - expected) / (1 - expected)
