"""Reading-comprehension sets (SQuAD layout) as passages and questions.

CMRC 2018 trial (Simplified Chinese, CC BY-SA 4.0), DRCD dev (Traditional Chinese, CC BY-SA 3.0) and XQuAD's first 16
articles (English and Chinese, CC BY-SA 4.0, for measuring only) lie outside the repository.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from core.text.language import detect_language
from core.types import PassageRecord

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


def halves(reading: Reading) -> tuple[range, range]:
    """Paragraph numbers of the first and the second half, cut between paragraphs (their questions stay together)."""
    middle = len(reading.paragraphs) // 2
    return range(middle), range(middle, len(reading.paragraphs))


def holds_gold(asked: Asked, start: int, end: int) -> bool:
    """Does the span ``[start, end)`` of the question's own paragraph hold a whole gold span."""
    return any(start <= s and s + len(text) <= end for text, s in zip(asked.answers, asked.starts, strict=True))
