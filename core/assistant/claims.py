"""Does a passage say this? A check of one sentence against the retrieved spans that needs no language model.

A claim is supported when one sentence of a passage (with its heading, its table header, and the sentence before it
where it begins with a pronoun) holds its content words, all of its numbers, dates, names and codes bound the same way,
and neither denies, limits nor reverses it. A compound claim may rest on several sentences, clause by clause. Whatever
is doubtful counts as unsupported: a wrong sentence shown is worse than a right one dropped.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from core.assistant import claim_words as w
from core.assistant.claim_values import Value, Values, matches, same_kind, values
from core.text.language import has_han
from core.text.sentences import sentence_spans
from core.text.words import search_words, simplify
from core.types import PassageRecord

Similarity = Callable[[str, str], float]  # cosine of two short English texts, -1..1

MIN_COVERAGE = 0.75  # share of the claim's word weight (IDF) that the source must hold
SIMILAR_WORD = 0.72  # cosine above which two English words may stand for each other
_CLAUSE = re.compile(
    r"[,，;；|\t]|(?<!\d)[:：]|[:：](?!\d)"
    r"|\b(?:and|but|while|whereas|though|although)\b|(?:但是?|而(?!且)|并且?|且)"
)
# Where a claim may be proved in parts. Not at a comma: what stands beside one is often no statement of its own, and a
# part proved by another sentence makes a false whole ("In 1990, ...").
_COMPOUND = re.compile(r"[;；]|\b(?:and|but|while|whereas)\b|但是?|并且|同时")
_NAME = re.compile(r"(?<![A-Za-z0-9])[A-Z][A-Za-z0-9&-]*")


class Span(NamedTuple):
    """Where support was found: ``passages[passage].text[start:end]``, offsets within that passage's text."""

    passage: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Support:
    """The verdict. ``score`` is the weighted share of the claim's words found (0..1); ``why`` is a stable code.

    ``why``: supported, no_words, question, pronoun (nobody knows what "it" is), words (``detail``: the first missing),
    value, unbound, negation, opposite, universal, only, duty, exception, condition, order.
    """

    supported: bool
    score: float
    citations: tuple[Span, ...] = ()
    why: str = "supported"
    detail: str = ""


@dataclass(frozen=True, slots=True)
class _Clause:
    text: str
    words: frozenset[str]
    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class _Sentence:
    span: Span
    folded: str
    words: frozenset[str]
    order: tuple[str, ...]
    facts: Values
    clauses: tuple[_Clause, ...]
    context: frozenset[str]  # words of headings, header, document name, and of what a pronoun stands for
    context_text: str


