"""Language models: from a base or from nothing, on texts or on prompts with responses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from core.evaluation.intervals import mean_difference
from core.models.catalogue import any_entry, locate
from core.models.manifest import Manifest
from core.services.studio.learners.base import Judged, Limit, Material, Record
from core.services.studio.learners.general import help_set, languages_of
from core.training.language.args import LanguageModelArgs
from core.training.language.packing import Pair

MOST_JUDGED = 200  # held-out texts
SAMPLES = 3
SAMPLE_TOKENS = 80
SCRATCH = ("", "scratch")


class LanguageModelLearner:
    """``core.training.language.train`` on the rows of a data set of texts, or of prompts with responses."""

    def train(self, material: Material) -> Manifest:
        from core.training.language.train import train_language_model

        args: LanguageModelArgs = replace(material.args, base=str(base_of(material) or ""))
        training, validation = (examples_of(material, split) for split in ("train", "validation"))
        return train_language_model(
            training, validation, args, material.folder, material.watch, name=material.name, data=material.data
        )

    def judge(self, material: Material, manifest: Manifest) -> Judged:
        rows = examples_of(material, material.held_out)[:MOST_JUDGED]
        material.watch.step("report", 0, len(rows))
        marker = str(manifest.facts.get("marker", ""))
        base = base_of(material)
        after = _open(material, material.folder)
        try:
            now = _losses(after, rows, marker)
            samples = _samples(after, rows)
            vocabulary = after.vocabulary
            general_after = _general(after, material)
        finally:
            after.close()
        was, general_before = [math.log(vocabulary)] * len(now), []
        if base is not None:
            before = _open(material, base)
            try:
                was, general_before = _losses(before, rows, marker), _general(before, material)
            finally:
                before.close()
        measures = {"loss": _compared(was, now)}
        if general_before:
            measures["general_loss"] = _compared(general_before, general_after)
        figures = {
            "kind": "language_model",
            "rows": len(rows),
            "split": material.held_out,
            "from_scratch": base is None,
            "measures": measures,
            "samples": samples,
        }
        loss = float(np.mean(now))
        metrics = {f"{material.held_out}_loss": loss, f"{material.held_out}_perplexity": math.exp(min(loss, 50.0))}
        limits = (
            Limit("window", {"tokens": manifest.facts.get("window")}),
            Limit("samples", {"count": SAMPLES}),
        )
        return Judged(metrics, limits=limits, figures=figures)


def base_of(material: Material) -> Path | None:
    """The folder of the model to start from; None from scratch. Raises Unavailable for a name that cannot be had."""
    name = str(material.args.base)
    if material.base is not None:
        return material.base
    if name in SCRATCH:
        return None
    path = Path(name).expanduser()
    if (path / "config.json").is_file():
        return path
    return locate(any_entry(name, "language_model"), material.settings).path


def examples_of(material: Material, split: str) -> list[str | Pair]:
    return [_example(row) for row in material.rows(split)]


def _example(row: Record) -> str | Pair:
    if "prompt" in row:
        return Pair(str(row["prompt"]), str(row["response"]))
    return str(row["text"])


class _Opened:
    """A language model that says how likely texts are, in fp32."""

    def __init__(self, generator: Any, vocabulary: int) -> None:
        self._generator, self.vocabulary = generator, vocabulary

    def reads(self, text: str) -> bool:
        """A single token has nothing to be predicted from."""
        return bool(self._generator.count_tokens(text) > 1)

    def loss(self, text: str, learnt: str) -> float:
        """Nats a token of ``learnt``, with which ``text`` ends."""
        count = max(1, self._generator.count_tokens(learnt))
        _, score = self._generator.score(text, end=True)  # as in training, where a long prompt loses its beginning
        return float(-score.log_probabilities[-count:].mean())

    def write(self, prompts: Sequence[str]) -> list[str]:
        from core.models.generation.sampling import GenerationSettings

        found = self._generator.write(list(prompts), GenerationSettings(max_tokens=SAMPLE_TOKENS, seed=0))
        return [variants[0].text for variants in found]

    def close(self) -> None:
        self._generator.close()


def _open(material: Material, folder: Path) -> _Opened:
    from core.models.generation.text_generation import load_tokenizer, open_generator

    cache = material.settings.data_dir / "models" / "converted"
    generator = open_generator(folder, cache, engine="transformers", device=material.args.device)
    return _Opened(generator, int(load_tokenizer(folder).get_vocab_size()))


def _losses(model: _Opened, rows: Sequence[str | Pair], marker: str) -> list[float]:
    found = []
    for row in rows:
        whole, learnt = (row, row) if isinstance(row, str) else (row.prompt + marker + row.response, row.response)
        if model.reads(whole):
            found.append(model.loss(whole, learnt))
    return found


def _general(model: _Opened, material: Material) -> list[float]:
    """Nats a token of the help-centre texts in the data's languages."""
    texts = [text for language in languages_of(material) for text in help_set(language)[0][:50]]
    return [model.loss(text, text) for text in texts]


def _samples(model: _Opened, rows: Sequence[str | Pair]) -> list[str]:
    """What it writes: to prompts of held-out rows, or from nothing."""
    prompts = [row.prompt for row in rows if isinstance(row, Pair)][:SAMPLES]
    if prompts:
        return [f"{prompt}\n→ {text}" for prompt, text in zip(prompts, model.write(prompts), strict=True)]
    starts = [str(row)[:20] for row in rows[:SAMPLES]]
    return [start + text for start, text in zip(starts, model.write(starts), strict=True)]


def _compared(before: Sequence[float], after: Sequence[float]) -> dict[str, float]:
    change = mean_difference(before, after)
    return {
        "before": float(np.mean(before)), "after": float(np.mean(after)), "low": change.low, "high": change.high,
    }  # fmt: skip
