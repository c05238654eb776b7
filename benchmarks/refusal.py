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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks import support
from benchmarks.chinese_answers import gold_of
from benchmarks.reading import load_reading, passages_of
from benchmarks.searching import KnowledgeSearch, aid
from core.assistant.answer import select
from core.assistant.confidence import ENCODER_EVIDENCE, calibrate, evidence, fit, kind_of, shipped
from core.assistant.levels import logit
from core.assistant.weights import FOLDER, Linear, load
from core.evaluation.answers import score
from core.text.language import detect_language
from core.types import Language

SEEDS = range(5)
PROMISES = (1, 2, 3, 5, 8, 10, 15, 20, 30, 50)  # percent
LEVEL_AT = 0.05
LEVEL = "the intercept moved so that its threshold for 5 % is that of the model by words"
CARD = {
    "what": "logistic regression: probability that a quoted answer holds the right answer, by words alone",
    "fitted_on": [
        "DRCD dev, first 500 of 1,000 paragraphs",
        "CMRC 2018 trial, first 128 of 256 paragraphs",
        "benchmarks/data/support_zh (written for this project), as often again as those together",
    ],
    "how": "half of the paragraphs not indexed, several random choices; support sets also with everything indexed and "
    "questions nothing answers, and with a handful of passages; right = the answer's words hold the gold text",
    "licences": ["CC BY-SA 3.0 (DRCD)", "CC BY-SA 4.0 (CMRC 2018)"],
    "made_by": "python -m benchmarks.refusal --fit",
    "thresholds": "at_N: of the answers given on the fitting sets with a half not indexed (reading sets thinned to the "
    "size of the support sets) at most N % lead with a sentence from a wrong place; used until a knowledge base has "
    "golden questions of its own",
}
ENCODER_CARD = {
    "what": "logistic regression: probability that an answer quoted to an English question is right, with the cosines "
    "of the shipped encoder",
    "fitted_on": ["benchmarks/data/support_en (written for this project)"],
    "how": f"{CARD['how']}; {LEVEL}",
    "made_by": CARD["made_by"],
}
ENCODER_ZH_CARD = {
    "what": "the same for Chinese questions",
    "fitted_on": ["CMRC 2018 trial, first 128 of 256 paragraphs", "benchmarks/data/support_zh, as often again"],
    "how": f"{CARD['how']}; {LEVEL}",
    "licences": ["CC BY-SA 4.0 (CMRC 2018)"],
    "made_by": CARD["made_by"],
}


@dataclass(frozen=True, slots=True)
class Rows:
    """Questions of one set with a half of its paragraphs indexed."""

    evidence: np.ndarray  # (n, len(EVIDENCE))
    span: np.ndarray  # (n,) bool: the answer holds the gold text
    paragraph: np.ndarray  # (n,) bool: the lead is from the right paragraph
    indexed: np.ndarray  # (n,) bool: the question can be answered
    place: np.ndarray  # (n,) where its paragraph stands in the set, 0..1
    kind: np.ndarray  # (n,) which of the shipped models judges it

    def part(self, start: float, end: float) -> Rows:
        kept = (self.place >= start) & (self.place < end)
        return Rows(*(getattr(self, name)[kept] for name in self.__slots__))


