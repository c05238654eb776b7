"""Personal data found in written examples of both languages, beside plain patterns without check digits and context.

The examples (tests/unit/access/pii.jsonl) hold sentences with personal data and others that only look like it: order
numbers, prices, dates, versions, hotlines. A piece counts as found when a span of its kind covers all of it, so nothing
leaks; a span counts as right when it shares at least half of its extent with a piece of its kind.

    python -m benchmarks.privacy [--json FILE] [--misses]
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.beir import print_table, write_json
from core.access.privacy import KINDS, find_personal

EXAMPLES = Path(__file__).resolve().parent.parent / "tests" / "unit" / "access" / "pii.jsonl"
Piece = tuple[str, int, int]  # kind, start, end
Finder = Callable[[str], list[Piece]]

# What one finds in a tutorial: the shape alone.
PLAIN = {
    "email": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "phone": re.compile(r"\+?\d[\d ()-]{8,15}\d"),
    "cn_id": re.compile(r"\d{17}[\dXx]"),
    "bank_card": re.compile(r"\d(?:[ -]?\d){12,18}"),
    "iban": re.compile(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}"),
    "ip": re.compile(r"\d{1,3}(?:\.\d{1,3}){3}"),
    "address": re.compile(
        r"\d+ (?:\w+ ){1,3}(?:Street|St|Road|Rd|Avenue|Ave|Drive|Lane)\b|[\u4e00-\u9fff]{2,20}[路街道]\d+号"
    ),
    "person": re.compile(r"(?<=Mr\. |Ms\. |Dr\. )[A-Z]\w+|[\u4e00-\u9fff]{1,3}(?=先生|女士|小姐)"),
}


@dataclass
class Counts:
    """Pieces found and missed, spans right and wrong, per kind."""

    found: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    misses: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0

    def rates(self, kind: str) -> tuple[float, float]:
        """Recall and precision of ``kind``; of all kinds together when it is empty. NaN where there is nothing."""
        kinds = [kind] if kind else list(KINDS)
        found, missed, right, wrong = (
            sum(counter[name] for name in kinds) for counter in (self.found, self.missed, self.right, self.wrong)
        )
        recall = found / (found + missed) if found + missed else float("nan")
        return recall, right / (right + wrong) if right + wrong else float("nan")


def ours(text: str) -> list[Piece]:
    return [(item.kind, item.start, item.end) for item in find_personal(text)]


def plain(text: str) -> list[Piece]:
    return [(kind, *match.span()) for kind, pattern in PLAIN.items() for match in pattern.finditer(text)]


def load_examples() -> list[dict[str, Any]]:
    return [json.loads(line) for line in EXAMPLES.read_text(encoding="utf-8").splitlines()]


def score(examples: list[dict[str, Any]], finder: Finder) -> Counts:
    counts = Counts()
    start = time.perf_counter()
    results = [finder(example["text"]) for example in examples]
    counts.seconds = time.perf_counter() - start
    for example, spans in zip(examples, results, strict=True):
        pieces: list[Piece] = [(kind, first, last) for kind, first, last in example["spans"]]
        for piece in pieces:
            covered = any(kind == piece[0] and a <= piece[1] and b >= piece[2] for kind, a, b in spans)
            (counts.found if covered else counts.missed)[piece[0]] += 1
            if not covered:
                counts.misses.append((piece[0], example["text"]))
        for span in spans:
            (counts.right if any(shares_half(span, piece) for piece in pieces) else counts.wrong)[span[0]] += 1
    return counts


def shares_half(one: Piece, other: Piece) -> bool:
    common = min(one[2], other[2]) - max(one[1], other[1])
    return one[0] == other[0] and common * 2 >= max(one[2], other[2]) - min(one[1], other[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--misses", action="store_true", help="also print what was missed")
    arguments = parser.parse_args()
    examples = load_examples()
    sides = {"rules": score(examples, ours), "plain patterns": score(examples, plain)}
    rows: list[list[Any]] = []
    results: dict[str, Any] = {"examples": len(examples)}
    for kind in (*KINDS, ""):
        pieces = sum(1 for example in examples for name, _, _ in example["spans"] if kind in ("", name))
        row: list[Any] = [kind or "all", pieces]
        for name, counts in sides.items():
            recall, precision = counts.rates(kind)
            row += [f"{recall:.3f}", f"{precision:.3f}"]
            results[f"{name}.{kind or 'all'}"] = {"recall": recall, "precision": precision}
        rows.append(row)
    innocent = sum(1 for example in examples if not example["spans"])
    print(f"{len(examples)} examples, {innocent} of them without personal data\n")
    heads = [f"{name}: {rate}" for name in sides for rate in ("recall", "precision")]
    print_table(["kind", "pieces", *heads], rows)
    print()
    print_table(["side", "texts a second"], [[name, f"{len(examples) / c.seconds:.0f}"] for name, c in sides.items()])
    if arguments.misses:
        print("\n" + "\n".join(f"missed {kind}: {text}" for kind, text in sides["rules"].misses))
    write_json(arguments.json, results)


if __name__ == "__main__":
    main()
