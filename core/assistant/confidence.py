"""How likely an answer is right, and from which probability on it may be given.

The probability is a logistic regression over a few numbers that mean the same in every language and knowledge base
(shares and ratios, no raw scores). The threshold comes from golden questions: the owner says "at most N % of the
answers given may be wrong", and the most permissive threshold that keeps it with a finite-sample correction is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.assistant.answer import Draft
from core.assistant.features import ANSWERS, numbers, tokens
from core.assistant.ranking import Candidate, Idf, analyse_passage, passage_strengths
from core.assistant.weights import Linear, load
from core.text.language import has_han
from core.text.words import simplify
from core.types import Found

EVIDENCE = (
    "lead_probability",
    "passage_probability",
    "margin",
    "covers_passage",
    "words_passage",
    "words_answer",
    "rarest_missing",
    "characters_passage",
    "numbers_missing",
    "longest_run",
    "answer_type",
)
ENCODER_EVIDENCE = (*EVIDENCE, "similarity", "similarity_margin", "dense")
# What can only speak against an answer; all other evidence only for it, whatever chance correlations in a set say.
AGAINST = frozenset({"rarest_missing", "numbers_missing"})
# Which shipped model judges, and the evidence it wants.
KINDS = {
    "confidence": EVIDENCE,
    "confidence_encoder": ENCODER_EVIDENCE,
    "confidence_encoder_zh": ENCODER_EVIDENCE,
}
ENOUGH = (
    100  # golden questions of one kind, answered rightly or wrongly, before a knowledge base gets a model of its own
)
EITHER = 20  # and of each kind at least so many


@dataclass(frozen=True, slots=True)
class Threshold:
    """From ``value`` on an answer is given. Measured on the ``n`` golden questions it was chosen on.

    ``coverage``: share of the questions that should be answered and were answered right. ``wrong``: share of wrong ones
    among the ``answered``; ``lower``, ``upper``: its exact 95 % interval (Clopper-Pearson).
    """

    value: float
    coverage: float
    wrong: float
    answered: int
    n: int
    lower: float
    upper: float


def evidence(draft: Draft, found: Sequence[Found], idf: Idf | None = None) -> NDArray[np.float64]:
    """The numbers that speak for or against a draft; zeros when it is empty.

    Shape (len(EVIDENCE),), or (len(ENCODER_EVIDENCE),) where an encoder compared the sentences with the question;
    :func:`kind_of` names which.
    """
    lead = draft.lead
    if lead is None:
        return np.zeros(len(EVIDENCE))
    words = _evidence_of_words(draft, lead, found, idf)
    if lead.similarity is None:
        return words
    cosines = sorted((c.similarity for c in draft.ranked.candidates if c.similarity is not None), reverse=True)
    margin = lead.similarity - (cosines[1] if len(cosines) > 1 else 0.0)
    return np.append(words, [lead.similarity, margin, found[lead.passage].hit.dense or 0.0])


def _evidence_of_words(draft: Draft, lead: Candidate, found: Sequence[Found], idf: Idf | None) -> NDArray[np.float64]:
    asked, candidates = draft.ranked.question, draft.ranked.candidates
    passage = found[lead.passage].passage
    views = analyse_passage(passage.text, passage.header)
    context = simplify(f"{passage.section}\n{passage.header}\n")
    text = context + "\n".join(view.folded for view in views)
    here = frozenset().union(*(view.grams for view in views))
    answer = "\n".join(c.view.folded for c in candidates[: len(draft.sentences)] if c.passage == lead.passage)
    singles = [gram for gram in asked.grams if len(gram) == 1 or not has_han(gram)]
    held = sum(gram in here or gram in context for gram in singles)
    strengths = passage_strengths(found)
    others = [s for i, s in enumerate(strengths) if i != lead.passage]
    weights = {word: (idf(word) if idf else 1.0) for word in asked.words}
    missing = [word for word in asked.words if not _in(word, text, here)]
    pattern = ANSWERS.get(asked.kind)
    typed = [m.group() for m in pattern.finditer(answer) if m.group() not in asked.folded] if pattern else []
    return np.array(
        [
            _logit(lead.probability),
            _logit(sum(c.probability for c in candidates if c.passage == lead.passage)),
            strengths[lead.passage] - max(others, default=0.0),
            draft.ranked.covers[lead.passage],
            _share(weights, lambda word: word not in missing),
            _share(weights, lambda word: _in(word, answer, lead.view.grams)),
            max((weights[word] for word in missing), default=0.0) / max([*weights.values(), 1e-9]),
            held / max(1, len(singles)),
            len(asked.numbers - numbers(text)) / max(1, len(asked.numbers)),
            _longest_run(asked.tokens, text) / max(1, len(asked.tokens)),
            0.0 if pattern is None else (1.0 if typed else -1.0),
        ]
    )


def _in(word: str, text: str, grams: frozenset[str]) -> bool:
    return word in text if has_han(word) else word in grams


def _logit(probability: float, edge: float = 0.02) -> float:
    p = min(1 - edge, max(edge, probability))
    return math.log(p / (1 - p))


def _share(weights: Mapping[str, float], held: Callable[[str], bool]) -> float:
    total = sum(weights.values())
    return sum(w for word, w in weights.items() if held(word)) / total if total else 0.0


def _longest_run(asked: Sequence[str], text: str) -> int:
    line = "\x00".join(("", *tokens(text), ""))
    best = 0
    for left in range(len(asked)):
        while left + best < len(asked) and "\x00".join(("", *asked[left : left + best + 1], "")) in line:
            best += 1
    return best


def confidence(draft: Draft, found: Sequence[Found], *, idf: Idf | None = None, model: Linear | None = None) -> float:
    """Probability in [0, 1] that the draft answers the question rightly; 0 for an empty one."""
    if draft.lead is None:
        return 0.0
    return probability(evidence(draft, found, idf), model or shipped(kind_of(draft)))


def kind_of(draft: Draft) -> str:
    """Which of KINDS a draft's evidence is: by words, or with an encoder's cosines for a question in a language."""
    if draft.lead is None or draft.lead.similarity is None:
        return "confidence"
    return "confidence_encoder_zh" if has_han(draft.ranked.question.folded) else "confidence_encoder"


def probability(numbers_of: NDArray[np.float64], model: Linear) -> float:
    """Probability in [0, 1] for evidence (n,)."""
    return _sigmoid(float(model.scores(numbers_of[None, :])[0]))


def shipped(kind: str) -> Linear:
    """The shipped model of a kind of evidence."""
    return load(kind, KINDS[kind])


def _sigmoid(score: float) -> float:
    return 1 / (1 + math.exp(-score)) if score >= 0 else math.exp(score) / (1 + math.exp(score))


def default_threshold(max_wrong: float = 0.05) -> float:
    """The shipped threshold for a promise (a share), until there are golden questions: the nearest stricter one kept.

    Chosen on the sets of the weights' card; a promise stricter than all of them takes the strictest.
    """
    constants = shipped("confidence").constants
    steps = sorted((float(name.removeprefix("at_")) / 100, value) for name, value in constants.items())
    kept = [value for promise, value in steps if promise <= max_wrong + 1e-9]
    return kept[-1] if kept else steps[0][1]


def fit(rows: NDArray[np.float64], right: Sequence[bool], *, prior: Linear | None = None, ridge: float = 1.0) -> Linear:
    """Logistic regression of ``right`` (n,) on evidence ``rows`` (n, len(EVIDENCE)).

    ``prior``: coefficients the ridge pulls towards instead of towards zero, so that a few golden questions adjust the
    shipped model rather than replace it. Raises ValueError when only one kind of question is there.
    """
    from scipy.optimize import minimize

    y = np.asarray(right, dtype=float)
    if len(y) != len(rows) or not 0 < y.sum() < len(y):
        raise ValueError(f"needs right and wrong answers, one row each; got {len(rows)} rows, {int(y.sum())} right")
    spread = rows.std(0) + 1e-6
    center = rows.mean(0)
    scaled = np.column_stack([(rows - center) / spread, np.ones(len(rows))])
    start = np.zeros(scaled.shape[1])
    if prior is not None:
        start[:-1] = np.asarray(prior.coefficients) * spread
        start[-1] = prior.intercept + float(np.asarray(prior.coefficients) @ center)
    pull = np.r_[np.full(rows.shape[1], ridge), 0.01 * ridge if prior is None else ridge * 0.1]

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = scaled @ w
        value = float(np.sum(np.logaddexp(0, z) - y * z) + 0.5 * np.sum(pull * (w - start) ** 2))
        return value, scaled.T @ (1 / (1 + np.exp(-z)) - y) + pull * (w - start)

    names = prior.names if prior is not None else EVIDENCE if rows.shape[1] == len(EVIDENCE) else ENCODER_EVIDENCE
    bounds = [(None, 0.0) if name in AGAINST else (0.0, None) for name in names]
    w = np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[*bounds, (None, None)]).x)
    coefficients = w[:-1] / spread
    base = prior or Linear(names, tuple(coefficients), 0.0, {})
    return replace(
        base,
        coefficients=tuple(float(c) for c in coefficients),
        intercept=float(w[-1] - coefficients @ center),
    )


def refit(
    rows: NDArray[np.float64], right: Sequence[bool], folds: int = 5, *, prior: Linear
) -> tuple[Linear, NDArray[np.float64]] | None:
    """A knowledge base's own model and its cross-validated probabilities (n,); None when there is too little to learn.

    ``prior`` is the shipped model of that kind of evidence. Needs ENOUGH golden questions answered rightly and wrongly
    together, at least EITHER of either kind. The probabilities are each made by a model that did not see its question:
    calibrate on these, not on the fitted ones.
    """
    y = np.asarray(right, dtype=bool)
    if len(y) < ENOUGH or min(int(y.sum()), int((~y).sum())) < EITHER:
        return None
    order = np.argsort(~y, kind="stable")
    fold = np.empty(len(y), dtype=int)
    fold[order] = np.arange(len(y)) % folds  # each fold holds both kinds
    unseen = np.zeros(len(y))
    for part in range(folds):
        model = fit(rows[fold != part], y[fold != part].tolist(), prior=prior, ridge=5.0)
        unseen[fold == part] = [_sigmoid(float(s)) for s in model.scores(rows[fold == part])]
    return fit(rows, y.tolist(), prior=prior, ridge=5.0), unseen


def calibrate(
    scores: Sequence[float], right: Sequence[bool], max_wrong: float, answerable: Sequence[bool] | None = None
) -> Threshold:
    """The lowest threshold whose given answers are wrong at most ``max_wrong`` (a share, 0.05 for 5 %).

    ``right[i]``: the answer to golden question i is right if it is given; False for a question without an answer.
    Finite-sample guard as in conformal risk control (Angelopoulos et al. 2022): one more wrong answer is imagined,
    ``(wrong + 1) / (answered + 1) <= max_wrong``. When no threshold keeps it, ``value`` is above every score (infinity)
    and nothing is answered. Raises ValueError for lists of different lengths or none at all.
    """
    if not scores or len(scores) != len(right) or (answerable is not None and len(answerable) != len(right)):
        raise ValueError(f"needs one score and one verdict a question; got {len(scores)} and {len(right)}")
    if not 0 < max_wrong < 1:
        raise ValueError(f"max_wrong is a share between 0 and 1, not {max_wrong}")
    values, verdicts = np.asarray(scores, dtype=float), np.asarray(right, dtype=bool)
    order = np.argsort(-values, kind="stable")
    wrong = np.cumsum(~verdicts[order])
    given = np.arange(1, len(values) + 1)
    ends = np.r_[values[order][1:] < values[order][:-1], True]  # equal scores are answered or refused together
    fine = np.flatnonzero(ends & ((wrong + 1) / (given + 1) <= max_wrong))
    should = int(np.sum(answerable)) if answerable is not None else int(verdicts.sum())
    if not len(fine):
        return Threshold(math.inf, 0.0, 0.0, 0, len(values), 0.0, 1.0)
    last = int(fine[-1])
    answered, bad = last + 1, int(wrong[last])
    lower, upper = clopper_pearson(bad, answered)
    covered = (answered - bad) / should if should else 0.0
    return Threshold(float(values[order][last]), covered, bad / answered, answered, len(values), lower, upper)


def clopper_pearson(events: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Exact confidence interval of a share of ``events`` in ``trials``."""
    from scipy.stats import beta

    tail = (1 - level) / 2
    low = 0.0 if events == 0 else float(beta.ppf(tail, events, trials - events + 1))
    high = 1.0 if events == trials else float(beta.ppf(1 - tail, events + 1, trials - events))
    return low, high
