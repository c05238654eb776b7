"""How long a run will take and how much memory: a few real steps of its own trainer, taken in a process of their own.

The trainer runs in a thread and is held after each step, so that loading is not taken for learning and what it needs is
measured where it needs it.
"""

from __future__ import annotations

import contextlib
import math
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.db.studio_tables import TrainingRun
from core.errors import BadInput, Cancelled, PilotlightError
from core.models.device import choose_device
from core.services.application import Application
from core.services.studio import recipes
from core.services.studio.learners.base import Learner, Material, Pictures, Record
from core.services.studio.material import open_material
from core.services.studio.recipes import described
from core.services.studio.views import EstimateView
from core.training.encoders import encoder_folder, weights_of
from core.training.machine import free_disk, free_memory
from core.training.preflight import Estimate, Method, Workload, estimate, refusal, static_bytes
from core.training.watch import Quiet

STAGES = frozenset({"train", "contrast"})  # whose steps are optimiser steps
JUDGED_ROWS = 256  # of an evaluation that is timed
WAIT = 240.0  # seconds for one step of the probe
_BYTES = 4  # of a number


def probe(app: Application, workspace_id: int, recipe: str, version_id: int, args: Mapping[str, Any]) -> EstimateView:
    """Takes the steps and reckons the whole run from them. Raises what the recipe and its trainer refuse."""
    run = TrainingRun(name="probe", recipe=recipe, data_set_version_id=version_id, args=dict(args))
    with tempfile.TemporaryDirectory(prefix="pilotlight-probe-") as place:
        material = open_material(app, workspace_id, run, Quiet(), folder=Path(place) / "model")
        chosen = recipes.find(recipe)
        learner: Learner = recipes.loaded(chosen.learner)()
        found = _reckoned(learner, material, workload_of(material, chosen))
    seconds = found.training_seconds * (1 + int(args.get(recipes.FOLDS, 0)))
    if longest := float(args.get("max_seconds", 0.0)):
        seconds = min(seconds, longest)
    return view_of(replace(found, training_seconds=seconds), material)


def require_room(material: Material, recipe: recipes.Recipe) -> None:
    """What can be known without a step: weights, optimiser and checkpoints. Raises BadInput (data.memory_*,
    data.disk_short) when they alone cannot fit."""
    work, device = workload_of(material, recipe), choose_device(str(getattr(material.args, "device", "auto")))
    disk = work.checkpoint_bytes * work.checkpoints + work.model_bytes
    known = Estimate(
        work, 0, 0, 0, static_bytes(work), 0, 0, free_memory(device), disk, free_disk(material.folder)
    )  # fmt: skip
    if not known.fits:
        raise refusal(known)