class Evidence:
    """The passages, prepared once for all sentences of an answer."""

    def __init__(self, passages: Sequence[PassageRecord], *, similarity: Similarity | None = None) -> None:
        self._similarity = similarity
        self._sentences = [s for i, passage in enumerate(passages) for s in _prepare(i, passage)]
        self._in = Counter(word for s in self._sentences for word in s.words)

    def check(self, sentence: str, *, before: str = "") -> Support:
        """The verdict on one sentence. ``before`` is the sentence shown before it, to which a leading "it" refers."""
        if w.QUESTION.search(sentence):
            return Support(False, 0.0, why="question")
        claim = _Claim(sentence)
        if w.PRONOUN.search(claim.folded) and not any(claim.letters == _letters(s.folded) for s in self._sentences):
            subject = [word for word in search_words(before) if word not in w.BENIGN][:2]
            if not subject:
                return Support(False, 0.0, why="pronoun")
            claim = _Claim(sentence, carried=subject)
        if w.POINTS.search(claim.folded) and len(claim.words) + len(claim.facts.items) < 4:
            return Support(False, 0.0, why="pronoun")
        if not claim.words and not claim.facts.items:
            return Support(False, 0.0, why="no_words")
        best = self._alone(claim)
        if best.supported:
            return best
        return self._by_clauses(sentence, claim) or best

    def _alone(self, claim: _Claim) -> Support:
        verdicts = [self._against(claim, source) for source in self._sentences]
        return max(verdicts, key=lambda v: (v.supported, v.score), default=Support(False, 0.0, why="words"))

    def _by_clauses(self, sentence: str, claim: _Claim) -> Support | None:
        """A compound claim: every clause supported by itself, with the subject of the first carried into the others."""
        parts = [part.strip() for part in _COMPOUND.split(sentence) if part.strip()]
        # A short part ("In March, ...") says when or of whom the rest is true: apart from it the rest proves nothing.
        if not 2 <= len(parts) <= 4 or not all(_long_enough(part) for part in parts):
            return None
        subject = claim.words[:2]
        spans: list[Span] = []
        scores: list[float] = []
        for number, part in enumerate(parts):
            piece = _Claim(part, carried=() if number == 0 else subject)
            own = self._alone(piece)
            if not own.supported and number:
                own = self._alone(_Claim(part)) if len(_Claim(part).words) >= 3 and _own_subject(part) else own
            if not own.supported:
                return None
            spans.extend(span for span in own.citations if span not in spans)
            scores.append(own.score)
        return Support(True, min(scores), tuple(spans))

    def _against(self, claim: _Claim, source: _Sentence) -> Support:
        if claim.letters and claim.letters == _letters(source.folded):
            return Support(True, 1.0, (source.span,))
        score, missing = self._coverage(claim, source)
        if missing or score < MIN_COVERAGE:
            opposite = w.opposed(claim.folded, source.folded)
            failed: tuple[str, str] | None = ("opposite", opposite) if opposite else ("words", "".join(missing[:1]))
        else:
            failed = _value_fault(claim, source) or _sense_fault(claim, source)
        if failed:
            return Support(False, round(score, 3), (source.span,), *failed)
        return Support(True, round(score, 3), (source.span,))

    def _coverage(self, claim: _Claim, source: _Sentence) -> tuple[float, list[str]]:
        total = found = 0.0
        own = 0
        missing: list[str] = []
        for word in claim.words:
            weight = self._weight(word)
            total += weight
            if _holds(word, source.words, source.folded):
                found += weight
                own += word not in w.BENIGN
            elif _holds(word, source.context, source.context_text):
                found += weight
            elif word in w.BENIGN or word in w.NEGATION_STEMS:
                total -= weight * 0.8
            elif word not in claim.names and self._stands_for(word, source):
                found += weight
            else:
                missing.append(word)
        if not own:
            missing.append(claim.words[0] if claim.words else "")
        return (found / total if total > 0 else float(bool(claim.facts.items))), missing

    def _weight(self, word: str) -> float:
        return 0.3 if word in w.BENIGN else math.log(1 + (len(self._sentences) + 1) / (self._in[word] + 0.5))

    def _stands_for(self, word: str, source: _Sentence) -> bool:
        others = w.SAME.get(word, frozenset())
        if any(_holds(other, source.words, source.folded) for other in others):
            return True
        if self._similarity is None or has_han(word) or len(word) < 4:
            return False
        similar = (self._similarity(word, other) for other in source.order if len(other) >= 4 and not has_han(other))
        return max(similar, default=0.0) >= SIMILAR_WORD


def check(sentence: str, passages: Sequence[PassageRecord], *, similarity: Similarity | None = None) -> Support:
    """Whether ``passages`` say ``sentence``. For several sentences build one ``Evidence``."""
    return Evidence(passages, similarity=similarity).check(sentence)


class _Claim:
    """A sentence taken apart: content words in order, names, facts."""

    def __init__(self, sentence: str, carried: Sequence[str] = ()) -> None:
        self.facts = values(sentence)
        own = [word for word in search_words(self.facts.rest) if not word.isdigit()]
        self.words = tuple(dict.fromkeys([*carried, *own]))
        self.order = tuple(own)
        self.folded = self.facts.text
        self.letters = _letters(simplify(sentence))
        stems = [search_words(name) for name in _NAME.findall(sentence)]
        self.names = frozenset(word for stem in stems for word in stem)


