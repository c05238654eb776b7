"""The loop that trains every small network: batches, early stopping, live points, checkpoints and resuming."""

from __future__ import annotations

import errno
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from core.errors import BadInput, Unavailable
from core.evaluation.classification import Floats, Ints, classification_scores
from core.training.networks.state import BEST, Progress, load_last, load_weights, save_last, save_weights
from core.training.watch import Watch

Metric = Literal["loss", "accuracy", "f1_macro", "auc"]
Balance = Literal["none", "balanced"]
Calibrate = Literal["auto", "none", "temperature", "platt"]

CHECKPOINT_SECONDS = 60.0
_POINTS = 200  # of the loss curve, at most about so many
_WARM_UP = 0.05  # share of all steps
_CLIP = 5.0  # length of the gradient
_BUCKET = 50  # batches among which rows of like length are brought together


@dataclass(frozen=True, kw_only=True)
class LoopArgs:
    """What all small networks share. ``patience``: epochs without a better ``metric`` on validation before it ends.

    ``class_weights``: "balanced" (inverse frequency) or weights by label; they weight the loss and the decision, while
    probabilities are brought back to how often classes really occur. ``calibration``: "auto" is platt for two classes,
    temperature for more. Raises BadInput (networks.out_of_range, networks.not_a_choice).
    """

    epochs: int = 20
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    dropout: float = 0.3
    patience: int = 4
    metric: Metric = "accuracy"
    class_weights: Balance | dict[str, float] = "none"
    calibration: Calibrate = "auto"
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        in_range("epochs", self.epochs, 1, 1000)
        in_range("batch_size", self.batch_size, 1, 4096)
        in_range("learning_rate", self.learning_rate, 1e-7, 1.0)
        in_range("weight_decay", self.weight_decay, 0.0, 10.0)
        in_range("dropout", self.dropout, 0.0, 0.9)
        in_range("patience", self.patience, 1, 1000)
        one_of("metric", self.metric, ("loss", "accuracy", "f1_macro", "auc"))
        one_of("calibration", self.calibration, ("auto", "none", "temperature", "platt"))
        if isinstance(self.class_weights, dict):
            for label, weight in self.class_weights.items():
                in_range(f"class_weights[{label}]", weight, 0.001, 1000.0)
        else:
            one_of("class_weights", self.class_weights, ("none", "balanced"))


def as_tuple(args: Any, *names: str) -> None:
    """Fields that came as lists (JSON has no tuples) as the tuples they are."""
    for name in names:
        object.__setattr__(args, name, tuple(getattr(args, name)))


def in_range(name: str, value: float, low: float, high: float) -> None:
    if isinstance(value, bool) or not low <= value <= high:
        raise BadInput("networks.out_of_range", name=name, value=value, low=low, high=high)


