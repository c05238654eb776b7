"""Assignment, the always-valid test, the guardrail, interleaving."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.errors import BadInput
from core.recommend.experiments import BURN_IN, Outcomes, SequentialTest, assign, decide, difference, interleave

PEOPLE, LOOK = 3_000, 25  # people a side; the test is looked at after every so many


def looks(generator: np.random.Generator, rate_a: float, rate_b: float) -> tuple[list[Outcomes], list[Outcomes]]:
    """Outcomes of both sides of one simulated experiment at each look."""
    sides = []
    for rate in (rate_a, rate_b):
        totals = (generator.random(PEOPLE) < rate).cumsum()
        sides.append([Outcomes(n, float(totals[n - 1]), float(totals[n - 1])) for n in range(LOOK, PEOPLE + 1, LOOK)])
    return sides[0], sides[1]


def test_false_alarms_over_a_thousand_experiments_without_a_difference() -> None:
    """Stopped at any of 120 looks. A fixed 95 % interval would raise several times as many alarms than it states."""
    generator = np.random.default_rng(7)
    args = SequentialTest(alpha=0.05, expected=0.02, most_people=10 * PEOPLE)
    alarms, naive = 0, 0
    for _ in range(1_000):
        sides = list(zip(*looks(generator, 0.1, 0.1), strict=True))
        alarms += any(decide(a, b, args).ended for a, b in sides)
        naive += any(
            a.people >= BURN_IN
            and abs(b.mean - a.mean) > 1.96 * math.sqrt(a.variance / a.people + b.variance / b.people)
            for a, b in sides
        )
    assert alarms <= 50
    assert naive > 150


def test_a_guardrail_raises_no_more_false_alarms_than_stated() -> None:
    generator = np.random.default_rng(8)
    args = SequentialTest(guardrail_alpha=0.05, most_people=10 * PEOPLE)
    hurt = 0
    for _ in range(400):
        sides = list(zip(*looks(generator, 0.05, 0.05), strict=True))
        hurt += any(decide(Outcomes(), Outcomes(), args, pair).state == "guardrail" for pair in sides)
    assert hurt <= 20


def test_a_real_difference_is_found_and_its_interval_holds_it() -> None:
    generator = np.random.default_rng(9)
    args = SequentialTest(expected=0.04, most_people=10 * PEOPLE)
    found, held = 0, 0
    for _ in range(100):
        decisions = [decide(a, b, args) for a, b in zip(*looks(generator, 0.10, 0.15), strict=True)]
        ended = [one for one in decisions if one.ended]
        found += bool(ended) and ended[0].state == "b_better" and ended[0].serve == "B"
        held += all(one.effect.low <= 0.05 <= one.effect.high for one in decisions)
    assert found >= 90
    assert held >= 95


def test_a_hurt_guardrail_returns_to_a_even_when_b_sells_more() -> None:
    better = Outcomes(5_000, 500, 500), Outcomes(5_000, 900, 900)
    assert decide(*better, SequentialTest()).serve == "B"
    decision = decide(*better, SequentialTest(), guardrail=(Outcomes(5_000, 50, 50), Outcomes(5_000, 400, 400)))
    assert (decision.state, decision.serve) == ("guardrail", "A")
    assert decision.guardrail is not None
    assert decision.guardrail.above_zero


def test_nothing_is_decided_before_there_are_enough_people() -> None:
    decision = decide(Outcomes.of([0.0] * 99), Outcomes.of([1.0] * 99), SequentialTest())
    assert decision.state == "running"
    assert decision.p == 1.0


def test_equal_values_are_not_taken_for_certainty() -> None:
    assert decide(Outcomes.of([0.0] * 150), Outcomes.of([0.0] * 149 + [1.0]), SequentialTest()).state == "running"


def test_it_ends_without_a_difference() -> None:
    decision = decide(Outcomes(5_000, 500, 500), Outcomes(5_000, 503, 503), SequentialTest(most_people=10_000))
    assert (decision.state, decision.serve) == ("no_difference", "A")


def test_outcomes_one_by_one_are_those_of_all() -> None:
    values = [0.0, 1.0, 2.5, 1.0]
    outcomes = Outcomes()
    for value in values:
        outcomes = outcomes.plus(value)
    assert outcomes == Outcomes.of(values)
    assert outcomes.variance == pytest.approx(np.var(values, ddof=1))


def test_the_interval_narrows_with_people() -> None:
    widths = []
    for n in (1_000, 10_000, 100_000):
        interval, _ = difference(Outcomes(n, n / 10, n / 10), Outcomes(n, n / 10, n / 10), 0.05, 0.02)
        widths.append(interval.high - interval.low)
    assert widths == sorted(widths, reverse=True)


def test_people_keep_their_side_and_sides_are_even() -> None:
    people = [f"person {n}" for n in range(20_000)]
    sides = [assign("spring", person) for person in people]
    assert sides == [assign("spring", person) for person in people]
    assert 0.48 < sides.count("B") / len(sides) < 0.52
    tenth = [assign("spring", person, 0.1) for person in people]
    assert 0.09 < tenth.count("B") / len(tenth) < 0.11
    other = [assign("summer", person) for person in people]
    both = sum(a == b for a, b in zip(sides, other, strict=True)) / len(people)
    assert 0.48 < both < 0.52, "two experiments would share their people"


def test_interleaving_is_fair_and_has_no_repeats() -> None:
    first, second = list(range(20)), list(range(19, -1, -1))
    drafted = {"A": 0, "B": 0}
    for seed in range(200):
        items, sides = interleave(first, second, 9, seed)
        assert len(set(items)) == len(items) == 9
        assert abs(sides.count("A") - sides.count("B")) <= 1
        drafted[sides[0]] += 1
    assert 70 < drafted["A"] < 130
    assert interleave([1, 2], [], 5, 0) == ([1, 2], ["A", "A"])
    assert interleave([], [], 5, 0) == ([], [])


@pytest.mark.parametrize(
    "values", [{"alpha": 0}, {"alpha": 1.5}, {"expected": 0}, {"most_people": 10}, {"guardrail_alpha": 2}]
)
def test_settings_that_cannot_be(values: dict[str, float]) -> None:
    with pytest.raises(BadInput, match="expected"):
        SequentialTest(**values)  # type: ignore[arg-type]
