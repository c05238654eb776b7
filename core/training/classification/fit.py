"""How a text network learns its labels: all weights or low-rank deltas by gradient, or a head on fixed vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.evaluation.classification import Floats
from core.models.classifiers.ngrams import Beside
from core.models.classifiers.text_network import Backbone, build_network, padded, run_network
from core.models.encoder import batches_by_length
from core.training.checkpoint import FOLDER
from core.training.classification.args import ClassifierArgs, Mode
from core.training.classification.batching import bucketed_batches
from core.training.classification.head import WITHOUT_VALIDATION, fit_head, fitted
from core.training.classification.lora import merged, with_lora
from core.training.classification.rows import LabelledTexts, live_scores
from core.training.processes import Processes
from core.training.trainer import Loop, chosen_precision
from core.training.watch import Watch

_CHUNK = 1024  # texts whose vectors are kept in one file
_PROBED = 5000  # rows that a head learnt by gradient starts from


@dataclass(slots=True)
class ClassifierRun:
    """Everything of one run. ``ids``: token ids of the training and of the validation texts; ``mark``: fingerprint;
    ``facts``: what the run found out, for the manifest; ``beside``: the n-grams that speak with the encoder."""

    args: ClassifierArgs
    mode: Mode
    training: LabelledTexts
    validation: LabelledTexts
    backbone: Backbone
    ids: list[list[int]]
    validation_ids: list[list[int]]
    folder: Path
    watch: Watch
    processes: Processes
    mark: str
    facts: dict[str, Any] = field(default_factory=dict)
    beside: Beside | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        return self.training.labels

    @property
    def normalise(self) -> bool:
        """A logistic head reads vectors of length 1; one that starts from chance reads them as they are."""
        return self.mode in ("frozen", "few_shot") or self.args.head_start


class LabelProblem:
    """Cross-entropy (single) or a binary cross-entropy a label (multi) over a text network."""

    def __init__(self, network: Any, run: ClassifierRun) -> None:
        import torch

        self.model, self._run = network, run
        self._lengths = [len(row) for row in run.ids]
        self._targets = torch.from_numpy(run.training.targets)
        self._weights = torch.from_numpy(run.training.class_weights(run.args.class_weights)).float()
        self._bf16 = chosen_precision(run.args.precision, run.processes.device) == "bf16"
        generator = np.random.default_rng([run.args.seed, 11])
        self._judged = np.sort(generator.permutation(len(run.validation))[: run.args.live_rows])

    def batches(self, epoch: int) -> Sequence[Sequence[int]]:
        return bucketed_batches(self._lengths, self._run.args.batch_size, self._run.args.seed, epoch)

    def weight(self, rows: Sequence[int]) -> float:
        if self._run.args.task == "multi":
            return float(len(rows) * len(self._run.labels))
        return float(self._weights[self._targets[list(rows)]].sum())

    def loss(self, model: Any, rows: Sequence[int]) -> Any:
        device = self._run.processes.device
        ids, mask = padded([self._run.ids[row] for row in rows], self._run.backbone.pad, device)
        gold = self._targets[list(rows)].to(device)
        if not self._run.args.agreement:
            return self._of_labels(model(ids, mask).float(), gold)
        first, second = model(ids.repeat(2, 1), mask.repeat(2, 1)).float().chunk(2)
        labelled = (self._of_labels(first, gold) + self._of_labels(second, gold)) / 2
        apart = divergence(first, second, self._run.args.task)
        if self._run.args.task == "single":
            apart = apart * self._weights.to(device)[gold]
        return labelled + self._run.args.agreement / 4 * apart.sum()

    def _of_labels(self, logits: Any, gold: Any) -> Any:
        from torch.nn import functional

        weights = self._weights.to(logits.device)
        if self._run.args.task == "multi":
            return functional.binary_cross_entropy_with_logits(
                logits, gold.float(), pos_weight=weights, reduction="sum"
            )
        smoothing = self._run.args.label_smoothing
        return functional.cross_entropy(logits, gold, weights, label_smoothing=smoothing, reduction="sum")

    def head(self) -> Sequence[Any]:
        return list(self.model.head.parameters())

    def evaluate(self, processes: Processes) -> Mapping[str, float]:
        if not len(self._judged):
            return {}
        rows = [self._run.validation_ids[number] for number in self._judged]
        logits = outputs(self.model, rows, self._run, bf16=self._bf16)
        return live_scores(logits, self._run.validation, self._judged)


def divergence(first: Any, second: Any, task: str) -> Any:
    """Kullback-Leibler divergence in both directions, added: [rows] of classes, [rows, labels] of multi's yes or no.

    (p - q)(log p - log q) summed over the outcomes; for yes or no the log odds take the place of both logarithms.
    """
    if task == "multi":
        return (first.sigmoid() - second.sigmoid()) * (first - second)
    p, q = first.log_softmax(dim=1), second.log_softmax(dim=1)
    return ((p.exp() - q.exp()) * (p - q)).sum(dim=1)


def fit_by_gradient(run: ClassifierRun) -> Any:
    """Modes full and lora: the network with the best evaluation's weights, deltas merged."""
    import torch

    args = run.args
    with torch.random.fork_rng():
        torch.manual_seed(args.seed)
        network = build_network(run.backbone, len(run.labels), normalise=run.normalise, dropout=args.dropout)
        if args.head_start:
            put_head(network.to(run.processes.device), _first_head(network, run))
        if run.mode == "lora":
            network.encoder = with_lora(network.encoder, args)
        elif not args.train_embeddings:
            network.encoder.get_input_embeddings().requires_grad_(False)
    loop = Loop(
        LabelProblem(network, run), args, run.folder, run.watch, run.mark,
        metric=args.metric, head_rate=args.head_rate, processes=run.processes,
    )  # fmt: skip
    outcome = loop.run()
    network.encoder = merged(network.encoder)
    run.facts |= {"steps": outcome.steps, "best_step": outcome.best_step, "stopped_early": outcome.stopped_early}
    return network.eval()


