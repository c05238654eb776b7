"""Of which things a text speaks well or ill: aspects found in its clauses, each judged by itself.

A clause speaks of an aspect where it holds one of its words (``aspect_words.json``, both languages), or names a thing
of its own ("the hinge is ...", 这个铰链……): those are kept by their own word. The sentiment is the classifier's of the
clause, helped by its sentence, so "great screen, but the delivery was late" praises one thing and blames another.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from core.sentiment.polarity import Classifier, judge
from core.text.sentences import sentence_spans
from core.text.words import HAN_RUN, simplify

MOST_CLAUSES = 40  # of one text
KEPT = 12  # sentences kept behind each side of an aspect
MOST_ASPECTS = 400  # counted at a time; rarer ones found later are left out
# The classifier judges a clause of few words badly, so its sentence speaks too. How much, and from which probability of
# an opinion on a clause counts, was chosen on the tuning half of benchmarks/data/aspects.jsonl.
OF_SENTENCE, LEAST_OPINION, LEAST_SHARE = 0.35, 0.3, 0.6
_FEWEST = 2  # times that a thing of its own must be named to be shown
# Where one sentence turns from one thing to another.
_TURN = re.compile(
    r"[;；]|,\s+(?:but|however|although|though|while|yet|and)\b|\b(?:but|however|although|though|whereas|except)\b"
    r"|[，,](?=[^，,]{2,})|(?:但是|不过|可是|然而|虽然|但)",
    re.IGNORECASE,
)
# "the hinge is", "my left strap broke": a thing that is said something of.
_THING = re.compile(
    r"\b(?:the|this|its|my|their|our|your)\s+((?:[a-z]+\s)?[a-z]{3,})\s+(?:is|are|was|were|has|have|had|does|did|do|"
    r"feels?|looks?|sounds?|seems?|works?|worked|broke|stopped|keeps?|kept|came|could|would|can|won't|doesn't|isn't)\b",
    re.IGNORECASE,
)
_NO_THING = frozenset(
    "only first second last next other same thing things one way product item order people person company time day "
    "problem problems fact reason rest whole most best worst guy guys reviewer user users all that this".split()
)


@dataclass(frozen=True, slots=True)
class Mention:
    """One clause about ``aspect``: praised when ``polarity`` is positive, blamed when negative. ``text[start:end]``."""

    aspect: str
    known: bool  # one of aspect_words.json, not a thing named in the text alone
    polarity: str
    confidence: float
    clause: str
    start: int
    end: int


@cache
def _vocabulary() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    path = Path(__file__).with_name("aspect_words.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    return {aspect: {code: tuple(words) for code, words in both.items()} for aspect, both in content.items()}


@cache
def _aspect_of(code: str) -> Mapping[str, str]:
    return {word: aspect for aspect, both in _vocabulary().items() for word in both[code]}


@cache
def _words(code: str) -> re.Pattern[str]:
    """The words of a language, the longest first: 菜单 is no dish. English ones stand by themselves."""
    words = "|".join(map(re.escape, sorted(_aspect_of(code), key=len, reverse=True)))
    return re.compile(words if code == "zh" else rf"(?<![a-z])(?:{words})(?![a-z])")


def known_aspects() -> tuple[str, ...]:
    """Aspects with words of their own."""
    return tuple(_vocabulary())


def clauses(text: str) -> list[tuple[int, int]]:
    """Spans of the clauses of ``text``, none empty, at most ``MOST_CLAUSES``."""
    found: list[tuple[int, int]] = []
    for start, end in sentence_spans(text):
        at = start
        for turn in _TURN.finditer(text, start, end):
            # A turn at the head of a clause ("但是味道好") belongs to the clause that it opens.
            if turn.start() - at >= 2:
                found.append((at, turn.start()))
                at = turn.start()
        found.append((at, end))
    spans = [_trimmed(text, *span) for span in found]
    return [span for span in spans if span[1] - span[0] >= 2][:MOST_CLAUSES]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and not text[start].isalnum():
        start += 1
    while end > start and text[end - 1] in " \t\n,，;；":
        end -= 1
    return start, end


def aspects_in(clause: str) -> dict[str, bool]:
    """Aspects that a clause speaks of; True for those of the vocabulary, False for a thing of its own."""
    found: dict[str, bool] = {}
    lower = clause.lower()
    for match in _words("en").finditer(lower.replace("’", "'")):
        found[_aspect_of("en")[match.group()]] = True
    if HAN_RUN.search(clause):
        for match in _words("zh").finditer(simplify(clause)):
            found[_aspect_of("zh")[match.group()]] = True
    if not found:
        found |= dict.fromkeys(_things(lower), False)
    return found


def _things(clause: str) -> Iterable[str]:
    for match in _THING.finditer(clause):
        words = match.group(1).split()
        if words[-1] not in _NO_THING:
            yield words[-1]


def mentions(classifier: Classifier, texts: Sequence[str]) -> list[list[Mention]]:
    """Of each text its mentions, in order. Clauses without an aspect are not judged; those that neither praise nor
    blame are left out."""
    places = [(number, *place) for number, text in enumerate(texts) for place in _places(text)]
    parts = [texts[number][start:end] for number, start, end, _, _ in places]
    whole = [texts[number][slice(*sentence)] for number, _, _, sentence, _ in places]
    different = list(dict.fromkeys([*parts, *whole]))
    said = {
        text: one.probabilities for text, one in zip(different, judge(classifier, different), strict=True)
    }  # fmt: skip
    found: list[list[Mention]] = [[] for _ in texts]
    for (number, start, end, _, about), part, sentence in zip(places, parts, whole, strict=True):
        # "It came today, so fast": what is said of a thing may stand in the next clause.
        negative, _, positive = (
            (1 - OF_SENTENCE) * own + OF_SENTENCE * all_of_it
            for own, all_of_it in zip(said[part], said[sentence], strict=True)
        )
        opinion, stronger = negative + positive, max(negative, positive)
        if opinion >= LEAST_OPINION and stronger >= LEAST_SHARE * opinion:
            polarity = "positive" if positive > negative else "negative"
            found[number] += [
                Mention(aspect, known, polarity, stronger, part, start, end) for aspect, known in about.items()
            ]
    return found


def _places(text: str) -> Iterator[tuple[int, int, tuple[int, int], dict[str, bool]]]:
    """Of each clause that speaks of something: its span, that of its sentence, and its aspects."""
    sentences = sentence_spans(text)
    for start, end in clauses(text):
        if about := aspects_in(text[start:end]):
            yield start, end, next(span for span in sentences if span[0] <= start < span[1]), about


@dataclass(slots=True)
class Side:
    """Praise or blame of one aspect: how often, and the clauses said with most confidence, with their places."""

    count: int = 0
    sentences: list[tuple[float, str, str]] = field(default_factory=list)  # confidence, clause, where

    def add(self, confidence: float, clause: str, where: str, times: int = 1) -> None:
        self.count += times
        if any(clause == known for _, known, _ in self.sentences):
            return
        self.sentences.append((round(confidence, 4), clause[:400], where))
        if len(self.sentences) > 4 * KEPT:
            self.trim()

    def trim(self) -> None:
        self.sentences = sorted(self.sentences, key=lambda item: -item[0])[:KEPT]


@dataclass(slots=True)
class AspectCount:
    """Counts of all mentions, by aspect. Memory does not grow with the texts."""

    sides: dict[str, tuple[Side, Side]] = field(default_factory=dict)  # praised, blamed
    known: dict[str, bool] = field(default_factory=dict)

    def add(self, found: Sequence[Mention], where: str) -> None:
        """``where``: what a person finds the text by, e.g. its line."""
        for mention in found:
            if mention.aspect not in self.sides:
                if len(self.sides) >= MOST_ASPECTS:
                    continue
                self.sides[mention.aspect] = (Side(), Side())
                self.known[mention.aspect] = mention.known
            side = self.sides[mention.aspect][0 if mention.polarity == "positive" else 1]
            side.add(mention.confidence, mention.clause, where)

    def rows(self, most: int = 40) -> list[dict[str, object]]:
        """The most frequent aspects as plain data: aspect, known, praised, blamed, praise and blame (sentences)."""
        shown = []
        for aspect, (praise, blame) in self.sides.items():
            if not self.known[aspect] and praise.count + blame.count < _FEWEST:
                continue
            praise.trim()
            blame.trim()
            shown.append(
                {
                    "aspect": aspect,
                    "known": self.known[aspect],
                    "praised": praise.count,
                    "blamed": blame.count,
                    "praise": [list(item) for item in praise.sentences],
                    "blame": [list(item) for item in blame.sentences],
                }
            )
        return sorted(shown, key=lambda row: -(int(str(row["praised"])) + int(str(row["blamed"]))))[:most]
