"""The training of the sequential models: windows of histories, softmax over items, early stopping, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core.recommend.data import Floats, Ints
from core.recommend.sequential_network import Bags, SequenceShape, hidden, item_table, padded_left
from core.training.networks.state import (
    BEST,
    Progress,
    fingerprint,
    load_last,
    load_weights,
    save_last,
    save_weights,
)
from core.training.watch import Watch

Objective = Literal["next", "masked"]
_BUCKET = 20  # batches among which histories of like length are brought together
_WARM_UP = 100  # steps, or a tenth of all where those are few
_CLIP = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialArgs:
    """``objective``: "next" is SASRec (Kang and McAuley 2018), "masked" BERT4Rec (Sun et al. 2019).

    With at most ``full_limit`` items the softmax runs over all of them; above that over ``negatives`` drawn a batch,
    with their probability corrected for (Bengio and Senecal 2008): few negatives make either model overconfident
    (Klenitskiy and Vasilev 2023). ``minutes`` ends training early. ``patience``: evaluations without a better NDCG@10.
    """

    objective: Objective = "next"
    width: int = 64
    layers: int = 2
    heads: int = 2
    places: int = 50
    dropout: float = 0.3
    masked: float = 0.25  # share of items masked by BERT4Rec
    epochs: int = 60
    batch_size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    full_limit: int = 20_000
    negatives: int = 1_000
    patience: int = 6
    judged: int = 5_000  # people judged after an epoch
    minutes: float = 60.0
    threads: int = 0  # of torch; 0 leaves them as they are
    use_features: bool = True


@dataclass(frozen=True, slots=True)
class Held:
    """People to judge by: what they had liked and seen before, and the items [each some] that came next."""

    liked: Sequence[Ints]
    seen: Sequence[Ints]
    next: Sequence[Ints]


class Trainer:
    """One run in ``folder`` (its checkpoints); the same call after a kill goes on from the last one."""

    def __init__(
        self,
        network: Any,
        shape: SequenceShape,
        bags: Bags | None,
        args: SequentialArgs,
        *,
        seed: int,
        folder: Path,
        watch: Watch,
    ) -> None:
        import torch

        self.network, self.shape, self.bags, self.args = network, shape, bags, args
        self._seed, self._folder, self._watch = seed, folder, watch
        self._optimiser = torch.optim.AdamW(
            network.parameters(), lr=args.learning_rate, weight_decay=args.weight_decay, betas=(0.9, 0.98)
        )
        self.losses: list[float] = []

    def run(self, sequences: Sequence[Ints], held: Held | None, *, epochs: int | None = None) -> Progress:
        """Trains on ``sequences`` (items, oldest first) and leaves the best epoch's weights in the network.

        Without ``held`` the last epoch's. Raises what the watch raises.
        """
        import torch

        windows = cut(sequences, self.args.places, self.args.objective)
        total = epochs or self.args.epochs
        mark = fingerprint(
            asdict(self.args), asdict(self.shape), self._seed, total, [list(map(int, w)) for w in windows]
        )
        with _threads(self.args.threads), torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            progress = load_last(self._folder, self.network, self._optimiser, mark) or Progress(mark)
            ends = time.monotonic() + 60 * self.args.minutes
            steps = total * math.ceil(len(windows) / self.args.batch_size)
            while windows and progress.epoch < total and time.monotonic() < ends:
                self._watch.point(progress.step, epoch=progress.epoch + 1, epochs=total)
                self._epoch(windows, progress, steps)
                progress.epoch += 1
                if held is not None and self._judge(held, progress):
                    break
                save_last(self._folder, self.network, self._optimiser, progress)
            if held is not None and progress.best is not None:
                load_weights(self._folder / BEST, self.network)
        self.network.eval()
        return progress

    def _epoch(self, windows: Sequence[Ints], progress: Progress, steps: int) -> None:
        import torch

        self.network.train()
        generator = np.random.default_rng([self._seed, progress.epoch])
        for rows in batches(windows, self.args.batch_size, generator):
            self._watch.check()
            rate = self.args.learning_rate * schedule(progress.step, steps)
            for group in self._optimiser.param_groups:
                group["lr"] = rate
            loss = self._loss([windows[row] for row in rows], generator)
            self._optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), _CLIP)
            self._optimiser.step()
            self.losses.append(float(loss.detach()))
            progress.step += 1
            self._watch.step("sequential", progress.step, steps)
        kept = math.ceil(len(windows) / self.args.batch_size)
        self._watch.point(progress.step, loss=float(np.mean(self.losses[-kept:])), learning_rate=rate)

    def _loss(self, rows: Sequence[Ints], generator: np.random.Generator) -> Any:
        import torch

        inputs, targets = self._example(rows, generator)
        table = item_table(self.network, self.shape, self.bags)
        states = hidden(self.network, self.shape, table, torch.from_numpy(inputs))
        wanted = torch.from_numpy(targets)
        places = wanted != self.shape.items
        return softmax_loss(states[places], table[: self.shape.items], wanted[places], self.args, generator)

    def _example(self, rows: Sequence[Ints], generator: np.random.Generator) -> tuple[Ints, Ints]:
        """Inputs and targets [B, T]; a target of N asks for nothing."""
        filler = self.shape.items
        whole = padded_left(rows, filler, self.args.places + (self.args.objective == "next"))
        if self.args.objective == "next":
            return whole[:, :-1], np.where(whole[:, :-1] == filler, filler, whole[:, 1:])
        chosen = (generator.random(whole.shape) < self.args.masked) & (whole != filler)
        # Every history asks for something; half the time for its newest item, as serving does.
        last = ~chosen.any(axis=1) | (generator.random(len(whole)) < 0.5)
        chosen[last, -1] = True
        return np.where(chosen, filler + 1, whole), np.where(chosen, whole, filler)

    def _judge(self, held: Held, progress: Progress) -> bool:
        """Keeps the weights when they are the best so far; True when it is time to stop."""
        from core.evaluation.ranking import ndcg_of_ranks, ranks_of

        scores = score(self.network, self.shape, self.bags, held.liked, self.args.objective)
        found = []
        for first, wanted in enumerate(held.next):
            found.append(ndcg_of_ranks(ranks_of(scores[first], wanted, held.seen[first]), 10))
        value = float(np.mean(found)) if found else 0.0
        self._watch.point(progress.step, validation_ndcg=value)
        self._watch.say(f"epoch {progress.epoch}: loss {self.losses[-1]:.4f}, validation NDCG@10 {value:.5f}")
        if progress.best is None or value > progress.best[0]:
            progress.best, progress.best_epoch, progress.waited = (value, 0.0), progress.epoch, 0
            save_weights(self._folder / BEST, self.network)
        else:
            progress.waited += 1
        return progress.waited >= self.args.patience


def softmax_loss(states: Any, table: Any, wanted: Any, args: SequentialArgs, generator: np.random.Generator) -> Any:
    """Mean negative log likelihood in nats of ``wanted`` [M] after ``states`` [M, E], over ``table`` or a sample."""
    import torch

    if not len(wanted):
        return (states.sum() + table.sum()) * 0.0
    if len(table) <= args.full_limit:
        return torch.nn.functional.cross_entropy(states @ table.T, wanted)
    drawn = torch.from_numpy(generator.integers(0, len(table), args.negatives))
    # Uniform draws stand for all the other items, so each counts N / n times.
    others = states @ table[drawn].T + math.log(len(table) / args.negatives)
    others = others.masked_fill(drawn[None] == wanted[:, None], float("-inf"))
    right = (states * table[wanted]).sum(1, keepdim=True)
    return torch.nn.functional.cross_entropy(torch.cat([right, others], 1), torch.zeros_like(wanted))


def score(
    network: Any,
    shape: SequenceShape,
    bags: Bags | None,
    histories: Sequence[Ints],
    objective: Objective,
    at_once: int = 512,
) -> Floats:
    """Float32 [histories, N]: logits of what comes next. An empty history is scored as one padded place."""
    import torch

    found = np.empty((len(histories), shape.items), np.float32)
    network.eval()
    order = np.argsort([len(row) for row in histories], kind="stable")
    with torch.inference_mode():
        table = item_table(network, shape, bags)
        for first in range(0, len(order), at_once):
            rows = order[first : first + at_once]
            states = hidden(
                network, shape, table, torch.from_numpy(_asked([histories[r] for r in rows], shape, objective))
            )
            found[rows] = (states[:, -1] @ table[: shape.items].T).numpy()
    return found


def _asked(rows: Sequence[Ints], shape: SequenceShape, objective: Objective) -> Ints:
    if objective == "next":
        return padded_left(rows, shape.items, shape.places)
    mask = np.array([shape.items + 1])
    return padded_left([np.concatenate([row[-(shape.places - 1) :], mask]) for row in rows], shape.items, shape.places)


def cut(sequences: Sequence[Ints], places: int, objective: Objective) -> list[Ints]:
    """Windows of at most ``places`` (and a target more for "next"), from the newest back, each item a target once."""
    size = places + (objective == "next")
    windows = []
    for row in sequences:
        end = len(row)
        while end >= 2:
            windows.append(row[max(0, end - size) : end])
            end -= places
    return windows


def batches(windows: Sequence[Ints], size: int, generator: np.random.Generator) -> Iterator[Ints]:
    """Numbers of windows; those of a batch are of like length, so that little is padding."""
    order = generator.permutation(len(windows))
    lengths = np.array([len(row) for row in windows])
    span = size * _BUCKET
    pieces = [order[first : first + span] for first in range(0, len(order), span)]
    order = np.concatenate([piece[np.argsort(lengths[piece], kind="stable")] for piece in pieces])
    for first in generator.permutation(np.arange(0, len(order), size)):
        yield order[first : first + size]


def schedule(step: int, total: int) -> float:
    """Share of the learning rate: up in a straight line, then down as a cosine to a tenth."""
    warm = max(1, min(_WARM_UP, total // 10))
    if step < warm:
        return (step + 1) / warm
    done = (step - warm) / max(1, total - warm)
    return 0.1 + 0.9 * (1 + math.cos(math.pi * min(done, 1.0))) / 2


@contextmanager
def _threads(count: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    if count:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
