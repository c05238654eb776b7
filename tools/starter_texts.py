"""Makes the three small GPT-2s that are shipped: English, Chinese, and descriptions from attributes.

Each is trained from scratch on texts whose licences allow it, for so many minutes, and stored in 6 bits a weight. Its
figures and the samples in its card are those of the stored weights, as they came.

    python -m tools.starter_texts NAME [--minutes N] --data DIR --work DIR --target DIR
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.models.generation.sampling import GenerationSettings
from core.models.generation.text_generation import Limits, TextGenerator, open_generator
from core.models.manifest import Manifest, write_manifest
from core.models.weights import PACKED, load_weights, pack
from core.training.language.args import LanguageModelArgs
from core.training.language.data import Example
from core.training.language.train import train_language_model
from core.training.watch import Quiet, Watch
from tools.starter_texts_data import COPIED, SEED, WORDED, read_chinese, read_descriptions, read_english

ROOT = Path(__file__).resolve().parent.parent
BITS = 6
SETTINGS = GenerationSettings(max_tokens=90, temperature=0.8, top_p=0.95, repetition_penalty=1.1, seed=1, variants=2)


@dataclass(frozen=True, slots=True)
class Starter:
    """One of the models. ``read``: training and validation examples from the data folder."""

    name: str
    title: str
    languages: tuple[str, ...]
    tasks: tuple[str, ...]
    licence: str
    sources: tuple[tuple[str, str], ...]
    limits: str
    prompts: tuple[str, ...]
    read: Callable[[Path], tuple[list[Example], list[Example]]]
    minutes: float
    args: LanguageModelArgs = field(default_factory=LanguageModelArgs)
    copied: tuple[str, ...] = ()  # attributes whose values it never reads: core.models.generation.placeholders
    worded: tuple[str, ...] = ()  # and the others, which it puts in words of its own


# What minutes on two cores can teach: by the scaling laws (Hoffmann et al. 2022, arXiv:2203.15556) 40 teraflops are
# best spent on a model smaller still.
_COMMON = LanguageModelArgs(
    layers=5, heads=6, width=384, max_tokens=256, batch_size=16, dropout=0.05, epochs=1000, patience=0,
    evaluations_per_epoch=1, schedule="linear", learning_rate=2e-3, muon_rate=0.02, sample_tokens=60, seed=SEED,
    live_tokens=20_000, checkpoint_seconds=120.0,
)  # fmt: skip

ENGLISH = Starter(
    name="text-en",
    title="A small English GPT-2",
    languages=("en",),
    tasks=("continuation", "dialogue", "speech", "opinions"),
    licence="CC BY 4.0",
    sources=(
        ("tinyshakespeare (plays)", "public domain"),
        ("State of the Union and inaugural addresses (NLTK)", "public domain"),
        ("Genesis, World English Bible (NLTK)", "public domain"),
        ("Pros and Cons, Product Reviews (Bing Liu; NLTK)", "CC BY 4.0"),
        ("Tatoeba sentences", "CC BY 2.0 FR"),
    ),
    limits="It goes on from a beginning in the manner of a play, a speech or a list of pros and cons. It follows no "
    "instructions, knows no facts, and loses the thread after a sentence or two.",
    prompts=("ROMEO:\n", "My fellow citizens, ", "Pros:\n", "The camera is "),
    read=read_english,
    minutes=40.0,
    args=replace(_COMMON, vocabulary_size=5000, sample_prompts=("My fellow citizens,", "Pros:")),
)
CHINESE = Starter(
    name="text-zh",
    title="中文小型 GPT-2（诗词与短句）",
    languages=("zh",),
    tasks=("poem", "lyrics"),
    licence="CC BY-SA 4.0",
    sources=(
        ("chinese-poetry: Tang poems, Song lyrics, Yuan songs, classics", "MIT; texts in the public domain"),
        ("Tatoeba sentences", "CC BY 2.0 FR"),
    ),
    limits="Give it a title in 《》 or a first line, and it writes a poem or lyrics in the classical manner; everyday "
    "sentences come out broken. It follows no instructions, and keeps to rhyme and tone only by habit.",
    prompts=("《春晓》\n", "《浣溪沙》\n", "明月几时有，", "今天天气"),
    read=read_chinese,
    minutes=40.0,
    args=replace(_COMMON, vocabulary_size=6000, sample_prompts=("《春晓》\n", "《浣溪沙》\n")),
)
DESCRIPTIONS = Starter(
    name="describe-en",
    title="Attributes to a description (English)",
    languages=("en",),
    tasks=("description",),
    licence="CC BY-SA 4.0",
    sources=(("E2E NLG challenge, development set", "CC BY-SA 4.0"),),
    limits="It turns attributes of places to eat (name, eatType, food, priceRange, customer rating, area, "
    "familyFriendly, near) into a sentence or two. It never reads name, near, food, eatType and area: placeholders "
    "stand for them, so they come out as they went in. Other kinds of products are outside of what it has seen.",
    prompts=(
        "name: Quiet Harbour; eatType: coffee shop; food: Italian; priceRange: cheap; area: riverside",
        "name: The Lantern; eatType: pub; customer rating: 5 out of 5; familyFriendly: yes; near: Old Mill",
        "name: Blue Kettle; food: Chinese; priceRange: more than £30; familyFriendly: no",
        "name: Hofgarten; eatType: beer garden; food: Bavarian; area: Schwabing; near: the English Garden",
    ),
    read=read_descriptions,
    minutes=5.0,
    args=replace(
        _COMMON, vocabulary_size=1500, layers=4, heads=4, width=256, max_tokens=160, dropout=0.1, sample_prompts=(),
    ),
    copied=COPIED,
    worded=WORDED,
)  # fmt: skip
STARTERS = {starter.name: starter for starter in (ENGLISH, CHINESE, DESCRIPTIONS)}


def make(
    starter: Starter, data: Path, work: Path, target: Path, minutes: float | None = None, watch: Watch | None = None
) -> Manifest:
    """Trains ``starter`` for so many minutes in ``work`` and seals its packed weights and its card in ``target``."""
    training, validation = starter.read(data)
    args = replace(starter.args, max_seconds=60 * (starter.minutes if minutes is None else minutes))
    trained = train_language_model(training, validation, args, work / "model", watch or Quiet(), name=starter.name)
    return seal(starter, trained, work / "model", target, validation)


def seal(starter: Starter, trained: Manifest, source: Path, target: Path, validation: Sequence[Example]) -> Manifest:
    """Packs the weights in ``source``, judges what is left of them, and writes the card."""
    from safetensors.numpy import save_file

    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"):
        if (source / name).is_file():
            shutil.copy(source / name, target / name)
    save_file(pack(load_weights(source), BITS), target / PACKED)
    facts = {**trained.facts, "languages": list(starter.languages), "tasks": list(starter.tasks), "bits": BITS}
    if starter.copied:
        facts |= {"copied": list(starter.copied), "worded": list(starter.worded)}
    manifest = replace(trained, facts=facts, files={}, data={**trained.data, **dict(starter.sources)})
    write_manifest(target, manifest)  # so that it can be opened
    metrics, samples = _judged(starter, target, validation)
    manifest = replace(manifest, metrics={**trained.metrics, **metrics})
    (target / "README.md").write_text(card(starter, manifest, samples), encoding="utf-8")
    return write_manifest(target, manifest)


def _judged(
    starter: Starter, folder: Path, validation: Sequence[Example]
) -> tuple[dict[str, float], list[tuple[str, str]]]:
    """Bits a byte of the stored weights, as the product runs them, and samples from them."""
    generator = open_generator(folder, folder.parent / ".cache", device="cpu", limits=Limits(new_tokens=200))
    texts = [example for example in validation if isinstance(example, str)][:60]
    nats = sum(-float(generator.score(text)[1].log_probabilities.sum()) for text in texts)
    size = sum(len(_scored_part(generator, text).encode()) for text in texts)
    metrics = {"bits_per_byte_stored": nats / math.log(2) / size} if texts else {}
    samples = []
    for prompt, variants in zip(starter.prompts, generator.write(starter.prompts, SETTINGS), strict=True):
        samples += [(prompt, variant.text) for variant in variants]
    generator.close()
    shutil.rmtree(folder.parent / ".cache", ignore_errors=True)
    return metrics, samples


def _scored_part(generator: TextGenerator, text: str) -> str:
    """As much of ``text`` as fits into the window."""
    ids, _ = generator.score(text)
    return generator.decode(ids)


def card(starter: Starter, manifest: Manifest, samples: Sequence[tuple[str, str]]) -> str:
    """The model's card: what it is, what it was made of, what it can and cannot do, and samples as they came."""
    facts, args = manifest.facts, manifest.args
    sources = "\n".join(f"- {name}: {licence}" for name, licence in starter.sources)
    figures = "\n".join(f"- {name}: {value:.4f}" for name, value in sorted(manifest.metrics.items()))
    shown = "\n\n".join(f"Prompt `{prompt.strip()}`\n\n```\n{prompt}{text}\n```" for prompt, text in samples)
    if facts.get("marker"):
        shown = "\n\n".join(f"Prompt `{prompt}`\n\n```\n{text}\n```" for prompt, text in samples)
    return (
        f"# {starter.title}\n\n"
        f"{facts['parameters']:,} parameters, {args['layers']} layers, {args['width']} wide, window of "
        f"{facts['window']} tokens, stored in {BITS} bits a weight. Trained from scratch on a CPU for "
        f"{facts['seconds'] / 60:.0f} minutes ({facts['steps']:,} steps of {args['batch_size']} blocks).\n\n"
        f"Licence of the weights: {starter.licence}. Made from:\n\n{sources}\n\n"
        f"## What it can and cannot do\n\n{starter.limits}\n\n"
        f"## Figures on texts that were held out\n\n{figures}\n\n"
        f"## Samples, as they came (temperature {SETTINGS.temperature}, top-p {SETTINGS.top_p}, seed {SETTINGS.seed})"
        f"\n\n{shown}\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(STARTERS))
    parser.add_argument("--minutes", type=float, help="time of training; each has its own default")
    shared = os.environ.get("PILOTLIGHT_SHARED_DATA", str(ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(shared))
    parser.add_argument("--work", type=Path, required=True, help="where a run that was stopped goes on")
    parser.add_argument("--target", type=Path, required=True)
    options = parser.parse_args()
    starter = STARTERS[options.name]
    manifest = make(starter, options.data, options.work, options.target, options.minutes)
    print(json.dumps({**manifest.metrics, "bytes": (options.target / PACKED).stat().st_size}, indent=1))


if __name__ == "__main__":
    main()
