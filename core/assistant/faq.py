"""Approved answers, verbatim: does the question ask what an FAQ entry answers. Precision first, by measure.

Three things must hold: the question and one of the entry's phrasings are alike enough (words and characters weighed by
rarity; for English also a sentence encoder where there is one), no other entry is nearly as alike, and nothing
contradicts: other numbers, a negation on one side only, another name, the opposite action, another kind of question.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.assistant.claim_values import values
from core.assistant.features import Kind, kind_of
from core.text.language import has_han
from core.text.words import search_words, simplify

Encode = Callable[[Sequence[str]], NDArray[np.float32]]

# Least likeness at which an entry answers, and the least distance to the next entry; measured by benchmarks/faq.py.
LEAST_WORDS = 0.74  # words and characters alone
LEAST_DENSE = 0.77  # with an encoder
MARGIN = 0.14
_NEAR = 12  # phrasings looked at closely


@dataclass(frozen=True, slots=True)
class FaqItem:
    """An approved entry as it is matched: its question and other phrasings."""

    id: int
    phrasings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FaqMatch:
    """The entry that answers, how alike it is (0 to 1), and the phrasing that matched."""

    id: int
    score: float
    phrasing: str


_NOT = re.compile(
    r"\b(?:not|no|never|without|isn't|aren't|don't|doesn't|didn't|can't|cannot|couldn't|won't|wasn't"
    r"|haven't|hasn't|unable|"
    r"stopped|fails?|failed|refused?|declined|denied|missing|wrong|lost|stolen)\b"
    r"|不(?!同|过|错|仅|管|论|断|久)|没(?!关系|问题)|无法|未|别(?!的|人)|拒绝|失败|失效|丢失|被盗|被拒"
)
_OPPOSITES = tuple(
    (re.compile(one), re.compile(other))
    for one, other in (
        (
            (
                r"\b(?:cancel|close|delete|deactivate|disable|remove|unsubscribe|terminate|stop)\w*\b|关闭|注销"
                r"|取消|删除|停用|停止|解绑|解除|退出"
            ),
            (
                r"\b(?:open|create|activate|enable|add|subscribe|start|renew|register|sign up)\w*\b|开通|开启|打开"
                r"|注册|添加|启用|绑定|续费|激活"
            ),
        ),
        (
            r"\b(?:increase|raise|upgrade|higher|more|top up|deposit)\w*\b|提高|提升|增加|升级|充值|调高|存入",
            r"\b(?:decrease|lower|downgrade|reduce|less|withdraw)\w*\b|降低|减少|降级|提现|调低|取出",
        ),
        (
            r"\b(?:send|transfer to|outgoing|export|upload)\w*\b|转出|导出|上传|发出|寄出|还款",
            r"\b(?:receive|incoming|import|download)\w*\b|转入|导入|下载|收到|借款",
        ),
        (r"\bbefore\b|提前|之前|以前", r"\bafter\b|逾期|之后|以后|延期|推迟"),
        (r"\b(?:buy|purchase)\w*\b|购买|买入|下单", r"\b(?:sell|return|refund)\w*\b|出售|卖出|退货|退款"),
    )
)
_NAME = re.compile(r"(?<![.!?] )(?<!^)\b[A-Z][A-Za-z]*[A-Za-z0-9]\b")
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9+-]{1,}")
_LIGHT = frozenset(
    {"please", "know", "tell", "need", "want", "help", "get", "way", "just", "still", "now", "realli"}
    | {"怎么办", "一下", "现在", "还是", "知道", "帮忙", "麻烦", "回事"}
)
_POLITE = re.compile(
    r"请问|麻烦(?:问一?下|您|你)?|我?想(?:问|请问|咨询|了解)一?下?|你好|您好|谢谢"
    r"|\b(?:please|(?:could|can|would) you (?:please )?tell me|i(?:'d| would) like to know|hi|hello|thanks|thank you)\b"
)
_ASK_KINDS = frozenset({Kind.MONEY, Kind.DURATION, Kind.WHEN, Kind.WHO, Kind.WHERE, Kind.WHY})
_COMMON_NAMES = frozenset(["i", "i'm", "i've", "i'd", "ok", "pdf", "app"])


class FaqIndex:
    """Entries made ready for matching; immutable, safe to share between threads. Cheap up to thousands of phrasings."""

    def __init__(self, entries: Sequence[FaqItem], encode: Encode | None = None) -> None:
        rows = [(entry.id, phrasing) for entry in entries for phrasing in entry.phrasings if phrasing.strip()]
        self._ids = [entry_id for entry_id, _ in rows]
        self._phrasings = [phrasing for _, phrasing in rows]
        self._encode = encode
        bags = [_bag(phrasing) for phrasing in self._phrasings]
        seen = Counter(unit for bag in bags for unit in bag)
        self._rarity = {unit: math.log(1 + len(rows) / (n + 0.5)) for unit, n in seen.items()}
        self._unknown = math.log(1 + len(rows) / 0.5) if rows else 1.0
        self._postings: dict[str, list[tuple[int, float]]] = {}
        for row, bag in enumerate(bags):
            for unit, weight in self._weigh(bag).items():
                self._postings.setdefault(unit, []).append((row, weight))
        english = [row for row, phrasing in enumerate(self._phrasings) if not has_han(phrasing)]
        self._dense_rows = np.array(english if encode else [], dtype=int)
        self._dense = encode([self._phrasings[row] for row in english]) if encode and english else None

    def match(self, question: str) -> FaqMatch | None:
        """The entry whose approved answer answers ``question``; None when none does beyond doubt."""
        if not self._ids or not question.strip():
            return None
        scores, least = self.scores(question)
        order = np.argsort(-scores, kind="stable")[:_NEAR]
        best = int(order[0])
        if scores[best] < least:
            return None
        others = [float(scores[row]) for row in order if self._ids[row] != self._ids[best]]
        exact = simplify(question).strip(" ?？。!！.") == simplify(self._phrasings[best]).strip(" ?？。!！.")
        if not exact and others and scores[best] - others[0] < MARGIN:
            return None
        if not exact and conflicts(question, self._phrasings[best]):
            return None
        # Words alone cannot tell another word for the same thing from another thing.
        if not exact and least == LEAST_WORDS and exchanged(question, self._phrasings[best]):
            return None
        return FaqMatch(self._ids[best], float(min(1.0, scores[best])), self._phrasings[best])

    def scores(self, question: str) -> tuple[NDArray[np.float64], float]:
        """Likeness of each phrasing (n,), in [0, 1], and the least one at which an entry may answer."""
        scores = np.zeros(len(self._ids))
        for unit, weight in self._weigh(_bag(question)).items():
            for row, other in self._postings.get(unit, ()):
                scores[row] += weight * other
        if self._dense is None or self._encode is None or has_han(question):
            return scores, LEAST_WORDS
        cosines = self._dense @ self._encode([question])[0]
        mixed = np.zeros(len(scores))
        mixed[self._dense_rows] = 0.7 * cosines + 0.3 * scores[self._dense_rows]
        return mixed, LEAST_DENSE

    def _weigh(self, bag: Counter[str]) -> dict[str, float]:
        weighed = {unit: (1 + math.log(n)) * self._rarity.get(unit, self._unknown) for unit, n in bag.items()}
        length = math.sqrt(sum(weight * weight for weight in weighed.values()))
        return {unit: weight / length for unit, weight in weighed.items()} if length else {}


def match(question: str, entries: Sequence[FaqItem], *, encode: Encode | None = None) -> FaqMatch | None:
    """``FaqIndex(entries, encode).match(question)``, for a single question."""
    return FaqIndex(entries, encode).match(question)


def conflicts(question: str, phrasing: str) -> bool:
    """Do the two ask different things although they sound alike."""
    one, other = simplify(question), simplify(phrasing)
    if len(_NOT.findall(one)) % 2 != len(_NOT.findall(other)) % 2:
        return True
    if _numbers(question) != _numbers(phrasing) or _names(question) != _names(phrasing):
        return True
    kinds = {kind_of(one), kind_of(other)}
    if len(kinds) == 2 and kinds <= _ASK_KINDS:
        return True
    return any(_opposed(one, other, left, right) for left, right in _OPPOSITES)


def exchanged(question: str, phrasing: str) -> bool:
    """Does each side have a word the other lacks: one thing in another's place ("Team plan", "Pro plan")."""
    return bool(_own(question, phrasing)) and bool(_own(phrasing, question))


