"""Trains a language model of the GPT-2 kind, from a base or from nothing, on texts or on prompts with responses."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.errors import BadInput, Unavailable
from core.models.generation.gpt2_shape import read_shape
from core.models.generation.text_generation import load_tokenizer
from core.models.manifest import NAME, Manifest, read_manifest, write_manifest
from core.models.weights import weights_file
from core.training.checkpoint import FOLDER, fingerprint
from core.training.failures import plain_failures
from core.training.language.args import LanguageModelArgs
from core.training.language.data import Example, check_examples, measured, texts_of, training_blocks
from core.training.language.gpt2 import build, open_base, trainable
from core.training.language.loop import LanguageLoop, TextProblem, judged, perplexity
from core.training.language.packing import Packed, Pair
from core.training.language.tokenizer import MARKER, SEPARATOR, make_tokenizer, save_tokenizer, separator_of
from core.training.processes import Processes
from core.training.watch import Watch


@dataclass(frozen=True, slots=True)
class _Run:
    args: LanguageModelArgs
    folder: Path
    watch: Watch
    processes: Processes
    paired: bool


def train_language_model(
    training: Sequence[Example],
    validation: Sequence[Example],
    args: LanguageModelArgs,
    folder: Path,
    watch: Watch,
    *,
    name: str = "",
    data: Mapping[str, Any] | None = None,
) -> Manifest:
    """A GPT-2 in ``folder`` (config, safetensors, tokenizer, manifest). ``training`` and ``validation`` are texts, or
    all of them ``Pair``s, of which only the responses are learnt and measured. ``data``: what the manifest says of it.

    The manifest's metrics are of all validation data: ``loss`` (nats a token), ``perplexity`` (a token),
    ``perplexity_character`` and ``bits_per_byte``; the last two compare models with different tokenizers. A run that
    was killed goes on from its last checkpoint in ``folder``. Same data, arguments and seed give the same metrics on a
    CPU, unless ``max_seconds`` ends the run. Raises BadInput (training.*, generation.*), Unavailable (generation.*,
    training.disk_full, training.out_of_memory) and what ``watch`` raises.
    """
    paired = check_examples(training, validation)
    mark = fingerprint(asdict(args), [_row(example) for example in [*training, *validation]], *_base_files(args))
    if (folder / NAME).is_file():
        return _made_before(folder, mark)
    with plain_failures(args.batch_size, args.max_tokens):
        folder.mkdir(parents=True, exist_ok=True)
        run = _Run(args, folder, watch, Processes(args.device), paired)
        return _train(run, training, validation, mark, name or folder.name, dict(data or {}))


def _train(
    run: _Run, training: Sequence[Example], validation: Sequence[Example], mark: str, name: str, data: dict[str, Any]
) -> Manifest:
    import torch

    args, processes = run.args, run.processes
    if args.threads:
        torch.set_num_threads(args.threads)
    tokenizer, model = _opened(run, training)
    separator = str(separator_of(tokenizer))
    length = min(args.max_tokens, int(model.config.n_positions))
    blocks = training_blocks(training, tokenizer, length, args.seed)
    held_out = measured(validation, tokenizer, length)
    _say_what_there_is(run, blocks, held_out, model)
    module = trainable(model, args.dropout).to(processes.device)
    problem = TextProblem(module, args, blocks, held_out, processes.device)
    loop = LanguageLoop(problem, args, run.folder, run.watch, mark, tokenizer=tokenizer, processes=processes)
    outcome = loop.run()
    total, tokens = judged(module, held_out.blocks, processes.device, processes)
    metrics = {
        "loss": total / max(1, tokens),
        "perplexity": perplexity(total, tokens),
        "perplexity_character": perplexity(total, held_out.characters),
        "bits_per_byte": total / math.log(2) / max(1, held_out.bytes),
    }
    facts = {
        "task": "text_generation",
        "separator": separator,
        "marker": MARKER if run.paired else "",
        "window": int(model.config.n_positions),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "steps": outcome.steps,
        "best_step": outcome.best_step,
        "stopped_early": outcome.stopped_early,
        "seconds": round(loop.seconds(), 1),
        "training_tokens": blocks.count * blocks.length,
        "unknown_characters": held_out.unknown,
        "mark": mark,
    }
    rows = {"rows": len(training), "validation_rows": len(validation)}
    manifest = Manifest(
        kind="language_model", name=name, base=args.base, args=_plain(args), data={**rows, **data},
        metrics=metrics, facts=facts,
    )  # fmt: skip
    return _sealed(run, model, tokenizer, manifest)


def _opened(run: _Run, training: Sequence[Example]) -> tuple[Any, Any]:
    """Tokenizer and model to start with."""
    args = run.args
    if args.base:
        folder = Path(args.base)
        model, tokenizer = open_base(folder), load_tokenizer(folder)
        separator = separator_of(tokenizer)
        if separator is None:
            raise Unavailable("generation.no_separator", name=folder.name)
        # What stood between the documents ends a text, whatever the base's config says.
        model.config.eos_token_id = model.generation_config.eos_token_id = tokenizer.token_to_id(separator)
        return tokenizer, model
    tokenizer = make_tokenizer(texts_of(training), args.vocabulary, args.vocabulary_size)
    return tokenizer, build(args, tokenizer.get_vocab_size(), int(tokenizer.token_to_id(SEPARATOR)))


def _say_what_there_is(run: _Run, blocks: Any, held_out: Any, model: Any) -> None:
    if not run.processes.main:
        return
    size = sum(parameter.numel() for parameter in model.parameters())
    run.watch.say(f"{size:,} parameters; {blocks.count:,} blocks of {blocks.length} tokens an epoch")
    if isinstance(blocks, Packed) and blocks.shortened:
        run.watch.say(f"{blocks.shortened:,} examples are longer than a block and were shortened")
    if held_out.unknown:
        run.watch.say(f"{held_out.unknown:,} validation characters do not occur in the training texts")


def _sealed(run: _Run, model: Any, tokenizer: Any, manifest: Manifest) -> Manifest:
    if run.processes.main:
        model.save_pretrained(str(run.folder))
        save_tokenizer(tokenizer, run.folder, int(model.config.n_positions))
        manifest = write_manifest(run.folder, manifest)
        shutil.rmtree(run.folder / FOLDER, ignore_errors=True)
    run.processes.wait()
    return manifest


def _made_before(folder: Path, mark: str) -> Manifest:
    manifest = read_manifest(folder)
    if manifest.facts.get("mark") != mark:
        raise BadInput("training.folder_taken", name=folder.name)
    return manifest


def _plain(args: LanguageModelArgs) -> dict[str, Any]:
    """As JSON gives them back."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(args).items()}


def _row(example: Example) -> Any:
    return [example.prompt, example.response] if isinstance(example, Pair) else example


def _base_files(args: LanguageModelArgs) -> list[Path]:
    if not args.base:
        return []
    folder = Path(args.base)
    if read_shape(folder) is None:
        raise Unavailable("generation.no_base", name=folder.name)
    return [weights_file(folder)]