def _first_head(network: Any, run: ClassifierRun) -> tuple[Floats, Floats]:
    """A logistic regression on vectors of the encoder as it came (Kumar et al. 2022: a head from chance would first
    spoil what the encoder knows)."""
    order = np.random.default_rng([run.args.seed, 17]).permutation(len(run.training))
    chosen = order[:_PROBED]
    if run.args.task == "single":  # every label once, however rare
        _, firsts = np.unique(run.training.targets[order], return_index=True)
        chosen = np.union1d(chosen, order[firsts])
    vectors = outputs(network, [run.ids[row] for row in chosen], run, vectors=True)
    return fitted(vectors, run.training.some(chosen), WITHOUT_VALIDATION, run.args)


def fit_frozen(run: ClassifierRun) -> Any:
    """Mode frozen: the encoder as it came, a logistic head on its vectors, which are kept in case the run is killed."""
    network = build_network(run.backbone, len(run.labels), normalise=True).to(run.processes.device).eval()
    vectors = cached_vectors(network, [*run.ids, *run.validation_ids], run)
    training, validation = vectors[: len(run.ids)], vectors[len(run.ids) :]
    put_head(network, fit_head(training, run.training, validation, run.validation, run.args, run.watch))
    return network


def cached_vectors(network: Any, rows: Sequence[Sequence[int]], run: ClassifierRun) -> NDArray[np.float32]:
    """Sentence vectors float32 [rows, width]; every thousand are a file that a resumed run reads instead."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file, save_file

    folder = run.folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    found = np.zeros((len(rows), run.backbone.width), np.float32)
    for number, first in enumerate(range(0, len(rows), _CHUNK)):
        part = rows[first : first + _CHUNK]
        path = folder / f"vectors-{run.mark[:16]}-{number:05d}.safetensors"
        try:
            found[first : first + len(part)] = load_file(path)["vectors"]
        except (FileNotFoundError, SafetensorError, KeyError, ValueError):
            made = outputs(network, part, run, vectors=True)
            found[first : first + len(part)] = made
            if run.processes.main:
                draft = path.with_suffix(".draft")
                save_file({"vectors": made}, draft)
                draft.replace(path)
        run.watch.step("encode", first + len(part), len(rows))
    return found


def put_head(network: Any, head: tuple[Floats, Floats]) -> None:
    """Copies weight [labels, width] and bias [labels] into the network."""
    import torch

    with torch.no_grad():
        network.head.weight.copy_(torch.from_numpy(head[0]))
        network.head.bias.copy_(torch.from_numpy(head[1]))


def outputs(
    network: Any, rows: Sequence[Sequence[int]], run: ClassifierRun, *, vectors: bool = False, bf16: bool = False
) -> NDArray[np.float32]:
    """Logits [rows, labels] or vectors [rows, width], float32: shared out over the processes, the same in each."""
    import torch

    network.eval()
    processes, device = run.processes, run.processes.device
    found = np.zeros((len(rows), run.backbone.width if vectors else len(run.labels)), np.float32)
    batches = batches_by_length([len(row) for row in rows])
    for batch in processes.share(list(range(len(batches)))):
        if processes.count == 1:
            run.watch.check()
        chosen = batches[batch]
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=bf16):
            found[chosen] = run_network(
                network, [rows[row] for row in chosen], run.backbone.pad, device, vectors=vectors
            )
    if processes.count == 1:
        return found
    return np.asarray(processes.total(torch.from_numpy(found).to(device)).cpu().numpy(), np.float32)
