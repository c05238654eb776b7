"""Smaller networks made from a trained text classifier, and how they learn from it what it knows.

Pruning takes away whole neurons of the feed-forward layers, those of the smallest weights (Han et al., "Learning both
weights and connections", 2015, by neuron as in Li et al., "Pruning filters", 2017): the network truly becomes smaller,
where single zeros would save neither memory nor time. A distilled student keeps every other layer of its teacher (Sanh
et al., "DistilBERT", 2019). Both then learn from the teacher's softened outputs (Hinton et al., 2015) and the labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import BadInput
from core.models.classifiers.text_network import Backbone, padded, run_network
from core.models.encoder import batches_by_length
from core.training.classification.batching import bucketed_batches
from core.training.classification.rows import LabelledTexts, live_scores
from core.training.loop_args import LoopArgs
from core.training.processes import Processes
from core.training.trainer import Loop, chosen_precision
from core.training.watch import Watch

_MULTIPLE = 8  # of neurons kept: what int8 kernels compute at once
_WIDTHS = ("intermediate_size", "hidden_dim", "ffn_dim")  # what configurations call the feed-forward width

Logits = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a student learns from: rows with gold and the teacher's logits float32 [rows, labels], and rows to judge by.

    ``temperature`` softens both sides; ``soft`` is the teacher's share of the loss, the labels have the rest.
    """

    training: LabelledTexts
    ids: list[list[int]]
    teacher: Logits
    validation: LabelledTexts
    validation_ids: list[list[int]]
    temperature: float
    soft: float


def keep_layers(network: Any, count: int) -> int:
    """Leaves ``count`` of the encoder's layers (0: half of them), evenly spread, the last among them. Returns how many.

    Raises BadInput (data.compress_shape) for an encoder without a list of layers.
    """
    import torch

    encoder, config = network.encoder, network.encoder.config
    total = int(config.num_hidden_layers)
    keep = min(total, count or max(1, total // 2))
    for module in encoder.modules():
        for name, child in module.named_children():
            if isinstance(child, torch.nn.ModuleList) and len(child) == total:
                places = [round((place + 1) * total / keep) - 1 for place in range(keep)]
                setattr(module, name, torch.nn.ModuleList([child[place] for place in places]))
                config.num_hidden_layers = keep
                return keep
    raise BadInput("data.compress_shape", model=config.model_type)


def prune_neurons(network: Any, share: float) -> int:
    """Leaves ``share`` of the neurons of every feed-forward layer, equally many in each. Returns how many are left.

    A neuron counts by the product of the norms of the weights into it and out of it. Raises BadInput
    (data.compress_shape) for layers of another shape (gated ones, say).
    """
    import torch

    config = network.encoder.config
    name = next((name for name in _WIDTHS if hasattr(config, name)), "")
    width = int(getattr(config, name)) if name else 0
    into = [m for m in network.encoder.modules() if isinstance(m, torch.nn.Linear) and m.out_features == width]
    out = [m for m in network.encoder.modules() if isinstance(m, torch.nn.Linear) and m.in_features == width]
    if not width or len(into) != len(out) or len(into) != int(config.num_hidden_layers):
        raise BadInput("data.compress_shape", model=config.model_type)
    keep = max(_MULTIPLE, round(share * width / _MULTIPLE) * _MULTIPLE)
    with torch.no_grad():
        for first, second in zip(into, out, strict=True):
            strength = first.weight.norm(dim=1) * second.weight.norm(dim=0)
            kept = strength.topk(min(keep, width)).indices.sort().values
            first.weight = torch.nn.Parameter(first.weight[kept].contiguous())
            first.bias = None if first.bias is None else torch.nn.Parameter(first.bias[kept].contiguous())
            second.weight = torch.nn.Parameter(second.weight[:, kept].contiguous())
            first.out_features = second.in_features = len(kept)
    setattr(config, name, min(keep, width))
    return min(keep, width)


class Distillation:
    """The Problem of the training loop: the teacher's softened outputs and the labels, by ``Lesson.soft``."""

    def __init__(self, network: Any, backbone: Backbone, lesson: Lesson, args: LoopArgs, device: str) -> None:
        import torch

        self.model, self._pad, self._lesson, self._args, self._device = network, backbone.pad, lesson, args, device
        self._lengths = [len(row) for row in lesson.ids]
        self._targets = torch.from_numpy(lesson.training.targets)
        self._teacher = torch.from_numpy(lesson.teacher)
        self._bf16 = chosen_precision(args.precision, device) == "bf16"

    def batches(self, epoch: int) -> Sequence[Sequence[int]]:
        return bucketed_batches(self._lengths, self._args.batch_size, self._args.seed, epoch)

    def weight(self, rows: Sequence[int]) -> float:
        return float(len(rows))

    def loss(self, model: Any, rows: Sequence[int]) -> Any:
        from torch.nn import functional

        lesson, places = self._lesson, list(rows)
        ids, mask = padded([lesson.ids[row] for row in rows], self._pad, self._device)
        logits = model(ids, mask).float()
        gold, teacher = self._targets[places].to(self._device), self._teacher[places].to(self._device)
        heat = lesson.temperature
        if lesson.training.task == "multi":
            hard = functional.binary_cross_entropy_with_logits(logits, gold.float(), reduction="sum")
            soft = functional.binary_cross_entropy_with_logits(
                logits / heat, (teacher / heat).sigmoid(), reduction="sum"
            )
        else:
            hard = functional.cross_entropy(logits, gold, reduction="sum")
            said = functional.log_softmax(logits / heat, dim=1)
            soft = functional.kl_div(said, functional.softmax(teacher / heat, dim=1), reduction="sum")
        # Gradients of softened outputs shrink by the square of the temperature.
        return lesson.soft * heat**2 * soft + (1 - lesson.soft) * hard

    def head(self) -> Sequence[Any]:
        return list(self.model.head.parameters())

    def evaluate(self, processes: Processes) -> Mapping[str, float]:
        if not len(self._lesson.validation):
            return {}
        logits = network_logits(self.model.eval(), self._lesson.validation_ids, self._pad, self._device)
        return live_scores(logits, self._lesson.validation)


def teach(
    network: Any, backbone: Backbone, lesson: Lesson, args: LoopArgs, folder: Path, watch: Watch, mark: str
) -> Any:
    """The student with the best evaluation's weights. Goes on from ``folder/checkpoints`` after a kill."""
    processes = Processes(args.device)
    problem = Distillation(network.to(processes.device), backbone, lesson, args, processes.device)
    Loop(problem, args, folder, watch, mark, metric="accuracy", stage="distil", processes=processes).run()
    return network.eval()


def network_logits(network: Any, rows: Sequence[Sequence[int]], pad: int, device: str) -> Logits:
    """Logits float32 [rows, labels] of token ids, batched by length."""
    found = np.zeros((len(rows), network.head.out_features), np.float32)
    for batch in batches_by_length([len(row) for row in rows]):
        found[batch] = run_network(network, [rows[number] for number in batch], pad, device)
    return found