def workload_of(material: Material, recipe: recipes.Recipe) -> Workload:
    """What the run will do, as far as its arguments and its base model tell."""
    args, version = material.args, material.version
    rows = int(version.splits.get("train", 0)) + version.augmented
    mode = str(getattr(args, "mode", "full"))
    if mode == "auto":
        mode = args.chosen_mode(rows, len(version.labels))
    if recipe.kind == "language_model":
        return _language_workload(material)
    few = mode == "few_shot"
    parameters = _parameters(material, recipe)
    method: Method = "lora" if mode == "lora" else "frozen" if mode == "frozen" else "full"
    epochs = int(getattr(args, "epochs", 1))
    trained = {"full": parameters, "lora": parameters // 100, "frozen": 0}[method]
    return Workload(
        rows=args.few_shot_steps * args.few_shot_batch if few else rows * int(getattr(args, "members", 1)),
        validation_rows=int(version.splits.get("validation", 0)),
        batch_size=int(args.few_shot_batch if few else getattr(args, "batch_size", 32)),
        max_tokens=int(getattr(args, "max_tokens", 0) or getattr(args, "maximum_pieces", 0) or 1),
        epochs=1 if few else epochs,
        evaluations=1 if few else int(getattr(args, "evaluations_per_epoch", 1)) * epochs + 1,
        parameters=parameters,
        method=method,
        checkpoint_bytes=3 * _BYTES * trained,
        model_bytes=2 * _BYTES * parameters,  # the weights, and the file for serving beside them
    )


def _language_workload(material: Material) -> Workload:
    """In blocks of tokens. A token of a byte-level vocabulary is taken as four bytes, which holds for English words and
    Chinese characters alike within a quarter."""
    args = material.args
    characters = args.vocabulary == "characters" and not args.base
    sizes = [
        sum(len(text) if characters else len(text.encode()) / 4 for text in map(_text, material.rows(split)))
        for split in ("train", "validation")
    ]
    blocks = max(1, math.ceil(sizes[0] / args.max_tokens))
    steps = math.ceil(blocks / args.batch_size) * args.epochs
    share = min(1.0, args.max_steps / steps) if args.max_steps else 1.0
    return Workload(
        rows=blocks,
        validation_rows=math.ceil(min(sizes[1], args.live_tokens) / args.max_tokens),
        batch_size=args.batch_size,
        max_tokens=args.max_tokens,
        epochs=args.epochs * share,
        evaluations=args.evaluations_per_epoch * args.epochs + 1,
    )


def _text(row: Record) -> str:
    return str(row["text"]) if "text" in row else f"{row['prompt']}\n{row['response']}"


def _parameters(material: Material, recipe: recipes.Recipe) -> int:
    """Of the base model, by the size of its weights; 0 where there is none: small networks need no reckoning."""
    start = str(material.base) if material.base is not None else str(getattr(material.args, recipe.base or "seed"))
    if not recipe.base or start in ("", "scratch"):
        return 0
    folder = encoder_folder(start, material.settings)
    return sum(path.stat().st_size for path in weights_of(folder) if path.suffix == ".safetensors") // _BYTES


def _reckoned(learner: Learner, material: Material, work: Workload) -> Estimate:
    device = choose_device(str(getattr(material.args, "device", "auto")))
    row_seconds = _evaluation_seconds(learner, material, work)
    evaluation = row_seconds * work.validation_rows * work.evaluations
    if work.method == "frozen":  # the encoder reads every row once and nothing is trained by steps
        alone = Estimate(work, 0, 0, 0, static_bytes(work), 0, 0, free_memory(device), 0, free_disk(material.folder))
        return replace(alone, training_seconds=row_seconds * work.rows, evaluation_seconds=evaluation)
    held: list[_Held] = []

    def train_steps(batch: int, tokens: int, steps: int) -> None:
        if not held or held[-1].batch != batch:
            for one in held:
                one.stop()
            held.append(_Held(learner, _smaller(material, batch, tokens, len(held)), batch))
        held[-1].go(steps)

    try:
        found = estimate(work, train_steps, None, material.folder.parent, Quiet(), device=device)
    finally:
        for one in held:
            one.stop()
    if getattr(material.args, "head_start", False) and work.evaluations > 1:
        evaluation += row_seconds * work.rows  # the head's start reads all rows once
    return replace(found, evaluation_seconds=evaluation)


def _smaller(material: Material, batch: int, tokens: int, number: int) -> Material:
    """The run on a few rows, in batches of ``batch``, for as many epochs as it is let."""
    names = {one.name for one in fields(material.args)}
    wanted: dict[str, Any] = {"batch_size": batch, "max_tokens": tokens, "epochs": 1000, "members": 1, "accumulate": 1}
    wanted |= {"patience": 1000, "few_shot_batch": max(4, batch), "export": False, "warm_up": 0.0}
    args = replace(material.args, **{name: value for name, value in wanted.items() if name in names})
    rows = _some(material, max(8 * batch, 64), JUDGED_ROWS)
    folder = material.folder.parent / f"steps-{number}"
    return replace(material.of(*rows, folder), args=args)


def _some(
    material: Material, training: int, validation: int
) -> tuple[dict[str, Sequence[Record]], dict[str, Pictures]]:
    """Rows drawn by chance, with one of every class in training."""
    rows: dict[str, Sequence[Record]] = {}
    pictures: dict[str, Pictures] = {}
    for split, count in (("train", training), ("validation", validation)):
        generator = np.random.default_rng([int(getattr(material.args, "seed", 0)), 23])
        if material.version.task == "image":
            images, classes = material.pictures(split)
            chosen = _chosen(generator, [str(number) for number in classes], count)
            pictures[split] = images[chosen], classes[chosen]
        else:
            records = material.rows(split)
            chosen = _chosen(generator, [str(row.get("label", row.get("labels", ""))) for row in records], count)
            rows[split] = [records[number] for number in chosen]
    return rows, pictures


def _chosen(generator: np.random.Generator, labels: Sequence[str], count: int) -> list[int]:
    order = generator.permutation(len(labels)).tolist()
    first = {labels[row]: row for row in reversed(order)}
    taken = set(first.values())
    return [*taken, *(row for row in order if row not in taken)][: max(count, len(taken))]


class _Held:
    """A training in a thread of its own that takes the steps it is let and waits."""

    def __init__(self, learner: Learner, material: Material, batch: int) -> None:
        self.batch = batch
        self._turn = threading.Condition()
        self._let = self._taken = 0
        self._stopping = self._over = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, args=(learner, replace(material, watch=_StepWatch(self))), name="probe", daemon=True
        )
        self._thread.start()

    def go(self, steps: int) -> None:
        """Lets it take ``steps`` more and waits for them. Raises what the training raises."""
        with self._turn:
            self._let += steps
            self._turn.notify_all()
            there = self._turn.wait_for(lambda: self._over or self._taken >= self._let, WAIT)
        if self._error is not None:
            raise self._error
        if not there:
            raise BadInput("studio.probe_slow", seconds=int(WAIT))

    def stop(self) -> None:
        with self._turn:
            self._stopping = True
            self._turn.notify_all()
        self._thread.join(WAIT)

    def stepped(self) -> None:
        """Called by the training after each step: waits until it is let take another."""
        with self._turn:
            self._taken += 1
            self._turn.notify_all()
            self._turn.wait_for(lambda: self._stopping or self._taken < self._let)
        self.check()

    def check(self) -> None:
        if self._stopping:
            raise Cancelled("cancelled")

    def _run(self, learner: Learner, material: Material) -> None:
        try:
            learner.train(material)
        except Cancelled:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits in ``go``
            self._error = error
        with self._turn:
            self._over = True
            self._turn.notify_all()


