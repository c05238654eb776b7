"""The loop that fine-tunes a transformer: any problem, one or several processes, killed and gone on with.

Own code on accelerate, because transformers' Trainer (and accelerate's ``save_state``) write optimiser and random
state with pickle; see docs/decisions/training.md.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from core.errors import BadInput, Cancelled
from core.training.adversarial import Perturbation
from core.training.averaging import RunningAverage
from core.training.checkpoint import (
    FOLDER,
    Progress,
    load_average,
    load_best,
    load_checkpoint,
    put_tensors,
    save_checkpoint,
    trained_tensors,
)
from core.training.layer_rates import layer_factors
from core.training.loop_args import LoopArgs
from core.training.processes import Processes
from core.training.watch import Watch

_POINTS = 200  # of the loss curve, at most, whatever the number of steps


class Problem(Protocol):
    """What is learnt. ``model`` is trained in place; rows are numbers of training rows."""

    model: Any

    def batches(self, epoch: int) -> Sequence[Sequence[int]]:
        """The batches of one epoch: the same for the same epoch, in every process. Every epoch has equally many."""
        ...

    def weight(self, rows: Sequence[int]) -> float:
        """What the losses of ``rows`` are divided by, taken over the whole batch."""
        ...

    def loss(self, model: Any, rows: Sequence[int]) -> Any:
        """The sum of the losses of ``rows``, a scalar tensor; ``model`` is ``self.model``, perhaps wrapped."""
        ...

    def head(self) -> Sequence[Any]:
        """Parameters that start from chance and learn at ``head_rate`` times the rate of the others."""
        ...

    def evaluate(self, processes: Processes) -> Mapping[str, float]:
        """Validation values by name, the same in every process; empty where there is nothing to measure on."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """The model holds the weights of ``best_step`` (the last step where nothing was measured)."""

    steps: int
    best_step: int
    best: float | None
    stopped_early: bool
    seconds: float


class Loop:
    """One run in ``folder``. ``metric`` names the value of ``evaluate`` that decides, ``loss`` counting downwards."""

    def __init__(
        self, problem: Problem, args: LoopArgs, folder: Path, watch: Watch, mark: str,
        *, metric: str, head_rate: float = 1.0, stage: str = "train", processes: Processes | None = None,
    ) -> None:  # fmt: skip
        self._problem, self._args, self._watch = problem, args, watch
        self._folder = folder / FOLDER
        self._metric, self._stage = metric, stage
        self._processes = processes or Processes(args.device)
        self._model = self._processes.wrapped(problem.model)
        self._optimiser = _optimiser(problem, args, head_rate, self._processes.device)
        self._progress = Progress(mark)
        self._average = RunningAverage(problem.model, args.average) if args.average else None
        self._adversary = Perturbation(problem.model, args.adversarial) if args.adversarial else None
        self._bf16 = chosen_precision(args.precision, self._processes.device) == "bf16"
        self._losses: list[float] = []
        self._measured: list[tuple[int, Mapping[str, float]]] = []  # what the watch has not heard yet
        self._best: dict[str, Any] | None = None  # newer than the file of the last checkpoint
        self._saved = time.monotonic()
        a_pass = len(problem.batches(0))
        self._total = args.epochs * a_pass
        self._every = max(1, math.ceil(a_pass / args.evaluations_per_epoch))

    def run(self) -> Outcome:
        """Trains to the end or to early stopping, from the last checkpoint if there is one of this very run.

        The global random state is left as it was found. Raises BadInput (training.diverged) and what the watch
        raises; a checkpoint is written before the watch's exception leaves.
        """
        import torch

        started = time.monotonic()
        with torch.random.fork_rng():
            self._resume()
            self._check()
            while self._progress.epoch < self._args.epochs and not self._enough():
                self._epoch()
            with self._saved_when_stopped():
                self._check()
            progress = self._progress
            self._save()
            if progress.best_step >= 0 and self._best is not None:
                put_tensors(self._problem.model, self._best)
            elif progress.best_step >= 0:
                load_best(self._folder, self._problem.model, progress.best_step)
            elif self._average is not None:
                self._average.keep()
        return Outcome(
            steps=progress.step,
            best_step=progress.best_step if progress.best_step >= 0 else progress.step,
            best=progress.best,
            stopped_early=progress.step < self._total,
            seconds=time.monotonic() - started,
        )

    def _resume(self) -> None:
        import torch

        torch.manual_seed(self._args.seed + 1000 * self._processes.rank)
        kept = load_checkpoint(self._folder, self._problem.model, self._optimiser, self._progress.fingerprint)
        if kept is None:
            return
        self._progress, random = kept
        if self._average is not None:
            self._average.put(load_average(self._folder, self._progress.step))
        if len(random) == self._processes.count:
            _put_random(random[self._processes.rank], self._processes.device)
        self._watch.say(f"resumed at epoch {self._progress.epoch + 1}, step {self._progress.step}")

    def _enough(self) -> bool:
        return 0 < self._args.patience <= self._progress.waited

    def _epoch(self) -> None:
        progress = self._progress
        batches = self._problem.batches(progress.epoch)
        while True:
            with self._saved_when_stopped():
                if self._due():
                    self._judge()
            if progress.batch == len(batches) or self._enough():
                break
            self._step(list(batches[progress.batch]))
            progress.batch, progress.step = progress.batch + 1, progress.step + 1
            with self._saved_when_stopped():
                self._check()
            if self._processes.any(time.monotonic() - self._saved >= self._args.checkpoint_seconds):
                self._save()
        if progress.batch == len(batches):
            progress.epoch, progress.batch = progress.epoch + 1, 0

    def _due(self) -> bool:
        step = self._progress.step
        return step > self._progress.judged and (step % self._every == 0 or step == self._total)

    def _step(self, rows: list[int]) -> None:
        import torch

        args, step = self._args, self._progress.step
        factor = rate_factor(args, step, self._total)
        for group in self._optimiser.param_groups:
            group["lr"] = group["peak"] * factor
        self._model.train()
        loss = self._backward(rows)
        norm = torch.nn.utils.clip_grad_norm_(self._problem.model.parameters(), args.clip_norm)
        if not math.isfinite(loss) or not bool(torch.isfinite(norm)):
            raise BadInput("training.diverged", step=step + 1, rate=args.learning_rate)
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        if self._average is not None:
            self._average.update(step + 1)
        self._losses.append(loss)

    def _backward(self, rows: list[int]) -> float:
        """Gradients of the batch's mean loss, which is returned; with an adversary also those of the moved vectors."""
        import torch

        processes, weight = self._processes, self._problem.weight(rows)
        share = list(processes.share(rows))
        scale = processes.count / weight if share else 0.0
        summed = torch.zeros((), device=processes.device)
        for part in _parts(share or rows[:1], self._args.accumulate):
            if self._adversary is None:
                loss = self._back(part, scale)
            else:
                with self._adversary.watching():
                    loss = self._back(part, scale)
                with self._adversary.moved():
                    self._back(part, scale)
            summed += loss.float() * (scale / processes.count)
        return float(processes.total(summed))

    def _back(self, rows: list[int], scale: float) -> Any:
        """Adds the gradients of ``scale`` times the loss of ``rows``, which is returned without them."""
        import torch

        device = torch.device(self._processes.device).type
        with torch.autocast(device, torch.bfloat16, enabled=self._bf16):
            loss = self._problem.loss(self._model, rows)
        (loss * scale).backward()
        return loss.detach()

    def _check(self) -> None:
        """Tells the watch and hears from it; all processes stop together when it says so to the first."""
        stop: BaseException | None = None
        if self._processes.main:
            try:
                self._tell()
                self._watch.check()
            except BaseException as error:  # noqa: BLE001 - raised again below, once every process knows
                stop = error
        if self._processes.any(stop is not None):
            raise stop or Cancelled("cancelled")

    def _tell(self) -> None:
        while self._measured:
            at, found = self._measured.pop(0)
            self._watch.point(at, **{f"validation_{name}": value for name, value in found.items()})
        step = self._progress.step
        if not self._losses:
            return
        self._watch.step(self._stage, step, self._total)
        if step % max(1, self._total // _POINTS) == 0 or step == self._total:
            mean = sum(self._losses) / len(self._losses)
            self._losses.clear()
            rate = self._args.learning_rate * rate_factor(self._args, step - 1, self._total)
            self._watch.point(step, loss=mean, learning_rate=rate)

    @contextmanager
    def _saved_when_stopped(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._save()
            raise

    def _judge(self) -> None:
        """Measures, and keeps the weights where they are the best so far; with an average, the average."""
        with nullcontext() if self._average is None else self._average.in_place():
            self._judge_weights()

    def _judge_weights(self) -> None:
        progress = self._progress
        self._model.eval()
        found = self._problem.evaluate(self._processes)
        progress.judged = progress.step
        if not found:
            return
        value = -found["loss"] if self._metric == "loss" else found[self._metric]
        if progress.best is None or value > progress.best:
            progress.best, progress.best_step, progress.waited = value, progress.step, 0
            self._best = trained_tensors(self._problem.model)
        else:
            progress.waited += 1
        self._measured.append((progress.step, found))

    def _save(self) -> None:
        random = self._processes.gathered(_random(self._processes.device))
        if self._processes.main:
            average = self._average.tensors() if self._average is not None else None
            save_checkpoint(
                self._folder, self._problem.model, self._optimiser, random, self._progress, self._best, average
            )
            self._best = None
        self._saved = time.monotonic()
        self._processes.wait()


def chosen_precision(asked: str, device: str) -> str:
    """bf16 where it is asked for, or where the device multiplies it natively; fp32 otherwise."""
    import torch

    if asked != "auto":
        return asked
    if device.startswith("cuda"):
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    capable = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16" if capable else "fp32"


def rate_factor(args: LoopArgs, step: int, total: int) -> float:
    """Share of the peak learning rate at ``step`` of ``total``: a straight way up, then down as ``schedule`` says."""
    warm = max(1, round(total * args.warm_up))
    if step < warm:
        return (step + 1) / warm
    done = (step - warm) / max(1, total - warm)
    if args.schedule == "cosine":
        return (1 + math.cos(math.pi * done)) / 2
    return 1 - done if args.schedule == "linear" else 1.0


def _optimiser(problem: Problem, args: LoopArgs, head_rate: float, device: str) -> Any:
    """AdamW (Loshchilov & Hutter 2019), fused where it can be: the plain one spends a third of a step of MiniLM on a
    CPU. Biases and scales of normalisation are not pulled towards 0."""
    import torch

    new = {id(parameter) for parameter in problem.head()}
    factors = layer_factors(problem.model, args.layer_decay)
    groups: dict[tuple[float, float], list[Any]] = {}
    for name, parameter in problem.model.named_parameters():
        if parameter.requires_grad:
            rate = args.learning_rate * (head_rate if id(parameter) in new else factors[name])
            groups.setdefault((rate, args.weight_decay if parameter.ndim > 1 else 0.0), []).append(parameter)
    made = [{"params": some, "peak": rate, "weight_decay": decay} for (rate, decay), some in groups.items()]
    fused = torch.device(device).type in ("cpu", "cuda")
    return torch.optim.AdamW(made, lr=args.learning_rate, fused=fused)


def _parts(rows: list[int], count: int) -> list[list[int]]:
    size = math.ceil(len(rows) / count)
    return [rows[first : first + size] for first in range(0, len(rows), size)]


def _random(device: str) -> Any:
    """The state of the generators that this process draws from, one row of bytes."""
    import torch

    state = torch.get_rng_state()
    if device.startswith("cuda"):
        state = torch.cat([state, torch.cuda.get_rng_state(device)])
    return state


def _put_random(state: Any, device: str) -> None:
    import torch

    length = len(torch.get_rng_state())
    torch.set_rng_state(state[:length].contiguous())
    if device.startswith("cuda") and len(state) > length:
        torch.cuda.set_rng_state(state[length:].contiguous(), device)
