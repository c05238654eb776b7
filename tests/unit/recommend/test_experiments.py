"""Assignment, the always-valid test, the guardrail, interleaving."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.errors import BadInput
from core.recommend.experiments import (
    BURN_IN,
    Outcomes,
    SequentialTest,
    Votes,
    assign,
    decide,
    decide_votes,
    difference,
    interleave,
    preference,
    seed_of,
)

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


def test_votes_raise_no_more_false_alarms_than_stated() -> None:
    """A thousand interleaved experiments without a preference, looked at after every single vote."""
    generator = np.random.default_rng(17)
    args, most = SequentialTest(expected=0.1, most_people=10 * PEOPLE), 1_000
    ended = _ends(most, args)
    alarms = naive = 0
    for _ in range(1_000):
        b = (generator.random(most) < 0.5).cumsum()
        n = np.arange(1, most + 1)
        alarms += bool((ended[n, b]).any())
        naive += bool((np.abs(2 * b - n)[49:] > 1.96 * np.sqrt(n)[49:]).any())
    assert alarms <= 50
    assert naive > 200


def _ends(most: int, args: SequentialTest) -> np.ndarray:
    """Bool [votes + 1, votes for B + 1]: where an experiment has ended. Asked at the two edges of "running" alone."""
    ended = np.zeros((most + 1, most + 1), bool)
    edge = 0
    for votes in range(1, most + 1):
        while edge < votes / 2 and decide_votes(Votes(votes - edge, edge), Votes(), 1, args).ended:
            edge += 1
        while edge > 0 and not decide_votes(Votes(votes - edge + 1, edge - 1), Votes(), 1, args).ended:
            edge -= 1
        ended[votes, :edge] = True
        ended[votes, votes - edge + 1 : votes + 1] = edge > 0
    return ended


def test_a_preference_is_found_and_its_interval_holds_it() -> None:
    generator = np.random.default_rng(18)
    args, found, held = SequentialTest(expected=0.2, most_people=10 * PEOPLE), 0, 0
    for _ in range(60):
        b = (generator.random(1_500) < 0.6).cumsum()
        votes = [Votes(n - int(b[n - 1]), int(b[n - 1])) for n in range(25, 1501, 25)]
        decisions = [decide_votes(one, Votes(), one.cast, args) for one in votes]
        ended = [one for one in decisions if one.ended]
        found += bool(ended) and (ended[0].state, ended[0].serve) == ("b_better", "B")
        held += all(one.effect.low <= 0.2 <= one.effect.high for one in decisions)
    assert found >= 55
    assert held >= 57


def test_refusals_of_b_give_everybody_a_again() -> None:
    decision = decide_votes(Votes(100, 400), Votes(10, 90), 1_000, SequentialTest(expected=0.1))
    assert (decision.state, decision.serve) == ("guardrail", "A")
    assert decide_votes(Votes(100, 400), Votes(90, 10), 1_000, SequentialTest(expected=0.1)).serve == "B"
    assert decide_votes(Votes(400, 100), Votes(), 1_000, SequentialTest(expected=0.1)).state == "a_better"
    assert decide_votes(Votes(50, 50), Votes(), 500, SequentialTest(most_people=500)).state == "no_difference"


@pytest.mark.parametrize(
    ("votes", "value"), [(Votes(), 0.0), (Votes(3, 0), -1.0), (Votes(0, 3), 1.0), (Votes(5, 5), 0.0)]
)
def test_few_votes_say_little_and_the_interval_holds_what_was_seen(votes: Votes, value: float) -> None:
    interval, p = preference(votes, 0.05, 0.1)
    assert interval.value == value
    assert -1 <= interval.low <= value <= interval.high <= 1
    assert interval.high - interval.low > 1
    assert p > 0.05


def test_which_team_stands_first_is_a_fair_coin_between_people() -> None:
    first = [interleave([1, 2], [3, 4], 4, seed_of("experiment-1", f"p{n}"))[1][0] for n in range(4_000)]
    assert 0.47 < first.count("B") / len(first) < 0.53
    assert first[:50] == [interleave([1, 2], [3, 4], 4, seed_of("experiment-1", f"p{n}"))[1][0] for n in range(50)]
