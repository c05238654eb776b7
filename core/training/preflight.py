"""Before a run: how much memory and time it will take, from a few real steps, and what would fit where it does not.

A run that cannot fit should say so in seconds, not die after hours, and not while it evaluates: evaluation is measured
too. Memory grows by a line, ``fixed + per_row * batch``; two short probes with small batches give it, so that the probe
itself does not run out of memory. Weights, gradients and AdamW's two moments are 4 bytes a number each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from core.errors import BadInput
from core.text.catalogue import translate
from core.training.machine import Usage, free_disk, free_memory, held_bytes, measured
from core.training.watch import Watch

Method = Literal["full", "lora", "frozen"]
AdviceCode = Literal["batch", "tokens", "lora", "frozen", "smaller_model", "epochs"]

# (batch size, longest text in tokens, optimiser steps): trains that much and throws the result away.
TrainSteps = Callable[[int, int, int], None]
# (rows): evaluates that many rows as the run will.
EvaluateRows = Callable[[int], None]

ROOM = 0.9  # share of the free memory that a run may plan with: other programs breathe too
_STEPS = 3  # of a probe, after one that warms up
_LORA_SHARE = 0.01  # of the parameters, trained by low-rank deltas of the usual ranks
_MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What the run will do. ``rows`` and ``validation_rows`` are counts; ``evaluations``: times all of the latter run.

    ``parameters`` and ``trainable``: numbers of the model, 0 when not known. ``checkpoint_bytes``: of one checkpoint
    with the optimiser's state, of which ``checkpoints`` lie side by side; ``model_bytes``: of what the run leaves.
    """

    rows: int
    validation_rows: int = 0
    batch_size: int = 32
    max_tokens: int = 128
    epochs: float = 3.0
    evaluations: int = 3
    parameters: int = 0
    trainable: int = 0
    method: Method = "full"
    checkpoint_bytes: int = 0
    checkpoints: int = 2
    model_bytes: int = 0

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        return max(1, math.ceil(math.ceil(self.rows / self.batch_size) * self.epochs))


