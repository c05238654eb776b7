"""An answer made of sentences that stand in the documents: chosen across passages, none twice, each with its citation.

The sentence that best answers leads; what else is worth saying follows in reading order (passages by rank, sentences
by place). One sentence is enough when the others are unlikely to hold the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.assistant.cite import cite, shown
from core.assistant.features import Kind, numbers
from core.assistant.ranking import FEATURES, Candidate, Idf, Ranked, Similarity, analyse_passage, rank
from core.assistant.weights import Linear, load
from core.text.language import has_han
from core.types import AnswerSentence, Citation, Found

_PARALLEL = 0.6  # from this share on two sentences are built alike
_REPEATS = 0.8  # share of a sentence's characters or stems found in a chosen one: it says the same again
_INTRODUCES = (":", "：")
_LINKS = frozenset(("和", "与", "及", "或", "的", "是", "在"))


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer before anybody decided whether it is good enough. Empty when no passage holds a sentence."""

    text: str
    sentences: tuple[AnswerSentence, ...]
    citations: tuple[Citation, ...]
    ranked: Ranked  # every candidate with its probability, for confidence

    @property
    def lead(self) -> Candidate | None:
        """The sentence that best answers: the first one shown."""
        return self.ranked.candidates[0] if self.sentences else None


def select(
    question: str,
    found: Sequence[Found],
    *,
    max_sentences: int = 3,
    idf: Idf | None = None,
    similarity: Similarity | None = None,
    model: Linear | None = None,
) -> Draft:
    """The sentences of ``found`` (best passage first) that answer ``question``, at most ``max_sentences``.

    Every citation's quote equals the stored text at its offsets. ``idf`` and ``similarity``: see ``ranking.rank``.
    """
    ranked = rank(question, found, idf=idf, similarity=similarity, model=model)
    chosen = _choose(ranked, found, max_sentences, model or load("answer", FEATURES))
    return _write(ranked, chosen, found)


def _choose(ranked: Ranked, found: Sequence[Found], most: int, model: Linear) -> list[Candidate]:
    """Best first, until enough probability is covered, the next adds too little, or ``most`` are chosen."""
    enough, least = model.constants.get("enough", 0.9), model.constants.get("least", 0.05)
    usable = ranked.candidates
    if not usable:
        return []
    chosen = list(usable[:1])
    covered = chosen[0].probability
    if _text(chosen[0], found).endswith(_INTRODUCES):
        chosen += _introduced(chosen[0], usable, most - 1)
    for candidate in usable[1:]:
        if len(chosen) >= most or (covered >= enough and ranked.question.kind is not Kind.WHY):
            break
        if candidate.probability < least:
            break
        if _instead(candidate, chosen[0], ranked):
            continue
        if candidate not in chosen and not any(_repeats(candidate, other, found) for other in chosen):
            chosen.append(candidate)
            covered += candidate.probability
    return chosen


def _instead(candidate: Candidate, lead: Candidate, ranked: Ranked) -> bool:
    """Does it say of another thing what the lead says of the one asked about ("The Pro plan costs $45")."""

    def held(one: Candidate) -> set[str]:
        return {w for w in ranked.question.words if w in one.view.grams or (has_han(w) and w in one.view.folded)}

    own = candidate.view.grams
    alike = len(own & lead.view.grams) / max(1, len(own))
    return alike >= _PARALLEL and held(candidate) < held(lead)


def _introduced(lead: Candidate, usable: Sequence[Candidate], most: int) -> list[Candidate]:
    # "The following are free:" says nothing without the lines that follow it.
    following = [c for c in usable if c.passage == lead.passage and lead.sentence < c.sentence <= lead.sentence + most]
    return sorted(following, key=lambda candidate: candidate.sentence)


def _text(candidate: Candidate, found: Sequence[Found]) -> str:
    return found[candidate.passage].passage.text[candidate.view.start : candidate.view.end]


def _repeats(candidate: Candidate, other: Candidate, found: Sequence[Found]) -> bool:
    """Same place (overlapping passages), or the same words with the same numbers."""
    here, there = found[candidate.passage].passage, found[other.passage].passage
    if here.version_id == there.version_id:
        start, end = here.start + candidate.view.start, here.start + candidate.view.end
        other_start, other_end = there.start + other.view.start, there.start + other.view.end
        if start < other_end and other_start < end:
            return True
    if here.header or there.header:
        return candidate.view.folded == other.view.folded
    own = candidate.view.grams - _LINKS
    shared = len(own & other.view.grams) / max(1, len(own))
    return shared >= _REPEATS and numbers(candidate.view.folded) <= numbers(other.view.folded)


def _write(ranked: Ranked, chosen: Sequence[Candidate], found: Sequence[Found]) -> Draft:
    # The lead's passage keeps its lead; after it, passages by rank and sentences by place.
    lead = chosen[0] if chosen else None
    rest = sorted(chosen[1:], key=lambda c: (lead is not None and c.passage != lead.passage, c.passage, c.sentence))
    ordered = [*chosen[:1], *rest]
    citations = tuple(cite(found[c.passage].passage, c.view.start, c.view.end) for c in ordered)
    sentences = tuple(AnswerSentence(shown(citation.quote), (i,)) for i, citation in enumerate(citations))
    return Draft(joined([sentence.text for sentence in sentences]), sentences, citations, ranked)


def joined(sentences: Sequence[str]) -> str:
    """Sentences as one text: a space between English ones, none after a Chinese stop, a line for rows and items."""
    text = ""
    for sentence in sentences:
        if not text:
            text = sentence
        elif text[-1] in "。！？；”」』）":
            text += sentence
        elif text[-1] in ".!?)\"'":
            text += " " + sentence
        else:
            text += "\n" + sentence
    return text


__all__ = ["Draft", "analyse_passage", "joined", "select"]
