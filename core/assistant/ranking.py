"""Which sentence answers: every sentence of the found passages, described by numbers and ranked by a linear model.

The model is a conditional logit (McFadden 1974): the probability that a sentence is the answering one is the softmax
of its score over all candidates. Its coefficients are in ``weights/answer.json`` (words alone), ``answer_encoder.json``
and ``answer_encoder_zh.json`` (with an encoder's cosines, for questions in English and in Chinese);
``benchmarks/fit_answer_weights.py`` makes them.
The idea that carries it: a question names a topic and an attribute of it. Sentences of a passage share the topic, so
what counts is the attribute: words rare *within the passage*, and words that are not the topic's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.assistant.features import ANSWERS, Kind, Question, analyse_question, grams, numbers, stems, tokens
from core.assistant.weights import Linear, load
from core.text.language import has_han
from core.text.sentences import sentence_spans
from core.text.words import simplify
from core.types import Found, PassageRecord

Idf = Callable[[str], float]
Similarity = Callable[[str, Sequence[str]], Sequence[float]]

FEATURES = (
    "passage_strength",
    "characters",
    "rare_in_passage",
    "attribute",
    "passage_covers",
    "previous_adds",
    "length",
    "answer_type",
    "numbers_absent",
    "position",
    "first",
    "first_covers",
    "near",
    "cue",
    "bare",
)
ENCODER_FEATURES = (*FEATURES, "similarity", "dense")
_MOST_ENCODED = 48  # sentences
_CONTENTS = re.compile(r"(?:…|⋯|\.{4,}|(?:[.·] ){3,})\s*\d{1,4}$")  # leads to a page
_HEAD = 60  # characters of a passage's beginning in which its topic is looked for


@dataclass(frozen=True, slots=True)
class SentenceView:
    """A sentence of a passage: its span in the passage's text and what is matched against a question."""

    start: int
    end: int
    folded: str
    grams: frozenset[str]
    size: int  # Chinese characters and English stems without repetition


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence that might answer. ``passage`` indexes the found passages; ``[start, end)`` lies in its text."""

    passage: int
    sentence: int
    view: SentenceView
    score: float
    probability: float
    similarity: float | None = None  # cosine with the question, where an encoder was asked


@dataclass(frozen=True, slots=True)
class Ranked:
    """All candidates, best first, with what was seen on the way (confidence reads it)."""

    question: Question
    candidates: tuple[Candidate, ...]
    covers: tuple[float, ...]  # share of the question each passage covers, in the order of the found passages


@dataclass(frozen=True, slots=True)
class Described:
    """Sentences that may answer: ``features`` (n, len(FEATURES) or len(ENCODER_FEATURES)), one row a view."""

    question: Question
    features: NDArray[np.float64]
    places: list[tuple[int, int]]  # passage and sentence
    views: list[SentenceView]
    covers: tuple[float, ...]
    cosines: NDArray[np.float64]  # NaN: not encoded

    def model(self) -> Linear:
        """The shipped weights for these features."""
        if self.features.shape[1] == len(FEATURES):
            return load("answer", FEATURES)
        name = "answer_encoder_zh" if has_han(self.question.folded) else "answer_encoder"
        return load(name, ENCODER_FEATURES)


@lru_cache(maxsize=2048)
def analyse_passage(text: str, header: str = "") -> tuple[SentenceView, ...]:
    """The sentences of a passage, analysed; a table row is matched together with its header. Depends on texts only."""
    above = simplify(header) + "\n" if header else ""
    views = []
    for start, end in sentence_spans(text):
        folded = above + simplify(text[start:end])
        found = grams(folded)
        views.append(SentenceView(start, end, folded, found, sum(1 for g in found if len(g) == 1 or not has_han(g))))
    return tuple(views)


class _Table:
    """Which of the question's units (words, then grams) each sentence holds, and how much each unit weighs."""

    def __init__(self, question: Question, views: list[SentenceView], idf: Idf | None) -> None:
        latin = {word for word in question.words if not has_han(word)}
        self.words = list(question.words)
        self.grams = sorted(gram for gram in question.grams if len(gram) > 1 or not has_han(gram))
        self.units = self.words + self.grams
        singles = sorted(gram for gram in question.grams if len(gram) == 1 or not has_han(gram))
        rows = [
            [(w in v.grams) if w in latin else (w in v.folded) for w in self.words] + [g in v.grams for g in self.grams]
            for v in views
        ]
        self.holds = np.array(rows, dtype=bool).reshape(len(views), len(self.units))
        self.rarity = np.log(1 + len(views) / (self.holds.sum(0) + 0.5))
        n = len(self.words)
        word_weight = np.array([idf(w) for w in self.words]) if idf else self.rarity[:n]
        self.weight = np.concatenate([_share(word_weight), _share(self.rarity[n:])]) / 2
        held = [sum(g in v.grams for g in singles) for v in views]
        self.held = np.array(held, dtype=float)
        self.characters = self.held / max(1, len(singles))


