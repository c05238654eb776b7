"""Amazon Beauty (S3-Rec sequences): every model beside popularity, leave-one-out, full ranking over 12,101 items.

    python -m benchmarks.recommend_beauty [--only NAME ...] [--data Beauty] [--work FOLDER] [--json FILE]

The protocol of the published figures: the last item of each person is the test, the one before it the validation, the
rest is trained on; lists leave out what the person had before. ``blend`` weighs its members on validation and then
takes the validation items in ("refit"), which no published figure does; the row "blend, no refit" does not either.
With ``--work`` fitted models are kept there and not fitted again; a killed training goes on from its checkpoint.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.beir import print_table, shared_data, write_json
from core.recommend.als import Als
from core.recommend.base import Model
from core.recommend.blend import Blend
from core.recommend.build import open_model
from core.recommend.content_based import ContentBased
from core.recommend.data import History, Interactions, Item, Items
from core.recommend.ease import Ease
from core.recommend.neighbours import Neighbours
from core.recommend.popular import Popular
from core.recommend.sequential import Bert4Rec, SasRec
from core.training.watch import Quiet

TARGET, MOST_MINUTES = 0.050, 60
SASREC: dict[str, Any] = {
    "width": 64,
    "dropout": 0.5,
    "batch_size": 128,
    "epochs": 30,
    "full_limit": 0,
    "negatives": 512,
    "judged": 3_000,
    "patience": 5,
    "minutes": 45.0,
}
# Few places are asked for in a step, so it needs more epochs. It stands beside the blend and is no member of it.
BERT4REC: dict[str, Any] = {**SASREC, "dropout": 0.3, "masked": 0.3, "epochs": 100, "patience": 8, "minutes": 40.0}
BESIDE = ("bert4rec",)


def load(name: str) -> tuple[Items, Interactions, list[int]]:
    """Catalogue with attributes as tags, all events but the last of each person, and the last ones."""
    folder = shared_data() / "amazon_sequences"
    rows = [[int(one) for one in line.split()[1:]] for line in (folder / f"{name}.txt").read_text().splitlines()]
    tags = json.loads((folder / f"{name}_item2attributes.json").read_text())
    count = max(max(row) for row in rows)
    items = Items(
        tuple(Item(str(n), title=str(n), tags=tuple(map(str, tags.get(str(n), ())))) for n in range(1, count + 1))
    )
    users = np.repeat(np.arange(len(rows)), [len(row) - 1 for row in rows])
    events = np.array([one - 1 for row in rows for one in row[:-1]])
    times = np.concatenate([np.arange(1, len(row)) for row in rows])
    data = Interactions.of(users, events, times, user_ids=[str(n) for n in range(len(rows))], item_ids=items.ids)
    return items, data, [row[-1] - 1 for row in rows]


def newest(data: Interactions) -> tuple[Interactions, Interactions]:
    """All but the newest event of each person, and the newest ones."""
    last = np.zeros(len(data), bool)
    last[data.starts[1:] - 1] = True
    return data.where(~last), data.where(last)


def measured(model: Model, histories: list[History], wanted: list[int]) -> dict[str, float]:
    from core.evaluation.ranking import ranks_of

    places = np.empty(len(wanted), np.int64)
    for first in range(0, len(wanted), 512):
        scores = model.scores_for(histories[first : first + 512])
        for row, one in enumerate(scores):
            user = first + row
            places[user] = ranks_of(one, np.array([wanted[user]]), histories[user].items)[0]
    inside = places <= 10
    return {
        "ndcg": float(np.where(inside, 1 / np.log2(1 + places), 0).mean()),
        "recall": float(inside.mean()),
        "mrr": float(np.where(inside, 1 / places, 0).mean()),
    }


def models() -> dict[str, Callable[[], Model]]:
    """EASE's penalty and the neighbours' fade suit short histories; nothing was chosen on the test items."""
    return {
        "popular": Popular,
        "neighbours": lambda: Neighbours(kept=500, fade=0.15),
        "ease": lambda: Ease(strength=50.0),
        "als": lambda: Als(factors=128, strength=1.0, confidence=20.0, threads=1),
        "content": lambda: ContentBased(fade=0.15),
        "sasrec": lambda: SasRec(**SASREC),
        "bert4rec": lambda: Bert4Rec(**BERT4REC),
    }


def fitted(
    name: str, make: Callable[[], Model], train: Interactions, held: Interactions, items: Items, work: Path
) -> Model:
    """From ``work`` where it stands there, else trained and saved."""
    if (work / name / "pilotlight.json").is_file():
        return open_model(work / name)
    model = make().fit(train, items, watch=Quiet(60), validation=held, work=work / f"{name}.work")
    model.save(work / name)
    return model


def run(options: argparse.Namespace, work: Path) -> tuple[list[list[str]], dict[str, Any]]:
    items, data, wanted = load(options.data)
    train, held = newest(data)
    histories = list(data.histories())
    rows: list[list[str]] = []
    found: dict[str, Any] = {}
    members: dict[str, Model] = {}

    def told(name: str, model: Model, seconds: float, cpu: float) -> None:
        values = measured(model, histories, wanted)
        found[name] = {**values, "seconds": seconds, "cpu_seconds": cpu}
        figures = [f"{values[key]:.4f}" for key in ("ndcg", "recall", "mrr")]
        rows.append([name, *figures, f"{seconds:.0f}", f"{cpu:.0f}", verdict_of(name, values["ndcg"], seconds)])
        print(" ".join(rows[-1]), flush=True)

    for name, make in models().items():
        if options.only and name not in options.only:
            continue
        model = fitted(name, make, train, held, items, work)
        told(name, model, model.facts["seconds"], model.facts["cpu_seconds"])
        if name not in BESIDE:
            members[name] = model
    if len(members) > 1:
        before = np.array([[model.facts["seconds"], model.facts["cpu_seconds"]] for model in members.values()]).sum(
            axis=0
        )
        blend = Blend(members)
        clock = np.array([time.perf_counter(), time.process_time()])
        blend.weigh(train, items, held)
        print("weights", {key: round(value, 3) for key, value in blend.weights.items()}, flush=True)
        taken = np.array([time.perf_counter(), time.process_time()]) - clock
        told("blend, no refit", blend, *(before + taken))
        clock = np.array([time.perf_counter(), time.process_time()]) - taken
        blend.refit(data, items, watch=Quiet(60), work=work / "refit")
        taken = np.array([time.perf_counter(), time.process_time()]) - clock
        told("blend", blend, *(before + taken))
    return rows, found


def verdict_of(name: str, ndcg: float, seconds: float) -> str:
    if not name.startswith("blend"):
        return ""
    good = ndcg >= TARGET and seconds <= 60 * MOST_MINUTES
    return f"target {TARGET} in {MOST_MINUTES} min: {'met' if good else 'NOT met'}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(models()), default=[])
    parser.add_argument("--data", choices=["Beauty", "Toys_and_Games"], default="Beauty")
    parser.add_argument("--work", type=Path, help="folder of fitted models and checkpoints")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        rows, found = run(options, options.work or Path(scratch))
    print_table(["model", "NDCG@10", "Recall@10", "MRR@10", "seconds", "of processor", "verdict"], rows)
    write_json(options.json, found)


if __name__ == "__main__":
    main()
