"""What the bilingual encoder learns from, made of plain rows: pairs, words in sentences, questions with passages."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.models.extended import HAN
from core.training.bilingual.words import Headword, meanings

Pair = tuple[str, str]
Swaps = dict[str, list[tuple[str, float]]]

_DROPPED = frozenset("a an the of to is are was were be been do does did has have had".split())
_NEVER_SWAPPED = ("a", "an", "the", "of", "to", "is", "are", "was", "were", "be", "i", "s", "t")


def held_out(pairs: Sequence[Pair], count: int, seed: int) -> tuple[list[Pair], list[Pair]]:
    """``count`` pairs with different texts on both sides, and the others without near-duplicates of them.

    A near-duplicate shares 70 % of the character pairs of the Chinese side or of the triples of the English one.
    """
    order = list(range(len(pairs)))
    random.Random(seed).shuffle(order)
    kept: list[Pair] = []
    seen: tuple[set[str], set[str]] = (set(), set())
    for i in order:
        sides = [_plain(text) for text in pairs[i]]
        if len(kept) < count and all(text not in texts for text, texts in zip(sides, seen, strict=True)):
            kept.append(pairs[i])
            for text, texts in zip(sides, seen, strict=True):
                texts.add(text)
    near = [_Near([pair[side] for pair in kept], size) for side, size in ((0, 2), (1, 3))]
    excluded = set(kept)
    rest = [
        pair
        for pair in pairs
        if pair not in excluded and not any(one.has(text) for one, text in zip(near, pair, strict=True))
    ]
    return kept, rest


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())


class _Near:
    """Finds texts whose character n-grams overlap those of a known text by 70 % (Jaccard)."""

    def __init__(self, texts: Sequence[str], size: int) -> None:
        self._size = size
        self._grams = [self._of(text) for text in texts]
        self._texts: dict[str, list[int]] = defaultdict(list)
        for i, grams in enumerate(self._grams):
            for gram in sorted(grams):
                self._texts[gram].append(i)

    def _of(self, text: str) -> set[str]:
        plain = _plain(text)
        return {plain[i : i + self._size] for i in range(max(1, len(plain) - self._size + 1))}

    def has(self, text: str) -> bool:
        grams = self._of(text)
        shared: dict[int, int] = defaultdict(int)
        for gram in grams:
            for i in self._texts.get(gram, ()):
                shared[i] += 1
        return any(count / len(grams | self._grams[i]) >= 0.7 for i, count in shared.items())


def word_pairs(entries: Sequence[Headword], frequency: Mapping[str, int]) -> tuple[list[Pair], list[float]]:
    """(word, its first three meanings), and how often to draw each: frequent words more, rare ones still."""
    pairs = [(word, "; ".join(glosses[:3])[:160]) for word, glosses in meanings(entries).items()]
    return pairs, [float((frequency.get(word, 0) + 3) ** 0.3) for word, _ in pairs]


def swap_table(entries: Sequence[Headword], frequency: Mapping[str, int]) -> Swaps:
    """English word or short phrase to the Chinese words for it, at most three, each with its weight.

    A word weighs the more, the more frequent it is and the earlier the phrase stands among its meanings.
    """
    weights: dict[str, dict[str, float]] = defaultdict(dict)
    for entry in entries:
        word = entry.simplified
        if not re.fullmatch(f"[{HAN}]+", word) or (entry.proper and len(word) < 2):
            continue
        for rank, gloss in enumerate(entry.glosses[:4]):
            for place, piece in enumerate(gloss.split(";")[:3]):
                phrase = " ".join(re.findall(r"[a-z0-9'-]+", piece.lower()))
                phrase = re.sub(r"^(to be|to|a|an|the|sb|sth) ", "", phrase)
                if phrase and len(phrase.split()) <= 3:
                    weight = (frequency.get(word, 0) + 1) ** 0.5 / (1 + rank + place) ** 2
                    weights[phrase][word] = max(weights[phrase].get(word, 0.0), weight)
    table: Swaps = {}
    for phrase, words in weights.items():
        best = sorted(words.items(), key=lambda item: -item[1])[:3]
        table[phrase] = [(word, weight) for word, weight in best if weight >= best[0][1] * 0.2]
    for phrase in _NEVER_SWAPPED:
        table.pop(phrase, None)
    return {**table, "i": [("我", 1.0)]}


def swap_words(text: str, swaps: Swaps, rng: random.Random, share: float) -> str:
    """English ``text`` with words exchanged for Chinese ones (code switching; Qin et al. 2020, arXiv:2006.06402).

    At ``share`` 1 all words that have a Chinese one go, and the empty words with them: Chinese in English order.
    """
    words = re.findall(r"[A-Za-z][A-Za-z'-]*|\d[\d.,]*|[^\sA-Za-z\d]", text)
    found: list[str] = []
    i = 0
    while i < len(words):
        for length in (3, 2, 1):
            phrase = " ".join(words[i : i + length]).lower()
            options = swaps.get(phrase) or (swaps.get(_stem(phrase)) if length == 1 else None)
            if options and i + length <= len(words) and rng.random() < share:
                found.append(rng.choices([word for word, _ in options], [weight for _, weight in options])[0])
                i += length
                break
        else:
            if share < 1 or words[i].lower() not in _DROPPED:
                found.append(words[i])
            i += 1
    return re.sub(f"(?<=[{HAN}]) (?=[{HAN}])", "", " ".join(found))


def _stem(word: str) -> str:
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return word[: -len(ending)] + instead
    return word


def loosen(text: str, rng: random.Random, share: float) -> str:
    """``text`` with a space between some neighbouring Han characters: words fall apart into shorter ones, which learn.

    The idea of subword dropout (Provilkov, Emelianenko and Voita 2020, arXiv:1910.13267).
    """
    return re.sub(f"(?<=[{HAN}])(?=[{HAN}])", lambda _: " " if rng.random() < share else "", text)


def sentence_and_rest(paragraphs: Iterable[str], rng: random.Random, each: int = 2) -> list[Pair]:
    """(A sentence, its paragraph without it): the inverse cloze task (Lee, Chang, Toutanova 2019, arXiv:1906.00300)."""
    found = []
    for paragraph in paragraphs:
        sentences = [s for s in re.split("(?<=[。！？])", paragraph) if len(s) > 8]
        if len(sentences) > 2:
            for i in rng.sample(range(len(sentences)), each):
                found.append((sentences[i], "".join(sentences[:i] + sentences[i + 1 :])))
    return found


def question_passages(
    questions: Sequence[Mapping[str, Any]], passages: Sequence[Mapping[str, Any]], other: str
) -> list[Pair]:
    """(Question, text of the passage that answers it), also for the question in the ``other`` language's field."""
    texts = {(row["company"], row["id"]): str(row["text"]) for row in passages}
    found = []
    for row in questions:
        text = texts.get((row["company"], row["passage"])) if row["answerable"] else None
        for question in (row["question"], row.get(other)):
            if text and question:
                found.append((str(question), text))
    return found
