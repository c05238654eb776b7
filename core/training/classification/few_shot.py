"""Few labelled texts: the encoder learns from pairs what belongs together, then a logistic head learns the labels.

The idea of SetFit (Tunstall et al. 2022): n texts hold n * (n - 1) / 2 pairs. The loss is supervised contrast (Khosla
et al. 2020) over all pairs of a batch, so that every text is encoded once a step instead of once a pair.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from core.models.classifiers.text_network import build_network, padded
from core.training.classification.batching import class_batches
from core.training.classification.fit import ClassifierRun, outputs, put_head
from core.training.classification.head import fit_head
from core.training.processes import Processes
from core.training.trainer import Loop


class ContrastProblem:
    """Texts of one class shall lie together and apart from all others."""

    def __init__(self, network: Any, run: ClassifierRun) -> None:
        import torch

        args = run.args
        self.model, self._run = network, run
        self._classes = torch.from_numpy(run.training.targets)
        self._batches = class_batches(
            run.training.targets.tolist(), args.few_shot_batch, args.few_shot_steps, args.seed
        )

    def batches(self, epoch: int) -> Sequence[Sequence[int]]:
        return self._batches

    def weight(self, rows: Sequence[int]) -> float:
        return float(len(rows))

    def loss(self, model: Any, rows: Sequence[int]) -> Any:
        run = self._run
        ids, mask = padded([run.ids[row] for row in rows], run.backbone.pad, run.processes.device)
        classes = self._classes[list(rows)].to(run.processes.device)
        return contrast(model(ids, mask, vectors=True), classes, run.args.contrast)

    def head(self) -> Sequence[Any]:
        return ()

    def evaluate(self, processes: Processes) -> Mapping[str, float]:
        return {}


def contrast(vectors: Any, classes: Any, temperature: float) -> Any:
    """Supervised contrastive loss, summed over rows. ``vectors`` [rows, width] of length 1, ``classes`` [rows].

    Of each row: the mean over the others of its class of -log(share of this pair among all pairs of the row). Rows
    alone in their class add nothing but stand as negatives of the others.
    """
    import torch

    with torch.autocast(vectors.device.type, enabled=False):  # bf16 would round the similarities to two digits
        likeness = vectors @ vectors.T / temperature
    itself = torch.eye(len(vectors), dtype=torch.bool, device=vectors.device)
    share = likeness.masked_fill(itself, float("-inf")).log_softmax(dim=1)
    together = (classes[:, None] == classes[None]) & ~itself
    partners = together.sum(dim=1)
    per_row = -share.masked_fill(~together, 0.0).sum(dim=1) / partners.clamp(min=1)
    return per_row.sum()


def with_label_texts(run: ClassifierRun) -> ClassifierRun:
    """The run with one more text of each label: its name, unless it has no letters or a part that is no known word."""
    named = [(number, label_text(name)) for number, name in enumerate(run.labels)]
    named = [(number, text) for number, text in named if any(one.isalpha() for one in text)]
    ids = run.backbone.token_ids([text for _, text in named], run.args.max_tokens)
    unknown = run.backbone.tokenizer.unk_token_id
    kept = [(number, text, row) for (number, text), row in zip(named, ids, strict=True) if unknown not in row]
    run.facts["label_texts"] = len(kept)
    training = replace(
        run.training,
        texts=(*run.training.texts, *(text for _, text, _ in kept)),
        targets=np.concatenate([run.training.targets, np.array([number for number, _, _ in kept], np.int64)]),
    )
    return replace(run, training=training, ids=[*run.ids, *(row for _, _, row in kept)])


def label_text(label: str) -> str:
    """``card_arrival`` and ``CardArrival`` as ``card arrival``."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|[_/.:?-]+", " ", label)
    return " ".join(spaced.lower().split())


def fit_few_shot(run: ClassifierRun) -> Any:
    """Mode few_shot: the encoder after contrast, with a logistic head on its vectors."""
    import torch

    run = with_label_texts(run) if run.args.label_texts else run
    network = build_network(run.backbone, len(run.labels), normalise=True)
    network.head.requires_grad_(False)
    if not run.args.train_embeddings:
        network.encoder.get_input_embeddings().requires_grad_(False)
    # Parts of a batch would not see each other's texts, which is what they learn from.
    args = replace(run.args, epochs=1, accumulate=1, learning_rate=run.args.few_shot_rate, patience=0)
    with torch.random.fork_rng():
        problem = ContrastProblem(network, run)
        outcome = Loop(
            problem, args, run.folder, run.watch, run.mark, metric="loss", stage="contrast", processes=run.processes
        ).run()
    run.facts |= {"steps": outcome.steps}
    training = outputs(network, run.ids, run, vectors=True)
    validation = outputs(network, run.validation_ids, run, vectors=True)
    put_head(network, fit_head(training, run.training, validation, run.validation, run.args, run.watch))
    return network.eval()