def _letters(folded: str) -> str:
    return "".join(c for c in folded if c.isalnum() or c in "$€£¥%<>+-")


def _prepare(number: int, passage: PassageRecord) -> list[_Sentence]:
    surroundings = " ".join((passage.section, passage.header, passage.document_name))
    outer = frozenset(search_words(surroundings))
    sentences: list[_Sentence] = []
    before: tuple[str, ...] = ()
    for start, end in sentence_spans(passage.text):
        text = passage.text[start:end]
        facts = values(text)
        order = tuple(search_words(facts.rest))
        elided = before[:3] if w.PRONOUN.search(facts.text) else ()
        context = outer | frozenset(elided)
        sentences.append(
            _Sentence(
                Span(number, start, end),
                simplify(text),
                frozenset(order),
                order,
                facts,
                _clauses(facts),
                context,
                f"{simplify(surroundings)} {' '.join(elided)}",
            )
        )
        before = order
    return sentences


def _clauses(facts: Values) -> tuple[_Clause, ...]:
    edges = [0, *(m.start() for m in _CLAUSE.finditer(facts.text)), len(facts.text)]
    found = []
    for start, end in pairwise(edges):
        items = tuple(v for v in facts.items if start <= v.start < end)
        words = frozenset(search_words(facts.rest[start:end]))
        if words or items:
            found.append(_Clause(facts.text[start:end], words, items))
    return tuple(found)


def _holds(word: str, words: frozenset[str], text: str) -> bool:
    if word in words:
        return True
    if not has_han(word):
        return False
    if word in text:
        return True
    # 退货期限 against 退货的期限: jieba cuts compounds its own way, so the halves may stand apart.
    return len(word) > 2 and any(
        word[:cut] in text and (word[cut:] in text or word[cut:] in w.BENIGN) for cut in range(2, len(word))
    )


def _long_enough(part: str) -> bool:
    """Three English words or six Chinese characters and more, so that a part can be a statement."""
    return len(re.findall(r"[A-Za-z0-9$]+", part)) >= 3 or len(re.findall(r"[\u4e00-\u9fff]", part)) >= 6


def _own_subject(part: str) -> bool:
    """Whether a clause of a compound claim names its own subject (English: an article or a name leads it)."""
    return bool(re.match(r"\s*(?:the|our|your|its|a|an|we|you)\b|\s*[A-Z]", part, re.I)) or has_han(part)


def _aligned(claim: _Claim, source: _Sentence) -> tuple[_Clause, ...]:
    """The fewest clauses of ``source`` that hold what the claim says (greedy set cover)."""
    # A denial must not choose the clause whose denials are then counted.
    telling = [word for word in claim.words if word not in w.BENIGN and word not in w.NEGATION_STEMS]
    want_words = {word for word in telling if any(_holds(word, c.words, c.text) for c in source.clauses)}
    want_values = [v for v in claim.facts.items if any(matches(v, i) for c in source.clauses for i in c.items)]
    left = list(source.clauses)
    chosen: list[_Clause] = []
    while left and (want_words or want_values):
        best = max(left, key=lambda c: _gain(c, want_words, want_values))
        if not _gain(best, want_words, want_values):
            break
        chosen.append(best)
        left.remove(best)
        want_words = {word for word in want_words if not _holds(word, best.words, best.text)}
        want_values = [v for v in want_values if not any(matches(v, i) for i in best.items)]
    return tuple(chosen) or source.clauses


def _gain(clause: _Clause, words: set[str], facts: Sequence[Value]) -> int:
    return sum(_holds(word, clause.words, clause.text) for word in words) + sum(
        any(matches(v, i) for i in clause.items) for v in facts
    )


def _value_fault(claim: _Claim, source: _Sentence) -> tuple[str, str] | None:
    header = values(source.context_text).items
    for fact in claim.facts.items:
        stated = [item for item in (*source.facts.items, *header) if matches(fact, item)]
        if not stated and not _bare(fact, source):
            return "value", str(fact.value)
        if fault := _unbound(fact, claim, source):
            return "unbound", fault
    return None