@dataclass(frozen=True, slots=True)
class Advice:
    """What would fit: ``value`` is the batch size, the tokens, or the epochs; 0 where the code says it all."""

    code: AdviceCode
    value: int = 0

    def sentence(self, language: str = "en") -> str:
        return translate(language, f"lint.preflight.{self.code}", value=self.value)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Memory in bytes, above what the process held before. ``free_bytes`` is what the machine had left then.

    ``training_seconds + evaluation_seconds`` is the run; ``fixed_bytes + row_bytes * batch`` its memory.
    """

    workload: Workload
    training_seconds: float
    evaluation_seconds: float
    step_seconds: float
    fixed_bytes: int
    row_bytes: int
    evaluation_bytes: int
    free_bytes: int
    disk_bytes: int
    free_disk_bytes: int
    advice: tuple[Advice, ...] = ()

    @property
    def seconds(self) -> float:
        return self.training_seconds + self.evaluation_seconds

    @property
    def peak_bytes(self) -> int:
        """Memory at the worst moment, evaluation included."""
        return max(self.fixed_bytes + self.row_bytes * self.workload.batch_size, self.evaluation_bytes)

    @property
    def fits_memory(self) -> bool:
        return self.peak_bytes <= ROOM * self.free_bytes

    @property
    def fits_disk(self) -> bool:
        return self.disk_bytes <= ROOM * self.free_disk_bytes

    @property
    def fits(self) -> bool:
        return self.fits_memory and self.fits_disk


def estimate(
    workload: Workload,
    train_steps: TrainSteps,
    evaluate_rows: EvaluateRows | None,
    folder: Path,
    watch: Watch,
    *,
    device: str = "cpu",
    seconds: float = 0.0,
) -> Estimate:
    """Runs a few steps with two small batches and some rows of evaluation, and reckons the whole run from them.

    ``folder``: where the run will write. ``seconds``: time the owner allows, 0 for any; advice then covers it too.
    Raises BadInput (data.memory_*) when the weights and the optimiser's state alone cannot fit: nothing is probed then.
    """
    free = free_memory(device)
    disk = workload.checkpoint_bytes * workload.checkpoints + workload.model_bytes
    first = Estimate(workload, 0, 0, 0, static_bytes(workload), 0, 0, free, disk, free_disk(folder))
    if not first.fits_memory:
        raise refusal(replace(first, advice=_advise(first, seconds)))
    small, large = _probe_sizes(workload.batch_size)
    _tell(watch, 0)
    start = held_bytes(device)
    low = _probe(train_steps, small, workload.max_tokens, device, start)
    _tell(watch, 1)
    high = _probe(train_steps, large, workload.max_tokens, device, start) if large > small else low
    _tell(watch, 2)
    more = max(1, large - small)
    row_bytes = max(0, high.peak_bytes - low.peak_bytes) // more if large > small else low.peak_bytes
    fixed = max(0, high.peak_bytes - row_bytes * large)
    row_seconds = max(0.0, high.seconds - low.seconds) / more
    step_seconds = high.seconds + row_seconds * (workload.batch_size - large)
    evaluation_bytes, evaluation_seconds = _evaluation(workload, evaluate_rows, device, start)
    _tell(watch, 3)
    found = Estimate(
        workload, step_seconds * workload.steps, evaluation_seconds * workload.evaluations, step_seconds, fixed,
        row_bytes, evaluation_bytes, free, disk, first.free_disk_bytes,
    )  # fmt: skip
    return replace(found, advice=_advise(found, seconds))


def _tell(watch: Watch, done: int) -> None:
    watch.check()
    watch.step("preflight", done, 3)


def require_fit(found: Estimate) -> None:
    """Raises BadInput (data.memory_*, data.disk_short) with what would fit, unless everything does."""
    if not found.fits:
        raise refusal(found)


def refusal(found: Estimate) -> BadInput:
    """The error of an estimate that does not fit; it names the first advice."""
    if found.fits_memory:
        return BadInput(
            "data.disk_short", needed_mb=found.disk_bytes // _MIB + 1, free_mb=found.free_disk_bytes // _MIB
        )
    values = {"needed_mb": found.peak_bytes // _MIB + 1, "free_mb": found.free_bytes // _MIB}
    best = next((advice for advice in found.advice if advice.code != "epochs"), Advice("smaller_model"))
    if best.code in ("batch", "tokens"):
        return BadInput(f"data.memory_{best.code}", **values, value=best.value)
    return BadInput(f"data.memory_{best.code}", **values)


def static_bytes(workload: Workload) -> int:
    """Weights of all parameters, gradients and two moments of those that are trained, 4 bytes each."""
    trainable = workload.trainable or _trained(workload, workload.method)
    return 4 * workload.parameters + 12 * trainable


def _trained(workload: Workload, method: Method) -> int:
    return {"full": workload.parameters, "lora": int(_LORA_SHARE * workload.parameters), "frozen": 0}[method]


def _probe_sizes(batch: int) -> tuple[int, int]:
    """Two batch sizes that tell the line without coming near the whole batch's memory."""
    small = max(1, batch // 8)
    return small, min(batch, max(small + 1, batch // 2))


def _probe(train_steps: TrainSteps, batch: int, tokens: int, device: str, start: int) -> Usage:
    """Peak memory of all steps above ``start``, seconds of one; the first, which warms up, takes no part in those."""
    with measured(device, start) as whole:
        train_steps(batch, tokens, 1)
        with measured(device) as timed:
            train_steps(batch, tokens, _STEPS)
    return Usage(whole.peak_bytes, timed.seconds / _STEPS)


def _evaluation(workload: Workload, evaluate_rows: EvaluateRows | None, device: str, start: int) -> tuple[int, float]:
    """Peak bytes of an evaluation above ``start``, and seconds of one over all validation rows."""
    if evaluate_rows is None or not workload.validation_rows:
        return 0, 0.0
    rows = min(workload.validation_rows, 4 * workload.batch_size)
    with measured(device, start) as usage:
        evaluate_rows(rows)
    return usage.peak_bytes, usage.seconds / rows * workload.validation_rows


def _advise(found: Estimate, seconds: float) -> tuple[Advice, ...]:
    """What would make the run fit, the change that costs least first."""
    advice: list[Advice] = []
    if not found.fits_memory:
        advice += _advise_memory(found)
    if seconds and found.seconds > seconds:
        epochs = int(found.workload.epochs * seconds / found.seconds)
        if epochs >= 1:
            advice.append(Advice("epochs", epochs))
        elif found.workload.method == "full":
            advice.append(Advice("frozen"))
        else:
            advice.append(Advice("smaller_model"))
    return tuple(advice)


def _advise_memory(found: Estimate) -> list[Advice]:
    advice: list[Advice] = []
    work, room = found.workload, ROOM * found.free_bytes
    share = max(0.0, (room - found.fixed_bytes) / max(1, found.row_bytes * work.batch_size)) if found.row_bytes else 0.0
    if found.evaluation_bytes > room:  # evaluation reads batches of the same size
        share = min(share, room / found.evaluation_bytes) if share else 0.0
    batch = int(share * work.batch_size)
    if 1 <= batch < work.batch_size:
        # A power of two keeps the whole batch a multiple of it, so that accumulated gradients stay the same.
        advice.append(Advice("batch", 1 << (batch.bit_length() - 1)))
    tokens = int(share * work.max_tokens) // 16 * 16
    if 16 <= tokens < work.max_tokens:
        advice.append(Advice("tokens", tokens))
    if work.method == "full" and work.parameters:
        batch_bytes = found.row_bytes * work.batch_size
        for method in ("lora", "frozen"):
            if 4 * work.parameters + 12 * _trained(work, method) + batch_bytes <= room:
                advice.append(Advice(method))
                break
    return advice or [Advice("smaller_model")]
