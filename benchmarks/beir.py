"""NFCorpus as BEIR packs it, read from the zip where the public data sets stand."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.evaluation.retrieval import ndcg
from core.models.encoder import Encoder
from core.retrieval.build import PassageList
from core.retrieval.windows import encode_windows

ROOT = Path(__file__).resolve().parent.parent


def shared_data() -> Path:
    """The folder of the public data sets; ends the program with the line to do when it is missing."""
    folder = Path(os.environ.get("PILOTLIGHT_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        sys.exit(f"public data sets not found at {folder}; set PILOTLIGHT_SHARED_DATA to their folder")
    return folder


@dataclass(frozen=True)
class Corpus:
    """``texts[i]`` is title and abstract of document i; ``judged[split][query]`` grades document numbers."""

    titles: list[str]
    abstracts: list[str]
    queries: dict[str, str]
    judged: dict[str, dict[str, dict[int, int]]]

    @property
    def texts(self) -> list[str]:
        return [f"{title}\n{abstract}" for title, abstract in zip(self.titles, self.abstracts, strict=True)]

    def ndcg(self, split: str, ranked: Mapping[str, Sequence[int]]) -> float:
        """Mean nDCG@10 over the queries of ``split``; ``ranked`` holds document numbers, best first."""
        return float(np.mean([ndcg(ranked[query], grades) for query, grades in self.judged[split].items()]))


def load_nfcorpus() -> Corpus:
    with zipfile.ZipFile(shared_data() / "beir_nfcorpus" / "nfcorpus.zip") as archive:
        names = {Path(name).name: name for name in archive.namelist()}

        def lines(name: str) -> list[Any]:
            return [json.loads(line) for line in archive.read(names[name]).decode().splitlines() if line]

        documents = lines("corpus.jsonl")
        number = {document["_id"]: i for i, document in enumerate(documents)}
        judged: dict[str, dict[str, dict[int, int]]] = {}
        for split in ("dev", "test"):
            table = csv.DictReader(io.StringIO(archive.read(names[f"{split}.tsv"]).decode()), delimiter="\t")
            for row in table:
                grades = judged.setdefault(split, {}).setdefault(row["query-id"], {})
                grades[number[row["corpus-id"]]] = int(row["score"])
        return Corpus(
            titles=[document["title"] for document in documents],
            abstracts=[document["text"] for document in documents],
            queries={query["_id"]: query["text"] for query in lines("queries.jsonl")},
            judged=judged,
        )


def passage_list(texts: Sequence[str], documents: Sequence[int], encoder: Encoder) -> PassageList:
    """English passages numbered from 0 with the vectors of their windows, ready to be indexed."""
    count = len(texts)
    vectors, counts = encode_windows(encoder, texts, ["en"] * count)
    languages, owners = np.zeros(count, np.int8), np.asarray(documents, np.int64)
    return PassageList(np.arange(count), owners, languages, texts, vectors.astype(np.float16), counts)


def print_table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for place, row in enumerate(cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if place == 0:
            print("  ".join("-" * width for width in widths))


def write_json(path: Path | None, results: Mapping[str, Any]) -> None:
    if path is not None:
        machine = {"machine": f"{platform.machine()}, {os.cpu_count()} cores", "python": platform.python_version()}
        path.write_text(json.dumps({**results, **machine}, indent=1), encoding="utf-8")