class _StepWatch(Quiet):
    """Tells a held training of each optimiser step."""

    def __init__(self, held: _Held) -> None:
        super().__init__()
        self._held = held

    def check(self) -> None:
        self._held.check()

    def step(self, stage: str, done: int, total: int) -> None:
        if stage in STAGES:
            self._held.stepped()
        self._held.check()


class _JudgeWatch(Quiet):
    """Times the first evaluation: from the step before it to the figures it gives."""

    def __init__(self) -> None:
        super().__init__()
        self._last = time.perf_counter()
        self.seconds = 0.0

    def step(self, stage: str, done: int, total: int) -> None:
        self._last = time.perf_counter()

    def point(self, step: int, **values: float) -> None:
        if any(name.startswith("validation_") for name in values):
            self.seconds = time.perf_counter() - self._last
            raise Cancelled("cancelled")


def _evaluation_seconds(learner: Learner, material: Material, work: Workload) -> float:
    """Of one validation row."""
    watch = _JudgeWatch()
    small = _smaller(material, min(8, work.batch_size), work.max_tokens, 99)
    names = {one.name for one in fields(small.args)}
    wanted = {"epochs": 1, "patience": 1, "few_shot_steps": 1, "evaluations_per_epoch": 1}
    args = replace(small.args, **{name: value for name, value in wanted.items() if name in names})
    rows = _some(material, 16, JUDGED_ROWS)
    started = time.perf_counter()
    with contextlib.suppress(Cancelled):
        learner.train(replace(small.of(*rows, small.folder), args=args, watch=watch))
    judged = len(rows[0].get("validation", ())) or len(rows[1]["validation"][1])
    if material.version.task in ("language_model", "prompt_response"):  # counted in blocks, as the workload is
        judged = max(1, round(sum(len(_text(row).encode()) for row in rows[0]["validation"]) / 4 / work.max_tokens))
    seconds = watch.seconds or (time.perf_counter() - started) / 2  # a recipe that judges only at its end
    return seconds / max(1, judged)


def view_of(found: Estimate, material: Material) -> EstimateView:
    """The estimate as pages show it."""
    advice: dict[str, Any] = {}
    if not found.fits:
        advice = described(refusal(found))
    return EstimateView(
        fits=found.fits,
        seconds=found.seconds,
        memory_bytes=found.peak_bytes,
        free_memory_bytes=found.free_bytes,
        disk_bytes=found.disk_bytes,
        free_disk_bytes=found.free_disk_bytes,
        rows=int(material.version.splits.get("train", 0)),
        steps=found.workload.steps,
        advice=advice,
    )


def answered(ask: Callable[[], EstimateView]) -> dict[str, Any]:
    """What the probe's process prints: the view's fields, or the error."""
    try:
        view = ask()
    except PilotlightError as error:
        return {"error": described(error)}
    return {"view": {one.name: getattr(view, one.name) for one in fields(view)}}
