"""The word on a comparison, as data: whether anything beats the list that everyone gets, and what would tell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from core.evaluation.intervals import Interval

if TYPE_CHECKING:
    from core.recommend.compare import Result

Code = Literal["beats", "not_yet", "too_little"]
LEAST_PEOPLE = 30
_LEVEL = 1.96
_WORTH = 0.05  # a gain of 5 % is looked for where none shows
_MOST_MORE = 10_000_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """``beats``: ``model`` is better than the baseline by ``percent`` +- ``margin`` percent, even counting how many
    models were tried. ``not_yet``: none is; about ``more`` interactions more would tell (0: no estimate).
    ``too_little``: fewer than 30 people could be judged; ``more`` as before. ``model`` is the one to serve in any case.
    """

    code: Code
    model: str
    baseline: str
    percent: float = 0.0
    margin: float = 0.0
    more: int = 0
    people: int = 0
    values: Mapping[str, Any] = field(default_factory=dict)


def verdict_of(results: Sequence[Result], people: int, events: int) -> Verdict:
    """``results`` as of ``compare``: the baseline is among them, best first; ``events``: interactions there are now."""
    from core.recommend.build import BASELINE

    base = next(one for one in results if one.name == BASELINE)
    others = [one for one in results if one.name != BASELINE]
    if people < LEAST_PEOPLE or not others:
        per_person = events / people if people else 10.0
        return Verdict(
            "too_little", BASELINE, BASELINE, more=_rounded((LEAST_PEOPLE - people) * per_person), people=people
        )
    best = others[0]
    wider = _LEVEL_OF.get(len(others), 2.8) / _LEVEL
    if best.gain.value - wider * (best.gain.value - best.gain.low) > 0:
        percent, margin = _relative(best.gain, base.ndcg.value)
        return Verdict("beats", best.name, BASELINE, percent, margin, 0, people)
    percent, margin = _relative(best.gain, base.ndcg.value)
    more = _more(best.gain, base.ndcg.value, wider, events)
    return Verdict("not_yet", BASELINE, BASELINE, percent, margin, more, people, {"nearest": best.name})


# Two-sided 95 % quantiles of the normal law with Bonferroni's correction, by the number of models tried.
_LEVEL_OF = {1: 1.96, 2: 2.24, 3: 2.39, 4: 2.50, 5: 2.58, 6: 2.64, 7: 2.69, 8: 2.73, 9: 2.77, 10: 2.81}


def _relative(gain: Interval, base: float) -> tuple[float, float]:
    """Percent of the baseline's NDCG, and half the width of the interval in the same unit; 0, 0 where that is 0."""
    if base <= 0:
        return 0.0, 0.0
    return 100 * gain.value / base, 50 * (gain.high - gain.low) / base


def _more(gain: Interval, base: float, wider: float, events: int) -> int:
    """Interactions to collect until a gain as large as the one seen, or one of 5 % where none shows, would be certain:
    the interval narrows with the root of the people judged, and those grow with the interactions."""
    half = wider * (gain.high - gain.low) / 2
    aimed = max(gain.value, _WORTH * base)
    if half <= 0 or aimed <= 0:
        return 0
    factor = (half / aimed) ** 2
    return _rounded(min(_MOST_MORE, max(0.1, factor - 1) * events))


def _rounded(count: float) -> int:
    """Two digits: more would claim to be known."""
    if count <= 0:
        return 0
    unit = 10 ** max(0, math.floor(math.log10(count)) - 1)
    return int(math.ceil(count / unit) * unit)
