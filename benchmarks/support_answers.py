"""Short customer questions to small help centres: answers and refusals, each company by weights that never saw it.

The sets are ``benchmarks/data/support_*`` (see benchmarks/support.py). The sentence ranker and the confidence model are
fitted without the company that is measured, and the threshold for "at most 5 % from a wrong place" is chosen on the
other companies, as the shipped one is; only the evidence of refusals comes from the shipped ranker. Half of the
passages are indexed, three random choices, so that half of the questions have no answer there; then everything is
indexed and the questions that nothing answers are asked as well. Beside the product's sentences: those with most of
the question's words.

    python -m benchmarks.support_answers [--json FILE] [--max-wrong 0.05]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks import refusal, support
from benchmarks.chinese_answers import word_overlap
from benchmarks.fit_answer_weights import encoder_model, encoder_zh_model
from benchmarks.searching import similarity
from core.assistant.answer import select
from core.assistant.confidence import calibrate
from core.assistant.ranking import rank
from core.assistant.weights import Linear

SEEDS = (11, 12, 13)


def judge(max_wrong: float) -> dict[str, dict[str, float]]:
    """Figures by language, each company unseen by what judges it."""
    results = {}
    for language in support.LANGUAGES:
        companies = support.companies(language)
        rows = []
        for company in companies:
            others = [other for other in companies if other is not company]
            model = (encoder_model(others) if language == "en" else encoder_zh_model(others))[0]
            sure, natural = refusal.fitted(language, others)
            seen = refusal.joined(natural)
            bar = calibrate(_chances(sure, seen), seen.paragraph.tolist(), max_wrong).value
            rows.append({**chosen(company, model), **refused(company, sure, bar)})
        results[language] = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    return results


def _chances(model: Linear, rows: refusal.Rows) -> list[float]:
    return [float(chance) for chance in 1 / (1 + np.exp(-model.scores(rows.evidence)))]


def chosen(company: support.Company, model: Linear) -> dict[str, float]:
    """Everything indexed: is the passage found first, does the first sentence hold the answer, does one of the three
    best, does what is said; and the same of the sentences with most of the question's words."""
    base = support.knowledge(company)
    rows = []
    for searched in support.search(company):
        asked, found = searched.asked, searched.found
        if not asked.answerable:
            continue
        best = rank(asked.question, found, idf=base.idf, similarity=similarity, model=model).candidates[:3]
        marks = [
            found[c.passage].passage.id == asked.passage and c.view.start <= asked.start and asked.end <= c.view.end
            for c in best
        ]
        overlap = [support.holds(citation, asked) for citation in word_overlap(asked.question, found, base)]
        said = select(asked.question, found, idf=base.idf, similarity=similarity).citations
        rows.append(
            (
                bool(found) and found[0].passage.id == asked.passage,
                marks[:1] == [True],
                any(marks),
                any(support.holds(citation, asked) for citation in said),
                overlap[:1] == [True],
                any(overlap),
            )
        )
    names = ("passage_first", "first", "three", "said", "overlap_first", "overlap_three")
    return dict(zip(names, np.mean(rows, axis=0).tolist(), strict=True))


def refused(company: support.Company, sure: Linear, bar: float) -> dict[str, float]:
    """What the threshold ``bar`` lets through. ``half``: half of the passages indexed; ``all``: all of them, and the
    questions that nothing answers. Wrong counts answers that do not hold the answer, place those from a wrong place.
    """
    half = refusal.joined([refusal.support_rows(company, seed) for seed in SEEDS])
    figures = {}
    for name, rows in (("half", half), ("all", refusal.support_rows(company, None))):
        given = np.array(_chances(sure, rows)) >= bar
        answers = max(1, int(given.sum()))
        figures |= {
            f"{name}_wrong": float((given & ~rows.span).sum() / answers),
            f"{name}_place": float((given & ~rows.paragraph).sum() / answers),
            f"{name}_coverage": float((given & rows.span).sum() / max(1, int(rows.indexed.sum()))),
        }
    return figures


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", type=Path)
    arguments.add_argument("--max-wrong", type=float, default=0.05)
    options = arguments.parse_args()
    results = judge(options.max_wrong)
    print(f"threshold for at most {options.max_wrong:.0%} from a wrong place, chosen on other companies")
    for language, row in results.items():
        print(language + "".join(f"\n  {key:16}{value:.3f}" for key, value in row.items()))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
