"""Teaches an English sentence encoder Chinese: a Chinese text shall land where the frozen one puts its translation.

Distillation across languages (Reimers and Gurevych 2020, arXiv:2004.09813) with in-batch contrast (InfoNCE, van den
Oord et al. 2018, arXiv:1807.03748) against a bank of teacher vectors, a queue of earlier passages (MoCo, He et al.
2020, arXiv:1911.05722) for question-passage pairs, and English replay that holds English where it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from core.text.words import HAN_RUN
from core.training.bilingual.batches import Batches, Pairs, Recipe
from core.training.bilingual.student import Student, Vectors
from core.training.watch import Watch

Teacher = Callable[[Sequence[str]], Vectors]
ALIGNED = ("sentences", "words", "joined", "mixed")
CHECKPOINT = "checkpoints/step.safetensors"


class Remembered:
    """The teacher with a memory: a text is embedded once a run."""

    def __init__(self, teacher: Teacher) -> None:
        self._teacher, self._known = teacher, dict[str, Vectors]()

    def __call__(self, texts: Sequence[str]) -> Vectors:
        new = list(dict.fromkeys(text for text in texts if text not in self._known))
        if new:
            self._known.update(zip(new, self._teacher(new), strict=True))
        return np.stack([self._known[text] for text in texts])


class Trainer:
    """One run: streams of batches, their losses, one optimiser for the rows and one for the body."""

    def __init__(self, student: Student, teacher: Teacher, pairs: Pairs, recipe: Recipe) -> None:
        torch = self.torch = student.torch
        self.student, self.recipe, self.pairs = student, recipe, pairs
        self.teacher = Remembered(teacher)
        self.batches = Batches(pairs, recipe)
        self.rows_optimiser = torch.optim.SparseAdam([student.rows], lr=recipe.rows_lr, betas=(0.9, 0.99))
        self.body_optimiser = torch.optim.AdamW(
            list(student.body().values()), lr=recipe.body_lr, betas=(0.9, 0.98), weight_decay=0.0, fused=True
        )
        self.queue = torch.zeros(0, student.base_rows.shape[1])
        self.bank = torch.zeros(0, student.base_rows.shape[1])

    def _rate(self, step: int) -> float:
        warm = max(1, int(self.recipe.steps * self.recipe.warmup))
        if step < warm:
            return (step + 1) / warm
        done = (step - warm) / max(1, self.recipe.steps - warm)
        return float(self.recipe.least_lr + (1 - self.recipe.least_lr) * 0.5 * (1 + np.cos(np.pi * done)))

    def _align(self, found: Any, texts: list[str], *, bank: bool = False) -> Any:
        """Pull to the target, and contrast with the other targets; near-identical targets are no negatives."""
        targets = self.torch.from_numpy(self.teacher(texts))
        others = self.torch.cat([targets, self.bank]) if bank else targets
        loss = self._contrast(found, targets, others, 0.9)
        if bank:
            self.bank = others[: self.recipe.bank]
        return loss + self.recipe.pull * (1 - (found * targets).sum(1)).mean()

    def _contrast(self, found: Any, right: Any, others: Any, same_above: float) -> Any:
        """InfoNCE both ways; ``others`` starts with ``right``, and what nearly equals the right one is left out."""
        torch, count = self.torch, len(found)
        same = right.detach() @ others.detach().T > same_above
        same[range(count), range(count)] = False
        scores = (found @ others.T * self.recipe.scale).masked_fill(same, -1e4)
        labels = torch.arange(count)
        cross_entropy = torch.nn.functional.cross_entropy
        return (cross_entropy(scores, labels) + cross_entropy(scores[:, :count].T, labels)) / 2

    def _ask(self, questions: Any, passages: Any, right: list[int]) -> Any:
        """Each question against the passages of the step and those of steps before, but for near-identical ones."""
        torch = self.torch
        labels = torch.tensor(right)
        others = torch.cat([passages, self.queue])
        same = (passages.detach() @ others.detach().T > 0.95)[labels]
        same[torch.arange(len(right)), labels] = False
        self.queue = others.detach()[: self.recipe.queue]
        scores = (questions @ others.T * self.recipe.scale).masked_fill(same, -1e4)
        return torch.nn.functional.cross_entropy(scores, labels)

    def _hold(self, found: Any, texts: list[str]) -> Any:
        targets = self.torch.from_numpy(self.teacher(texts))
        return self.recipe.hold * (1 - (found * targets).sum(1)).mean()

    def _vectors(self, texts: list[str]) -> Any:
        """The student's vectors; English ones are the teacher's where the recipe leaves English to the base."""
        if not self.recipe.english_is_base:
            return self.student.forward(texts)
        torch = self.torch
        han = [i for i, text in enumerate(texts) if HAN_RUN.search(text)]
        others = sorted(set(range(len(texts))) - set(han))
        parts = [self.student.forward([texts[i] for i in han])] if han else []
        if others:
            parts.append(torch.from_numpy(self.teacher([texts[i] for i in others])))
        return torch.cat(parts)[torch.from_numpy(np.argsort([*han, *others]))]

    def _losses(self, step: int) -> dict[str, Any]:
        """The loss of each kind of text; all texts of the step go through the student together."""
        batches = self.batches
        aligned = {kind: getattr(batches, kind)(step) for kind in ALIGNED if getattr(self.recipe, kind)}
        questions, passages, right = batches.asks(step) if self.recipe.asks else ([], [], [])
        english = batches.english(step) if self.recipe.english else []
        texts = [zh for pairs in aligned.values() for zh, _ in pairs] + questions + passages
        found = self._vectors([*texts, *english])
        losses, at = {}, 0
        for kind, pairs in aligned.items():
            losses[kind] = self._align(found[at : at + len(pairs)], [en for _, en in pairs], bank=kind == "sentences")
            at += len(pairs)
        if questions:
            middle = at + len(questions)
            losses["asks"] = self._ask(found[at:middle], found[middle : middle + len(passages)], right)
        if english:
            losses["english"] = self._hold(found[len(texts) :], english)
        return losses

    def step(self, step: int) -> dict[str, float]:
        """One optimiser step; the loss of each kind of text."""
        losses = self._losses(step)
        sum(losses.values()).backward()
        rate = self._rate(step)
        self.torch.nn.utils.clip_grad_norm_(list(self.student.body().values()), 5.0)
        for optimiser, top in ((self.rows_optimiser, self.recipe.rows_lr), (self.body_optimiser, self.recipe.body_lr)):
            for group in optimiser.param_groups:
                group["lr"] = top * rate
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        return {kind: float(loss.detach()) for kind, loss in losses.items()}

    def state(self) -> dict[str, Any]:
        """All that a later step depends on, as tensors by name."""
        found = {"rows": self.student.rows.detach(), "queue": self.queue, "bank": self.bank}
        found |= {f"body/{name}": value.detach() for name, value in self.student.body().items()}
        named = {id(value): name for name, value in {**self.student.body(), "rows": self.student.rows}.items()}
        for optimiser in (self.rows_optimiser, self.body_optimiser):
            for parameter, fields in optimiser.state.items():
                for field, value in fields.items():
                    found[f"optimiser/{named[id(parameter)]}/{field}"] = self.torch.as_tensor(value)
        return {name: value.contiguous().clone() for name, value in found.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to what ``state`` gave."""
        body = self.student.body()
        with self.torch.no_grad():
            self.student.rows.copy_(state["rows"])
            for name, value in body.items():
                value.copy_(state[f"body/{name}"])
        self.queue, self.bank = state["queue"], state["bank"]
        for key, value in state.items():
            if key.startswith("optimiser/"):
                name, _, field = key.removeprefix("optimiser/").rpartition("/")
                if name == "rows":
                    # This one counts its steps in a plain number.
                    kept = int(value) if field == "step" else value
                    self.rows_optimiser.state[self.student.rows][field] = kept
                else:
                    self.body_optimiser.state[body[name]][field] = value


