"""Examples for the reader: questions with what the product's index finds for them.

From DRCD dev (Traditional Chinese, CC BY-SA 3.0; the first 400 of 1,000 paragraphs, the others are for fitting and
measuring) and from the help centres written for this project in ``core/training/data``.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from benchmarks import support
from benchmarks.reading import holds_gold, load_reading, passages_of
from benchmarks.searching import KnowledgeSearch
from core.assistant.ranking import analyse_passage, page_of
from core.text.words import simplify
from core.training.reader import ReaderExample
from core.types import Found

READ_PARAGRAPHS = 400
FOUND = 8


def reading_examples(paragraphs: int = READ_PARAGRAPHS) -> list[ReaderExample]:
    """DRCD questions, half of them in Simplified characters."""
    reading = load_reading("drcd")
    search = KnowledgeSearch(passages_of(reading)[:paragraphs])
    chance = random.Random(3)
    made = []
    for asked in reading.questions:
        if asked.paragraph >= paragraphs:
            continue
        found = search.search(asked.question, k=FOUND)
        marks = [
            (p, s)
            for p, item in enumerate(found)
            for s, view in enumerate(analyse_passage(item.passage.text))
            if item.passage.id == asked.paragraph and holds_gold(asked, view.start, view.end)
        ]
        if marks:
            example = _example(asked.question, found, marks)
            made.append(_simplified(example) if chance.random() < 0.5 else example)
    return made


def help_examples(companies: Iterable[support.Company]) -> list[ReaderExample]:
    """Questions to help centres, those that nothing answers included."""
    made = []
    for company in companies:
        for searched in support.search(company):
            asked, found = searched.asked, searched.found
            marks = [
                (p, s)
                for p, item in enumerate(found)
                for s, view in enumerate(analyse_passage(item.passage.text, item.passage.header))
                if asked.answerable and item.passage.id == asked.passage and _overlaps(asked, view.start, view.end)
            ]
            if marks or not asked.answerable:
                made.append(_example(asked.question, found[:FOUND], [mark for mark in marks if mark[0] < FOUND]))
    return made


def _overlaps(asked: support.Asked, start: int, end: int) -> bool:
    """The sentence that holds the answer; of an answer that runs over several, each."""
    return min(end, asked.end) - max(start, asked.start) > min(asked.end - asked.start, end - start) / 2


def _example(question: str, found: Sequence[Found], marks: Sequence[tuple[int, int]]) -> ReaderExample:
    return ReaderExample(question, tuple(page_of(item.passage) for item in found), tuple(marks))


def _simplified(example: ReaderExample) -> ReaderExample:
    # Character by character, so that the spans stay true.
    from dataclasses import replace

    pages = tuple(replace(page, heading=simplify(page.heading), text=_same_length(page.text)) for page in example.pages)
    return ReaderExample(simplify(example.question), pages, example.answers)


def _same_length(text: str) -> str:
    folded = "".join(simplify(character)[:1] or character for character in text)
    return folded if len(folded) == len(text) else text
