"""The bilingual encoder beside the English one it was made from: sentences, paragraphs, both languages, NFCorpus.

Both are measured in one run through the product's own encoders. None of the texts was trained on: 500 Tatoeba pairs
held out by seed, CMRC 2018 trial, the second half of DRCD dev, XQuAD. CMRC and NFCorpus also go through the product's
index, with the dense weights that are printed.

    python -m benchmarks.bilingual [--precision int8|fp32|auto] [--skip NAME ...] [--models DIR] [--json FILE]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.beir import load_nfcorpus, print_table, shared_data, write_json
from benchmarks.nfcorpus import indexed, quality
from core.models.encoder import Encoder, load_encoder
from core.retrieval.build import LANGUAGE_CODES, BuildOptions, PassageList, build_version
from core.retrieval.fuse import FusionWeights
from core.retrieval.pipeline import KnowledgeIndex
from core.retrieval.windows import encode_windows
from core.settings import Settings
from core.types import Language
from tools.starter_encoder import READ_PARAGRAPHS, Paragraph, read_squad, read_tatoeba

ENCODERS = ("all-MiniLM-L6-v2", "pilotlight-minilm-bilingual")
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
# Least value of a figure for the second encoder; NFCorpus is compared with the first.
LEAST = {
    "Tatoeba, 500 pairs: English of a Chinese sentence, R@1": 0.96,
    "CMRC trial, 256 paragraphs: R@1, dense alone": 0.78,
    "XQuAD, 80 paragraphs: Chinese question, English paragraph, R@1": 0.65,
    "XQuAD, 80 paragraphs: English question, Chinese paragraph, R@1": 0.65,
}
NFCORPUS = "NFCorpus test, dense alone, nDCG@10"
LEAST_OF_FIRST = 0.99

NAMES: dict[Language, str] = {"en": "English", "zh": "Chinese"}
Figures = dict[str, float]


def nearest_is_right(
    encoder: Encoder, queries: Sequence[str], texts: Sequence[str], right: Sequence[int], language: Language
) -> float:
    """Share of ``queries`` whose nearest of ``texts`` (by its best window, as in the index) is number ``right[i]``."""
    vectors, counts = encode_windows(encoder, texts, [language] * len(texts))
    cosines = encoder.encode(queries, kind="query") @ vectors.T
    best = np.maximum.reduceat(cosines, np.cumsum(counts) - counts, axis=1)
    return float((best.argmax(1) == np.asarray(right)).mean())


def questions_of(paragraphs: Sequence[Paragraph]) -> tuple[list[str], list[int]]:
    """All questions, and the number of the paragraph each was written for."""
    both = [(question, i) for i, (_, questions) in enumerate(paragraphs) for question in questions]
    return [question for question, _ in both], [i for _, i in both]


def sentences(encoder: Encoder) -> Figures:
    pairs, _ = read_tatoeba(shared_data())
    chinese, english = [zh for zh, _ in pairs], [en for _, en in pairs]
    same = range(len(pairs))
    vectors = encoder.encode(chinese, kind="passage")
    unrelated = (vectors @ vectors.T)[~np.eye(len(pairs), dtype=bool)]
    return {
        "Tatoeba, 500 pairs: English of a Chinese sentence, R@1": nearest_is_right(
            encoder, chinese, english, same, "en"
        ),
        "Tatoeba, 500 pairs: Chinese of an English sentence, R@1": nearest_is_right(
            encoder, english, chinese, same, "zh"
        ),
        "Tatoeba: mean cosine of unrelated Chinese sentences": float(unrelated.mean()),
    }


def chinese(encoder: Encoder) -> Figures:
    trial = read_squad(shared_data() / "cmrc2018_trial" / "cmrc2018_trial.json")
    drcd = read_squad(shared_data() / "drcd_dev" / "DRCD_dev.json")[READ_PARAGRAPHS:]
    figures = {
        f"{name}: R@1, dense alone": nearest_is_right(
            encoder, questions_of(some)[0], [text for text, _ in some], questions_of(some)[1], "zh"
        )
        for name, some in (("CMRC trial, 256 paragraphs", trial), ("DRCD dev 500-999 (Traditional)", drcd))
    }
    for weight, share in fused(encoder, trial).items():
        figures[f"CMRC trial, product's index, dense weight {weight:.2f}: R@1"] = share
    return figures


def fused(encoder: Encoder, paragraphs: Sequence[Paragraph]) -> dict[float, float]:
    """Share of questions whose own paragraph comes first, by the dense half's weight, through the product's index."""
    texts = [text for text, _ in paragraphs]
    count = np.arange(len(texts))
    codes = np.full(len(texts), LANGUAGE_CODES.index("zh"), np.int8)
    vectors, counts = encode_windows(encoder, texts, ["zh"] * len(texts))
    questions, right = questions_of(paragraphs)
    with tempfile.TemporaryDirectory() as folder:
        source = PassageList(count, count, codes, texts, vectors.astype(np.float16), counts)
        build_version(Path(folder) / "1", source, BuildOptions(encoder.name, encoder.dimension, encoder.languages))
        index = KnowledgeIndex.open(Path(folder) / "1", encoder)
        shares = {}
        for weight in WEIGHTS:
            first = [index.search(question, k=1, weights=FusionWeights(zh=weight)).hits for question in questions]
            own = [bool(hits) and hits[0].passage_id == i for hits, i in zip(first, right, strict=True)]
            shares[weight] = float(np.mean(own))
    return shares


def across(encoder: Encoder) -> Figures:
    sides = {code: read_squad(shared_data() / "xquad_dev" / f"xquad.{code}.dev.json") for code in NAMES}
    figures = {}
    for asked, questions in sides.items():
        for written, paragraphs in sides.items():
            name = f"XQuAD, 80 paragraphs: {NAMES[asked]} question, {NAMES[written]} paragraph, R@1"
            texts = [text for text, _ in paragraphs]
            asked_of, right = questions_of(questions)
            figures[name] = nearest_is_right(encoder, asked_of, texts, right, written)
    return figures


def nfcorpus(encoder: Encoder) -> Figures:
    corpus = load_nfcorpus()
    with tempfile.TemporaryDirectory() as folder:
        index, _ = indexed(corpus, encoder, Path(folder) / "1")
        return {
            NFCORPUS: quality(corpus, index, "test", 1.0),
            "NFCorpus test, fused, dense weight 0.50, nDCG@10": quality(corpus, index, "test", 0.5),
        }


PARTS: dict[str, Callable[[Encoder], Figures]] = {
    "sentences": sentences,
    "chinese": chinese,
    "across": across,
    "nfcorpus": nfcorpus,
}


def verdicts(first: Figures, second: Figures) -> list[tuple[str, float, float]]:
    """(Figure, least value, value) of what was measured and has a target."""
    found = [(name, least, second[name]) for name, least in LEAST.items() if name in second]
    if NFCORPUS in second:
        found.append((NFCORPUS, first[NFCORPUS] * LEAST_OF_FIRST, second[NFCORPUS]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precision", choices=["auto", "int8", "fp32"], default="auto")
    parser.add_argument("--skip", nargs="*", choices=PARTS, default=[])
    parser.add_argument("--models", type=Path, help="folder to keep the exported models in")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    measured: list[Figures] = []
    with tempfile.TemporaryDirectory() as scratch:
        for name in ENCODERS:
            models = arguments.models or Path(scratch)
            settings = Settings(encoder=name, encoder_precision=arguments.precision, device="cpu", data_dir=models)
            encoder = load_encoder(settings)
            figures: Figures = {}
            for part, measure in PARTS.items():
                if part not in arguments.skip:
                    figures |= measure(encoder)
            measured.append(figures)
            print(f"{name}: {getattr(encoder, 'precision', 'fp32')}, measured", flush=True)
    first, second = measured
    rows: list[list[Any]] = [[name, f"{first[name]:.4f}", f"{second[name]:.4f}"] for name in second]
    print_table(["figure", *ENCODERS], rows)
    print()
    for name, least, value in verdicts(first, second):
        print(f"target: {name} >= {least:.4f}: {'met' if value >= least else 'NOT met'} ({value:.4f})")
    write_json(arguments.json, dict(zip(ENCODERS, measured, strict=True)))


if __name__ == "__main__":
    main()
