"""A GPT-2 of 124 million parameters (random weights) on the CPU: our int8 engine against transformers and CTranslate2.

Tokens a second of one person, the time to the first token after a prompt of 100 tokens, and the total of four people at
once, all on the same threads and in turns, so that a busy moment hits every side. Sampling is on everywhere.

    python -m benchmarks.generation [--tokens 96] [--rounds 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.beir import print_table, write_json
from core.models.generation.sampling import GenerationSettings
from core.models.generation.text_generation import Piece, TextGenerator, open_generator

LEAST_RATIO, MOST_SECONDS, LEAST_TOGETHER = 2.5, 0.5, 1.5
PROMPT_TOKENS, PEOPLE, VOCABULARY = 100, 4, 50257
Generate = Callable[[int], int]  # tokens wanted -> tokens written


def random_model(folder: Path) -> Path:
    """GPT-2's smallest shape with random weights, and a tokenizer with a word for each of its tokens."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    # No end token: every text is as long as it is asked to be.
    GPT2LMHeadModel(GPT2Config(eos_token_id=None, bos_token_id=None)).save_pretrained(folder)
    raw = Tokenizer(models.WordLevel({f"w{number}": number for number in range(VOCABULARY)}, unk_token="w0"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    raw.save(str(folder / "tokenizer.json"))
    return folder


def prompt(number: int, tokens: int = PROMPT_TOKENS) -> str:
    return " ".join(f"w{n}" for n in np.random.default_rng(number).integers(1, VOCABULARY, tokens))


def settings(tokens: int, seed: int = 1) -> GenerationSettings:
    return GenerationSettings(max_tokens=tokens, temperature=0.8, top_p=0.95, repetition_penalty=1.1, seed=seed)


# --- sides ---------------------------------------------------------------------------------------------------------


def ours(generator: TextGenerator, number: int = 1) -> Generate:
    return lambda tokens: generator.write([prompt(number)], settings(tokens, number))[0][0].tokens


def plain_transformers(folder: Path) -> Generate:
    """What people write: ``AutoModelForCausalLM`` and ``generate``."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    ids = torch.tensor([[int(word[1:]) for word in prompt(1).split()]])

    def generate(tokens: int) -> int:
        with torch.inference_mode():
            written = model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=True, temperature=0.8,
                top_p=0.95, top_k=0, repetition_penalty=1.1, pad_token_id=0,
            )  # fmt: skip
        return int(written.shape[1]) - ids.shape[1]

    return generate


def ctranslate2_int8(folder: Path, scratch: Path, threads: int) -> Generate | None:
    """The same weights converted by CTranslate2's own converter; None where the library is not installed."""
    try:
        import ctranslate2
    except ImportError:
        return None
    from ctranslate2.specs import common_spec, transformer_spec

    from core.models.weights import load_weights

    weights = {name.removeprefix("transformer."): np.array(array) for name, array in load_weights(folder).items()}
    spec = transformer_spec.TransformerDecoderModelSpec.from_config(
        12, 12, pre_norm=True, activation=common_spec.Activation.GELUTanh
    )
    fill_spec(spec.decoder, weights)
    spec.register_vocabulary([f"w{number}" for number in range(VOCABULARY)])
    spec.config.bos_token = spec.config.eos_token = spec.config.unk_token = "w0"
    spec.validate()
    spec.optimize(quantization="int8")
    scratch.mkdir()
    spec.save(str(scratch))
    generator = ctranslate2.Generator(str(scratch), device="cpu", compute_type="int8", intra_threads=threads)

    def generate(tokens: int) -> int:
        (found,) = generator.generate_batch(
            [prompt(1).split()], max_length=tokens, min_length=tokens, sampling_topk=0, sampling_topp=0.95,
            sampling_temperature=0.8, repetition_penalty=1.1, include_prompt_in_result=False,
        )  # fmt: skip
        return len(found.sequences_ids[0])

    return generate


def fill_spec(decoder: Any, weights: dict[str, Any]) -> None:
    def norm(spec: Any, name: str) -> None:
        spec.gamma, spec.beta = weights[f"{name}.weight"], weights[f"{name}.bias"]

    def linear(spec: Any, name: str) -> None:
        spec.weight, spec.bias = np.ascontiguousarray(weights[f"{name}.weight"].T), weights[f"{name}.bias"]

    decoder.scale_embeddings = False
    decoder.embeddings.weight = decoder.projection.weight = weights["wte.weight"]
    decoder.position_encodings.encodings = weights["wpe.weight"]
    norm(decoder.layer_norm, "ln_f")
    for number, layer in enumerate(decoder.layer):
        norm(layer.self_attention.layer_norm, f"h.{number}.ln_1")
        linear(layer.self_attention.linear[0], f"h.{number}.attn.c_attn")
        linear(layer.self_attention.linear[1], f"h.{number}.attn.c_proj")
        norm(layer.ffn.layer_norm, f"h.{number}.ln_2")
        linear(layer.ffn.linear_0, f"h.{number}.mlp.c_fc")
        linear(layer.ffn.linear_1, f"h.{number}.mlp.c_proj")


# --- measures ------------------------------------------------------------------------------------------------------


def speeds(sides: dict[str, Generate], tokens: int, rounds: int) -> dict[str, list[float]]:
    """Tokens a second of each side in each round, the time of the prompt included."""
    for generate in sides.values():
        generate(4)
    found: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, generate in sides.items():
            start = time.perf_counter()
            written = generate(tokens)
            found[name].append(written / (time.perf_counter() - start))
    return found


def first_tokens(generator: TextGenerator, rounds: int) -> list[float]:
    """Seconds from the question to the first piece of text."""
    found = []
    for number in range(rounds):
        start = time.perf_counter()
        events = generator.generate([prompt(number + 50)], settings(8))
        while not isinstance(next(events), Piece):
            pass
        found.append(time.perf_counter() - start)
        for _ in events:
            pass
    return found


def together(generator: TextGenerator, people: int, tokens: int) -> tuple[float, int]:
    """Tokens a second of all ``people`` at once, and how many of them got their whole text."""
    written = [0] * people

    def ask(number: int) -> None:
        written[number] = ours(generator, number + 1)(tokens)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(people)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(written) / (time.perf_counter() - start), sum(count == tokens for count in written)


def compared(folder: Path, scratch: Path, threads: int, tokens: int, rounds: int) -> dict[str, Any]:
    import torch

    torch.set_num_threads(threads)
    int8 = open_generator(folder, scratch / "cache", engine="onnxruntime", threads=threads)
    fp32 = open_generator(folder, scratch / "cache", engine="transformers", device="cpu", threads=threads)
    sides = {"transformers generate, fp32": plain_transformers(folder)}
    if ct2 := ctranslate2_int8(folder, scratch / "ct2", threads):
        sides["CTranslate2 int8"] = ct2
    sides |= {f"ours, {fp32.engine} fp32": ours(fp32), f"ours, {int8.engine}": ours(int8)}
    found = {name: statistics.median(values) for name, values in speeds(sides, tokens, rounds).items()}
    groups = [(together(int8, 1, tokens)[0], *together(int8, PEOPLE, tokens)) for _ in range(rounds)]
    results = {
        "tokens_per_second": found,
        "first_token_seconds": statistics.median(first_tokens(int8, rounds)),
        "one_person": statistics.median(one for one, _, _ in groups),
        "four_people": statistics.median(all_four for _, all_four, _ in groups),
        "whole_texts_of_four": min(whole for _, _, whole in groups),
    }
    for generator in (int8, fp32):
        generator.close()
    return results


def report(results: dict[str, Any]) -> None:
    found = results["tokens_per_second"]
    base, best = found["transformers generate, fp32"], list(found.values())[-1]
    print_table(
        ["one person", "tokens a second", "times transformers"],
        [[name, f"{value:.1f}", f"{value / base:.2f}"] for name, value in found.items()],
    )
    gain = results["four_people"] / results["one_person"]
    print(f"\nfirst token after a prompt of {PROMPT_TOKENS} tokens: {results['first_token_seconds']:.3f} s")
    print(
        f"four people at once: {results['four_people']:.1f} tokens a second in all, {gain:.2f} times one person's "
        f"{results['one_person']:.1f}; whole texts: {results['whole_texts_of_four']} of {PEOPLE}"
    )
    goals = {
        f"{LEAST_RATIO} x transformers": best / base >= LEAST_RATIO,
        f"first token within {MOST_SECONDS} s": results["first_token_seconds"] <= MOST_SECONDS,
        f"four people {LEAST_TOGETHER} x one": gain >= LEAST_TOGETHER and results["whole_texts_of_four"] == PEOPLE,
    }
    print("targets: " + "; ".join(f"{name}: {'met' if good else 'NOT met'}" for name, good in goals.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        model = scratch / "gpt2-random"
        model.mkdir()
        results = compared(random_model(model), scratch, options.threads, options.tokens, options.rounds)
    print(f"124M parameters, random weights, {options.threads} threads, {options.tokens} tokens a text\n")
    report(results)
    write_json(options.json, {"threads": options.threads, "tokens": options.tokens, **results})


if __name__ == "__main__":
    main()
