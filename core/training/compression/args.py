"""What a compression is asked for, and what it tells: settings, the table's lines, and what its makers share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.models.classifiers.ngrams import Beside, load_beside
from core.models.manifest import Manifest
from core.training.classification.rows import LabelledTexts, Labels
from core.training.watch import Watch

Kind = Literal["onnx-fp32", "onnx-int8", "dynamic-int8", "pruned", "distilled"]
VARIANTS: tuple[Kind, ...] = ("onnx-int8", "dynamic-int8", "pruned", "distilled")
KNOWN: tuple[Kind, ...] = ("onnx-fp32", *VARIANTS)
ORIGINAL = "original"

TextRows = tuple[Sequence[str], Labels]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressArgs:
    """``allowed_loss``: accuracy (a share) that a variant may lose and still be promoted.

    ``neurons``: share of feed-forward neurons that pruning leaves; ``layers``: of the distilled student, 0 for half.
    ``epochs`` of distillation, ``recovery_epochs`` after pruning. ``temperature`` and ``soft``: of the teacher's
    outputs, and their share of the loss. ``timed``: texts in a timing, of which the best of ``repeats`` counts.
    """

    variants: tuple[Kind, ...] = VARIANTS
    allowed_loss: float = 0.01
    neurons: float = 0.5
    layers: int = 0
    epochs: int = 3
    recovery_epochs: int = 1
    batch_size: int = 32
    learning_rate: float = 1e-4
    temperature: float = 2.0
    soft: float = 0.7
    seed: int = 0
    device: str = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    timed: int = 500
    repeats: int = 3

    def __post_init__(self) -> None:
        unknown = [variant for variant in self.variants if variant not in KNOWN]
        if unknown or not self.variants:
            found = ", ".join(unknown) or "-"
            raise BadInput("data.option", name="variants", value=found, expected=" | ".join(KNOWN))
        for name in ("allowed_loss", "neurons", "soft"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInput("data.option", name=name, value=getattr(self, name), expected="0 <= x <= 1")
        if self.layers < 0 or self.temperature <= 0 or self.timed < 1 or self.repeats < 1:
            raise BadInput("data.option", name="layers", value=self.layers, expected=">= 0")


@dataclass(frozen=True, slots=True)
class Variant:
    """One line of the table. ``folder``: below the compression's own, "" when the variant cannot be promoted.

    ``runs``: what computed it, e.g. "onnx int8". ``size_bytes``: files that are loaded in use. ``texts_per_second``:
    of processor time on one thread. ``accuracy`` (multi-label: micro F1), ``lost`` against the original, and
    ``agreement`` with its labels are shares of the held-out rows.
    """

    name: str
    runs: str
    size_bytes: int
    texts_per_second: float
    accuracy: float
    lost: float
    agreement: float
    passed: bool
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Compression:
    """The original first, then its variants; all measured on the same ``rows`` held-out texts in one run."""

    variants: tuple[Variant, ...]
    allowed_loss: float
    rows: int
    timed: int


@dataclass
class Job:
    """What the makers of variants share."""

    folder: Path
    target: Path
    manifest: Manifest
    training: LabelledTexts
    validation: LabelledTexts
    args: CompressArgs
    watch: Watch
    mark: str
    teacher: NDArray[np.float32] | None = None

    @cached_property
    def beside(self) -> Beside | None:
        """The n-grams that speak with the encoder, where the original has them."""
        return load_beside(self.folder, self.manifest.facts)

    @property
    def normalise(self) -> bool:
        return bool(self.manifest.facts["normalise"])

    @property
    def max_tokens(self) -> int:
        return int(self.manifest.facts["max_tokens"])