def _own(text: str, other: str) -> set[str]:
    mine, theirs, folded = set(search_words(text)), set(search_words(other)), simplify(other)
    return {w for w in mine - theirs - _LIGHT if not (has_han(w) and (w in folded or len(w) < 2))}


def _opposed(one: str, other: str, left: re.Pattern[str], right: re.Pattern[str]) -> bool:
    mine = bool(left.search(one)), bool(right.search(one))
    theirs = bool(left.search(other)), bool(right.search(other))
    return (mine, theirs) in (((True, False), (False, True)), ((False, True), (True, False)))


def _numbers(text: str) -> frozenset[tuple[str, str]]:
    return frozenset((value.kind, str(value.value)) for value in values(text).items)


def _names(text: str) -> frozenset[str]:
    found = _LATIN.findall(text) if has_han(text) else _NAME.findall(text)
    return frozenset(name.lower() for name in found) - _COMMON_NAMES


def _bag(text: str) -> Counter[str]:
    """Search words, and pieces of two (Chinese) or four (Latin) characters that forgive other word forms."""
    text = _POLITE.sub("", simplify(text))
    bag: Counter[str] = Counter(search_words(text) or search_words(text, stop=False))
    for run in re.findall(r"[㐀-鿿]+|[a-z0-9]+", text):
        size = 2 if has_han(run) else 4
        if size == 2 or len(run) > size:
            bag.update("#" + run[i : i + size] for i in range(max(1, len(run) - size + 1)))
    return bag
