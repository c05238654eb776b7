"""What a model could do before it was trained on, measured on a small general set: did it forget?

The set are the help-centre questions that ship with the product (``core/training/data``): does an encoder still find
the passage that answers, does a language model still read such text as easily.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from core.models.pair_scorer import BiEncoderScorer
from core.services.studio.learners.base import Material
from core.training.reports.build import General

DATA = Path(__file__).resolve().parents[3] / "training" / "data"
PASSAGES, QUESTIONS = 100, 150
LEAST_SHARE = 0.1  # of the data set's rows in a language, for its general set to be looked at


def languages_of(material: Material) -> tuple[str, ...]:
    """The languages of the data set that have a general set."""
    counts = material.version.languages
    whole = sum(counts.values()) or 1
    return tuple(one for one in ("en", "zh") if counts.get(one, 0) >= LEAST_SHARE * whole)


def kept_skills(before: Path, after: Path, material: Material) -> list[General]:
    """Finding the passage that answers, with the encoder ``before`` and ``after`` training: 1 a question found."""
    found = []
    for language in languages_of(material):
        material.watch.check()
        passages, questions = help_set(language)
        right = [
            _found(BiEncoderScorer(folder, device=material.args.device), passages, questions)
            for folder in (before, after)
        ]
        found.append(General(f"help_centre_{language}", right[0], right[1]))
    return found


def help_set(language: str) -> tuple[list[str], list[tuple[str, int]]]:
    """Passages, and questions with the number of the passage that answers each."""
    passages = _lines(DATA / f"help_{language}_passages.jsonl")[:PASSAGES]
    numbers = {str(passage["id"]): number for number, passage in enumerate(passages)}
    asked = [line for line in _lines(DATA / f"help_{language}_questions.jsonl") if line["passage"] in numbers]
    texts = [f"{passage['section']}\n{passage['text']}" for passage in passages]
    return texts, [(str(line["question"]), numbers[str(line["passage"])]) for line in asked[:QUESTIONS]]


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _found(scorer: BiEncoderScorer, passages: list[str], questions: list[tuple[str, int]]) -> list[float]:
    scores = scorer.queries([question for question, _ in questions]) @ scorer.passages(passages).T
    right = np.array([number for _, number in questions])
    hits: list[float] = (scores.argmax(axis=1) == right).astype(float).tolist()
    return hits
