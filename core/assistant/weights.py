"""Small linear models shipped as readable JSON: names, coefficients, and a card that says on what they were fitted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parent / "weights"


@dataclass(frozen=True, slots=True)
class Linear:
    """``score = features @ coefficients + intercept``; ``constants`` are thresholds fitted together with it."""

    names: tuple[str, ...]
    coefficients: tuple[float, ...]
    intercept: float
    constants: Mapping[str, float]

    def scores(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores of rows of features (n, len(names)), in the order of ``names``."""
        return np.asarray(features @ np.asarray(self.coefficients) + self.intercept, dtype=np.float64)


def parse(data: Mapping[str, Any], names: Sequence[str]) -> Linear:
    """A model from its JSON object. Raises ValueError when its features are not exactly ``names``."""
    coefficients: Mapping[str, float] = data["coefficients"]
    if set(coefficients) != set(names):
        differing = sorted(set(coefficients) ^ set(names))
        raise ValueError(f"weights and code disagree about the features {differing}: fit the weights again")
    return Linear(
        names=tuple(names),
        coefficients=tuple(float(coefficients[name]) for name in names),
        intercept=float(data.get("intercept", 0.0)),
        constants={name: float(value) for name, value in data.get("constants", {}).items()},
    )


@cache
def load(file: str, names: tuple[str, ...]) -> Linear:
    """The shipped model ``weights/<file>.json``, checked against the features the code computes."""
    return parse(json.loads((FOLDER / f"{file}.json").read_text(encoding="utf-8")), names)
