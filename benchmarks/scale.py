"""Retrieval at size: time of a question and of a deletion, and memory of the building and of the answering process.

Passages are put together from sentences of NFCorpus and DRCD (one in ten is Chinese); the vector of a window is the
mean of its sentences' real vectors, so that the index meets the distribution it will meet without an hour of
encoding. Rows are short, as a CSV file gives them. Building and answering run in processes of their own, whose peak
memory is printed.
The exact index of the same passages is timed beside the one that the rule chooses.

    python -m benchmarks.scale [--passages 100000] [--rows 400000] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.beir import load_nfcorpus, print_table, shared_data, write_json
from core.models.encoder import load_encoder
from core.retrieval.build import BuildOptions, build_version
from core.retrieval.pipeline import KnowledgeIndex
from core.retrieval.windows import recipe, windows
from core.settings import Settings
from core.text.sentences import sentence_spans

SENTENCES = 1500  # of each language
LARGEST_DOCUMENT = 0.3  # the first document holds this share of all passages
PASSAGES_A_DOCUMENT = 40


def sentences_of(texts: Sequence[str], chooser: random.Random, shortest: int) -> list[str]:
    found = [text[start:end] for text in texts for start, end in sentence_spans(text) if end - start >= shortest]
    return chooser.sample(found, min(SENTENCES, len(found)))


class MadePassages:
    """``count`` passages made as they are asked for; the same id always gives the same text and vectors."""

    def __init__(self, base: Path, count: int, rows: bool) -> None:
        words = json.loads((base / "sentences.json").read_text(encoding="utf-8"))
        self._sentences = {language: words[language] for language in ("en", "zh")}
        self._vectors = {language: np.load(base / f"{language}.npy") for language in ("en", "zh")}
        self._rows = rows
        self.passage_ids = np.arange(1, count + 1)
        largest = int(count * LARGEST_DOCUMENT)
        self.document_ids = np.where(
            self.passage_ids <= largest, 1, 2 + (self.passage_ids - largest) // PASSAGES_A_DOCUMENT
        )
        self.languages = (self.passage_ids % 10 == 0).astype(np.int8)
        self.vector_counts = np.array([len(self._windows(int(i))) for i in self.passage_ids], np.int64)

    def _parts(self, passage_id: int) -> tuple[str, list[int]]:
        chooser = random.Random(passage_id)
        language = "zh" if passage_id % 10 == 0 else "en"
        available = len(self._sentences[language])
        return language, [chooser.randrange(available) for _ in range(1 if self._rows else 4)]

    def texts(self, passage_ids: Sequence[int]) -> list[str]:
        return [self._text(passage_id) for passage_id in passage_ids]

    def _text(self, passage_id: int) -> str:
        language, parts = self._parts(passage_id)
        sentences = [self._sentences[language][part] for part in parts]
        if self._rows:
            short = sentences[0][:60]
            return f"SKU-{passage_id} | {short} | {passage_id % 977}.{passage_id % 100:02d} | {passage_id % 53}"
        return " ".join(sentences)

    def _windows(self, passage_id: int) -> list[list[int]]:
        """The sentences of each window."""
        language, parts = self._parts(passage_id)
        count = min(len(parts), len(windows(self._text(passage_id), language)))
        return [list(map(int, part)) for part in np.array_split(parts, count)]

    def vectors(self, passage_ids: Sequence[int]) -> NDArray[Any]:
        stored = [self._vectors["zh" if i % 10 == 0 else "en"] for i in passage_ids]
        cut = [self._windows(int(i)) for i in passage_ids]
        means = [mine[part].mean(axis=0) for mine, parts in zip(stored, cut, strict=True) for part in parts]
        made = np.asarray(means, np.float32)
        noise = np.random.default_rng(int(passage_ids[0])).normal(scale=0.01, size=made.shape)
        made += noise.astype(np.float32)  # rows that share a sentence still differ, as real ones do
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        return made.astype(np.float16)


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def build(folder: str, base: str, count: int, rows: bool, limits: tuple[int, int], models: str) -> dict[str, Any]:
    source = MadePassages(Path(base), count, rows)
    encoder = load_encoder(Settings(device="cpu", data_dir=Path(models)))
    options = BuildOptions(encoder.name, encoder.dimension, encoder.languages, *limits)
    start = time.perf_counter()
    facts = build_version(Path(folder), source, options).facts
    return {
        "vectors": int(source.vector_counts.sum()),
        "rule": facts["rule"],
        "recall": facts["recall"],
        "seconds": time.perf_counter() - start,
        "mib": peak_mib(),
        "disk_mib": sum(path.stat().st_size for path in Path(folder).iterdir()) / 2**20,
    }


def answer(folder: str, base: str, count: int, rows: bool, limits: tuple[int, int], models: str) -> dict[str, Any]:
    encoder = load_encoder(Settings(device="cpu", data_dir=Path(models)))
    start = time.perf_counter()
    index = KnowledgeIndex.open(Path(folder), encoder)
    assert index.facts["encoder"] == recipe(encoder.name), "searched by words alone"
    opened = time.perf_counter() - start
    words = json.loads((Path(base) / "sentences.json").read_text(encoding="utf-8"))
    questions = words["questions"]

    def ask(mask: Any) -> list[float]:
        times = []
        for question in questions:
            begin = time.perf_counter()
            index.search(question, k=10, allowed=mask)
            times.append(1000 * (time.perf_counter() - begin))
        return times

    ask(None)
    plain = ask(None)
    start = time.perf_counter()
    mask = index.mask(removed={1})
    hits = index.search(questions[0], k=100, allowed=mask).hits
    deleted = time.perf_counter() - start
    left = {hit.passage_id for hit in hits} & set(range(1, int(count * LARGEST_DOCUMENT) + 1))
    masked = ask(mask)
    return {
        "open_s": opened,
        "p50_ms": float(np.percentile(plain, 50)),
        "p95_ms": float(np.percentile(plain, 95)),
        "delete_s": deleted,
        "deleted_passages_found": len(left),
        "p95_after_delete_ms": float(np.percentile(masked, 95)),
        "mib": peak_mib(),
    }


def in_process(work: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    """``work`` in a fresh process, so that its peak memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def prepare(folder: Path, models: Path, questions: int) -> None:
    chooser = random.Random(1)
    corpus = load_nfcorpus()
    english = sentences_of(corpus.abstracts, chooser, 60)
    articles = json.loads((shared_data() / "drcd_dev" / "DRCD_dev.json").read_text(encoding="utf-8"))["data"]
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    chinese = sentences_of([paragraph["context"] for paragraph in paragraphs], chooser, 15)
    asked = [corpus.queries[query] for query in corpus.judged["test"]][: questions * 4 // 5]
    asked += [paragraph["qas"][0]["question"] for paragraph in paragraphs[: questions // 5]]
    encoder = load_encoder(Settings(device="cpu", data_dir=models))
    np.save(folder / "en.npy", encoder.encode(english, kind="passage"))
    np.save(folder / "zh.npy", encoder.encode(chinese, kind="passage"))
    words = {"en": english, "zh": chinese, "questions": asked}
    (folder / "sentences.json").write_text(json.dumps(words), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--questions", type=int, default=250)
    parser.add_argument("--exact-limit", type=int, default=Settings().exact_limit)
    parser.add_argument("--hnsw-limit", type=int, default=Settings().hnsw_limit)
    parser.add_argument("--models", type=Path, help="folder to keep the exported models in")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    limits = (arguments.exact_limit, arguments.hnsw_limit)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        models = arguments.models or scratch
        prepare(scratch, models, arguments.questions)
        everything = 2**40
        for title, count, rows, bounds in (
            ("passages, by the rule", arguments.passages, False, limits),
            ("passages, exact", arguments.passages, False, (everything, everything)),
            ("short rows, by the rule", arguments.rows, True, limits),
        ):
            if count:
                facts = (str(scratch / "1" / str(len(results) + 1)), name, count, rows, bounds, str(models))
                results[title] = {"count": count, "build": in_process(build, *facts), "ask": in_process(answer, *facts)}
    print_table(HEAD, [line(title, result) for title, result in results.items()])
    print("\nrules: " + "; ".join(f"{title}: {result['build']['rule']}" for title, result in results.items()))
    write_json(arguments.json, results)


HEAD = [
    "",
    "count",
    "vectors",
    "build s",
    "recall@100",
    "disk MiB",
    "build MiB",
    "answer MiB",
    "p50 ms",
    "p95 ms",
    "delete s",
    "p95 ms after",
]


def line(title: str, result: dict[str, Any]) -> list[Any]:
    built, asked = result["build"], result["ask"]
    return [
        title,
        result["count"],
        built["vectors"],
        f"{built['seconds']:.1f}",
        f"{built['recall']:.3f}",
        f"{built['disk_mib']:.0f}",
        f"{built['mib']:.0f}",
        f"{asked['mib']:.0f}",
        f"{asked['p50_ms']:.1f}",
        f"{asked['p95_ms']:.1f}",
        f"{asked['delete_s']:.3f}" + (" LEFT" if asked["deleted_passages_found"] else ""),
        f"{asked['p95_after_delete_ms']:.1f}",
    ]


if __name__ == "__main__":
    main()
