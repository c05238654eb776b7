"""Makes ``starters/reader``: the reader that says which sentence answers a question, taught on top of an encoder."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import support
from core.models.catalogue import STARTERS, find_entry, locate
from core.models.encoder import opened
from core.models.manifest import Manifest, write_manifest
from core.models.reader_export import CHANGES, HEAD
from core.settings import Settings
from core.training.reader import ReaderArgs, train_reader
from core.training.watch import Watch
from tools.reader_examples import READ_PARAGRAPHS, help_examples, reading_examples

BASE = "pilotlight-minilm-bilingual"
CARD = """# Reader

Reads a question beside a passage and gives every sentence a logit: above 0 means rather this sentence than no answer.
Low-rank changes (LoRA) of the encoder `{base}` and a head of one output, put together at the first use.

- Languages: English, Chinese (Simplified and Traditional).
- Taught on {questions} questions: DRCD dev, paragraphs 0 to {last} of 1,000 (CC BY-SA 3.0), and the help centres of
  `core/training/data` (written for this project). Never on CMRC 2018, XQuAD, the other paragraphs of DRCD or
  `benchmarks/data`, which measure it.
- Recipe: `python -m tools.starters reader`; arguments in `pilotlight.json`.
- Licence: CC BY-SA 4.0, as the data asks.
- Limits: one passage at a time; it reads at most 384 tokens of question and passage together. A score says how likely a
  sentence is the answer, not that it is true. What it is worth is printed by `benchmarks.support_answers`,
  `benchmarks.chinese_answers` and `benchmarks.refusal`.
"""


def make_reader(folder: Path = STARTERS / "reader", *, minutes: float = math.inf, watch: Watch) -> Manifest:
    """Trains and seals the reader; ``minutes`` bounds the training, evaluation and preparation not included."""
    settings = Settings(_env_file=None)
    encoder = opened(locate(find_entry(BASE, "encoder"), settings), settings).path
    examples = reading_examples() + help_examples([*support.teaching("en"), *support.teaching("zh")])
    watch.say(f"{len(examples)} questions to learn from")
    args = replace(ReaderArgs(), max_seconds=60 * minutes)
    model, _ = train_reader(examples, encoder, args, watch)
    folder.mkdir(parents=True, exist_ok=True)
    write_changes(model, folder / CHANGES)
    card = CARD.format(base=BASE, questions=f"{len(examples):,}", last=READ_PARAGRAPHS - 1)
    (folder / "README.md").write_text(card, encoding="utf-8")
    kept = {name: value for name, value in asdict(args).items() if value != math.inf}
    data = {"questions": len(examples), "sets": ["DRCD dev 0-399", "help_en", "help_zh"]}
    facts = {"languages": ["en", "zh"], "licence": "CC BY-SA 4.0", "made_by": "python -m tools.starters reader"}
    return write_manifest(folder, Manifest("sentence_pair", "reader", (), BASE, kept, data, {}, facts))


def write_changes(model: Any, path: Path) -> None:
    """The LoRA factors with their scale in ``B``, and the head, as float16."""
    from safetensors.numpy import save_file

    tensors: dict[str, NDArray[np.float16]] = {}
    for name, module in model.base_model.model.named_modules():
        if hasattr(module, "lora_A") and "default" in module.lora_A:
            scale = float(module.scaling["default"])
            tensors[f"{name}.A"] = _half(module.lora_A["default"].weight)
            tensors[f"{name}.B"] = _half(module.lora_B["default"].weight * scale)
    head = model.base_model.model.classifier.modules_to_save["default"]
    tensors |= dict(zip(HEAD, (_half(head.weight), _half(head.bias)), strict=True))
    save_file(tensors, path)


def _half(tensor: Any) -> NDArray[np.float16]:
    return np.ascontiguousarray(tensor.detach().float().numpy().astype(np.float16))
