"""A passage as several vectors: one for each window of its sentences, the best of which speaks for the passage.

A vector of a whole passage blurs what each of its sentences says, the more so the longer it is, and an encoder stops
reading after some hundred tokens. Comparing the question with windows and taking the largest score is MaxP of Dai and
Callan (2019), "Deeper Text Understanding for IR with Contextual Neural Language Modeling".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.index.base import Rows
from core.models.encoder import Encoder, Vectors
from core.text.sentences import sentence_spans

# Characters of a window; a longer sentence is a window of its own. English: about what the encoder reads at once, so a
# passage of ours stays whole. docs/decisions/passage-windows.md has the trials.
LIMITS: dict[str, int] = {"en": 1000, "zh": 120}
_VERSION = 1


def windows(text: str, language: str) -> list[str]:
    """What of ``text`` is encoded: runs of whole sentences up to the language's limit, in order, at least one."""
    limit = LIMITS[language]
    if len(text) <= limit:
        return [text]
    cut: list[tuple[int, int]] = []
    for start, end in sentence_spans(text):
        if cut and end - cut[-1][0] <= limit:
            cut[-1] = (cut[-1][0], end)
        else:
            cut.append((start, end))
    return [text[start:end] for start, end in cut] or [text]


def encode_windows(encoder: Encoder, texts: Sequence[str], languages: Sequence[str]) -> tuple[Vectors, Rows]:
    """Vectors [sum of counts, d] of the windows of ``texts``, one text after the other, and how many each has [n]."""
    cut = [windows(text, language) for text, language in zip(texts, languages, strict=True)]
    vectors = encoder.encode([window for one in cut for window in one], kind="passage")
    return vectors, np.array([len(one) for one in cut], np.int64)


def recipe(encoder: str) -> str:
    """The name under which vectors of an encoder are kept: another way to cut makes other vectors."""
    return f"{encoder}, windows {_VERSION}"
