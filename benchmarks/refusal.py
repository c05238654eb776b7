"""Refusal when the answer is not there: half of the paragraphs are not indexed, their questions must be refused.

Protocol. The confidence model's coefficients are fitted on the first half of DRCD's and CMRC's paragraphs (``--fit``
writes core/assistant/weights/confidence.json). The threshold is calibrated at 5 % on the third quarter and reported on
the fourth, then the other way round; five random choices of the half that is not indexed (by paragraph, so that a
refused question's neighbours from the same article are there to mislead). Two meanings of right, each calibrated
by itself: "span" - the answer's words hold the gold text; "paragraph" - the leading sentence is from the right
paragraph. wrong = wrong answers / answers given; coverage = right answers / questions whose paragraph is indexed.

    python -m benchmarks.refusal [--fit] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.chinese_answers import gold_of
from benchmarks.reading import load_reading, passages_of
from benchmarks.searching import KnowledgeSearch
from core.assistant.answer import select
from core.assistant.confidence import EVIDENCE, calibrate, evidence, fit
from core.assistant.weights import FOLDER, load
from core.evaluation.answers import score

SEEDS = range(5)
CARD = {
    "what": "logistic regression: probability that a quoted answer holds the right answer",
    "fitted_on": ["DRCD dev, first 500 of 1,000 paragraphs", "CMRC 2018 trial, first 128 of 256 paragraphs"],
    "how": "half of the paragraphs not indexed, five random choices; right = the answer's words hold the gold text",
    "licences": ["CC BY-SA 3.0 (DRCD)", "CC BY-SA 4.0 (CMRC 2018)"],
    "made_by": "python -m benchmarks.refusal --fit",
    "languages": "Chinese text fitted; the evidence names no language, English is measured on XQuAD and not fitted",
    "threshold": "at most 5 % of the answers given lead with a sentence from a wrong paragraph, on the fitting part; "
    "used until a knowledge base has golden questions of its own",
}


@dataclass(frozen=True, slots=True)
class Rows:
    """Questions of one set with a half of its paragraphs indexed."""

    evidence: np.ndarray  # (n, len(EVIDENCE))
    span: np.ndarray  # (n,) bool: the answer holds the gold text
    paragraph: np.ndarray  # (n,) bool: the lead is from the right paragraph
    indexed: np.ndarray  # (n,) bool: the question can be answered
    place: np.ndarray  # (n,) where its paragraph stands in the set, 0..1

    def part(self, start: float, end: float) -> Rows:
        kept = (self.place >= start) & (self.place < end)
        return Rows(*(getattr(self, name)[kept] for name in self.__slots__))


@cache
def rows_of(name: str, seed: int) -> Rows:
    """Evidence and verdicts of a set's questions with a random half of its paragraphs indexed."""
    reading = load_reading(name)
    count = len(reading.paragraphs)
    kept = np.random.default_rng(seed).permutation(count) < count // 2
    search = KnowledgeSearch([p for p in passages_of(reading) if kept[p.id]])
    facts, span, paragraph = [], [], []
    for asked in reading.questions:
        found = search.search(asked.question)
        draft = select(asked.question, found)
        facts.append(evidence(draft, found))
        span.append(bool(kept[asked.paragraph]) and score(draft.citations, gold_of(asked)).text_all)
        paragraph.append(draft.lead is not None and found[draft.lead.passage].passage.id == asked.paragraph)
    place = np.array([asked.paragraph / count for asked in reading.questions])
    indexed = np.array([kept[asked.paragraph] for asked in reading.questions])
    return Rows(np.array(facts), np.array(span), np.array(paragraph), indexed, place)


def probabilities(rows: Rows) -> np.ndarray:
    return 1 / (1 + np.exp(-load("confidence", EVIDENCE).scores(rows.evidence)))


def report(calibration: Rows, test: Rows, right: str, max_wrong: float) -> dict[str, float]:
    known = getattr(calibration, right)
    threshold = calibrate(probabilities(calibration).tolist(), known.tolist(), max_wrong, calibration.indexed.tolist())
    given, verdict = probabilities(test) >= threshold.value, getattr(test, right)
    return {
        "threshold": threshold.value,
        "answered": float(given.mean()),
        "wrong": float((given & ~verdict).sum() / max(1, given.sum())),
        "coverage": float((given & verdict).sum() / test.indexed.sum()),
        "answered_of_answerable": float((given & test.indexed).sum() / test.indexed.sum()),
        "reachable": float((verdict & test.indexed).sum() / test.indexed.sum()),
    }


def write_weights() -> None:
    parts = [rows_of(name, seed).part(0, 0.5) for name in ("drcd", "cmrc") for seed in SEEDS]
    facts, right = np.concatenate([p.evidence for p in parts]), np.concatenate([p.span for p in parts])
    model = fit(facts, right.tolist())
    chances = 1 / (1 + np.exp(-model.scores(facts)))
    paragraph = np.concatenate([p.paragraph for p in parts])
    threshold = calibrate(chances.tolist(), paragraph.tolist(), 0.05)
    data = {
        "card": {**CARD, "questions": len(right)},
        "coefficients": dict(zip(EVIDENCE, (round(c, 4) for c in model.coefficients), strict=True)),
        "intercept": round(model.intercept, 4),
        "constants": {"threshold": round(threshold.value, 3)},
    }
    (FOLDER / "confidence.json").write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    load.cache_clear()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--fit", action="store_true")
    arguments.add_argument("--max-wrong", type=float, default=0.05)
    arguments.add_argument("--sets", nargs="+", default=["drcd", "cmrc", "xquad_en", "xquad_zh"])
    options = arguments.parse_args()
    if options.fit:
        write_weights()
    results: dict[str, dict[str, dict[str, float]]] = {}
    print(f"threshold calibrated at {options.max_wrong:.0%}; mean of {len(SEEDS)} choices, both directions")
    print(f"{'':12}{'right =':12}{'wrong':>8}{'worst':>8}{'coverage':>10}{'least':>8}{'possible':>10}{'answered':>10}")
    for name in options.sets:
        runs = [rows_of(name, seed) for seed in SEEDS]
        start = 0.5 if name in ("drcd", "cmrc") else 0.0
        middle = (start + 1) / 2
        for right in ("span", "paragraph"):
            figures = []
            for rows in runs:
                one, two = rows.part(start, middle), rows.part(middle, 1.01)
                figures += [report(one, two, right, options.max_wrong), report(two, one, right, options.max_wrong)]
            mean = {key: float(np.mean([f[key] for f in figures])) for key in figures[0]}
            mean["wrong_worst"] = max(f["wrong"] for f in figures)
            mean["coverage_least"] = min(f["coverage"] for f in figures)
            results.setdefault(name, {})[right] = mean
            print(
                f"{name:12}{right:12}{mean['wrong']:8.4f}{mean['wrong_worst']:8.4f}{mean['coverage']:10.4f}"
                f"{mean['coverage_least']:8.4f}{mean['reachable']:10.4f}{mean['answered']:10.4f}"
            )
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
