"""Trains a multilayer perceptron on rows of a table: credit and health risk and the like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import BadInput
from core.evaluation.classification import Floats
from core.models.device import choose_device
from core.models.manifest import Manifest
from core.models.networks.layers import PerceptronShape, build_perceptron, perceptron_inputs, perceptron_logits
from core.models.networks.open import AverageRow, members_module, tabular_outputs
from core.models.networks.tabular import Column, ColumnKind, Row, Table, encode, learn_columns
from core.training.networks import run as small_run
from core.training.networks.loop import Balance, Fit, LoopArgs, Metric, as_tuple, in_range
from core.training.networks.run import Examples, Run
from core.training.networks.state import FOLDER
from core.training.watch import Watch


@dataclass(frozen=True, kw_only=True)
class TabularArgs(LoopArgs):
    """``members``: networks trained from different seeds whose logits are averaged (Lakshminarayanan et al. 2017).

    ``exclude``: columns not learnt from (an id, or the group whose treatment the report measures). ``kinds``: columns
    whose kind is not what their values look like. ``one_hot``: levels up to which a category is one-hot, beyond it is
    embedded. ``least_level``: rows a level must occur in to count as one.
    """

    epochs: int = 60
    batch_size: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    dropout: float = 0.3
    patience: int = 12
    metric: Metric = "loss"
    class_weights: Balance | dict[str, float] = "balanced"
    hidden: tuple[int, ...] = (64, 32)
    members: int = 5
    exclude: tuple[str, ...] = ()
    kinds: dict[str, ColumnKind] = field(default_factory=dict)
    one_hot: int = 20
    least_level: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        as_tuple(self, "hidden", "exclude")
        in_range("hidden layers", len(self.hidden), 1, 4)
        for width in self.hidden:
            in_range("hidden", width, 2, 2048)
        in_range("members", self.members, 1, 20)
        in_range("one_hot", self.one_hot, 2, 1000)
        in_range("least_level", self.least_level, 1, 1000)
        both = sorted(set(self.exclude) & set(self.kinds))
        if both:
            raise BadInput("networks.excluded_kind", column=both[0])


class _Rows:
    """The Problem of the loop."""

    def __init__(self, network: Any, tables: tuple[Table, Table], run: Run, device: str) -> None:
        import torch

        self._device, self._classes = device, len(run.labels)
        self.network = network.to(device)
        training, self._validation = tables
        self.rows = len(training)
        self.sizes: Sequence[int] | None = None
        self._numbers = torch.from_numpy(training.numbers).to(device)
        self._ids = torch.from_numpy(training.ids).to(device)
        self._gold = torch.as_tensor(np.asarray(run.training.classes, np.int64)).to(device)
        self.validation_gold = run.gold

    def logits(self, rows: Sequence[int]) -> Any:
        return perceptron_logits(self.network, perceptron_inputs(self.network, self._numbers[rows], self._ids[rows]))

    def gold(self, rows: Sequence[int]) -> Any:
        return self._gold[rows]

    def validation_logits(self) -> Floats:
        return tabular_outputs(self.network.eval(), self._validation, self._classes, self._device)


def train_tabular(
    folder: Path,
    training: Examples,
    validation: Examples,
    labels: Sequence[str],
    args: TabularArgs,
    watch: Watch,
    *,
    name: str = "",
    data: Mapping[str, Any] | None = None,
) -> Manifest:
    """Trains on ``training.inputs`` (rows: name -> value, without the label) and seals ``folder``.

    The same call after a kill goes on where it stood. Raises as ``train_lstm`` does, and BadInput for a column that is
    not there, text where numbers belong, and a table without a column to learn from.
    """
    run = Run("tabular", folder, training, validation, tuple(labels), args, name, dict(data or {}))
    if (done := small_run.begin(run)) is not None:
        return done
    columns, constant = _columns(training.inputs, args)
    tables = encode(columns, training.inputs), encode(columns, validation.inputs)
    watch.say(f"{len(training)} training rows, {len(validation)} for validation, {len(columns)} columns")
    if constant:
        watch.say(f"left out, one value only: {', '.join(constant)}")
    levels = tuple(len(column.levels) + 1 for column in columns if column.embedded)
    shape = PerceptronShape(tables[0].numbers.shape[1], levels, len(labels), args.hidden, args.dropout)
    weights = small_run.class_weights(args, training.classes, labels)
    networks, logits, epochs = _members(run, shape, tables, args, watch, weights)
    return small_run.finish(
        run, logits, weights,
        network=members_module(networks), shape=shape,
        setup={
            "columns": [asdict(column) for column in columns],
            "members": len(networks),
            "average": asdict(_average(tables[0], columns)),
        },
        best_epochs=epochs, columns=[column.name for column in columns], constant_columns=list(constant),
    )  # fmt: skip


def _columns(rows: Sequence[Row], args: TabularArgs) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    unknown = sorted((set(args.exclude) | set(args.kinds)) - set(names))
    if unknown:
        raise BadInput("networks.column_missing", column=unknown[0], known=", ".join(names))
    learnt = [name for name in names if name not in args.exclude]
    columns, constant = learn_columns(rows, learnt, args.kinds, one_hot=args.one_hot, least=args.least_level)
    if not columns:
        raise BadInput("networks.no_columns", names=", ".join(names))
    return columns, constant


def _members(
    run: Run, shape: PerceptronShape, tables: tuple[Table, Table], args: TabularArgs, watch: Watch, weights: Floats
) -> tuple[list[Any], Floats, list[int]]:
    """The trained networks, their mean validation logits [rows, classes], and each one's best epoch."""
    device = choose_device(args.device)
    networks, logits, epochs = [], [], []
    for member in range(args.members):
        own = replace(args, seed=args.seed + member)
        network = small_run.seeded(own.seed, lambda: build_perceptron(shape))
        folder = run.folder / FOLDER / str(member)
        watch.say(f"network {member + 1} of {args.members}")
        problem = _Rows(network, tables, run, device)
        fitted = Fit(problem, own, folder, watch, weights=weights, mark=f"{run.mark}.{member}").run()
        networks.append(network)
        logits.append(fitted.logits)
        epochs.append(fitted.best_epoch)
    return networks, np.asarray(np.mean(logits, axis=0), np.float64), epochs


def _average(table: Table, columns: Sequence[Column]) -> AverageRow:
    levels = [len(column.levels) + 1 for column in columns if column.embedded]
    shares = [np.bincount(table.ids[:, place], minlength=size) / len(table) for place, size in enumerate(levels)]
    return AverageRow(table.numbers.mean(axis=0, dtype=np.float64).tolist(), [share.tolist() for share in shares])