@cache
def rows_of(name: str, seed: int, *, start: float = 0.0, end: float = 1.01, encoder: bool = True) -> Rows:
    """Evidence and verdicts of a set's questions with a random half of its paragraphs indexed.

    Of the questions to paragraphs from ``start`` to ``end`` (shares of the set); with the encoder's cosines or without.
    """
    reading = load_reading(name)
    count = len(reading.paragraphs)
    kept = np.random.default_rng(seed).permutation(count) < count // 2
    search = KnowledgeSearch([p for p in passages_of(reading) if kept[p.id]])
    facts, span, paragraph, kinds = [], [], [], []
    questions = [asked for asked in reading.questions if start * count <= asked.paragraph < end * count]
    for asked in questions:
        found = search.search(asked.question)
        draft = select(asked.question, found, idf=search.idf, **aid(encoder))
        facts.append(_padded(evidence(draft, found, search.idf), encoder))
        kinds.append(kind_of(draft))
        span.append(bool(kept[asked.paragraph]) and score(draft.citations, gold_of(asked)).text_all)
        paragraph.append(draft.lead is not None and found[draft.lead.passage].passage.id == asked.paragraph)
    place = np.array([asked.paragraph / count for asked in questions])
    indexed = np.array([kept[asked.paragraph] for asked in questions])
    return Rows(np.array(facts), np.array(span), np.array(paragraph), indexed, place, np.array(kinds))


def _padded(numbers: np.ndarray, encoder: bool) -> np.ndarray:
    """A draft that the encoder saw nothing of has fewer numbers than its neighbours."""
    return np.pad(numbers, (0, len(ENCODER_EVIDENCE) - len(numbers))) if encoder else numbers


def probabilities(rows: Rows) -> np.ndarray:
    """What the shipped models make of the rows."""
    chances = np.zeros(len(rows.kind))
    for kind in np.unique(rows.kind):
        model, mine = shipped(str(kind)), rows.kind == kind
        chances[mine] = 1 / (1 + np.exp(-model.scores(rows.evidence[mine][:, : len(model.names)])))
    return chances


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


@cache
def support_rows(company: support.Company, seed: int | None, share: float = 0.5, *, encoder: bool = True) -> Rows:
    """A company's questions: with everything indexed (``seed`` None), or the answerable ones with a random share.

    Questions asked in the other language are left out.
    """
    return ranked_rows(company, seed, share, encoder=encoder, model=None)


def ranked_rows(
    company: support.Company, seed: int | None, share: float = 0.5, *, encoder: bool, model: Linear | None
) -> Rows:
    """The same by another ranker than the shipped one."""
    rng = np.random.default_rng(seed)
    kept = {p.id for p in company.passages if seed is None or rng.random() < share} or {company.passages[0].id}
    base = KnowledgeSearch([p for p in company.passages if p.id in kept])
    facts, span, paragraph, indexed, kinds = [], [], [], [], []
    for asked in company.questions:
        if (seed is not None and not asked.answerable) or detect_language(asked.question) != company.language:
            continue
        found = base.search(asked.question)
        draft = select(asked.question, found, idf=base.idf, model=model, **aid(encoder))
        if draft.lead is None:
            continue
        here = asked.passage in kept
        facts.append(_padded(evidence(draft, found, base.idf), encoder))
        kinds.append(kind_of(draft))
        span.append(here and any(support.holds(citation, asked) for citation in draft.citations))
        paragraph.append(here and found[draft.lead.passage].passage.id == asked.passage)
        indexed.append(here)
    marks = (np.array(found, dtype=bool) for found in (span, paragraph, indexed))
    return Rows(np.array(facts), *marks, np.zeros(len(span)), np.array(kinds))


def joined(parts: Sequence[Rows]) -> Rows:
    return Rows(*(np.concatenate([getattr(part, name) for part in parts]) for name in Rows.__slots__))


def fitted(
    language: Language, companies: Sequence[support.Company], *, encoder: bool = True
) -> tuple[Linear, list[Rows]]:
    """A confidence model from companies of one language (Chinese: and reading halves); and the rows with a half not
    indexed, from which thresholds are chosen."""
    halves = [support_rows(company, seed, encoder=encoder) for company in companies for seed in SEEDS[:3]]
    # A handful of passages: that a sentence is the best of five says little.
    tiny = [support_rows(company, seed, share=0.08, encoder=encoder) for company in companies for seed in SEEDS[:2]]
    parts = [*halves, *tiny, *(support_rows(company, None, encoder=encoder) for company in companies)]
    natural = list(halves)
    if language == "zh":
        # The encoder was taught on DRCD's half and would be too sure of it.
        names = ("cmrc",) if encoder else ("drcd", "cmrc")
        reading = [rows_of(name, seed, end=0.5, encoder=encoder) for name in names for seed in SEEDS[:3]]
        natural.append(_thinned(joined(reading), sum(len(part.span) for part in halves)))
        repeats = round(sum(len(part.span) for part in reading) / sum(len(part.span) for part in parts))
        parts = [*reading, *parts * max(1, repeats)]
    rows = joined(parts)
    return fit(rows.evidence, rows.span.tolist()), natural


