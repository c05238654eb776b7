"""Claims of a draft that its sources do not hold: numbers, prices, dates, names. Marked, never removed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.assistant.claim_values import matches, values
from core.text.language import has_han
from core.text.sentences import sentence_spans
from core.text.words import simplify

# Words that open an English sentence, and others that are no names.
_LATIN_NAME = re.compile(r"(?<![\w'’-])[A-Z][\w&-]*(?:\s+(?:of|the|de|van|and)\s+[A-Z][\w&-]*|\s+[A-Z][\w&-]*)*")
_TITLED = re.compile(r"《([^》]{1,30})》|「([^」]{1,30})」")
_NO_NAMES = frozenset(
    "I I'm I'll I've A An The This That These Those It We You They He She Our Your Their My"
    " Sunday Dear Hello Hi Thank Thanks "
    "Kind Regards Best Yours Sincerely Please Yes No Ok Monday Tuesday Wednesday Thursday Friday Saturday".split()
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim that no source supports. ``text[start:end]`` of the draft; ``kind``: number, price, date or name."""

    start: int
    end: int
    kind: str
    text: str


def unsupported(text: str, sources: Iterable[str]) -> list[Claim]:
    """Claims of ``text`` that none of ``sources`` (passages, and what the brief itself says) holds, in order."""
    said = [source for source in sources if source.strip()]
    known = [value for source in said for value in values(source).items]
    folded = " ".join(simplify(source) for source in said)
    claims: list[Claim] = []
    for start, end in sentence_spans(text):
        sentence = text[start:end]
        for first, last, kind in _values_of(sentence, known):
            claims.append(Claim(start + first, start + last, kind, text[start + first : start + last]))
        for first, last in _names_of(sentence, folded):
            claims.append(Claim(start + first, start + last, "name", text[start + first : start + last]))
    return _apart(sorted(claims, key=lambda claim: (claim.start, -claim.end)))


def _values_of(sentence: str, known: Sequence[object]) -> list[tuple[int, int, str]]:
    found = values(sentence)
    # Folding may change the length (a ligature, a half-width letter): then only the whole sentence can be shown.
    same = len(found.text) == len(sentence)
    spans = []
    for item in found.items:
        if any(matches(item, other) for other in known):  # type: ignore[arg-type]
            continue
        kind = "date" if item.kind in ("date", "clock", "weekday", "period") else "number"
        kind = "price" if item.kind in ("usd", "eur", "gbp", "cny", "hkd", "jpy", "zhe") else kind
        spans.append((item.start, item.end, kind) if same else (0, len(sentence), kind))
    return spans


def _names_of(sentence: str, folded: str) -> list[tuple[int, int]]:
    spans = []
    for match in _LATIN_NAME.finditer(sentence):
        words = match.group().split()
        first = match.start()
        # The first word of a sentence is written large whatever it is.
        if not sentence[:first].strip(" \"'“‘([*-•\n") and not has_han(sentence):
            first += len(words[0]) + 1
            words = words[1:]
        while words and words[0] in _NO_NAMES:
            first += len(words[0]) + 1
            words = words[1:]
        name = " ".join(words)
        if len(name) > 1 and simplify(name) not in folded and not all(word in _NO_NAMES for word in words):
            spans.append((first, match.end()))
    for match in _TITLED.finditer(sentence):
        inside = match[1] or match[2]
        if simplify(inside) not in folded:
            spans.append(match.span())
    return spans


def _apart(claims: Sequence[Claim]) -> list[Claim]:
    """Without those that lie within another."""
    kept: list[Claim] = []
    for claim in claims:
        if not kept or claim.start >= kept[-1].end:
            kept.append(claim)
    return kept
