"""Experiments between two served settings: who gets which, and when the numbers may be believed.

A/B: each person gets one of the two. Interleaving: each person gets both, in one list, and votes by the first click.

People are assigned by hash, so the same person always gets the same side. The test may be looked at after every
person: its intervals hold at all times at once (mixture sequential probability ratio test, Robbins 1970; for A/B tests
Johari, Pekelis and Walsh 2017, arXiv 1512.04922), so stopping early does not cheat. Votes are tested by the same idea
with a beta mixture, which is exact from the first vote on.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.errors import BadInput
from core.evaluation.intervals import Interval

Side = Literal["A", "B"]
State = Literal["running", "b_better", "a_better", "guardrail", "no_difference"]
BURN_IN = 100  # people a side before anything is decided: the variance has to be known a little


def assign(experiment: str, person: str, share_b: float = 0.5) -> Side:
    """The side of a person, the same every time; independent between experiments (SHA-256 of both names)."""
    digest = hashlib.sha256(f"{experiment}\x1f{person}".encode()).digest()
    return "B" if int.from_bytes(digest[:8], "big") / 2**64 < share_b else "A"


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One metric on one side: people, the sum of their values and of the squares. Each person counts once (say 1 when
    anything on a list was clicked in the week after the first one, else 0)."""

    people: int = 0
    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, values: Sequence[float]) -> Outcomes:
        found = np.asarray(values, np.float64)
        return cls(len(found), float(found.sum()), float(np.square(found).sum()))

    def plus(self, value: float) -> Outcomes:
        return Outcomes(self.people + 1, self.total + value, self.squares + value * value)

    @property
    def mean(self) -> float:
        return self.total / self.people if self.people else 0.0

    @property
    def variance(self) -> float:
        """Of one person, unbiased; never 0, so that a run of equal values is not taken for certainty: at least that of
        one differing person."""
        if self.people < 2:
            return 1.0
        found = (self.squares - self.people * self.mean**2) / (self.people - 1)
        return max(found, 1.0 / self.people)


@dataclass(frozen=True, slots=True)
class SequentialTest:
    """``alpha``: chance of a false alarm over the whole experiment, guardrail apart. ``expected``: the difference that
    matters, in units of the metric; the test is quickest there. ``most_people``: both sides together, then it ends.
    ``guardrail_alpha``: the same for the guardrail."""

    alpha: float = 0.05
    expected: float = 0.02
    most_people: int = 100_000
    guardrail_alpha: float = 0.05

    def __post_init__(self) -> None:
        for name in ("alpha", "guardrail_alpha"):
            if not 0 < getattr(self, name) < 1:
                raise BadInput("recommend.test_value", name=name, value=getattr(self, name), expected="0 < x < 1")
        if self.expected <= 0:
            raise BadInput("recommend.test_value", name="expected", value=self.expected, expected="> 0")
        if self.most_people < 2 * BURN_IN:
            raise BadInput(
                "recommend.test_value", name="most_people", value=self.most_people, expected=f">= {2 * BURN_IN}"
            )


@dataclass(frozen=True, slots=True)
class Decision:
    """``effect``: B less A with an interval that holds at all times. ``p``: always valid. ``guardrail``: B less A of
    the metric that must not rise. ``serve``: the side to serve from now on; A unless B has proved better."""

    state: State
    effect: Interval
    p: float
    people: int
    serve: Side
    guardrail: Interval | None = None

    @property
    def ended(self) -> bool:
        return self.state != "running"


def difference(a: Outcomes, b: Outcomes, alpha: float, expected: float) -> tuple[Interval, float]:
    """Mean of B less mean of A with its always-valid interval at level 1 - ``alpha``, and the p-value now.

    The mixture over effects is normal with deviation ``expected``.
    """
    gain = b.mean - a.mean
    if min(a.people, b.people) < BURN_IN:
        return Interval(gain, -math.inf, math.inf), 1.0
    noise = a.variance / a.people + b.variance / b.people
    spread = expected * expected
    half = math.sqrt(noise * (noise + spread) / spread * (2 * math.log(1 / alpha) + math.log((noise + spread) / noise)))
    evidence = 0.5 * math.log(noise / (noise + spread)) + spread * gain * gain / (2 * noise * (noise + spread))
    return Interval(gain, gain - half, gain + half), min(1.0, math.exp(-evidence))


