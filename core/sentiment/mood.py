"""Anger and urgency of customer messages, and how they add up over a conversation.

Anger is what the classifier calls negative, or what several words of anger say by themselves, raised by such words,
shouting and marks (``mood_words.json``); urgency is told by its words alone. Both are in 0..1. The rolling score leans
on the newest message, so that one outburst does not decide and a customer who calms down is seen to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from core.sentiment.polarity import Judgement
from core.text.words import simplify

NEWEST = 0.6  # weight of the newest message in the rolling score
PLAIN = 0.65  # anger of a surely negative message without a word of anger
PER_CUE = 0.2
PER_FURTHER_CUE = 0.4  # what a second and third word of anger say by themselves
URGENT_CUE = 0.45
WEIGHT_OF_URGENCY = 0.35
_SHOUTED = re.compile(r"\b[A-Z]{4,}\b")
_MARKS = re.compile(r"[!！]{2,}|[?？]{2,}|[!！][?？]|[?？][!！]")


@dataclass(frozen=True, slots=True)
class Heat:
    """Of one message: ``anger`` and ``urgency`` in 0..1, ``cues``: what in the text spoke for them."""

    anger: float
    urgency: float
    cues: tuple[str, ...]

    @property
    def level(self) -> float:
        """Both together, 0..1: urgency alone never makes a customer angry."""
        return 1 - (1 - self.anger) * (1 - WEIGHT_OF_URGENCY * self.urgency)


@cache
def _words() -> Mapping[str, tuple[re.Pattern[str], re.Pattern[str]]]:
    """Kind -> patterns of its English and its Chinese words."""
    content = json.loads(Path(__file__).with_name("mood_words.json").read_text(encoding="utf-8"))
    return {
        kind: (
            re.compile(rf"\b(?:{'|'.join(map(re.escape, both['en']))})\b"),
            re.compile("|".join(map(re.escape, sorted(both["zh"], key=len, reverse=True)))),
        )
        for kind, both in content.items()
    }


def cues_of(text: str, kind: str) -> list[str]:
    """Words of anger or urgency in ``text``, each once, in order."""
    folded = simplify(text).replace("’", "'")
    english, chinese = _words()[kind]
    return list(dict.fromkeys([*english.findall(folded), *chinese.findall(folded)]))


def heat_of(text: str, judgement: Judgement) -> Heat:
    """How hot one message is."""
    angry, urgent = cues_of(text, "anger"), cues_of(text, "urgency")
    loud = [*_SHOUTED.findall(text)[:2], *_MARKS.findall(text)[:1]]
    raised = PLAIN + PER_CUE * len(angry) + 0.5 * PER_CUE * len(loud)
    # One word of anger in a text that reads well ("no complaint at all") says little; several speak for themselves.
    by_words = min(1.0, PER_FURTHER_CUE * max(0, len(angry) - 1)) * (1 - judgement.positive)
    anger = max(judgement.negative, by_words) * min(1.0, raised)
    return Heat(round(anger, 4), round(min(1.0, URGENT_CUE * len(urgent)), 4), tuple(angry + urgent + loud))


def rolling(levels: Sequence[float]) -> float:
    """The score of a conversation after messages of these levels, the oldest first; 0 without messages."""
    score = 0.0
    for level in levels:
        score = NEWEST * level + (1 - NEWEST) * score
    return score