def _thinned(rows: Rows, count: int) -> Rows:
    chosen = np.random.default_rng(0).permutation(len(rows.span))[:count]
    return Rows(*(getattr(rows, name)[chosen] for name in Rows.__slots__))


def thresholds(pairs: Sequence[tuple[Linear, Rows]]) -> dict[str, float]:
    """One threshold for each promise, over all kinds of evidence together."""
    chances = np.concatenate([1 / (1 + np.exp(-model.scores(rows.evidence))) for model, rows in pairs])
    right = np.concatenate([rows.paragraph for _, rows in pairs])
    found = {f"at_{n}": calibrate(chances.tolist(), right.tolist(), n / 100).value for n in PROMISES}
    return {name: round(value, 3) for name, value in found.items() if value <= 1}


def write_weights() -> None:
    """All three kinds. What one threshold means is the same in each: those with cosines are moved to the level of the
    one by words, since their probabilities come from easier sets and lie higher for answers as often wrong."""
    words, natural = fitted("zh", support.companies("zh"), encoder=False)
    pairs = [(words, joined(natural))]
    level = _at(*pairs[0])
    for language in ("zh", "en"):
        model, natural = fitted(language, support.companies(language))
        rows = joined(natural)
        pairs.append((replace(model, intercept=model.intercept + level - _at(model, rows)), rows))
    _write("confidence", CARD, words, thresholds(pairs))
    _write("confidence_encoder_zh", ENCODER_ZH_CARD, pairs[1][0], {})
    _write("confidence_encoder", ENCODER_CARD, pairs[2][0], {})
    load.cache_clear()


def _at(model: Linear, rows: Rows) -> float:
    """The threshold of ``model`` for LEVEL_AT, in logits."""
    chances = 1 / (1 + np.exp(-model.scores(rows.evidence)))
    return logit(calibrate(chances.tolist(), rows.paragraph.tolist(), LEVEL_AT).value)


def _write(file: str, card: dict[str, object], model: Linear, constants: dict[str, float]) -> None:
    data = {
        "card": card,
        "coefficients": {n: round(c, 4) for n, c in zip(model.names, model.coefficients, strict=True)},
        "intercept": round(model.intercept, 4),
        "constants": constants,
    }
    (FOLDER / f"{file}.json").write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--fit", action="store_true", help="fit the shipped weights first")
    arguments.add_argument("--max-wrong", type=float, default=0.05)
    arguments.add_argument("--sets", nargs="+", default=["drcd", "cmrc", "xquad_en", "xquad_zh"])
    arguments.add_argument("--words", action="store_true", help="without the encoder's cosines")
    options = arguments.parse_args()
    if options.fit:
        write_weights()
    results: dict[str, dict[str, dict[str, float]]] = {}
    print(f"threshold calibrated at {options.max_wrong:.0%}; mean of {len(SEEDS)} choices, both directions")
    print(f"{'':12}{'right =':12}{'wrong':>8}{'worst':>8}{'coverage':>10}{'least':>8}{'possible':>10}{'answered':>10}")
    for name in options.sets:
        start = 0.5 if name in ("drcd", "cmrc") else 0.0
        runs = [rows_of(name, seed, start=start, encoder=not options.words) for seed in SEEDS]
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