def decide(
    a: Outcomes,
    b: Outcomes,
    args: SequentialTest,
    guardrail: tuple[Outcomes, Outcomes] | None = None,
) -> Decision:
    """Where the experiment stands. ``guardrail``: outcomes of A and B of something that is worse when it is more (lists
    left at once, "not interested"); it is looked at first, and A is served again when it is hurt."""
    effect, p = difference(a, b, args.alpha, args.expected)
    people = a.people + b.people
    guard = None if guardrail is None else difference(*guardrail, args.guardrail_alpha, args.expected)[0]
    if guard is not None and guard.above_zero:
        return Decision("guardrail", effect, p, people, "A", guard)
    if effect.above_zero:
        return Decision("b_better", effect, p, people, "B", guard)
    if effect.below_zero:
        return Decision("a_better", effect, p, people, "A", guard)
    if people >= args.most_people:
        return Decision("no_difference", effect, p, people, "A", guard)
    return Decision("running", effect, p, people, "A", guard)


@dataclass(frozen=True, slots=True)
class Votes:
    """People by the side whose item they clicked (or refused) first on an interleaved list. One person, one vote: under
    no preference each is a fair coin, whatever was voted before, which the test relies on."""

    a: int = 0
    b: int = 0

    @property
    def cast(self) -> int:
        return self.a + self.b


def preference(votes: Votes, alpha: float, expected: float) -> tuple[Interval, float]:
    """(B - A) / (A + B) in -1..1 with its always-valid interval at level 1 - ``alpha``, and the p-value now.

    The likelihood of any share against a beta mixture of shares is a test martingale (Ville 1939; Robbins 1970), so no
    share that it refuses at any time is the true one but with chance ``alpha``; nothing is approximated. The mixture is
    Beta(c, c) with the deviation that ``expected`` has on the scale of shares.
    """
    if not votes.cast:
        return Interval(0.0, -1.0, 1.0), 1.0
    shape = max(0.5, (1 / min(expected, 1.0) ** 2 - 1) / 2)
    mixed = _log_beta(shape + votes.b, shape + votes.a) - _log_beta(shape, shape)

    def evidence(share: float) -> float:
        """Log of how much better the mixture explains the votes than this share does."""
        said = (votes.b * math.log(share) if votes.b else 0.0) + (votes.a * math.log1p(-share) if votes.a else 0.0)
        return mixed - said

    best, bar = votes.b / votes.cast, math.log(1 / alpha)
    low = _crossing(evidence, bar, inside=best, outside=1e-12) if votes.b else 0.0
    high = _crossing(evidence, bar, inside=best, outside=1 - 1e-12) if votes.a else 1.0
    return Interval(2 * best - 1, 2 * low - 1, 2 * high - 1), min(1.0, math.exp(-evidence(0.5)))


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _crossing(evidence: Callable[[float], float], bar: float, *, inside: float, outside: float) -> float:
    """Where ``evidence``, which rises from ``inside`` to ``outside``, reaches ``bar``, by halving; the outer bound."""
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if evidence(middle) >= bar else (middle, outside)
    return outside


def decide_votes(clicks: Votes, refusals: Votes, people: int, args: SequentialTest) -> Decision:
    """Where an interleaved experiment stands: ``clicks`` are votes for, ``refusals`` ("not interested") votes against.
    The guardrail is looked at first: when B's items are refused more, A is served again. ``people`` were shown a list.
    """
    effect, p = preference(clicks, args.alpha, args.expected)
    guard = preference(refusals, args.guardrail_alpha, args.expected)[0]
    if guard.above_zero:
        return Decision("guardrail", effect, p, people, "A", guard)
    if effect.above_zero:
        return Decision("b_better", effect, p, people, "B", guard)
    if effect.below_zero:
        return Decision("a_better", effect, p, people, "A", guard)
    return Decision("no_difference" if people >= args.most_people else "running", effect, p, people, "A", guard)


def seed_of(experiment: str, person: str) -> int:
    """The coin of a person's interleaved lists: the same every time, independent between people and experiments."""
    return int.from_bytes(hashlib.sha256(f"{experiment}\x1f{person}\x1flist".encode()).digest()[:8], "big")


def interleave(first: Sequence[int], second: Sequence[int], k: int, seed: int) -> tuple[list[int], list[Side]]:
    """Team-draft interleaving (Radlinski et al. 2008) of two lists: items and which side each was drafted by.

    A click counts for the side that drafted the item (see ``Votes``).
    """
    generator = np.random.default_rng(seed)
    lists: dict[Side, list[int]] = {"A": list(dict.fromkeys(first)), "B": list(dict.fromkeys(second))}
    chosen: list[int] = []
    sides: list[Side] = []
    while len(chosen) < k and (lists["A"] or lists["B"]):
        counts = sides.count("A"), sides.count("B")
        heads = bool(generator.integers(2))
        turn: Side = "A" if counts[0] < counts[1] or (counts[0] == counts[1] and heads) else "B"
        if not lists[turn]:
            turn = "B" if turn == "A" else "A"
        item = lists[turn].pop(0)
        chosen.append(item)
        sides.append(turn)
        for side in lists.values():
            if item in side:
                side.remove(item)
    return chosen, sides
