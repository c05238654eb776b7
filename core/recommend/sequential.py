"""SASRec and BERT4Rec: what comes next in a history, from the order of what was in it."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from core.recommend.base import Model, Run, Tensors
from core.recommend.data import Floats, History, Interactions, Ints, Items
from core.recommend.sequential_network import Bags, SequenceShape, build_sequence
from core.recommend.sequential_train import Held, Objective, SequentialArgs, Trainer, score
from core.training.watch import Quiet, Watch

_LEAST_JUDGED = 20  # people: fewer cannot tell when to stop
_BLIND_EPOCHS = 10
_NETWORK = "network."


class Sequential(Model):
    """``args``: of ``SequentialArgs``; ``finish``: epochs over everything once the best weights are found (refit)."""

    objective: ClassVar[Objective] = "next"

    def __init__(self, finish: int = 3, **args: Any) -> None:
        super().__init__()
        self.args = SequentialArgs(**{**args, "objective": self.objective})
        self._finish = finish
        self._network: Any = None
        self._shape: SequenceShape | None = None
        self._bags: Bags | None = None

    def _learn(self, data: Interactions, items: Items, run: Run) -> None:
        import torch

        self._network = None
        rows = [history.items for history in data.liked.histories()]
        sequences, held = held_out(data, rows, run, self.args.judged)
        if not any(len(row) > 1 for row in sequences):
            return
        self._bags = item_features(items) if self.args.use_features else None
        self._shape = self._shape_of(len(items))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(run.seed)
            network = build_sequence(self._shape)
        self._train(network, sequences, held, self.args, run)

    def refit(
        self,
        data: Interactions,
        items: Items,
        *,
        seed: int = 0,
        watch: Watch | None = None,
        work: Path | None = None,
    ) -> Self:
        """Goes on from the best weights for a few epochs with the newest events as targets too, at a lower rate."""
        if self._network is None or self._item_ids != items.ids:
            return self.fit(data, items, seed=seed, watch=watch, work=work)
        self._start(data, items, seed)
        rows = [history.items for history in data.liked.histories()]
        args = replace(self.args, learning_rate=self.args.learning_rate / 3)
        run = Run(seed, watch or Quiet(), work=None if work is None else work / "finish")
        self._train(self._network, rows, None, args, run, self._finish)
        return self

    def _train(
        self,
        network: Any,
        sequences: Sequence[Ints],
        held: Held | None,
        args: SequentialArgs,
        run: Run,
        epochs: int | None = None,
    ) -> None:
        assert self._shape is not None
        kept = nullcontext(str(run.work)) if run.work else tempfile.TemporaryDirectory()
        with kept as folder:
            trainer = Trainer(
                network, self._shape, self._bags, args, seed=run.seed, folder=Path(folder), watch=run.watch
            )
            blind = None if held is not None else min(_BLIND_EPOCHS, args.epochs)
            progress = trainer.run(sequences, held, epochs=epochs or blind)
        self._network = network
        if held is not None and progress.best is not None:
            self._facts |= {"validation_ndcg": progress.best[0], "best_epoch": progress.best_epoch}
        self._facts |= {"epochs": progress.epoch, "steps": progress.step}

    def _shape_of(self, count: int) -> SequenceShape:
        args, features = self.args, 0 if self._bags is None else self._bags.count
        return SequenceShape(
            count, features, args.width, args.layers, args.heads, args.places, args.dropout, self.objective == "next"
        )

    def _score(self, histories: Sequence[History]) -> Floats | None:
        if self._network is None or self._shape is None:
            return None
        return score(self._network, self._shape, self._bags, [one.items for one in histories], self.objective)

    def _settings(self) -> dict[str, Any]:
        return {
            **{key: value for key, value in asdict(self.args).items() if key != "objective"},
            "finish": self._finish,
        }

    def _tensors(self) -> Tensors:
        if self._network is None:
            return {}
        found = {_NETWORK + name: value.numpy() for name, value in self._network.state_dict().items()}
        if self._bags is not None:
            found |= {"features": self._bags.features, "starts": self._bags.starts}
            found["count"] = np.array([self._bags.count])
        return found

    def _restore(self, tensors: Tensors) -> None:
        import torch

        weights = {name.removeprefix(_NETWORK): value for name, value in tensors.items() if name.startswith(_NETWORK)}
        if not weights:
            return
        if "features" in tensors:
            self._bags = Bags(tensors["features"], tensors["starts"], int(tensors["count"][0]))
        self._shape = self._shape_of(len(self._item_ids))
        self._network = build_sequence(self._shape)
        self._network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in weights.items()})
        self._network.eval()


class SasRec(Sequential):
    """Self-attentive sequential recommendation (Kang and McAuley 2018) with softmax instead of one negative."""

    name = "sasrec"
    objective = "next"


class Bert4Rec(Sequential):
    """Masked items from both sides (Sun et al. 2019)."""

    name = "bert4rec"
    objective = "masked"


def held_out(data: Interactions, rows: Sequence[Ints], run: Run, most: int) -> tuple[list[Ints], Held | None]:
    """Sequences to train on, and people to judge by: with ``run.validation`` its events, else the newest of ``data``.

    ``rows``: what each person liked, oldest first. None where too few people could be judged.
    """
    generator = np.random.default_rng(run.seed)
    if run.validation is not None:
        wanted = [history.items for history in run.validation.liked.histories()]
        able = [user for user in range(data.people) if len(rows[user]) and len(wanted[user])]
        chosen = _some(able, most, generator)
        seen = [data.history(user).seen for user in chosen]
        held = Held([rows[user] for user in chosen], seen, [np.unique(wanted[user]) for user in chosen])
        return list(rows), held if len(chosen) >= _LEAST_JUDGED else None
    able = [user for user, row in enumerate(rows) if len(row) >= 3 and row[-1] not in row[:-1]]
    chosen = _some(able, min(most, len(able) // 2), generator)
    if len(chosen) < _LEAST_JUDGED:
        return list(rows), None
    short = list(rows)
    for user in chosen:
        short[user] = rows[user][:-1]
    held = Held([short[u] for u in chosen], [np.unique(short[u]) for u in chosen], [rows[u][-1:] for u in chosen])
    return short, held


def _some(able: list[int], most: int, generator: np.random.Generator) -> list[int]:
    if len(able) <= most:
        return able
    return sorted(generator.choice(able, most, replace=False).tolist())


def item_features(items: Items) -> Bags | None:
    """Categories and tags that two items at least share."""
    words = [tuple(dict.fromkeys([*([f"={row.category}"] if row.category else []), *row.tags])) for row in items.rows]
    counts = Counter(word for row in words for word in row)
    number = {word: place for place, word in enumerate(sorted(word for word, count in counts.items() if count > 1))}
    if not number:
        return None
    kept = [[number[word] for word in row if word in number] for row in words]
    starts = np.cumsum([0, *(len(row) for row in kept)]).astype(np.int64)
    return Bags(np.array([word for row in kept for word in row], np.int64), starts, len(number))
