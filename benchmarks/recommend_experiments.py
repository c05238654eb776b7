"""Experiments simulated: false alarms where A and B are equally good, and how soon a real difference is found.

A/B: a click of a person is a coin of the side's rate. Interleaving: the product's team draft of two rankings, a person
who looks from the top and clicks the first item that they like, and the vote that the product counts. Rankings are the
person's true order of 50 items, disturbed; equally much where there is nothing to find, B less where there is.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from benchmarks.beir import print_table
from core.recommend.experiments import Outcomes, SequentialTest, Votes, decide, decide_votes, interleave

ROUNDS, STATED = 1_000, 0.05
PEOPLE_AB, LOOK_AB = 6_000, 50  # both sides together, and how often the test is looked at
VOTES, SESSIONS = 1_500, 40_000  # votes of an interleaved experiment; sessions that they are drawn from
EQUAL, BETTER = (2.0, 2.0), (2.0, 1.4)  # how much the rankings of A and B are disturbed
Votings = np.ndarray[Any, np.dtype[np.bool_]]


def run_experiments(options: argparse.Namespace) -> dict[str, Any]:
    """A thousand null experiments and a hundred with a difference, of each design."""
    generator = np.random.default_rng(3)
    found: dict[str, Any] = {}
    for name, rates in (("ab_null", (0.10, 0.10)), ("ab_better", (0.10, 0.13))):
        found[name] = _ab(generator, rates, ROUNDS if rates[0] == rates[1] else 100)
    for name, noise in (("interleaving_null", EQUAL), ("interleaving_better", BETTER)):
        votings = sessions(generator, noise)
        found[name] = _interleaving(generator, votings, ROUNDS if noise == EQUAL else 100)
        found[name]["share_of_b"] = float(votings.mean())
    said = {"ab": "A/B", "interleaving": "interleaving"}
    rows = []
    for design, name in said.items():
        null, better = found[f"{design}_null"], found[f"{design}_better"]
        good = null["ended"] <= STATED * null["rounds"]
        rows.append(
            [name, f"{null['ended']} of {null['rounds']}", f"{null['naive']} of {null['rounds']}",
             f"{better['right']} of {better['rounds']}", f"{better['median']:.0f}",
             f"at most {STATED:.0%}: {'met' if good else 'NOT met'}"]
        )  # fmt: skip
    heads = ["design", "false alarms", "of a fixed interval", "real difference found", "people, median", "verdict"]
    print_table(heads, rows)
    print(f"with a difference: A/B 10 % and 13 % click; interleaving {found['interleaving_better']['share_of_b']:.3f} "
          f"of votes for B (null: {found['interleaving_null']['share_of_b']:.3f})")  # fmt: skip
    return found


def sessions(generator: np.random.Generator, noise: tuple[float, float], items: int = 50, k: int = 10) -> Votings:
    """Bool [votes]: whether B's item was clicked first, of ``SESSIONS`` people who see one interleaved list each."""
    votes = []
    for number in range(SESSIONS):
        worth = generator.normal(size=items)
        a, b = (np.argsort(-(worth + generator.normal(size=items) * one)) for one in noise)
        chosen, sides = interleave(a.tolist(), b.tolist(), k, number)
        liked = generator.random(len(chosen)) < 1 / (1 + np.exp(2 - worth[chosen]))
        if liked.any():
            votes.append(sides[int(np.argmax(liked))] == "B")
    return np.array(votes, bool)


def _interleaving(generator: np.random.Generator, votings: Votings, rounds: int) -> dict[str, Any]:
    args, counts = SequentialTest(alpha=STATED, expected=0.1, most_people=10**9), np.arange(1, VOTES + 1)
    known: dict[Votes, str] = {}

    def state(votes: Votes) -> str:
        if votes not in known:
            known[votes] = decide_votes(votes, Votes(), votes.cast, args).state
        return known[votes]

    states, ends, naive = [], [], 0
    for _ in range(rounds):
        b = generator.choice(votings, VOTES).cumsum()
        looks = ((n, Votes(n - int(b[n - 1]), int(b[n - 1]))) for n in range(1, VOTES + 1))
        ended = next(((n, said) for n, votes in looks if (said := state(votes)) != "running"), None)
        states.append(ended[1] if ended else "running")
        ends += [ended[0]] if ended else []
        naive += bool((np.abs(2 * b - counts) > 1.96 * np.sqrt(counts))[99:].any())
    return _summed(states, ends, naive)


def _ab(generator: np.random.Generator, rates: tuple[float, float], rounds: int) -> dict[str, Any]:
    args, half = SequentialTest(alpha=STATED, expected=0.03, most_people=10**9), PEOPLE_AB // 2
    states, ends, naive = [], [], 0
    for _ in range(rounds):
        sums = [(generator.random(half) < rate).cumsum() for rate in rates]
        ended, crossed = None, False
        for n in range(LOOK_AB // 2, half + 1, LOOK_AB // 2):
            a, b = (Outcomes(n, float(one[n - 1]), float(one[n - 1])) for one in sums)
            crossed |= n >= 100 and abs(b.mean - a.mean) > 1.96 * ((a.variance + b.variance) / n) ** 0.5
            decision = decide(a, b, args)
            if ended is None and decision.ended:
                ended = (2 * n, decision.state)
        states.append(ended[1] if ended else "running")
        ends += [ended[0]] if ended else []
        naive += crossed
    return _summed(states, ends, naive)


def _summed(states: list[str], ends: list[int], naive: int) -> dict[str, Any]:
    median = float(np.median(ends)) if ends else float("nan")
    return {
        "rounds": len(states),
        "ended": len(ends),
        "right": states.count("b_better"),
        "naive": naive,
        "median": median,
    }
