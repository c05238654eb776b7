"""Confidences of several kinds of evidence at one level."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.assistant.confidence import calibrate
from core.assistant.levels import FEWEST, MOST, levels, logit

AT = 0.6
Case = tuple[float, bool, str]

# Sure evidence: right above 0.8, wrong at 0.75. Shy evidence: right above 0.4, wrong at 0.2.
APART: list[Case] = [
    *((0.8 + i / 200, True, "sure") for i in range(20)),
    *((0.75, False, "sure") for _ in range(4)),
    *((0.4 + i / 200, True, "shy") for i in range(20)),
    *((0.2, False, "shy") for _ in range(4)),
]


def moved(cases: list[Case], shifts: dict[str, float]) -> list[float]:
    return [1 / (1 + math.exp(-logit(score) - shifts.get(kind, 0.0))) for score, _, kind in cases]


def levels_of(cases: list[Case], max_wrong: float = 0.05) -> dict[str, float]:
    return levels([c[0] for c in cases], [c[1] for c in cases], [c[2] for c in cases], max_wrong, AT)


def test_kinds_that_lie_apart_get_one_threshold() -> None:
    shifts = levels_of(APART)
    assert set(shifts) == {"sure", "shy"}
    right = [good for _, good, _ in APART]
    before = calibrate([score for score, _, _ in APART], right, 0.05)
    after = calibrate(moved(APART, shifts), right, 0.05)
    assert (before.answered, after.answered, after.wrong) == (20, 40, 0.0)
    given_at = [value >= AT for value in moved(APART, shifts)]
    assert given_at == right  # the threshold of each kind is where it was asked to be


def test_a_kind_that_is_never_right_falls_silent() -> None:
    cases: list[Case] = [*APART[:24], *((0.85 + i / 1000, False, "bad") for i in range(12))]
    shifts = levels_of(cases)
    values = moved(cases, shifts)
    assert all(value < AT for value, (_, _, kind) in zip(values, cases, strict=True) if kind == "bad")
    assert sum(value >= AT for value in values) == 20


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param(APART[:24], id="one kind"),
        pytest.param([*APART[:24], *APART[24 : 24 + FEWEST - 1]], id="too few of the other"),
        pytest.param(
            [(score, good, "sure" if i % 2 else "shy") for i, (score, good, _) in enumerate(APART[:24])], id="alike"
        ),
        pytest.param([(0.9, False, kind) for kind in ("sure", "shy") for _ in range(12)], id="nothing right"),
    ],
)
def test_nothing_is_moved_without_a_gain(cases: list[Case]) -> None:
    assert levels_of(cases) == {}


@given(
    st.lists(
        st.tuples(st.sampled_from([i / 20 for i in range(1, 20)]), st.booleans(), st.sampled_from(["a", "b", "c"])),
        min_size=1,
        max_size=90,
    ),
    st.sampled_from([0.05, 0.1, 0.3]),
)
def test_moving_keeps_the_promise_and_answers_more(cases: list[Case], most: float) -> None:
    shifts = levels_of(cases, most)
    assert all(abs(shift) <= MOST for shift in shifts.values())
    if not shifts or max(map(abs, shifts.values())) == MOST:
        return
    here = [case for case in cases if case[2] in shifts]
    given_now = [good for value, (_, good, _) in zip(moved(here, shifts), here, strict=True) if value >= AT - 1e-9]
    wrong = given_now.count(False)
    assert (wrong + 1) / (len(given_now) + 1) <= most
    one = calibrate([score for score, _, _ in here], [good for _, good, _ in here], most)
    assert given_now.count(True) > round(one.answered * (1 - one.wrong))
