"""How good answers are, counted against gold spans: pure counting, no model and no search."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from core.types import Citation

_SPACE = re.compile(r"\s+")


def plain(text: str) -> str:
    """NFKC, no white space, lower case: what must match for a gold text to be in an answer."""
    return _SPACE.sub("", unicodedata.normalize("NFKC", text)).lower()


@dataclass(frozen=True, slots=True)
class Gold:
    """The gold of a question: texts, and their spans in the stored text of document version ``version_id``."""

    texts: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    version_id: int


@dataclass(frozen=True, slots=True)
class AnswerScore:
    """One question. ``text_*``: a gold text is in the words shown; ``span_*``: the quotes cover a gold span itself."""

    text_first: bool
    text_all: bool
    span_first: bool
    span_all: bool
    sentences: int
    characters: int


def score(citations: Sequence[Citation], gold: Gold) -> AnswerScore:
    """Scores of an answer given its citations in the order shown.

    Neighbouring quotes count as one, as they are read as one; a gold that spans two sentences needs both.
    """
    runs = merged(citations)
    return AnswerScore(
        text_first=_has_text([c.quote for c in citations[:1]], gold),
        text_all=_has_text([quote for _, _, _, quote in runs], gold),
        span_first=_covers([(c.version_id, c.start, c.end) for c in citations[:1]], gold),
        span_all=_covers([(version, start, end) for version, start, end, _ in runs], gold),
        sentences=len(citations),
        characters=sum(len(c.quote) for c in citations),
    )


def merged(citations: Sequence[Citation], gap: int = 2) -> list[tuple[int, int, int, str]]:
    """Runs ``(version_id, start, end, text)`` of quotes that stand at most ``gap`` characters (white space) apart."""
    runs: list[tuple[int, int, int, str]] = []
    for c in sorted(citations, key=lambda c: (c.version_id, c.start)):
        if runs and runs[-1][0] == c.version_id and c.start - runs[-1][2] <= gap:
            version, start, end, text = runs[-1]
            runs[-1] = (version, start, max(end, c.end), text + c.quote[max(0, end - c.start) :])
        else:
            runs.append((c.version_id, c.start, c.end, c.quote))
    return runs


def _has_text(quotes: Sequence[str], gold: Gold) -> bool:
    return any(plain(text) in plain(quote) for quote in quotes for text in gold.texts)


def _covers(spans: Sequence[tuple[int, int, int]], gold: Gold) -> bool:
    return any(
        version == gold.version_id and start <= left and right <= end
        for version, start, end in spans
        for left, right in gold.spans
    )


def mean(scores: Sequence[AnswerScore]) -> dict[str, float]:
    """The mean of each field over questions. Raises ValueError when there are none."""
    if not scores:
        raise ValueError("no scores to average")
    rows = [asdict(one) for one in scores]
    return {name: sum(float(row[name]) for row in rows) / len(rows) for name in rows[0]}
