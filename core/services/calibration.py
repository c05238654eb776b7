"""From which confidence on a knowledge base answers: learnt from golden questions, kept in its settings.

Kept is not one threshold but the whole staircase (promise, threshold), so that another "at most N % wrong" takes effect
at once, without asking the golden questions again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.assistant.confidence import KINDS, calibrate, default_threshold
from core.assistant.weights import Linear, parse
from core.db.tables import KnowledgeBase
from core.services.application import Application

MINIMUM = 20  # judged answers; with fewer not even a faultless record could keep "at most 5 % wrong"
PROMISES = tuple(half / 200 for half in range(1, 101))  # 0.5 % to 50 %, as far as settings allow


@dataclass(frozen=True, slots=True)
class Case:
    """One golden question as the documents answered it, whatever the threshold."""

    confidence: float
    right: bool
    answerable: bool
    evidence: tuple[float, ...] = ()
    kind: str = ""  # of the evidence: core.assistant.confidence.KINDS


def model_of(settings: Mapping[str, Any], kind: str, encoder: str) -> Linear | None:
    """The knowledge base's own confidence model for a kind of evidence; None where the shipped one holds.

    A model learnt with another encoder is ignored: its cosines meant something else. So is one whose evidence an
    update of the product has changed, until golden questions teach it again.
    """
    kept = settings.get("confidence", {}).get(kind)
    names = KINDS[kind]
    if not kept or kept.get("encoder") != encoder or set(kept["coefficients"]) != set(names):
        return None
    return parse(kept, names)


def threshold_of(app: Application, base: KnowledgeBase) -> float:
    """The confidence from which ``base`` answers: calibrated for the owner's promise, else the shipped default."""
    settings = base.settings
    steps = settings.get("calibration", {}).get("steps")
    promised = promise_of(app, settings) / 100
    if steps:
        # Steps fall from the strictest promise to the laxest; none strict enough means that the default has to do.
        kept = [threshold for promise, threshold in steps if promise <= promised + 1e-9]
        return float(kept[-1]) if kept else default_threshold(promised)
    found = settings.get("threshold")
    return float(found) if found is not None else default_threshold(promised)


def promise_of(app: Application, settings: Mapping[str, Any]) -> float:
    """At most this percentage of given answers may be wrong."""
    return float(settings.get("max_wrong_percent") or app.settings.max_wrong_percent)


def enough(cases: Sequence[Case]) -> bool:
    return len(cases) >= MINIMUM and any(case.right for case in cases)


def learn(cases: Sequence[Case]) -> dict[str, Any]:
    """What is kept in ``settings["calibration"]``: ``steps`` of (promise, threshold), the strictest first.

    A step is the threshold that :func:`core.assistant.confidence.calibrate` gives for its promise.
    """
    scores = [case.confidence for case in cases]
    right = [case.right for case in cases]
    steps: list[list[float]] = []
    for promise in PROMISES:
        threshold = calibrate(scores, right, promise).value
        if math.isfinite(threshold) and (not steps or threshold < steps[-1][1]):
            steps.append([promise, threshold])
    return {"steps": steps, "questions": len(cases)}


def report(app: Application, base: KnowledgeBase, cases: Sequence[Case]) -> dict[str, Any]:
    """What a run shows: the threshold in force, what it costs on ``cases``, and the curve of all others.

    ``coverage``: share of the answerable questions answered rightly; ``wrong``: share of wrong ones among the answers.
    ``curve``: [threshold, coverage, wrong], ascending. ``calibrated``: whether the threshold was learnt here.
    """
    threshold = threshold_of(app, base)
    coverage, wrong = _cost(cases, threshold)
    values = sorted({case.confidence for case in cases})
    return {
        "threshold": threshold,
        "coverage": coverage,
        "wrong": wrong,
        "max_wrong_percent": promise_of(app, base.settings),
        "calibrated": bool(base.settings.get("calibration", {}).get("steps")),
        "questions": len(cases),
        "curve": [[value, *_cost(cases, value)] for value in values],
    }


def _cost(cases: Sequence[Case], threshold: float) -> tuple[float, float]:
    given = [case for case in cases if case.confidence >= threshold]
    right = sum(case.right for case in given)
    answerable = sum(case.answerable for case in cases)
    return right / answerable if answerable else 0.0, (len(given) - right) / len(given) if given else 0.0
