"""Content generation: what a memory of a company's texts gains, and how fast it writes.

The memory (kNN-LM) on corpora that are not in the training of the starters: descriptions of the E2E set and the demo
company's documents (English), headlines of TNEWS and the demo company's documents (Chinese). Base and memory are
measured in the same run on the same held-back tenth. Then the time to the first token of a 124M shape with random
weights, with and without a memory, and four people at once against one.

    python -m benchmarks.content [--part voices|speed] [--texts 1500] [--tokens 64] [--rounds 3] [--json FILE]
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.beir import print_table, write_json
from benchmarks.generation import PEOPLE, prompt, random_model, settings
from core.content.memory import Memory, build_memory, learn, read_texts
from core.models.catalogue import STARTERS
from core.models.generation.text_generation import Finished, Piece, TextGenerator, open_generator

MOST_RATIO, MOST_INDEX_SECONDS, MOST_FIRST, LEAST_TOGETHER = 0.85, 60.0, 0.5, 1.5
ROOT = Path(__file__).resolve().parent.parent


def english(data: Path, count: int) -> list[str]:
    """Descriptions of the E2E development set; the English starter has read plays, speeches and reviews."""
    with (data / "e2e_nlg" / "devset.csv").open(encoding="utf-8") as file:
        texts = list(dict.fromkeys(row["ref"].strip() for row in csv.DictReader(file)))
    return texts[:: max(1, len(texts) // count)][:count]


def chinese(data: Path, count: int) -> list[str]:
    """Headlines of TNEWS; the Chinese starter has read poems, classics and Tatoeba's sentences."""
    lines = (data / "tnews" / "dev.tsv").read_text(encoding="utf-8").splitlines()
    found = [line.split("\t")[0].strip() for line in lines]
    texts = list(dict.fromkeys(text for text in found if len(text) > 8))
    return texts[:: max(1, len(texts) // count)][:count]


def documents(language: str) -> list[str]:
    """Paragraphs of the demo company's documents."""
    names = {"en": ("*.md", "newsletter.txt"), "zh": ("*-zh.md", "*-zh.txt")}[language]
    paths = sorted({path for name in names for path in (ROOT / "demo" / "source").glob(name)})
    mine = [path for path in paths if ("-zh" in path.name) == (language == "zh")]
    return [part.strip() for path in mine for part in path.read_text(encoding="utf-8").split("\n\n") if part.strip()]


def voices(scratch: Path, data: Path, texts: int, threads: int) -> list[dict[str, Any]]:
    corpora: list[tuple[str, str, Sequence[str]]] = [
        ("text-en", "E2E descriptions (en)", english(data, texts)),
        ("text-en", "demo documents (en)", documents("en")),
        ("text-zh", "TNEWS headlines (zh)", chinese(data, texts)),
        ("text-zh", "demo documents (zh)", documents("zh")),
    ]
    found = []
    for starter, name, some in corpora:
        if not (STARTERS / starter).is_dir():
            print(f"{starter} is not in this copy: {name} left out")
            continue
        generator = open_generator(STARTERS / starter, scratch / "cache", device="cpu", threads=threads)
        _, measured = learn(generator, some)
        generator.close()
        found.append(
            {
                "model": starter, "corpus": name, "texts": len(some), "keys": measured.keys,
                "test_tokens": measured.test_tokens, "before": measured.before, "after": measured.after,
                "ratio": measured.ratio, "weight": measured.weight, "temperature": measured.temperature,
                "seconds": measured.seconds,
            }
        )  # fmt: skip
    return found


def first_token(generator: TextGenerator, memory: Memory | None, rounds: int) -> float:
    """Median seconds from the question to the first piece of text."""
    times = []
    for number in range(rounds + 1):
        start = time.perf_counter()
        events = generator.generate([prompt(number + 50)], settings(6), shape=memory.shape if memory else None)
        while not isinstance(next(events), Piece):
            pass
        times.append(time.perf_counter() - start)
        for _ in events:
            pass
    return statistics.median(times[1:])


def together(generator: TextGenerator, memory: Memory | None, people: int, tokens: int) -> tuple[float, int]:
    """Tokens a second of all, and how many got their whole text."""
    written = [0] * people

    def ask(number: int) -> None:
        asked = settings(tokens, number + 1)
        for event in generator.generate([prompt(number + 1)], asked, shape=memory.shape if memory else None):
            written[number] += event.tokens if isinstance(event, Finished) else 0

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(people)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(written) / (time.perf_counter() - start), sum(count == tokens for count in written)


def speed(scratch: Path, threads: int, tokens: int, rounds: int) -> list[dict[str, Any]]:
    model = scratch / "gpt2-random"
    model.mkdir()
    generator = open_generator(random_model(model), scratch / "cache", engine="onnxruntime", threads=threads)
    memory = build_memory(read_texts(generator, [prompt(number, 200) for number in range(40)]))
    found = []
    for name, one in (("alone", None), ("with a memory", memory)):
        groups = [
            (together(generator, one, 1, tokens)[0], *together(generator, one, PEOPLE, tokens)) for _ in range(rounds)
        ]
        found.append(
            {
                "side": name, "first_token": first_token(generator, one, rounds),
                "one": statistics.median(group[0] for group in groups),
                "four": statistics.median(group[1] for group in groups),
                "whole": min(group[2] for group in groups), "keys": one.size if one else 0,
            }
        )  # fmt: skip
    generator.close()
    return found


def report(voiced: list[dict[str, Any]], speeds: list[dict[str, Any]]) -> None:
    if voiced:
        print_table(
            ["corpus", "model", "keys", "test tokens", "perplexity", "with memory", "ratio", "seconds"],
            [
                [
                    one["corpus"], one["model"], str(one["keys"]), str(one["test_tokens"]), f"{one['before']:.1f}",
                    f"{one['after']:.1f}", f"{one['ratio']:.3f}", f"{one['seconds']:.1f}",
                ]
                for one in voiced
            ],
        )  # fmt: skip
        print()
    if speeds:
        print_table(
            ["124M random weights", "keys", "first token, s", "one, tokens/s", "four people", "times one", "whole"],
            [
                [
                    one["side"], str(one["keys"]), f"{one['first_token']:.3f}", f"{one['one']:.1f}",
                    f"{one['four']:.1f}",
                    f"{one['four'] / one['one']:.2f}", f"{one['whole']} of {PEOPLE}",
                ]
                for one in speeds
            ],
        )  # fmt: skip
    goals = {}
    if voiced:
        goals[f"perplexity at most {MOST_RATIO} of the base, in under {MOST_INDEX_SECONDS:.0f} s"] = all(
            one["ratio"] <= MOST_RATIO and one["seconds"] < MOST_INDEX_SECONDS for one in voiced
        )
    if speeds:
        goals[f"first token within {MOST_FIRST} s"] = all(one["first_token"] <= MOST_FIRST for one in speeds)
        goals[f"four people {LEAST_TOGETHER} x one"] = all(
            one["four"] >= LEAST_TOGETHER * one["one"] and one["whole"] == PEOPLE for one in speeds
        )
    print("\ntargets: " + "; ".join(f"{name}: {'met' if good else 'NOT met'}" for name, good in goals.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = os.environ.get("PILOTLIGHT_SHARED_DATA", str(ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=Path(shared))
    parser.add_argument("--part", choices=("all", "voices", "speed"), default="all")
    parser.add_argument("--texts", type=int, default=1500)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        said = options.part
        voiced = voices(scratch, options.data, options.texts, options.threads) if said != "speed" else []
        speeds = speed(scratch, options.threads, options.tokens, options.rounds) if said != "voices" else []
    report(voiced, speeds)
    write_json(options.json, {"threads": options.threads, "voices": voiced, "speed": speeds})


if __name__ == "__main__":
    main()