def _bare(fact: Value, source: _Sentence) -> bool:
    """A table cell holds the number, its header the unit: "Price (USD)" above "49"."""
    units = {"usd": "usd|dollar|美元|\\$", "cny": "cny|rmb|元|¥", "eur": "eur|欧元|€", "percent": "%|percent|百分"}
    units |= {"minutes": "day|hour|minute|天|小时|分钟", "months": "month|year|月|年"}
    pattern = units.get(fact.kind)
    if pattern is None or not re.search(pattern, source.context_text):
        return False
    return any(v.kind == "num" and v.value == fact.value and v.bound == fact.bound for v in source.facts.items)


def _unbound(fact: Value, claim: _Claim, source: _Sentence) -> str:
    """A word of the claim that the source binds to another value of the same kind ("Pro $49, Basic $9": Basic, $49)."""
    holding = [c for c in source.clauses if any(matches(fact, item) for item in c.items)]
    rivals = [c for c in source.clauses if c not in holding and any(same_kind(fact, item) for item in c.items)]
    if not holding or not rivals:
        return ""
    for word in claim.words:
        if word in w.BENIGN or any(_holds(word, c.words, c.text) for c in holding):
            continue
        if any(_holds(word, c.words, c.text) for c in rivals):
            return word
    return ""


def _sense_fault(claim: _Claim, source: _Sentence) -> tuple[str, str] | None:
    """What the same words may still say differently: denied, reversed, limited, widened."""
    aligned = _aligned(claim, source)
    text = " ".join(clause.text for clause in aligned)
    if w.denials(claim.folded) != w.denials(text):
        return "negation", ""
    if word := w.opposed(claim.folded, text):
        return "opposite", word
    for code, pattern in (("universal", w.UNIVERSAL), ("only", w.ONLY), ("duty", w.DUTY)):
        if (found := pattern.search(claim.folded)) and not pattern.search(source.folded):
            return code, found.group()
    for code, pattern in (("exception", w.EXCEPTION), ("condition", w.CONDITION)):
        if _dropped(pattern, claim, source):
            return code, ""
    return ("order", "") if _reversed(claim, source, aligned) else None


def _dropped(pattern: re.Pattern[str], claim: _Claim, source: _Sentence) -> bool:
    """The source limits what it says ("unless ...") and the claim leaves the limit out."""
    found = pattern.search(source.folded)
    if not found or pattern.search(claim.folded):
        return False
    clause = _CLAUSE.split(source.folded[found.start() :])[0]
    limit = [word for word in search_words(clause) if word not in w.BENIGN]
    held = sum(_holds(word, frozenset(claim.words), claim.folded) for word in limit)
    return not limit or held < 0.5 * len(limit)


_MARKERS = ("from", "to", "than", "比", "从", "到", "向")


def _reversed(claim: _Claim, source: _Sentence, aligned: Sequence[_Clause]) -> bool:
    """Roles swapped: "from A to B" against "from B to A", or a-verb-b against b-verb-a with the same voice."""
    text = " ".join(clause.text for clause in aligned)
    for marker in _MARKERS:
        mine, theirs = _next_word(marker, claim.facts.rest), _next_word(marker, _blank(text))
        if mine and theirs and mine != theirs and mine in source.words and theirs in claim.words:
            return True
    if bool(w.PASSIVE.search(claim.folded)) != bool(w.PASSIVE.search(text)):
        return False
    at = {word: i for i, word in enumerate(source.order)}
    triples = zip(claim.order, claim.order[1:], claim.order[2:], strict=False)
    return any(a in at and v in at and b in at and at[b] + 1 == at[v] and at[v] + 1 == at[a] for a, v, b in triples)


def _blank(text: str) -> str:
    return values(text).rest


def _next_word(marker: str, text: str) -> str:
    pattern = rf"\b{marker}\b(.*)" if marker.isascii() else rf"{marker}(.*)"
    found = re.search(pattern, text)
    following = search_words(found.group(1)) if found else []
    return following[0] if following else ""
