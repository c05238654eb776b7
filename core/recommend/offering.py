"""Which items an answer of customer service may offer: those that question or answer name, and those that fit a need.

Relevance comes first: an item is offered only when its title (or id) is said, or when what it says about itself is near
enough to the question. What is serious (danger, a complaint, a return) is no occasion for an offer at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.recommend.data import Bools, Floats, Items
from core.text.words import simplify

Why = Literal["asked", "fits", "answered"]
# Cosine with what all items share taken out, as ContentBased has it. Chosen on the written questions of
# tests/unit/recommend/offering_cases.py (shop "garden"); those of the other shop there were not looked at for it.
NEAR = 0.38
# A title of one word ("Light") is often just a word: then the question has to be about such a thing too.
HARDLY_NEAR = 0.2
BESIDE_BEST = 0.8  # of the best item's score, for those that stand beside it
SHARED = 3  # items that may bear one name; what more of them bear names none ("trio", a brand)
LISTED = 3  # items that an answer may name; one that names more is a list and about none of them
LONGEST_NAME = 16  # pieces

_PIECE = re.compile(r"[㐀-䶿一-鿿]|[^\W_㐀-䶿一-鿿]+")
_HAN = re.compile(r"[㐀-䶿一-鿿]")
_BRACKETS = re.compile(r"[(\[（【〔][^)\]）】〕]*[)\]）】〕]")
_SERIOUS_EN = (
    r"fire|smok(?:e|es|ing|ed)|burn(?:t|s|ing|ed)?|explo(?:de|ded|des|sion)|electric shock|shocked|injur\w*|hurt"
    r"|bleed\w*|hospital|ambulance|poison\w*|allerg\w*|swallow\w*|chok(?:e|ed|ing)|died?|dying|dead|suicid\w*|unsafe"
    r"|dangerous|lawyer|lawsuit|sue|suing|court|legal action|police|fraud\w*|scam\w*|stolen|theft|hacked|data breach"
    r"|harass\w*|complain\w*|complaint|refund\w*|money back|return(?:s|ed|ing)?|cancel\w*|unsubscribe|terminate|end my"
    r"|broken?|breaks?|broke|damaged|defect\w*|faulty|leak(?:s|ing|ed)?|cracked|does(?:n't| not) work|not working"
    r"|stopped working|wrong (?:item|order|parcel)|missing|lost|never arrived|not arrived|overcharged|charged twice"
)
_SERIOUS_ZH = (
    "着火|起火|冒烟|烧焦|烧坏|烧伤|烧起来|爆炸|触电|漏电|受伤|流血|医院|急救|中毒|有毒|过敏|误食|误吞|吞下|窒息|死|自杀|危险|律师|起诉|法院|报警|警察|诈骗"
    "|骗子|被盗|盗刷|泄露|骚扰|投诉|举报|退款|退钱|退货|退换|取消|退订|注销|解约|坏了|损坏|破损|故障|漏水|裂开|开裂|破裂|不能用|用不了"
    "|没反应|发错|少发|漏发|丢了|没收到|多收|重复扣"
)
_SERIOUS = (re.compile(rf"\b(?:{_SERIOUS_EN})\b"), re.compile(_SERIOUS_ZH))

Name = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """An item that may be offered. ``why``: the question names it, it fits what the question is after, or the answer
    names it. ``score``: of the question, comparable within one question."""

    item: int
    why: Why
    score: float


def is_serious(text: str) -> bool:
    """Whether it speaks of danger, law, a complaint, a return or something broken: no moment to sell."""
    folded = simplify(text).replace("’", "'")
    return any(pattern.search(folded) is not None for pattern in _SERIOUS)


class Names:
    """The names of a catalogue's items, to be found in a text: ids, and titles whole, without what stands in brackets
    and without what follows a comma ("Genovese basil, single")."""

    def __init__(self, items: Items) -> None:
        bearers: dict[Name, set[int]] = {}
        for number, item in enumerate(items.rows):
            for name in {*_names_of(item.title), *_code_of(item.id)}:
                bearers.setdefault(name, set()).add(number)
        self._bearers = {name: sorted(found) for name, found in bearers.items() if len(found) <= SHARED}
        self._longest = max(map(len, self._bearers), default=0)

    def found(self, text: str) -> dict[int, bool]:
        """Items that ``text`` names, in its order, each with whether the name is long enough to be no mere word. Of
        names within names the longest counts."""
        pieces = _pieces(text)
        said: dict[int, bool] = {}
        place = 0
        while place < len(pieces):
            length = next(
                (n for n in range(min(self._longest, len(pieces) - place), 0, -1)
                 if tuple(pieces[place : place + n]) in self._bearers), 0,
            )  # fmt: skip
            name = tuple(pieces[place : place + length])
            for number in self._bearers.get(name, ()):
                said[number] = said.get(number, False) or not _mere_word(name)
            place += max(1, length)
        return said


def fitting(
    question: str, answer: str, names: Names, scores: Floats | None, allowed: Bools, most: int = 3
) -> tuple[Fit, ...]:
    """At most ``most`` items, best first. ``scores`` [items]: of the question by content, None where nothing is known
    of meaning; then only long names count. ``allowed`` [items]: those that may be shown at all."""

    def near(number: int) -> float:
        return 0.0 if scores is None else float(scores[number])

    def said(text: str, why: Why) -> list[Fit]:
        found = names.found(text).items()
        return [Fit(n, why, near(n)) for n, long in found if allowed[n] and (long or near(n) >= HARDLY_NEAR)]

    asked = said(question, "asked")
    chosen = {fit.item: fit for fit in asked}
    for number in _nearest(scores, allowed, most):
        chosen.setdefault(number, Fit(number, "fits", near(number)))
    if not chosen:
        answered = said(answer, "answered")
        chosen = {fit.item: fit for fit in (answered if len(answered) <= LISTED else ())}
    return tuple(chosen.values())[:most]


def _nearest(scores: Floats | None, allowed: Bools, most: int) -> Sequence[int]:
    if scores is None or not allowed.any():
        return ()
    kept = np.where(allowed, scores, -np.inf)
    order = np.argsort(-kept, kind="stable")[:most]
    bar = max(NEAR, BESIDE_BEST * float(kept[order[0]]))
    return [int(number) for number in order if kept[number] >= bar]


def _pieces(text: str) -> list[str]:
    """Chinese characters one by one, other words whole; a plural is its singular."""
    return [_singular(piece) for piece in _PIECE.findall(simplify(text))]


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _names_of(title: str) -> Iterator[Name]:
    """Of every line of it (one a language)."""
    for line in title.split("\n"):
        plain = _BRACKETS.sub(" ", line)
        heads = [line, plain, re.split(r"[,，;；|]|\s[-–—]\s", plain)[0]]
        if _HAN.search(plain):
            heads.append(plain.split()[0] if plain.split() else "")
        for head in heads:
            name = tuple(_pieces(head))
            if _is_name(name):
                yield name


def _code_of(code: str) -> Iterator[Name]:
    """An id that nobody writes by chance."""
    if len(code) >= 5 and re.search(r"\d", code) and re.search(r"[A-Za-z]", code):
        name = tuple(_pieces(code))
        if len(name) <= LONGEST_NAME:
            yield name


def _is_name(name: Name) -> bool:
    if not 1 <= len(name) <= LONGEST_NAME:
        return False
    han = sum(bool(_HAN.match(piece)) for piece in name)
    return han >= 2 or any(len(piece) >= 3 and not piece.isdigit() and not _HAN.match(piece) for piece in name)


def _mere_word(name: Name) -> bool:
    han = sum(bool(_HAN.match(piece)) for piece in name)
    return len(name) == 1 or (han == len(name) and han <= 2)
