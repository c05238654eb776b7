"""The settings of a text classifier's training, checked where they are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.training.loop_args import LoopArgs, require, require_one_of

Mode = Literal["auto", "full", "lora", "frozen", "few_shot"]
Task = Literal["single", "multi"]
Metric = Literal["accuracy", "f1_macro", "f1_micro", "loss"]

FEW = 50  # examples a class, on average, below which contrastive pairs teach more than the labels alone


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierArgs(LoopArgs):
    """What is learnt, and how, beyond the loop's own settings.

    ``mode``: all weights (full), low-rank deltas merged at the end (lora), a logistic head on vectors of the unchanged
    encoder (frozen), or contrastive pairs first and then the head (few_shot); auto is few_shot below 50 examples a
    class and full above. ``class_weights`` balanced counts each class as if it were equally frequent.
    ``head_start``: the head of full and lora starts as a logistic regression instead of from chance; ``head_rate``: its
    learning rate as a multiple of the encoder's. ``train_embeddings`` False keeps the word vectors of full and
    few_shot as they are. ``live_rows``: at most so many validation rows, drawn once, decide during training; the
    figures at the end are of all.
    ``agreement``: weight of the divergence between the answers to a text under two draws of dropout (R-Drop, Liang et
    al. 2021, whose alpha it is: 1 to 5), which takes twice the time; 0 for one draw.
    ``few_shot_steps``: optimiser steps of the contrastive part, each on ``few_shot_batch`` texts, at
    ``few_shot_rate``; ``contrast``: temperature of its similarities; ``label_texts``: the name of each label is one
    more text of it, where it is made of words that the encoder knows.
    ``ngrams``: a linear model on the n-grams of the training texts stands beside the encoder, each with as much say as
    the validation rows give it.
    ``export`` also writes the model for onnxruntime, so that it is used without torch; ``int8_limit``: how much
    validation accuracy (a share) the int8 file may lose before the fp32 one is kept instead.
    """

    task: Task = "single"
    mode: Mode = "auto"
    metric: Metric = "accuracy"
    class_weights: Literal["none", "balanced"] = "none"
    label_smoothing: float = 0.0
    dropout: float = 0.1
    agreement: float = 0.0
    head_start: bool = True
    head_rate: float = 10.0
    train_embeddings: bool = True
    few_shot_steps: int = 25
    few_shot_batch: int = 128
    few_shot_rate: float = 1e-4
    label_texts: bool = True
    contrast: float = 0.07
    ngrams: bool = False
    export: bool = True
    int8_limit: float = 0.005
    live_rows: int = 2000

    def __post_init__(self) -> None:
        self._check_loop()
        require_one_of("task", self.task, ("single", "multi"))
        require_one_of("mode", self.mode, ("auto", "full", "lora", "frozen", "few_shot"))
        require_one_of("metric", self.metric, ("accuracy", "f1_macro", "f1_micro", "loss"))
        require_one_of("class_weights", self.class_weights, ("none", "balanced"))
        for name in ("label_smoothing", "dropout", "int8_limit"):
            require(name, getattr(self, name), "0 <= x < 1", 0 <= getattr(self, name) < 1)
        for name in ("head_rate", "few_shot_rate", "contrast"):
            require(name, getattr(self, name), "> 0", getattr(self, name) > 0)
        require("agreement", self.agreement, ">= 0", self.agreement >= 0)
        require("few_shot_steps", self.few_shot_steps, ">= 1", self.few_shot_steps >= 1)
        require("live_rows", self.live_rows, ">= 1", self.live_rows >= 1)
        require("few_shot_batch", self.few_shot_batch, ">= 4", self.few_shot_batch >= 4)
        require("mode", self.mode, "full | lora | frozen (task multi)", (self.task, self.mode) != ("multi", "few_shot"))
        multi_smooth = self.task == "multi" and self.label_smoothing > 0
        require("label_smoothing", self.label_smoothing, "0 (task multi)", not multi_smooth)

    def chosen_mode(self, rows: int, classes: int) -> Mode:
        """The mode in force for ``rows`` training rows of ``classes`` classes."""
        if self.mode != "auto":
            return self.mode
        return "few_shot" if self.task == "single" and rows / max(1, classes) < FEW else "full"


def class_names(labels: Sequence[str] | Sequence[Sequence[str]], task: Task) -> tuple[str, ...]:
    """All labels that occur, sorted, so that the order of outputs does not hang on the order of rows."""
    if task == "single":
        return tuple(sorted({str(label) for label in labels}))
    return tuple(sorted({str(label) for row in labels for label in row}))
