"""Short customer questions to small help centres, in English and Chinese: sets written for this project.

``data/support_<language>_passages.jsonl`` and ``..._questions.jsonl`` hold invented companies' help pages and what
people type: short, in other words than the page, some of it answered nowhere. Each company is a knowledge base of its
own, searched by the product's index and encoder. ``python -m benchmarks.support_answers`` measures answers on them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.searching import KnowledgeSearch
from core.assistant.ranking import Described
from core.text.language import detect_language
from core.types import Citation, Found, Language, PassageRecord

DATA = Path(__file__).resolve().parent / "data"
TEACHING = DATA.parent.parent / "core" / "training" / "data"
LANGUAGES: tuple[Language, ...] = ("en", "zh")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of one company; ``passage`` is a number in its passages, -1 when nothing answers it."""

    question: str
    passage: int
    start: int  # of the answer in the passage's text
    end: int

    @property
    def answerable(self) -> bool:
        return self.passage >= 0


@dataclass(frozen=True, slots=True)
class Company:
    """One help centre: its passages and what is asked of it."""

    name: str
    language: Language
    passages: tuple[PassageRecord, ...]
    questions: tuple[Asked, ...]


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def companies(language: Language) -> tuple[Company, ...]:
    """The help centres of one language that are measured on."""
    return load(DATA, f"support_{language}")


def teaching(language: Language) -> tuple[Company, ...]:
    """Other help centres, from which the shipped reader was taught."""
    return load(TEACHING, f"help_{language}")


@cache
def load(folder: Path, name: str) -> tuple[Company, ...]:
    """The help centres of ``<name>_passages.jsonl`` and ``<name>_questions.jsonl``.

    A question that was also written in the other language is there twice.
    """
    passages, questions = (_lines(folder / f"{name}_{part}.jsonl") for part in ("passages", "questions"))
    other = [
        {**row, "question": row[key]} for row in questions for key in ("question_en", "question_zh") if row.get(key)
    ]
    questions = [*questions, *other]
    language: Language = "zh" if name.endswith("_zh") else "en"
    made = []
    for name in dict.fromkeys(row["company"] for row in passages):
        rows = [row for row in passages if row["company"] == name]
        number = {row["id"]: place for place, row in enumerate(rows)}
        records = tuple(_record(place, row) for place, row in enumerate(rows))
        asked = tuple(_asked(row, records, number) for row in questions if row["company"] == name)
        made.append(Company(name, language, records, asked))
    return tuple(made)


def _record(place: int, row: dict[str, Any]) -> PassageRecord:
    # The product's splitter keeps a heading in the text of the passage it opens; so does this.
    text = f"{row['section']}\n\n{row['text']}"
    return PassageRecord(
        place, place, place, row["document"], 1, row["section"], "", 0, len(text), text, detect_language(text)
    )


def _asked(row: dict[str, Any], records: Sequence[PassageRecord], number: dict[str, int]) -> Asked:
    if not row["answerable"]:
        return Asked(row["question"], -1, 0, 0)
    place = number[row["passage"]]
    body = len(records[place].section) + 2
    start = records[place].text.index(row["answer"], body)
    return Asked(row["question"], place, start, start + len(row["answer"]))


@dataclass(frozen=True, slots=True)
class Searched:
    """A question with what the product's index found for it."""

    company: Company
    asked: Asked
    found: tuple[Found, ...]


@cache
def knowledge(company: Company) -> KnowledgeSearch:
    """The company's knowledge base."""
    return KnowledgeSearch(company.passages)


def search(company: Company) -> list[Searched]:
    """Every question of the company, searched."""
    base = knowledge(company)
    return [Searched(company, asked, tuple(base.search(asked.question))) for asked in company.questions]


def gold_marks(searched: Searched, described: Described) -> np.ndarray:
    """Which of the described sentences hold the answer, (n,) bool."""
    asked = searched.asked
    marks = [
        asked.answerable
        and searched.found[p].passage.id == asked.passage
        and view.start <= asked.start
        and asked.end <= view.end
        for (p, _), view in zip(described.places, described.views, strict=True)
    ]
    return np.array(marks, dtype=bool)


def holds(citation: Citation, asked: Asked) -> bool:
    """Does the citation hold the answer."""
    return citation.passage_id == asked.passage and citation.start <= asked.start and asked.end <= citation.end
