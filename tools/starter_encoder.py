"""Makes ``starters/encoder``: all-MiniLM-L6-v2 taught Chinese, from public data sets and our own help-centre pairs."""

from __future__ import annotations

import csv
import gzip
import json
import random
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from core.models.catalogue import find_entry, locate
from core.models.encoder import load_onnx_encoder
from core.models.extended import EMBEDDINGS, Extension, Floats, tokenizer_json, write_extension
from core.models.manifest import Manifest, write_manifest
from core.settings import Settings
from core.training.bilingual.batches import Pairs, Recipe
from core.training.bilingual.data import (
    Pair,
    held_out,
    question_passages,
    sentence_and_rest,
    swap_table,
    word_pairs,
)
from core.training.bilingual.student import Student
from core.training.bilingual.train import Teacher, train
from core.training.bilingual.words import Headword, choose_rows, first_rows, meanings, parse_entry, spellings
from core.training.watch import Quiet, Watch

HELP = Path(__file__).resolve().parent.parent / "core" / "training" / "data"
SEED = 20261122
HELD_OUT = 500
WORDS = 20_000  # words of several characters that get a row
READ_PARAGRAPHS = 500  # of DRCD dev; the others are a test set
NAME = "pilotlight-minilm-bilingual"
BASE = "all-MiniLM-L6-v2"
RANK = 96  # of the differences that are shipped
# Words and sentences first, every weight learning; then long passages and questions, by low-rank changes.
PHASES = (
    Recipe(
        steps=480,
        sentences=64,
        words=96,
        mixed=14,
        joined=6,
        asks=6,
        english=14,
        max_tokens=96,
        rows_lr=2e-3,
        body_lr=6e-5,
        rank=0,
    ),
    Recipe(
        steps=340,
        sentences=32,
        words=32,
        mixed=8,
        joined=8,
        asks=24,
        english=12,
        max_tokens=192,
        rows_lr=1e-3,
        body_lr=1e-3,
        rank=32,
        hold=20.0,
        queue=512,
        warmup=0.03,
    ),
    # English texts go through the unchanged base in the product, so they need no replay here.
    Recipe(
        steps=300,
        sentences=64,
        words=32,
        mixed=0,
        joined=8,
        asks=32,
        english=0,
        english_is_base=True,
        max_tokens=192,
        rows_lr=1e-3,
        body_lr=1e-3,
        rank=32,
        queue=512,
        warmup=0.03,
    ),
)
NEIGHBOURS = 3  # paragraphs that stand together in DRCD are mostly of one article: each other's hard negatives
CARD = Path(__file__).with_name("starter_encoder.md")
DATA = (
    ("Tatoeba cmn-eng, manythings.org", "CC BY 2.0 FR"),
    ("CC-CEDICT, MDBG", "CC BY-SA 4.0"),
    ("DRCD dev, paragraphs 0 to 499 of 1,000", "CC BY-SA 3.0"),
    ("State of the Union and inaugural addresses, NLTK", "public domain"),
    ("BANKING77 train", "CC BY 4.0"),
    ("CLINC150 train", "CC BY 3.0"),
    ("Bitext customer support utterances", "CDLA-Sharing 1.0"),
    ("help centres in core/training/data", "written for this project"),
)
Paragraph = tuple[str, list[str]]


@cache
def converter(name: str) -> Callable[[str], str]:
    """OpenCC's conversion ``name``, e.g. "t2s"."""
    import opencc

    convert: Callable[[str], str] = opencc.OpenCC(name).convert
    return convert


def read_dictionary(data: Path) -> list[Headword]:
    """The entries of CC-CEDICT that have a meaning of their own."""
    with gzip.open(data / "cc_cedict" / "cedict_1_0_ts_utf-8_mdbg.txt.gz", "rt", encoding="utf-8") as lines:
        return [entry for line in lines if (entry := parse_entry(line))]


def read_frequencies() -> dict[str, int]:
    """How often jieba's dictionary counted each word."""
    import jieba

    with Path(jieba.__file__).with_name("dict.txt").open(encoding="utf-8") as lines:
        return {parts[0]: int(parts[1]) for line in lines if (parts := line.split())}


def read_tatoeba(data: Path) -> tuple[list[Pair], list[Pair]]:
    """(Chinese in Simplified, English) pairs: 500 held out by seed, and those to learn from."""
    with (data / "tatoeba_cmn_eng" / "cmn.txt").open(encoding="utf-8") as lines:
        rows = [line.split("\t")[:2] for line in lines]
    simplified = converter("t2s")
    return held_out(list(dict.fromkeys((simplified(zh), en) for en, zh in rows)), HELD_OUT, SEED)