def _share(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    total = float(weights.sum())
    return weights / total if total > 0 else weights


def topic_of(question: Question, head: str) -> tuple[str, frozenset[str]]:
    """The longest run of the question that stands in ``head`` (folded): as text (Chinese) and as stems (English)."""
    asked = question.tokens
    text = "\x00".join(("", *tokens(head), ""))
    best: tuple[str, ...] = ()
    for left in range(len(asked)):
        right = left + len(best) + 1
        while right <= len(asked) and "\x00".join(("", *asked[left:right], "")) in text:
            best = asked[left:right]
            right += 1
    han = "".join(token for token in best if has_han(token))
    return (han if len(han) > 1 else ""), stems(" ".join(token for token in best if not has_han(token)))


def _in_topic(unit: str, topic: tuple[str, frozenset[str]]) -> bool:
    return unit in topic[0] if has_han(unit) else unit in topic[1]


def passage_strengths(found: Sequence[Found]) -> list[float]:
    """Each passage's score as a share of the best one's, in [0, 1]."""
    lexical = [item.hit.lexical for item in found]
    zh = bool(found) and found[0].passage.language == "zh"
    scores = [float(x or 0.0) for x in lexical] if zh and all(x is not None for x in lexical) else []
    scores = scores or [item.hit.score for item in found]
    top = max(scores, default=0.0)
    return [max(0.0, score) / top if top > 0 else 0.0 for score in scores]


def rank(
    question: str,
    found: Sequence[Found],
    *,
    idf: Idf | None = None,
    similarity: Similarity | None = None,
    model: Linear | None = None,
) -> Ranked:
    """All sentences of ``found`` but headings, most probable answer first.

    ``idf`` weighs the question's search words (the knowledge base's own; without it, rarity among the candidates).
    ``similarity(question, sentences)`` gives cosines of a sentence encoder, NaN for a sentence it cannot read; with
    them other weights rank. ``model`` takes the shipped weights' place; one over FEATURES leaves similarity out.
    """
    if model is not None and len(model.names) == len(FEATURES):
        similarity = None
    described = describe_all(question, found, idf, similarity)
    if not described.views:
        return Ranked(described.question, (), described.covers)
    scores = (model or described.model()).scores(described.features)
    shares = np.exp(scores - scores.max())
    shares /= shares.sum()
    order = np.argsort(-scores, kind="stable")
    candidates = tuple(_candidate(described, i, float(scores[i]), float(shares[i])) for i in order.tolist())
    return Ranked(described.question, candidates, described.covers)


def describe_all(
    question: str, found: Sequence[Found], idf: Idf | None = None, similarity: Similarity | None = None
) -> Described:
    """Every sentence of ``found`` but headings, described as the model that will rank it wants."""
    asked = analyse_question(question)
    features, places, views, covers = describe(asked, found, idf)
    kept = [i for i, (p, _) in enumerate(places) if not is_title(found[p].passage, views[i])] or list(range(len(views)))
    features, places, views = features[kept], [places[i] for i in kept], [views[i] for i in kept]
    cosines = np.full(len(views), np.nan)
    if similarity is not None and views:
        scores = load("answer", FEATURES).scores(features)
        cosines = _cosines(question, found, places, views, scores, similarity)
    if not np.isnan(cosines).all():
        features = with_encoder(features, cosines, [found[p].hit.dense for p, _ in places])
    return Described(asked, features, places, views, tuple(covers), cosines)


def _candidate(described: Described, i: int, score: float, probability: float) -> Candidate:
    passage, sentence = described.places[i]
    cosine = float(described.cosines[i])
    similarity = None if math.isnan(cosine) else cosine
    return Candidate(passage, sentence, described.views[i], score, probability, similarity)


def is_title(passage: PassageRecord, view: SentenceView) -> bool:
    """A heading inside the passage, or a line of a table of contents: it names what is asked and answers nothing."""
    text = passage.text[view.start : view.end].strip()
    if text.startswith("#") or _CONTENTS.search(text):
        return True
    return bool(text and passage.section and text in _parts(passage.section))


def _parts(section: str) -> list[str]:
    return [part.strip() for part in section.split("›")]


def in_context(passage: PassageRecord, view: SentenceView) -> str:
    """A sentence as it is encoded: under its heading, without which "2 years" or "It is free" speak of nothing."""
    text = passage.text[view.start : view.end]
    section = " ".join(_parts(passage.section)[-2:])
    return f"{section}: {text}" if section else text


def with_encoder(
    features: NDArray[np.float64], cosines: NDArray[np.float64], dense: Sequence[float | None]
) -> NDArray[np.float64]:
    """Features (n, len(ENCODER_FEATURES)): a sentence that was not encoded counts as the least similar one."""
    least = float(np.nanmin(cosines))
    passages = np.array([value or 0.0 for value in dense])
    return np.column_stack([features, np.nan_to_num(cosines, nan=least), passages])


def _cosines(
    question: str,
    found: Sequence[Found],
    places: list[tuple[int, int]],
    views: list[SentenceView],
    scores: NDArray[np.float64],
    similarity: Similarity,
) -> NDArray[np.float64]:
    """Cosines of the sentences that words rank best, NaN of the others: encoding is what costs."""
    best = [int(i) for i in np.argsort(-scores, kind="stable")[:_MOST_ENCODED]]
    cosines = np.full(len(views), np.nan)
    texts = [in_context(found[places[i][0]].passage, views[i]) for i in best]
    cosines[best] = np.asarray(similarity(question, texts), dtype=float)
    return cosines


def describe(
    asked: Question, found: Sequence[Found], idf: Idf | None = None
) -> tuple[NDArray[np.float64], list[tuple[int, int]], list[SentenceView], list[float]]:
    """Features (sentences, len(FEATURES)), the (passage, sentence) of each row, their views, coverage by passage."""
    passages = [analyse_passage(item.passage.text, item.passage.header) for item in found]
    places = [(p, s) for p, views in enumerate(passages) for s in range(len(views))]
    views = [passages[p][s] for p, s in places]
    features = np.zeros((len(views), len(FEATURES)))
    covers = [0.0] * len(found)
    if not views:
        return features, places, views, covers
    table = _Table(asked, views, idf)
    strengths = passage_strengths(found)
    row = 0
    for p, item in enumerate(found):
        rows = slice(row, row + len(passages[p]))
        row = rows.stop
        if passages[p]:
            head = simplify(f"{item.passage.section}\n") + passages[p][0].folded[:_HEAD]
            covers[p] = float(table.holds[rows].any(0) @ table.weight)
            features[rows] = _passage_features(asked, passages[p], table, rows, head, covers[p], strengths[p])
    return features, places, views, covers


def _passage_features(
    asked: Question,
    views: tuple[SentenceView, ...],
    table: _Table,
    rows: slice,
    head: str,
    covers: float,
    strength: float,
) -> NDArray[np.float64]:
    holds = table.holds[rows]
    n = len(views)
    topic = topic_of(asked, head)
    outside = _share(table.weight * np.array([not _in_topic(unit, topic) for unit in table.units], dtype=float))
    count = holds.sum(0)
    rare = _share(np.where(count > 0, np.log(1 + n / (count + 0.5)), 0.0))
    before = np.vstack([np.zeros((1, holds.shape[1]), dtype=bool), holds[:-1]])
    first = np.zeros(n)
    first[0] = 1.0
    typed = np.array([_typed(asked, view) for view in views]).reshape(n, 3)
    columns = (
        np.full(n, strength),
        table.characters[rows],
        holds @ rare,
        holds @ outside,
        np.full(n, covers),
        (before & ~holds) @ table.weight,
        np.log([len(view.folded) + 1 for view in views]),
        typed[:, 0],
        typed[:, 1],
        np.log1p(np.arange(n)),
        first,
        first * (holds @ table.weight),
        typed[:, 2],
        np.array([_cue(asked, view) for view in views]),
        np.array([view.size - held < 5 for view, held in zip(views, table.held[rows], strict=True)], dtype=float),
    )
    return np.column_stack(columns)


def _typed(asked: Question, view: SentenceView) -> tuple[float, float, float]:
    """Does the sentence hold what the question asks for (1, -1, 0 unknown); numbers absent; closeness of the two."""
    absent = len(asked.numbers - numbers(view.folded)) / len(asked.numbers) if asked.numbers else 0.0
    pattern = ANSWERS.get(asked.kind)
    if pattern is None:
        return 0.0, absent, 0.0
    answers = [match.start() for match in pattern.finditer(view.folded) if match.group() not in asked.folded]
    if not answers:
        return -1.0, absent, 0.0
    places = [place for word in asked.words if (place := view.folded.find(word)) >= 0]
    gap = min((abs(answer - place) for answer in answers for place in places), default=math.inf)
    return 1.0, absent, 1.0 / (1.0 + gap / 5.0)


def _cue(asked: Question, view: SentenceView) -> float:
    if not asked.cues:
        return 0.0
    return sum(2.0 * bool(cue.search(view.folded)) - 1.0 for cue in asked.cues) / len(asked.cues)


__all__ = ["FEATURES", "Candidate", "Idf", "Kind", "Ranked", "Similarity", "analyse_passage", "describe", "rank"]
