"""Fit the sentence ranker: core/assistant/weights/answer.json, the same bytes each time.

Fitted on the first half (by paragraph) of DRCD dev and of CMRC 2018 trial; benchmarks/chinese_answers.py reports the
other halves apart. A conditional logit: maximise the probability that a sentence holding the gold span is chosen.

    python -m benchmarks.fit_answer_weights [--check]
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from scipy.optimize import minimize

from benchmarks.reading import halves, holds_gold, load_reading, passages_of
from benchmarks.searching import KnowledgeSearch
from core.assistant.features import analyse_question
from core.assistant.ranking import FEATURES, describe
from core.assistant.weights import FOLDER

RIDGE = 3e-4
HELPS = ("passage_strength", "characters", "rare_in_passage", "attribute", "passage_covers")
# An answer ends when it holds this much probability, or when the next sentence has less than this. Chosen on the
# fitting halves: the shortest answers that still hold the gold span for nine questions in ten.
CONSTANTS = {"enough": 0.97, "least": 0.01, "similarity": 4.0}
# Holding more of the question never counts against a sentence, whatever chance correlations say.
LIMITS = [(0.0, None) if name in HELPS else (None, None) for name in FEATURES]
CARD = {
    "what": "conditional logit that chooses the sentence that answers a question",
    "fitted_on": ["DRCD dev, first 500 of 1,000 paragraphs", "CMRC 2018 trial, first 128 of 256 paragraphs"],
    "licences": ["CC BY-SA 3.0 (DRCD)", "CC BY-SA 4.0 (CMRC 2018)"],
    "made_by": "python -m benchmarks.fit_answer_weights",
    "languages": "Chinese text fitted; the features name no language, English is measured on XQuAD and not fitted",
    "constants": "enough, least: chosen on the fitting halves; similarity (weight of an encoder's cosine): by hand",
}


def groups(name: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Features (sentences, features) and gold marks (sentences,) of each question of the first half that has one."""
    reading = load_reading(name)
    passages = passages_of(reading)
    search = KnowledgeSearch(passages)
    fitting = set(halves(reading)[0])
    rows = []
    for asked in reading.questions:
        if asked.paragraph not in fitting:
            continue
        found = search.search(asked.question)
        features, places, views, _ = describe(analyse_question(asked.question), found)
        gold = np.array(
            [
                found[p].passage.id == asked.paragraph and holds_gold(asked, v.start, v.end)
                for (p, _), v in zip(places, views, strict=True)
            ]
        )
        if gold.any():
            rows.append((features, gold))
    return rows


def fit(rows: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Coefficients (features,) by L-BFGS over standardised features, with a small ridge."""
    stacked = np.concatenate([features for features, _ in rows])
    spread = stacked.std(0) + 1e-9
    scaled, gold = (stacked - stacked.mean(0)) / spread, np.concatenate([marks for _, marks in rows])
    sizes = [len(marks) for _, marks in rows]
    group, starts = np.repeat(np.arange(len(rows)), sizes), np.r_[0, np.cumsum(sizes)[:-1]]

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        scores = scaled @ w
        raised = np.exp(scores - np.maximum.reduceat(scores, starts)[group])
        every, right = np.add.reduceat(raised, starts), np.add.reduceat(raised * gold, starts)
        slope = raised * gold / right[group] - raised / every[group]
        value = -float(np.mean(np.log(right) - np.log(every))) + RIDGE * float(w @ w)
        return value, -(scaled.T @ slope) / len(rows) + 2 * RIDGE * w

    return np.asarray(minimize(loss, np.zeros(scaled.shape[1]), jac=True, method="L-BFGS-B", bounds=LIMITS).x) / spread


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true", help="compare with the stored file instead of writing it")
    options = arguments.parse_args()
    rows = groups("drcd") + groups("cmrc")
    coefficients = fit(rows)
    file = FOLDER / "answer.json"
    data = {
        "card": {**CARD, "questions": len(rows)},
        "coefficients": {name: round(float(value), 4) for name, value in zip(FEATURES, coefficients, strict=True)},
        "constants": CONSTANTS,
    }
    text = json.dumps(data, ensure_ascii=False, indent=2) + "\n"
    if options.check:
        same = file.read_text(encoding="utf-8") == text
        print("the stored weights are reproduced" if same else "the stored weights differ")
        raise SystemExit(0 if same else 1)
    file.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