def read_squad(path: Path) -> list[Paragraph]:
    """(Paragraph, its questions) of a file in SQuAD's format."""
    content = json.loads(path.read_text(encoding="utf-8"))
    paragraphs = [paragraph for article in content["data"] for paragraph in article["paragraphs"]]
    return [(p["context"], [question["question"] for question in p["qas"]]) for p in paragraphs]


def read_drcd(data: Path) -> list[Paragraph]:
    """DRCD dev in Simplified."""
    simplified = converter("t2s")
    paragraphs = read_squad(data / "drcd_dev" / "DRCD_dev.json")
    return [(simplified(text), [simplified(question) for question in questions]) for text, questions in paragraphs]


def read_speeches(data: Path) -> list[str]:
    """Paragraphs of US presidents' speeches (public domain)."""
    found = []
    for name in ("state_union", "inaugural"):
        with zipfile.ZipFile(data / "nltk_text_en" / f"{name}.zip") as archive:
            for file in sorted(archive.namelist()):
                if file.endswith(".txt") and "README" not in file:
                    found += re.split(r"\n\s*\n|\n", archive.read(file).decode("latin-1"))
    return [text for part in found if 40 < len(text := " ".join(part.split())) < 1200]


def read_help(language: str, name: str) -> list[dict[str, Any]]:
    """Rows of our own help centres (``core/training/data``): ``name`` is passages or questions."""
    with (HELP / f"help_{language}_{name}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def read_english(data: Path, pairs: list[Pair], meanings: list[str], rng: random.Random) -> list[str]:
    """English that keeps its place: speeches, customers' questions, help pages, meanings, sentences of the pairs."""
    speeches = rng.sample(paragraphs := read_speeches(data), min(6000, len(paragraphs)))
    sentences = [s for text in speeches for s in re.split("(?<=[.!?]) ", text) if 30 < len(s) < 250]
    with (data / "banking77" / "train.csv").open(encoding="utf-8") as file:
        banking = [row["text"] for row in csv.DictReader(file)]
    with (data / "bitext_customer_support" / "20000_utterances.csv").open(encoding="utf-8") as file:
        support = [row["utterance"] for row in csv.DictReader(file)]
    clinc = json.loads((data / "clinc150" / "data_full_without_test.json").read_text(encoding="utf-8"))["train"]
    long_meanings = [text for text in meanings if len(text) > 40]
    return [
        *(row["text"] for row in read_help("en", "passages")),
        *speeches[:2500],
        *rng.sample(sentences, min(12_000, len(sentences))),
        *rng.sample(banking, min(4000, len(banking))),
        *rng.sample([text for text, _ in clinc], min(5000, len(clinc))),
        *rng.sample(support, min(2500, len(support))),
        *rng.sample(long_meanings, min(8000, len(long_meanings))),
        *(english for _, english in pairs[::4]),
    ]


def read_asks(data: Path, rng: random.Random) -> list[tuple[str, str, str]]:
    """(Question, passage, group) in Simplified: DRCD's first half, its sentences, and our help centres crosswise."""
    found = []
    for i, (text, questions) in enumerate(read_drcd(data)[:READ_PARAGRAPHS]):
        group = f"drcd {i // NEIGHBOURS}"
        found += [(question, text, group) for question in questions]
        found += [(sentence, rest, group) for sentence, rest in sentence_and_rest([text], rng)]
    simplified = converter("t2s")
    for language, other in (("en", "question_zh"), ("zh", "question_en")):
        asked, pages = read_help(language, "questions"), read_help(language, "passages")
        for company in sorted({str(row["company"]) for row in pages}):
            mine = [row for row in asked if row["company"] == company]
            for question, text in question_passages(mine, pages, other):
                found.append((simplified(question), simplified(text), f"{language} {company}"))
    return found


def read_pairs(data: Path) -> Pairs:
    """All that the encoder learns from. The 500 held-out pairs are not in it."""
    entries, frequency = read_dictionary(data), read_frequencies()
    words, weights = word_pairs(entries, frequency)
    _, pairs = read_tatoeba(data)
    rng = random.Random(SEED)
    return Pairs(
        sentences=pairs,
        words=words,
        word_weights=weights,
        english=read_english(data, pairs, [english for _, english in words], rng),
        asks=read_asks(data, rng),
        swaps=swap_table(entries, frequency),
        traditional=converter("s2t"),
    )


def begin(data: Path, base: Path) -> tuple[Floats, list[list[str]]]:
    """The new rows as they start, and the spellings of each."""
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    entries = read_dictionary(data)
    rows = choose_rows(entries, read_frequencies(), WORDS)
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    known = load_file(base / "model.safetensors")[EMBEDDINGS]
    scripts = [converter(name) for name in ("s2t", "s2tw", "s2hk")]
    return first_rows(rows, meanings(entries), known, tokenizer), spellings(rows, entries, scripts)


def open_teacher(work: Path) -> Teacher:
    """The base, unchanged, in fp32."""
    settings = Settings(encoder_precision="fp32", device="cpu", data_dir=work, _env_file=None)
    encoder = load_onnx_encoder(locate(find_entry(BASE, "encoder"), settings), settings)
    return lambda texts: encoder.encode(texts, kind="passage")


def learn(data: Path, work: Path, base: Path, phases: Sequence[Recipe], watch: Watch) -> Extension:
    """Trains through ``phases``, each from the weights of the one before; a run that was stopped goes on.

    The result is the mean of the last two phases' ends (Izmailov et al. 2018, arXiv:1803.05407): it found more right
    sentences and paragraphs than either.
    """
    from tokenizers import Tokenizer

    teacher, pairs = open_teacher(work), read_pairs(data)
    rows, spelt = begin(data, base)
    tokenizer = Tokenizer.from_str(tokenizer_json(base / "tokenizer.json", spelt))
    changes: dict[str, Floats] = {}
    ends: list[Extension] = []
    for number, recipe in enumerate(phases, 1):
        student = Student(
            base, tokenizer, rows, rank=recipe.rank, max_tokens=recipe.max_tokens, seed=recipe.seed, changes=changes
        )
        watch.say(f"phase {number} of {len(phases)}: {recipe.steps} steps")
        stage = f"encoder, phase {number}"
        train(student, teacher, pairs, recipe, work / f"phase-{number}", watch, stage=stage)
        rows, changes = np.array(student.rows.detach().numpy()), student.changes()
        ends.append(Extension(rows, spelt, changes))
    return mean_of(ends[-2:])


def mean_of(ends: Sequence[Extension]) -> Extension:
    """The mean of extensions of one vocabulary."""
    rows = np.asarray(np.mean([end.rows for end in ends], axis=0), np.float32)
    changes = {
        name: np.asarray(np.mean([end.changes[name] for end in ends], axis=0), np.float32) for name in ends[0].changes
    }
    return Extension(rows, ends[0].spellings, changes)


def probe(extension: Extension, data: Path, base: Path, teacher: Teacher) -> dict[str, float]:
    """Held-out Tatoeba pairs, and DRCD paragraphs that were not trained on: shares of nearest texts that are right."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(tokenizer_json(base / "tokenizer.json", extension.spellings))
    student = Student(base, tokenizer, extension.rows, rank=0, max_tokens=256, seed=0, changes=extension.changes)
    pairs, _ = read_tatoeba(data)
    scores = student.encode([zh for zh, _ in pairs]) @ teacher([en for _, en in pairs]).T
    paragraphs = read_drcd(data)[READ_PARAGRAPHS:]
    asked = [(question, i) for i, (_, questions) in enumerate(paragraphs) for question in questions]
    found = student.encode([question for question, _ in asked]) @ student.encode([text for text, _ in paragraphs]).T
    return {
        "tatoeba_zh_en_at_1": float((scores.argmax(1) == np.arange(len(pairs))).mean()),
        "drcd_dev_500_999_at_1": float((found.argmax(1) == [i for _, i in asked]).mean()),
    }


def make(data: Path, work: Path, target: Path, watch: Watch | None = None) -> Manifest:
    """Trains the encoder from ``data`` and seals it in ``target`` with its card."""
    base = locate(find_entry(BASE, "encoder"), Settings(_env_file=None)).path
    extension = learn(data, work, base, PHASES, watch or Quiet())
    return seal(extension, target, probe(extension, data, base, open_teacher(work)))


def seal(extension: Extension, target: Path, metrics: Mapping[str, float]) -> Manifest:
    """Writes ``extension``, its card and its manifest to ``target``."""
    write_extension(target, extension, rank=RANK)
    (target / "README.md").write_text(CARD.read_text(encoding="utf-8"), encoding="utf-8")
    return write_manifest(
        target,
        Manifest(
            kind="encoder",
            name=NAME,
            base=BASE,
            args={"phases": [asdict(recipe) for recipe in PHASES], "words": WORDS, "rank": RANK, "seed": SEED},
            data=dict(DATA),
            metrics=metrics,
            facts={"languages": ["en", "zh"], "dimension": extension.rows.shape[1], "rows": len(extension.rows)},
        ),
    )
