"""What reviews praise and blame: (aspect, polarity) found by Pilotlight beside lists of words alone.

The sentences (``data/aspects.jsonl``) were written by hand and labelled before the finder was run on them; every second
one of each language is for looking at while the finder is improved ("tuning"), the others are only measured ("report").
An aspect counts when the sentence says something good or bad of it, also without naming it. Things that the finder
names by a word of their own ("the hinge") are not among the labelled aspects and are left out of both sides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.models.classifiers.classifier import TextClassifier
from core.sentiment.aspects import aspects_in, mentions
from tools.starter_sentiment_data import opinion

SENTENCES = Path(__file__).parent / "data" / "aspects.jsonl"
HALVES = ("tuning", "report")
# The commonest Chinese words of opinion, for the baseline; a 不 or 没 right before one turns it.
GOOD = "好 快 棒 赞 方便 喜欢 满意 推荐 漂亮 舒服 好吃 干净 实惠 便宜 新鲜 耐心 热情 清楚 值 划算 精致 完好".split()
BAD = "差 慢 坏 贵 难 脏 破 臭 失望 垃圾 吵 卡 烂 恶劣 糟 断 腥 咸 偏 薄 晚 扁 霉 不值".split()
_OPINION = re.compile("|".join(sorted([*GOOD, *BAD], key=len, reverse=True)))

Pairs = set[tuple[str, str]]


def sentences() -> list[dict[str, Any]]:
    """Each with ``text``, ``language``, ``half`` and ``about``, a list of (aspect, polarity)."""
    return [json.loads(line) for line in SENTENCES.read_text(encoding="utf-8").splitlines()]


def by_words(text: str, language: str, data: Path) -> Pairs:
    """The baseline: the finder's own words of aspects in the whole sentence, all with the sign of its opinion words."""
    score = opinion(text, data)[0] if language == "en" else _chinese_score(text)
    if not score:
        return set()
    return {(name, "positive" if score > 0 else "negative") for name, known in aspects_in(text).items() if known}


def _chinese_score(text: str) -> int:
    score = 0
    for match in _OPINION.finditer(text):
        sign = 1 if match.group() in GOOD else -1
        score += -sign if text[max(0, match.start() - 1) : match.start()] in ("不", "没") else sign
    return score


def scored(gold: Sequence[Pairs], found: Sequence[Pairs]) -> dict[str, float]:
    """Micro-averaged precision, recall and F1 of the pairs of all sentences."""
    hits = sum(len(a & b) for a, b in zip(gold, found, strict=True))
    said, wanted = sum(map(len, found)), sum(map(len, gold))
    precision, recall = hits / max(1, said), hits / max(1, wanted)
    return {"precision": precision, "recall": recall, "f1": 2 * precision * recall / max(1e-9, precision + recall)}


def aspects(data: Path, classifier: TextClassifier, *, show_misses: bool = False) -> list[dict[str, Any]]:
    """A line a half and language: scores of both sides."""
    lines = []
    rows = sentences()
    ways: Mapping[str, Callable[[Mapping[str, Any]], Pairs]] = {
        "ours": lambda row: {(m.aspect, m.polarity) for m in mentions(classifier, [row["text"]])[0] if m.known},
        "words": lambda row: by_words(row["text"], row["language"], data),
    }
    for half in HALVES:
        for language in ("en", "zh"):
            mine = [row for row in rows if (row["half"], row["language"]) == (half, language)]
            gold = [{(name, polarity) for name, polarity in row["about"]} for row in mine]
            line: dict[str, Any] = {"half": half, "language": language, "sentences": len(mine)}
            for name, way in ways.items():
                found = [way(row) for row in mine]
                line[name] = scored(gold, found)
                if show_misses and name == "ours" and half == "tuning":
                    for row, wanted, got in zip(mine, gold, found, strict=True):
                        if wanted != got:
                            print(f"{row['text']}\n    missed {wanted - got or '-'}   too much {got - wanted or '-'}")
            lines.append(line)
    return lines
