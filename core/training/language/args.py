"""The settings of a language model's training, checked where they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.training.loop_args import LoopArgs, Schedule, require, require_one_of

Vocabulary = Literal["bpe", "characters"]
Optimizer = Literal["auto", "adamw", "muon"]

SCRATCH_RATE, BASE_RATE = 3e-3, 5e-5  # AdamW's peaks: for weights that start from chance, and for those that do not


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageModelArgs(LoopArgs):
    """``base``: folder of a GPT-2 to go on from, "" to start from scratch; then ``vocabulary`` (byte-level BPE of
    ``vocabulary_size`` tokens, or one token a character), ``layers``, ``heads`` and ``width`` say what is made.
    ``max_tokens``: tokens of a block, which is also the window of a model from scratch. ``learning_rate`` 0 is 3e-3
    from scratch and 5e-5 from a base. ``optimizer`` auto is Muon for the matrices of a model from scratch (at
    ``muon_rate``; Jordan et al. 2024) and AdamW for everything else. ``max_seconds`` and ``max_steps`` end the run
    before its epochs do, 0 for never; the learning rate falls towards whichever end comes first. With ``max_seconds``
    the result hangs on the speed of the machine. ``live_tokens``: at most so many validation tokens decide during
    training; the figures at the end are of all. ``sample_tokens``: length of the text written at each evaluation,
    going on from each of ``sample_prompts``. ``encoder`` and ``lora_*`` of the base class are not used;
    its ``layer_decay`` and ``adversarial`` are refused.
    """

    encoder: str = ""
    base: str = ""
    vocabulary: Vocabulary = "bpe"
    vocabulary_size: int = 8000
    layers: int = 6
    heads: int = 6
    width: int = 384
    dropout: float = 0.1
    epochs: int = 4
    batch_size: int = 16
    learning_rate: float = 0.0
    muon_rate: float = 0.02
    optimizer: Optimizer = "auto"
    weight_decay: float = 0.1
    warm_up: float = 0.05
    schedule: Schedule = "cosine"
    max_tokens: int = 256
    evaluations_per_epoch: int = 2
    max_seconds: float = 0.0
    max_steps: int = 0
    live_tokens: int = 30_000
    sample_tokens: int = 60
    sample_prompts: tuple[str, ...] = ("",)

    def __post_init__(self) -> None:
        if self.learning_rate == 0:
            object.__setattr__(self, "learning_rate", BASE_RATE if self.base else SCRATCH_RATE)
        self._check_loop()
        require_one_of("vocabulary", self.vocabulary, ("bpe", "characters"))
        require_one_of("optimizer", self.optimizer, ("auto", "adamw", "muon"))
        for name in ("layers", "heads", "live_tokens"):
            require(name, getattr(self, name), ">= 1", getattr(self, name) >= 1)
        for name in ("max_seconds", "max_steps", "sample_tokens"):
            require(name, getattr(self, name), ">= 0", getattr(self, name) >= 0)
        require("max_tokens", self.max_tokens, ">= 8", self.max_tokens >= 8)
        require("vocabulary_size", self.vocabulary_size, ">= 300 (256 bytes)", self.vocabulary_size >= 300)
        require("width", self.width, f"n x heads ({self.heads})", self.width > 0 and self.width % self.heads == 0)
        require("layer_decay", self.layer_decay, "1", self.layer_decay == 1)
        require("adversarial", self.adversarial, "0", self.adversarial == 0)
        require("dropout", self.dropout, "0 <= x < 1", 0 <= self.dropout < 1)
        require("muon_rate", self.muon_rate, "> 0", self.muon_rate > 0)

    def chosen_optimizer(self) -> Optimizer:
        """The optimiser in force."""
        if self.optimizer != "auto":
            return self.optimizer
        return "adamw" if self.base else "muon"
