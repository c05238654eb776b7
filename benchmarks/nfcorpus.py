"""NFCorpus, test queries: each half and the fusion of both, through the product's own index (KnowledgeIndex).

Whole abstracts with their titles are the passages. The weight that is learnt is learnt on the dev queries by the
product's own function; nothing is chosen on the test queries. Prints the encoder's speed in both precisions as well.

    python -m benchmarks.nfcorpus [--precision int8 fp32] [--torch N] [--json FILE]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.beir import Corpus, load_nfcorpus, passage_list, print_table, write_json
from core.models.catalogue import find_entry, locate
from core.models.encoder import Encoder, SentenceTransformersEncoder, load_encoder
from core.retrieval.build import BuildOptions, build_version
from core.retrieval.fuse import DEFAULT_WEIGHT, FusionWeights, learn_weights
from core.retrieval.pipeline import KnowledgeIndex
from core.settings import Settings

ENGLISH = "all-MiniLM-L6-v2"  # as sentence-transformers opens it; the default encoder reads English with it
LEAST_NDCG = 0.355
LEAST_RATIO = 1.08


def indexed(corpus: Corpus, encoder: Encoder, folder: Path) -> tuple[KnowledgeIndex, float]:
    """The corpus as an opened index version, and the encoder's passages a second."""
    start = time.perf_counter()
    source = passage_list(corpus.texts, range(len(corpus.texts)), encoder)
    speed = len(corpus.texts) / (time.perf_counter() - start)
    build_version(folder, source, BuildOptions(encoder.name, encoder.dimension, encoder.languages))
    return KnowledgeIndex.open(folder, encoder), speed


def quality(corpus: Corpus, index: KnowledgeIndex, split: str, weight: float) -> float:
    weights = FusionWeights(en=weight)
    ranked = {
        query: [hit.passage_id for hit in index.search(corpus.queries[query], weights=weights).hits]
        for query in corpus.judged[split]
    }
    return corpus.ndcg(split, ranked)


def learnt_weight(corpus: Corpus, index: KnowledgeIndex, encoder: Encoder) -> float:
    golden = [
        (corpus.queries[query], frozenset(number for number, grade in grades.items() if grade > 0))
        for query, grades in corpus.judged["dev"].items()
    ]
    return learn_weights(golden, index.fusion_case, encoder.floor).en


def measure(corpus: Corpus, precision: Any, models: Path) -> tuple[list[list[Any]], dict[str, Any]]:
    encoder = load_encoder(Settings(encoder_precision=precision, device="cpu", data_dir=models))
    with tempfile.TemporaryDirectory() as folder:
        index, speed = indexed(corpus, encoder, Path(folder) / "1")
        learnt = learnt_weight(corpus, index, encoder)
        sides = {"lexical": 0.0, "dense": 1.0, "fused (default)": DEFAULT_WEIGHT, "fused (learnt on dev)": learnt}
        dev = {name: quality(corpus, index, "dev", weight) for name, weight in sides.items()}
        test = {name: quality(corpus, index, "test", weight) for name, weight in sides.items()}
    better = max(test["lexical"], test["dense"])
    rows = [
        [precision, name, f"{weight:.2f}", f"{dev[name]:.4f}", f"{test[name]:.4f}", f"{test[name] / better:.3f}"]
        for name, weight in sides.items()
    ]
    results = {"dev": dev, "test": test, "weight": sides, "ratio": test["fused (default)"] / better}
    return rows, {**results, "passages_per_second": speed}


def torch_speed(corpus: Corpus, count: int) -> float:
    settings = Settings(device="cpu")
    encoder = SentenceTransformersEncoder(locate(find_entry(ENGLISH, "encoder"), settings), "cpu")
    texts = corpus.texts[:: max(1, len(corpus.texts) // count)][:count]
    start = time.perf_counter()
    encoder.encode(texts, kind="passage")
    return len(texts) / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precision", nargs="+", choices=["int8", "fp32"], default=["int8", "fp32"])
    parser.add_argument("--torch", type=int, default=256, help="texts for the speed of torch; 0 leaves it out")
    parser.add_argument("--models", type=Path, help="folder to keep the exported models in")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    corpus = load_nfcorpus()
    rows: list[list[Any]] = []
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for precision in arguments.precision:
            some, results[precision] = measure(corpus, precision, arguments.models or Path(scratch))
            rows += some
    print_table(["encoder", "NFCorpus nDCG@10", "dense weight", "dev", "test", "test / better half"], rows)
    speeds = [[name, f"{result['passages_per_second']:.1f}"] for name, result in results.items()]
    if arguments.torch:
        results["torch_passages_per_second"] = torch_speed(corpus, arguments.torch)
        speeds.append(["torch fp32", f"{results['torch_passages_per_second']:.1f}"])
    print()
    print_table(["encoder", "passages a second"], speeds)
    first = results[arguments.precision[0]]
    good = first["test"]["fused (default)"] >= LEAST_NDCG and first["ratio"] >= LEAST_RATIO
    print(f"\ntarget: fused >= {LEAST_NDCG} and >= {LEAST_RATIO} x the better half: {'met' if good else 'NOT met'}")
    write_json(arguments.json, results)


if __name__ == "__main__":
    main()
