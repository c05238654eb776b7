"""A reader: reads a question beside a passage and says of every sentence how far it answers.

One pass scores all sentences of a passage in their context, by a head that marks the tokens of the answering sentence
(after Provence, Chirkova et al. 2025, which prunes contexts so). The loss is a softmax over the sentences of *all*
passages found for a question and one more choice, "none of them", whose score is fixed to 0. Scores of different
passages are therefore comparable, and above 0 means: rather this sentence than no answer.

Trained are low-rank changes of an encoder (LoRA, Hu et al. 2021) and the head, so that little has to be shipped.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import BadInput
from core.models.reading import Page, Sheet, SheetMaker, padded
from core.training.watch import Watch


@dataclass(frozen=True, slots=True)
class ReaderExample:
    """A question with passages found for it; ``answers`` are (page, sentence) places that answer, none if none does."""

    question: str
    pages: tuple[Page, ...]
    answers: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ReaderArgs:
    """``pages``: passages read a question in training (those that answer first, then the best found)."""

    epochs: int = 2
    questions: int = 8  # a step
    pages: int = 5
    learning_rate: float = 6e-4
    head_learning_rate: float = 2e-3
    warmup: float = 0.08
    rank: int = 32
    weight_decay: float = 0.01
    clip: float = 1.0
    seed: int = 7
    bf16: bool = True
    max_seconds: float = math.inf

    def __post_init__(self) -> None:
        if min(self.epochs, self.questions, self.pages, self.rank) < 1:
            raise ValueError("epochs, questions, pages and rank are at least 1")


def train_reader(
    examples: Sequence[ReaderExample], encoder: Path, args: ReaderArgs, watch: Watch
) -> tuple[Any, SheetMaker]:
    """Trains a reader from the BERT in ``encoder`` (a folder with config, safetensors and tokenizer.json).

    Returns the model (transformers' BertForTokenClassification with one label, LoRA merged in by the caller) and the
    maker of its input. Raises BadInput when there is nothing to learn from.
    """
    if not any(example.answers for example in examples):
        raise BadInput("training.no_rows")
    import torch

    torch.manual_seed(args.seed)
    chance = random.Random(args.seed)
    maker = SheetMaker(encoder / "tokenizer.json")
    model = _with_lora(encoder, args)
    steps = args.epochs * math.ceil(len(examples) / args.questions)
    head = [p for n, p in model.named_parameters() if p.requires_grad and "classifier" in n]
    body = [p for n, p in model.named_parameters() if p.requires_grad and "classifier" not in n]
    groups = [{"params": body, "lr": args.learning_rate}, {"params": head, "lr": args.head_learning_rate}]
    optimiser = torch.optim.AdamW(groups, weight_decay=args.weight_decay)
    warm = max(1, round(args.warmup * steps))
    began = time.monotonic()

    def share(step: int) -> float:
        # By steps, or by the clock where that ends the run earlier: the rate is near zero at the end either way.
        done = max(step / steps, (time.monotonic() - began) / args.max_seconds)
        return min((step + 1) / warm, max(0.0, 1.0 - done))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, share)
    model.train()
    step = 0
    for _ in range(args.epochs):
        for batch in _batches(examples, args.questions, chance):
            watch.check()
            if time.monotonic() - began > args.max_seconds:
                return model, maker
            loss = _loss(model, maker, [_trimmed(example, args.pages, chance) for example in batch], args.bf16)
            loss.backward()
            torch.nn.utils.clip_grad_norm_([*head, *body], args.clip)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad(set_to_none=True)
            step += 1
            watch.point(step, loss=float(loss.detach()), learning_rate=schedule.get_last_lr()[0])
            watch.step("train", step, steps)
    return model, maker


def _with_lora(encoder: Path, args: ReaderArgs) -> Any:
    from peft import LoraConfig, get_peft_model
    from transformers import BertForTokenClassification

    base = BertForTokenClassification.from_pretrained(
        str(encoder),
        num_labels=1,
        local_files_only=True,
        use_safetensors=True,
        attn_implementation="sdpa",
        # Attention with dropout has no fused kernel on a CPU and took half of the time; a low rank regularises enough.
        attention_probs_dropout_prob=0.0,
        hidden_dropout_prob=0.0,
    )
    lora = LoraConfig(
        r=args.rank,
        lora_alpha=2 * args.rank,
        lora_dropout=0.0,
        target_modules=["query", "key", "value", "dense"],
        modules_to_save=["classifier"],
    )
    return get_peft_model(base, lora)


def _batches(examples: Sequence[ReaderExample], size: int, chance: random.Random) -> Iterator[list[ReaderExample]]:
    order = list(range(len(examples)))
    chance.shuffle(order)
    # Questions of like length side by side: padding costs as much as reading.
    for start in range(0, len(order), size * 32):
        some = sorted(order[start : start + size * 32], key=lambda i: max(len(p.text) for p in examples[i].pages))
        batches = [some[at : at + size] for at in range(0, len(some), size)]
        chance.shuffle(batches)
        yield from ([examples[i] for i in batch] for batch in batches)


def _trimmed(example: ReaderExample, pages: int, chance: random.Random) -> ReaderExample:
    """The example with at most ``pages`` passages: those that answer, then the best others; sometimes none that does,
    since a question whose page is missing is the one that must be refused."""
    holding = sorted({page for page, _ in example.answers})
    others = [page for page in range(len(example.pages)) if page not in holding]
    if holding and others and chance.random() < 0.3:
        holding = []
    kept = sorted([*holding, *others[: max(0, pages - len(holding))]])
    number = {page: place for place, page in enumerate(kept)}
    answers = tuple((number[page], sentence) for page, sentence in example.answers if page in number)
    return ReaderExample(example.question, tuple(example.pages[page] for page in kept), answers)


def _loss(model: Any, maker: SheetMaker, examples: Sequence[ReaderExample], bf16: bool) -> Any:
    import torch

    sheets: list[Sheet] = []
    groups: list[tuple[int, int]] = []
    for example in examples:
        made = maker.sheets(example.question, example.pages)
        groups.append((len(sheets), len(sheets) + len(made)))
        sheets.extend(made)
    logits = token_logits(model, sheets, bf16)
    losses = []
    for example, (first, last) in zip(examples, groups, strict=True):
        scores, places = [], []
        for page, row in enumerate(range(first, last)):
            for number, (start, end) in enumerate(sheets[row].sentences):
                if end > start:
                    scores.append(logits[row, start:end].mean())
                    places.append((page, number))
        every = torch.stack([*scores, logits.new_zeros(())])  # the last: none of them
        gold = set(example.answers)
        right = [at for at, place in enumerate(places) if place in gold] or [len(scores)]
        losses.append(torch.logsumexp(every, 0) - torch.logsumexp(every[right], 0))
    return torch.stack(losses).mean()


def token_logits(model: Any, sheets: Sequence[Sheet], bf16: bool = False) -> Any:
    """Logits [n, longest] of the sheets' tokens, float32."""
    import torch

    arrays = {name: torch.from_numpy(array) for name, array in padded(sheets).items()}
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
        found = model(**arrays).logits[..., 0]
    return found.float()
