"""Short customer questions to small help centres: answers and refusals, each company by weights that never saw it.

The sets are ``benchmarks/data/support_*`` (see benchmarks/support.py). The sentence ranker and the confidence model are
fitted without the company that is measured; the threshold for "at most 5 % from a wrong place" is chosen on the other
companies too, as the shipped one is. Half of the passages are indexed, three random choices, so that half of the
questions have no answer there; then everything is indexed and the questions that nothing answers are asked as well.
Beside the product: the same by words alone.

    python -m benchmarks.support_answers [--json FILE] [--max-wrong 0.05]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import refusal, support
from benchmarks.fit_answer_weights import encoder_model, encoder_zh_model, words_model
from benchmarks.searching import aid
from core.assistant.answer import select
from core.assistant.confidence import calibrate
from core.assistant.ranking import rank
from core.assistant.weights import Linear
from core.types import Language

SEEDS = (11, 12, 13)


def ranker(companies: Sequence[support.Company], language: Language, *, encoder: bool) -> Linear:
    """The sentence ranker fitted on ``companies`` and what the shipped one is fitted on beside them."""
    mine = [company for company in companies if company.language == language]
    if not encoder:
        return words_model(mine)[0]
    return (encoder_model([*mine, *support.teaching("en")]) if language == "en" else encoder_zh_model(mine))[0]


def judge(companies: Sequence[support.Company], max_wrong: float, *, encoder: bool) -> dict[str, dict[str, float]]:
    """Figures by language, each company unseen by what judges it."""
    found: dict[str, list[dict[str, float]]] = {}
    for company in companies:
        language = company.language
        own = [other for other in companies if other is not company and other.language == language]
        model = ranker(own, language, encoder=encoder)
        taught = support.teaching("en") if encoder and language == "en" else ()
        sure, natural = refusal.fitted(language, [*own, *taught], encoder=encoder)
        rows = refusal.joined(natural)
        bar = calibrate(_chances(sure, rows), rows.paragraph.tolist(), max_wrong).value
        figures = {**chosen(company, model, encoder=encoder), **refused(company, model, sure, bar, encoder=encoder)}
        found.setdefault(language, []).append(figures)
    return {
        language: {key: float(np.mean([figures[key] for figures in rows])) for key in rows[0]}
        for language, rows in found.items()
    }


def _chances(model: Linear, rows: refusal.Rows) -> list[float]:
    return [float(chance) for chance in 1 / (1 + np.exp(-model.scores(rows.evidence)))]


def chosen(company: support.Company, model: Linear, *, encoder: bool) -> dict[str, float]:
    """Everything indexed: does the first sentence hold the answer, does one of the three best, does what is said."""
    more = aid(company.language) if encoder else {}
    idf = support.knowledge(company).idf
    first, three, said = [], [], []
    for searched in support.search(company):
        asked, found = searched.asked, searched.found
        if not asked.answerable:
            continue
        best = rank(asked.question, found, idf=idf, model=model, **more).candidates[:3]
        marks = [
            found[c.passage].passage.id == asked.passage and c.view.start <= asked.start and asked.end <= c.view.end
            for c in best
        ]
        first.append(marks[:1] == [True])
        three.append(any(marks))
        draft = select(asked.question, found, idf=idf, model=model, **more)
        said.append(any(support.holds(citation, asked) for citation in draft.citations))
    return {"first": float(np.mean(first)), "three": float(np.mean(three)), "said": float(np.mean(said))}


def refused(company: support.Company, model: Linear, sure: Linear, bar: float, *, encoder: bool) -> dict[str, float]:
    """What the threshold ``bar`` lets through. ``half``: half of the passages indexed; ``all``: all of them, and the
    questions that nothing answers. Wrong counts answers that do not hold the answer, place those from a wrong place.
    """
    half = refusal.joined([refusal.ranked_rows(company, seed, encoder=encoder, model=model) for seed in SEEDS])
    whole = refusal.ranked_rows(company, None, encoder=encoder, model=model)
    figures = {}
    for name, rows in (("half", half), ("all", whole)):
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
    companies = [*support.companies("en"), *support.companies("zh")]
    sides = {"by words": False, "product": True}
    results = {side: judge(companies, options.max_wrong, encoder=encoder) for side, encoder in sides.items()}
    print(f"threshold for at most {options.max_wrong:.0%} from a wrong place, chosen on other companies")
    for side, by_language in results.items():
        for language, row in by_language.items():
            print(f"{side:20}{language:4}" + "".join(f"  {key} {value:.3f}" for key, value in row.items()))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