def train(
    student: Student,
    teacher: Teacher,
    pairs: Pairs,
    recipe: Recipe,
    folder: Path,
    watch: Watch,
    *,
    stage: str = "train",
    save_every: int = 60,
) -> None:
    """Trains ``student`` in place for ``recipe.steps``; the same data, recipe and threads give the same weights.

    Every ``save_every`` steps, and when the run is stopped, it is kept under ``folder/checkpoints``; the next call with
    the same recipe goes on from there.
    """
    trainer = Trainer(student, teacher, pairs, recipe)
    file = folder / CHECKPOINT
    done = saved = _restore(trainer, file, recipe)
    while done < recipe.steps:
        try:
            watch.check()
        finally:
            # Before the step, where nothing is half done: when the run is stopped this is what it goes on from.
            if done - saved >= save_every or (done > saved and sys.exc_info()[0] is not None):
                _save(trainer, file, recipe, done)
                saved = done
        losses = trainer.step(done)
        done += 1
        watch.step(stage, done, recipe.steps)
        watch.point(done, **losses)
    _save(trainer, file, recipe, done)


def _name(recipe: Recipe) -> str:
    return hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode()).hexdigest()


def _save(trainer: Trainer, file: Path, recipe: Recipe, done: int) -> None:
    """One file, replaced as a whole, that names its recipe: a checkpoint of another is never gone on from."""
    from safetensors.torch import save_file

    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    save_file(trainer.state(), draft, metadata={"recipe": _name(recipe), "done": str(done)})
    os.replace(draft, file)


def _restore(trainer: Trainer, file: Path, recipe: Recipe) -> int:
    from safetensors import safe_open

    if not file.is_file():
        return 0
    with safe_open(file, "pt") as content:
        facts = content.metadata()
        if facts["recipe"] != _name(recipe):
            return 0
        trainer.restore({name: content.get_tensor(name) for name in content.keys()})  # noqa: SIM118
    return int(facts["done"])
