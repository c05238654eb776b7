"""Quoted answers on CMRC 2018 trial and DRCD dev, all paragraphs of a set indexed; XQuAD (two languages) beside them.

Both sides in one run: the product's sentences, the recipe "first three sentences of the best paragraph", and sentences
chosen by weighted word overlap alone. The ranker was fitted on the first half of CMRC's and DRCD's paragraphs, so the
second half is printed apart.

    python -m benchmarks.chinese_answers [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.reading import Asked, Reading, halves, load_reading, passages_of
from benchmarks.searching import KnowledgeSearch, similarity
from core.assistant.answer import select
from core.assistant.cite import cite, holds
from core.assistant.features import analyse_question
from core.assistant.ranking import analyse_passage
from core.evaluation.answers import AnswerScore, Gold, mean, score
from core.text.language import has_han
from core.text.sentences import sentence_spans
from core.types import Citation, Found

Answerer = Callable[[str, Sequence[Found], KnowledgeSearch], Sequence[Citation]]


def product(question: str, found: Sequence[Found], search: KnowledgeSearch) -> Sequence[Citation]:
    """What the product quotes."""
    return select(question, found, idf=search.idf, similarity=similarity).citations


def first_three(question: str, found: Sequence[Found], search: KnowledgeSearch) -> Sequence[Citation]:
    """The first three sentences of the best paragraph."""
    best = [item.passage for item in found[:1]]
    return [cite(passage, start, end) for passage in best for start, end in sentence_spans(passage.text)[:3]]


def word_overlap(question: str, found: Sequence[Found], search: KnowledgeSearch) -> Sequence[Citation]:
    """The three sentences with the largest idf-weighted share of the question's words."""
    words = analyse_question(question).words
    held = [
        (-sum(search.idf(w) for w in words if w in view.grams or (has_han(w) and w in view.folded)), p, view)
        for p, item in enumerate(found)
        for view in analyse_passage(item.passage.text)
    ]
    return [cite(found[p].passage, view.start, view.end) for _, p, view in sorted(held, key=lambda row: row[0])[:3]]


SIDES: dict[str, Answerer] = {
    "product": product,
    "word overlap alone": word_overlap,
    "first three sentences": first_three,
}


def gold_of(asked: Asked) -> Gold:
    spans = tuple((s, s + len(t)) for t, s in zip(asked.answers, asked.starts, strict=True))
    return Gold(asked.answers, spans, asked.paragraph)


def measure(reading: Reading) -> dict[str, dict[str, float]]:
    """Rows of figures for one set."""
    passages = passages_of(reading)
    search = KnowledgeSearch(passages)
    unseen = set(halves(reading)[1])
    found = [search.search(asked.question) for asked in reading.questions]
    recall = {k: np.mean([_has(f[:k], a) for f, a in zip(found, reading.questions, strict=True)]) for k in (1, 3, 10)}
    rows: dict[str, dict[str, float]] = {"paragraph recall": {f"@{k}": float(v) for k, v in recall.items()}}
    for name, answer in SIDES.items():
        scores: list[AnswerScore] = []
        held = total = 0
        took = 0.0
        for asked, hits in zip(reading.questions, found, strict=True):
            began = time.perf_counter()
            citations = answer(asked.question, hits, search)
            took += time.perf_counter() - began
            scores.append(score(citations, gold_of(asked)))
            held += sum(holds(c, reading.paragraphs[c.version_id]) for c in citations)
            total += len(citations)
        rows[name] = {**mean(scores), "quotes_true": held / total, "ms": 1000 * took / len(scores)}
        if name == "product":
            pairs = zip(scores, reading.questions, strict=True)
            rows["product, unseen half"] = mean([s for s, asked in pairs if asked.paragraph in unseen])
    return rows


def _has(found: Sequence[Found], asked: Asked) -> bool:
    return any(item.passage.id == asked.paragraph for item in found)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--sets", nargs="+", default=["cmrc", "drcd", "xquad_zh", "xquad_en"])
    options = arguments.parse_args()
    results = {}
    for name in options.sets:
        reading = load_reading(name)
        rows = results[name] = measure(reading)
        recall = ", ".join(f"{k} {v:.4f}" for k, v in rows["paragraph recall"].items())
        print(f"\n{name}: {len(reading.paragraphs)} paragraphs, {len(reading.questions)} questions; recall {recall}")
        print(f"{'':24}{'first':>8}{'three':>8}{'1 span':>8}{'3 span':>8}{'sents':>7}{'chars':>7}{'true':>7}{'ms':>7}")
        for side, row in rows.items():
            if side != "paragraph recall":
                figures = [row[k] for k in ("text_first", "text_all", "span_first", "span_all")]
                print(
                    f"{side:24}" + "".join(f"{value:8.4f}" for value in figures) + f"{row['sentences']:7.2f}"
                    f"{row['characters']:7.0f}"
                    + "".join(f"{row.get(k, float('nan')):7.3f}" for k in ("quotes_true", "ms"))
                )
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
