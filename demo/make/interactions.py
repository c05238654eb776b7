"""What invented people viewed and bought at Larkmoss: ``python -m demo.make.interactions`` writes demo/interactions.csv.

Each person owns a garden and has one or two tastes; orders follow each other as they would (garden, feed, seedcups, what
the plants then need, parts when the garden has aged). The same seed gives the same file.
"""

from __future__ import annotations

import csv
import random
from datetime import datetime, timedelta
from pathlib import Path

SEED = 20260301
PEOPLE = 500
START, END = datetime(2025, 3, 1), datetime(2026, 2, 28, 22)
TARGET = Path(__file__).resolve().parent.parent / "interactions.csv"

NAMES = (
    "maya tom ines oskar priya leo hana yusuf clara ben noor felix ada marco ruth sam elif jonas amara theo lucia finn "
    "greta omar nell 林悦 陈晨 小满 周舟 思源 雨桐 阿杰 若兰 子墨 佳佳 老吴 明轩 晓彤 一凡 可可"
).split()
GARDENS = {"nook": ("LM-N3-1", "LM-N3-1R"), "sill": ("LM-S6-2", "LM-S6-2R"), "loft": ("LM-L12-1", "LM-L12-1R")}
# Taste -> the gardens of those who have it, what they grow, what they then come for.
TASTES = {
    "italian": (
        "sill nook loft",
        "SC-HERB SC-BAS1 SC-PIZZA SC-PARS SC-THYM SC-TOMA SC-BAS2",
        "AC-SNIP AC-BOOK AC-APRO",
    ),
    "wok": (
        "sill sill nook",
        "SC-WOK SC-PAKC SC-CORI SC-CHIV SC-HOTP SC-GARL SC-WATE SC-BAS2 SC-MIZU",
        "AC-THERM AC-SNIP",
    ),
    "salad": ("sill nook loft", "SC-LEAF SC-LETT SC-ROCK SC-MIZU SC-PARS SC-CHIV", "AC-SNIP FD-1000"),
    "fruit": ("loft loft sill", "SC-FRUIT SC-TOMA SC-STRA SC-PEPP SC-CHIL SC-TOMY", "AC-BRUSH AC-TIE AC-STICK FD-1000"),
    "tea": ("nook nook sill", "SC-TEA SC-MINT SC-BLOOM SC-VIOL SC-MARI SC-THYM", "AC-TOTE AC-DOME"),
    "gift": ("nook", "SC-KIDS SC-BLOOM SC-STRA SC-TEA", "GC-50 AC-TOTE AC-APRO AC-BOOK"),
    "tinker": ("sill loft", "SC-EMPTY SC-CHIL SC-TOMY SC-GARL", "AC-DOME AC-CABL AC-SHELF AC-STICK AC-THERM"),
}
PARTS = {
    "nook": "P-140 P-110",
    "sill": "P-102 P-101 P-110 P-170 P-120 P-103 AC-SHELF",
    "loft": "P-102 P-101 P-171 P-121 P-103 AC-CABL",
}


def interactions(seed: int = SEED) -> list[tuple[str, str, str, str]]:
    """``(person, item, time, kind)`` of everybody, the oldest first."""
    draw = random.Random(seed)
    rows = [row for number in range(PEOPLE) for row in _life(draw, number)]
    return [(person, item, f"{at:%Y-%m-%d %H:%M}", kind) for person, item, at, kind in sorted(rows, key=lambda r: r[2])]


def _life(draw: random.Random, number: int) -> list[tuple[str, str, datetime, str]]:
    person = f"{NAMES[number % len(NAMES)]}-{number:03d}"
    tastes = draw.sample(sorted(TASTES), 1 if draw.random() < 0.65 else 2)
    garden = draw.choice(TASTES[tastes[0]][0].split())
    plan = _plan(draw, tastes, garden)
    at = START + timedelta(days=draw.triangular(0, 350, 220), hours=draw.uniform(8, 22))
    rows: list[tuple[str, str, datetime, str]] = []
    for item in plan[: max(3, int(draw.gauss(9, 3.5)))]:
        if at > END:
            break
        if draw.random() < 0.35:
            rows.append((person, item, at - timedelta(minutes=draw.randint(2, 90)), "view"))
        rows.append((person, item, at, "purchase" if draw.random() < 0.72 else "view"))
        at += timedelta(days=draw.expovariate(1 / 9), hours=draw.uniform(-6, 6))
        at = max(at, rows[-1][2] + timedelta(minutes=3))
    return rows


def _plan(draw: random.Random, tastes: list[str], garden: str) -> list[str]:
    """What this person would come for, in order."""
    first = GARDENS[garden][1 if draw.random() < 0.12 else 0]
    grown = [item for taste in tastes for item in TASTES[taste][1].split()]
    needed = [item for taste in tastes for item in TASTES[taste][2].split()]
    draw.shuffle(grown)
    draw.shuffle(needed)
    kept = [item for item in grown if draw.random() < 0.8]
    if draw.random() < 0.12:  # curiosity: something that nobody of this taste grows
        kept.insert(draw.randint(1, 3), draw.choice([i for t in TASTES.values() for i in t[1].split()]))
    plan = [first, "FD-250", *kept[:3]]
    plan += needed[:1] + kept[3:5] + ["FD-CITR"] + needed[1:2] + draw.sample(PARTS[garden].split(), 1) + kept[5:]
    if draw.random() < 0.3:
        plan.insert(draw.randint(3, 5), "PL-SPROUT" if garden == "nook" else "PL-GROVE")
    if draw.random() < 0.04:
        plan[0] = "LM-W48-1"
    return list(dict.fromkeys(plan))


def write(target: Path = TARGET) -> int:
    rows = interactions()
    with target.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("person", "item", "time", "kind"))
        out.writerows(rows)
    return len(rows)


if __name__ == "__main__":
    print(write(), "interactions in", TARGET.name)
