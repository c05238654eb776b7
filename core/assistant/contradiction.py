"""Two documents that give different values for the same thing. Precision first: silence is better than a false alarm.

A pair contradicts when both sentences answer the question, come from different documents, say nearly the same words
once their values are taken out, neither has a qualifier the other lacks ("annual", "企业版", another product's name),
and each gives exactly one value of the same kind, and the values differ.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.assistant.cite import cite
from core.assistant.claim_values import Value, Values, values
from core.assistant.ranking import Candidate, Ranked
from core.text.words import search_words, simplify
from core.types import Citation, Found, PassageRecord

LOOKED_AT = 15  # candidates compared with the lead
_ALIKE = 0.5  # Jaccard of the words around the values
_NAME = re.compile(r"(?<![.!?:]\s)(?<!^)(?<![A-Za-z])[A-Z][A-Za-z]+")
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9+-]*")
_QUALIFIERS = re.compile(
    r"\b(?:annual|yearly|monthly|weekly|daily|student|teacher|education|enterprise|business|team|pro|plus|free|basic|"
    r"standard|premium|starter|personal|family|nonprofit|trial|domestic|international|overseas|new|old|existing|first|"
    r"second|additional|extra|express|economy|weekday|weekend|holiday|adult|child|member|guest|except|unless|before|"
    r"since|until|from|in (?:19|20)\d\d|formerly|previously|opened|unopened|used|digital|physical|online|store)s?\b"
    r"|年付|月付|包年|包月|按年|按月|年度|月度|学生|教师|教育|企业|团队|专业版|高级|免费|基础|标准|旗舰|个人|家庭|公益|试用|国内|国际|海外|境外"
    r"|港澳台|新用户|老用户|新客|首次|首月|续费|额外|加急|普通|工作日|周末|节假日|成人|儿童|会员|非会员|除外|以前|之前|原来|曾经|此前"
    r"|已拆封|未拆封|线上|线下|门店"
)
_RANGE = re.compile(r"\s*(?:-|–|—|~|to|until|and|至|到)\s*")
# Words that sentences about the same rule use or leave out.
_LIGHT = frozenset(
    [
        "需",
        "须",
        "需要",
        "必须",
        "应",
        "应当",
        "内",
        "之内",
        "以内",
        "提出",
        "进行",
        "即可",
        "均",
        "为",
        "within",
        "possible",
        "allowed",
        "get",
        "request",
        "up",
    ]
)
_KEY = re.compile(r"\t|\s*\|\s*|,")


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Both sentences quoted (their citations carry the documents' dates), and the values as they are written."""

    one: Citation
    other: Citation
    values: tuple[str, str]


def find(ranked: Ranked, found: Sequence[Found]) -> Contradiction | None:
    """The first sentence that contradicts the leading one; None when there is none or nothing was found."""
    if not ranked.candidates:
        return None
    lead = ranked.candidates[0]
    for other in ranked.candidates[1:LOOKED_AT]:
        here, there = found[lead.passage].passage, found[other.passage].passage
        if here.document_id == there.document_id or not _answers_alike(ranked, lead, other, found):
            continue
        differing = disagree(_quote(lead, here), _quote(other, there), (here.header, there.header))
        if differing is not None:
            one, two = cite(here, lead.view.start, lead.view.end), cite(there, other.view.start, other.view.end)
            return Contradiction(one, two, differing)
    return None


def disagree(one: str, other: str, headers: tuple[str, str] = ("", "")) -> tuple[str, str] | None:
    """The two values in which sentences about the same thing differ; None unless they plainly do."""
    if any(headers) and (headers[0] != headers[1] or _row_key(one) != _row_key(other)):
        return None
    first, second = values(one), values(other)
    if not _same_subject(one, other, first.rest, second.rest):
        return None
    for kind in {value.kind for value in first.items} & {value.kind for value in second.items}:
        others = {(v.kind, str(v.value)) for v in first.items if v.kind != kind}
        if others != {(v.kind, str(v.value)) for v in second.items if v.kind != kind}:
            continue
        mine, theirs = _single(first, kind), _single(second, kind)
        if mine and theirs and len(mine) == len(theirs) and any(map(_differ, mine, theirs)):
            return _written(first, mine), _written(second, theirs)
    return None


def _single(found: Values, kind: str) -> list[Value]:
    """The one value of a kind, or the two ends of one range; nothing when there are several."""
    items = [value for value in found.items if value.kind == kind]
    if len(items) == 2 and _RANGE.fullmatch(found.text[items[0].end : items[1].start]):
        return items
    return items if len(items) == 1 else []


def _written(found: Values, items: Sequence[Value]) -> str:
    return found.text[items[0].start : items[-1].end].strip(" .。")


def _quote(candidate: Candidate, passage: PassageRecord) -> str:
    return passage.text[candidate.view.start : candidate.view.end]


def _answers_alike(ranked: Ranked, lead: Candidate, other: Candidate, found: Sequence[Found]) -> bool:
    """Does the other sentence (with its section) hold nearly as much of the question as the lead does."""
    words = set(ranked.question.words)
    if not words:
        return False

    def held(candidate: Candidate) -> float:
        context = simplify(found[candidate.passage].passage.section)
        text, own = candidate.view.folded + "\n" + context, candidate.view.grams | set(search_words(context))
        return sum(word in own or (not word.isascii() and word in text) for word in words) / len(words)

    return held(other) >= max(0.5, 0.8 * held(lead))


def _differ(one: Value, other: Value) -> bool:
    if one.kind == "code" or one.side != other.side:
        return False  # different identifiers name different things
    if isinstance(one.value, tuple) and isinstance(other.value, tuple):
        return any(a is not None and b is not None and a != b for a, b in zip(one.value, other.value, strict=True))
    return one.value != other.value


def _same_subject(one: str, other: str, rest: str, other_rest: str) -> bool:
    mine, theirs = set(search_words(rest)) - _LIGHT, set(search_words(other_rest)) - _LIGHT
    if not mine or not theirs or len(mine & theirs) / len(mine | theirs) < _ALIKE:
        return False
    return _marks(one, rest) == _marks(other, other_rest)


def _marks(text: str, rest: str) -> frozenset[str]:
    """What sets a subject apart: qualifiers, names, and Latin words in Chinese text."""
    found = {match.group().lower() for match in _QUALIFIERS.finditer(rest)}
    found |= {match.group().lower() for match in _NAME.finditer(text) if match.group().lower() in rest}
    if not text.isascii():
        found |= {match.group().lower() for match in _LATIN.finditer(text) if match.group().lower() in rest}
    return frozenset(found)


def _row_key(row: str) -> str:
    return simplify(_KEY.split(row.strip(), maxsplit=1)[0]).strip()
