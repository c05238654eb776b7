"""Amazon Beauty (S3-Rec sequences): every model beside popularity, leave-one-out, full ranking over 12,101 items.

    python -m benchmarks.recommend_beauty [--only NAME ...] [--work FOLDER] [--threads N] [--json FILE]

The protocol of the published figures: the last item of each person is the test, the one before it the validation, the
rest is trained on; lists leave out what the person had before. ``blend`` weighs its members on validation and then
takes the validation items in ("refit"), which no published figure does; the row "blend, no refit" does not either.
With ``--work`` fitted models are kept there and not fitted again; a killed training goes on from its checkpoint.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.beir import print_table, shared_data, write_json
from core.recommend.base import Model
from core.recommend.data import History, Interactions, Item, Items

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


def load(name: str) -> tuple[Items, Interactions, list[int]]:
    """Catalogue with attributes as tags, all events but the last of each person, and the last ones."""
    folder = shared_data() / "amazon_sequences"
    rows = [[int(one) for one in line.split()[1:]] for line in (folder / f"{name}.txt").read_text().splitlines()]
    tags = json.loads((folder / f"{name}_item2attributes.json").read_text())
    count = max(max(row) for row in rows)
    items = Items(tuple(Item(str(n), title=str(n), tags=tuple(map(str, tags.get(str(n), ())))) for n in range(1, count + 1)))
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
