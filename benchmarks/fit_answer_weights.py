"""Fit the sentence rankers: core/assistant/weights/answer*.json, the same bytes each time.

``answer`` (words alone) is fitted on the first half (by paragraph) of DRCD dev and of CMRC 2018 trial and on the
Chinese support questions. With the encoder's cosines: ``answer_encoder`` (English questions) on the English support
questions, ``answer_encoder_zh`` on CMRC's first half and the Chinese support questions: the encoder was taught on
DRCD's first half and on the Chinese help questions and is surer of them than it may be.
benchmarks/chinese_answers.py reports the other halves apart, benchmarks/support_answers.py each company by weights that
never saw it. A conditional logit: maximise the probability that a sentence holding the gold span is chosen.

    python -m benchmarks.fit_answer_weights [--check]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np
from scipy.optimize import minimize

from benchmarks import support
from benchmarks.reading import halves, holds_gold, load_reading, passages_of
from benchmarks.searching import KnowledgeSearch, aid
from core.assistant.ranking import ENCODER_FEATURES, FEATURES, describe_all
from core.assistant.weights import FOLDER, Linear
from core.text.language import detect_language

RIDGE = 3e-4
# Holding more of the question never counts against a sentence, whatever chance correlations say.
HELPS = ("passage_strength", "characters", "rare_in_passage", "attribute", "passage_covers", "similarity", "dense")
# An answer ends when it holds this much probability, or when the next sentence has less than this. Chosen on the
# fitting halves: the shortest answers that still hold the gold span for nine questions in ten.
CONSTANTS = {"enough": 0.985, "least": 0.005}
SUPPORT_WEIGHT = (
    4.0  # of one support question beside one of reading comprehension, of which there are ten times as many
)
CARD = {
    "what": "conditional logit that chooses the sentence that answers a question, by words alone",
    "fitted_on": [
        "DRCD dev, first 500 of 1,000 paragraphs",
        "CMRC 2018 trial, first 128 of 256 paragraphs",
        "benchmarks/data/support_zh (written for this project)",
    ],
    "licences": ["CC BY-SA 3.0 (DRCD)", "CC BY-SA 4.0 (CMRC 2018)"],
    "made_by": "python -m benchmarks.fit_answer_weights",
    "languages": "Chinese text fitted; the features name no language",
    "constants": "enough, least: chosen on the fitting halves",
}
ENCODER_CARD = {
    "what": "conditional logit that chooses the answering sentence, with the cosines of the shipped encoder",
    "fitted_on": ["benchmarks/data/support_en (written for this project)"],
    "made_by": "python -m benchmarks.fit_answer_weights",
    "languages": "English questions",
}
ENCODER_ZH_CARD = {
    "what": ENCODER_CARD["what"],
    "fitted_on": [
        "CMRC 2018 trial, first 128 of 256 paragraphs",
        "benchmarks/data/support_zh (written for this project)",
    ],
    "licences": ["CC BY-SA 4.0 (CMRC 2018)"],
    "made_by": ENCODER_CARD["made_by"],
    "languages": "Chinese questions",
    "constants": CARD["constants"],
}

Group = tuple[np.ndarray, np.ndarray, float]  # features (sentences, features), gold marks (sentences,), weight


@cache
def reading_groups(name: str, *, encoder: bool = False) -> list[Group]:
    """The questions of a reading set's first half, by words alone or with the encoder's features."""
    reading = load_reading(name)
    search = KnowledgeSearch(passages_of(reading))
    fitting = set(halves(reading)[0])
    made = []
    for asked in reading.questions:
        if asked.paragraph not in fitting:
            continue
        found = search.search(asked.question)
        described = describe_all(asked.question, found, search.idf, **aid(encoder))
        gold = [
            found[p].passage.id == asked.paragraph and holds_gold(asked, v.start, v.end)
            for (p, _), v in zip(described.places, described.views, strict=True)
        ]
        made.append((described.features, np.array(gold, dtype=bool), 1.0))
    return [group for group in made if group[1].any()]


def support_groups(companies: Iterable[support.Company], weight: float, *, encoder: bool = False) -> list[Group]:
    """Answerable support questions, by words alone or with the encoder's features; a question that was asked in the
    other language is left out."""
    made = []
    for company in companies:
        idf = support.knowledge(company).idf
        for searched in support.search(company):
            if detect_language(searched.asked.question) != company.language:
                continue
            described = describe_all(searched.asked.question, searched.found, idf, **aid(encoder))
            gold = support.gold_marks(searched, described)
            if gold.any():
                made.append((described.features, gold, weight))
    return made


def fit(rows: Sequence[Group], names: Sequence[str], ridge: float = RIDGE) -> np.ndarray:
    """Coefficients (features,) by L-BFGS over standardised features, with a small ridge."""
    limits = [(0.0, None) if name in HELPS else (None, None) for name in names]
    stacked = np.concatenate([features for features, _, _ in rows])
    spread = stacked.std(0) + 1e-9
    scaled, gold = (stacked - stacked.mean(0)) / spread, np.concatenate([marks for _, marks, _ in rows])
    weight = np.array([w for _, _, w in rows])
    sizes = [len(marks) for _, marks, _ in rows]
    group, starts = np.repeat(np.arange(len(rows)), sizes), np.r_[0, np.cumsum(sizes)[:-1]]

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        scores = scaled @ w
        raised = np.exp(scores - np.maximum.reduceat(scores, starts)[group])
        every, right = np.add.reduceat(raised, starts), np.add.reduceat(raised * gold, starts)
        slope = (raised * gold / right[group] - raised / every[group]) * weight[group]
        value = -float(weight @ (np.log(right) - np.log(every)) / weight.sum()) + ridge * float(w @ w)
        return value, -(scaled.T @ slope) / weight.sum() + 2 * ridge * w

    return np.asarray(minimize(loss, np.zeros(scaled.shape[1]), jac=True, method="L-BFGS-B", bounds=limits).x) / spread


def model_of(rows: Sequence[Group], names: tuple[str, ...], constants: dict[str, float]) -> Linear:
    return Linear(names, tuple(float(c) for c in fit(rows, names)), 0.0, constants)


def words_model(zh: Iterable[support.Company]) -> tuple[Linear, int]:
    """The ranker by words, from the reading halves and the Chinese support companies given; and how many questions."""
    rows = reading_groups("drcd") + reading_groups("cmrc") + support_groups(zh, SUPPORT_WEIGHT)
    return model_of(rows, FEATURES, CONSTANTS), len(rows)


def encoder_model(en: Iterable[support.Company]) -> tuple[Linear, int]:
    """The ranker with an encoder, from the English support companies given; and how many questions."""
    rows = support_groups(en, 1.0, encoder=True)
    return model_of(rows, ENCODER_FEATURES, CONSTANTS), len(rows)


def encoder_zh_model(zh: Iterable[support.Company]) -> tuple[Linear, int]:
    """The ranker of Chinese questions with an encoder, from CMRC's half and the companies given."""
    rows = reading_groups("cmrc", encoder=True) + support_groups(zh, 1.0, encoder=True)
    return model_of(rows, ENCODER_FEATURES, CONSTANTS), len(rows)


def write(file: str, card: dict[str, Any], model: Linear, questions: int, *, check: bool) -> bool:
    """Writes the weights, or with ``check`` says whether the stored ones are the same."""
    data = {
        "card": {**card, "questions": questions},
        "coefficients": {n: round(c, 4) for n, c in zip(model.names, model.coefficients, strict=True)},
        "constants": dict(model.constants),
    }
    text = json.dumps(data, ensure_ascii=False, indent=2) + "\n"
    path = FOLDER / f"{file}.json"
    if check:
        return path.exists() and path.read_text(encoding="utf-8") == text
    path.write_text(text, encoding="utf-8")
    print(text)
    return True


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="compare with the stored files instead of writing them")
    options = arguments.parse_args()
    same = write("answer", CARD, *words_model(support.companies("zh")), check=options.check)
    same &= write("answer_encoder", ENCODER_CARD, *encoder_model(support.companies("en")), check=options.check)
    same &= write("answer_encoder_zh", ENCODER_ZH_CARD, *encoder_zh_model(support.companies("zh")), check=options.check)
    if options.check:
        print("the stored weights are reproduced" if same else "the stored weights differ")
        raise SystemExit(0 if same else 1)


if __name__ == "__main__":
    main()
