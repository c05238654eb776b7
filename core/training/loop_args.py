"""The settings that every fine-tuning run of a transformer shares, checked where they are made."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from core.errors import BadInput

Schedule = Literal["linear", "cosine", "constant"]
Precision = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopArgs:
    """How a model is trained; what it is trained for is said by the classes that build on this one.

    ``batch_size``: rows an optimiser step, over all processes; each process computes its share in ``accumulate``
    parts. ``learning_rate`` is the peak; ``warm_up`` the share of all steps that lead up to it. ``patience``:
    evaluations without a better ``metric`` before the run stops early, 0 for never. ``precision`` auto is bf16 where
    the processor computes it faster than fp32. ``checkpoint_seconds``: time between checkpoints, beside the one at
    each evaluation. ``lora_*``: rank, scale (alpha / rank) and dropout of the low-rank deltas (Hu et al. 2021).
    ``average``: decay of a moving average of the weights, which is judged and kept in their place; 0 for none.
    ``layer_decay``: the learning rate of each layer beside that of the layer above it (Howard & Ruder 2018).
    ``adversarial``: each text is learnt a second time with its word vectors moved where they hurt most, by this share
    of their length (Miyato et al. 2017), which takes twice the time; 0 for no.
    Raises BadInput (training.argument) for a value that cannot be.
    """

    encoder: str = "all-MiniLM-L6-v2"  # catalogue name, or a folder with config.json and safetensors
    epochs: int = 3
    batch_size: int = 32
    accumulate: int = 1
    learning_rate: float = 1e-4
    weight_decay: float = 0.01
    warm_up: float = 0.1
    schedule: Schedule = "linear"
    clip_norm: float = 1.0
    max_tokens: int = 128
    evaluations_per_epoch: int = 1
    patience: int = 4
    seed: int = 0
    precision: Precision = "auto"
    device: str = "auto"
    threads: int = 0  # of torch; 0 leaves them as they are
    checkpoint_seconds: float = 60.0
    lora_rank: int = 8
    lora_alpha: int = 16
    lora_dropout: float = 0.05
    average: float = 0.0
    layer_decay: float = 1.0
    adversarial: float = 0.0

    def __post_init__(self) -> None:
        self._check_loop()

    def _check_loop(self) -> None:
        for name in ("epochs", "batch_size", "accumulate", "max_tokens", "evaluations_per_epoch", "lora_rank"):
            require(name, getattr(self, name), ">= 1", getattr(self, name) >= 1)
        for name in ("learning_rate", "clip_norm", "lora_alpha"):
            require(name, getattr(self, name), "> 0", getattr(self, name) > 0)
        for name in ("weight_decay", "patience", "threads", "seed", "checkpoint_seconds"):
            require(name, getattr(self, name), ">= 0", getattr(self, name) >= 0)
        for name in ("warm_up", "lora_dropout", "average", "adversarial"):
            require(name, getattr(self, name), "0 <= x < 1", 0 <= getattr(self, name) < 1)
        require("layer_decay", self.layer_decay, "0 < x <= 1", 0 < self.layer_decay <= 1)
        require_one_of("schedule", self.schedule, ("linear", "cosine", "constant"))
        require_one_of("precision", self.precision, ("auto", "fp32", "bf16"))
        require("accumulate", self.accumulate, f"<= batch_size ({self.batch_size})", self.accumulate <= self.batch_size)


def require(name: str, value: Any, expected: str, holds: bool) -> None:
    """Raises BadInput (training.argument) unless ``holds``. ``expected`` is written in signs, not in a language."""
    if not holds:
        raise BadInput("training.argument", name=name, value=value, expected=expected)


def require_one_of(name: str, value: Any, known: Collection[str]) -> None:
    require(name, value, " | ".join(known), value in known)