def one_of(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise BadInput("networks.not_a_choice", name=name, value=value, choices=", ".join(choices))


class Problem(Protocol):
    """One network with its data. ``sizes`` [training rows] bring rows of like length together; None: no need to."""

    network: Any
    rows: int
    sizes: Sequence[int] | None
    validation_gold: Ints

    def logits(self, rows: Sequence[int]) -> Any:
        """Of training rows, in training mode: a tensor [rows, classes] with gradients."""
        ...

    def gold(self, rows: Sequence[int]) -> Any:
        """int64 tensor [rows] on the device."""
        ...

    def validation_logits(self) -> Floats:
        """Float64 [validation rows, classes], in evaluation mode."""
        ...


@dataclass(frozen=True, slots=True)
class Fitted:
    """The network holds the best epoch's weights. ``logits`` float64 [validation rows, classes] are theirs."""

    logits: Floats
    best_epoch: int
    epochs: int
    steps: int


class Fit:
    """One run of the loop in ``folder`` (checkpoints). ``weights`` [classes] weight the loss."""

    def __init__(
        self, problem: Problem, args: LoopArgs, folder: Path, watch: Watch, *, weights: Floats, mark: str
    ) -> None:
        import torch

        self._problem, self._args, self._folder, self._watch = problem, args, folder, watch
        self._weights = torch.tensor(weights, dtype=torch.float32)
        self._optimiser = torch.optim.AdamW(
            _parameters(problem.network, args.weight_decay), lr=args.learning_rate, betas=(0.9, 0.99)
        )
        self._progress = Progress(mark)
        self._a_pass = math.ceil(problem.rows / args.batch_size)
        self._saved = time.monotonic()
        self._losses: list[float] = []

    def run(self) -> Fitted:
        """Trains to the end or to early stopping. The global random state is left as it was found.

        Raises BadInput (networks.diverged), Unavailable (networks.no_space, networks.out_of_memory) and what the
        watch raises; after any of them the same call goes on from the last checkpoint.
        """
        import torch

        with torch.random.fork_rng(), plain_failures(self._args.batch_size):
            torch.manual_seed(self._args.seed)
            kept = load_last(self._folder, self._problem.network, self._optimiser, self._progress.fingerprint)
            if kept is not None:
                self._progress = kept
                self._watch.say(f"resumed at epoch {kept.epoch + 1}, step {kept.step}")
            while self._progress.epoch < self._args.epochs and self._progress.waited < self._args.patience:
                self._epoch()
                self._judge()
            load_weights(self._folder / BEST, self._problem.network)
            logits = self._problem.validation_logits()
        return Fitted(logits, self._progress.best_epoch, self._progress.epoch, self._progress.step)

    def _epoch(self) -> None:
        progress = self._progress
        for number, rows in enumerate(self._batches(progress.epoch)):
            if number < progress.batch:
                continue
            self._watch.check()
            self._step(rows)
            progress.batch, progress.step = number + 1, progress.step + 1
            self._watch.step("train", progress.step, self._args.epochs * self._a_pass)
            if time.monotonic() - self._saved > CHECKPOINT_SECONDS:
                self._save()
        progress.epoch, progress.batch = progress.epoch + 1, 0

    def _step(self, rows: list[int]) -> None:
        import torch

        step = self._progress.step
        rate = self._args.learning_rate * _schedule(step, self._args.epochs * self._a_pass)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._problem.network.train()
        logits = self._problem.logits(rows)
        loss = torch.nn.functional.cross_entropy(logits, self._problem.gold(rows), self._weights.to(logits.device))
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._problem.network.parameters(), _CLIP)
        self._optimiser.step()
        self._losses.append(float(loss.detach()))
        if not math.isfinite(self._losses[-1]):
            raise BadInput("networks.diverged", step=step + 1, rate=self._args.learning_rate)
        if (step + 1) % max(1, self._args.epochs * self._a_pass // _POINTS) == 0:
            self._watch.point(step + 1, loss=float(np.mean(self._losses)), learning_rate=rate)
            self._losses.clear()

    def _judge(self) -> None:
        """Measures the epoch on validation, keeps the weights when they are the best so far, and saves."""
        progress = self._progress
        self._problem.network.eval()
        logits, gold = self._problem.validation_logits(), self._problem.validation_gold
        found = validation_scores(logits, gold)
        self._watch.point(progress.step, **{f"validation_{name}": value for name, value in found.items()})
        score = (-found["loss"] if self._args.metric == "loss" else found.get(self._args.metric, 0.0), -found["loss"])
        if progress.best is None or score > progress.best:
            progress.best, progress.best_epoch, progress.waited = score, progress.epoch, 0
            save_weights(self._folder / BEST, self._problem.network)
        else:
            progress.waited += 1
        self._save()

    def _save(self) -> None:
        save_last(self._folder, self._problem.network, self._optimiser, self._progress)
        self._saved = time.monotonic()

    def _batches(self, epoch: int) -> Iterator[list[int]]:
        """The same for the same seed and epoch, so that a resumed run sees the rows that a whole one would."""
        generator = np.random.default_rng([self._args.seed, epoch])
        order = generator.permutation(self._problem.rows)
        size, lengths = self._args.batch_size, self._problem.sizes
        if lengths is not None:
            known = np.asarray(lengths)
            span = size * _BUCKET
            pieces = [order[first : first + span] for first in range(0, len(order), span)]
            order = np.concatenate([piece[np.argsort(known[piece], kind="stable")] for piece in pieces])
        starts = np.arange(0, len(order), size)
        for start in generator.permutation(starts) if lengths is not None else starts:
            yield order[start : start + size].tolist()


def validation_scores(logits: Floats, gold: Ints) -> dict[str, float]:
    """Loss in nats, accuracy, macro F1 and, where it is defined, AUC."""
    from core.evaluation.calibration import softmax

    chances = softmax(logits)
    labels = [str(number) for number in range(logits.shape[1])]
    scores = classification_scores(gold, chances.argmax(axis=1), labels, chances)
    found = {"loss": scores.log_loss or 0.0, "accuracy": scores.accuracy, "f1_macro": scores.f1_macro}
    return found if scores.auc is None else {**found, "auc": scores.auc}


def _parameters(network: Any, decay: float) -> list[dict[str, Any]]:
    """Biases and the scales of normalisation are not pulled towards 0."""
    decayed = [one for one in network.parameters() if one.ndim > 1]
    free = [one for one in network.parameters() if one.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": decay}, {"params": free, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def _schedule(step: int, total: int) -> float:
    """Share of the learning rate: up in a straight line, then down as a cosine to a hundredth."""
    warm = max(1, round(total * _WARM_UP))
    if step < warm:
        return (step + 1) / warm
    return 0.01 + 0.99 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm))) / 2


@contextmanager
def plain_failures(batch_size: int) -> Iterator[None]:
    """A full disk and memory that ran out, as sentences."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Unavailable("networks.no_space") from error
    except MemoryError as error:
        raise Unavailable("networks.out_of_memory", batch_size=batch_size) from error
    except RuntimeError as error:
        # torch says so only in words: OutOfMemoryError on CUDA, a plain RuntimeError on the CPU.
        if "out of memory" not in str(error) and "can't allocate memory" not in str(error):
            raise
        raise Unavailable("networks.out_of_memory", batch_size=batch_size) from error
