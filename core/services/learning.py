"""What a knowledge base learns from its golden questions: how far to trust vectors, when it is right, when to speak.

Four things, in this order, since each rests on the one before: the fusion weight of each language, a confidence model
of its own where there are enough questions and it proves better on questions it did not see, the level of each kind of
evidence, and the threshold.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import structlog

from core.assistant.confidence import calibrate, default_threshold, probability, refit, shipped
from core.assistant.levels import levels, logit
from core.assistant.weights import Linear
from core.db.tables import Document, GoldenQuestion, KnowledgeBase
from core.db.unit_of_work import Rows
from core.retrieval.fuse import FusionWeights, learn_weights
from core.services import calibration
from core.services.application import Application, OpenIndex
from core.services.calibration import Case, threshold_of
from core.services.golden_asking import Asked, cases_of

log = structlog.get_logger(__name__)


def learn_fusion(
    app: Application, workspace_id: int, kb_id: int, opened: OpenIndex | None, questions: Sequence[GoldenQuestion]
) -> FusionWeights | None:
    """Learns the fusion weights from the golden questions that name a document, and stores them.

    None when nothing is published or the encoder was not used; a language with too few questions keeps its weight.
    """
    if opened is None:
        return None
    with app.database.read(workspace_id) as rows:
        settings = rows.get(KnowledgeBase, kb_id).settings
        golden = _with_documents(rows, kb_id, questions)
    before = FusionWeights.from_dict(settings.get("weights", {}))
    knowledge = opened.knowledge
    learnt = learn_weights(golden, knowledge.fusion_case, app.encoder().floor, before=before)
    if learnt != before:
        _store(app, workspace_id, kb_id, weights=learnt.as_dict())
        log.info("fusion weights learnt", knowledge_base=kb_id, en=learnt.en, zh=learnt.zh)
    return learnt


def _with_documents(rows: Rows, kb_id: int, questions: Sequence[GoldenQuestion]) -> list[tuple[str, frozenset[int]]]:
    """Questions with the ids of the documents they expect, of those that name one which is here."""
    ids: dict[str, set[int]] = defaultdict(set)
    mine = Document.knowledge_base_id == kb_id, Document.deleted_at.is_(None)
    for document in rows.all(rows.select(Document, *mine)):
        ids[document.name.strip().casefold()].add(document.id)
    named = [(row.question, ids.get(row.document.strip().casefold())) for row in questions if row.document]
    return [(question, frozenset(found)) for question, found in named if found]


def learn_answers(
    app: Application, workspace_id: int, kb_id: int, asked: Sequence[Asked]
) -> tuple[list[Asked], list[Case], KnowledgeBase]:
    """Learns when this knowledge base is right, and from which confidence on it speaks; stores both.

    Returns the questions with the confidence now in force, the cases the threshold was chosen on (each by a model that
    did not see its question), and the knowledge base.
    """
    # By the shipped models: what was learnt before is learnt anew.
    cases = [
        replace(case, confidence=probability(np.array(case.evidence), shipped(case.kind))) for case in cases_of(asked)
    ]
    models: dict[str, Any] = {}
    for kind in sorted({case.kind for case in cases}):
        places = [place for place, case in enumerate(cases) if case.kind == kind]
        learnt = better_model([cases[place] for place in places], _promise(app, workspace_id, kb_id))
        if learnt is None:
            continue
        model, unseen = learnt
        models[kind] = _as_dict(model, app.settings.encoder, len(places))
        for place, value in zip(places, unseen, strict=True):
            cases[place] = replace(cases[place], confidence=value)
    _level(app, cases, models, _promise(app, workspace_id, kb_id))
    _store(app, workspace_id, kb_id, confidence=models)
    base = store_threshold(app, workspace_id, kb_id, cases)
    return [_with_model(one, base, app.settings.encoder) for one in asked], cases, base


def _level(app: Application, cases: list[Case], models: dict[str, Any], max_wrong: float) -> None:
    """Brings the kinds of evidence to one level, in place: the ``cases`` and the ``models`` that are to be kept."""
    kinds = [case.kind for case in cases]
    shifts = levels(
        [case.confidence for case in cases],
        [case.right for case in cases],
        kinds,
        max_wrong,
        default_threshold(max_wrong),
    )
    for kind, shift in shifts.items():
        if kind not in models:
            models[kind] = _as_dict(shipped(kind), app.settings.encoder, kinds.count(kind))
        models[kind]["intercept"] += shift
    for place, case in enumerate(cases):
        if case.kind in shifts:
            moved = 1 / (1 + math.exp(-logit(case.confidence) - shifts[case.kind]))
            cases[place] = replace(case, confidence=moved)
    if shifts:
        log.info("kinds of evidence levelled", **{kind: round(shift, 2) for kind, shift in shifts.items()})


def better_model(cases: Sequence[Case], max_wrong: float) -> tuple[Linear, list[float]] | None:
    """A confidence model of these cases (of one kind) and their cross-validated probabilities, if it beats the shipped.

    It has to tell right from wrong better (log loss) and answer no fewer questions within the promise, both on
    questions it did not see. None otherwise, and where there are too few cases.
    """
    right = [case.right for case in cases]
    evidence = np.array([case.evidence for case in cases])
    prior = shipped(cases[0].kind) if cases else None
    learnt = refit(evidence, right, prior=prior) if prior is not None else None
    if prior is None or learnt is None:
        return None
    model, unseen = learnt
    before = [probability(row, prior) for row in evidence]
    answered = [calibrate(scores, right, max_wrong).coverage for scores in (unseen.tolist(), before)]
    if _log_loss(unseen.tolist(), right) >= _log_loss(before, right) or answered[0] < answered[1]:
        return None
    return model, [float(value) for value in unseen]


def store_threshold(app: Application, workspace_id: int, kb_id: int, cases: Sequence[Case]) -> KnowledgeBase:
    """Learns and stores the threshold of every promise."""
    learnt = calibration.learn(cases)
    with app.database.write(workspace_id) as rows:
        base = rows.get(KnowledgeBase, kb_id)
        base.settings = {**base.settings, "calibration": learnt}
        if learnt["steps"]:
            base.settings = {**base.settings, "threshold": threshold_of(app, base)}
    return base


def _with_model(one: Asked, base: KnowledgeBase, encoder: str) -> Asked:
    """The question with the confidence that the model now in force gives it."""
    if one.proposed is None or not one.evidence:
        return one
    model = calibration.model_of(base.settings, one.kind, encoder) or shipped(one.kind)
    certain = probability(np.array(one.evidence), model)
    considered = one.considered
    if considered is not None and considered.settled is None:
        considered = replace(considered, certain=certain)
    return replace(one, considered=considered, proposed=replace(one.proposed, confidence=certain))


def _promise(app: Application, workspace_id: int, kb_id: int) -> float:
    with app.database.read(workspace_id) as rows:
        return calibration.promise_of(app, rows.get(KnowledgeBase, kb_id).settings) / 100


def _as_dict(model: Linear, encoder: str, questions: int) -> dict[str, Any]:
    return {
        "coefficients": dict(zip(model.names, model.coefficients, strict=True)),
        "intercept": model.intercept,
        "encoder": encoder,
        "questions": questions,
    }


def _store(app: Application, workspace_id: int, kb_id: int, **values: Mapping[str, Any]) -> None:
    with app.database.write(workspace_id) as rows:
        base = rows.get(KnowledgeBase, kb_id)
        base.settings = {**base.settings, **values}


def _log_loss(probabilities: Sequence[float], right: Sequence[bool]) -> float:
    kept = [min(1 - 1e-4, max(1e-4, p)) for p in probabilities]
    return -sum(math.log(p if good else 1 - p) for p, good in zip(kept, right, strict=True)) / len(kept)
