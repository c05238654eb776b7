"""Confidences of several kinds of evidence brought to one level, so that one threshold is right for all of them.

Each kind has a model of its own, fitted on texts of its own; on a company's documents their probabilities lie apart: a
threshold that keeps the wrong answers of one kind out refuses the right ones of another.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

FEWEST = 10  # judged answers of a kind; with fewer its level stays
MOST = 3.0  # logits; further apart than that the evidence has failed, not its level
_EDGE = 1e-4
_BEYOND = 0.5  # logits above the surest answer of a kind of which none may be given


@dataclass(frozen=True, slots=True)
class _Cut:
    """The surest ``given`` answers of a kind, ``wrong`` of them wrong; ``at``: the threshold in logits."""

    given: int
    wrong: int
    at: float


def levels(
    scores: Sequence[float], right: Sequence[bool], kinds: Sequence[str], max_wrong: float, at: float
) -> dict[str, float]:
    """What to add to the logit of each kind's confidence, so that ``at`` is its best threshold; {} without a gain.

    The thresholds are those, one a kind, with which most questions are answered rightly while all answers together
    keep ``(wrong + 1) / (given + 1) <= max_wrong``, the rule of :func:`core.assistant.confidence.calibrate`. The gain
    over one threshold for all has to be above its standard error (that of a paired difference: the square root of the
    number of answers that change), or it may be chance.
    """
    mine = defaultdict[str, list[tuple[float, bool]]](list)
    for score, good, kind in zip(scores, right, kinds, strict=True):
        mine[kind].append((logit(score), good))
    moved = sorted(kind for kind, cases in mine.items() if len(cases) >= FEWEST)
    if len(moved) < 2:
        return {}
    apart = _best([_cuts(mine[kind]) for kind in moved], max_wrong)
    together = _best([_cuts([case for kind in moved for case in mine[kind]])], max_wrong)
    if apart is None:
        return {}
    gain = _right(apart) - (_right(together) if together is not None else 0)
    one = together[0].at if together is not None else math.inf
    changed = sum(
        (score >= cut.at) != (score >= one) for kind, cut in zip(moved, apart, strict=True) for score, _ in mine[kind]
    )
    if gain <= math.sqrt(changed):
        return {}
    return {kind: max(-MOST, min(MOST, logit(at) - cut.at)) for kind, cut in zip(moved, apart, strict=True)}


def logit(probability: float) -> float:
    """Log odds, of probabilities up to 0.0001 from either end."""
    p = min(1 - _EDGE, max(_EDGE, probability))
    return math.log(p / (1 - p))


def _cuts(cases: Sequence[tuple[float, bool]]) -> list[_Cut]:
    """For each number of wrong answers the longest run of the surest ones that holds no more, none at all included."""
    ordered = sorted(cases, key=lambda case: -case[0])
    found = {0: _Cut(0, 0, ordered[0][0] + _BEYOND)}
    wrong = 0
    for place, (score, good) in enumerate(ordered):
        wrong += not good
        following = ordered[place + 1][0] if place + 1 < len(ordered) else score
        if place + 1 == len(ordered) or following < score:  # equal scores are answered or refused together
            found[wrong] = _Cut(place + 1, wrong, (score + following) / 2)
    return list(found.values())


def _best(choices: Sequence[Sequence[_Cut]], max_wrong: float) -> list[_Cut] | None:
    """One cut of each kind: most right answers within the promise; None when only silence keeps it."""
    reached: dict[int, list[_Cut]] = {0: []}
    for cuts in choices:
        longer: dict[int, list[_Cut]] = {}
        for chosen in reached.values():
            for cut in cuts:
                both = [*chosen, cut]
                wrong = sum(part.wrong for part in both)
                if wrong not in longer or _given(both) > _given(longer[wrong]):
                    longer[wrong] = both
        reached = longer
    kept = [both for wrong, both in reached.items() if (wrong + 1) / (_given(both) + 1) <= max_wrong]
    return max(kept, key=lambda both: (_right(both), -_given(both)), default=None)


def _given(cuts: Sequence[_Cut]) -> int:
    return sum(cut.given for cut in cuts)


def _right(cuts: Sequence[_Cut]) -> int:
    return sum(cut.given - cut.wrong for cut in cuts)
