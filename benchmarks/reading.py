"""Reading-comprehension sets (SQuAD layout) as passages and questions, found by the product's lexical words.

CMRC 2018 trial (Simplified Chinese, CC BY-SA 4.0), DRCD dev (Traditional Chinese, CC BY-SA 3.0) and XQuAD's first 16
articles (English and Chinese, CC BY-SA 4.0, for measuring only) lie outside the repository.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.assistant.features import HAN_RUN, LATIN_WORD
from core.text.language import detect_language
from core.text.words import search_words, simplify
from core.types import Found, Hit, PassageRecord

ROOT = Path(__file__).resolve().parent.parent
FILES = {
    "cmrc": "cmrc2018_trial/cmrc2018_trial.json",
    "drcd": "drcd_dev/DRCD_dev.json",
    "xquad_en": "xquad_dev/xquad.en.dev.json",
    "xquad_zh": "xquad_dev/xquad.zh.dev.json",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, its gold answers with their offsets in the paragraph, and the paragraph's number."""

    question: str
    answers: tuple[str, ...]
    starts: tuple[int, ...]
    paragraph: int


@dataclass(frozen=True, slots=True)
class Reading:
    """One set: its paragraphs and questions."""

    name: str
    paragraphs: tuple[str, ...]
    questions: tuple[Asked, ...]


def data_folder() -> Path:
    """The folder of public data sets. Raises SystemExit with the reason when it is not there."""
    folder = Path(os.environ.get("PILOTLIGHT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        raise SystemExit(f"no data sets at {folder}: set PILOTLIGHT_SHARED_DATA to the folder that holds them")
    return folder


def load_reading(name: str) -> Reading:
    """One of FILES, paragraphs in file order."""
    data = json.loads((data_folder() / FILES[name]).read_text(encoding="utf-8"))["data"]
    paragraphs: list[str] = []
    questions: list[Asked] = []
    for article in data:
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                golds = asked["answers"]
                texts = tuple(gold["text"] for gold in golds)
                starts = tuple(int(gold["answer_start"]) for gold in golds)
                questions.append(Asked(asked["question"], texts, starts, len(paragraphs)))
            paragraphs.append(paragraph["context"])
    return Reading(name, tuple(paragraphs), tuple(questions))


def passages_of(reading: Reading) -> tuple[PassageRecord, ...]:
    """Each paragraph as one document of one passage; id = paragraph number."""
    return tuple(
        PassageRecord(i, i, i, f"{reading.name}-{i}", 1, "", "", 0, len(text), text, detect_language(text))
        for i, text in enumerate(reading.paragraphs)
    )


def index_words(text: str) -> list[str]:
    """Search words; for Chinese also characters and bigrams, and then Latin words and numbers twice more.

    A Chinese name of four characters yields seven of these, a number one: repeated, it weighs like a name.
    """
    folded = simplify(text)
    extra: list[str] = []
    for run in HAN_RUN.findall(folded):
        extra.extend("#" + character for character in run)
        extra.extend("#" + run[i : i + 2] for i in range(len(run) - 1))
    if extra:
        extra.extend(mark + piece for piece in LATIN_WORD.findall(folded) for mark in "#@")
    return search_words(text) + extra


class LexicalSearch:
    """BM25 over a set of passages; the plain counterpart of the product's lexical index."""

    def __init__(
        self,
        passages: Sequence[PassageRecord],
        words: Callable[[str], list[str]] = index_words,
        k1: float = 0.9,
        b: float = 0.4,
    ) -> None:
        import bm25s

        self.passages = passages
        self.words = words
        self.vocabulary: dict[str, int] = {}
        known = self.vocabulary
        tokens = [[known.setdefault(word, len(known)) for word in words(p.index_text)] for p in passages]
        seen = np.zeros(len(known))
        for row in tokens:
            seen[list(set(row))] += 1
        self.rarity = np.log(1 + (len(passages) - seen + 0.5) / (seen + 0.5))
        self.unknown = float(np.log(1 + (len(passages) + 0.5) / 0.5))
        self.bm25 = bm25s.BM25(k1=k1, b=b, method="lucene")
        self.bm25.index((tokens, known), show_progress=False)

    def idf(self, word: str) -> float:
        """Rarity of a search word in these passages; a word in none of them is the rarest."""
        row = self.vocabulary.get(word)
        return self.unknown if row is None else float(self.rarity[row])

    def scores(self, question: str) -> np.ndarray:
        """BM25 of every passage."""
        rows = [self.vocabulary[word] for word in self.words(question) if word in self.vocabulary]
        if not rows:
            return np.zeros(len(self.passages))
        return np.asarray(self.bm25.get_scores_from_ids(rows))

    def search(self, question: str, k: int = 10) -> list[Found]:
        """The best ``k`` passages, best first."""
        scores = self.scores(question)
        order = np.argsort(-scores, kind="stable")[:k]
        return [
            Found(Hit(self.passages[i].id, float(scores[i]), lexical=float(scores[i])), self.passages[i])
            for i in order
            if scores[i] > 0
        ]


def halves(reading: Reading) -> tuple[range, range]:
    """Paragraph numbers of the first and the second half, cut between paragraphs (their questions stay together)."""
    middle = len(reading.paragraphs) // 2
    return range(middle), range(middle, len(reading.paragraphs))


def holds_gold(asked: Asked, start: int, end: int) -> bool:
    """Does the span ``[start, end)`` of the question's own paragraph hold a whole gold span."""
    return any(start <= s and s + len(text) <= end for text, s in zip(asked.answers, asked.starts, strict=True))
