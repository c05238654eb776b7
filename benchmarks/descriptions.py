"""What descriptions of attribute sets say of their attributes: the shipped writer on sets and names it never saw.

``python -m benchmarks.descriptions [--json FILE]``. Sets are those of E2E's development set whose shape was held out
from training; names, places and foods are replaced by others that no training row has. An attribute counts as said when
its value stands in the text (copied ones), or one of the wordings that people use for it (the rest). Beside it what the
people who wrote E2E's references said of the same sets, counted in the same way.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from core.models.catalogue import STARTERS
from core.models.generation.placeholders import read_attributes, slot_errors
from core.models.generation.sampling import GenerationSettings
from core.models.generation.text_generation import TextGenerator, open_generator
from core.training.language.packing import Pair
from tools.starter_texts_data import COPIED, SAID, read_descriptions

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("PILOTLIGHT_SHARED_DATA", ROOT.parent / "shared" / "data"))
NEW = {
    "name": ("Quiet Harbour", "Hofgarten 7", "Zur alten Post", "Le Petit Navire", "Casa Ñandú"),
    "near": ("the Isar Gate", "Pier 39", "Museum of Clocks", "Platz der Republik", "Ko Lanta Pier"),
    "food": ("Bavarian", "Peruvian", "Ethiopian", "vegan", "Korean"),
    "eatType": ("beer garden", "tea house", "bistro", "ramen bar", "canteen"),
    "area": ("Schwabing", "old town", "harbour quarter", "14th district", "west bank"),
}


def said(text: str, values: dict[str, str]) -> Counter[tuple[str, bool]]:
    """(attribute, whether it is said) of every attribute of ``values``."""
    found: Counter[tuple[str, bool]] = Counter()
    for name, value in values.items():
        pattern = SAID.get(name, re.escape(value))
        found[name, bool(re.search(pattern, text, re.IGNORECASE))] += 1
    return found


def more(text: str, values: dict[str, str]) -> bool:
    """Whether ``text`` speaks of a price, a rating or families though nobody did."""
    return any(re.search(pattern, text, re.IGNORECASE) for name, pattern in SAID.items() if name not in values)


def whole(counts: Counter[tuple[str, bool]]) -> bool:
    """Whether every attribute is said."""
    return all(right for _, right in counts)


def mean(values: Iterable[bool]) -> float:
    found = list(values)
    return sum(found) / max(1, len(found))


def share(counts: Iterable[Counter[tuple[str, bool]]], names: Iterable[str] = ()) -> float:
    """The share of attributes (of ``names``, or all) that are said."""
    total = sum(counts, Counter[tuple[str, bool]]())
    kept = set(names) or {name for name, _ in total}
    yes = sum(count for (name, right), count in total.items() if right and name in kept)
    return yes / max(1, sum(count for (name, _), count in total.items() if name in kept))


def with_new_values(prompt: str, chance: random.Random) -> dict[str, str]:
    values = read_attributes(prompt)
    return {name: chance.choice(NEW[name]) if name in NEW else value for name, value in values.items()}


def written(generator: TextGenerator, sets: list[dict[str, str]], variants: int) -> tuple[list[str], float]:
    """Texts for each of ``sets``, and seconds a text."""
    settings = GenerationSettings(max_tokens=90, temperature=0.8, top_p=0.95, seed=1, variants=variants)
    start, texts = time.perf_counter(), []
    for values in sets:
        prompt = "; ".join(f"{name}: {value}" for name, value in values.items())
        texts += [one.text for one in generator.write([prompt], settings)[0]]
    return texts, (time.perf_counter() - start) / len(texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--folder", type=Path, default=STARTERS / "describe-en")
    parser.add_argument("--variants", type=int, default=5)
    options = parser.parse_args()
    held_out = [pair for pair in read_descriptions(DATA)[1] if isinstance(pair, Pair)]
    chance = random.Random(7)
    sets = [with_new_values(prompt, chance) for prompt in sorted({pair.prompt for pair in held_out})]
    few = [{name: values[name] for name in ("name", other)} for values in sets for other in values if other != "name"]
    with tempfile.TemporaryDirectory() as cache:
        generator = open_generator(options.folder, Path(cache), device="cpu")
        texts, seconds = written(generator, sets, options.variants)
        short, _ = written(generator, few, 1)
        generator.close()
    asked = [values for values in sets for _ in range(options.variants)]
    ours = [said(text, values) for text, values in zip(texts, asked, strict=True)]
    people = [said(pair.response, read_attributes(pair.prompt)) for pair in held_out]
    result = {
        "sets": len(sets),
        "texts": len(texts),
        "different_texts": len(set(texts)),
        "seconds_a_text": seconds,
        "copied_values_said": share(ours, COPIED),
        "worded_values_said": share(ours, SAID),
        "texts_with_all": mean(whole(one) for one in ours),
        "texts_with_more": mean(more(text, one) for text, one in zip(texts, asked, strict=True)),
        "people_texts_with_more": mean(more(pair.response, read_attributes(pair.prompt)) for pair in held_out),
        "texts_of_two_attributes": len(short),
        "of_two_with_all": mean(whole(said(text, one)) for text, one in zip(short, few, strict=True)),
        "of_two_with_more": mean(more(text, one) for text, one in zip(short, few, strict=True)),
        "placeholders_left": sum(slot_errors(text, {}, ()) > 0 for text in texts),
        "people_worded_values_said": share(people, SAID),
        "people_texts_with_all": mean(whole(one) for one in people),
    }
    print(json.dumps(result, indent=1))
    for text in [*texts[:: max(1, len(texts) // 8)], *short[:: max(1, len(short) // 8)]]:
        print(f"  {text}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
