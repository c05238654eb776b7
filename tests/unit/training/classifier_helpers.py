"""What the tests of classifier training share: rows that can be learnt, a watch that remembers, small arguments."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import Cancelled
from core.training.classification.args import ClassifierArgs

SIGNS = {
    "refund": ("refund", "money", "returned"),
    "price": ("month", "plan", "costs"),
    "greeting": ("items", "delivery", "sign"),
}
FILLER = ("the", "and", "only", "from", "days", "may", "be", "within", "on", "pro")


def rows(count: int, seed: int = 0, *, labels: tuple[str, ...] = tuple(SIGNS)) -> tuple[list[str], list[str]]:
    """``count`` texts that a sign word among filler gives away, and their labels, equally many of each."""
    generator = np.random.default_rng(seed)
    texts, given = [], []
    for number in range(count):
        label = labels[number % len(labels)]
        words = [*generator.choice(FILLER, 3), generator.choice(SIGNS[label])]
        texts.append(" ".join(str(words[place]) for place in generator.permutation(len(words))))
        given.append(label)
    return texts, given


def many_labels(count: int, seed: int = 0) -> tuple[list[str], list[list[str]]]:
    """Texts with no, one or several signs, and the list of their labels."""
    generator = np.random.default_rng(seed)
    texts, given = [], []
    for number in range(count):
        chosen = [label for place, label in enumerate(SIGNS) if (number >> place) & 1]
        words = [*generator.choice(FILLER, 3), *(generator.choice(SIGNS[label]) for label in chosen)]
        texts.append(" ".join(str(words[place]) for place in generator.permutation(len(words))))
        given.append(chosen)
    return texts, given


def small_args(folder: Path, /, **values: Any) -> ClassifierArgs:
    """A few epochs of a tiny encoder in fp32 on one thread."""
    defaults: dict[str, Any] = {
        "encoder": str(folder),
        "mode": "full",
        "epochs": 4,
        "batch_size": 16,
        "learning_rate": 3e-3,
        "head_rate": 1.0,
        "head_start": False,
        "precision": "fp32",
        "device": "cpu",
        "threads": 1,
        "max_tokens": 32,
        "patience": 0,
        "export": False,
    }
    return ClassifierArgs(**{**defaults, **values})


class Recorder:
    """Remembers what a run says; stops it at a ``check``, a ``point`` or by the signal that nobody can catch."""

    def __init__(self, *, stop_check: int = 0, stop_point: str = "", kill_step: int = 0) -> None:
        self.points: list[tuple[int, dict[str, float]]] = []
        self.steps: list[tuple[str, int, int]] = []
        self.lines: list[str] = []
        self._checks, self._stop_check, self._stop_point, self._kill_step = 0, stop_check, stop_point, kill_step

    def check(self) -> None:
        self._checks += 1
        if self._checks == self._stop_check:
            raise Cancelled("cancelled")

    def step(self, stage: str, done: int, total: int) -> None:
        self.steps.append((stage, done, total))
        if self._kill_step and done == self._kill_step:
            os.kill(os.getpid(), signal.SIGKILL)

    def point(self, step: int, **values: float) -> None:
        self.points.append((step, values))
        if self._stop_point and self._stop_point in values:
            raise Cancelled("cancelled")

    def sample(self, step: int, text: str) -> None:
        raise AssertionError("a classifier writes no samples")

    def say(self, line: str) -> None:
        self.lines.append(line)

    def values(self, name: str) -> list[float]:
        return [point[name] for _, point in self.points if name in point]
