"""The training loop of a language model: the common one, ended by a clock if so asked, with samples as it goes."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.models.generation.sampling import GenerationSettings, Sampler
from core.training.language.args import LanguageModelArgs
from core.training.language.data import Measured
from core.training.language.gpt2 import hidden_states
from core.training.language.muon import muon
from core.training.language.packing import IGNORED, Blocks, shuffled
from core.training.language.tokenizer import separator_of
from core.training.processes import Processes
from core.training.trainer import Loop
from core.training.watch import Watch

_TOKENS_AT_ONCE = 8192  # of a batch that is only judged
_SETTLED = 4  # steps after which the speed is known well enough to say how many there will be
_JUDGED = 0.1  # of the time that a clock gives, at most, goes to evaluations
_JUDGEMENTS = 40  # and no more of them: patience counts evaluations, and steps next to each other differ by chance
_SPENT = "spent.json"


class TextProblem:
    """``core.training.trainer.Problem``: a row is a block of an epoch, numbered through all epochs."""

    def __init__(self, model: Any, args: LanguageModelArgs, blocks: Blocks, validation: Measured, device: str) -> None:
        self.model, self._args = model, args
        self._blocks, self._validation, self._device = blocks, validation, device

    def batches(self, epoch: int) -> Sequence[Sequence[int]]:
        order = shuffled(self._blocks.count, self._args.seed, epoch)
        first, size = epoch * self._blocks.count, self._args.batch_size
        return [[first + number for number in order[at : at + size]] for at in range(0, len(order), size)]

    def weight(self, rows: Sequence[int]) -> float:
        return float(max(1, (self._take(rows)[1] != IGNORED).sum()))

    def loss(self, model: Any, rows: Sequence[int]) -> Any:
        import torch

        inputs, targets = (torch.from_numpy(array).to(self._device) for array in self._take(rows))
        return model(inputs, targets)

    def head(self) -> Sequence[Any]:
        return []

    def evaluate(self, processes: Processes) -> Mapping[str, float]:
        blocks = max(1, self._args.live_tokens // self._validation.blocks.length)
        total, tokens = judged(self.model, self._validation.blocks, self._device, processes, most=blocks)
        return {"loss": total / max(1, tokens), "perplexity": perplexity(total, tokens)}

    def _take(self, rows: Sequence[int]) -> tuple[Any, Any]:
        count = self._blocks.count
        return self._blocks.take(rows[0] // count, [row % count for row in rows])


class LanguageLoop(Loop):
    """``Loop`` with Muon, an end by time or steps, and texts written at each evaluation. Where a clock decides, the
    number of steps is estimated anew from the speed so far, so that the learning rate ends where the time does, and
    evaluations are as few as keeps them to a tenth of it.
    """

    def __init__(
        self, problem: TextProblem, args: LanguageModelArgs, folder: Path, watch: Watch, mark: str, *,
        tokenizer: Any, processes: Processes,
    ) -> None:  # fmt: skip
        super().__init__(problem, args, folder, watch, mark, metric="loss", processes=processes)
        self._lm, self._tokenizer, self._mark = args, tokenizer, mark
        if args.chosen_optimizer() == "muon":
            self._optimiser = muon(problem.model, args.learning_rate, args.muon_rate, args.weight_decay)
        self._longest = min(self._total, args.max_steps or self._total)
        self._total = self._longest
        self._evaluations = max(1, round(self._longest / self._every))
        self._began, self._before = time.monotonic(), 0.0
        self._judging, self._judgements = 0.0, 0
        self._samples: list[tuple[int, str]] = []

    def seconds(self) -> float:
        """Time spent on this run, before a kill as well."""
        return self._before + time.monotonic() - self._began

    def _resume(self) -> None:
        super()._resume()
        if self._progress.step:
            self._before = _spent(self._folder / _SPENT, self._mark)

    def _save(self) -> None:
        super()._save()
        if self._processes.main:
            draft = self._folder / f".{_SPENT}.{os.getpid()}"
            draft.write_text(json.dumps({"mark": self._mark, "seconds": self.seconds()}), encoding="utf-8")
            os.replace(draft, self._folder / _SPENT)

    def _enough(self) -> bool:
        late = bool(self._lm.max_seconds) and self._processes.any(self.seconds() >= self._lm.max_seconds)
        return super()._enough() or late or self._progress.step >= self._longest

    def _due(self) -> bool:
        return super()._due() or (self._enough() and self._progress.step > self._progress.judged)

    def _step(self, rows: list[int]) -> None:
        step, limit = self._progress.step, self._lm.max_seconds
        if limit and step >= _SETTLED:
            spent = max(self.seconds() - self._judging, 1e-3)
            one = self._judging / max(1, self._judgements)
            evaluations = max(1, min(self._evaluations, _JUDGEMENTS, int(_JUDGED * limit / max(one, 1e-6))))
            expected = max(step + 1, round(step * max(0.0, limit - evaluations * one) / spent))
            self._total = min(self._longest, self._agreed(expected))
            self._every = max(1, self._total // self._agreed(evaluations))
        super()._step(rows)

    def _agreed(self, number: int) -> int:
        """What the first process says, so that all keep to one schedule."""
        if self._processes.count == 1:
            return number
        import torch

        mine = torch.tensor(number if self._processes.main else 0, device=self._processes.device)
        return int(self._processes.total(mine).item())

    def _judge(self) -> None:
        began = time.monotonic()
        super()._judge()
        if self._processes.main and self._lm.sample_tokens:
            for prompt in self._lm.sample_prompts:
                self._samples.append((self._progress.step, self._sample(prompt)))
        self._judging += time.monotonic() - began
        self._judgements += 1

    def _tell(self) -> None:
        super()._tell()
        while self._samples:
            step, text = self._samples.pop(0)
            self._watch.sample(step, text)

    def _sample(self, prompt: str) -> str:
        network = self._problem.model.gpt2
        return prompt + written(network, self._tokenizer, prompt, self._lm.sample_tokens, self._lm.seed)


def judged(
    model: Any, blocks: Blocks, device: str, processes: Processes | None = None, most: int = 0
) -> tuple[float, int]:
    """The sum of the losses (natural) of the counted tokens of ``blocks`` (the first ``most``), and their number."""
    import torch

    count = min(blocks.count, most or blocks.count)
    size = max(1, _TOKENS_AT_ONCE // blocks.length)
    parts = [list(range(first, min(first + size, count))) for first in range(0, count, size)]
    total, tokens = torch.zeros((), dtype=torch.float64), 0
    model.eval()
    with torch.inference_mode():
        for part in parts[processes.rank :: processes.count] if processes else parts:
            inputs, targets = blocks.take(0, part)
            total += model(torch.from_numpy(inputs).to(device), torch.from_numpy(targets).to(device)).double().cpu()
            tokens += int((targets != IGNORED).sum())
    sums = torch.tensor([float(total), float(tokens)], dtype=torch.float64)
    if processes:
        sums = processes.total(sums.to(device))
    return float(sums[0]), int(sums[1])


def perplexity(total: float, units: int) -> float:
    """exp of the mean loss over ``units`` (tokens or characters); infinite beyond what a float holds."""
    mean = total / max(1, units)
    return math.exp(mean) if mean < 700 else math.inf


def written(network: Any, tokenizer: Any, prompt: str, tokens: int, seed: int) -> str:
    """What the model goes on to write after ``prompt``; short texts only, since nothing is kept between tokens."""
    import torch

    settings = GenerationSettings(max_tokens=tokens, temperature=0.8, top_p=0.95, repetition_penalty=1.1, seed=seed)
    sampler, window = Sampler(settings, 0), network.config.n_positions
    separator = tokenizer.token_to_id(separator_of(tokenizer))
    ids = [separator, *tokenizer.encode(prompt, add_special_tokens=False).ids]
    start, device = len(ids), network.transformer.wte.weight.device
    with torch.inference_mode():
        for _ in range(tokens):
            states = hidden_states(network, torch.tensor([ids[-window:]], device=device))[0, -1]
            token = sampler.pick((network.lm_head.weight @ states).float().cpu().numpy(), np.array(ids))
            if token == separator:
                break
            ids.append(token)
    return str(tokenizer.decode(ids[start:], skip_special_tokens=True))


def _spent(path: Path, mark: str) -> float:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0.0
    return float(kept["seconds"]) if kept.get("mark") == mark else 0.0
