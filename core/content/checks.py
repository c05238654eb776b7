"""What can be said of a draft without a model: length, banned words, repetition, near copies, readability."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from core.text.language import detect_language, has_han
from core.text.sentences import sentence_spans

Status = Literal["good", "look", "bad"]

# Characters that fit where the text will stand; the owner may set others. 0: no limit.
LIMITS: Mapping[str, int] = {
    "advertisement": 300, "social_post": 280, "headline": 70, "email": 2000, "faq": 500, "product_page": 1200,
}  # fmt: skip
COPY_WORDS, COPY_CHARACTERS = 8, 16  # length of a run that counts as copied, in Latin words or Chinese characters
_REPEAT_WORDS, _REPEAT_CHARACTERS = 4, 6
_TOO_REPETITIVE = 0.12
_TOKEN = re.compile(r"[㐀-䶿一-鿿豈-﫿]|[^\W_㐀-䶿一-鿿豈-﫿]+(?:['’.-][^\W_㐀-䶿一-鿿豈-﫿]+)*")
_VOWELS = re.compile(r"[aeiouy]+")


class Tone(Protocol):
    """A sentiment model: the label (negative, neutral, positive, uncertain) and its probability."""

    def __call__(self, text: str) -> tuple[str, float]: ...


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. ``code``: length, banned, repetition, copy, readability, tone; ``values``: of its sentence; ``spans``:
    the places in the text that it is about."""

    code: str
    status: Status
    values: Mapping[str, str | int | float]
    spans: tuple[tuple[int, int], ...] = ()


def check_length(text: str, limit: int) -> Finding:
    """Characters against the channel's limit (0: none)."""
    length = len(text.strip())
    if not limit:
        return Finding("length_free", "good", {"length": length})
    status: Status = "bad" if length > limit else "good"
    return Finding("length", status, {"length": length, "limit": limit, "over": max(0, length - limit)})


def check_banned(text: str, words: Iterable[str]) -> Finding:
    """Words of the owner's list. Latin ones as whole words, Chinese ones wherever they stand; case and width aside."""
    folded = _folded(text)
    spans: list[tuple[int, int]] = []
    found: list[str] = []
    for word in words:
        kept = _folded(word.strip())
        if not kept:
            continue
        pattern = re.escape(kept) if has_han(kept) else rf"(?<!\w){re.escape(kept)}(?!\w)"
        places = [match.span() for match in re.finditer(pattern, folded)]
        spans += places
        found += [word.strip()] if places else []
    if not found:
        return Finding("banned_none", "good", {})
    return Finding("banned", "bad", {"words": ", ".join(found), "count": len(spans)}, tuple(sorted(spans)))


def _folded(text: str) -> str:
    """Lower case and half width, character by character, so that places stay where they are."""
    return "".join(_one(character) for character in text)


def _one(character: str) -> str:
    plain = unicodedata.normalize("NFKC", character).lower()
    return plain if len(plain) == 1 else character


def check_repetition(text: str) -> Finding:
    """The share of the text's runs of words (Chinese: characters) that stand there more than once."""
    tokens = [match.group().lower() for match in _TOKEN.finditer(text)]
    size = _REPEAT_CHARACTERS if detect_language(text) == "zh" else _REPEAT_WORDS
    runs = Counter(tuple(tokens[at : at + size]) for at in range(len(tokens) - size + 1))
    again = sum(count - 1 for count in runs.values())
    share = again / max(1, sum(runs.values()))
    often = max(runs, key=lambda run: runs[run], default=())
    joint = "" if size == _REPEAT_CHARACTERS else " "
    example = joint.join(often) if again else ""
    if share > _TOO_REPETITIVE:
        return Finding("repetition", "look", {"percent": round(100 * share), "example": example})
    return Finding("repetition_none", "good", {"percent": round(100 * share)})


class Corpus:
    """Runs of words of texts that must not be printed again, as hashes."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._runs: set[int] = set()
        for text in texts:
            tokens = [token for token, _, _ in _tokens(text)]
            for size in (COPY_WORDS, COPY_CHARACTERS):
                self._runs |= {hash(tuple(tokens[at : at + size])) for at in range(len(tokens) - size + 1)}

    def __bool__(self) -> bool:
        return bool(self._runs)

    def copied(self, text: str) -> list[tuple[int, int]]:
        """Spans of ``text`` that stand there word for word, joined where they overlap."""
        tokens = _tokens(text)
        size = COPY_CHARACTERS if detect_language(text) == "zh" else COPY_WORDS
        spans: list[tuple[int, int]] = []
        for at in range(len(tokens) - size + 1):
            part = tokens[at : at + size]
            if hash(tuple(token for token, _, _ in part)) in self._runs:
                start, end = part[0][1], part[-1][2]
                if spans and start <= spans[-1][1]:
                    spans[-1] = (spans[-1][0], end)
                else:
                    spans.append((start, end))
        return spans


def _tokens(text: str) -> list[tuple[str, int, int]]:
    return [(match.group().lower(), *match.span()) for match in _TOKEN.finditer(text)]


def check_copy(text: str, corpus: Corpus, allowed: Sequence[tuple[int, int]] = ()) -> Finding:
    """Whether runs of the text stand word for word in ``corpus``; ``allowed`` spans (quotes) do not count."""
    spans = [span for span in corpus.copied(text) if not any(a <= span[0] and span[1] <= b for a, b in allowed)]
    if not spans:
        return Finding("copy_none", "good", {})
    longest = max(spans, key=lambda span: span[1] - span[0])
    return Finding("copy", "bad", {"count": len(spans), "example": text[slice(*longest)][:120]}, tuple(spans))


def check_readability(text: str) -> Finding:
    """English: Flesch reading ease (Flesch 1948). Chinese: characters a sentence, of which 40 are read with ease."""
    sentences = [text[start:end] for start, end in sentence_spans(text)]
    if not sentences:
        return Finding("readability_none", "good", {})
    if detect_language(text) == "zh":
        mean = sum(len(re.findall(r"[\w]", one)) for one in sentences) / len(sentences)
        return Finding("readability_zh", "look" if mean > 40 else "good", {"mean": round(mean)})
    words = re.findall(r"[A-Za-z]+(?:['’][A-Za-z]+)?", text)
    if not words:
        return Finding("readability_none", "good", {})
    ease = 206.835 - 1.015 * len(words) / len(sentences) - 84.6 * sum(map(_syllables, words)) / len(words)
    return Finding("readability_en", "look" if ease < 50 else "good", {"ease": round(ease)})


def _syllables(word: str) -> int:
    plain = re.sub(r"(?<=[^l])e$", "", word.lower())
    return max(1, len(_VOWELS.findall(plain)))


def check_tone(text: str, tone: Tone) -> Finding:
    """What the sentiment model hears in the text."""
    label, chance = tone(text)
    return Finding(f"tone_{label}", "look" if label == "negative" else "good", {"percent": round(100 * chance)})
