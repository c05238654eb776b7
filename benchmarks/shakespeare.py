"""tinyshakespeare, character level, nanoGPT's split: our training against nanoGPT's CPU recipe in the same seconds.

Both train for ``--seconds`` on the same threads, one after the other, and are judged on the whole validation split
(the last tenth) in consecutive blocks of their own length. The baseline's learning rate falls over those seconds too,
which makes it stronger than the recipe as it stands (``--as-it-stands``). Ours is ``core.training.language.train`` with
nothing but arguments: a GPT-2 that the product can serve.

    python -m benchmarks.shakespeare [--seconds 180] [--seed N] [--json FILE]
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.beir import print_table, write_json

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("PILOTLIGHT_SHARED_DATA", ROOT.parent / "shared" / "data"))
LEAST_GAIN = 0.10
OURS: dict[str, Any] = {
    "vocabulary": "characters",
    "layers": 4,
    "heads": 4,
    "width": 128,
    "max_tokens": 128,
    "batch_size": 16,
    "dropout": 0.0,
    "learning_rate": 3e-3,
    "muon_rate": 0.02,
    "schedule": "linear",
    "epochs": 1000,
    "patience": 0,
    "sample_tokens": 0,
    "live_tokens": 1000,
    "checkpoint_seconds": 1e9,
}


def read_split() -> tuple[str, str]:
    """The first nine tenths and the last tenth of the text."""
    path = SHARED / "tinyshakespeare" / "input.txt"
    if not path.is_file():
        raise SystemExit(f"tinyshakespeare was not found at {path}; name the folder in PILOTLIGHT_SHARED_DATA")
    text = path.read_text(encoding="utf-8")
    at = int(0.9 * len(text))
    return text[:at], text[at:]


def baseline(training: str, validation: str, seconds: float, seed: int, stretched: bool) -> dict[str, float]:
    import torch

    from benchmarks.nanogpt import BATCH, BLOCK, loss_of, train

    number = {character: place for place, character in enumerate(sorted(set(training + validation)))}
    ids, held_out = (torch.tensor([number[character] for character in text]) for text in (training, validation))
    model, iterations = train(ids, len(number), seconds, seed, stretched)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return {
        "loss": loss_of(model, held_out),
        "steps": iterations,
        "characters": iterations * BATCH * BLOCK,
        "parameters": parameters,
    }


def ours(training: str, validation: str, seconds: float, seed: int, args: dict[str, Any]) -> dict[str, float]:
    from core.training.language.args import LanguageModelArgs
    from core.training.language.train import train_language_model
    from core.training.watch import Quiet

    settings = LanguageModelArgs(max_seconds=seconds, seed=seed, **args)
    with tempfile.TemporaryDirectory() as folder:
        manifest = train_language_model([training], [validation], settings, Path(folder) / "model", Quiet(every=30))
    steps = int(manifest.facts["steps"])
    return {
        "loss": math.log(manifest.metrics["perplexity_character"]),
        "steps": steps,
        "characters": steps * settings.batch_size * settings.max_tokens,
        "parameters": int(manifest.facts["parameters"]),
        "seconds": float(manifest.facts["seconds"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--seed", type=int, default=1337)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--as-it-stands", action="store_true", help="the baseline's cosine ends at iteration 2,000")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="other arguments for our training")
    parser.add_argument("--only", choices=["baseline", "ours"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    training, validation = read_split()
    results: dict[str, Any] = {}
    if options.only != "ours":
        plain = baseline(training, validation, options.seconds, options.seed, not options.as_it_stands)
        results["nanoGPT's recipe"] = plain
    if options.only != "baseline":
        changed = {name: type(OURS[name])(value) for name, _, value in (one.partition("=") for one in options.set)}
        results["ours"] = ours(training, validation, options.seconds, options.seed, {**OURS, **changed})
    head = ["training", "parameters", "steps", "characters read", "validation loss"]
    rows = [
        [name, f"{r['parameters']:,}", f"{r['steps']:,}", f"{r['characters']:,}", f"{r['loss']:.4f}"]
        for name, r in results.items()
    ]
    print(f"{options.seconds:g} seconds of training each, {options.threads} threads\n")
    print_table(head, rows)
    if len(results) == 2:
        gain = results["nanoGPT's recipe"]["loss"] - results["ours"]["loss"]
        print(f"\ntarget: {LEAST_GAIN:.2f} below; found {gain:.3f} below: {'met' if gain >= LEAST_GAIN else 'NOT met'}")
        results["gain"] = gain
    write_json(options.json, {"seconds": options.seconds, "threads": options.threads, **results})


if __name__ == "__main__":
    main()
